//! Locks: where they are taken, and threads that wait for themselves.

use lagmap_facts::{Expr, FileFacts, NameHash, RegionId, RegionKind, ResultUse};

use rustc_hash::FxHashMap;

use crate::{CallSite, CallView, FileId, Frequency, FunctionId, Place, Program, Site, Step, Value};

/// A call under a lock that comes to take the same lock again.
#[derive(Clone, Debug)]
pub struct SelfDeadlock {
    /// The call that is made while the lock is held.
    pub call: CallSite,
    /// Where the lock is made.
    pub lock: Site,
    /// The function that takes it again.
    pub taken_in: FunctionId,
    /// The way there.
    pub path: Vec<Step>,
}

/// A lock that is taken while another is held.
#[derive(Clone, Debug)]
pub struct LockOrder {
    /// Where the lock that is held is made.
    pub first: Site,
    /// Where the lock that is taken then is made.
    pub second: Site,
    /// The function that holds the first.
    pub function: FunctionId,
    /// What takes the second in that function: its `with`, or a call.
    pub at: Site,
    /// The way from a call to the function that takes the second.
    pub path: Vec<Step>,
}

/// Two locks that are taken in both orders.
#[derive(Clone, Debug)]
pub struct LockInversion {
    /// The one order.
    pub one: LockOrder,
    /// The other.
    pub other: LockOrder,
}

/// How many calls deep a second taking of a lock is looked for.
const DEEPEST: usize = 6;

/// How many context managers that enter others are looked through for a lock.
const DEEPEST_MANAGER: u32 = 3;

impl Program {
    /// The locks that are held at an offset in a region, the innermost first: the object made at each site, and the region
    /// from which on it is held. A lock may be taken by `with`, by `acquire` before and `release` behind, or by a context
    /// manager of the program that takes it when it is entered.
    pub fn locks_held(&self, file: FileId, region: RegionId, offset: u32) -> Vec<(Site, RegionId)> {
        self.locks_held_within(file, region, offset, DEEPEST_MANAGER)
    }

    fn locks_held_within(&self, file: FileId, region: RegionId, offset: u32, depth: u32) -> Vec<(Site, RegionId)> {
        let facts = &self.linked.file(file).facts;
        let mut found = Vec::new();
        let mut evaluator = None;
        for (id, region) in facts.enclosing(region) {
            // An asyncio lock is taken by `async with`; what waits for it gives way to other tasks.
            let RegionKind::With { context, is_async: false } = region.kind else { continue };
            let evaluator = evaluator.get_or_insert_with(|| self.evaluator(file));
            for value in evaluator.values(context).iter() {
                let locks = self.taken_by_entering(value, depth);
                found.extend(locks.into_iter().map(|lock| (lock, id)));
            }
        }
        let function = self.linked.ids.function(file, facts.region(region).function);
        found.extend(self.acquired(function, region, offset));
        found
    }

