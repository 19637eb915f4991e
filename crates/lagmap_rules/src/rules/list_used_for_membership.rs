//! `list-used-for-membership`.

use lagmap_facts::{CompareOp, Expr, ExprId};
use lagmap_program::{FileId, FunctionId, Interval, Program, Value};

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

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let is_library = !program.is_application();
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
                findings.extend(finding(rule, program, file, function, ExprId(index as u32), made, is_library));
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
    made: lagmap_program::Site,
    is_library: bool,
) -> Option<Finding> {
    let facts = &program.linked.file(file).facts;
    let node = &facts.exprs[id.0 as usize];
    let Expr::Compare { right, .. } = node.expr else { return None };
    let contexts = program.contexts_at(function, node.region);
    let context = contexts.iter().find(|context| context.frequency.is_repeated())?;
    let name = facts.dotted(right).unwrap_or_else(|| "the list".to_owned());
    let (path, line) = crate::place(program, file, node.span);
    Some(Finding {
        rule,
        location: Location::Code { file, function, span: node.span },
        message: format!("`in {name}` searches a list that grows, once per round of the loop"),
        trace: program
            .recent_path_in(function, node.region, context)
            .into_iter()
            .chain([lagmap_program::Step { site: made, note: "makes the list".to_owned() }])
            .collect(),
        harm: Harm::Time {
            cost: Interval::new(0.03, 8.0),
            worst: None,
            source: "50 x 50 to 800 x 800 comparisons of 13 ns (CPython 3.11, short texts)".to_owned(),
        },
        context: Some(context),
        // Most lists of an application are short: one that nothing shows to be long is worth a look only. What a library is
        // given may have any length.
        confidence: if is_library || program.has_scale(made) { Confidence::Likely } else { Confidence::Possible },
        suggestion: format!("Keep a set beside or instead of `{name}`; where order matters a dict's keys keep it"),
        cause: format!("{path}:{line}"),
        details: Details::default(),
    })
}
