//! `unbounded-memoization`.

use lagmap_facts::ScopeKind;
use lagmap_program::{FunctionId, Program};
use lagmap_source::Span;

use crate::{Bytes, Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

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
    let cleared = program.cleared_caches();
    for (file, unit) in program.files() {
        for function in program.functions(file) {
            let (_, facts) = program.function(function);
            let considered =
                !unit.is_test && !facts.decorators.is_empty() && program.is_live(function) && !cleared.contains(&function);
            if considered && let Some(kept) = kept(program, function) {
                findings.push(finding(rule, program, function, kept));
            }
        }
    }
}

/// So few objects may stay longer than they must.
const FEW: u64 = 16;

/// What stays for ever.
#[derive(Clone, Copy)]
enum Kept {
    /// Each object that the method is called on.
    Objects(Span),
    /// A result for each different argument.
    Results(Span),
}

fn kept(program: &Program, function: FunctionId) -> Option<Kept> {
    let (unit, facts) = program.function(function);
    let nested = facts.parent.is_some_and(|parent| unit.facts.function(parent).kind == ScopeKind::Function);
    let repeated = program.contexts_of(function).any(|context| context.frequency.is_repeated());
    // A cache that a call makes goes with it.
    if nested || !repeated {
        return None;
    }
    let memo = program.memoization(function)?;
    // One instance that lives for ever is kept anyway, and a few do no harm.
    let is_method = program.takes_receiver(function) && !memo.per_object;
    let matters = memo.most.is_none_or(|most| most > FEW && !program.is_of_values(function));
    if is_method && matters && program.is_of_many_objects(function) {
        Some(Kept::Objects(memo.decorator))
    } else if memo.most.is_none() && program.has_open_parameter(function) {
        Some(Kept::Results(memo.decorator))
    } else {
        None
    }
}

fn finding(rule: &'static RuleInfo, program: &Program, function: FunctionId, kept: Kept) -> Finding {
    let (file, _) = program.linked.ids.of_function(function);
    let (unit, facts) = program.function(function);
    let name = program.short_name(function);
    let (span, message) = match kept {
        Kept::Objects(span) => {
            (span, format!("`{name}` is memoized on its `self`: no instance is ever freed while it is in the cache"))
        }
        Kept::Results(span) => (span, format!("the results of `{name}` are kept for ever, one per different argument")),
    };
    Finding {
        rule,
        location: Location::Code { file, function, span },
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
        suggestion: "Give it a bound: `lru_cache(maxsize=1024)`; for methods keep the cache on the instance".to_owned(),
        cause: format!("{}:{}", unit.path, unit.lines.position(facts.span.start).line),
        details: Details::default(),
    }
}
