//! The documents of the program model are its tests: every expectation of every case must be met.
//!
//! - `# calls: a.f, b.C.g`: what the calls of this line lead to, all of it; `nothing`.
//! - `# origin: zmq.Socket`: what the value of this line may be, all of it; `unknown`.
//! - `# context: per-request on the event loop`: where and how often the function that is defined here runs; `never`.
//! - `# waits: network, sleep`: what a caller of the function that is defined here waits for; `nothing`.
//! - `# blocks: network`: what that does to the thread that calls it.
//! - `# services: Api`: which services reach the function that is defined here; `none`.
//! - `# recurs: each key`: on which calls of its function this line runs: `every call`, `each key`, `first call`.
//! - `# holds: threading.Lock`: the locks that are held on this line; `nothing`.
//! - `# listens: Router 7100`: the services and ports, routes or topics that this line listens on; `nowhere`.
//! - `# reaches: Worker by port 7101`: the services that this line calls, and what joins them; `nobody`.
//! - `# bound: 5 s`: how the wait of the library call on this line is bounded: `never`, `instant`, `set`, `unknown`, or a time.

use std::{collections::BTreeSet, fs, path::Path};

use lagmap_documents::{Case, Document, Expectation};
use lagmap_facts::{ExprId, FunctionIndex, ScopeKind};
use lagmap_program::{Bound, FileId, FunctionId, Program, Recurrence};
use libtest_mimic::{Arguments, Failed, Trial};

/// The fewest expectations of all documents: tests that nobody wrote find nothing.
const FEWEST: usize = 300;