    /// The locks that entering a context manager takes.
    fn taken_by_entering(&self, manager: Value, depth: u32) -> Vec<Site> {
        let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
        match manager {
            Value::Object { model, site } if self.catalogue().has_tag(model, "lock") => vec![site],
            // What a generator holds where it yields, its block holds.
            Value::Generator(function) => {
                let (file, _) = self.linked.ids.of_function(function);
                let (unit, generator) = self.function(function);
                let mut yields = generator.exprs.clone().map(|id| &unit.facts.exprs[id as usize]);
                let place = yields.find(|node| matches!(node.expr, Expr::Yield(_)));
                let held = place.map(|node| self.locks_held_within(file, node.region, node.span.start, depth));
                held.into_iter().flatten().map(|(lock, _)| lock).collect()
            }
            Value::Instance { class, .. } => {
                let enter = self.linked.classes.method(class, NameHash::of("__enter__"));
                let Some(enter) = enter else { return Vec::new() };
                let facts = self.function(enter).1;
                self.acquired(enter, facts.body, facts.span.end).into_iter().map(|(lock, _)| lock).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The locks that a function has acquired, and not released again, when it comes to an offset in one of its regions.
    fn acquired(&self, function: FunctionId, region: RegionId, offset: u32) -> Vec<(Site, RegionId)> {
        let mut found = Vec::new();
        let encloses = |facts: &FileFacts, outer: RegionId| facts.enclosing(region).any(|(id, _)| id == outer);
        for call in self.acquires.get(&function).map(Vec::as_slice).unwrap_or_default() {
            let call = self.call(*call);
            // As with `async with`: who waits for an asyncio lock gives way, and its `acquire` may be a task of its own.
            let is_async = call.model().is_some_and(|(_, entry)| entry.is_async);
            if is_async || call.span().end > offset || !encloses(call.facts(), call.region) {
                continue;
            }
            for (_, receiver) in call.models() {
                let Some(lock) = receiver.filter(|lock| self.is_lock(*lock)) else { continue };
                let released = self.calls_on(lock).any(|other| {
                    let facts = other.facts();
                    // A `finally` runs as surely as what stands around it.
                    let runs_in = match facts.region(other.region).kind {
                        RegionKind::Finally { .. } => facts.region(other.region).parent.unwrap_or(other.region),
                        _ => other.region,
                    };
                    other.function == function
                        && other.has_tag("releases")
                        && (call.span().end..offset).contains(&other.span().start)
                        && encloses(facts, runs_in)
                });
                if !released && !found.contains(&(lock, call.region)) {
                    found.push((lock, call.region));
                }
            }
        }
        found
    }

    fn is_lock(&self, site: Site) -> bool {
        let is_lock = |value| matches!(value, Value::Object { model, .. } if self.catalogue().has_tag(model, "lock"));
        self.values(site).iter().any(is_lock)
    }

    /// The live places that take a lock by `with`, and those that call its `acquire`.
    pub fn lock_regions(&self, lock: Site) -> Vec<(FunctionId, RegionId)> {
        let entered = self.uses.entered.get(&lock).map(Vec::as_slice).unwrap_or_default();
        let acquired =
            self.calls_on(lock).filter(|call| call.has_tag("acquires")).map(|call| (call.function, call.region));
        let all = entered.iter().copied().chain(acquired);
        all.filter(|(function, _)| self.is_live(*function)).collect()
    }

    /// Whether more than one thread takes a lock, as far as threads are seen to be made.
    pub fn is_contended(&self, lock: Site) -> bool {
        let regions = self.lock_regions(lock);
        regions.len() >= 2 && regions.iter().any(|(function, _)| self.may_run_beside(*function))
    }

    /// Calls under a non-reentrant lock of the same object (or module) that take it again.
    pub fn self_deadlocks(&self) -> Vec<SelfDeadlock> {
        let mut locks: Vec<Site> = self.uses.entered.keys().copied().filter(|site| self.is_plain_lock(*site)).collect();
        locks.sort_unstable();
        let mut found = Vec::new();
        for lock in locks {
            let regions = self.uses.entered.get(&lock).map(Vec::as_slice).unwrap_or_default();
            for (function, body) in regions {
                if self.is_live(*function) {
                    self.deadlocks_inside(lock, *function, *body, &mut found);
                }
            }
        }
        found.sort_by_key(|deadlock| deadlock.call);
        found.dedup_by_key(|deadlock| deadlock.call);
        found
    }

    /// Pairs of locks that live code takes in both orders, where more than one thread may do so and no third lock keeps them
    /// apart.
    pub fn lock_inversions(&self) -> Vec<LockInversion> {
        let mut orders: FxHashMap<(Site, Site), LockOrder> = FxHashMap::default();
        for order in self.lock_orders() {
            orders.entry((order.first, order.second)).or_insert(order);
        }
        let mut found: Vec<LockInversion> = orders
            .iter()
            .filter(|((first, second), _)| first < second)
            .filter_map(|((first, second), one)| {
                let other = orders.get(&(*second, *first))?;
                let is_shared = self.may_run_beside(one.function) || self.may_run_beside(other.function);
                let kept_apart = self.held_at(one).iter().any(|lock| self.held_at(other).contains(lock));
                // The earlier place stands first.
                let (one, other) = if one.at <= other.at { (one, other) } else { (other, one) };
                (is_shared && !kept_apart).then(|| LockInversion { one: one.clone(), other: other.clone() })
            })
            .collect();
        found.sort_by_key(|inversion| (inversion.one.at, inversion.other.at));
        found
    }

    /// The locks that are held where an order of two is taken, these two left out.
    fn held_at(&self, order: &LockOrder) -> Vec<Site> {
        let (file, id) = self.linked.ids.of_site(order.at);
        let node = &self.linked.file(file).facts.exprs[id.0 as usize];
        let held = self.locks_held(file, node.region, node.span.start).into_iter().map(|(lock, _)| lock);
        held.filter(|lock| *lock != order.first && *lock != order.second).collect()
    }

    /// Whether another thread may run a function at the same time as somebody else runs other code.
    fn may_run_beside(&self, function: FunctionId) -> bool {
        self.contexts_of(function)
            .any(|context| context.place == Place::Worker || context.frequency == Frequency::Library)
    }

    fn lock_orders(&self) -> Vec<LockOrder> {
        let mut taken: FxHashMap<FunctionId, Vec<(Site, RegionId)>> = FxHashMap::default();
        for (lock, regions) in &self.uses.entered {
            if self.is_lock(*lock) {
                for (function, body) in regions {
                    taken.entry(*function).or_default().push((*lock, *body));
                }
            }
        }
        let mut functions: Vec<FunctionId> = taken.keys().copied().filter(|function| self.is_live(*function)).collect();
        functions.sort_unstable();
        let mut found = Vec::new();
        for function in functions {
            let mut locks = taken[&function].clone();
            locks.sort_unstable();
            let (file, _) = self.linked.ids.of_function(function);
            let facts = &self.linked.file(file).facts;
            for (first, body) in &locks {
                let inside = |region: RegionId| facts.enclosing(region).any(|(id, _)| id == *body);
                for (second, inner) in locks.iter().filter(|(second, inner)| second != first && inner != body) {
                    if let (true, RegionKind::With { context, .. }) = (inside(*inner), facts.region(*inner).kind) {
                        let at = self.linked.ids.site(file, context);
                        found.push(LockOrder { first: *first, second: *second, function, at, path: Vec::new() });
                    }
                }
                for call in self.calls(function).filter(|call| inside(call.region) && on_same_object(call)) {
                    for target in self.run_under(&call) {
                        let mut below = Vec::new();
                        self.taken_below(target, &taken, &mut vec![function], &mut Vec::new(), &mut below);
                        for (second, path) in below.into_iter().filter(|(second, _)| second != first) {
                            found.push(LockOrder { first: *first, second, function, at: call.expr(), path });
                        }
                    }
                }
            }
        }
        found
    }

    /// The locks that a function, or one that it calls on the same object, takes.
    fn taken_below(
        &self,
        function: FunctionId,
        taken: &FxHashMap<FunctionId, Vec<(Site, RegionId)>>,
        above: &mut Vec<FunctionId>,
        way: &mut Vec<Step>,
        found: &mut Vec<(Site, Vec<Step>)>,
    ) {
        if above.contains(&function) || above.len() > DEEPEST / 2 {
            return;
        }
        for (lock, _) in taken.get(&function).map(Vec::as_slice).unwrap_or_default() {
            if found.iter().all(|(known, _)| known != lock) {
                found.push((*lock, way.clone()));
            }
        }
        above.push(function);
        for call in self.calls(function).filter(on_same_object) {
            for target in self.run_under(&call) {
                way.push(Step { site: call.expr(), note: format!("calls {}", self.short_name(target)) });
                self.taken_below(target, taken, above, way, found);
                way.pop();
            }
        }
        above.pop();
    }

    fn is_plain_lock(&self, site: Site) -> bool {
        self.values(site).iter().any(|value| match value {
            Value::Object { model, site: own } => {
                own == site && self.catalogue().has_tag(model, "lock") && !self.catalogue().has_tag(model, "reentrant")
            }
            _ => false,
        })
    }

    fn deadlocks_inside(&self, lock: Site, function: FunctionId, body: RegionId, found: &mut Vec<SelfDeadlock>) {
        for call in self.calls(function) {
            let inside = call.facts().enclosing(call.region).any(|(region, _)| region == body);
            if !inside || !on_same_object(&call) {
                continue;
            }
            for target in self.run_under(&call) {
                let step = Step { site: call.expr(), note: format!("calls {}", self.short_name(target)) };
                if let Some((taken_in, mut path)) = self.takes(lock, target, &mut vec![function]) {
                    path.insert(0, step);
                    found.push(SelfDeadlock { call: call.site, lock, taken_in, path });
                    break;
                }
            }
        }
    }

    /// What a call runs before it returns: a coroutine function only where it is awaited on the spot.
    fn run_under(&self, call: &CallView<'_>) -> impl Iterator<Item = FunctionId> + '_ {
        let awaited = matches!(call.call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded);
        let targets = self.callees(call.site).into_iter();
        targets.filter(move |target| awaited || !self.function(*target).1.is_async)
    }

    /// Whether a function, or one that it calls on the same object, takes a lock.
    fn takes(&self, lock: Site, function: FunctionId, above: &mut Vec<FunctionId>) -> Option<(FunctionId, Vec<Step>)> {
        if above.contains(&function) || above.len() > DEEPEST {
            return None;
        }
        let entered = self.uses.entered.get(&lock).map(Vec::as_slice).unwrap_or_default();
        if entered.iter().any(|(own, _)| *own == function) {
            return Some((function, Vec::new()));
        }
        above.push(function);
        let found = self.calls(function).filter(on_same_object).find_map(|call| {
            self.run_under(&call).find_map(|target| {
                let (taken_in, mut path) = self.takes(lock, target, above)?;
                path.insert(0, Step { site: call.expr(), note: format!("calls {}", self.short_name(target)) });
                Some((taken_in, path))
            })
        });
        above.pop();
        found
    }

    /// Whether instances of the class of a method are made again and again rather than once.
    pub fn is_made_repeatedly(&self, function: FunctionId) -> bool {
        let (unit, facts) = self.function(function);
        let Some(class) = facts.class else { return false };
        let (file, _) = self.linked.ids.of_function(function);
        let class = self.linked.ids.class(file, class);
        let _ = unit;
        self.made_in(class).any(super::contexts::Frequency::recurs)
    }

    /// How often the places that make instances of a class run.
    pub fn made_in(&self, class: crate::ClassId) -> impl Iterator<Item = crate::Frequency> + '_ {
        self.constructions(class).flat_map(|edge| {
            self.contexts_at(edge.from, edge.region).iter().map(|context| context.frequency).collect::<Vec<_>>()
        })
    }
}

/// A call of a method of `self`, or of a plain function of the module: what it takes is the same object's lock.
fn on_same_object(call: &CallView<'_>) -> bool {
    let facts = call.facts();
    match facts.expr(call.call.callee) {
        Expr::Name(_) => true,
        Expr::Attribute { value, .. } => {
            matches!(facts.expr(value), Expr::Name(name) if matches!(facts.text(name), "self" | "cls"))
        }
        _ => false,
    }
}
