//! Time across wires: what a request costs the service that answers it, waits for other services included.
//!
//! A function costs what its calls cost, one after the other: of two branches the low end is that of the cheaper, the high
//! end that of the dearer; what is done only after an error or only the first time does not count. A wait for another service
//! costs what that one's handler does, which is not known before its own waits are: so all handlers are reckoned again and
//! again, until nothing changes.

use std::{collections::BTreeSet, sync::Arc};

use lagmap_facts::{ExprId, RegionId};
use lagmap_models::{WireKind, WireRole};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::{
    Wires,
    dispatch::{self, Field},
    endpoints::{Endpoint, wire_of},
    frame::{Caller, Frame},
    plan::{PlannedCall, PlannedKind, Plans, Receives},
    reading::Reader,
    requests::{Request, requests},
    waits::{Asking, LONGEST_WAY, Wait},
};
use crate::{CallSite, ClassId, FunctionId, Interval, Program, Site};

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
    /// A field of the message may change it.
    asks: bool,
}

impl Cost {
    fn then(&mut self, other: &Self) {
        self.ms = self.ms.plus(other.ms);
        self.waits.extend(&other.waits);
        self.asks |= other.asks;
    }

    /// One of several.
    fn or(mut self, other: &Self) -> Self {
        self.ms = Interval::new(self.ms.low.min(other.ms.low), self.ms.high.max(other.ms.high));
        self.waits.extend(&other.waits);
        self.asks |= other.asks;
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
    let plans = Plans::new(program, wires.waits.iter().map(|wait| wait.call).collect());
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
            plans: &plans,
            reader: Reader::new(program, service, names),
            listening: listening_objects(&wires.endpoints[service]),
            waits: at,
            still: FxHashMap::default(),
            known: FxHashMap::default(),
            above: Vec::new(),
            costs: Vec::new(),
            fields: Vec::new(),
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

/// A function for a class of `self`, the calls that lead to it where waits depend on them, and which field is asked for, if that
/// may matter: index into [`Counter::fields`], or [`NO_FIELD`].
type Key = (FunctionId, Option<ClassId>, SmallVec<[CallSite; LONGEST_WAY]>, Option<u32>);

/// A request is for anything.
const NO_FIELD: u32 = u32::MAX;

type Root = (FunctionId, Vec<(ExprId, bool)>, Option<u32>);

/// Adds up what the code of one service costs.
struct Counter<'a> {
    program: &'a Program,
    plans: &'a Plans<'a>,
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
    /// The fields of the requests.
    fields: Vec<Field>,
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
        let field = request.field.as_ref().map(|field| {
            let known = self.fields.iter().position(|known| known == field);
            known.unwrap_or_else(|| {
                self.fields.push(field.clone());
                self.fields.len() - 1
            }) as u32
        });
        let cost = self.body(&frame, request.region, field);
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
    fn is_afterwards(&self, call: CallSite) -> bool {
        self.above.is_empty()
            && self.root.as_ref().is_some_and(|(root, _, answered)| {
                let call = self.program.call(call);
                *root == call.function && answered.is_some_and(|answered| call.span().start > answered)
            })
    }

    /// What a function costs when a call of `outer` runs it.
    fn function(
        &mut self,
        function: FunctionId,
        receiver: Option<ClassId>,
        outer: Option<(CallSite, &Arc<Frame>)>,
        field: Option<u32>,
    ) -> Cost {
        // The way matters only to waits whose target depends on it.
        let mut way = SmallVec::new();
        if let Some((call, frame)) = outer.filter(|_| self.depends) {
            way.push(call);
            frame.calls_up_to(LONGEST_WAY, &mut way);
        }
        let mut key = (function, receiver, way, None);
        let asked = Some(field.unwrap_or(NO_FIELD));
        for asked in [None, asked] {
            key.3 = asked;
            if let Some(ms) = self.still.get(&key) {
                return Cost { ms: *ms, waits: BTreeSet::new(), asks: asked.is_some() };
            }
            if let Some(cost) = self.known.get(&key) {
                return cost.clone();
            }
        }
        if self.above.contains(&function) || self.above.len() >= DEEPEST {
            return Cost::default();
        }
        let caller = match outer.filter(|_| self.depends) {
            Some((call, frame)) => Caller::Call(call, frame.shortened(LONGEST_WAY - 1)),
            None => Caller::Any,
        };
        let frame = Arc::new(Frame { function, receiver, caller });
        self.above.push(function);
        let cost = self.body(&frame, None, field);
        self.above.pop();
        key.3 = asked.filter(|_| cost.asks);
        if cost.waits.is_empty() {
            self.still.insert(key, cost.ms);
        } else {
            self.known.insert(key, cost.clone());
        }
        cost
    }

    /// What a function's body costs, or one of its regions.
    fn body(&mut self, frame: &Arc<Frame>, root: Option<RegionId>, field: Option<u32>) -> Cost {
        let plans = self.plans;
        let plan = plans.of(frame.function);
        if plan.calls.is_empty() {
            return Cost::default();
        }
        let (file, _) = self.program.linked.ids.of_function(frame.function);
        let first = plan.regions.start;
        let root = root.unwrap_or(RegionId(first));
        let mut costs: Vec<Cost> = vec![Cost::default(); plan.parts.len()];
        let mut branches: Vec<Vec<Branch>> = (0..plan.parts.len()).map(|_| Vec::new()).collect();
        let mut asks = plan.asks;
        for call in &plan.calls {
            if !self.is_afterwards(call.site) {
                let cost = self.call(call, frame, field);
                asks |= cost.asks;
                costs[(call.region.0 - first) as usize].then(&cost);
            }
        }
        for (place, part) in plan.parts.iter().enumerate().rev() {
            let id = RegionId(first + place as u32);
            let mut cost = std::mem::take(&mut costs[place]);
            for branch in std::mem::take(&mut branches[place]) {
                cost.then(&branch.cost());
            }
            let Some(parent) = part.parent.filter(|_| id != root) else { return Cost { asks, ..cost } };
            let outer = (parent.0 - first) as usize;
            match part.kind {
                PlannedKind::Rare => {}
                PlannedKind::If { test, holds, asks } => {
                    let field = field.filter(|_| asks).map(|field| &self.fields[field as usize]);
                    let verdict = field.and_then(|field| dispatch::verdict(self.program, file, test, field));
                    let verdict = verdict.or_else(|| self.given(frame.function, test));
                    let runs = verdict.is_none_or(|verdict| verdict == holds);
                    let costs = if runs { vec![cost] } else { Vec::new() };
                    let branch = Branch { of: test, certain: verdict.is_some(), holds: Some(holds), costs };
                    Branch::add(&mut branches[outer], branch);
                }
                PlannedKind::Case { subject } => {
                    let branch = Branch { of: subject, certain: false, holds: None, costs: vec![cost] };
                    Branch::add(&mut branches[outer], branch);
                }
                PlannedKind::Loop { rounds: (low, high) } => {
                    cost.ms = cost.ms.times(low, high);
                    costs[outer].then(&cost);
                }
                PlannedKind::Plain => costs[outer].then(&cost),
            }
        }
        Cost { asks, ..Cost::default() }
    }

    fn call(&mut self, call: &PlannedCall, frame: &Arc<Frame>, field: Option<u32>) -> Cost {
        if let Some(waits) = self.waits.get(&call.site) {
            let way = frame.calls();
            let leads = |by: &[CallSite]| by.iter().zip(&way).all(|(a, b)| a == b);
            let mut fitting: Vec<usize> = waits.iter().filter(|(_, by)| leads(by)).map(|(index, _)| *index).collect();
            if fitting.is_empty() {
                fitting = waits.iter().map(|(index, _)| *index).collect();
            }
            let all = fitting.into_iter().map(|index| Cost {
                ms: self.costs[index],
                waits: BTreeSet::from([index]),
                asks: false,
            });
            return all.reduce(|a, b| a.or(&b)).unwrap_or_default();
        }
        let mut cost = Cost::default();
        if let Some(handed) = self.handed_over(call, frame, field) {
            cost.then(&handed);
        } else if !self.receives(call) {
            for (ms, sleeps) in &call.effects {
                let slept = sleeps.and_then(|argument| self.slept(call.site, argument, frame));
                cost.ms = cost.ms.plus(slept.unwrap_or(*ms));
            }
        }
        let chosen = field.filter(|_| call.picks).and_then(|field| self.chosen(call.site, field));
        let reader = &self.reader;
        let mut due: SmallVec<[(FunctionId, Option<ClassId>); 4]> = SmallVec::new();
        for target in &call.targets {
            if chosen.as_ref().is_none_or(|chosen| chosen.contains(target)) {
                reader.each_receiver(*target, call.on_self, frame.receiver, |receiver| due.push((*target, receiver)));
            }
        }
        let mut targets: Option<Cost> = None;
        for (target, receiver) in due {
            let one = self.function(target, receiver, Some((call.site, frame)), field);
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

    /// Of the functions that a call picks from a table by a field of the message, those that it picks for this one, if the
    /// field tells.
    fn chosen(&self, call: CallSite, field: u32) -> Option<Vec<FunctionId>> {
        let field = &self.fields[field as usize];
        let call = self.program.call(call);
        let (tables, name, default) = dispatch::table(self.program, &call)?;
        if name != field.0 {
            return None;
        }
        let own = dispatch::entries(self.program, &tables, &field.1);
        let chosen = if own.is_empty() {
            default.map(|default| dispatch::functions(&call, default)).unwrap_or_default()
        } else {
            own
        };
        (field.1 == dispatch::OTHER || !chosen.is_empty()).then_some(chosen)
    }

    /// Whether a call waits for work. That is no part of the work.
    fn receives(&self, call: &PlannedCall) -> bool {
        match &call.receives {
            Receives::Never => false,
            Receives::Always => true,
            Receives::On(objects) => objects.iter().any(|object| self.listening.contains(object)),
        }
    }

    /// How long a sleep takes whose time is a constant or setting.
    fn slept(&self, call: CallSite, argument: ExprId, frame: &Arc<Frame>) -> Option<Interval> {
        let readings = self.reader.read(self.program.call(call).file, argument, frame).ok()?;
        let [reading] = readings.as_slice() else { return None };
        let seconds: f64 = reading.default_text()?.parse().ok()?;
        Some(Interval::new(seconds * 1000.0, seconds * 1000.0))
    }

    /// What others do for a call that waits for them.
    fn handed_over(&mut self, call: &PlannedCall, frame: &Arc<Frame>, field: Option<u32>) -> Option<Cost> {
        let mut found: Option<Cost> = None;
        for target in &call.handed {
            if !self.reader.reaches(*target) {
                continue;
            }
            let receivers = self.reader.receivers(*target);
            let receiver = if receivers.contains(&frame.receiver) { frame.receiver } else { receivers[0] };
            let one = self.function(*target, receiver, None, field);
            found = Some(match found {
                Some(other) => other.or(&one),
                None => one,
            });
        }
        found
    }
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
