//! `row-by-row-computation`.

use lagmap_facts::{Expr, ExprId};
use lagmap_program::{CallView, ElementLoop, FileId, FunctionId, Interval, Program};

use crate::{Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "row-by-row-computation",
    bullets: &["C6", "A7"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "Arrays computed element by element",
    summary: "Python code runs once a row, pixel or number where one vectorized operation computes all of them.",
    document: super::document!("cpu/row-by-row-computation"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("row-by-row").chain(program.calls_tagged("row-by-row-by-axis").filter(is_by_row)) {
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency.is_repeated()) else { continue };
        let Some((model, entry)) = call.model() else { continue };
        let [low, high] = entry.ms.unwrap_or([1.0, 1000.0]);
        let message = format!("`{}()` runs Python code once a row", program.catalogue().path(model));
        let harm = Harm::Time {
            cost: Interval::new(low, Interval::new(low, high).middle()),
            worst: None,
            source: entry.source.clone().unwrap_or_default(),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(Confidence::Likely)
                .suggest("Compute whole columns at once (`frame[\"a\"] * frame[\"b\"]`, `numpy.where`, `merge`, `groupby`); where a loop over rows has to stay, `itertuples` is about thirty times faster than `iterrows`"),
        );
    }
    for (file, unit) in program.files() {
        for function in program.functions(file).filter(|function| !unit.is_test && program.is_live(*function)) {
            for element_loop in program.element_loops(function) {
                findings.extend(by_hand(rule, program, file, function, element_loop));
            }
        }
    }
}

/// `axis=1` or `axis="columns"`.
fn is_by_row(call: &CallView<'_>) -> bool {
    let facts = call.facts();
    call.argument(Some("axis"), Some(1)).is_some_and(|axis| match facts.expr(axis) {
        Expr::Int(number) => number == 1,
        Expr::Str(text) => facts.text(text) == "columns",
        _ => false,
    })
}

fn by_hand(
    rule: &'static RuleInfo,
    program: &Program,
    file: FileId,
    function: FunctionId,
    element_loop: ElementLoop,
) -> Option<Finding> {
    let unit = program.linked.file(file);
    let facts = &unit.facts;
    let (ElementLoop::Product(at) | ElementLoop::Pixels(at)) = element_loop;
    let node = &facts.exprs[at.0 as usize];
    let contexts = program.contexts_at(function, node.region);
    let context = contexts.iter().find(|context| context.frequency.is_repeated())?;
    let (message, cost, source, suggestion) = match element_loop {
        ElementLoop::Product(_) => {
            let in_loop = program.around(file, node.region).loops > 0 || program.is_called_in_loop(function);
            if !in_loop {
                return None;
            }
            (
                "the product of two vectors is summed up number by number, for each of many vectors".to_owned(),
                Interval::new(0.5, 50.0),
                "20 to 1,000 vectors of 400 to 1,500 numbers, 30 ns a number (CPython 3.11)",
                "Keep the vectors as rows of one numpy array and take `matrix @ vector`: one call for all of them",
            )
        }
        ElementLoop::Pixels(_) => {
            let array = subscripted(facts, at);
            (
                format!("`{array}` is gone through element by element in two nested loops"),
                Interval::new(2.0, 200.0),
                "100 x 100 to 1,000 x 1,000 elements at 200 ns each (CPython 3.11, numpy scalars)",
                "Write it as operations on the whole array: slices, `numpy.where`, masks, or a function of cv2 or scipy.ndimage",
            )
        }
    };
    let (path, line) = crate::place(program, file, node.span);
    Some(Finding {
        rule,
        location: Location::Code { file, function, span: node.span },
        message,
        trace: program.recent_path_in(function, node.region, context),
        harm: Harm::Time { cost, worst: None, source: source.to_owned() },
        context: Some(context),
        confidence: Confidence::Likely,
        suggestion: suggestion.to_owned(),
        cause: format!("{path}:{line}"),
        details: Details::default(),
    })
}

fn subscripted(facts: &lagmap_facts::FileFacts, at: ExprId) -> String {
    match facts.expr(at) {
        Expr::Subscript { value, .. } => facts.dotted(value).unwrap_or_else(|| "the array".to_owned()),
        _ => "the array".to_owned(),
    }
}
