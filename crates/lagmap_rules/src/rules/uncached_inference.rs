//! `uncached-inference`.

use lagmap_facts::Expr;
use lagmap_program::{CallView, Frequency, Interval, Program, Value};

use super::same_answer_fetched_per_request::input;
use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "uncached-inference",
    bullets: &["G7", "G3"],
    section: Section::Caching,
    subsection: Subsection::Cache,
    title: "Text translated, spoken or embedded anew",
    summary: "A translation, a voice or an embedding of a request's text is computed anew although the same text gives the same result.",
    document: super::document!("caching/uncached-inference"),
    check,
};

/// The part of texts that come again: the middle of what the document says (assumed).
const HIT_RATE: f64 = 0.4;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("same-for-same") {
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency == Frequency::Request) else { continue };
        if !takes_one_text(&call) || call.around().loops > 1 || program.is_kept_on_the_way(&call, context) {
            continue;
        }
        let Some((model, entry)) = call.model() else { continue };
        let [low, high] = entry.ms.unwrap_or([5.0, 500.0]);
        let message = format!("`{}()` computes anew what the same text gave before", program.catalogue().path(model));
        let harm = Harm::Time {
            cost: Interval::new(low, Interval::new(low, high).middle()),
            worst: None,
            source: format!("{}; 20 to 60 % of the texts of a dialogue come again (assumed)", entry.source.clone().unwrap_or_default()),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(Confidence::Likely)
                .hit_rate(HIT_RATE)
                .suggest("Keep results by text (and voice, language, model) in a cache of bounded size: `cachetools.LRUCache` in the process, Redis with a time to live where several services ask"),
        );
    }
}

/// The input is one text, not a list of them: parts of a document are all different, and mostly new.
fn takes_one_text(call: &CallView<'_>) -> bool {
    let program = call.program;
    let facts = call.facts();
    let Some(text) = input(call) else { return false };
    let is_list = |value: Value| match value {
        Value::Object { model, .. } => [program.catalogue().list(), program.catalogue().tuple()].contains(&model),
        _ => false,
    };
    let single = match facts.expr(text) {
        Expr::List(list) => list.len == 1,
        Expr::Comprehension { .. } => false,
        _ => !call.values(text).iter().any(is_list),
    };
    single && program.fixed_text(call.file, text).is_none()
}
