//! `self-deadlock`.

use lagmap_program::{Program, Step};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "self-deadlock",
    bullets: &["E1"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Lock taken twice by the same thread",
    summary: "A function that holds a non-reentrant lock calls one that takes the same lock: the thread waits for itself.",
    document: super::document!("concurrency/self-deadlock"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for deadlock in program.self_deadlocks() {
        let call = program.call(deadlock.call);
        let message = format!(
            "`{}` takes a lock that is already held here: the thread waits for itself for ever",
            program.short_name(deadlock.taken_in)
        );
        let harm = Harm::Hang {
            cost: lagmap_program::Interval::new(1000.0, 1000.0),
            source: "a thread that waits for itself never goes on".to_owned(),
        };
        let steps = deadlock
            .path
            .into_iter()
            .chain([Step { site: deadlock.lock, note: "makes the lock; it is no RLock".to_owned() }]);
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .then(steps)
                .confidence(Confidence::Certain)
                .suggest("Split the inner function into one that expects the lock to be held and one that takes it; or make the lock an `RLock`"),
        );
    }
}
