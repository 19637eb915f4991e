//! Time across wires: what a request costs the service that answers it, waits for other services included.
//!
//! A function costs what its calls cost, one after the other: of two branches the low end is that of the cheaper, the high
//! end that of the dearer; what is done only after an error or only the first time does not count. A wait for another service
//! costs what that one's handler does, which is not known before its own waits are: so all handlers are reckoned again and
//! again, until nothing changes.

use std::{collections::{BTreeMap, BTreeSet}, sync::Arc};

use lagmap_facts::{Expr, RegionId, RegionKind};
use lagmap_models::{RunContext, WireKind, WireRole};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Wires,
    dispatch::{self, Field},
    endpoints::{Endpoint, wire_of},
    reading::{Caller, Frame, NeedsCaller, Reader},
};
use crate::{
    CallSite, CallView, Cell, ClassId, EdgeKind, FileId, FunctionId, Interval, Program, Recurrence, Site, Value,
    bounds::given_bound,
};

/// How often a loop over data is taken to go round, at least and at most.
const ROUNDS_OF_LOOP: (f64, f64) = (1.0, 10.0);
/// A round trip between two processes: some tens of microseconds within a machine, up to a millisecond in a local network.
const ROUND_TRIP: Interval = Interval::new(0.1, 1.0);
/// How often all handlers are reckoned anew: waits that go through more services than this are cut.
const MOST_ROUNDS: usize = 8;
/// How deep calls are followed.
const DEEPEST: usize = 40;
/// How many calls back a function's caller is considered.
const LONGEST_WAY: usize = 3;

/// Something that a service is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Index of the service.
    pub service: usize,
    /// Where it listens, by index into the service's endpoints.
    pub listener: usize,
    /// The field of the message that asks for it; `None` stands for any message.
    pub field: Option<Field>,
    /// The route that asks for it.
    pub route: Option<String>,
    /// The function that answers such a request alone.
    pub handler: FunctionId,
    /// The function that takes it.
    pub function: FunctionId,
    /// The class of `self` in it.
    pub receiver: Option<ClassId>,
    /// The part of the function that runs for each request.
    pub region: Option<RegionId>,
    /// What it costs.
    pub cost: Interval,
    /// The waits for other services on the way, by index into [`Wires::waits`].
    pub waits: BTreeSet<usize>,
}

impl Request {
    /// What is asked for, as people say it: `action=generate`, a route.
    pub fn name(&self) -> Option<String> {
        self.route.clone().or_else(|| self.field.as_ref().map(|(field, value)| format!("{field}={value}")))
    }
}

/// A place where a service waits for another's answer.
#[derive(Clone, Debug)]
pub struct Wait {
    /// Index of the service that waits.
    pub service: usize,
    /// The call that waits.
    pub call: CallSite,
    /// The wire, by index into [`Wires::wires`].
    pub wire: usize,
    /// The service that is waited for.
    pub to: usize,
    /// What is asked for, by index into [`Wires::requests`]: one of these.
    pub requests: Vec<usize>,
    /// For how long it waits, typically.
    pub cost: Interval,
    /// After how many milliseconds it gives up.
    pub timeout: Option<f64>,
    /// The calls that lead to it where the target depends on them, the innermost first.
    pub by: Vec<CallSite>,
}

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
    let T=std::time::Instant::now();
    let count = program.system.services.len();
    let found: Vec<Vec<Request>> = (0..count)
        .into_par_iter()
        .map(|service| {
            let reader = Reader::new(program, service, names);
            requests(program, &reader, service, &wires.endpoints[service])
        })
        .collect();
    wires.requests = found.into_iter().flatten().collect();
    eprintln!("requests {:?}",T.elapsed());
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
            program,
            reader: Reader::new(program, service, names),
            listening: listening_objects(&wires.endpoints[service]),
            waits: at,
            still: FxHashMap::default(),
            known: FxHashMap::default(),
            above: Vec::new(),
            costs: Vec::new(),
        });
    }
    let own_requests: Vec<Vec<Request>> =
        by_service.iter().map(|own| own.iter().map(|index| wires.requests[*index].clone()).collect()).collect();
    eprintln!("resolved {:?}",T.elapsed());
    for _ in 0..MOST_ROUNDS {
        eprintln!("round {:?}",T.elapsed());
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

/// What a service can be asked for.
fn requests(program: &Program, reader: &Reader<'_>, service: usize, endpoints: &[Endpoint]) -> Vec<Request> {
    let mut found: Vec<Request> = Vec::new();
    let mut seen: FxHashSet<(usize, FunctionId, Option<ClassId>)> = FxHashSet::default();
    let has_routes = endpoints.iter().any(|endpoint| endpoint.role == WireRole::Routes);
    for (listener, endpoint) in endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.is_listening()) {
        let mut entries: Vec<(FunctionId, Option<ClassId>, Option<RegionId>)> = Vec::new();
        for function in &endpoint.handlers {
            let receivers = reader.receivers(*function);
            let receiver = if receivers.contains(&endpoint.receiver) { endpoint.receiver } else { receivers[0] };
            entries.push((*function, receiver, None));
        }
        if endpoint.handlers.is_empty() && endpoint.role == WireRole::Listens && !(has_routes && endpoint.protocol == "http") {
            entries.extend(receiving(program, reader, endpoint));
        }
        for (function, receiver, region) in entries {
            if !seen.insert((listener, function, receiver)) {
                continue;
            }
            let request = Request {
                service,
                listener,
                field: None,
                route: None,
                handler: function,
                function,
                receiver,
                region,
                cost: Interval::default(),
                waits: BTreeSet::new(),
            };
            if endpoint.role == WireRole::Routes {
                found.extend(endpoint.topics.iter().map(|route| Request { route: Some(route.clone()), ..request.clone() }));
                continue;
            }
            for (field, handler) in fields(program, reader, function, receiver) {
                let handler = handler.unwrap_or(function);
                let route = Some(field.1.clone()).filter(|route| field.0 == "path" && route.starts_with('/'));
                found.push(Request { field: Some(field), route, handler, ..request.clone() });
            }
            found.push(request);
        }
    }
    found
}

