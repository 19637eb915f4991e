//! `list-used-for-membership`.

use lagmap_facts::{CompareOp, Expr, ExprId};
use lagmap_program::{FileId, FunctionId, Givers, Interval, Program, Site, Value};

use crate::{Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "list-used-for-membership",
    bullets: &["D1", "C1"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "List searched where a set serves",
    summary: "`in` on a list that grows, in a loop over data: each test looks at every item.",
    document: super::document!("data/list-used-for-membership"),
    check,
};

/// Fewer items than this, written in the code, are as fast to compare as to hash.
const TABLE: u32 = 16;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let givers = program.givers();
    for (file, unit) in program.files() {
        if unit.is_test {
            continue;
        }
        let mut evaluator = None;
        for (index, node) in unit.facts.exprs.iter().enumerate() {
            let Expr::Compare { op: CompareOp::In | CompareOp::NotIn, left, right } = node.expr else { continue };
            let function = program.linked.ids.function(file, unit.facts.region(node.region).function);
            if !program.is_live(function) {
                continue;
            }
            let Some(made) = program.searched_again(file, node.region, right, left) else { continue };
            // A set cannot hold lists, dicts and sets.
            let evaluator = evaluator.get_or_insert_with(|| program.evaluator(file));
            let catalogue = program.catalogue();
            let unhashable = [catalogue.list(), catalogue.dict(), catalogue.set()];
            let is_unhashable = |value| matches!(value, Value::Object { model, .. } if unhashable.contains(&model));
            if !evaluator.values(left).iter().any(is_unhashable) {
                findings.extend(finding(rule, program, file, function, ExprId(index as u32), made, givers));
            }
        }
    }
}

fn finding(
    rule: &'static RuleInfo,
    program: &Program,
    file: FileId,
    function: FunctionId,
    id: ExprId,
    made: Site,
    givers: Givers,
) -> Option<Finding> {
    let facts = &program.linked.file(file).facts;
    let node = &facts.exprs[id.0 as usize];
    let Expr::Compare { right, .. } = node.expr else { return None };
    let contexts = program.contexts_at(function, node.region);
    let context = contexts.iter().find(|context| context.frequency.is_repeated())?;
    let name = facts.dotted(right).unwrap_or_else(|| "the list".to_owned());
    let (path, line) = crate::place(program, file, node.span);
    let fixed = program.written_length(made);
    // A table is only worth a set where much is looked up in it; any other list must be seen to be long.
    let is_long = match fixed {
        Some(len) => len > TABLE && program.is_in_loop_over_records(file, node.region, givers),
        None => program.has_scale(made, givers),
    };
    let (cost, source) = cost(fixed);
    Some(Finding {
        rule,
        location: Location::Code { file, function, span: node.span },
        message: format!("`in {name}` searches {}, once per round of the loop", kind(fixed)),
        trace: program
            .recent_path_in(function, node.region, context)
            .into_iter()
            .chain([lagmap_program::Step { site: made, note: "makes the list".to_owned() }])
            .collect(),
        harm: Harm::Time { cost, worst: None, source },
        context: Some(context),
        confidence: if is_long { Confidence::Likely } else { Confidence::Possible },
        suggestion: format!("Keep a set beside or instead of `{name}`; where order matters a dict's keys keep it"),
        cause: format!("{path}:{line}"),
        details: Details::default(),
    })
}

fn kind(fixed: Option<u32>) -> String {
    fixed.map_or_else(|| "a list that grows".to_owned(), |len| format!("a list of {len} items"))
}

/// A comparison, in milliseconds.
const COMPARISON_MS: f64 = 13e-6;

fn cost(fixed: Option<u32>) -> (Interval, String) {
    if let Some(len) = fixed {
        let round = f64::from(len) * COMPARISON_MS;
        let source = format!("100 to 10,000 rounds of {len} comparisons of 13 ns (CPython 3.11, short texts)");
        (Interval::new(100.0 * round, 10_000.0 * round), source)
    } else {
        let source = "50 x 50 to 800 x 800 comparisons of 13 ns (CPython 3.11, short texts)";
        (Interval::new(0.03, 8.0), source.to_owned())
    }
}
