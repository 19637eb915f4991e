//! `whole-file-read-per-request`.

use lagmap_facts::{Expr, ExprId};
use lagmap_program::{CallView, Context, FileId, Frequency, Interval, Program};

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

/// Whether a call sets the place in a file from which it is read.
fn moves(call: &CallView<'_>) -> bool {
    call.models().any(|(model, _)| call.program.catalogue().name(model) == "seek")
}

/// `read(size)` takes in no more than that.
fn is_partial(call: &CallView<'_>) -> bool {
    let name = call.models().map(|(model, _)| call.program.catalogue().name(model)).next().unwrap_or_default();
    let first = call.facts().arguments(call.call).first().map(|first| call.facts().expr(*first));
    // A stream that somebody hands over, which has been read from before, is no file that could be kept.
    if call.program.is_moved_stream(call) {
        return true;
    }
    // Whoever goes to a place in a file first reads what is behind it.
    let mut objects = call.models().filter_map(|(_, receiver)| receiver);
    if objects.any(|object| call.program.calls_on(object).any(|other| moves(&other))) {
        return true;
    }
    matches!(name, "read" | "readlines" | "read1" | "recv") && first.is_some_and(|first| !matches!(first, Expr::None))
}

/// A file that a request names is read where the request is handled, or so many calls away; behind more, it is as likely one that
/// the service has made itself.
const FARTHEST_NAMED: u32 = 2;

/// What takes so long is worth a word wherever the file comes from, in milliseconds.
const DEAR_MS: f64 = 100.0;

/// How far the parts of a path are followed.
const DEEPEST: u32 = 4;

/// Whether a path is made of a field of something: `request["path"]`.
fn is_field(program: &Program, file: FileId, path: ExprId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let facts = &program.linked.file(file).facts;
    let any = |parts: &[ExprId]| parts.iter().any(|part| is_field(program, file, *part, depth));
    match facts.expr(path) {
        Expr::Subscript { .. } => true,
        Expr::Call(call) => any(facts.arguments(facts.call(call))),
        Expr::FString(parts) => any(facts.list(parts)),
        Expr::Binary { left, right, .. } => any(&[left, right]),
        Expr::Name(_) => program.assigned(file, path).is_some_and(|value| any(&[value])),
        _ => false,
    }
}

/// A file that is the same for all requests need not be read or written anew for each. Of other files each has to be read
/// once; that somebody waits for it is worth a word where a request names the file, not where it is work for a queue of jobs, nor
/// where a new file is written.
fn confidence(call: &CallView<'_>, context: Context) -> Confidence {
    let program = call.program;
    if program.is_background_job(call.function, context) {
        return Confidence::Possible;
    }
    let Some((file, path)) = program.opened_path(call) else { return Confidence::Possible };
    if program.is_lasting_path(file, path) {
        return Confidence::at(call, context);
    }
    let named = |words: &[&str]| {
        let mut names = call.models().map(|(model, _)| program.catalogue().name(model));
        names.any(|name| words.iter().any(|word| name.starts_with(word)))
    };
    let is_read = named(&["read", "load", "parse", "Image", "open", "imread"]);
    let has_come = call.models().any(|(model, _)| program.catalogue().entry(model).is_some_and(|entry| entry.is_async));
    // A file of a page is read in no time, and who asks for all of it needs it.
    let is_waste = program.is_used_in_part(call) || call.model().and_then(|(_, entry)| entry.ms).is_some_and(|[_, high]| high >= DEAR_MS);
    let near = is_waste && program.way_of_request(call, context).calls <= FARTHEST_NAMED || is_field(program, file, path, DEEPEST);
    if is_read && !has_come && near {
        Confidence::at(call, context)
    } else {
        Confidence::Possible
    }
}

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("whole-file") {
        if super::config_read_per_request::is_config_read(&call) || is_partial(&call) || program.is_in_memory(&call) {
            continue;
        }
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency == Frequency::Request) else { continue };
        let Some((model, entry)) = call.model() else { continue };
        let confidence = confidence(&call, context);
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
                .confidence(confidence)
                .suggest("Keep what it holds in memory and reload on change, read it line by line or in chunks, or append instead of rewriting"),
        );
    }
}
