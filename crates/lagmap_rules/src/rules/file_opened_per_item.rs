//! `file-opened-per-item`.

use lagmap_facts::{Expr, ExprId};
use lagmap_program::{CallView, Context, Interval, Program, Step};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "file-opened-per-item",
    bullets: &["F4"],
    section: Section::Pooling,
    subsection: Subsection::ObjectPool,
    title: "Same file opened for each item",
    summary: "A loop over data opens and closes one and the same file in each round.",
    document: super::document!("pooling/file-opened-per-item"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let opens = |entry: &lagmap_models::ApiEntry| entry.opens.as_deref() == Some("file");
    for call in program.calls_where(opens) {
        let Some(path) = call.facts().arguments(call.call).first().copied() else { continue };
        if call.around().handler
            || super::config_read_per_request::wraps_open_file(&call)
            || call.models().any(|(_, receiver)| receiver.is_some()) {
            continue;
        }
        let Some((context, steps)) = in_loop(program, &call, path) else { continue };
        let Some((model, entry)) = call.model() else { continue };
        let [low, high] = entry.ms.unwrap_or([0.02, 1.0]);
        let message = format!("`{}()` opens the same file for each item of a loop", program.catalogue().path(model));
        let harm = Harm::Time {
            cost: Interval::new(low, Interval::new(low, high).middle()).times(10.0, 100.0),
            worst: None,
            source: format!("{}; for 10 to 100 items (assumed)", entry.source.clone().unwrap_or_default()),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .then(steps)
                .confidence(Confidence::Likely)
                .suggest("Open it once around the loop and write (or read) all items through it"),
        );
    }
}

/// The loop over data that opens the same path each time: around the call, or around the only call of its function.
fn in_loop(program: &Program, call: &CallView<'_>, path: ExprId) -> Option<(Context, Vec<Step>)> {
    let repeated = |contexts: lagmap_program::ContextSet| contexts.iter().find(|context| context.frequency.is_repeated());
    if program.is_in_long_loop(call) {
        return program.is_same_each_time(call, path).then(|| repeated(call.contexts())).flatten().map(|context| (context, Vec::new()));
    }
    // What a helper reads may have changed since; what it writes goes behind what it wrote.
    let mode = call.argument(Some("mode"), Some(1)).map(|mode| call.facts().expr(mode));
    let appends = matches!(mode, Some(Expr::Str(mode)) if call.facts().text(mode).contains('a'));
    if !appends || call.around().loops > 0 || program.fixed_text(call.file, path).is_none() {
        return None;
    }
    let outer = program.looped_call_of(call.function)?;
    let context = repeated(outer.contexts())?;
    let note = format!("each round calls {}", program.short_name(call.function));
    Some((context, vec![Step { site: outer.expr(), note }]))
}
