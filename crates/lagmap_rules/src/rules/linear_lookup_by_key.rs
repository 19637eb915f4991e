//! `linear-lookup-by-key`.

use lagmap_program::{Frequency, Interval, Program};

use crate::{Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "linear-lookup-by-key",
    bullets: &["D2", "D4"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "Record looked for by its key",
    summary: "Per request, a list that grows is gone through for the record with a key, or a dict for one of its own keys.",
    document: super::document!("data/linear-lookup-by-key"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for (file, unit) in program.files() {
        for function in program.functions(file).filter(|function| !unit.is_test && program.is_live(*function)) {
            for lookup in program.linear_lookups(function) {
                let facts = &unit.facts;
                let node = &facts.exprs[lookup.compare.0 as usize];
                let contexts = program.contexts_at(function, node.region);
                let often = |frequency| match frequency {
                    Frequency::Request | Frequency::Background => true,
                    Frequency::Library => lookup.by_own_key,
                    _ => false,
                };
                let Some(context) = contexts.iter().find(|context| often(context.frequency)) else { continue };
                let name = facts.dotted(lookup.searched).unwrap_or_else(|| "the collection".to_owned());
                let (message, suggestion) = if lookup.by_own_key {
                    (
                        format!("`{name}` is a dict, but is gone through for one of its own keys"),
                        format!("Ask the dict: `{name}.get(key)`"),
                    )
                } else {
                    (
                        format!("all of `{name}`, which grows, is gone through for the record with one key"),
                        format!("Keep a dict from key to record beside or in place of `{name}` and look the record up"),
                    )
                };
                let (path, line) = crate::place(program, file, node.span);
                findings.push(Finding {
                    rule,
                    location: Location::Code { file, function, span: node.span },
                    message,
                    trace: program.recent_path_in(function, node.region, context),
                    harm: Harm::Time {
                        cost: Interval::new(0.005, 0.5),
                        worst: None,
                        source: "100 to 10,000 comparisons of 50 ns, two look-ups by key each (CPython 3.11)".to_owned(),
                    },
                    context: Some(context),
                    confidence: Confidence::Likely,
                    suggestion,
                    cause: format!("{path}:{line}"),
                    details: Details::default(),
                });
            }
        }
    }
}