/// The functions that take what comes on a listener's object, each with the loop that does it once a message.
fn receiving(
    program: &Program,
    reader: &Reader<'_>,
    endpoint: &Endpoint,
) -> Vec<(FunctionId, Option<ClassId>, Option<RegionId>)> {
    let Some(object) = endpoint.object else { return Vec::new() };
    let mut found = Vec::new();
    for call in program.calls_on(object) {
        let is_receive = wire_of(program, &call).is_some_and(|(wire, _, _)| wire.role == WireRole::Receives);
        if !is_receive || !reader.reaches(call.function) {
            continue;
        }
        let receivers = reader.receivers(call.function);
        let receiver = if receivers.contains(&endpoint.receiver) { endpoint.receiver } else { receivers[0] };
        let mut at = (call.function, receiver, call.file, call.region);
        for _ in 0..3 {
            if let Some(looped) = innermost_loop(program, at.2, at.3) {
                at.3 = looped;
                break;
            }
            // A helper that does nothing but receive gives the message to its caller.
            let does_more = program.calls(at.0).any(|other| {
                wire_of(program, &other).is_some_and(|(wire, _, _)| wire.role == WireRole::Sends)
            });
            let callers = reader.callers(at.0, at.1, &Caller::Any);
            let (false, [(by, frame)]) = (does_more, callers.as_slice()) else { break };
            let view = program.call(*by);
            at = (frame.function, frame.receiver, view.file, view.region);
        }
        let region = innermost_loop(program, at.2, at.3);
        if !found.contains(&(at.0, at.1, region)) {
            found.push((at.0, at.1, region));
        }
    }
    found
}

fn innermost_loop(program: &Program, file: FileId, region: RegionId) -> Option<RegionId> {
    let facts = &program.linked.file(file).facts;
    facts.enclosing(region).find(|(_, region)| matches!(region.kind, RegionKind::While { .. } | RegionKind::For { .. })).map(|(id, _)| id)
}

