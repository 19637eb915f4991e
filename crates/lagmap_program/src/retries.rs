//! Retries: how long a call takes at worst when each of its attempts is tried again, over all functions on the way.

use lagmap_facts::{BinaryOp, Expr, ExprId, RegionId, RegionKind};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{CallSite, CallView, FunctionId, Program, Step, bounds::given_bound, effects::call_cost, number};

/// Loops of more rounds are no retries.
const MOST_ATTEMPTS: f64 = 100.0;
/// How many calls a chain of retries is followed.
const DEEPEST: usize = 64;

/// The worst case of a call.
#[derive(Clone, Debug)]
pub struct WorstCase {
    /// The outermost call on the way.
    pub call: CallSite,
    /// How long it may take, in milliseconds, back-off included.
    pub ms: f64,
    /// The attempts of each retry on the way, the outermost first.
    pub attempts: Vec<u32>,
    /// The library call at the end of the way, and how long one may take at most, in milliseconds.
    pub last: (CallSite, f64),
    /// The calls on the way behind the first.
    path: Vec<(FunctionId, CallSite)>,
}

impl WorstCase {
    /// The way down to the library call.
    pub fn steps(&self, program: &Program) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut from = self.call;
        for (target, call) in &self.path {
            steps
                .push(Step { site: program.call(from).expr(), note: format!("calls {}", program.short_name(*target)) });
            from = *call;
        }
        let (last, ms) = self.last;
        let note = format!("waits up to {} s: {}()", ms / 1000.0, program.call(last).path());
        steps.push(Step { site: program.call(last).expr(), note });
        steps
    }
}

impl Program {
    /// For each retry of a retry: its worst case, seen from the outermost.
    pub fn stacked_retries(&self) -> Vec<WorstCase> {
        let mut known = FxHashMap::default();
        let mut found = Vec::new();
        for (file, unit) in self.files() {
            if unit.is_test {
                continue;
            }
            for function in self.functions(file).filter(|function| self.is_live(*function)) {
                found.extend(self.worst_calls(function, &mut known, &mut Vec::new()));
            }
        }
        // What another retry stands around is part of that one's worst case.
        found.retain(|worst| worst.attempts.len() > 1 && self.attempts_around(&self.call(worst.call)).next().is_some());
        let inner: FxHashSet<CallSite> = found.iter().flat_map(|worst| &worst.path).map(|(_, call)| *call).collect();
        found.retain(|worst| !inner.contains(&worst.call));
        found
    }

    /// The worst case of a function: that of the worst of its calls.
    fn worst_case(
        &self,
        function: FunctionId,
        known: &mut FxHashMap<FunctionId, Option<WorstCase>>,
        above: &mut Vec<FunctionId>,
    ) -> Option<WorstCase> {
        if let Some(known) = known.get(&function) {
            return known.clone();
        }
        if above.contains(&function) || above.len() >= DEEPEST {
            return None;
        }
        above.push(function);
        let calls = self.worst_calls(function, known, above);
        above.pop();
        let worst = calls.into_iter().max_by(|a, b| a.ms.total_cmp(&b.ms).then(b.call.cmp(&a.call)));
        known.insert(function, worst.clone());
        worst
    }

    fn worst_calls(
        &self,
        function: FunctionId,
        known: &mut FxHashMap<FunctionId, Option<WorstCase>>,
        above: &mut Vec<FunctionId>,
    ) -> Vec<WorstCase> {
        let mut found = Vec::new();
        for call in self.calls(function) {
            let own = self.longest_wait(&call).map(|ms| WorstCase {
                call: call.site,
                ms,
                attempts: Vec::new(),
                last: (call.site, ms),
                path: Vec::new(),
            });
            let inner = self.callees(call.site).into_iter().filter_map(|target| {
                let worst = self.worst_case(target, known, above)?;
                let mut path = vec![(target, worst.call)];
                path.extend(&worst.path);
                Some(WorstCase { call: call.site, path, ..worst })
            });
            let worst = own.into_iter().chain(inner).max_by(|a, b| a.ms.total_cmp(&b.ms));
            let Some(mut worst) = worst else { continue };
            for (looped, attempts) in self.attempts_around(&call).collect::<Vec<_>>() {
                worst.ms = worst.ms * attempts + self.back_off(&call, looped, attempts);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // At most MOST_ATTEMPTS.
                worst.attempts.insert(0, attempts as u32);
            }
            found.push(worst);
        }
        found
    }

