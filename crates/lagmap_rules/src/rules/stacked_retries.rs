//! `stacked-retries`.

use lagmap_program::{Frequency, Interval, Place, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "stacked-retries",
    bullets: &["A3", "A5"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Retries around retries",
    summary: "A retry stands around another: at worst the caller waits for attempts x attempts x time-out plus back-off, more than half a minute.",
    document: super::document!("blocking/stacked-retries"),
    check,
};

/// Shorter worst cases are what retries are for: most callers of services give up after half a minute.
const SHORTEST_MS: f64 = 30_000.0;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for worst in program.stacked_retries().into_iter().filter(|worst| worst.ms >= SHORTEST_MS) {
        let call = program.call(worst.call);
        let waits = |frequency| !matches!(frequency, Frequency::Script | Frequency::Shutdown | Frequency::Test);
        let Some(context) = call.contexts().iter().find(|context| waits(context.frequency)) else { continue };
        let last = program.call(worst.last.0);
        let attempts: Vec<String> = worst.attempts.iter().map(ToString::to_string).collect();
        let message = format!(
            "retries stand around retries: {} attempts of `{}()` with a time-out of {} s take up to {:.0} s, back-off included",
            attempts.join(" x "),
            last.path(),
            worst.last.1 / 1000.0,
            worst.ms / 1000.0,
        );
        let entry = last.model().map(|(_, entry)| entry);
        let [low, high] = entry.and_then(|entry| entry.ms).unwrap_or([1.0, 100.0]);
        let harm = Harm::Time {
            cost: Interval::new(low, high),
            worst: Some(worst.ms),
            source: entry.and_then(|entry| entry.source.clone()).unwrap_or_default(),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                // A thread of its own that looks for somebody after the start makes nobody wait.
                .confidence(if context.place == Place::Worker && context.frequency == Frequency::Startup {
                    Confidence::Possible
                } else {
                    Confidence::Certain
                })
                .then(worst.steps(program))
                .suggest("Retry at one place only, and give the whole a deadline that its caller can bear"),
        );
    }
}