/// The fields by which a function and what it calls tell messages apart, with the function that a table holds for each.
fn fields(
    program: &Program,
    reader: &Reader<'_>,
    function: FunctionId,
    receiver: Option<ClassId>,
) -> BTreeMap<Field, Option<FunctionId>> {
    let mut found = BTreeMap::new();
    let mut seen = FxHashSet::default();
    let frame = Arc::new(Frame { function, receiver, caller: Caller::Any });
    let mut due = vec![(frame, 0)];
    while let Some((frame, depth)) = due.pop() {
        if !seen.insert(frame.function) || seen.len() > 200 {
            continue;
        }
        // Farther down, conditions are about the work, not about the message.
        if depth <= 2 {
            for field in dispatch::compared(program, frame.function) {
                found.entry(field).or_insert(None);
            }
        }
        for call in program.calls(frame.function) {
            if let Some((tables, field, _)) = dispatch::table(program, &call) {
                let keys = dispatch::keys(program, &tables, frame.receiver);
                for key in keys {
                    let own = dispatch::entries(program, &tables, &key);
                    if let Some(handler) = own.into_iter().find(|own| reader.reaches(*own)) {
                        found.insert((field.clone(), key), Some(handler));
                    }
                }
                continue;
            }
            if depth < 2 {
                for (target, inner) in reader.runs_in(call.site, &frame) {
                    let inner = Frame { function: target, receiver: inner.receiver, caller: Caller::Any };
                    due.push((Arc::new(inner), depth + 1));
                }
            }
        }
    }
    // Fields that hold many things, and those that say how it went, tell no requests apart.
    let names = ["action", "command", "cmd", "type", "request_type", "message_type", "msg_type", "operation", "op", "method", "path", "event", "task", "topic", "query_type"];
    found.retain(|(field, _), _| names.contains(&field.as_str()));
    found
}

/// Finds the places where a service waits for others.
struct Asking<'a> {
    program: &'a Program,
    reader: &'a Reader<'a>,
    service: usize,
    wires: &'a Wires,
    by_service: &'a [Vec<usize>],
}

