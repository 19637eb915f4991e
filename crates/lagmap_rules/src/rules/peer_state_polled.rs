//! `peer-state-polled`.

use lagmap_models::{WireKind, WireRole};
use lagmap_program::Program;

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "peer-state-polled",
    bullets: &["E4", "E5"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "State of another service polled although it publishes",
    summary: "A loop asks another service for its state over and over, although that one publishes what happens to it.",
    document: super::document!("system/peer-state-polled"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let wires = program.wires();
    for wait in &wires.waits {
        let call = program.call(wait.call);
        let Some(request) = wait.requests.first().map(|request| &wires.requests[*request]) else { continue };
        let Some(asked) = request.name().filter(|name| is_state(name)) else { continue };
        let publishes = wires.endpoints[wait.to].iter().any(|endpoint| {
            endpoint.role == WireRole::Publishes
                || endpoint.role == WireRole::Listens && matches!(endpoint.kind, Some((_, WireKind::Sends)))
        });
        if !publishes || !program.is_paced_by_sleep(&call) {
            continue;
        }
        let peer = &program.system.services[wait.to].name;
        let message = format!("asks `{peer}` for `{asked}` again and again, although it publishes");
        let harm = Harm::Time { cost: wait.cost, worst: wait.timeout, source: "what one answer costs, each time round".to_owned() };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .confidence(Confidence::Likely)
                .suggest(format!("Subscribe to what `{peer}` publishes; ask only when you start")),
        );
    }
}

/// Whether a request asks how things are. A question whether somebody is there at all is none: the dead publish nothing.
fn is_state(name: &str) -> bool {
    let asked = name.rsplit(['=', '/']).next().unwrap_or_default().to_ascii_lowercase();
    ["status", "state", "progress", "position", "queue_size", "metrics"].iter().any(|word| asked.contains(word))
        && !asked.contains("health")
}
