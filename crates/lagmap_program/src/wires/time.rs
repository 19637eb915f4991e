//! Time across wires: what a request costs the service that answers it, waits for other services included.
//!
//! A function costs what its calls cost, one after the other: of two branches the low end is that of the cheaper, the high
//! end that of the dearer; what is done only after an error or only the first time does not count. A wait for another service
//! costs what that one's handler does, which is not known before its own waits are: so all handlers are reckoned again and
//! again, until nothing changes.

use std::{collections::BTreeSet, sync::Arc};

use lagmap_facts::{ExprId, RegionId, RegionKind};
use lagmap_models::{EffectKind, RunContext, WireKind, WireRole};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Wires,
    dispatch::{self, Field},
    endpoints::{Endpoint, wire_of},
    frame::{Caller, Frame},
    reading::Reader,
    requests::{Request, requests},
    waits::{Asking, LONGEST_WAY, Wait},
};
use crate::{
    CallSite, CallView, ClassId, EdgeKind, Effect, FunctionId, Interval, Program, Recurrence, Site, Surroundings,
};

/// How often a loop over data is taken to go round, at least and at most.
const ROUNDS_OF_LOOP: (f64, f64) = (1.0, 10.0);
/// A round trip between two processes: some tens of microseconds within a machine, up to a millisecond in a local network.
pub const ROUND_TRIP: Interval = Interval::new(0.1, 1.0);
/// How often all handlers are reckoned anew: waits that go through more services than this are cut.
const MOST_ROUNDS: usize = 8;
/// How deep calls are followed.
const DEEPEST: usize = 40;

/// What some code costs, and what it waits for.
#[derive(Clone, Debug, Default)]
struct Cost {
    ms: Interval,
    waits: BTreeSet<usize>,
}

impl Cost {
    fn then(&mut self, other: &Self) {
        self.ms = self.ms.plus(other.ms);
        self.waits.extend(&other.waits);
    }

    /// One of several.
    fn or(mut self, other: &Self) -> Self {
        self.ms = Interval::new(self.ms.low.min(other.ms.low), self.ms.high.max(other.ms.high));
        self.waits.extend(&other.waits);
        self
    }
}

/// Fills in requests and waits.
pub fn reckon(program: &Program, names: &FxHashMap<&str, usize>, wires: &mut Wires) {
    let count = program.system.services.len();
    let found: Vec<Vec<Request>> = (0..count)
        .into_par_iter()
        .map(|service| {
            let reader = Reader::new(program, service, names);
            requests(program, &reader, service, &wires.endpoints[service])
        })
        .collect();
    wires.requests = found.into_iter().flatten().collect();
    let by_service = by_service(&wires.requests, count);
    let resolved: Vec<Vec<Wait>> = (0..count)
        .into_par_iter()
        .map(|service| {
            let reader = Reader::new(program, service, names);
            Asking { program, reader: &reader, service, wires, by_service: &by_service }.waits()
        })
        .collect();
    wires.waits = resolved.iter().flatten().cloned().collect();
    let mut first = 0;
    let mut counters: Vec<Counter<'_>> = Vec::new();
    for (service, waits) in resolved.iter().enumerate() {
        let mut at: FxHashMap<CallSite, Vec<(usize, Vec<CallSite>)>> = FxHashMap::default();
        for (index, wait) in waits.iter().enumerate() {
            at.entry(wait.call).or_default().push((first + index, wait.by.clone()));
        }
        first += waits.len();
        counters.push(Counter {
            depends: waits.iter().any(|wait| !wait.by.is_empty()),
            program,
            reader: Reader::new(program, service, names),
            listening: listening_objects(&wires.endpoints[service]),
            waits: at,
            still: FxHashMap::default(),
            known: FxHashMap::default(),
            above: Vec::new(),
            costs: Vec::new(),
            root: None,
        });
    }
    let own_requests: Vec<Vec<Request>> =
        by_service.iter().map(|own| own.iter().map(|index| wires.requests[*index].clone()).collect()).collect();
    for _ in 0..MOST_ROUNDS {
        let costs: Vec<Interval> = wires.waits.iter().map(|wait| wait.cost).collect();
        let reckoned: Vec<Vec<Cost>> = counters
            .par_iter_mut()
            .zip(&own_requests)
            .map(|(counter, requests)| {
                counter.costs.clone_from(&costs);
                counter.known.clear();
                requests.iter().map(|request| counter.request(request)).collect()
            })
            .collect();
        for (own, costs) in by_service.iter().zip(reckoned) {
            for (index, cost) in own.iter().zip(costs) {
                wires.requests[*index].cost = cost.ms;
                wires.requests[*index].waits = cost.waits;
            }
        }
        let mut changed = false;
        for index in 0..wires.waits.len() {
            let cost = wait_cost(wires, &wires.waits[index]);
            changed |= (cost.high - wires.waits[index].cost.high).abs() > 1e-9
                || (cost.low - wires.waits[index].cost.low).abs() > 1e-9;
            wires.waits[index].cost = cost;
        }
        if !changed {
            break;
        }
    }
}

