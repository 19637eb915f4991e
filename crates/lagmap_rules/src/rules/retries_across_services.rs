//! `retries-across-services`.

use lagmap_program::{Interval, Program, Step};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "retries-across-services",
    bullets: &["A3", "A5"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Retries that multiply over services",
    summary: "A service tries a request again whose answer is itself tried again behind it: the last service gets the product of the attempts.",
    document: super::document!("system/retries-across-services"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let wires = program.wires();
    for (index, wait) in wires.waits.iter().enumerate() {
        let call = program.call(wait.call);
        let outer = program.attempts(&call);
        if outer < 2.0 {
            continue;
        }
        let inner = wires.inner_waits(index).into_iter().map(|inner| (inner, program.attempts(&program.call(wires.waits[inner].call))));
        let Some((inner, attempts)) = inner.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).filter(|(_, attempts)| *attempts >= 2.0)
        else {
            continue;
        };
        let inner = &wires.waits[inner];
        let services = &program.system.services;
        let message = format!(
            "{outer} attempts at `{}` of {attempts} attempts at `{}` each: one request asks that one up to {} times",
            services[wait.to].name,
            services[inner.to].name,
            outer * attempts,
        );
        let longest = wait.timeout.unwrap_or(wait.cost.high) * outer;
        let harm = Harm::Time {
            cost: Interval::new(wait.cost.low, longest),
            worst: Some(longest),
            source: "attempts x time-out of the caller, back-off not counted".to_owned(),
        };
        let note = format!("`{}` tries `{}` {attempts} times", services[inner.service].name, services[inner.to].name);
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .confidence(Confidence::Likely)
                .then([Step { site: program.call(inner.call).expr(), note }])
                .suggest("Try again in one place only, the nearest to what fails, and let the others pass its error on"),
        );
    }
}
