//! `waits-behind-waits`.

use lagmap_program::{Program, Step};
use rustc_hash::FxHashSet;

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "waits-behind-waits",
    bullets: &["E7"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Chain of services that wait for each other",
    summary: "A request waits for a service that itself waits for another: the caller pays for the whole chain, a tenth of a second and more.",
    document: super::document!("system/waits-behind-waits"),
    check,
};

/// People notice a tenth of a second (Nielsen, Response Times, 1993).
const SHORTEST_MS: f64 = 100.0;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let wires = program.wires();
    let chains: Vec<Vec<usize>> = (0..wires.waits.len()).map(|wait| wires.chain(wait)).collect();
    // What is a part of a longer chain is said there.
    let inner: FxHashSet<usize> = chains.iter().flat_map(|chain| chain.iter().skip(1).copied()).collect();
    for (index, chain) in chains.iter().enumerate() {
        let wait = &wires.waits[index];
        if chain.len() < 2 || inner.contains(&index) || wait.cost.middle() < SHORTEST_MS {
            continue;
        }
        let names: Vec<String> =
            chain.iter().map(|wait| format!("`{}`", program.system.services[wires.waits[*wait].to].name)).collect();
        let message = format!(
            "waits for {} in turn: {} in all",
            names.join(", which waits for "),
            super::in_seconds(wait.cost)
        );
        let steps = chain.iter().skip(1).map(|next| {
            let next = &wires.waits[*next];
            let (from, to) = (&program.system.services[next.service].name, &program.system.services[next.to].name);
            let note = format!(
                "`{from}` waits for `{to}`: {}",
                super::in_seconds(next.cost)
            );
            Step { site: program.call(next.call).expr(), note }
        });
        let steps: Vec<Step> = steps.collect();
        let harm = Harm::Time {
            cost: wait.cost,
            worst: wait.timeout,
            source: "the sum of what the handlers on the way cost, with a round trip of 0.1 to 1 ms each".to_owned(),
        };
        let last = chain.last().map(|last| &program.system.services[wires.waits[*last].to].name);
        findings.push(
            Finding::at_call(rule, &program.call(wait.call), message, harm)
                .confidence(Confidence::Likely)
                .then(steps)
                .suggest(format!(
                    "Ask `{}` beforehand or beside other work, or have it answer the caller itself",
                    last.map_or("the last", String::as_str)
                )),
        );
    }
}
