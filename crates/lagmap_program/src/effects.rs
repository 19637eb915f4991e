//! Effects: what calls do that takes time, carried from callees up to their callers.

use std::{collections::VecDeque, iter};

use lagmap_facts::{BinaryOp, Call, CallId, Expr, ExprId, FileFacts, NameHash, RegionId, RegionKind};
use lagmap_models::{ApiEntry, EffectKind, EndpointModel, ModelId, RunContext};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::{
    CallSite, FileId, FunctionId, Value,
    bounds::{given_bound, never_waits},
    graph::{Edge, EdgeKind, Graph},
    linked::{Linked, ProgramFile},
    regions::Surroundings,
    solve::Solution,
};

/// Names and sums through which the end of an address is followed.
const DEEPEST_ADDRESS: u32 = 4;

/// A typical time, in milliseconds: between `low` and `high`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// Typical low end, in milliseconds.
    pub low: f64,
    /// Typical high end, in milliseconds.
    pub high: f64,
}

impl Interval {
    /// The interval between two numbers of milliseconds.
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// The geometric mean: what a time that is known only to an order of magnitude mostly is.
    pub fn middle(self) -> f64 {
        (self.low.max(0.000_1) * self.high.max(0.000_1)).sqrt()
    }

    /// So many times as long.
    #[must_use]
    pub fn times(self, low: f64, high: f64) -> Self {
        Self { low: self.low * low, high: self.high * high }
    }

    /// One after the other.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }
}

/// One effect of a function: the costliest of its kind that it reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// What kind.
    pub kind: EffectKind,
    /// How long it typically takes, once.
    pub cost: Interval,
    /// The call that does it.
    pub source: CallSite,
    /// What is called there.
    pub model: ModelId,
    /// The edge (index into [`Graph::edges`]) that leads to it, if it is not in this function itself.
    pub via: Option<u32>,
    /// How many calls away it is.
    pub depth: u32,
    /// Which calls of the function have it.
    pub recurrence: Recurrence,
    /// The branch of the function that it stands in, of those that some calls leave out.
    pub branch: Option<RegionId>,
}

/// Which calls of a function have an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recurrence {
    /// Each.
    #[default]
    EveryCall,
    /// The first with each key: something on the way keeps the results.
    EachKey,
    /// The first.
    FirstCall,
}

impl Effect {
    const fn own(kind: EffectKind, cost: Interval, source: CallSite, model: ModelId) -> Self {
        Self { kind, cost, source, model, via: None, depth: 0, recurrence: Recurrence::EveryCall, branch: None }
    }

    fn beats(&self, other: &Self) -> bool {
        let key = |effect: &Self| (effect.cost.high, effect.cost.low);
        match key(self).partial_cmp(&key(other)) {
            Some(std::cmp::Ordering::Greater) => true,
            Some(std::cmp::Ordering::Equal) => (self.depth, self.source) < (other.depth, other.source),
            _ => false,
        }
    }
}

/// The effects of all functions. Per kind there are up to three: the costliest of each recurrence.
#[derive(Debug, Default)]
pub struct Effects {
    own: Vec<Vec<Effect>>,
    blocking: Vec<Vec<Effect>>,
    total: Vec<Vec<Effect>>,
    /// The same of functions of which some calls leave out branches, for each branch its own.
    blocking_branches: FxHashMap<FunctionId, Vec<Effect>>,
    total_branches: FxHashMap<FunctionId, Vec<Effect>>,
}

impl Effects {
    /// Computes the effects of a program.
    pub fn of(linked: &Linked, solution: &Solution, graph: &Graph) -> Self {
        let per_file: Vec<Vec<(FunctionId, Effect, bool)>> = (0..linked.files.len())
            .into_par_iter()
            .map(|index| own_effects(linked, solution, FileId(index as u32)))
            .collect();
        let count = linked.ids.function_count();
        let mut effects = Self {
            own: vec![Vec::new(); count],
            blocking: vec![Vec::new(); count],
            total: vec![Vec::new(); count],
            ..Self::default()
        };
        for (function, effect, is_async) in per_file.into_iter().flatten() {
            let index = function.0 as usize;
            effects.own[index].push(effect);
            // What is done only after an error is not what a call typically costs.
            let (region, around) = around(linked, graph, effect.source);
            if around.handler || effect.kind == EffectKind::Sleep && tries_again(graph, function, region) {
                continue;
            }
            let branch = graph.branches.branch(linked, function, region);
            let effect = Effect { recurrence: around.recurrence.max(effect.recurrence), branch, ..effect };
            if !is_async {
                improve(&mut effects.blocking[index], effect);
            }
            improve(&mut effects.total[index], effect);
        }
        let callers = callers(linked, graph);
        propagate(linked, graph, &callers, &mut effects.blocking, false);
        propagate(linked, graph, &callers, &mut effects.total, true);
        effects.blocking_branches = join_branches(graph, &mut effects.blocking);
        effects.total_branches = join_branches(graph, &mut effects.total);
        effects
    }

