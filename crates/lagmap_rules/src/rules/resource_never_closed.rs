//! `resource-never-closed`.

use lagmap_program::{CallView, Frequency, Lifetime, Program, Step, Value};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "resource-never-closed",
    bullets: &["B1"],
    section: Section::Memory,
    subsection: Subsection::MemoryLeak,
    title: "Resource that is never closed",
    summary: "A file, socket, connection, process or executor is opened again and again and on some path nobody closes it.",
    document: super::document!("memory/resource-never-closed"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_where(|entry| entry.opens.is_some()) {
        let Some((model, entry)) = call.model() else { continue };
        let Some(resource) = entry.opens.as_deref().and_then(|kind| program.catalogue().resource(kind)) else {
            continue;
        };
        // Threads are another rule's: they end by themselves.
        if resource.self_closing || wraps_open_file(program, &call) || matches!(resource.kind.as_str(), "thread" | "timer") {
            continue;
        }
        let contexts = call.contexts();
        let often = |frequency| matches!(frequency, Frequency::Request | Frequency::Background | Frequency::Library);
        let Some(context) = contexts.iter().find(|context| often(context.frequency)) else { continue };
        let (message, confidence, step) = match program.lifetime(&call, resource) {
            Lifetime::NeverClosed => (
                format!(
                    "`{}()` opens {} {} that nothing closes",
                    program.catalogue().path(model),
                    article(&resource.label),
                    resource.label
                ),
                Confidence::Certain,
                None,
            ),
            Lifetime::LostOnReturn { close } => (
                format!("the {} of `{}()` stays open where the function returns early", resource.label, program.catalogue().path(model)),
                Confidence::Certain,
                Some((close, None)),
            ),
            Lifetime::LostOnError { close, risky } => (
                format!(
                    "the {} of `{}()` stays open when something raises before it is closed",
                    resource.label,
                    program.catalogue().path(model)
                ),
                // It is closed when the exception has been handled and nothing refers to it any more.
                if resource.collected { Confidence::Possible } else { Confidence::Likely },
                Some((close, Some(risky))),
            ),
            Lifetime::Managed => continue,
        };
        let steps = step.into_iter().flat_map(|(close, risky)| {
            let risky = risky.map(|risky| Step { site: program.call(risky).expr(), note: "may raise".to_owned() });
            let close = Step { site: program.call(close).expr(), note: "would close it".to_owned() };
            risky.into_iter().chain([close])
        });
        let harm = Harm::Leak { what: resource.label.clone(), collected: resource.collected };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .then(steps)
                .confidence(confidence)
                .suggest("Open it with `with` (or `contextlib.closing`), or close it in a `finally`"),
        );
    }
}

/// An archive or decompressor around something that is open already, such as a buffer in memory.
fn wraps_open_file(program: &Program, call: &CallView<'_>) -> bool {
    let file = call.argument(Some("fileobj"), None).is_some()
        || call.facts().arguments(call.call).first().is_some_and(|first| {
            let is_file = |value| match value {
                Value::Object { model, .. } => model != program.catalogue().text(),
                value => matches!(value, Value::Instance { .. }),
            };
            call.values(*first).iter().any(is_file)
        });
    file && call.has_tag("wraps")
}

fn article(label: &str) -> &'static str {
    // Abbreviations whose first letter's name begins with a vowel.
    let spelt = ["HTTP", "SSH", "FTP"].iter().any(|word| label.starts_with(word));
    let vowel = label.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']);
    if spelt || vowel { "an" } else { "a" }
}
