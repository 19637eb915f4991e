//! `log-without-rotation`.

use lagmap_facts::Expr;
use lagmap_program::{CallView, Program};

use crate::{Bytes, Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "log-without-rotation",
    bullets: &["B6"],
    section: Section::Memory,
    subsection: Subsection::MemoryPattern,
    title: "Log file that is never rotated",
    summary: "A service writes a log file that nothing ever cuts.",
    document: super::document!("memory/log-without-rotation"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("log-file") {
        if !opens_file(program, &call)
            || program.system.services.is_empty() && !call.contexts().any(|c| c.frequency.is_repeated())
        {
            continue;
        }
        let path = call.path();
        let message = format!("`{path}()` opens a log file that grows until the disk is full");
        let harm = Harm::Growth { bytes: Bytes { low: 80.0, high: 400.0, source: "one log line".to_owned() } };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .confidence(Confidence::Certain)
                .suggest("Use `logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=5)`, or log to standard output and let the supervisor rotate"),
        );
    }
}

/// Some set-up functions only open a file when they are given one.
fn opens_file(program: &Program, call: &CallView<'_>) -> bool {
    let Some((model, entry)) = call.model() else { return false };
    if entry.class {
        return true;
    }
    let named = ["filename", "log_file", "sink"].iter().find_map(|keyword| call.argument(Some(keyword), None));
    let rotates = ["rotation", "maxBytes"].iter().any(|keyword| call.argument(Some(keyword), None).is_some());
    let first = call.facts().arguments(call.call).first().copied().filter(|_| program.catalogue().name(model) == "add");
    named.or(first).is_some_and(|file| !matches!(call.facts().expr(file), Expr::None | Expr::Attribute { .. }))
        && !rotates
}
