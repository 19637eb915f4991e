//! `lock-held-over-blocking-work`.

use std::collections::hash_map::Entry;

use lagmap_models::EffectKind;
use lagmap_program::{CallView, Effect, Program, Recurrence, Site, Step};
use rustc_hash::FxHashMap;

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "lock-held-over-blocking-work",
    bullets: &["E1", "E3"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Lock held over blocking work",
    summary: "A lock that several places take is held while its holder waits for disk, network, a process, a model or a sleep.",
    document: super::document!("concurrency/lock-held-over-blocking-work"),
    check,
};

/// Below this, waiting for the lock is not felt.
const SHORTEST_MS: f64 = 10.0;
/// Behind more calls than this, conditions on the way mostly decide.
const DEEPEST: u32 = 4;
/// Work done once may take this long under a lock.
const LONGEST_ONCE_MS: f64 = 1000.0;

/// How many threads a library's users have is theirs to know: only what they would all feel is worth a word.
const SHORTEST_OF_LIBRARY_MS: f64 = 200.0;

/// Work of one kind that is done under a lock at one place.
struct Held {
    lock: Site,
    kind: EffectKind,
    /// The typical high end, in milliseconds.
    cost: f64,
    call: Site,
    finding: Finding,
}

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let mut found = Vec::new();
    for (file, unit) in program.files() {
        if unit.is_test {
            continue;
        }
        for function in program.functions(file) {
            if program.is_live(function) {
                let mut reported = Vec::new();
                for call in program.costly_calls(function) {
                    found.extend(check_call(rule, program, &call, &mut reported));
                }
            }
        }
    }
    findings.extend(once_per_lock(found));
}

/// A lock that is held over work of one kind is one cause, at however many places: the dearest shows it, the others stand in
/// its trace.
fn once_per_lock(found: Vec<Held>) -> impl Iterator<Item = Finding> {
    let mut first: FxHashMap<(Site, EffectKind), usize> = FxHashMap::default();
    let mut kept: Vec<(Held, Vec<Site>)> = Vec::new();
    for held in found {
        match first.entry((held.lock, held.kind)) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push((held, Vec::new()));
            }
            Entry::Occupied(place) => {
                let (dearest, others) = &mut kept[*place.get()];
                if held.cost > dearest.cost {
                    others.push(std::mem::replace(dearest, held).call);
                } else {
                    others.push(held.call);
                }
            }
        }
    }
    kept.into_iter().map(|(held, others)| {
        let also = others.into_iter().map(|site| Step { site, note: "holds it over the like".to_owned() });
        held.finding.then(also)
    })
}

fn check_call(
    rule: &'static RuleInfo,
    program: &Program,
    call: &CallView<'_>,
    reported: &mut Vec<lagmap_facts::RegionId>,
) -> Option<Held> {
    // Making something once under a lock is what such a lock is for.
    if call.around().recurrence == Recurrence::FirstCall {
        return None;
    }
    let contexts = call.contexts();
    let often = |context: &lagmap_program::Context| {
        context.frequency.is_repeated() || context.frequency == lagmap_program::Frequency::Lazy
    };
    let context = contexts.iter().find(often)?;
    let held = program.locks_held(call.file, call.region, call.span().start);
    let (lock, region) = held.iter().find(|(lock, _)| program.is_contended(*lock))?;
    if reported.contains(region) {
        return None;
    }
    let (effect, steps) = costliest(program, call, &held)?;
    // Whoever comes while something is made once needs it, too; a model takes so long that others should be told to come again.
    let once = !context.frequency.is_repeated() && call.around().recurrence == Recurrence::EveryCall;
    if once && (effect.kind != EffectKind::ModelLoad || effect.cost.high <= LONGEST_ONCE_MS) {
        return None;
    }
    // What is made while it is not there, and kept, is waited for by whoever needs it, lock or no lock; what comes from elsewhere and
    // ages is fetched again and again.
    let is_kept = call.around().recurrence != Recurrence::EveryCall || effect.recurrence != Recurrence::EveryCall;
    if is_kept && matches!(effect.kind, EffectKind::Wait | EffectKind::Disk) {
        return None;
    }
    // A model in memory answers one at a time, lock or no lock: mostly the lock is there for that.
    if effect.kind == EffectKind::Inference {
        return None;
    }
    reported.push(*region);
    let path = program.catalogue().path(effect.model);
    let message = format!("`{path}()` runs while a lock is held: every other thread that needs the lock waits for it");
    let harm = Harm::Time { cost: effect.cost, worst: None, source: program.cost_source(&effect) };
    // How long a wait for whatever a library's users gave it takes, is theirs to know, too. A store that lets one
    // write at a time does so, lock or no lock.
    let is_unknown = context.frequency == lagmap_program::Frequency::Library
        && (effect.kind == EffectKind::Wait || effect.cost.high <= SHORTEST_OF_LIBRARY_MS)
        || program.catalogue().has_tag(effect.model, "one-writer");
    let made = Step { site: *lock, note: "makes the lock".to_owned() };
    let finding = Finding::at_call(rule, call, message, harm)
            .in_context(context, call)
            .then(steps)
            .then([made])
            .confidence(if effect.depth > DEEPEST || is_unknown { Confidence::Possible } else { Confidence::Likely })
            .suggest("Take what the work needs out under the lock, do the work without it, and take it again to store the result");
    Some(Held { lock: *lock, kind: effect.kind, cost: effect.cost.high, call: call.expr(), finding })
}

/// The costliest thing that a call waits for, other than for the held locks themselves.
fn costliest(
    program: &Program,
    call: &CallView<'_>,
    held: &[(Site, lagmap_facts::RegionId)],
) -> Option<(Effect, Vec<Step>)> {
    let own = call.own_effects().map(|effect| (*effect, None));
    let inner = program.effects_of_call(call, false).into_iter().map(|(target, effect)| (effect, Some(target)));
    let wanted = |effect: &Effect| {
        let source = program.call(effect.source);
        let releases = source.models().any(|(model, receiver)| {
            program.catalogue().has_tag(model, "lock-free-wait")
                && receiver.is_some_and(|receiver| held.iter().any(|(lock, _)| *lock == receiver))
        });
        let instant = source.models().any(|(model, receiver)| {
            program.bound(&source, model, receiver) == Some(lagmap_program::Bound::Instant)
        });
        let is_done = effect.kind == EffectKind::Wait && call.is_made_when_done();
        !instant && !is_done && effect.recurrence != Recurrence::FirstCall && !matches!(effect.kind, EffectKind::Lock | EffectKind::Cpu) && effect.cost.high >= SHORTEST_MS && !releases
    };
    let (effect, target) = own
        .chain(inner)
        .filter(|(effect, _)| wanted(effect))
        .max_by(|(a, _), (b, _)| a.cost.high.total_cmp(&b.cost.high))?;
    let mut steps = Vec::new();
    if let Some(target) = target {
        steps.push(Step { site: call.expr(), note: format!("calls {}", program.short_name(target)) });
        steps.extend(program.path_from(&effect, true));
    }
    Some((effect, steps))
}

