//! `file-check-per-request`.

use lagmap_program::{CallView, Frequency, Interval, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "file-check-per-request",
    bullets: &["G5"],
    section: Section::Caching,
    subsection: Subsection::Cache,
    title: "Same path looked up again and again",
    summary: "A request handler or main loop asks each time whether the same path exists, or lists the same folder.",
    document: super::document!("caching/file-check-per-request"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("looks-up-path") {
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency == Frequency::Request) else { continue };
        let Some((model, entry)) = call.model() else { continue };
        if call.around().handler || !is_same_path(&call) {
            continue;
        }
        let [low, high] = entry.ms.unwrap_or([0.001, 0.5]);
        let message = format!("`{}()` asks for the same path on each request", program.catalogue().path(model));
        let harm = Harm::Time {
            cost: Interval::new(low, high),
            worst: None,
            source: entry.source.clone().unwrap_or_default(),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(Confidence::Likely)
                .suggest("Ask once at start-up and keep the answer; where the path may change, ask again after some time or watch it"),
        );
    }
}

/// Whether the path that a call asks for is the same each time: its first argument, or the object whose method it is.
fn is_same_path(call: &CallView<'_>) -> bool {
    let facts = call.facts();
    let first = facts.arguments(call.call).first().copied();
    let path = match facts.expr(call.call.callee) {
        lagmap_facts::Expr::Attribute { value, .. } if call.models().any(|(_, receiver)| receiver.is_some()) => Some(value),
        _ => first,
    };
    path.is_some_and(|path| call.program.fixed_text(call.file, path).is_some())
}
