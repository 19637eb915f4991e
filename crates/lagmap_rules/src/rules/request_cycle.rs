//! `request-cycle`.

use lagmap_program::{Interval, Program, Step};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "request-cycle",
    bullets: &["E7", "A5"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Services that wait for each other in a circle",
    summary: "A service that answers one request after the other waits, while it answers, for one that waits for it: both stand still.",
    document: super::document!("system/request-cycle"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let wires = program.wires();
    for circle in wires.circles() {
        let Some(first) = circle.first().map(|wait| &wires.waits[*wait]) else { continue };
        let mut names: Vec<&str> =
            circle.iter().map(|wait| program.system.services[wires.waits[*wait].service].name.as_str()).collect();
        names.push(names[0]);
        let message = format!(
            "{} wait for each other in a circle, and each answers one request after the other: none of them ever does",
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" -> ")
        );
        let bounded = circle.iter().filter_map(|wait| wires.waits[*wait].timeout).min_by(f64::total_cmp);
        let source = "each waits for the other until one gives up";
        let harm = match bounded {
            Some(limit) => {
                Harm::Time { cost: Interval::new(limit, limit), worst: Some(limit), source: source.to_owned() }
            }
            None => Harm::Hang { cost: Interval::new(1000.0, 60_000.0), source: source.to_owned() },
        };
        let steps: Vec<Step> = circle
            .iter()
            .skip(1)
            .map(|wait| {
                let wait = &wires.waits[*wait];
                let services = &program.system.services;
                let note = format!("`{}` waits for `{}`", services[wait.service].name, services[wait.to].name);
                Step { site: program.call(wait.call).expr(), note }
            })
            .collect();
        let named = circle.iter().all(|wait| wires.waits[*wait].requests.len() == 1);
        findings.push(
            Finding::at_call(rule, &program.call(first.call), message, harm)
                .confidence(if named { Confidence::Certain } else { Confidence::Likely })
                .then(steps)
                .suggest("Send what the other needs along with the request, or let one of them publish instead of asking"),
        );
    }
}
