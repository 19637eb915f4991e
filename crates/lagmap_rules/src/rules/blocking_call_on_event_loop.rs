//! `blocking-call-on-event-loop`.

use lagmap_facts::{RegionKind, ResultUse};
use lagmap_models::{EffectKind, RunContext};
use lagmap_program::{CallSite, CallView, Context, EdgeKind, Effect, FunctionId, Place, Program, Recurrence, Value};
use rustc_hash::FxHashMap;

use crate::{Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "blocking-call-on-event-loop",
    bullets: &["E2", "A1", "A4", "A6", "A7"],
    section: Section::Hotspots,
    subsection: Subsection::Async,
    title: "Blocking call on the event loop",
    summary: "A call that waits or computes runs on an event loop, so that nothing else on that loop does meanwhile.",
    document: super::document!("blocking/blocking-call-on-event-loop"),
    check,
};

/// Work on the loop below this is not worth a thread hand-over (asyncio's own debug mode warns at 100 ms; a hand-over
/// to a thread costs about 0.1 ms).
const SHORTEST_MS: f64 = 1.0;
/// Computing below this is what an event loop is for; the brief's rule says more than 10 ms.
const SHORTEST_CPU_MS: f64 = 10.0;
/// … and is so not only with inputs much larger than usual: an answer of some KB is parsed in no time.
const SHORTEST_CPU_MIDDLE_MS: f64 = 4.0;
/// File I/O that is mostly shorter than this stays in the page cache and in C, and a hand-over to a thread costs as much.
const SHORTEST_DISK_MS: f64 = 0.2;
/// What opens a file stands for what is done with it, each write of which is too short to count.
const SHORTEST_OPEN_MS: f64 = 0.1;
/// Work done only once on a loop matters if it mostly takes longer.
const SHORTEST_ONCE_MS: f64 = 1000.0;
/// … and what is done only after an error or in a rare request if it takes as long as asyncio's own debug mode warns of: all that
/// the loop serves waits for it.
const SHORTEST_NOW_AND_THEN_MS: f64 = 100.0;

/// One cause that many coroutines reach is shown at the nearest of them.
const MOST_PLACES: usize = 5;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let (mut found, commands) = (Vec::new(), program.commands());
    for (file, unit) in program.files() {
        if unit.is_test {
            continue;
        }
        for function in program.functions(file) {
            if runs_on_loop_itself(program, function) {
                check_function(rule, program, function, commands.contains(&function), &mut found);
            }
        }
    }
    // The nearest first; the order within is the program's.
    found.sort_by_key(|(effect, inside, _)| effect.depth + u32::from(inside.is_some()));
    let mut places: FxHashMap<CallSite, usize> = FxHashMap::default();
    for (effect, _, finding) in found {
        let place = places.entry(effect.source).or_default();
        *place += 1;
        if *place <= MOST_PLACES {
            findings.push(finding);
        }
    }
}

/// A coroutine, or a plain function that the loop itself calls.
fn runs_on_loop_itself(program: &Program, function: FunctionId) -> bool {
    let on_loop = |context: Context| context.place == Place::EventLoop;
    program.is_live(function)
        && program.contexts_of(function).any(on_loop)
        && (program.function(function).1.is_async
            || program
                .incoming(function)
                .filter(|edge| !program.graph.is_broadcast(edge))
                .any(|edge| matches!(edge.kind, EdgeKind::Callback(RunContext::EventLoop | RunContext::LoopHandler))))
}

type Found = (Effect, Option<FunctionId>, Finding);