    /// The effects of the library calls that a function itself makes, one each.
    pub fn own(&self, function: FunctionId) -> &[Effect] {
        &self.own[function.0 as usize]
    }

    /// What running a function does to the thread it runs on until it returns or first awaits: per kind the costliest.
    pub fn blocking(&self, function: FunctionId) -> &[Effect] {
        &self.blocking[function.0 as usize]
    }

    /// What a caller waits for, awaits included: per kind the costliest.
    pub fn total(&self, function: FunctionId) -> &[Effect] {
        &self.total[function.0 as usize]
    }

    /// The same as [`Self::total`] (`awaits`) or [`Self::blocking`], those of each branch that some calls leave out by
    /// themselves.
    pub(crate) fn in_branches(&self, function: FunctionId, awaits: bool) -> &[Effect] {
        let (branches, all) =
            if awaits { (&self.total_branches, &self.total) } else { (&self.blocking_branches, &self.blocking) };
        branches.get(&function).unwrap_or(&all[function.0 as usize])
    }

    /// The effects of a target of an edge that has them for what the edge passes, and for what decorators of the target keep.
    pub fn through(&self, linked: &Linked, graph: &Graph, edge: u32, target: FunctionId, awaits: bool) -> Vec<Effect> {
        let kept = graph.kept.get(&target).copied().unwrap_or_default();
        let again = |effect: &Effect| Effect { recurrence: effect.recurrence.max(kept), ..*effect };
        if !graph.branches.leaves_out(edge, target) {
            let all = if awaits { self.total(target) } else { self.blocking(target) };
            return if kept == Recurrence::EveryCall { all.to_vec() } else { joined(all.iter().map(again)) };
        }
        let reached = |effect: &&Effect| graph.branches.reaches(linked, edge, target, effect.branch);
        joined(self.in_branches(target, awaits).iter().filter(reached).map(again))
    }
}

/// The costliest of each kind and recurrence, whatever the branch.
fn joined(effects: impl Iterator<Item = Effect>) -> Vec<Effect> {
    let mut found: Vec<Effect> = Vec::new();
    for effect in effects {
        let same = |other: &&mut Effect| (other.kind, other.recurrence) == (effect.kind, effect.recurrence);
        match found.iter_mut().find(same) {
            Some(other) if effect.beats(other) => *other = effect,
            Some(_) => {}
            None => found.push(effect),
        }
    }
    found
}

/// Takes the effects of single branches out, and leaves the costliest of all.
fn join_branches(graph: &Graph, effects: &mut [Vec<Effect>]) -> FxHashMap<FunctionId, Vec<Effect>> {
    let mut branches = FxHashMap::default();
    for (index, effects) in effects.iter_mut().enumerate() {
        let function = FunctionId(index as u32);
        if graph.branches.has(function) && effects.iter().any(|effect| effect.branch.is_some()) {
            let all = joined(effects.iter().copied());
            branches.insert(function, std::mem::replace(effects, all));
        }
    }
    branches
}

/// Whether what an edge runs is part of the caller's own time.
pub const fn runs_here(kind: EdgeKind) -> bool {
    matches!(
        kind,
        EdgeKind::Call { .. } | EdgeKind::Construct(_) | EdgeKind::Implicit | EdgeKind::Callback(RunContext::Caller)
    )
}

fn around(linked: &Linked, graph: &Graph, call: CallSite) -> (RegionId, Surroundings) {
    let (file, id) = linked.ids.of_call(call);
    let facts = &linked.file(file).facts;
    let region = facts.exprs[facts.call(id).expr.0 as usize].region;
    (region, graph.around(file, region))
}

/// Whether a function calls itself where it sleeps: it sleeps before it tries again.
fn tries_again(graph: &Graph, function: FunctionId, region: RegionId) -> bool {
    let again = |target| target == function;
    graph.from(function).iter().any(|edge| edge.region == region && graph.targets(edge.to).any(again))
}

/// What surrounds a call, and each call on the way through the wrappers around its target.
fn surroundings_of<'a>(
    linked: &'a Linked,
    graph: &'a Graph,
    edge: &'a Edge,
) -> impl Iterator<Item = Surroundings> + 'a {
    let around = |function, region| graph.around(linked.ids.of_function(function).0, region);
    let inner = graph.way(edge).iter().map(move |passage| around(passage.from, passage.region));
    iter::once(around(edge.from, edge.region)).chain(inner)
}

