//! `busy-waiting`.

use lagmap_facts::{Expr, FileFacts, RegionId, RegionKind};
use lagmap_models::EffectKind;
use lagmap_program::{Bound, CallView, Interval, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "busy-waiting",
    bullets: &["E4"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "Polling with sleep",
    summary: "A loop asks again and again whether a queue or event is ready and sleeps in between, where a blocking wait serves.",
    document: super::document!("concurrency/busy-waiting"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_where(|entry| entry.effect == Some(EffectKind::Sleep)) {
        // A sleep after an error is back-off.
        if call.around().handler {
            continue;
        }
        let Some(polled) = polled(program, &call) else { continue };
        let Some((model, entry)) = call.model() else { continue };
        let Some(cost) = lagmap_program::call_cost(call.facts(), call.id, entry) else { continue };
        let sleep = program.catalogue().path(model);
        let message =
            format!("the loop polls `{polled}` and sleeps with `{sleep}()`: an item waits up to a whole sleep");
        let harm = Harm::Time {
            cost: Interval::new(cost.low / 2.0, cost.high),
            worst: Some(cost.high),
            source: "half to all of the sleep, by when the item comes".to_owned(),
        };
        findings.push(Finding::at_call(rule, &call, message, harm).confidence(Confidence::Likely).suggest(
            "Wait with a time-out instead: `queue.get(timeout=...)`, `event.wait(timeout=...)`, `condition.wait(...)`",
        ));
    }
}

/// The queue or event that the loop around a sleep asks without waiting.
fn polled(program: &Program, sleep: &CallView<'_>) -> Option<String> {
    let facts = sleep.facts();
    let (looped, inside) = sleep.beside_in_loop(|kind| matches!(kind, RegionKind::While { .. }))?;
    let is_paced = |call: &CallView<'_>| {
        let facts = call.facts();
        let certain = facts.enclosing(call.region).take_while(|(region, _)| *region != looped);
        let mut certain = certain.map(|(_, region)| region.kind);
        certain.all(|kind| matches!(kind, RegionKind::With { .. } | RegionKind::Try { .. }))
            && call.models().any(|(model, receiver)| {
                program.catalogue().entry(model).is_some_and(|entry| entry.receives)
                    && program.bound(call, model, receiver) != Some(Bound::Instant)
            })
    };
    // A loop that waits for its items each time round sleeps for another reason, such as to gather some of them.
    if inside.iter().any(is_paced) {
        return None;
    }
    // Whoever only asks how many there are works on all of them from time to time.
    let takes = inside.iter().any(|call| call.models().any(|(model, _)| program.catalogue().name(model).starts_with("get")));
    inside.iter().find_map(|call| {
        let asks = call.models().any(|(model, _)| {
            let name = program.catalogue().name(model);
            let queue = program.catalogue().path(program.catalogue().parent(model));
            (matches!(name, "empty" | "get_nowait" | "is_set") || takes && name == "qsize") && is_waitable(&queue)
        });
        // The loop's own `while not stop.is_set()` is how it ends, not what it waits for.
        let is_condition = match facts.region(looped).kind {
            RegionKind::While { test } => facts.span(test).contains(call.span()),
            _ => false,
        };
        let ends_loop = is_condition && call.models().any(|(model, _)| program.catalogue().name(model) == "is_set");
        // A flag that is looked at between other work says whether to go on with it.
        let is_flag = is_set(call) && inside.iter().any(|other| works(program, other));
        let Expr::Attribute { .. } = facts.expr(call.call.callee) else { return None };
        // `while not queue.empty(): queue.get_nowait()` takes out what is left: no sleep waits for that.
        let mut within = facts.enclosing(call.region).take_while(|(region, _)| *region != looped);
        let drains = within.any(|(_, region)| region.kind.is_loop()) || is_test_of_inner_loop(facts, looped, call);
        (asks && !ends_loop && !is_flag && !drains && !waits_for_clear(facts, sleep, call)).then(|| facts.dotted(call.call.callee)).flatten()
    })
}

/// Whether a call does more than ask, log or reckon: it runs a function of the program or waits for something.
fn works(program: &Program, call: &CallView<'_>) -> bool {
    let waits = call.models().any(|(model, _)| {
        program.catalogue().entry(model).is_some_and(|entry| entry.effect.is_some_and(|effect| effect != EffectKind::Cpu))
    });
    !program.callees(call.site).is_empty() || waits && !is_set(call) && !call.has_tag("log")
}

/// Whether a call stands in the test of a loop inside the one that sleeps.
fn is_test_of_inner_loop(facts: &FileFacts, looped: RegionId, call: &CallView<'_>) -> bool {
    (0..).zip(&facts.regions).any(|(index, region)| {
        let is_inner = || facts.enclosing(RegionId(index)).skip(1).any(|(outer, _)| outer == looped);
        matches!(region.kind, RegionKind::While { test } if facts.span(test).contains(call.span())) && is_inner()
    })
}

/// Whether the sleep is for as long as an event is set: no event can be waited for until it is cleared.
fn waits_for_clear(facts: &FileFacts, sleep: &CallView<'_>, call: &CallView<'_>) -> bool {
    facts.enclosing(sleep.region).any(|(_, region)| match region.kind {
        RegionKind::If { test, holds: true, .. } => {
            facts.span(test).contains(call.span()) && !matches!(facts.expr(test), Expr::Not(_)) && is_set(call)
        }
        _ => false,
    })
}

fn is_set(call: &CallView<'_>) -> bool {
    call.models().any(|(model, _)| call.program.catalogue().name(model) == "is_set")
}

fn is_waitable(class: &str) -> bool {
    ["queue.", "threading.Event", "multiprocessing.", "asyncio.Queue", "asyncio.Event"]
        .iter()
        .any(|start| class.starts_with(start))
}
