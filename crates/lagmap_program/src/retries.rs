//! Retries: how long a call takes at worst when each of its attempts is tried again, over all functions on the way.

use lagmap_facts::{BinaryOp, CompareOp, Expr, ExprId, OpKind, RegionId, RegionKind};
use lagmap_models::{ModelId, TimeoutModel};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    CallSite, CallView, FileId, FunctionId, Program, Site, Step, bounds::given_bound, effects::call_cost, number,
};

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
                let retried = self.calls(function).filter(|call| {
                    self.around(call.file, call.region).loops > 0 && self.attempts_around(call).next().is_some()
                });
                found.extend(retried.filter_map(|call| self.worst_call(&call, &mut known, &mut Vec::new())));
            }
        }
        // What another retry stands around is part of that one's worst case.
        found.retain(|worst| worst.attempts.len() > 1);
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
        let calls: Vec<_> = self.calls(function).filter_map(|call| self.worst_call(&call, known, above)).collect();
        above.pop();
        let worst = calls.into_iter().max_by(|a, b| a.ms.total_cmp(&b.ms).then(b.call.cmp(&a.call)));
        known.insert(function, worst.clone());
        worst
    }

    fn worst_call(
        &self,
        call: &CallView<'_>,
        known: &mut FxHashMap<FunctionId, Option<WorstCase>>,
        above: &mut Vec<FunctionId>,
    ) -> Option<WorstCase> {
        let own = self.longest_wait(call).map(|ms| WorstCase {
            call: call.site,
            ms,
            attempts: Vec::new(),
            last: (call.site, ms),
            path: Vec::new(),
        });
        // Of several methods that may be meant, each object has only one: a way through them may be nobody's.
        let inner = match self.callees(call.site)[..] {
            [target] => self.worst_case(target, known, above).map(|worst| {
                let mut path = vec![(target, worst.call)];
                path.extend(&worst.path);
                WorstCase { call: call.site, path, ..worst }
            }),
            _ => None,
        };
        let mut worst = own.into_iter().chain(inner).max_by(|a, b| a.ms.total_cmp(&b.ms))?;
        for (looped, attempts) in self.attempts_around(call) {
            worst.ms = worst.ms * attempts + self.back_off(call, looped, attempts);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // At most MOST_ATTEMPTS.
            worst.attempts.insert(0, attempts as u32);
        }
        Some(worst)
    }

    /// How long a library call waits at most, in milliseconds, if an argument says so, or something done to its receiver.
    fn longest_wait(&self, call: &CallView<'_>) -> Option<f64> {
        let facts = call.facts();
        call.models().find_map(|(model, receiver)| {
            let timeout = self.catalogue().entry(model)?.timeout.as_ref()?;
            let Some(given) = given_bound(facts, call.call, timeout) else {
                return self.longest_wait_on(receiver?, timeout);
            };
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

    /// How long calls on an object wait at most: by an option in milliseconds, `settimeout` or its constructor in seconds.
    fn longest_wait_on(&self, receiver: Site, timeout: &TimeoutModel) -> Option<f64> {
        let set = self.calls_on(receiver).find_map(|call| {
            let facts = call.facts();
            let arguments = facts.arguments(call.call);
            let option = arguments.first().map(|first| self.constant_name(facts, *first)).unwrap_or_default();
            if call.has_tag("sets-option") && timeout.receiver_options.iter().any(|wanted| wanted == option) {
                return self.fixed_number(call.file, *arguments.get(1)?);
            }
            let is_method = |(model, _): (ModelId, Option<Site>)| {
                let name = self.catalogue().name(model);
                name == "settimeout" && timeout.receiver_methods.iter().any(|method| method == name)
            };
            let seconds = call.models().any(is_method).then(|| arguments.first()).flatten()?;
            Some(self.fixed_number(call.file, *seconds)? * 1000.0)
        });
        set.or_else(|| {
            let made = self.creation(receiver)?;
            let facts = made.facts();
            let keyword = facts.keywords(made.call).iter().find(|keyword| {
                let name = keyword.name.map(|name| facts.text(name)).unwrap_or_default();
                timeout.receiver_arguments.iter().any(|wanted| wanted == name)
            });
            Some(self.fixed_number(made.file, keyword?.value)? * 1000.0)
        })
        .filter(|ms| *ms > 0.0)
    }

    /// How often a call is tried at most, by the loops around it in its own function.
    pub fn attempts(&self, call: &CallView<'_>) -> f64 {
        self.attempts_around(call).map(|(_, attempts)| attempts).product()
    }

    /// The call itself, if a loop over data goes round it: one that neither tries again nor waits for work.
    pub fn loop_over_data(&self, call: &CallView<'_>) -> Option<CallSite> {
        let facts = call.facts();
        let retried: Vec<RegionId> = self.attempts_around(call).map(|(looped, _)| looped).collect();
        let looped = facts.enclosing(call.region).any(|(id, region)| {
            let is_data = matches!(region.kind, RegionKind::For { .. } | RegionKind::Comprehension { .. });
            is_data && !retried.contains(&id) && !self.around(call.file, id).retried
        });
        looped.then_some(call.site)
    }

    /// The one call of a function that stands in a loop over data.
    pub fn loop_over_data_around(&self, function: FunctionId) -> Option<CallSite> {
        let calls = self.incoming(function).filter_map(|edge| {
            let (file, id) = self.linked.ids.of_site(edge.site);
            let Expr::Call(call) = self.linked.file(file).facts.expr(id) else { return None };
            let call = self.call(self.linked.ids.call(file, call));
            if self.is_live(call.function) { self.loop_over_data(&call) } else { None }
        });
        calls.min()
    }

    /// Whether a call, or all that its function is called by, stands in a loop that goes on for ever and sleeps each time.
    pub fn is_paced_by_sleep(&self, call: &CallView<'_>) -> bool {
        let paced = |file: FileId, function: FunctionId, region: RegionId| {
            let facts = &self.linked.file(file).facts;
            let looped = facts.enclosing(region).find(|(_, region)| matches!(region.kind, RegionKind::While { .. }));
            let Some((looped, _)) = looped else { return false };
            let around = self.around(file, looped);
            around.forever
                && !around.service
                && self
                    .calls(function)
                    .any(|other| other.has_tag("sleep") && facts.enclosing(other.region).any(|(id, _)| id == looped))
        };
        let mut callers = self.incoming(call.function).filter(|edge| self.is_live(edge.from)).peekable();
        paced(call.file, call.function, call.region)
            || callers.peek().is_some()
                && callers.all(|edge| {
                    let (file, _) = self.linked.ids.of_site(edge.site);
                    paced(file, edge.from, edge.region)
                })
    }

    /// What the costliest other call in the innermost loop around a call typically takes at most, in milliseconds.
    pub fn other_cost_in_loop(&self, call: &CallView<'_>) -> f64 {
        let facts = call.facts();
        let Some((looped, _)) = facts.enclosing(call.region).find(|(_, region)| region.kind.is_loop()) else {
            return 0.0;
        };
        let others = self
            .calls(call.function)
            .filter(|other| other.site != call.site && facts.enclosing(other.region).any(|(id, _)| id == looped));
        let costs =
            others.flat_map(|other| self.effects_at(&other, true).map(|effect| effect.cost.high).collect::<Vec<_>>());
        costs.fold(0.0, f64::max)
    }

    /// The costliest thing that a function does, as a step of a path.
    pub fn costliest_step(&self, function: FunctionId) -> Vec<Step> {
        let effects = self.effects.total(function).iter();
        let costliest = effects.max_by(|a, b| a.cost.high.total_cmp(&b.cost.high).then(b.source.cmp(&a.source)));
        costliest.map(|effect| self.path_from(effect, false)).unwrap_or_default()
    }

    /// The loops around a call that try it again a fixed number of times, the innermost first. Such a loop goes round again
    /// after an error, or counts what its own names call attempts.
    fn attempts_around<'a>(&'a self, call: &'a CallView<'_>) -> impl Iterator<Item = (RegionId, f64)> + 'a {
        let facts = call.facts();
        let has_except = |kind| matches!(kind, RegionKind::Try { has_except: true, .. });
        let is_tried = facts.enclosing(call.region).any(|(_, region)| has_except(region.kind));
        facts.enclosing(call.region).filter_map(move |(id, region)| {
            let (counter, attempts) = match region.kind {
                RegionKind::For { iterable, .. } => self.rounds(call.file, iterable)?,
                RegionKind::While { test } => self.counted_rounds(call.file, id, test)?,
                _ => return None,
            };
            let is_named = ["attempt", "retr", "tries"].iter().any(|word| counter.contains(word));
            let leaves = facts.ops.iter().any(|op| {
                matches!(op.kind, OpKind::Break | OpKind::Return(_))
                    && facts.enclosing(op.region).any(|(inside, _)| inside == id)
            });
            let retries = is_tried && self.around(call.file, id).retried || is_named && leaves;
            (retries && attempts > 1.0 && attempts <= MOST_ATTEMPTS).then_some((id, attempts))
        })
    }

    /// The counter and number of rounds of `for attempt in range(number)`.
    fn rounds(&self, file: FileId, iterable: ExprId) -> Option<(&str, f64)> {
        let facts = &self.linked.file(file).facts;
        let Expr::Call(range) = facts.expr(iterable) else { return None };
        let range = facts.call(range);
        if !matches!(facts.expr(range.callee), Expr::Name(name) if facts.text(name) == "range") {
            return None;
        }
        let rounds = match facts.arguments(range) {
            [end] => self.fixed_number(file, *end)?,
            [start, end] => self.fixed_number(file, *end)? - self.fixed_number(file, *start)?,
            _ => return None,
        };
        let counter = facts.ops.iter().find_map(|op| match op.kind {
            OpKind::Iterate { target, iterable: own } if own == iterable => match facts.expr(target) {
                Expr::Name(name) => Some(facts.text(name)),
                _ => None,
            },
            _ => None,
        });
        Some((counter.unwrap_or_default(), rounds))
    }

    /// The counter and number of rounds of `while attempts < number`, where the loop counts up.
    fn counted_rounds(&self, file: FileId, looped: RegionId, test: ExprId) -> Option<(&str, f64)> {
        let facts = &self.linked.file(file).facts;
        let test = match facts.expr(test) {
            Expr::Boolean { and: true, values } => *facts.list(values).first()?,
            _ => test,
        };
        let Expr::Compare { op, left, right } = facts.expr(test) else { return None };
        let Expr::Name(counter) = facts.expr(left) else { return None };
        let counts = facts.ops.iter().any(|op| {
            matches!(op.kind, OpKind::Augment { target, .. }
                if matches!(facts.expr(target), Expr::Name(name) if name == counter))
                && facts.enclosing(op.region).any(|(inside, _)| inside == looped)
        });
        let more = match op {
            CompareOp::Less => 0.0,
            CompareOp::LessEqual => 1.0,
            _ => return None,
        };
        Some((facts.text(counter), self.fixed_number(file, right)? + more)).filter(|_| counts)
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
