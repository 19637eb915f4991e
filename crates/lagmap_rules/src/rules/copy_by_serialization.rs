//! `copy-by-serialization`.

use lagmap_facts::ResultUse;
use lagmap_program::{CallView, Interval, Program, Value};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "copy-by-serialization",
    bullets: &["C4", "D3", "A8"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "Copy by way of text",
    summary: "A value is turned into text or bytes and parsed back at once: to copy it, or to make it plain.",
    document: super::document!("cpu/copy-by-serialization"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("parses") {
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency.is_repeated()) else { continue };
        let Some((parser, entry)) = call.model() else { continue };
        let Some(made) = serialized_here(&call) else { continue };
        let Some((writer, written)) = made.model() else { continue };
        // Whoever drops the result only asks whether it works; whoever says how to parse, or has an encoder to write with, wants
        // something else than a copy.
        let converts = ["cls", "default", "option"].iter().any(|name| made.argument(Some(name), None).is_some());
        let is_small = made.facts().arguments(made.call).first().is_some_and(|value| program.is_small_throughout(made.file, *value));
        if call.call.result == ResultUse::Discarded || converts || is_small || !call.facts().keywords(call.call).is_empty() {
            continue;
        }
        let [low, high] = entry.ms.unwrap_or([0.002, 8.0]);
        let [write_low, write_high] = written.ms.unwrap_or([0.002, 8.0]);
        let catalogue = program.catalogue();
        let message = format!("`{}()` parses what `{}()` has just written", catalogue.path(parser), catalogue.path(writer));
        let harm = Harm::Time {
            cost: Interval::new(low, high).plus(Interval::new(write_low, write_high)),
            worst: None,
            source: entry.source.clone().unwrap_or_default(),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(Confidence::Likely)
                .suggest("Copy what will be changed: `dict(value)`, or `copy.deepcopy(value)` where nested parts are changed as well; make values plain where they are written out"),
        );
    }
}

/// The call of the same library that has made a parser's input, in the same function.
fn serialized_here<'a>(call: &CallView<'a>) -> Option<CallView<'a>> {
    let program = call.program;
    let input = call.facts().arguments(call.call).first().copied()?;
    let values = call.values(input);
    let &[Value::Object { site, .. }] = values.as_slice() else { return None };
    let made = program.creation(site)?;
    let library = |call: &CallView<'_>| Some(program.catalogue().parent(call.model()?.0));
    (made.function == call.function && made.has_tag("serializes") && library(&made) == library(call)).then_some(made)
}
