//! `awaits-in-sequence`.

use lagmap_program::{Place, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "awaits-in-sequence",
    bullets: &["E2"],
    section: Section::Cpu,
    subsection: Subsection::Async,
    title: "Independent requests awaited one after the other",
    summary: "A loop in a coroutine awaits a request for each item although none needs the answer of another.",
    document: super::document!("concurrency/awaits-in-sequence"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for (file, unit) in program.files() {
        for function in program.functions(file).filter(|function| !unit.is_test && program.is_live(*function)) {
            for found in program.sequential_awaits(function) {
                let contexts = found.call.contexts();
                let wanted = |context: &lagmap_program::Context| {
                    context.frequency.is_repeated() && context.place == Place::EventLoop
                };
                let Some(context) = contexts.iter().find(wanted) else { continue };
                let what = program.catalogue().path(found.effect.model);
                let message = format!("`{what}()` is awaited for one item after the other, though none needs another's answer");
                let source = program.cost_source(&found.effect);
                let harm = Harm::Time {
                    cost: found.effect.cost,
                    worst: None,
                    source: format!("{source}; one such wait more for each item behind the first"),
                };
                findings.push(
                    Finding::at_call(rule, &found.call, message, harm)
                        .in_context(context, &found.call)
                        .then(found.steps)
                        .confidence(Confidence::Likely)
                        .suggest("Start them together: `await asyncio.gather(*(... for item in items))`, or an `asyncio.TaskGroup`, with a semaphore where the service limits requests"),
                );
            }
        }
    }
}