fn check_function(
    rule: &'static RuleInfo,
    program: &Program,
    function: FunctionId,
    is_command: bool,
    found: &mut Vec<Found>,
) {
    let mut seen = Vec::new();
    let mut here: Vec<(CallView<'_>, Context, Effect, Option<FunctionId>)> = Vec::new();
    for call in program.costly_calls(function) {
        let context = call.contexts().iter().find(|context| context.place == Place::EventLoop);
        let Some(context) = context else { continue };
        let Some((effect, inside)) = costliest(program, &call) else { continue };
        // A command has its loop for itself, unless it goes on for ever.
        let around = call.around();
        let once = effect.recurrence != Recurrence::EveryCall
            || !context.frequency.recurs()
            || is_command && !around.forever;
        let rare = (around.handler || !context.frequency.is_repeated())
            && effect.cost.high < SHORTEST_NOW_AND_THEN_MS;
        if once && effect.cost.middle() <= SHORTEST_ONCE_MS || rare || seen.contains(&effect.source) {
            continue;
        }
        seen.push(effect.source);
        here.push((call, context, effect, inside));
    }
    // Of calls one within the other - `session.execute(query).all()` - the costliest stands for all; what is done in the block of a
    // file stands for opening it.
    let is_part = |(place, (call, _, effect, _)): (usize, &(CallView<'_>, Context, Effect, Option<FunctionId>))| {
        here.iter().enumerate().any(|(other_place, (other, _, costlier, _))| {
            let nested = call.span().contains(other.span()) || other.span().contains(call.span());
            let in_block = other.facts().enclosing(other.region).any(|(_, region)| {
                matches!(region.kind, RegionKind::With { context, .. } if context == call.call.expr)
            });
            place != other_place
                && (nested && (costlier.cost.high, other_place) > (effect.cost.high, place)
                    || in_block && (costlier.kind, effect.kind) == (EffectKind::Disk, EffectKind::Disk))
        })
    };
    let whole = here.iter().enumerate().filter(|part| !is_part(*part)).map(|(_, part)| part);
    for (call, context, effect, inside) in whole {
        // A client made per request should be kept: then making it blocks nothing.
        let keep = effect.kind == EffectKind::Cpu && inside.is_none();
        if !(keep && super::client_per_request::is_found(call)) {
            found.push((*effect, *inside, finding(rule, program, call, *context, effect, *inside)));
        }
    }
}

/// The costliest effect that a call has on the loop, and the project function through which, if any.
fn costliest(program: &Program, call: &CallView<'_>) -> Option<(Effect, Option<FunctionId>)> {
    let awaited = matches!(call.call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded);
    // What can be awaited has not waited, whatever the class is said to be. Of a client that may be of two kinds, a coroutine
    // uses the asynchronous one.
    let is_async = |model| program.catalogue().entry(model).is_some_and(|entry| entry.is_async);
    let may_be_async = call.models().any(|(model, _)| is_async(model));
    let own = call.own_effects().filter(|effect| !(awaited && effect.kind != EffectKind::Cpu || may_be_async));
    let inner = program.effects_of_call(call, false).into_iter();
    let inner = inner
        .filter(|(target, effect)| !has_async_twin(program, call, *target) && program.can_have(call, effect));
    // What gives an awaitable has not waited for another thread's result.
    let inner = inner.map(|(target, effect)| (effect, Some(target)));
    let inner = inner.filter(|(effect, _)| !awaited || effect.kind != EffectKind::Wait && !may_be_async);
    let when_done = program.runs_when_done(call.function);
    own.map(|effect| (*effect, None))
        .chain(inner)
        .filter(|(effect, _)| matters(program, effect))
        .filter(|(effect, _)| !(when_done && program.call(effect.source).has_tag("future-result")))
        .max_by(|(a, _), (b, _)| a.cost.high.total_cmp(&b.cost.high).then(b.depth.cmp(&a.depth)))
}

/// Whether a call may as well run a coroutine function of the same name: the method of an asynchronous client, which a
/// coroutine uses.
fn has_async_twin(program: &Program, call: &CallView<'_>, target: FunctionId) -> bool {
    let name = |function| {
        let (unit, facts) = program.function(function);
        unit.facts.text(facts.name)
    };
    program.function(call.function).1.is_async
        && program.callees(call.site).into_iter().any(|other| {
            other != target && program.function(other).1.is_async && name(other) == name(target)
        })
}

fn matters(program: &Program, effect: &Effect) -> bool {
    let source = program.call(effect.source);
    if effect.depth > 0 && program.waits_for_loop(&source)
        || source.is_beside_loop()
        || program.is_immediate_socket(&source)
        || program.is_in_memory(&source)
        // Whoever asks a person is a tool at a terminal: nobody else waits for its loop.
        || source.has_tag("asks-person")
        || effect.kind == EffectKind::Database && program.is_fetched(&source)
        || effect.kind == EffectKind::Cpu && is_short_text(program, &source)
    {
        return false;
    }
    let waits = source
        .models()
        .filter(|(model, _)| *model == effect.model)
        .all(|(model, receiver)| program.bound(&source, model, receiver) != Some(lagmap_program::Bound::Instant));
    let enough = match effect.kind {
        EffectKind::Cpu => effect.cost.high > SHORTEST_CPU_MS && effect.cost.middle() >= SHORTEST_CPU_MIDDLE_MS,
        EffectKind::Disk => {
            let opens = program.catalogue().entry(effect.model).is_some_and(|entry| entry.opens.as_deref() == Some("file"));
            let shortest = if opens { SHORTEST_OPEN_MS } else { SHORTEST_DISK_MS };
            effect.cost.high >= SHORTEST_MS && effect.cost.middle() >= shortest
        }
        // A lock that is only held for a moment is what threads that share data with a loop use; holding one over
        // blocking work is another rule's.
        EffectKind::Lock => false,
        _ => effect.cost.high >= SHORTEST_MS,
    };
    waits && enough
}

/// Whether a call parses a configuration format out of a text that is not seen to be a file's: a setting or a header, of some
/// lines.
fn is_short_text(program: &Program, call: &CallView<'_>) -> bool {
    let is_of_file = |model| {
        let tagged = ["whole-file", "fetches"].iter().any(|tag| program.catalogue().has_tag(model, tag));
        tagged || program.catalogue().entry(model).is_some_and(|entry| entry.opens.is_some() || entry.effect.is_some())
    };
    let comes_from_file = |input| {
        call.values(input).iter().any(|value| match value {
            Value::Object { site, .. } => {
                program.creation(site).is_some_and(|made| made.models().any(|(model, _)| is_of_file(model)))
            }
            _ => false,
        })
    };
    call.has_tag("config-parse") && call.argument(None, Some(0)).is_some_and(|input| !comes_from_file(input))
}

fn finding(
    rule: &'static RuleInfo,
    program: &Program,
    call: &CallView<'_>,
    context: Context,
    effect: &Effect,
    inside: Option<FunctionId>,
) -> Finding {
    let catalogue = program.catalogue();
    let entry = catalogue.entry(effect.model);
    let path = catalogue.path(effect.model);
    let what = verb(effect.kind);
    let message = match inside {
        Some(target) => {
            let depth = effect.depth + 1;
            let calls = if depth == 1 { "1 call".to_owned() } else { format!("{depth} calls") };
            format!("`{}` {what} on the event loop: `{path}()` {calls} down", program.short_name(target))
        }
        None => format!("`{path}()` {what} on the event loop"),
    };
    let source = program.cost_source(effect);
    let harm = Harm::Time { cost: effect.cost, worst: None, source };
    let mut steps = program.path_from(effect, true);
    if let Some(target) = inside {
        let note = format!("calls {}", program.short_name(target));
        steps.insert(0, lagmap_program::Step { site: call.expr(), note });
    }
    let cure = match entry.and_then(|entry| entry.instead.as_deref()) {
        Some(instead) if inside.is_none() => format!("Use {instead}, or run it with `await asyncio.to_thread(...)`"),
        _ => "Run it with `await asyncio.to_thread(...)`, or make the whole chain asynchronous".to_owned(),
    };
    let sink = program.call(effect.source);
    let (sink_path, sink_line) = crate::place(program, sink.file, sink.span());
    let finding = Finding::at_call(rule, call, message, harm).in_context(context, call);
    let finding = if effect.recurrence == Recurrence::EveryCall { finding } else { finding.only_the_first_time() };
    finding
        .then(steps)
        .suggest(cure)
        .effect(effect.kind)
        .cause(format!("{sink_path}:{sink_line}"))
}

const fn verb(kind: EffectKind) -> &'static str {
    match kind {
        EffectKind::Sleep => "sleeps",
        EffectKind::Network => "waits for the network",
        EffectKind::Database => "waits for a database",
        EffectKind::Disk => "does file I/O",
        EffectKind::Process => "waits for a process",
        EffectKind::Lock => "waits for a lock",
        EffectKind::Wait => "waits for another thread or process",
        EffectKind::Message => "waits for a message",
        EffectKind::ModelLoad => "loads a model",
        EffectKind::Inference => "runs a model",
        EffectKind::Cpu => "computes",
    }
}