fn by_service(requests: &[Request], count: usize) -> Vec<Vec<usize>> {
    let mut found = vec![Vec::new(); count];
    for (index, request) in requests.iter().enumerate() {
        found[request.service].push(index);
    }
    found
}

/// What a wait costs: what the answer costs, no longer than its time-out.
fn wait_cost(wires: &Wires, wait: &Wait) -> Interval {
    let answers = wait.requests.iter().map(|index| wires.requests[*index].cost);
    let one_of = |a: Interval, b: Interval| Interval::new(a.low.min(b.low), a.high.max(b.high));
    let cost = answers.reduce(one_of).unwrap_or_default().plus(ROUND_TRIP);
    match wait.timeout {
        Some(limit) => Interval::new(cost.low.min(limit), cost.high.min(limit)),
        None => cost,
    }
}

/// The objects on which a service waits for what others send: what it receives there is no wait for an answer.
fn listening_objects(endpoints: &[Endpoint]) -> FxHashSet<Site> {
    let listens = |endpoint: &&Endpoint| {
        let kind = endpoint.kind.as_ref().map(|(_, kind)| *kind);
        endpoint.role == WireRole::Listens || matches!(kind, Some(WireKind::Receives))
    };
    endpoints.iter().filter(listens).filter_map(|endpoint| endpoint.object).collect()
}

type Key = (FunctionId, Option<ClassId>, Vec<CallSite>, Option<Field>);

type Root = (FunctionId, Vec<(ExprId, bool)>, Option<u32>);

/// Adds up what the code of one service costs.
struct Counter<'a> {
    program: &'a Program,
    reader: Reader<'a>,
    /// Where some waits go depends on who calls them.
    depends: bool,
    listening: FxHashSet<Site>,
    /// The waits at each call, with the calls that lead to them.
    waits: FxHashMap<CallSite, Vec<(usize, Vec<CallSite>)>>,
    /// Functions that wait for no other service.
    still: FxHashMap<Key, Interval>,
    /// The others, in this round.
    known: FxHashMap<Key, Cost>,
    above: Vec<FunctionId>,
    costs: Vec<Interval>,
    /// The function that takes the request, what holds in it then, and where it has answered.
    root: Option<Root>,
}

