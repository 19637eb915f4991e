//! `sleep-in-service-loop`.

use lagmap_models::EffectKind;
use lagmap_program::{Bound, CallView, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "sleep-in-service-loop",
    bullets: &["E7", "E4"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Sleep in a receive loop",
    summary: "A loop that waits for messages anyway also sleeps each time round, which caps how many it can serve a second.",
    document: super::document!("concurrency/sleep-in-service-loop"),
    check,
};

/// Sleeps shorter than this cap the rate above 200 a second; nobody notices.
const SHORTEST_MS: f64 = 5.0;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_where(|entry| entry.effect == Some(EffectKind::Sleep) && !entry.is_async) {
        let around = call.around();
        // A sleep after an error or when nothing came is back-off, not a cap.
        if !around.service || around.handler || is_conditional(&call) || program.answers_health_alone(call.function) {
            continue;
        }
        let Some((_, entry)) = call.model() else { continue };
        let Some(cost) = lagmap_program::call_cost(call.facts(), call.id, entry) else { continue };
        if cost.high < SHORTEST_MS {
            continue;
        }
        let rate = 1000.0 / cost.high.max(1.0);
        let (rate, unit) = if rate < 1.0 { (rate * 60.0, "minute") } else { (rate, "second") };
        let message = format!("each message waits for a sleep of {:.0} ms: at most {rate:.0} a {unit}", cost.high);
        let harm = Harm::Time {
            cost: lagmap_program::Interval::new(0.0, cost.high / 2.0),
            worst: Some(cost.high),
            source: "half of the sleep on average, by when the message comes; all of it while messages queue".to_owned(),
        };
        // How often something comes out of a queue of the program's own is not known; nobody asks and waits for an answer.
        let is_of_queue = takes_from_queue(program, &call);
        let confidence = if is_of_queue { Confidence::Possible } else { Confidence::Likely };
        findings.push(Finding::at_call(rule, &call, message, harm).confidence(confidence).suggest(
            "Drop the sleep and let the receive wait with a time-out (`poll(timeout)`, `RCVTIMEO`, `get(timeout=...)`)",
        ));
    }
}

/// Whether the loop's messages are items of a queue within the process, for which it waits with a time-out.
fn takes_from_queue(program: &Program, sleep: &CallView<'_>) -> bool {
    let Some((_, beside)) = sleep.beside_in_loop(lagmap_facts::RegionKind::is_loop) else { return false };
    beside.iter().any(|other| {
        other.models().any(|(model, receiver)| {
            let entry = program.catalogue().entry(model);
            entry.is_some_and(|entry| entry.receives && entry.effect == Some(EffectKind::Wait))
                && matches!(program.bound(other, model, receiver), Some(Bound::Milliseconds(_)))
        })
    })
}

/// Runs only on some rounds.
fn is_conditional(call: &CallView<'_>) -> bool {
    use lagmap_facts::RegionKind;
    let facts = call.facts();
    let inner = facts.enclosing(call.region).take_while(|(_, region)| !region.kind.is_loop());
    let conditional = |kind: RegionKind| {
        matches!(
            kind,
            RegionKind::If { .. } | RegionKind::Case { .. } | RegionKind::Except { .. } | RegionKind::LoopElse
        )
    };
    let mut inner = inner.map(|(_, region)| region.kind);
    inner.any(conditional)
}
