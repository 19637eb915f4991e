//! `repeated-pure-call`.

use lagmap_program::{Interval, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "repeated-pure-call",
    bullets: &["G1", "C2", "D3"],
    section: Section::Caching,
    subsection: Subsection::Cache,
    title: "Same costly result computed again",
    summary: "A costly call that depends only on its arguments is made again with the same ones: in a loop that does not change them, or twice on one path.",
    document: super::document!("caching/repeated-pure-call"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for (file, unit) in program.files() {
        if unit.is_test {
            continue;
        }
        for function in program.functions(file) {
            if !program.is_live(function) {
                continue;
            }
            for repeated in program.repeated_calls(function) {
                let call = program.call(repeated.call);
                let contexts = call.contexts();
                let Some(context) = contexts.iter().find(|context| context.frequency.is_repeated()) else { continue };
                let name = call.facts().dotted(call.call.callee).unwrap_or_else(|| call.path());
                let (message, cost) = match repeated.first {
                    None => (
                        format!("`{name}(...)` does not depend on the loop around it, but runs in each round"),
                        Interval::times(repeated.cost, 10.0, 100.0),
                    ),
                    Some(_) => (format!("`{name}(...)` was already called with the same arguments"), repeated.cost),
                };
                let steps = repeated.first.map(|first| lagmap_program::Step {
                    site: program.call(first).expr(),
                    note: "the same call before".to_owned(),
                });
                let harm = Harm::Time { cost, worst: None, source: repeated.source };
                findings.push(
                    Finding::at_call(rule, &call, message, harm)
                        .in_context(context, &call)
                        .then(steps)
                        .confidence(Confidence::Likely)
                        .suggest("Call it once before and keep the result in a local name"),
                );
            }
        }
    }
}
