//! `unbounded-memoization`.

use lagmap_facts::Expr;
use lagmap_program::{FunctionId, Program};

use crate::{Bytes, Confidence, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "unbounded-memoization",
    bullets: &["B4"],
    section: Section::Memory,
    subsection: Subsection::MemoryLeak,
    title: "Memoization without bound",
    summary: "`functools.cache` or `lru_cache(maxsize=None)` on open-ended arguments, or `lru_cache` on a method (it keeps every `self`).",
    document: super::document!("memory/unbounded-memoization"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for (file, unit) in program.files() {
        for function in program.functions(file) {
            let (_, facts) = program.function(function);
            if unit.is_test || facts.decorators.is_empty() || !program.is_live(function) {
                continue;
            }
            let repeated = program.contexts_of(function).any(|context| context.frequency.is_repeated());
            let Some(memo) = program.memoization(function).filter(|_| repeated) else { continue };
            let is_method = facts.class.is_some() && program.takes_receiver(function);
            // A bounded cache only matters on a method, where it keeps instances; one instance that lives for ever is kept
            // anyway.
            let matters = if memo.bounded {
                is_method && program.is_made_repeatedly(function)
            } else {
                open_parameters(program, function, is_method) > 0
            };
            if !matters {
                continue;
            }
            let message = if memo.bounded {
                format!(
                    "`{}` is memoized on its `self`: no instance is ever freed while it is in the cache",
                    program.short_name(function)
                )
            } else {
                format!(
                    "the results of `{}` are kept for ever, one per different argument",
                    program.short_name(function)
                )
            };
            findings.push(Finding {
                rule,
                location: Location::Code { file, function, span: memo.decorator },
                message,
                trace: Vec::new(),
                harm: Harm::Growth {
                    bytes: Bytes {
                        low: 200.0,
                        high: 2000.0,
                        source: "key, result and cache entry of a small value".to_owned(),
                    },
                },
                context: program.contexts_of(function).iter().next(),
                confidence: Confidence::Likely,
                suggestion: "Give it a bound: `lru_cache(maxsize=1024)`; for methods keep the cache on the instance"
                    .to_owned(),
                cause: format!("{}:{}", unit.path, unit.lines.position(facts.span.start).line),
            });
        }
    }
}

/// Parameters that may take any number of values: neither the receiver nor a flag.
fn open_parameters(program: &Program, function: FunctionId, is_method: bool) -> usize {
    let (unit, facts) = program.function(function);
    let is_flag = |parameter: &lagmap_facts::Parameter| {
        matches!(unit.facts.expr(parameter.annotation), Expr::Name(name) if unit.facts.text(name) == "bool")
            || matches!(unit.facts.expr(parameter.default), Expr::Bool(_))
    };
    facts.parameters.iter().skip(usize::from(is_method)).filter(|parameter| !is_flag(parameter)).count()
}