impl Counter<'_> {
    fn request(&mut self, request: &Request) -> Cost {
        let frame = Arc::new(Frame { function: request.function, receiver: request.receiver, caller: Caller::Any });
        let answers = self.program.calls(request.function).filter(|call| {
            wire_of(self.program, call).is_some_and(|(wire, _, object)| {
                wire.role == WireRole::Sends && object.is_some_and(|object| self.listening.contains(&object))
            })
        });
        let answered = answers.map(|call| call.span().end).max();
        self.root = Some((request.function, request.given.clone(), answered));
        let cost = self.body(&frame, request.region, request.field.as_ref());
        self.root = None;
        cost
    }

    /// Whether a condition holds in the function that takes the request, because there is one.
    fn given(&self, function: FunctionId, test: ExprId) -> Option<bool> {
        let (root, given, _) = self.root.as_ref().filter(|_| self.above.is_empty())?;
        let known = given.iter().find(|(own, _)| *own == test).filter(|_| *root == function);
        known.map(|(_, holds)| *holds)
    }

    /// Whether a call comes when the request has been answered: a pause before the next one.
    fn is_afterwards(&self, call: &CallView<'_>) -> bool {
        self.above.is_empty()
            && self.root.as_ref().is_some_and(|(root, _, answered)| {
                *root == call.function && answered.is_some_and(|answered| call.span().start > answered)
            })
    }

    fn function(&mut self, frame: &Arc<Frame>, field: Option<&Field>) -> Cost {
        let mut way = frame.calls();
        way.truncate(LONGEST_WAY);
        let key = (frame.function, frame.receiver, way, field.cloned());
        if let Some(ms) = self.still.get(&key) {
            return Cost { ms: *ms, waits: BTreeSet::new() };
        }
        if let Some(cost) = self.known.get(&key) {
            return cost.clone();
        }
        if self.above.contains(&frame.function) || self.above.len() >= DEEPEST {
            return Cost::default();
        }
        self.above.push(frame.function);
        let cost = self.body(frame, None, field);
        self.above.pop();
        if cost.waits.is_empty() {
            self.still.insert(key, cost.ms);
        } else {
            self.known.insert(key, cost.clone());
        }
        cost
    }

    /// What a function's body costs, or one of its regions.
    fn body(&mut self, frame: &Arc<Frame>, root: Option<RegionId>, field: Option<&Field>) -> Cost {
        let (file, index) = self.program.linked.ids.of_function(frame.function);
        let unit = self.program.linked.file(file);
        let scope = unit.facts.function(index);
        let root = root.unwrap_or(scope.body);
        let regions = scope.regions.clone();
        let first = regions.start;
        let mut costs: Vec<Cost> = vec![Cost::default(); regions.len()];
        let mut branches: Vec<Vec<Branch>> = (0..regions.len()).map(|_| Vec::new()).collect();
        let calls: Vec<CallView<'_>> = self.program.calls(frame.function).collect();
        for call in calls.iter().filter(|call| !self.is_afterwards(call)).collect::<Vec<_>>() {
            let cost = self.call(call, frame, field);
            costs[(call.region.0 - first) as usize].then(&cost);
        }
        for id in regions.rev() {
            let place = (id - first) as usize;
            let mut cost = std::mem::take(&mut costs[place]);
            for branch in std::mem::take(&mut branches[place]) {
                cost.then(&branch.cost());
            }
            if RegionId(id) == root {
                return cost;
            }
            let region = unit.facts.region(RegionId(id));
            let Some(parent) = region.parent.filter(|parent| regions_contain(scope.regions.clone(), *parent)) else {
                return cost;
            };
            let outer = (parent.0 - first) as usize;
            let is_first_only = self.program.around(file, RegionId(id)).recurrence != Recurrence::EveryCall
                && self.program.around(file, parent).recurrence == Recurrence::EveryCall;
            match region.kind {
                RegionKind::Except { .. } => {}
                _ if is_first_only => {}
                RegionKind::If { test, holds, .. } => {
                    let verdict = field.and_then(|field| dispatch::verdict(self.program, file, test, field));
                    let verdict = verdict.or_else(|| self.given(frame.function, test));
                    let runs = verdict.is_none_or(|verdict| verdict == holds);
                    let costs = if runs { vec![cost] } else { Vec::new() };
                    let branch = Branch { of: test, certain: verdict.is_some(), holds: Some(holds), costs };
                    Branch::add(&mut branches[outer], branch);
                }
                RegionKind::Case { subject, .. } => {
                    let branch = Branch { of: subject, certain: false, holds: None, costs: vec![cost] };
                    Branch::add(&mut branches[outer], branch);
                }
                kind if kind.is_loop() => {
                    let around = self.program.around(file, RegionId(id));
                    // Of loops within loops the outermost counts: the inner ones mostly share its items among them.
                    let nested = parent_loops(self.program.around(file, parent)) && RegionId(id) != root;
                    let is_data = !matches!(kind, RegionKind::While { .. }) || !around.forever;
                    let (low, high) = if around.retried || nested || !is_data { (1.0, 1.0) } else { ROUNDS_OF_LOOP };
                    cost.ms = cost.ms.times(low, high);
                    costs[outer].then(&cost);
                }
                _ => costs[outer].then(&cost),
            }
        }
        Cost::default()
    }

    fn call(&mut self, call: &CallView<'_>, frame: &Arc<Frame>, field: Option<&Field>) -> Cost {
        if let Some(waits) = self.waits.get(&call.site) {
            let way = frame.calls();
            let leads = |by: &[CallSite]| by.iter().zip(&way).all(|(a, b)| a == b);
            let mut fitting: Vec<usize> = waits.iter().filter(|(_, by)| leads(by)).map(|(index, _)| *index).collect();
            if fitting.is_empty() {
                fitting = waits.iter().map(|(index, _)| *index).collect();
            }
            let all = fitting.into_iter().map(|index| Cost { ms: self.costs[index], waits: BTreeSet::from([index]) });
            return all.reduce(|a, b| a.or(&b)).unwrap_or_default();
        }
        let mut cost = Cost::default();
        // Waiting for work is no part of the work.
        let receives = call.models().any(|(model, object)| {
            let catalogue = self.program.catalogue();
            let waits = catalogue.entry(model).is_some_and(|entry| entry.receives);
            let is_wire = catalogue.wire(model).is_some_and(|wire| wire.role == WireRole::Receives);
            waits && (!is_wire || object.is_some_and(|object| self.listening.contains(&object)))
        });
        let handed = self.handed_over(call, frame, field);
        if let Some(handed) = &handed {
            cost.then(handed);
        } else if !receives {
            for effect in self.program.effects.own(call.function).iter().filter(|effect| effect.source == call.site) {
                cost.ms = cost.ms.plus(self.slept(call, effect, frame).unwrap_or(effect.cost));
            }
        }
        let mut chosen: Option<Vec<FunctionId>> = None;
        if let Some(field) = field
            && let Some((tables, name, default)) = dispatch::table(self.program, call)
            && name == field.0
        {
            let own = dispatch::entries(self.program, &tables, &field.1);
            chosen = Some(if own.is_empty() {
                default.map(|default| dispatch::functions(call, default)).unwrap_or_default()
            } else {
                own
            });
        }
        let is_other = field.is_some_and(|field| field.1 == dispatch::OTHER);
        let mut targets: Option<Cost> = None;
        for (target, inner) in self.reader.runs_in(call.site, frame) {
            if chosen.as_ref().is_some_and(|chosen| (is_other || !chosen.is_empty()) && !chosen.contains(&target)) {
                continue;
            }
            if self.program.function(target).1.is_async && !self.is_awaited(call) {
                continue;
            }
            // The way matters only to waits whose target depends on it.
            let inner = self.shortened(&inner);
            let one = self.function(&inner, field);
            targets = Some(match targets {
                Some(other) => other.or(&one),
                None => one,
            });
        }
        if let Some(targets) = targets {
            cost.then(&targets);
        }
        cost
    }

    /// How long a sleep takes whose time is a constant or setting.
    fn slept(&self, call: &CallView<'_>, effect: &Effect, frame: &Arc<Frame>) -> Option<Interval> {
        let argument = call.facts().arguments(call.call).first().copied();
        let argument = argument.filter(|_| effect.kind == EffectKind::Sleep && call.has_tag("sleep"))?;
        let readings = self.reader.read(call.file, argument, frame).ok()?;
        let [reading] = readings.as_slice() else { return None };
        let seconds: f64 = reading.default_text()?.parse().ok()?;
        Some(Interval::new(seconds * 1000.0, seconds * 1000.0))
    }

    /// What a call costs that has another thread do something and waits for it: `await asyncio.to_thread(work)`.
    fn handed_over(&mut self, call: &CallView<'_>, frame: &Arc<Frame>, field: Option<&Field>) -> Option<Cost> {
        use lagmap_facts::ResultUse;
        if !matches!(call.call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded) {
            return None;
        }
        let (file, span) = (call.file, call.span());
        let program = self.program;
        let mut found: Option<Cost> = None;
        for edge in program.graph.from(call.function) {
            let (_, id) = program.linked.ids.of_site(edge.site);
            let inside = span.contains(program.linked.file(file).facts.span(id));
            if !inside || !matches!(edge.kind, EdgeKind::Callback(RunContext::Thread | RunContext::Process)) {
                continue;
            }
            for target in program.targets(edge.to) {
                if !self.reader.reaches(target) {
                    continue;
                }
                let receivers = self.reader.receivers(target);
                let receiver = if receivers.contains(&frame.receiver) { frame.receiver } else { receivers[0] };
                let inner = Arc::new(Frame { function: target, receiver, caller: Caller::Any });
                let one = self.function(&inner, field);
                found = Some(match found {
                    Some(other) => other.or(&one),
                    None => one,
                });
            }
        }
        found
    }

    fn shortened(&self, frame: &Arc<Frame>) -> Arc<Frame> {
        fn cut(frame: &Arc<Frame>, left: usize) -> Arc<Frame> {
            let caller = match &frame.caller {
                Caller::Call(call, outer) if left > 0 => Caller::Call(*call, cut(outer, left - 1)),
                _ => Caller::Any,
            };
            Arc::new(Frame { caller, ..**frame })
        }
        cut(frame, if self.depends { LONGEST_WAY } else { 0 })
    }

    /// Whether a call of a coroutine function is waited for: by `await`, or by what it is handed to.
    fn is_awaited(&self, call: &CallView<'_>) -> bool {
        use lagmap_facts::ResultUse;
        if matches!(call.call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded | ResultUse::Entered) {
            return true;
        }
        let span = call.span();
        self.program.calls(call.function).any(|other| {
            let name =
                other.facts().last_name(other.call.callee).map(|name| other.facts().text(name)).unwrap_or_default();
            let waits = matches!(name, "gather" | "wait_for" | "wait" | "shield" | "run" | "run_until_complete");
            waits && other.site != call.site && other.span().contains(span)
        }) || self
            .program
            .graph
            .from(call.function)
            .iter()
            .any(|edge| edge.site == call.expr() && matches!(edge.kind, EdgeKind::Call { awaited: true }))
    }
}