    /// How long a library call waits at most, in milliseconds, if an argument says so.
    fn longest_wait(&self, call: &CallView<'_>) -> Option<f64> {
        let facts = call.facts();
        call.models().find_map(|(model, _)| {
            let timeout = self.catalogue().entry(model)?.timeout.as_ref()?;
            let given = given_bound(facts, call.call, timeout)?;
            let seconds = match facts.expr(given) {
                // Of a time-out to connect and one to read, the longer.
                Expr::Tuple(parts) => {
                    let parts = facts.list(parts).iter().filter_map(|part| self.fixed_number(call.file, *part));
                    parts.reduce(f64::max)?
                }
                _ => self.fixed_number(call.file, given)?,
            };
            Some(seconds * timeout.unit_ms.unwrap_or(1000.0))
        })
    }

    /// The loops around a call that try it again a fixed number of times, the innermost first.
    fn attempts_around<'a>(&'a self, call: &'a CallView<'_>) -> impl Iterator<Item = (RegionId, f64)> + 'a {
        let facts = call.facts();
        let is_tried = facts
            .enclosing(call.region)
            .any(|(_, region)| matches!(region.kind, RegionKind::Try { has_except: true, .. }));
        let loops = facts.enclosing(call.region).filter(move |_| is_tried);
        loops.filter_map(|(id, region)| {
            let RegionKind::For { iterable, .. } = region.kind else { return None };
            let Expr::Call(range) = facts.expr(iterable) else { return None };
            let range = facts.call(range);
            let is_range = matches!(facts.expr(range.callee), Expr::Name(name) if facts.text(name) == "range");
            if !is_range || !self.around(call.file, id).retried {
                return None;
            }
            let attempts = match facts.arguments(range) {
                [end] => self.fixed_number(call.file, *end)?,
                [start, end] => self.fixed_number(call.file, *end)? - self.fixed_number(call.file, *start)?,
                _ => return None,
            };
            (attempts > 1.0 && attempts <= MOST_ATTEMPTS).then_some((id, attempts))
        })
    }

    /// The sleeps of a retry between its attempts, in milliseconds.
    fn back_off(&self, call: &CallView<'_>, looped: RegionId, attempts: f64) -> f64 {
        let facts = call.facts();
        let sleeps = self.calls(call.function).filter(|other| {
            let innermost = facts.enclosing(other.region).find(|(_, region)| region.kind.is_loop());
            other.has_tag("sleep") && innermost.is_some_and(|(id, _)| id == looped)
        });
        sleeps.map(|sleep| self.slept(&sleep, attempts)).sum()
    }

    fn slept(&self, sleep: &CallView<'_>, attempts: f64) -> f64 {
        let facts = sleep.facts();
        let Some(argument) = facts.arguments(sleep.call).first().copied() else { return 0.0 };
        // `2 ** attempt` doubles each time.
        let base = |id: ExprId| match facts.expr(id) {
            Expr::Binary { op: BinaryOp::Pow, left, .. } => number(facts, left).filter(|base| *base > 1.0),
            _ => None,
        };
        if let Some(base) = base(argument) {
            return 1000.0 * (base.powf(attempts.min(16.0)) - 1.0) / (base - 1.0);
        }
        if let Some(seconds) = self.fixed_number(sleep.file, argument) {
            return 1000.0 * seconds * attempts;
        }
        let cost = sleep.model().and_then(|(_, entry)| call_cost(facts, sleep.id, entry));
        cost.map_or(0.0, |cost| cost.low * attempts)
    }
}
