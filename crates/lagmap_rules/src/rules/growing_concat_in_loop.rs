//! `growing-concat-in-loop`.

use lagmap_facts::{BinaryOp, Expr, ExprId, OpKind, RegionKind};
use lagmap_program::{CallView, FileId, FunctionId, Interval, Program, Value};

use crate::{Confidence, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "growing-concat-in-loop",
    bullets: &["C1", "C3", "D6"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "Concatenation that copies all so far",
    summary: "A text, bytes, array or data frame is built in a loop by concatenation, each round copying all that was built before.",
    document: super::document!("cpu/growing-concat-in-loop"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("frame-concat") {
        if assigns_to_argument(&call)
            && call.around().loops > 0
            && call.contexts().any(|context| context.frequency.is_repeated())
        {
            let message = format!("`{}()` copies all rows so far in each round of the loop", call.path());
            let harm = Harm::Time {
                cost: Interval::new(5.0, 500.0),
                worst: None,
                source: "100 to 1,000 rounds over frames or arrays of up to some megabytes".to_owned(),
            };
            findings.push(
                Finding::at_call(rule, &call, message, harm)
                    .confidence(Confidence::Likely)
                    .suggest("Collect the parts in a list and concatenate once behind the loop"),
            );
        }
    }
    for (file, unit) in program.files() {
        for function in program.functions(file) {
            if !unit.is_test && program.is_live(function) {
                texts(rule, program, file, function, findings);
            }
        }
    }
}

/// `x = concat([x, new])`: the value is assigned to a name that is among its arguments.
fn assigns_to_argument(call: &CallView<'_>) -> bool {
    let facts = call.facts();
    let (_, function) = call.program.function(call.function);
    facts.ops(function).iter().any(|op| match op.kind {
        OpKind::Assign { target, value } if value == call.call.expr => {
            let Some(name) = facts.dotted(target) else { return false };
            let same = |id: &ExprId| facts.dotted(*id).as_deref() == Some(&name);
            facts.arguments(call.call).iter().any(|argument| match facts.expr(*argument) {
                Expr::List(list) | Expr::Tuple(list) => facts.list(list).iter().any(same),
                _ => same(argument),
            })
        }
        _ => false,
    })
}

/// `text += part` in a loop over items, for texts and bytes that were made before the loop.
fn texts(rule: &'static RuleInfo, program: &Program, file: FileId, function: FunctionId, findings: &mut Vec<Finding>) {
    let (unit, scope) = program.function(function);
    let facts = &unit.facts;
    for op in facts.ops(scope) {
        let OpKind::Augment { target, op: BinaryOp::Add, .. } = op.kind else { continue };
        let looped = facts.enclosing(op.region).find(|(_, region)| region.kind.is_loop());
        let Some((_, looped)) = looped else { continue };
        let Expr::Attribute { .. } = facts.expr(target) else {
            let is_name = matches!(facts.expr(target), Expr::Name(_)) && matches!(looped.kind, RegionKind::For { .. });
            if is_name && is_model(program, file, target, program.catalogue().text()) {
                push(rule, program, file, function, op.span, op.region, "text", findings);
            }
            if matches!(facts.expr(target), Expr::Name(_))
                && is_model(program, file, target, program.catalogue().bytes())
            {
                push(rule, program, file, function, op.span, op.region, "bytes", findings);
            }
            continue;
        };
        let is_data = matches!(looped.kind, RegionKind::For { .. } | RegionKind::While { .. });
        for (model, what) in [(program.catalogue().text(), "text"), (program.catalogue().bytes(), "bytes")] {
            if is_data && is_model(program, file, target, model) {
                push(rule, program, file, function, op.span, op.region, what, findings);
            }
        }
    }
}

fn is_model(program: &Program, file: FileId, target: ExprId, wanted: lagmap_models::ModelId) -> bool {
    let values = program.evaluator(file).values(target);
    !values.is_empty() && values.iter().all(|value| matches!(value, Value::Object { model, .. } if model == wanted))
}

#[allow(clippy::too_many_arguments)] // The parts of one finding.
fn push(
    rule: &'static RuleInfo,
    program: &Program,
    file: FileId,
    function: FunctionId,
    span: lagmap_source::Span,
    region: lagmap_facts::RegionId,
    what: &str,
    findings: &mut Vec<Finding>,
) {
    let contexts = program.contexts_at(function, region);
    let Some(context) = contexts.iter().find(|context| context.frequency.is_repeated()) else { return };
    let (path, line) = crate::place(program, file, span);
    findings.push(Finding {
        rule,
        location: Location::Code { file, function, span },
        // CPython extends a text in place while a single local name is all that refers to it; nothing promises that.
        message: format!("`+=` builds a {what} piece by piece: each round may copy all of it so far"),
        trace: program.recent_path_in(function, region, context),
        harm: Harm::Time {
            cost: Interval::new(0.1, 20.0),
            worst: None,
            source: "1,000 rounds: 0.1 ms at 1 KB in all, 20 ms at 1 MB (memcpy at 10 GB/s and allocation)".to_owned(),
        },
        context: Some(context),
        confidence: Confidence::Likely,
        suggestion: if what == "text" {
            "Collect the parts in a list and join them behind the loop: `\"\".join(parts)`".to_owned()
        } else {
            "Use a `bytearray` and `extend` it, or join the parts once: `b\"\".join(parts)`".to_owned()
        },
        cause: format!("{path}:{line}"),
    });
}
