//! Services that only the code names: scripts that keep running, and applications that a server imports.

use lagmap_facts::{Expr, OpKind, RegionId};
use lagmap_models::RunContext;
use lagmap_system::{Entry, Runs, Service, SourceKind};

use crate::{
    FileId, FunctionId, Value,
    entered::Entered,
    evaluate::Evaluator,
    graph::{EdgeKind, Graph},
    linked::Linked,
    reach::{Bits, Start, reach},
    solve::Solution,
};

/// The services of a tree in which no configuration names any: modules with a `__main__` part that serve or loop, and modules
/// that make an application of a web or task library at their top. Scripts that do their work and end are none.
pub(crate) fn services_of_code(linked: &Linked, graph: &Graph, solution: &Solution) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    for (index, unit) in linked.files.iter().enumerate() {
        let file = FileId(index as u32);
        if unit.is_test || lagmap_system::is_aside(&unit.path) {
            continue;
        }
        let guard = unit.facts.regions.iter().enumerate();
        let is_script =
            guard.map(|(index, _)| RegionId(index as u32)).any(|region| graph.around(file, region).main_guard);
        let found = if is_script && keeps_running(linked, graph, file) {
            Some((Entry::Script, Runs::Process, 0))
        } else {
            application(linked, solution, file)
                .map(|(name, runs, line)| (Entry::Object { name: Some(name), is_factory: false }, runs, line))
        };
        let Some((entry, runs, at)) = found else { continue };
        services.push(Service {
            name: name_of(&unit.path),
            config: unit.path.clone(),
            line: unit.lines.position(at).line,
            declared_script: unit.path.clone(),
            script: Some(unit.path.clone()),
            required: true,
            source: SourceKind::Code,
            entry,
            runs,
            ..Service::default()
        });
    }
    // An application that another one imports is part of it.
    let bodies: Vec<FunctionId> = services
        .iter()
        .filter_map(|service| Entered::of(linked, service).entries.first().map(|(body, _)| *body))
        .collect();
    let reached: Vec<Bits> =
        services.iter().map(|service| reach(linked, graph, &Entered::of(linked, service).start()).functions).collect();
    let imports = |a: usize, b: usize| reached[a].contains(bodies[b].0 as usize);
    let is_part = |index: usize| {
        (0..reached.len())
            .any(|other| other != index && imports(other, index) && (!imports(index, other) || other < index))
    };
    if bodies.len() == services.len() {
        let parts: Vec<bool> = (0..services.len()).map(is_part).collect();
        let mut part = parts.iter();
        services.retain(|service| {
            let is_part = part.next().copied().unwrap_or(false);
            service.entry == Entry::Script || !is_part
        });
    }
    for index in 0..services.len() {
        let (earlier, rest) = services.split_at_mut(index);
        if let Some(service) = rest.first_mut()
            && earlier.iter().any(|other| other.name == service.name)
        {
            service.name.clone_from(&service.declared_script);
        }
    }
    services
}

/// Whether a script reaches something that goes on until it is stopped: a loop without end, or a handler that a library calls.
fn keeps_running(linked: &Linked, graph: &Graph, file: FileId) -> bool {
    let start = Start { scripts: vec![file], functions: Vec::new(), any_class: false, runs: Runs::Process };
    let reached = reach(linked, graph, &start).functions;
    reached.iter().any(|index| {
        let function = FunctionId(index as u32);
        let (file, _) = linked.ids.of_function(function);
        graph.from(function).iter().any(|edge| {
            let around = graph.around(file, edge.region);
            let handles = matches!(
                edge.kind,
                EdgeKind::Callback(
                    RunContext::Handler | RunContext::LoopHandler | RunContext::Task | RunContext::Periodic
                )
            );
            handles || around.service || around.forever
        })
    })
}

/// The application that a module makes at its top: its name, what it does, and where.
fn application(linked: &Linked, solution: &Solution, file: FileId) -> Option<(String, Runs, u32)> {
    let facts = &linked.file(file).facts;
    let body = facts.functions.first()?;
    let mut evaluator = Evaluator::new(linked, &solution.cells, file);
    facts.ops(body).iter().find_map(|op| {
        let (OpKind::Assign { target, value } | OpKind::Annotate { target, value, .. }) = op.kind else { return None };
        let Expr::Name(name) = facts.expr(target) else { return None };
        let value = value.get()?;
        let has = |model, tag| linked.catalogue.has_tag(model, tag);
        evaluator.values(value).iter().find_map(|found| match found {
            Value::Object { model, .. } if has(model, "application") => {
                let runs = if has(model, "task-queue") { Runs::Worker } else { Runs::Server };
                Some((facts.text(name).to_owned(), runs, op.span.start))
            }
            _ => None,
        })
    })
}

/// What people call a service whose file has this path: the file's name, or its folder's where the file's says nothing.
fn name_of(path: &str) -> String {
    let says_nothing = |part: &&str| {
        matches!(
            *part,
            "main" | "__main__" | "__init__" | "app" | "server" | "api" | "wsgi" | "asgi" | "run" | "manage" | "src"
        )
    };
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    let telling = stem.rsplit('/').find(|part| !says_nothing(part));
    telling.or(stem.rsplit('/').next()).unwrap_or(stem).to_owned()
}
