//! `regex-compiled-per-request`.

use lagmap_facts::Expr;
use lagmap_program::{CallView, Interval, Program};

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
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency.is_repeated()) else { continue };
        let Some(first) = call.argument(Some("pattern"), Some(0)) else { continue };
        let compiles = call.has_tag("regex-compile");
        let varies = varies(&call, first);
        // A constant pattern comes from the module's cache of 512: what is left is a look-up, worth a line only where
        // the code says `compile` as if it were done once.
        let per_request = contexts.any(|context| context.frequency == lagmap_program::Frequency::Request);
        if !(varies || compiles && per_request) {
            continue;
        }
        let path = call.path();
        let (message, cost, source) = if varies {
            (
                format!("`{path}()` compiles a pattern that is put together anew each time"),
                Interval::new(0.1, 12.0),
                "compiling a pattern takes 0.1 to several ms in CPython 3.11; only 512 are cached",
            )
        } else {
            (
                format!("`{path}()` of a constant pattern runs for each request"),
                Interval::new(0.0005, 0.3),
                "a look-up in re's cache of 512 patterns; compiling when it has been pushed out",
            )
        };
        let harm = Harm::Time { cost, worst: None, source: source.to_owned() };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(if varies { Confidence::Likely } else { Confidence::Certain })
                .suggest(
                    "Compile it once at module level, or keep the compiled patterns in a dict by what they are made of",
                ),
        );
    }
}

/// A pattern that is put together from something other than literals and constants.
fn varies(call: &CallView<'_>, pattern: lagmap_facts::ExprId) -> bool {
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
