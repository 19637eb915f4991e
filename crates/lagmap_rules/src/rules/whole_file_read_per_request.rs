//! `whole-file-read-per-request`.

use lagmap_program::{Frequency, Interval, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "whole-file-read-per-request",
    bullets: &["A4", "A8", "D5", "A1"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Whole file read or written per request",
    summary: "A request handler or main loop reads, parses or rewrites a whole file each time.",
    document: super::document!("blocking/whole-file-read-per-request"),
    check,
};

/// `read(size)` takes in no more than that.
fn is_partial(call: &lagmap_program::CallView<'_>) -> bool {
    let name = call.models().map(|(model, _)| call.program.catalogue().name(model)).next().unwrap_or_default();
    let first = call.facts().arguments(call.call).first().map(|first| call.facts().expr(*first));
    matches!(name, "read" | "readlines" | "read1" | "recv") && first.is_some_and(|first| !matches!(first, lagmap_facts::Expr::None))
}

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("whole-file") {
        if super::config_read_per_request::is_config_read(&call) || is_partial(&call) || program.is_in_memory(&call) {
            continue;
        }
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency == Frequency::Request) else { continue };
        let Some((model, entry)) = call.model() else { continue };
        // Files of unknown size: from one that fits a page to one of some tens of megabytes.
        let [low, high] = entry.ms.unwrap_or([0.1, 100.0]);
        let path = program.catalogue().path(model);
        let message = format!("`{path}()` takes in or writes out a whole file for each request");
        let harm = Harm::Time {
            cost: Interval::new(low, high),
            worst: None,
            source: entry.source.clone().unwrap_or_else(|| "a file of 10 KB to 10 MB in the page cache".to_owned()),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(Confidence::Likely)
                .suggest("Keep what it holds in memory and reload on change, read it line by line or in chunks, or append instead of rewriting"),
        );
    }
}
