//! `thread-per-request`.

use lagmap_program::{CallView, Frequency, Interval, Program, Recurrence};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "thread-per-request",
    bullets: &["B7", "F6"],
    section: Section::Pooling,
    subsection: Subsection::ObjectPool,
    title: "Thread, process or executor per request",
    summary: "A thread, process, timer or executor is made for each request or message: without bound, and at a cost each time.",
    document: super::document!("pooling/thread-per-request"),
    check,
};

/// Resources that do work.
const WORKERS: [&str; 6] = ["thread", "timer", "executor", "process", "process-pool", "worker-process"];

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let tags = ["creates-thread", "creates-executor", "creates-process"];
    for call in program.calls_where(|entry| entry.tags.iter().any(|tag| tags.contains(&tag.as_str()))) {
        // Starting a program is what such a request is for; doing so per item of a loop is not.
        if call.model().is_some_and(|(_, entry)| entry.opens.as_deref() == Some("process")) && call.around().loops == 0 {
            continue;
        }
        // `subprocess.run` waits for its process: as many run at once as there are callers.
        if call.model().is_some_and(|(_, entry)| entry.effect == Some(lagmap_models::EffectKind::Process) && entry.opens.is_none()) {
            continue;
        }
        // A client that has a thread of its own is to be kept for other reasons: another rule's concern.
        let opened = call.model().and_then(|(_, entry)| program.catalogue().resource(entry.opens.as_deref()?));
        if opened.is_some_and(|resource| !WORKERS.contains(&resource.kind.as_str())) || call.is_made_while_absent() {
            continue;
        }
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency == Frequency::Request) else { continue };
        // Whoever makes the object that the thread belongs to does so while there is none.
        let steps = program.path_to(call.function, context);
        if steps.iter().filter_map(|step| program.creation(step.site)).any(|step| step.is_made_while_absent()) {
            continue;
        }
        let path = call.path();
        let (what, cost, source) = kind(&call);
        let message = if is_ended_here(&call) {
            format!("`{path}()` makes a new {what} for each request: its threads are started and joined each time")
        } else {
            format!("`{path}()` makes a new {what} for each request; nothing bounds how many run at once")
        };
        let harm = Harm::Time { cost, worst: None, source: source.to_owned() };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                // What only an error starts, or the first request with some key, is rare.
                .confidence(if is_rare(&call) || steps.len() > DEEPEST { Confidence::Possible } else { Confidence::at(&call, context) })
                .workers(what)
                .suggest("Make one `ThreadPoolExecutor(max_workers=...)` when the service starts and submit to it (for work that waits: about as many workers as requests in flight; for work that computes: a process pool with one worker a core)"),
        );
    }
}

/// Behind more steps than this, conditions on the way mostly decide whether there is a thread at all.
const DEEPEST: usize = 5;

fn is_rare(call: &CallView<'_>) -> bool {
    call.around().handler || call.is_left_out_by_state() || call.around().recurrence != Recurrence::EveryCall || call.is_made_for_new_key()
}

/// `with ThreadPoolExecutor() as pool`: at the end of the block its threads are gone.
fn is_ended_here(call: &CallView<'_>) -> bool {
    call.has_tag("creates-executor") && call.is_entered()
}

fn kind(call: &CallView<'_>) -> (&'static str, Interval, &'static str) {
    if call.has_tag("creates-process") {
        ("process", Interval::new(5.0, 200.0), "fork or spawn of a Python process, imports included for spawn")
    } else if is_ended_here(call) {
        ("executor", Interval::new(0.2, 9.0), "starts its threads and joins them at the end of the block")
    } else if call.has_tag("creates-executor") {
        ("executor", Interval::new(0.2, 12.0), "starts its threads on first use and joins them at its end")
    } else {
        ("thread", Interval::new(0.05, 10.0), "start of a thread; up to 10 ms when hundreds compete")
    }
}
