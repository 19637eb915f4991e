//! Dominant waits: what whoever asks waits for anyhow, beside what a finding would save them.

use lagmap_facts::{FileFacts, RegionId, RegionKind};
use lagmap_models::EffectKind;

use crate::{CallView, Context, FunctionId, Interval, Program, Recurrence};

impl Program {
    /// The longest that is waited for in a request or round of a loop each time that it comes to a place: over the functions on
    /// the way from where it begins, the costliest call that is made whenever the way is taken. Waits that are findings
    /// themselves (sleeps, locks, models loaded) are left out, and waiting for the next message.
    pub fn dominant_wait(&self, function: FunctionId, region: RegionId, context: Context) -> Option<Interval> {
        let mut waits = vec![self.wait_beside(function, region)];
        let (mut at, mut place) = ((function, context), region);
        // Witnesses lead to earlier and earlier contexts; the bound is for safety.
        for _ in 0..64 {
            let Some((caller, outer, edge)) = self.witness(at.0, Some(place), at.1) else { break };
            let edge = &self.graph.edges[edge as usize];
            if outer.frequency != at.1.frequency || !self.graph.runs_here(edge) {
                break;
            }
            waits.push(self.wait_beside(caller, edge.region));
            (at, place) = ((caller, outer), edge.region);
        }
        longest(waits.into_iter().flatten())
    }

    /// The costliest of the calls of a function that are made each time that it comes to one of its regions.
    fn wait_beside(&self, function: FunctionId, region: RegionId) -> Option<Interval> {
        let (file, _) = self.linked.ids.of_function(function);
        let facts = &self.linked.file(file).facts;
        let beside = self.costly_calls(function).filter(|call| is_taken_too(facts, call.region, region));
        longest(beside.filter_map(|call| self.wait_of(&call)))
    }

    fn wait_of(&self, call: &CallView<'_>) -> Option<Interval> {
        let is_work =
            |kind| !matches!(kind, EffectKind::Sleep | EffectKind::Lock | EffectKind::Wait | EffectKind::ModelLoad);
        let each_time = self.effects_at(call, true).filter(|effect| {
            is_work(effect.kind)
                && effect.recurrence == Recurrence::EveryCall
                && !self.catalogue().entry(effect.model).is_some_and(|entry| entry.receives)
        });
        longest(each_time.map(|effect| effect.cost))
    }
}

fn longest(waits: impl Iterator<Item = Interval>) -> Option<Interval> {
    waits.max_by(|a, b| a.middle().total_cmp(&b.middle()))
}

/// Whether code in one region runs too, typically, when that in another does: it is on no branch of its own. What stands behind
/// an early exit does, unless the other is what exits.
fn is_taken_too(facts: &FileFacts, region: RegionId, other: RegionId) -> bool {
    let around: Vec<(RegionId, RegionKind)> = facts.enclosing(other).map(|(id, region)| (id, region.kind)).collect();
    let exits = |exit| {
        around.iter().any(|(_, kind)| matches!(kind, RegionKind::If { test, implied: false, .. } if *test == exit))
    };
    let mut own = facts.enclosing(region).take_while(|(id, _)| around.iter().all(|(outer, _)| outer != id));
    own.all(|(_, region)| match region.kind {
        RegionKind::If { test, implied: true, .. } => !exits(test),
        RegionKind::If { .. }
        | RegionKind::Case { .. }
        | RegionKind::Except { .. }
        | RegionKind::TryElse { .. }
        | RegionKind::LoopElse => false,
        _ => true,
    })
}
