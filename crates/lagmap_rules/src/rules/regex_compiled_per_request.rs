//! `regex-compiled-per-request`.

use lagmap_facts::{Expr, ExprId};
use lagmap_program::{CallView, Frequency, Givers, Interval, Program, Recurrence};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "regex-compiled-per-request",
    bullets: &["C5"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "Regular expression built per request",
    summary: "A pattern is put together and compiled for each request or item.",
    document: super::document!("cpu/regex-compiled-per-request"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let tagged =
        |entry: &lagmap_models::ApiEntry| entry.tags.iter().any(|tag| tag == "regex-compile" || tag == "regex-cached");
    for call in program.calls_where(tagged) {
        let Some(context) = call.contexts().iter().find(|context| context.frequency.is_repeated()) else { continue };
        let Some(first) = call.argument(Some("pattern"), Some(0)) else { continue };
        // Constant patterns come from the module's cache of 512.
        if !varies(&call, first) {
            continue;
        }
        // One short pattern more per request is compiled in the time of a log line; many are not, and a long one is not.
        let around = call.around();
        let many = around.loops > 0
            && program.varies_by_round(&call, first)
            && program.is_looped_over_much(call.file, call.region, program.givers());
        let long = context.frequency != Frequency::Library && is_alternation(&call, first);
        let cost = if many || long { Interval::new(0.1, 12.0) } else { Interval::new(0.05, 1.0) };
        let message = format!("`{}()` compiles a pattern that is put together anew each time", call.path());
        let source = "compiling a pattern takes 0.1 to several ms in CPython 3.11; only 512 are cached";
        let harm = Harm::Time { cost, worst: None, source: source.to_owned() };
        // What is done once needs no cure.
        let often = around.recurrence == Recurrence::EveryCall;
        let confidence = if often && (many || long) { Confidence::at(&call, context) } else { Confidence::Possible };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(confidence)
                .suggest(
                    "Compile it once at module level, or keep the compiled patterns in a dict by what they are made of",
                ),
        );
    }
}

/// Whether a pattern is made of any number of alternatives: `"|".join(words)`, by itself or as a part, of words that come
/// from outside. The members of an enumeration or of a table give the same pattern each time, which `re` keeps.
fn is_alternation(call: &CallView<'_>, pattern: ExprId) -> bool {
    let facts = call.facts();
    match facts.expr(pattern) {
        Expr::FString(parts) => facts.list(parts).iter().any(|part| is_alternation(call, *part)),
        Expr::Binary { left, right, .. } => is_alternation(call, left) || is_alternation(call, right),
        Expr::Call(inner) => match facts.expr(facts.call(inner).callee) {
            Expr::Attribute { value, attribute } if facts.text(attribute) == "join" => {
                let words = facts.arguments(facts.call(inner)).first();
                matches!(facts.expr(value), Expr::Str(text) if facts.text(text).contains('|'))
                    && words.is_some_and(|words| call.program.may_be_long(call.file, *words, Givers::Requests))
            }
            _ => false,
        },
        Expr::Name(_) => {
            call.program.assigned(call.file, pattern).is_some_and(|value| is_alternation(call, value))
        }
        _ => false,
    }
}

/// A pattern that is put together from something other than literals and constants.
fn varies(call: &CallView<'_>, pattern: ExprId) -> bool {
    let facts = call.facts();
    match facts.expr(pattern) {
        Expr::FString(parts) => facts.list(parts).iter().any(|part| match facts.expr(*part) {
            Expr::Str(_) => false,
            Expr::Name(name) => facts.text(name).chars().any(char::is_lowercase),
            _ => true,
        }),
        Expr::Binary { left, right, .. } => varies(call, left) || varies(call, right),
        // `re.escape(word)` and other calls.
        Expr::Call(inner) => {
            let inner = facts.call(inner);
            matches!(facts.expr(inner.callee), Expr::Attribute { attribute, .. } if matches!(facts.text(attribute), "escape" | "format" | "join"))
        }
        _ => false,
    }
}
