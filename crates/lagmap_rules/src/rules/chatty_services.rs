//! `chatty-services`.

use lagmap_program::{Frequency, Interval, Program};
use rustc_hash::FxHashSet;

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "chatty-services",
    bullets: &["E7"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "A request to another service for each item",
    summary: "A loop over data asks another service for each item and waits for each answer, where one request could carry all.",
    document: super::document!("system/chatty-services"),
    check,
};

/// How many items such a loop has (assumed).
const ITEMS: (f64, f64) = (2.0, 100.0);

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let wires = program.wires();
    let mut seen = FxHashSet::default();
    for wait in &wires.waits {
        let call = program.call(wait.call);
        let often = |frequency| matches!(frequency, Frequency::Request | Frequency::Background | Frequency::Library);
        let looped = program.loop_over_data(&call).or_else(|| program.loop_over_data_around(call.function));
        let Some(looped) = looped else { continue };
        let place = program.call(looped);
        if !place.contexts().any(|context| often(context.frequency)) || !seen.insert((looped, wait.to)) {
            continue;
        }
        // Where each item takes longer anyway, or the loop has time, the way to the other service does not matter.
        if program.is_paced_by_sleep(&place) || program.other_cost_in_loop(&place) > wait.cost.high {
            continue;
        }
        let peer = &program.system.services[wait.to].name;
        let message = format!("asks `{peer}` once for each item of a loop, and waits for each answer");
        let harm = Harm::Time {
            cost: Interval::new(wait.cost.low * ITEMS.0, wait.cost.high * ITEMS.1),
            worst: None,
            source: format!("{} to {} items (assumed), each a round trip and the work of `{peer}`", ITEMS.0, ITEMS.1),
        };
        findings.push(
            Finding::at_call(rule, &place, message, harm)
                .confidence(Confidence::Likely)
                .suggest(format!("Send all items to `{peer}` in one request, or send them without waiting in between")),
        );
    }
}
