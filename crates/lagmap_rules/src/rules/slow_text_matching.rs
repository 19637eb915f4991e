//! `slow-text-matching`.

use lagmap_program::{Frequency, Interval, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "slow-text-matching",
    bullets: &["C7"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "Texts matched one by one in Python",
    summary: "Texts are compared by difflib with many candidates, where an index or a library made for it (rapidfuzz) serves.",
    document: super::document!("cpu/slow-text-matching"),
    check,
};

/// How many candidates a loop compares with.
const CANDIDATES: [f64; 2] = [10.0, 1000.0];

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("matches-text") {
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency == Frequency::Request) else { continue };
        let Some((model, entry)) = call.model() else { continue };
        // A comparison of two texts counts only in a loop over many; one call may also compare with all of them.
        let compares_all = program.catalogue().has_tag(model, "matches-all");
        let many = if compares_all {
            call.facts().arguments(call.call).get(1).is_some_and(|all| !program.is_small(call.file, *all))
        } else {
            program.is_in_long_loop(&call)
        };
        if !many {
            continue;
        }
        let [low, high] = entry.ms.unwrap_or([0.01, 5.0]);
        let once = Interval::new(low, high.min(0.25));
        let cost = if compares_all { Interval::new(low, high) } else { once.times(CANDIDATES[0], CANDIDATES[1]) };
        let message = format!("`{}()` compares a text with many candidates one by one, in Python", program.catalogue().path(model));
        let harm = Harm::Time { cost, worst: None, source: entry.source.clone().unwrap_or_default() };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(Confidence::Likely)
                .suggest("Use `rapidfuzz.process.extract` (C++, the same scores), look for an exact match in a dict first, or keep an index of word parts"),
        );
    }
}