impl Asking<'_> {
    fn waits(&self) -> Vec<Wait> {
        let mut calls: Vec<CallSite> = self
            .program
            .catalogue()
            .wired()
            .filter(|model| {
                let role = self.program.catalogue().wire(*model).map(|wire| wire.role);
                matches!(role, Some(WireRole::Asks | WireRole::Receives))
            })
            .filter_map(|model| self.program.uses.by_model.get(&model))
            .flatten()
            .copied()
            .collect();
        calls.sort_unstable();
        calls.dedup();
        let mut found: Vec<Wait> = Vec::new();
        for call in calls.into_iter().map(|call| self.program.call(call)) {
            if call.unit.is_test || !self.reader.reaches(call.function) {
                continue;
            }
            for receiver in self.reader.receivers(call.function) {
                let frame = Frame { function: call.function, receiver, caller: Caller::Open };
                let mut due = vec![Arc::new(frame)];
                let mut ways = 0;
                while let Some(frame) = due.pop() {
                    ways += 1;
                    match self.wait(&call, &frame) {
                        Ok(wait) => found.extend(wait),
                        Err(NeedsCaller) if ways < 64 && frame.calls().len() < LONGEST_WAY => {
                            let root = frame.root();
                            let callers = self.reader.callers(root.function, root.receiver, &Caller::Open);
                            if callers.is_empty() {
                                due.push(frame.called(&Caller::Any));
                            }
                            for (by, outer) in callers.into_iter().rev() {
                                due.push(frame.called(&Caller::Call(by, outer)));
                            }
                        }
                        Err(NeedsCaller) => due.push(frame.called(&Caller::Any)),
                    }
                    if ways > 256 {
                        break;
                    }
                }
            }
        }
        let mut seen = FxHashSet::default();
        found.retain(|wait| seen.insert((wait.call, wait.by.clone(), wait.wire)));
        found
    }

    fn wait(&self, call: &CallView<'_>, frame: &Arc<Frame>) -> Result<Option<Wait>, NeedsCaller> {
        let Some((wire, model, object)) = wire_of(self.program, call) else { return Ok(None) };
        let own = &self.wires.endpoints[self.service];
        let candidates: Vec<usize> = match wire.role {
            WireRole::Asks => (0..own.len()).filter(|index| own[*index].call == call.site).collect(),
            _ => {
                let Some(object) = object else { return Ok(None) };
                let asks = |endpoint: &Endpoint| {
                    let kind = endpoint.kind.as_ref().is_none_or(|(_, kind)| *kind == WireKind::Asks);
                    endpoint.object == Some(object) && endpoint.role == WireRole::Connects && kind
                };
                (0..own.len()).filter(|index| asks(&own[*index])).collect()
            }
        };
        let chain = frame.calls();
        let origins = receiver_of(call).map(|receiver| self.origins(call.file, receiver, frame, 4)).unwrap_or_default();
        let leads_here = |endpoint: &Endpoint| {
            let by = endpoint.frame.calls();
            by.is_empty() || by.iter().any(|by| chain.contains(by) || origins.contains(by))
        };
        if candidates.is_empty() {
            return Ok(None);
        }
        let depends = candidates.iter().any(|index| !own[*index].frame.calls().is_empty());
        let is_open = matches!(frame.root().caller, Caller::Open);
        let fitting: Vec<usize> = candidates.iter().copied().filter(|index| leads_here(&own[*index])).collect();
        if fitting.is_empty() && depends && is_open {
            return Err(NeedsCaller);
        }
        let fitting = if fitting.is_empty() { candidates } else { fitting };
        let joined: Vec<usize> = (0..self.wires.wires.len())
            .filter(|index| {
                let wire = &self.wires.wires[*index];
                wire.from == self.service && fitting.contains(&wire.caller)
            })
            .collect();
        let Some(first) = joined.first().copied() else { return Ok(None) };
        let to = self.wires.wires[first].to;
        // An end that goes to several, or to one that is known and one that is not, tells nothing of this wait.
        let loose = fitting.iter().any(|index| !joined.iter().any(|wire| self.wires.wires[*wire].caller == *index));
        if loose || joined.iter().any(|index| self.wires.wires[*index].to != to) {
            return if depends && is_open { Err(NeedsCaller) } else { Ok(None) };
        }
        let listener = self.wires.wires[first].listener;
        let requests = self.requests(call, object, frame, to, listener, &own[self.wires.wires[first].caller])?;
        let timeout = self.timeout(call, model, object, frame, &own[self.wires.wires[first].caller])?;
        let cost = ROUND_TRIP;
        Ok(Some(Wait { service: self.service, call: call.site, wire: first, to, requests, cost, timeout, by: chain }))
    }

    /// What is asked for: by route, or by a field of the message that was sent.
    fn requests(
        &self,
        call: &CallView<'_>,
        object: Option<Site>,
        frame: &Arc<Frame>,
        to: usize,
        listener: Option<usize>,
        endpoint: &Endpoint,
    ) -> Result<Vec<usize>, NeedsCaller> {
        let all = &self.by_service[to];
        let request = |index: &usize| &self.wires.requests[*index];
        let mut route = endpoint.addresses.first().and_then(|address| address.route.clone());
        let sent = self.sent(call, object);
        if let Some(sent) = &sent
            && let Some((wire, _, _)) = wire_of(self.program, sent)
            && let Some(topic) = &wire.topic
            && let Some(id) = sent.argument(topic.argument.as_deref(), topic.position)
        {
            let texts = self.reader.read(sent.file, id, frame)?;
            route = texts.first().and_then(super::reading::Reading::text);
        }
        if endpoint.protocol == "http" && let Some(route) = route {
            let path = route.split('?').next().unwrap_or_default();
            let fits = |index: &&usize| request(index).route.as_deref().is_some_and(|own| matches_route(own, path));
            let exact: Vec<usize> = all.iter().filter(fits).copied().collect();
            if !exact.is_empty() {
                return Ok(exact);
            }
        }
        let at_listener: Vec<usize> = match listener {
            Some(listener) => all.iter().copied().filter(|index| request(index).listener == listener).collect(),
            None => Vec::new(),
        };
        // Which of its handlers answers is known only where the listener is.
        let whole: Vec<usize> = at_listener.iter().copied().filter(|index| request(index).field.is_none()).collect();
        let sent = sent.as_ref().unwrap_or(call);
        let message = wire_of(self.program, sent).and_then(|(wire, _, _)| {
            let message = wire.message.as_ref()?;
            sent.argument(message.argument.as_deref(), message.position)
        });
        if let Some(message) = message
            && let Some(message) = self.reader.message(sent.file, message, frame, 8)?
        {
            let fields = self.reader.fields(&message)?;
            let named: Vec<usize> =
                at_listener.iter().copied().filter(|index| request(index).field.as_ref().is_some_and(|field| fields.contains(field))).collect();
            if !named.is_empty() {
                return Ok(named);
            }
        }
        Ok(whole)
    }

    /// The send whose answer a call waits for: the last before it on the same object in the same function.
    fn sent(&self, call: &CallView<'_>, object: Option<Site>) -> Option<CallView<'_>> {
        let object = object?;
        let receiver = receiver_of(call).and_then(|id| call.facts().dotted(id))?;
        let before = self.program.calls(call.function).filter(|other| {
            other.span().start < call.span().start
                && receiver_of(other).and_then(|id| other.facts().dotted(id)).as_deref() == Some(&receiver)
                && wire_of(self.program, other)
                    .is_some_and(|(wire, _, own)| wire.role == WireRole::Sends && own.is_some_and(|own| own == object))
        });
        before.last()
    }

    /// After how long a call gives up, in milliseconds.
    fn timeout(
        &self,
        call: &CallView<'_>,
        model: lagmap_models::ModelId,
        object: Option<Site>,
        frame: &Arc<Frame>,
        endpoint: &Endpoint,
    ) -> Result<Option<f64>, NeedsCaller> {
        let Some(timeout) = self.program.catalogue().entry(model).and_then(|entry| entry.timeout.as_ref()) else {
            return Ok(None);
        };
        let unit = timeout.unit_ms.unwrap_or(1000.0);
        let number = |reading: &[super::reading::Reading]| match reading {
            [one] => one.default_text().and_then(|text| text.parse::<f64>().ok()).filter(|number| *number > 0.0),
            _ => None,
        };
        if let Some(given) = given_bound(call.facts(), call.call, timeout) {
            return Ok(number(&self.reader.read(call.file, given, frame)?).map(|value| value * unit));
        }
        let Some(object) = object else { return Ok(timeout.default_ms) };
        for set in self.program.calls_on(object) {
            let arguments = set.facts().arguments(set.call);
            let [option, value] = arguments else { continue };
            let name = self.program.constant_name(set.facts(), *option);
            if !set.has_tag("sets-option") || !self.reader.reaches(set.function) {
                continue;
            }
            let is_named = timeout.receiver_options.iter().any(|wanted| wanted == name);
            // One of several options that a loop sets.
            let is_looped = name.chars().any(char::is_lowercase) && self.program.has_option(object, &timeout.receiver_options);
            if !is_named && !is_looped {
                continue;
            }
            let outer = if set.function == frame.function {
                Arc::clone(frame)
            } else if set.function == endpoint.frame.function {
                Arc::clone(&endpoint.frame)
            } else {
                let receivers = self.reader.receivers(set.function);
                let receiver = if receivers.contains(&endpoint.receiver) { endpoint.receiver } else { receivers[0] };
                Arc::new(Frame { function: set.function, receiver, caller: Caller::Any })
            };
            if let Ok(reading) = self.reader.read(set.file, *value, &outer.called(&Caller::Any))
                && let Some(ms) = number(&reading)
            {
                return Ok(Some(ms));
            }
        }
        Ok(timeout.default_ms)
    }

    /// The calls of project functions that an object came through: `self.router = request_socket(context, PORT)`.
    fn origins(&self, file: FileId, id: lagmap_facts::ExprId, frame: &Arc<Frame>, depth: u32) -> Vec<CallSite> {
        let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
        let unit = self.program.linked.file(file);
        let facts = &unit.facts;
        match facts.expr(id) {
            Expr::Call(call) => vec![self.program.linked.ids.call(file, call)],
            Expr::Name(name) => {
                let node = &facts.exprs[id.0 as usize];
                let scope = facts.region(node.region).function;
                let name = facts.names.hash(name);
                let bindings = unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
                bindings
                    .flat_map(|binding| match binding.source {
                        crate::Source::Value(value) if value != id => self.origins(file, value, frame, depth),
                        _ => Vec::new(),
                    })
                    .collect()
            }
            Expr::Attribute { value, attribute } => {
                let name = facts.names.hash(attribute);
                let own = match (facts.expr(value), frame.receiver) {
                    (Expr::Name(own), Some(class)) if facts.text(own) == "self" => vec![class],
                    _ => {
                        let class = |value| match value {
                            Value::Instance { class, .. } => Some(class),
                            _ => None,
                        };
                        self.program.evaluator(file).values(value).iter().filter_map(class).collect()
                    }
                };
                let mut found = Vec::new();
                for class in own {
                    for owner in self.program.linked.classes.lookup_order(class) {
                        for write in self.program.uses.writes.get(&Cell::Attribute(*owner, name)).into_iter().flatten() {
                            if let Some(value) = write.value {
                                let (file, value) = self.program.linked.ids.of_site(value);
                                found.extend(self.origins(file, value, frame, depth));
                            }
                        }
                    }
                }
                found
            }
            _ => Vec::new(),
        }
    }
}

