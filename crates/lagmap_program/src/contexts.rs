//! Contexts: where and how often a function runs, each with the path that shows it.

use std::{collections::VecDeque, slice};

use lagmap_facts::{FunctionIndex, RegionId, ScopeKind};
use lagmap_models::RunContext;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    FileId, FunctionId,
    effects::Recurrence,
    graph::{Edge, EdgeKind, Graph, Target},
    linked::Linked,
    occasional::is_occasional,
    reach::is_script_only,
    regions::Surroundings,
};

/// Where code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A program's main thread.
    Main,
    /// An event loop: while it runs, nothing else on that loop does.
    EventLoop,
    /// Another thread.
    Worker,
    /// Another process.
    Process,
}

/// How often code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frequency {
    /// Once a request or message.
    Request,
    /// Each time round a loop that runs as long as the service.
    Background,
    /// Whenever a user of the library calls it.
    Library,
    /// Once a request that is made only now and then: to set something up, to look after the system.
    Occasional,
    /// The first time only.
    Lazy,
    /// Once, when the service starts.
    Startup,
    /// Once, when its module is imported.
    Import,
    /// Once, in a program that does its work and ends.
    Script,
    /// Once, when the service ends.
    Shutdown,
    /// In a test.
    Test,
}

impl Frequency {
    /// Runs again and again as long as the service does, or as often as a library's users like.
    pub const fn is_repeated(self) -> bool {
        matches!(self, Self::Request | Self::Background | Self::Library)
    }

    /// Runs more than once, if only now and then.
    pub const fn recurs(self) -> bool {
        self.is_repeated() || matches!(self, Self::Occasional)
    }

    /// Its name in reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Request => "per-request",
            Self::Background => "per-iteration",
            Self::Library => "per-call",
            Self::Occasional => "per-rare-request",
            Self::Lazy => "first-request",
            Self::Startup => "per-start",
            Self::Import => "per-import",
            Self::Script => "once",
            Self::Shutdown => "at-shutdown",
            Self::Test => "in-tests",
        }
    }
}

const PLACES: [Place; 4] = [Place::Main, Place::EventLoop, Place::Worker, Place::Process];
const FREQUENCIES: [Frequency; 10] = [
    Frequency::Request,
    Frequency::Background,
    Frequency::Library,
    Frequency::Occasional,
    Frequency::Lazy,
    Frequency::Startup,
    Frequency::Import,
    Frequency::Script,
    Frequency::Shutdown,
    Frequency::Test,
];

/// Where and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    /// How often.
    pub frequency: Frequency,
    /// Where.
    pub place: Place,
}

impl Context {
    /// A context from its parts.
    pub const fn new(place: Place, frequency: Frequency) -> Self {
        Self { frequency, place }
    }

    const fn number(self) -> u32 {
        self.frequency as u32 * 4 + self.place as u32
    }

    fn from_number(number: u32) -> Self {
        Self { frequency: FREQUENCIES[number as usize / 4], place: PLACES[number as usize % 4] }
    }
}

/// A set of contexts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextSet(u64);

impl ContextSet {
    /// Adds a context; says whether it was new.
    pub fn insert(&mut self, context: Context) -> bool {
        let bit = 1 << context.number();
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }

    /// The contexts, the most frequent first.
    pub fn iter(self) -> impl Iterator<Item = Context> {
        (0..40).filter(move |number| self.0 & (1 << number) != 0).map(Context::from_number)
    }

    /// Whether there are none: nothing runs it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one fulfils a condition.
    pub fn any(self, condition: impl Fn(Context) -> bool) -> bool {
        self.iter().any(condition)
    }
}

impl FromIterator<Context> for ContextSet {
    fn from_iter<T: IntoIterator<Item = Context>>(contexts: T) -> Self {
        let mut set = Self::default();
        for context in contexts {
            set.insert(context);
        }
        set
    }
}

/// How a function came into a context: from which function in which context, by which edge. `None`: an entry point.
pub type Witness = Option<(FunctionId, Context, u32)>;

