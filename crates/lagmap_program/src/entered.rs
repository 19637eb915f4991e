//! Where a service enters the program: the script that it runs, or what is imported and then served or called.

use lagmap_facts::{FunctionIndex, ScopeKind};
use lagmap_system::{Entry, Runs, Service, SourceKind};

use crate::{
    FileId, FunctionId,
    contexts::{Context, Frequency, Place},
    linked::Linked,
    loaded::loaded_by_name,
    reach::Start,
};

/// The entry points of one service.
pub(crate) struct Entered {
    /// Files that it runs as scripts.
    pub(crate) scripts: Vec<FileId>,
    /// What it runs first, with the context.
    pub(crate) entries: Vec<(FunctionId, Context)>,
    runs: Runs,
}

impl Entered {
    /// The entry points of a service.
    pub(crate) fn of(linked: &Linked, service: &Service) -> Self {
        let file_at = |path: &String| {
            let index = linked.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok();
            index.map(|index| FileId(index as u32))
        };
        // A script that is called a worker calls itself what it runs.
        let is_own = matches!(service.entry, Entry::Script | Entry::Module);
        let runs = if is_own { Runs::Process } else { service.runs };
        let mut entered = Self { scripts: Vec::new(), entries: Vec::new(), runs };
        let frequency = match service.runs {
            Runs::Job | Runs::Command => Frequency::Script,
            // Nothing says that it is deployed at all.
            _ if service.source == SourceKind::Code => Frequency::Script,
            _ => Frequency::Startup,
        };
        let first = Context::new(Place::Main, frequency);
        if let Some(file) = service.script.as_ref().and_then(&file_at) {
            entered.entries.push((linked.ids.function(file, FunctionIndex::MODULE), first));
            match &service.entry {
                Entry::Script | Entry::Module => entered.scripts.push(file),
                Entry::Object { name: Some(name), is_factory } => {
                    entered.entries.extend(function_named(linked, file, name).map(|(function, is_async)| {
                        // What is served is called per request; a factory, or what returns the application, at the start.
                        let is_handler = is_async && !is_factory;
                        let context = Context::new(Place::EventLoop, Frequency::Request);
                        (function, if is_handler { context } else { first })
                    }));
                }
                Entry::Function(name) => {
                    entered.entries.extend(function_named(linked, file, name).map(|(function, is_async)| {
                        (function, if is_async { Context { place: Place::EventLoop, ..first } } else { first })
                    }));
                }
                Entry::Object { name: None, .. } | Entry::Queue => {}
            }
        }
        let entry = service.script.as_ref().and_then(&file_at);
        let by_name = entry.map(|entry| loaded_by_name(linked, service, entry)).unwrap_or_default();
        for file in service.loads.iter().filter_map(file_at).chain(by_name) {
            let imported = Context::new(Place::Main, Frequency::Import);
            entered.entries.push((linked.ids.function(file, FunctionIndex::MODULE), imported));
        }
        entered
    }

    /// How the service is started.
    pub(crate) fn start(&self) -> Start {
        Start {
            scripts: self.scripts.clone(),
            functions: self.entries.iter().map(|(function, _)| *function).collect(),
            any_class: false,
            runs: self.runs,
        }
    }
}

/// The function of that name at the top of a file, and whether it is asynchronous.
fn function_named(linked: &Linked, file: FileId, name: &str) -> Option<(FunctionId, bool)> {
    let facts = &linked.file(file).facts;
    let is_it = |function: &lagmap_facts::FunctionFacts| {
        function.kind == ScopeKind::Function
            && function.parent == Some(FunctionIndex::MODULE)
            && facts.text(function.name) == name
    };
    let index = facts.functions.iter().position(is_it)?;
    let function = linked.ids.function(file, FunctionIndex(index as u32));
    Some((function, facts.functions[index].is_async))
}