fn receiver_of(call: &CallView<'_>) -> Option<lagmap_facts::ExprId> {
    match call.facts().expr(call.call.callee) {
        Expr::Attribute { value, .. } => Some(value),
        _ => None,
    }
}

/// Whether a path fits a route with parameters: `/items/{id}`, `/items/<int:id>`; `{}` in the path is not known.
pub fn matches_route(route: &str, path: &str) -> bool {
    let parts = |text: &str| text.trim_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    let (route, path) = (parts(route), parts(path));
    route.len() == path.len()
        && route.iter().zip(&path).all(|(own, part)| {
            own == part || own.starts_with('{') || own.starts_with('<') || part.contains("{}") && !own.is_empty()
        })
}

type Key = (FunctionId, Option<ClassId>, Vec<CallSite>, Option<Field>);

/// Adds up what the code of one service costs.
struct Counter<'a> {
    program: &'a Program,
    reader: Reader<'a>,
    listening: FxHashSet<Site>,
    /// The waits at each call, with the calls that lead to them.
    waits: FxHashMap<CallSite, Vec<(usize, Vec<CallSite>)>>,
    /// Functions that wait for no other service.
    still: FxHashMap<Key, Interval>,
    /// The others, in this round.
    known: FxHashMap<Key, Cost>,
    above: Vec<FunctionId>,
    costs: Vec<Interval>,
}