/// What is still to be spread: from a function, or a branch of it, in a context.
type Due = VecDeque<(FunctionId, Option<RegionId>, Context)>;

/// The contexts of all functions.
#[derive(Debug, Default)]
pub struct Contexts {
    sets: Vec<ContextSet>,
    /// Those of the branches that some calls leave out.
    branches: FxHashMap<(FunctionId, RegionId), ContextSet>,
    witnesses: FxHashMap<(FunctionId, Option<RegionId>, Context), Witness>,
}

impl Contexts {
    /// The contexts of a function.
    pub fn of(&self, function: FunctionId) -> ContextSet {
        self.sets[function.0 as usize]
    }

    /// The contexts of a branch of a function (see [`crate::Branches::branch`]): of the calls that come there.
    pub fn of_branch(&self, function: FunctionId, branch: Option<RegionId>) -> ContextSet {
        match branch {
            Some(branch) => self.branches.get(&(function, branch)).copied().unwrap_or_default(),
            None => self.of(function),
        }
    }

    /// What contexts become inside of the loops and guards of a region.
    pub fn within(&self, contexts: ContextSet, around: Surroundings) -> ContextSet {
        contexts.iter().filter(|context| enters(*context, around)).map(|context| inside(context, around)).collect()
    }

    /// How a branch of a function, or the function at all, came into a context.
    pub fn witness(&self, function: FunctionId, branch: Option<RegionId>, context: Context) -> Witness {
        self.witnesses.get(&(function, branch, context)).copied().flatten()
    }

    /// Spreads contexts from the entry points over the call graph, nearest first.
    pub fn spread(
        linked: &Linked,
        graph: &Graph,
        entries: &[(FunctionId, Context)],
        scripts: &[FileId],
        live: &[Vec<FunctionId>],
    ) -> Self {
        Self::spread_where(linked, graph, entries, scripts, live, |_, _| true)
    }

    /// Spreads those contexts that are wanted, by the edges that lead to them.
    pub fn spread_where(
        linked: &Linked,
        graph: &Graph,
        entries: &[(FunctionId, Context)],
        scripts: &[FileId],
        live: &[Vec<FunctionId>],
        wanted: impl Fn(Context, &Edge) -> bool,
    ) -> Self {
        let mut contexts = Self { sets: vec![ContextSet::default(); linked.ids.function_count()], ..Self::default() };
        let mut due: Due = VecDeque::new();
        for (function, context) in entries {
            contexts.enter(linked, graph, *function, kept(graph, *function, *context), (None, None), &mut due);
        }
        while let Some((function, branch, context)) = due.pop_front() {
            let has_branches = graph.branches.has(function);
            let (file, _) = linked.ids.of_function(function);
            let first = graph.first_edge(function);
            for (offset, edge) in graph.from(function).iter().enumerate() {
                if has_branches && graph.branches.branch(linked, function, edge.region) != branch {
                    continue;
                }
                let around = graph.around(file, edge.region);
                if is_script_only(linked, graph, function, edge.region, scripts) || !enters(context, around) {
                    continue;
                }
                let here = inside(context, around);
                let targets = match &edge.to {
                    Target::Function(to) => slice::from_ref(to),
                    Target::Dispatch(index) => &live[*index as usize],
                    Target::Instance(_) => continue,
                };
                // Which of very many callables a bus runs for a message is not known: that each of them runs per message isn't either.
                let here = if graph.is_executor(edge) && here.frequency.is_repeated() {
                    Context { frequency: Frequency::Library, ..here }
                } else {
                    here
                };
                let (here, kind) = graph.way(edge).iter().fold((here, edge.kind), |(here, kind), passage| {
                    let (file, _) = linked.ids.of_function(passage.from);
                    let wrapper = after(here, kind, linked.function(passage.from).1.is_async);
                    (inside(wrapper, graph.around(file, passage.region)), passage.kind)
                });
                for to in targets.iter().copied() {
                    // Which of several stored callables runs, nobody can say: through one, no path is shown.
                    let index = (first + offset) as u32;
                    let witness = Graph::is_path(edge).then_some((function, context, index));
                    let then = kept(graph, to, after(here, kind, linked.function(to).1.is_async));
                    let is_served = matches!(
                        kind,
                        EdgeKind::Callback(RunContext::Handler | RunContext::LoopHandler | RunContext::Task)
                    );
                    let then = match then.frequency {
                        Frequency::Request if is_served && is_occasional(linked, edge, to) => {
                            Context { frequency: Frequency::Occasional, ..then }
                        }
                        _ => then,
                    };
                    if wanted(then, edge) {
                        contexts.enter(linked, graph, to, then, (witness, Some(index)), &mut due);
                    }
                }
            }
        }
        contexts
    }

