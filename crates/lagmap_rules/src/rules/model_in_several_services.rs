//! `model-in-several-services`.

use std::collections::BTreeMap;

use lagmap_models::EffectKind;
use lagmap_program::{CallView, Frequency, Program};

use crate::{Bytes, Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "model-in-several-services",
    bullets: &["B5"],
    section: Section::Memory,
    subsection: Subsection::MemoryPattern,
    title: "One model in several services",
    summary: "The same model is loaded by two or more services of the system: each keeps a copy of its own in memory.",
    document: super::document!("memory/model-in-several-services"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let mut loads: BTreeMap<(String, String), Vec<CallView<'_>>> = BTreeMap::new();
    for call in program.calls_where(|entry| entry.effect == Some(EffectKind::ModelLoad)) {
        let Some(first) = call.facts().arguments(call.call).first() else { continue };
        let Some(name) = program.fixed_text(call.file, *first).filter(|name| !name.is_empty()) else { continue };
        loads.entry((name, call.path())).or_default().push(call);
    }
    for ((name, _), calls) in loads {
        let mut services: Vec<usize> = calls.iter().flat_map(|call| program.services_of(call.function)).collect();
        services.sort_unstable();
        services.dedup();
        if services.len() < 2 {
            continue;
        }
        for call in calls {
            let lives = |frequency| !matches!(frequency, Frequency::Script | Frequency::Shutdown | Frequency::Test);
            let Some(context) = call.contexts().iter().find(|context| lives(context.frequency)) else { continue };
            let message = format!("`{}(\"{name}\")` is loaded by {} services: as many copies in memory", call.path(), services.len());
            let bytes = Bytes {
                low: 80e6,
                high: 3e9,
                source: "a sentence encoder of 20 million parameters to a speech model of 1.5 billion in 16 bits".to_owned(),
            };
            findings.push(
                Finding::at_call(rule, &call, message, Harm::Growth { bytes })
                    .in_context(context, &call)
                    .confidence(Confidence::Likely)
                    .cause(format!("model {name}"))
                    .suggest("Let one service own the model and the others ask it (in batches), or load it before the processes fork"),
            );
        }
    }
}