fn callers(linked: &Linked, graph: &Graph) -> Vec<Vec<u32>> {
    let mut callers = vec![Vec::new(); linked.ids.function_count()];
    for (index, edge) in graph.edges.iter().enumerate() {
        let awaited = matches!(edge.kind, EdgeKind::Callback(RunContext::EventLoop));
        let after_error = surroundings_of(linked, graph, edge).any(|around| around.handler);
        let is_own = !Graph::is_chosen(edge) && !graph.is_broadcast(edge);
        if (graph.runs_here(edge) || awaited) && is_own && !after_error {
            for target in graph.targets(edge.to) {
                callers[target.0 as usize].push(index as u32);
            }
        }
    }
    callers
}

/// Keeps per kind, recurrence and branch the costliest; says whether that changed anything.
fn improve(effects: &mut Vec<Effect>, new: Effect) -> bool {
    let key = |effect: &Effect| (effect.kind, effect.recurrence, effect.branch);
    let same = |effect: &&mut Effect| key(effect) == key(&new);
    match effects.iter_mut().find(same) {
        Some(old) if new.beats(old) => {
            *old = new;
            true
        }
        Some(_) => false,
        None => {
            effects.push(new);
            effects.sort_by_key(key);
            true
        }
    }
}

/// Carries effects from callees to callers until nothing changes. Costs only rise and distances only fall, so it ends,
/// recursion or not.
fn propagate(linked: &Linked, graph: &Graph, callers: &[Vec<u32>], effects: &mut [Vec<Effect>], awaits: bool) {
    let mut due: VecDeque<u32> =
        (0..effects.len() as u32).filter(|index| !effects[*index as usize].is_empty()).collect();
    let mut queued = vec![false; effects.len()];
    for index in &due {
        queued[*index as usize] = true;
    }
    while let Some(index) = due.pop_front() {
        queued[index as usize] = false;
        let callee = FunctionId(index);
        let (_, facts) = linked.function(callee);
        // Calling a coroutine function or a generator function runs none of its body.
        let runs_when_called = !facts.is_async || awaits;
        if !runs_when_called {
            continue;
        }
        let found = effects[index as usize].clone();
        for edge_index in &callers[index as usize] {
            let edge = &graph.edges[*edge_index as usize];
            if !awaits && !graph.runs_here(edge) {
                continue;
            }
            let caller = edge.from.0 as usize;
            let mut changed = false;
            let kept = graph.kept.get(&callee).copied();
            let around = surroundings_of(linked, graph, edge).map(|around| around.recurrence);
            let recurrence = around.chain(kept).max().unwrap_or_default();
            // A plain call whose result is awaited has given an awaitable: it has not waited for another thread's result.
            let last = graph.way(edge).last().map_or(edge.kind, |passage| passage.kind);
            let gives_awaitable = matches!(last, EdgeKind::Call { awaited: true }) && !facts.is_async;
            let branch = graph.branches.branch(linked, edge.from, edge.region);
            for effect in &found {
                if gives_awaitable && effect.kind == EffectKind::Wait
                    || !graph.branches.reaches(linked, *edge_index, callee, effect.branch)
                {
                    continue;
                }
                let recurrence = effect.recurrence.max(recurrence);
                let carried = Effect { via: Some(*edge_index), depth: effect.depth + 1, recurrence, branch, ..*effect };
                changed |= improve(&mut effects[caller], carried);
            }
            if changed && !queued[caller] {
                queued[caller] = true;
                due.push_back(caller as u32);
            }
        }
    }
}