    /// Notes that a function runs in a context, by a witness and an edge, and so do the branches that the edge comes to.
    fn enter(
        &mut self,
        linked: &Linked,
        graph: &Graph,
        function: FunctionId,
        context: Context,
        (witness, edge): (Witness, Option<u32>),
        due: &mut Due,
    ) {
        if self.sets[function.0 as usize].insert(context) {
            self.witnesses.insert((function, None, context), witness);
            due.push_back((function, None, context));
        }
        for branch in graph.branches.all(function).iter().copied() {
            let comes = edge.is_none_or(|edge| graph.branches.reaches(linked, edge, function, Some(branch)));
            if comes && self.branches.entry((function, branch)).or_default().insert(context) {
                self.witnesses.insert((function, Some(branch), context), witness);
                due.push_back((function, Some(branch), context));
            }
        }
    }
}

/// The context of a function whose result a decorator keeps: only the first call runs it.
fn kept(graph: &Graph, function: FunctionId, context: Context) -> Context {
    match context.frequency {
        Frequency::Request | Frequency::Background | Frequency::Library | Frequency::Occasional
            if graph.kept.get(&function) == Some(&Recurrence::FirstCall) =>
        {
            Context { frequency: Frequency::Lazy, ..context }
        }
        _ => context,
    }
}

/// Whether code behind a `__main__` guard runs: only where its file is the program, not where it is imported.
const fn enters(context: Context, around: Surroundings) -> bool {
    !around.main_guard || matches!(context.frequency, Frequency::Startup | Frequency::Script)
}

/// The context of code inside loops and guards of a function that runs in `context`.
fn inside(context: Context, around: Surroundings) -> Context {
    let frequency = match context.frequency {
        Frequency::Test | Frequency::Shutdown => context.frequency,
        _ if around.service => Frequency::Request,
        Frequency::Startup | Frequency::Script | Frequency::Import | Frequency::Lazy if around.forever => {
            Frequency::Background
        }
        Frequency::Request | Frequency::Background | Frequency::Library | Frequency::Occasional
            if around.recurrence != Recurrence::EveryCall =>
        {
            Frequency::Lazy
        }
        other => other,
    };
    Context { frequency, place: context.place }
}

/// The context of what an edge runs.
fn after(here: Context, kind: EdgeKind, is_async: bool) -> Context {
    let run = match kind {
        EdgeKind::Import | EdgeKind::Define => {
            let frequency = match here.frequency {
                Frequency::Startup | Frequency::Script => Frequency::Import,
                Frequency::Request | Frequency::Background | Frequency::Library | Frequency::Occasional => {
                    Frequency::Lazy
                }
                other => other,
            };
            Context { frequency, place: here.place }
        }
        EdgeKind::Call { .. } | EdgeKind::Construct(_) | EdgeKind::Implicit | EdgeKind::HandedOver => here,
        EdgeKind::Callback(context) => {
            let (place, frequency) = match context {
                RunContext::Caller => (here.place, here.frequency),
                RunContext::EventLoop => (Place::EventLoop, here.frequency),
                RunContext::Handler | RunContext::Task => (Place::Worker, Frequency::Request),
                RunContext::LoopHandler => (Place::EventLoop, Frequency::Request),
                RunContext::Thread => (Place::Worker, here.frequency),
                RunContext::Process => (Place::Process, here.frequency),
                RunContext::Periodic => (Place::Worker, Frequency::Background),
                RunContext::Startup => (here.place, Frequency::Startup),
                RunContext::Shutdown => (here.place, Frequency::Shutdown),
                RunContext::Script => (here.place, Frequency::Script),
                RunContext::Test => (here.place, Frequency::Test),
            };
            // What a module registers when it is imported runs later, not during the import.
            let frequency = if frequency == Frequency::Import { Frequency::Startup } else { frequency };
            Context { frequency, place }
        }
    };
    if is_async { Context { place: Place::EventLoop, ..run } } else { run }
}

