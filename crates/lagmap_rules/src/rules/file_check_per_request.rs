//! `file-check-per-request`.

use lagmap_facts::{Expr, ExprId, RegionKind};
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

/// What takes less is worth a word only where it is done for many items.
const SHORTEST_MS: f64 = 1.0;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("looks-up-path") {
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency == Frequency::Request) else { continue };
        let Some((model, entry)) = call.model() else { continue };
        if call.around().handler || !is_same_path(&call) {
            continue;
        }
        let [low, high] = entry.ms.unwrap_or([0.001, 0.5]);
        // One question of some microseconds a request is not worth the code that keeps the answer.
        let matters = high >= SHORTEST_MS || call.around().loops > 0;
        let message = format!("`{}()` asks for the same path on each request", program.catalogue().path(model));
        let harm = Harm::Time {
            cost: Interval::new(low, high),
            worst: None,
            source: entry.source.clone().unwrap_or_default(),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(if matters { Confidence::at(&call, context) } else { Confidence::Possible })
                .suggest("Ask once at start-up and keep the answer; where the path may change, ask again after some time or watch it"),
        );
    }
}

/// Whether the path that a call asks for is the same each time - its first argument, or the object whose method it is - and
/// the function does nothing else with it: what opens or empties it then costs more than the question.
fn is_same_path(call: &CallView<'_>) -> bool {
    let facts = call.facts();
    let path = match facts.expr(call.call.callee) {
        Expr::Attribute { value, .. } if call.models().any(|(_, receiver)| receiver.is_some()) => Some(value),
        _ => facts.arguments(call.call).first().copied(),
    };
    let Some(path) = path else { return false };
    let name = facts.dotted(path);
    let is_it = |id: ExprId| name.is_some() && facts.dotted(id) == name;
    let is_used = call.program.calls(call.function).filter(|other| other.site != call.site).any(|other| {
        let receiver = matches!(facts.expr(other.call.callee), Expr::Attribute { value, .. } if is_it(value));
        receiver || facts.arguments(other.call).iter().any(|argument| is_it(*argument))
    });
    // A loop over what a folder holds is after the files.
    let looped = facts.regions.iter().any(|region| {
        matches!(region.kind, RegionKind::For { iterable, .. } | RegionKind::Comprehension { iterable, .. }
            if iterable == call.call.expr)
    });
    !is_used && !looped && call.program.fixed_text(call.file, path).is_some()
}