impl Counter<'_> {
    fn request(&mut self, request: &Request) -> Cost {
        let frame = Arc::new(Frame { function: request.function, receiver: request.receiver, caller: Caller::Any });
        self.body(&frame, request.region, request.field.as_ref())
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
        for call in &calls {
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
                    if verdict != Some(!holds) {
                        let branch = Branch { of: test, certain: verdict.is_some(), holds: Some(holds), costs: vec![cost] };
                        Branch::add(&mut branches[outer], branch);
                    } else {
                        let branch = Branch { of: test, certain: true, holds: Some(holds), costs: Vec::new() };
                        Branch::add(&mut branches[outer], branch);
                    }
                }
                RegionKind::Case { subject, .. } => {
                    let branch = Branch { of: subject, certain: false, holds: None, costs: vec![cost] };
                    Branch::add(&mut branches[outer], branch);
                }
                kind if kind.is_loop() => {
                    let around = self.program.around(file, RegionId(id));
                    let (low, high) = if around.retried || around.forever { (1.0, 1.0) } else { ROUNDS_OF_LOOP };
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
            let one = |index: usize, costs: &[Interval]| Cost { ms: costs[index], waits: BTreeSet::from([index]) };
            let costs = self.costs.clone();
            let all = fitting.into_iter().map(|index| one(index, &costs));
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
                cost.ms = cost.ms.plus(effect.cost);
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
        let mut targets: Option<Cost> = None;
        for (target, inner) in self.reader.runs_in(call.site, frame) {
            if chosen.as_ref().is_some_and(|chosen| !chosen.is_empty() && !chosen.contains(&target)) {
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
        let depends = self.waits.values().flatten().any(|(_, by)| !by.is_empty());
        cut(frame, if depends { LONGEST_WAY } else { 0 })
    }

    /// Whether a call of a coroutine function is waited for: by `await`, or by what it is handed to.
    fn is_awaited(&self, call: &CallView<'_>) -> bool {
        use lagmap_facts::ResultUse;
        if matches!(call.call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded | ResultUse::Entered) {
            return true;
        }
        let span = call.span();
        self.program.calls(call.function).any(|other| {
            let name = other.facts().last_name(other.call.callee).map(|name| other.facts().text(name)).unwrap_or_default();
            let waits = matches!(name, "gather" | "wait_for" | "wait" | "shield" | "run" | "run_until_complete");
            waits && other.site != call.site && other.span().contains(span)
        }) || self.program.graph.from(call.function).iter().any(|edge| {
            edge.site == call.expr() && matches!(edge.kind, EdgeKind::Call { awaited: true })
        })
    }
}

fn regions_contain(regions: std::ops::Range<u32>, region: RegionId) -> bool {
    regions.contains(&region.0)
}

/// The branches of one condition.
struct Branch {
    of: lagmap_facts::ExprId,
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
        if self.certain || self.holds.is_none() && self.costs.len() > 1 {
            all
        } else {
            all.or(&Cost::default())
        }
    }
}
