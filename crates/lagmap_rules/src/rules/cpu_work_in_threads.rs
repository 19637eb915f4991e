//! `cpu-work-in-threads`.

use lagmap_facts::RegionId;
use lagmap_models::RunContext;
use lagmap_program::{CallView, EdgeKind, Frequency, FunctionId, Interval, Program, Value};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "cpu-work-in-threads",
    bullets: &["F7"],
    section: Section::Pooling,
    subsection: Subsection::ObjectPool,
    title: "Computing spread over threads",
    summary: "Pure-Python computing is spread over threads, which run one at a time under the interpreter's lock.",
    document: super::document!("concurrency/cpu-work-in-threads"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for (file, unit) in program.files() {
        for function in program.functions(file).filter(|function| !unit.is_test && program.is_live(*function)) {
            for edge in program.graph.from(function) {
                if edge.kind != EdgeKind::Callback(RunContext::Thread) {
                    continue;
                }
                let [target] = program.targets(edge.to)[..] else { continue };
                let (_, argument) = program.linked.ids.of_site(edge.site);
                let spreads = |call: &CallView<'_>| {
                    let facts = call.facts();
                    let given = facts.keywords(call.call).iter().any(|keyword| keyword.value == argument)
                        || facts.arguments(call.call).contains(&argument);
                    given && (call.has_tag("fans-out") || call.around().loops > 0 && !call.around().forever)
                };
                let Some(call) = program.calls(function).find(spreads) else { continue };
                if only_computes(program, target) {
                    findings.extend(finding(rule, program, &call, target));
                }
            }
        }
    }
}

fn finding(rule: &'static RuleInfo, program: &Program, call: &CallView<'_>, target: FunctionId) -> Option<Finding> {
    let context = call.contexts().iter().find(|context| context.frequency != Frequency::Shutdown)?;
    let message = format!("`{}` only computes, in Python: its threads run one at a time", program.short_name(target));
    let harm = Harm::Time {
        cost: Interval::new(0.5, 50.0),
        worst: None,
        source: "10 items of nested loops, 0.05 to 5 ms each (assumed)".to_owned(),
    };
    let finding = Finding::at_call(rule, call, message, harm).in_context(context, call);
    Some(finding.confidence(Confidence::Likely).suggest(
        "Use a `ProcessPoolExecutor`, made once, or do the inner loops in a library that leaves Python (numpy)",
    ))
}

/// Whether a function has nested loops and does nothing that lets other threads run: no library call beyond builtins.
fn only_computes(program: &Program, function: FunctionId) -> bool {
    let (file, _) = program.linked.ids.of_function(function);
    let (unit, scope) = program.function(function);
    let is_nested = |region: RegionId| {
        unit.facts.region(region).kind.is_loop() && program.around(file, region).loops >= 2
    };
    program.effects.total(function).is_empty()
        && scope.regions.clone().any(|region| is_nested(RegionId(region)))
        && program.calls(function).all(|call| {
            call.callees().count() > 0
                && call.callees().all(|value| match value {
                    Value::External(model) | Value::Bound { method: model, .. } => {
                        let is_plain = |path: &String| path.starts_with("builtins.") || path.starts_with("math.");
                        program.catalogue().entry(model).is_some_and(|entry| entry.paths.iter().any(is_plain))
                    }
                    Value::Function(target) | Value::Method { function: target, .. } => {
                        program.effects.total(target).is_empty()
                    }
                    _ => false,
                })
        })
}