fn main() {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/model");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut trials = Vec::new();
    let mut expectations = 0;
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        for case in Document::parse(&fs::read_to_string(&path).unwrap()).cases {
            expectations += case.expectations().len();
            trials.push(Trial::test(format!("{name}: {}", case.title), move || check(&case)));
        }
    }
    trials.push(Trial::test("there are enough expectations", move || {
        if expectations >= FEWEST { Ok(()) } else { Err(format!("{expectations} of {FEWEST}").into()) }
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(case: &Case) -> Result<(), Failed> {
    let pool = lagmap_source::pool(Some(1)).map_err(|error| error.to_string())?;
    pool.install(|| {
        let program = case.program()?;
        let expectations = case.expectations();
        if expectations.is_empty() {
            return Err("the case expects nothing".into());
        }
        let mut problems = Vec::new();
        for expectation in &expectations {
            let wanted: BTreeSet<String> = expectation.values.iter().map(ToString::to_string).collect();
            let found = find(&program, case, expectation)?;
            if wanted != found {
                let Expectation { path, line, name, .. } = expectation;
                problems.push(format!("{path}:{line} {name}: expected {wanted:?}, found {found:?}"));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
    })
}

fn find(program: &Program, case: &Case, expectation: &Expectation<'_>) -> Result<BTreeSet<String>, Failed> {
    let Expectation { path, line, name, .. } = *expectation;
    let Some((file, unit)) = program.files().find(|(_, unit)| unit.path == path) else {
        return Err(format!("{path} is no Python file").into());
    };
    let here = |offset: u32| unit.lines.position(offset).line == line;
    let function = || {
        let is_here = |function: &FunctionId| {
            let facts = program.function(*function).1;
            facts.kind != ScopeKind::Module && here(facts.name_span.start)
        };
        let mut defined = program.functions(file).filter(is_here);
        defined.next().ok_or_else(|| format!("{path}:{line} defines no function"))
    };
    let place = || {
        let mut here = unit.facts.exprs.iter().filter(|node| here(node.span.start));
        here.next().ok_or_else(|| format!("{path}:{line} has no expression"))
    };
    let region = || place().map(|node| node.region);
    let or = |found: BTreeSet<String>, nothing: &str| {
        if found.is_empty() { BTreeSet::from([nothing.to_owned()]) } else { found }
    };
    Ok(match name {
        "calls" => {
            let calls = program.named_call_sites().into_iter();
            let here = calls.filter(|call| {
                let (unit, _, span) = program.place(call.site);
                unit.path == path && here(span.start)
            });
            or(here.map(|call| call.callee).collect(), "nothing")
        }
        "origin" => {
            let value = value_of(program, case, file, path, line)?;
            let values = program.values(program.linked.ids.site(file, value));
            or(values.iter().filter_map(|value| program.origin(value)).collect(), "unknown")
        }
        "context" => or(program.contexts.of(function()?).iter().map(lagmap_program::Context::label).collect(), "never"),
        "waits" => or(
            program.effects.total(function()?).iter().map(|effect| effect.kind.label().to_owned()).collect(),
            "nothing",
        ),
        "blocks" => or(
            program.effects.blocking(function()?).iter().map(|effect| effect.kind.label().to_owned()).collect(),
            "nothing",
        ),
        "services" => {
            let services = program.services_of(function()?).into_iter();
            or(services.map(|index| program.system.services[index].name.clone()).collect(), "none")
        }
        "recurs" => {
            let recurrence = match program.around(file, region()?).recurrence {
                Recurrence::EveryCall => "every call",
                Recurrence::EachKey => "each key",
                Recurrence::FirstCall => "first call",
            };
            BTreeSet::from([recurrence.to_owned()])
        }
        "holds" => {
            let start = place()?.span.start;
            let locks = program.locks_held(file, region()?, start).into_iter();
            let values = locks.flat_map(|(lock, _)| program.values(lock).iter().collect::<Vec<_>>());
            or(values.filter_map(|value| program.origin(value)).collect(), "nothing")
        }
        "listens" => or(listens(program, file, &here), "nowhere"),
        "reaches" => or(reaches(program, file, &here), "nobody"),
        "bound" => BTreeSet::from([bound(program, file, &here)?]),
        other => return Err(format!("{path}:{line}: `{other}` is nothing that can be expected").into()),
    })
}

/// The ports, routes and topics that calls of a line listen on, each with the service that does: `Router 7100`.
fn listens(program: &Program, file: FileId, here: &impl Fn(u32) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for endpoint in program.wires().endpoints.iter().flatten().filter(|endpoint| endpoint.is_listening()) {
        let call = program.call(endpoint.call);
        if call.file == file && here(call.span().start) {
            let service = &program.system.services[endpoint.service].name;
            found.extend(endpoint.ports.iter().map(|port| format!("{service} {port}")));
            found.extend(endpoint.topics.iter().map(|topic| format!("{service} {topic}")));
        }
    }
    found
}

/// The services that calls of a line reach, each with what joins them: `Router by port 7100`.
fn reaches(program: &Program, file: FileId, here: &impl Fn(u32) -> bool) -> BTreeSet<String> {
    let wires = program.wires();
    let mut found = BTreeSet::new();
    for wire in &wires.wires {
        let call = program.call(wires.endpoints[wire.from][wire.caller].call);
        if call.file == file && here(call.span().start) {
            let by = match &wire.by {
                lagmap_program::Joint::Port(port) => format!("port {port}"),
                lagmap_program::Joint::Name => "name".to_owned(),
                lagmap_program::Joint::Topic(topic) => format!("topic {topic}"),
            };
            found.insert(format!("{} by {by}", program.system.services[wire.to].name));
        }
    }
    found
}

/// The expression at the end of a line's code: what is assigned, returned or stands alone.
fn value_of(program: &Program, case: &Case, file: FileId, path: &str, line: u32) -> Result<ExprId, Failed> {
    let text = case.files.iter().find(|(own, _)| own == path).map(|(_, text)| text.as_str()).unwrap_or_default();
    let before: usize = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
    let code = text[before..].lines().next().unwrap_or_default();
    let end = before + code.split("  # ").next().unwrap_or_default().trim_end().len();
    let exprs = program.linked.file(file).facts.exprs.iter().enumerate();
    let ending = exprs.filter(|(_, node)| node.span.end as usize == end && node.span.start as usize >= before);
    let widest = ending.min_by_key(|(_, node)| node.span.start);
    widest
        .map(|(index, _)| ExprId(u32::try_from(index).unwrap()))
        .ok_or_else(|| format!("{path}:{line} has no value").into())
}

fn bound(program: &Program, file: FileId, here: &impl Fn(u32) -> bool) -> Result<String, Failed> {
    let facts = &program.linked.file(file).facts;
    let scopes = (0..facts.functions.len()).map(|index| FunctionIndex(u32::try_from(index).unwrap()));
    let functions: Vec<FunctionId> = scopes.map(|index| program.linked.ids.function(file, index)).collect();
    for call in
        functions.into_iter().flat_map(|function| program.calls(function)).filter(|call| here(call.span().start))
    {
        for (model, receiver) in call.models() {
            match program.bound(&call, model, receiver) {
                Some(Bound::Never) if program.is_timed(&call) => return Ok("set".to_owned()),
                Some(Bound::Never) => return Ok("never".to_owned()),
                Some(Bound::Instant) => return Ok("instant".to_owned()),
                Some(Bound::Set) => return Ok("set".to_owned()),
                Some(Bound::Unknown) => return Ok("unknown".to_owned()),
                Some(Bound::Milliseconds(time)) => return Ok(format!("{} s", time / 1000.0)),
                None => {}
            }
        }
    }
    Err("no call of this line waits for anything".into())
}
