//! `work-repeated-across-services`.

use lagmap_program::{Interval, Program, Step};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "work-repeated-across-services",
    bullets: &["C2", "E5"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "The same work in two services of one pipeline",
    summary: "A service does to what it is sent what the sender has done to it already: resample, convert, resize, extract features.",
    document: super::document!("system/work-repeated-across-services"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let wires = program.wires();
    for work in wires.repeated_work(program) {
        let (first, sent, second) = (program.call(work.first), program.call(work.sent), program.call(work.second));
        let Some((_, entry)) = second.model() else { continue };
        let [low, high] = entry.ms.unwrap_or_default();
        let services = &program.system.services;
        let wire = &wires.wires[work.wire];
        let (from, to) = (&services[wire.from].name, &services[wire.to].name);
        let message = format!("`{}()` is done to what `{from}` sends, which has done the same to it before", second.path());
        let harm = Harm::Time { cost: Interval::new(low, high), worst: None, source: entry.source.clone().unwrap_or_default() };
        let steps = [
            Step { site: first.expr(), note: format!("`{from}` does it first") },
            Step { site: sent.expr(), note: format!("and sends `{to}` what comes of it") },
        ];
        findings.push(
            Finding::at_call(rule, &second, message, harm)
                .confidence(Confidence::Likely)
                .then(steps)
                .suggest(format!("Let `{to}` take what it is sent as it is, or `{from}` send what it got; say in the message which of both it is")),
        );
    }
}
