//! `task-never-awaited`.

use lagmap_facts::{Expr, ResultUse};
use lagmap_program::{CallView, FileId, FunctionId, Program, Step};
use rustc_hash::FxHashMap;

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "task-never-awaited",
    bullets: &["E2", "B7"],
    section: Section::Cpu,
    subsection: Subsection::Async,
    title: "Coroutine or task that nobody keeps",
    summary: "A coroutine is created and never awaited, or a task is created and its reference dropped: it may never run or finish.",
    document: super::document!("concurrency/task-never-awaited"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    forgotten_tasks(rule, program, findings);
    for (file, unit) in program.files() {
        for function in program.functions(file) {
            if unit.is_test || !program.is_live(function) {
                continue;
            }
            for call in program.calls(function) {
                if call.call.result == ResultUse::Discarded && is_coroutine(program, &call) {
                    let message = format!(
                        "`{}` is a coroutine function: this call makes a coroutine and never runs it",
                        called(&call)
                    );
                    findings.push(finding(rule, &call, message, Confidence::Certain));
                }
            }
        }
    }
}

/// Tasks that nobody keeps. All that are made of one coroutine are mended in one go, so they are one finding.
fn forgotten_tasks(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let mut known: FxHashMap<Coroutine, usize> = FxHashMap::default();
    for call in program.calls_tagged("creates-task") {
        let often = call.contexts().any(|context| context.frequency.is_repeated());
        if call.call.result != ResultUse::Discarded || !often || is_kept_by_group(&call) {
            continue;
        }
        let coroutine = coroutine(&call);
        if let Some(first) = coroutine.as_ref().and_then(|coroutine| known.get(coroutine)) {
            findings[*first].trace.push(Step { site: call.expr(), note: "makes another that is not kept".to_owned() });
            continue;
        }
        if let Some(coroutine) = coroutine {
            known.insert(coroutine, findings.len());
        }
        let message = format!(
            "the task of `{}()` is not kept: it may be collected before it ends, and its errors are lost",
            call.path()
        );
        findings.push(finding(rule, &call, message, Confidence::Likely));
    }
}

/// The coroutine function that a task runs.
#[derive(PartialEq, Eq, Hash)]
enum Coroutine {
    /// One of these.
    Known(Vec<FunctionId>),
    /// As a file calls it.
    Named(FileId, String),
}

/// The coroutine function whose call a task is made of.
fn coroutine(call: &CallView<'_>) -> Option<Coroutine> {
    let facts = call.facts();
    let made_of = call.argument(Some("coro"), Some(0))?;
    let Expr::Call(made_of) = facts.expr(made_of) else { return None };
    let mut callees = call.program.callees(call.program.linked.ids.call(call.file, made_of));
    if callees.is_empty() {
        return Some(Coroutine::Named(call.file, facts.dotted(facts.call(made_of).callee)?));
    }
    callees.sort_unstable();
    Some(Coroutine::Known(callees))
}

/// A task group keeps its tasks.
fn is_kept_by_group(call: &CallView<'_>) -> bool {
    call.models()
        .any(|(model, _)| call.path().contains("TaskGroup") || call.program.catalogue().name(model) == "start_soon")
}

fn is_coroutine(program: &Program, call: &CallView<'_>) -> bool {
    let callees = program.callees(call.site);
    let known = call.callees().count();
    known > 0
        && !callees.is_empty()
        && callees.iter().all(|function| {
            let (_, facts) = program.function(*function);
            facts.is_async && !facts.is_generator && facts.decorators.is_empty()
        })
        && callees.len() == known
}

fn called(call: &CallView<'_>) -> String {
    call.facts().dotted(call.call.callee).unwrap_or_else(|| "this".to_owned())
}

fn finding(rule: &'static RuleInfo, call: &CallView<'_>, message: String, confidence: Confidence) -> Finding {
    Finding::at_call(rule, call, message, Harm::Lost)
        .confidence(confidence)
        .suggest("Await it, or keep the task (`self.tasks.add(task); task.add_done_callback(self.tasks.discard)`)")
}
