//! `log-without-rotation`.

use lagmap_facts::Expr;
use lagmap_program::{CallView, Configured, Context, Frequency, Program};
use lagmap_system::Runs;

use crate::{Bytes, Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

const CURE: &str = "Use `logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=5)`, or log to standard output and let the supervisor rotate";

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
    if !program.serves() {
        return;
    }
    for call in program.calls_tagged("log-file").filter(|call| opens_file(program, call)) {
        handler(rule, program, &call, "opens a log file that grows until the disk is full", findings);
    }
    for call in program.calls_tagged("log-rotating-by-size").filter(|call| !rotates(call)) {
        handler(rule, program, &call, "never rotates: `maxBytes` and `backupCount` must both be above 0", findings);
    }
    for call in program.calls_tagged("log-config").filter(|call| is_of_service(program, call)) {
        for configured in program.configured_by(&call) {
            configured_handler(rule, program, &call, &configured, findings);
        }
    }
    for call in program.calls_where(|entry| entry.opens.as_deref() == Some("file")) {
        by_hand(rule, program, &call, findings);
    }
}

fn harm() -> Harm {
    Harm::Growth { bytes: Bytes { low: 80.0, high: 400.0, source: "one log line".to_owned() } }
}

fn handler(
    rule: &'static RuleInfo,
    program: &Program,
    call: &CallView<'_>,
    what: &str,
    findings: &mut Vec<Finding>,
) {
    let is_cut_by_hand = || program.calls_on(call.expr()).any(|other| other.has_tag("rotates-log"));
    if is_of_service(program, call) && !is_cut_by_hand() {
        let message = format!("`{}()` {what}", call.path());
        findings.push(Finding::at_call(rule, call, message, harm()).suggest(CURE));
    }
}

/// Made by a service, not by a program that does its work and ends.
fn is_of_service(program: &Program, call: &CallView<'_>) -> bool {
    let services = program.services_of(call.function);
    let stays = |service: usize| !matches!(program.system.services[service].runs, Runs::Command | Runs::Job);
    services.into_iter().any(stays) || !call.contexts().any(|context| context.frequency == Frequency::Script)
}

/// Some set-up functions only open a file when they are given one.
fn opens_file(program: &Program, call: &CallView<'_>) -> bool {
    let Some((model, entry)) = call.model() else { return false };
    let named = ["filename", "log_file", "sink"].iter().find_map(|keyword| call.argument(Some(keyword), None));
    let first = call.argument(None, Some(0)).filter(|_| entry.class || program.catalogue().name(model) == "add");
    let rotates = ["rotation", "maxBytes"].iter().any(|keyword| call.argument(Some(keyword), None).is_some());
    let file = named.or(first);
    !rotates && file.map_or(entry.class, |file| !program.is_no_log_file(call.file, file))
}

fn rotates(call: &CallView<'_>) -> bool {
    let is_set = |keyword, position| {
        let value = call.argument(Some(keyword), Some(position)).map(|value| call.facts().expr(value));
        value.is_some_and(|value| value != Expr::Int(0))
    };
    call.has_open_arguments() || is_set("maxBytes", 2) && is_set("backupCount", 3)
}

fn configured_handler(
    rule: &'static RuleInfo,
    program: &Program,
    call: &CallView<'_>,
    configured: &Configured,
    findings: &mut Vec<Finding>,
) {
    let Configured { model, file, function, name, ref entries } = *configured;
    let facts = &program.linked.file(file).facts;
    let entry = |wanted: &str| entries.iter().find(|(key, _)| key == wanted).map(|(_, value)| *value);
    let is_set = |wanted| entry(wanted).is_some_and(|value| facts.expr(value) != Expr::Int(0));
    let never_cut = program.catalogue().has_tag(model, "log-file")
        || program.catalogue().has_tag(model, "log-rotating-by-size") && !(is_set("maxBytes") && is_set("backupCount"));
    if !never_cut || entry("filename").is_some_and(|target| program.is_no_log_file(file, target)) {
        return;
    }
    let span = facts.span(name);
    let (path, line) = crate::place(program, file, span);
    let what = format!("`{}` writes a log file that grows until the disk is full", program.catalogue().path(model));
    findings.push(Finding {
        location: Location::Code { file, function, span },
        cause: format!("{path}:{line}"),
        details: Details::default(),
        ..Finding::at_call(rule, call, what, harm()).suggest(CURE)
    });
}

/// A log that code of a request, or of a loop that runs as long as the service, writes line by line itself.
fn by_hand(rule: &'static RuleInfo, program: &Program, call: &CallView<'_>, findings: &mut Vec<Finding>) {
    let facts = call.facts();
    let path = match facts.expr(call.call.callee) {
        // `path.open("a")`.
        Expr::Attribute { value, .. } if call.models().any(|(_, receiver)| receiver.is_some()) => Some((value, 0)),
        _ => call.argument(Some("file"), Some(0)).map(|path| (path, 1)),
    };
    let Some((path, position)) = path else { return };
    let mode = call.argument(Some("mode"), Some(position)).map(|mode| facts.expr(mode));
    let appends = matches!(mode, Some(Expr::Str(mode)) if facts.text(mode).contains('a'));
    if !appends || !program.names_one_log(call.file, path) {
        return;
    }
    let often = |context: Context| matches!(context.frequency, Frequency::Request | Frequency::Background);
    let writes = program.calls_on(call.expr()).filter(|write| write.path().ends_with("write"));
    let mut contexts = call.contexts().iter().chain(writes.flat_map(|write| write.contexts().iter()));
    if !contexts.any(often) {
        return;
    }
    // Somebody moves or shortens it from time to time.
    if program.calls_tagged("cuts-file").any(|cut| cut.file == call.file) {
        return;
    }
    let message = "this log file is appended to for ever and nothing cuts it".to_owned();
    findings.push(Finding::at_call(rule, call, message, harm()).confidence(Confidence::Likely).suggest(CURE));
}
