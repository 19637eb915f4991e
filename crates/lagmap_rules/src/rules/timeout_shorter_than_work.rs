//! `timeout-shorter-than-work`.

use lagmap_program::{Interval, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "timeout-shorter-than-work",
    bullets: &["E7", "A3"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Time-out shorter than the other service's work",
    summary: "A service gives up on another before that one's handler is typically done: the work is done in vain, mostly more than once.",
    document: super::document!("system/timeout-shorter-than-work"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let wires = program.wires();
    for (index, wait) in wires.waits.iter().enumerate() {
        let (Some(limit), Some(cost)) = (wait.timeout, wires.answer_cost(index)) else { continue };
        // What some requests cost need not be what this one costs.
        if cost.middle() <= limit || wait.requests.len() > 1 && cost.low <= limit {
            continue;
        }
        let call = program.call(wait.call);
        let Some(request) = wait.requests.first().map(|request| &wires.requests[*request]) else { continue };
        let peer = &program.system.services[wait.to].name;
        let asked = request.name().map(|name| format!(" (`{name}`)")).unwrap_or_default();
        let message = format!(
            "gives up on `{peer}`{asked} after {} s, which typically works on it for {}",
            super::seconds(limit),
            super::in_seconds(cost)
        );
        let (unit, _) = program.function(request.handler);
        let source = format!("the time-out of the call; the work of {} in {}", program.short_name(request.handler), unit.path);
        let harm = Harm::Time { cost: Interval::new(limit, limit), worst: Some(limit), source };
        let finding = Finding::at_call(rule, &call, message, harm);
        findings.push(
            finding
                .confidence(if cost.low > limit { Confidence::Certain } else { Confidence::Likely })
                .then(program.costliest_step(request.handler))
                .suggest(format!("Wait longer than `{peer}` takes, or have it answer at once and hand over the result later")),
        );
    }
}