/// Whether code stands in a loop over data already: one that neither tries again nor goes on for ever.
const fn parent_loops(around: Surroundings) -> bool {
    around.loops > 1 || around.loops == 1 && !around.forever && !around.retried
}

fn regions_contain(regions: std::ops::Range<u32>, region: RegionId) -> bool {
    regions.contains(&region.0)
}

/// The branches of one condition.
struct Branch {
    of: ExprId,
    /// It is known which one runs.
    certain: bool,
    holds: Option<bool>,
    costs: Vec<Cost>,
}

impl Branch {
    fn add(branches: &mut Vec<Self>, new: Self) {
        match branches.iter_mut().find(|branch| branch.of == new.of) {
            Some(known) => {
                // Of `if` and `else` one runs.
                known.holds = known.holds.filter(|holds| Some(*holds) == new.holds);
                known.costs.extend(new.costs);
                known.certain |= new.certain;
            }
            None => branches.push(new),
        }
    }

    fn cost(&self) -> Cost {
        let all = self.costs.iter().cloned().reduce(|a, b| a.or(&b)).unwrap_or_default();
        // Where one branch is all there is, it may not run at all.
        if self.certain || self.holds.is_none() && self.costs.len() > 1 { all } else { all.or(&Cost::default()) }
    }
}
