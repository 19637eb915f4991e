//! `buffer-per-item`.

use lagmap_facts::Expr;
use lagmap_program::{CallView, Cell, Frequency, Interval, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "buffer-per-item",
    bullets: &["F5", "A7"],
    section: Section::Pooling,
    subsection: Subsection::ObjectPool,
    title: "Large buffer allocated per item",
    summary: "A large array of constant shape is allocated anew for each frame or chunk, used and dropped.",
    document: super::document!("pooling/buffer-per-item"),
    check,
};

/// Smaller blocks come from the allocator's own free lists.
const SMALLEST_BYTES: f64 = 65_536.0;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("allocates") {
        let contexts = call.contexts();
        let often = |frequency| matches!(frequency, Frequency::Request | Frequency::Background);
        let Some(context) = contexts.iter().find(|context| often(context.frequency)) else { continue };
        let Some(bytes) = bytes(&call).filter(|bytes| *bytes >= SMALLEST_BYTES) else { continue };
        let holders = program.holders(call.expr());
        if !holders.iter().all(|cell| matches!(cell, Cell::Parameter(..))) {
            continue;
        }
        let message = format!("`{}()` allocates the same {:.0} KB for each item, used and dropped", call.path(), bytes / 1024.0);
        let harm = Harm::Time {
            cost: Interval::new(bytes / 10e6, bytes / 1e6),
            worst: None,
            source: "fresh pages are faulted in and zeroed at 1 to 10 GB/s".to_owned(),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(Confidence::Likely)
                .pool("buffer")
                .suggest("Allocate it once before the loop (or in the constructor) and fill it in place each time"),
        );
    }
}

/// How large a constant shape is, in bytes.
fn bytes(call: &CallView<'_>) -> Option<f64> {
    let facts = call.facts();
    let shape = facts.arguments(call.call).first().copied()?;
    let number = |id| call.program.fixed_number(call.file, id);
    let items = match facts.expr(shape) {
        Expr::Tuple(list) | Expr::List(list) => {
            facts.list(list).iter().map(|side| number(*side)).product::<Option<f64>>()?
        }
        _ => number(shape)?,
    };
    let is_array = call.models().any(|(model, _)| call.program.catalogue().path(model).starts_with("numpy"));
    let dtype = call.argument(Some("dtype"), None).map(|dtype| match facts.expr(dtype) {
        Expr::Str(text) => facts.text(text),
        _ => call.program.constant_name(facts, dtype),
    });
    let width = match dtype.unwrap_or_default().trim_end_matches('_') {
        _ if !is_array => 1.0,
        "uint8" | "int8" | "bool" => 1.0,
        "int16" | "uint16" | "float16" => 2.0,
        "int32" | "uint32" | "float32" => 4.0,
        _ => 8.0,
    };
    Some(items * width)
}