fn own_effects(linked: &Linked, solution: &Solution, file: FileId) -> Vec<(FunctionId, Effect, bool)> {
    let unit = linked.file(file);
    let facts = &unit.facts;
    let mut found = Vec::new();
    for index in 0..facts.calls.len() {
        let id = CallId(index as u32);
        let source = linked.ids.call(file, id);
        let call = facts.call(id);
        let region = facts.exprs[call.expr.0 as usize].region;
        let function = linked.ids.function(file, facts.region(region).function);
        for value in solution.callees[source.0 as usize].iter() {
            let (Value::External(model) | Value::Bound { method: model, .. }) = value else { continue };
            let Some(entry) = linked.catalogue.entry(model) else { continue };
            let (Some(kind), Some(cost)) = (entry.effect, call_cost(facts, id, entry)) else { continue };
            if entry.timeout.as_ref().is_some_and(|timeout| never_waits(facts, call, timeout))
                || is_ready(facts, call, region)
            {
                continue;
            }
            let asked = (kind == EffectKind::Network).then(|| endpoint(linked, unit, call)).flatten();
            let cost = asked.map_or(cost, |endpoint| Interval::new(endpoint.ms[0], endpoint.ms[1]));
            let mut effect = Effect::own(kind, cost, source, model);
            if linked.catalogue.has_tag(model, "first-time") {
                effect.recurrence = Recurrence::EachKey;
            }
            found.push((function, effect, entry.is_async));
        }
    }
    for region in &facts.regions {
        // Leaving the block of a context manager that is made for it may wait: an executor for its threads.
        let RegionKind::With { context, is_async: false } = region.kind else { continue };
        let Expr::Call(id) = facts.expr(context) else { continue };
        let source = linked.ids.call(file, id);
        let function = linked.ids.function(file, region.function);
        for value in solution.callees[source.0 as usize].iter() {
            let Value::External(class) = value else { continue };
            let Some(exit) = linked.catalogue.member(class, NameHash::of("__exit__")) else { continue };
            let Some(entry) = linked.catalogue.entry(exit) else { continue };
            if let (Some(kind), Some([low, high])) = (entry.effect, entry.ms) {
                found.push((function, Effect::own(kind, Interval::new(low, high), source, exit), false));
            }
        }
    }
    found
}

/// What a call over the network is known to ask for, by how the address that it gives ends.
pub fn endpoint<'a>(linked: &'a Linked, unit: &ProgramFile, call: &Call) -> Option<&'a EndpointModel> {
    let facts = &unit.facts;
    let end = |mut id: ExprId| {
        for _ in 0..DEEPEST_ADDRESS {
            id = match facts.expr(id) {
                Expr::Str(text) => return Some(facts.text(text)),
                Expr::FString(parts) => *facts.list(parts).last()?,
                Expr::Binary { op: BinaryOp::Add, right, .. } => right,
                Expr::Name(name) => {
                    let scope = facts.region(facts.exprs[id.0 as usize].region).function;
                    unit.scopes.only_value(scope, facts.names.hash(name))?
                }
                _ => return None,
            };
        }
        None
    };
    // `get(url)`, `request("POST", url)`.
    let given = facts.arguments(call).iter().take(2).copied().chain(facts.argument(call, Some("url"), None));
    given.filter_map(end).find_map(|text| linked.catalogue.endpoint(text))
}

/// Whether a call stands behind a question whether there is anything to wait for: a `get` behind one whether its queue holds
/// anything, a `result` behind one whether its future is done.
fn is_ready(facts: &FileFacts, call: &Call, region: RegionId) -> bool {
    let Expr::Attribute { value, attribute } = facts.expr(call.callee) else { return false };
    let questions: &[&str] = match facts.text(attribute) {
        name if name.starts_with("get") => &["empty", "qsize"],
        "result" | "exception" => &["done"],
        _ => return false,
    };
    let Some(object) = facts.dotted(value) else { return false };
    let asks = |test: ExprId| {
        let mut calls = facts.calls.iter().filter(|other| facts.span(test).contains(facts.span(other.expr)));
        calls.any(|other| match facts.expr(other.callee) {
            Expr::Attribute { value, attribute } => {
                questions.contains(&facts.text(attribute)) && facts.dotted(value).as_deref() == Some(&object)
            }
            _ => false,
        })
    };
    facts.enclosing(region).any(|(_, region)| match region.kind {
        RegionKind::While { test } | RegionKind::If { test, .. } => asks(test),
        _ => false,
    })
}

/// The typical time of one call: what the catalogue says, or the argument of a sleep.
pub fn call_cost(facts: &FileFacts, id: CallId, entry: &ApiEntry) -> Option<Interval> {
    let [low, high] = entry.ms?;
    let call = facts.call(id);
    let seconds = if entry.tags.iter().any(|tag| tag == "sleep") {
        facts.arguments(call).first().copied()
    } else {
        let timeout = entry.timeout.as_ref().filter(|_| entry.effect == Some(EffectKind::Sleep));
        timeout.and_then(|timeout| given_bound(facts, call, timeout))
    };
    if let Some(seconds) = seconds.and_then(|argument| number(facts, argument)) {
        return Some(Interval::new(seconds * 1000.0, seconds * 1000.0));
    }
    Some(Interval::new(low, high))
}

/// The value of a number literal.
pub fn number(facts: &FileFacts, id: ExprId) -> Option<f64> {
    match facts.expr(id) {
        #[allow(clippy::cast_precision_loss)] // Times and sizes; the last bits do not matter.
        Expr::Int(value) => Some(value as f64),
        Expr::Float(value) => Some(value),
        _ => None,
    }
}