/// The entry points of a tree without services: its scripts, and what its users may call. A function that a framework calls,
/// and the other methods of such a function's class, are not called by users.
pub fn library_entries(linked: &Linked, graph: &Graph) -> Vec<(FunctionId, Context)> {
    let mut entries = Vec::new();
    let class_of = |function: FunctionId| {
        let (file, _) = linked.ids.of_function(function);
        linked.function(function).1.class.map(|class| linked.ids.class(file, class))
    };
    let (mut hooks, mut hooked) = (graph.hooks.clone(), FxHashSet::default());
    let is_entry = |facts: &lagmap_facts::FileFacts, function: &lagmap_facts::FunctionFacts| {
        linked.catalogue.entry_functions().iter().any(|entry| {
            let parameters = function.parameters.iter().map(|parameter| facts.text(parameter.name));
            facts.text(function.name) == entry.function && parameters.eq(entry.parameters.iter().map(String::as_str))
        })
    };
    for edge in &graph.edges {
        if let (EdgeKind::Callback(context), Target::Function(function)) = (edge.kind, edge.to)
            && is_framework(context)
        {
            hooks.insert(function);
            hooked.extend(class_of(function));
        }
    }
    for (index, unit) in linked.files.iter().enumerate() {
        let file = FileId(index as u32);
        for (index, function) in unit.facts.functions.iter().enumerate() {
            let id = linked.ids.function(file, FunctionIndex(index as u32));
            let context = match function.kind {
                _ if unit.is_test && function.kind != ScopeKind::Lambda => Context::new(Place::Main, Frequency::Test),
                ScopeKind::Module | ScopeKind::Class => Context::new(Place::Main, Frequency::Import),
                ScopeKind::Function
                    if function.parent == Some(FunctionIndex::MODULE) && is_entry(&unit.facts, function) =>
                {
                    Context::new(Place::Main, Frequency::Request)
                }
                ScopeKind::Function
                    if hooks.contains(&id) || class_of(id).is_some_and(|class| hooked.contains(&class)) =>
                {
                    continue;
                }
                ScopeKind::Function if is_public(&unit.facts, function) => {
                    let place = if function.is_async { Place::EventLoop } else { Place::Main };
                    Context::new(place, Frequency::Library)
                }
                _ => continue,
            };
            entries.push((id, context));
        }
    }
    entries
}

/// Whether what runs in a context is run by a framework, as it sees fit.
pub const fn is_framework(context: RunContext) -> bool {
    matches!(
        context,
        RunContext::Handler
            | RunContext::LoopHandler
            | RunContext::Task
            | RunContext::Periodic
            | RunContext::Startup
            | RunContext::Shutdown
            | RunContext::Script
            | RunContext::Test
    )
}

/// A function or method that users may call: neither it nor the class it belongs to starts with an underscore (dunder
/// methods are called by the language), and it stands in no other function.
fn is_public(facts: &lagmap_facts::FileFacts, function: &lagmap_facts::FunctionFacts) -> bool {
    let name = facts.text(function.name);
    let dunder = name.starts_with("__") && name.ends_with("__");
    if name.starts_with('_') && !dunder {
        return false;
    }
    let Some(parent) = function.parent else { return false };
    match facts.function(parent).kind {
        ScopeKind::Module => true,
        ScopeKind::Class => function.class.is_some_and(|class| !facts.text(facts.class(class).name).starts_with('_')),
        _ => false,
    }
}
