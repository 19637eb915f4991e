//! `model-load-per-request`.

use lagmap_models::EffectKind;
use lagmap_program::{CallView, Cell, Context, Frequency, Interval, Program, Value};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "model-load-per-request",
    bullets: &["A6"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Model loaded while a request waits",
    summary: "A model or tokenizer is loaded in a request handler or main loop, each time or at the first request.",
    document: super::document!("blocking/model-load-per-request"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_where(|entry| entry.effect == Some(EffectKind::ModelLoad) && !entry.is_async) {
        let Some((model, entry)) = call.model() else { continue };
        let Some([low, high]) = entry.ms else { continue };
        let wanted = [Frequency::Request, Frequency::Background, Frequency::Lazy];
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| wanted.contains(&context.frequency)) else { continue };
        // Behind an error it is the second try; kept and not used by what asked for it, it takes another one's place.
        if call.around().handler || context.frequency != Frequency::Lazy && is_replaced(program, &call, context) {
            continue;
        }
        let path = program.catalogue().path(model);
        let lazy = context.frequency == Frequency::Lazy;
        let (message, cure) = if lazy {
            (
                format!("`{path}()` loads a model while the first request waits for it"),
                "Load it when the service starts, in a worker thread, and answer \"not ready\" until then",
            )
        } else {
            (
                format!("`{path}()` loads a model in a request handler or loop: every time round pays for it again"),
                "Load it once when the service starts and keep it on the service; guard a lazy load with a lock and a check",
            )
        };
        let harm = Harm::Time {
            cost: Interval::new(low, high),
            worst: None,
            source: entry.source.clone().unwrap_or_default(),
        };
        let confidence = if lazy { Confidence::Likely } else { Confidence::Certain };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(confidence)
                .suggest(cure),
        );
    }
}

/// Whether a model is stored for others: nothing on the way to where it is loaded uses it.
fn is_replaced(program: &Program, call: &CallView<'_>, context: Context) -> bool {
    let model = call.expr();
    let steps = program.path_to(call.function, context);
    // A function on the way that gives the model back has it put there by its caller.
    let callers = steps.iter().filter_map(|step| program.creation(step.site));
    let is_kept = program.holders(model).iter().any(|cell| matches!(cell, Cell::Attribute(..) | Cell::Variable(..)))
        || std::iter::once(*call).chain(callers).any(|call| program.is_put_on_global(&call));
    let on_the_way: Vec<_> = steps.iter().map(|step| program.place(step.site).1).chain([call.function]).collect();
    let uses = |function| {
        program.calls(function).any(|other| {
            other.models().any(|(_, receiver)| receiver == Some(model)) || other.values(other.call.callee).iter().any(|value| {
                matches!(value, Value::Object { site, .. } if site == model)
            })
        })
    };
    is_kept && !on_the_way.into_iter().any(uses)
}
