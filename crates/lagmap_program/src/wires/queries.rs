//! What rules and reports ask of wires.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lagmap_models::{WireKind, WireRole};
use lagmap_system::System;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Joint, Part, Wires, join::configured};
use crate::{CallSite, FunctionId, Interval, Program};

/// How a single-threaded service copes with those that ask it, at an assumed rate.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Index of the service.
    pub service: usize,
    /// Where it listens, by index into the service's endpoints.
    pub listener: usize,
    /// The services that wait for it.
    pub callers: Vec<usize>,
    /// The time that one request typically takes, in milliseconds.
    pub service_ms: f64,
    /// The part of the time that it is busy; 1 and more: the queue grows without end.
    pub utilisation: f64,
    /// How long a request waits for those before it, on average, in milliseconds; `None` if the queue grows without end.
    pub waiting_ms: Option<f64>,
    /// The costliest request that it is asked for, by index into [`Wires::requests`].
    pub costliest: usize,
}

/// A step of the way from one service to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// The service that calls.
    pub from: usize,
    /// The service that is called.
    pub to: usize,
    /// The call that does it.
    pub call: CallSite,
    /// What is asked for, by index into [`Wires::requests`].
    pub requests: Vec<usize>,
    /// What joins them.
    pub by: Joint,
    /// For how long the caller waits; `None` if it does not.
    pub cost: Option<Interval>,
}

/// A service that does not listen where its configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Index of the service.
    pub service: usize,
    /// The port of its configuration.
    pub configured: u32,
    /// The ports that its code listens on, and the first call that does.
    pub ports: Vec<u32>,
    /// That call.
    pub call: CallSite,
}

impl Wires {
    /// The services whose code listens on written ports alone, none of them the one that the configuration says. Nothing is
    /// said of a service one of whose ports is not written in its code.
    pub fn listening_elsewhere(&self, system: &System) -> Vec<Elsewhere> {
        let of_service = |service: usize| {
            let expected = system.services[service].port?;
            let listening = self.endpoints[service].iter().filter(|endpoint| endpoint.role == WireRole::Listens);
            let mut ports = Vec::new();
            let mut call = None;
            for endpoint in listening {
                for address in &endpoint.addresses {
                    match &address.port {
                        Some(Part::Known(_)) => ports.push(address.port_number()?),
                        Some(Part::Setting(setting)) => ports.push(configured(system, service, setting)?),
                        // Where nothing of a port is said, it is no address of its own: a path, a pipe inside the process.
                        None if address.host.is_none() && address.route.is_some() => {}
                        _ => return None,
                    }
                }
                if endpoint.addresses.is_empty() {
                    return None;
                }
                if !endpoint.is_health {
                    call = call.or(Some(endpoint.call));
                }
            }
            ports.sort_unstable();
            ports.dedup();
            let declared = &system.services[service];
            let own: Vec<u32> = ports.iter().copied().filter(|port| declared.health_port != Some(*port)).collect();
            let is_elsewhere = !own.is_empty() && !own.contains(&expected);
            is_elsewhere.then_some(Elsewhere { service, configured: expected, ports: own, call: call? })
        };
        (0..system.services.len()).filter_map(of_service).collect()
    }

    /// What a wait's answer typically takes, whatever time-out the caller has; `None` if the code that answers is not known.
    pub fn answer_cost(&self, wait: usize) -> Option<Interval> {
        let costs = self.waits[wait].requests.iter().map(|request| self.requests[*request].cost);
        costs.reduce(|a, b| Interval::new(a.low.min(b.low), a.high.max(b.high)))
    }

    /// Whether requests at a listener are answered one after the other.
    pub fn is_one_at_a_time(&self, service: usize, listener: usize) -> bool {
        let endpoint = &self.endpoints[service][listener];
        endpoint.one_at_a_time || matches!(endpoint.kind, Some((_, WireKind::Answers)))
    }

    /// The waits that the answers to a wait do themselves.
    pub fn inner_waits(&self, wait: usize) -> BTreeSet<usize> {
        self.waits[wait].requests.iter().flat_map(|request| self.requests[*request].waits.iter().copied()).collect()
    }

    /// The costliest way of waits behind waits that starts with one.
    pub fn chain(&self, wait: usize) -> Vec<usize> {
        let mut chain = vec![wait];
        while let Some(next) = self
            .inner_waits(chain[chain.len() - 1])
            .into_iter()
            .filter(|next| !chain.contains(next))
            .max_by(|a, b| self.waits[*a].cost.high.total_cmp(&self.waits[*b].cost.high).then(b.cmp(a)))
        {
            chain.push(next);
        }
        chain
    }

    /// Circles of services that answer one request after the other, each of which waits for the next while it answers: the
    /// waits on the way, the first that of the service with the lowest index.
    pub fn circles(&self) -> Vec<Vec<usize>> {
        let mut found: Vec<Vec<usize>> = Vec::new();
        for (index, request) in self.requests.iter().enumerate() {
            if !self.is_one_at_a_time(request.service, request.listener) {
                continue;
            }
            // The shortest way back to the same listener.
            let mut due = VecDeque::from([(index, Vec::new())]);
            let mut seen: FxHashSet<usize> = FxHashSet::from_iter([index]);
            'search: while let Some((at, way)) = due.pop_front() {
                for wait in &self.requests[at].waits {
                    for next in &self.waits[*wait].requests {
                        let to = &self.requests[*next];
                        if !self.is_one_at_a_time(to.service, to.listener) {
                            continue;
                        }
                        let mut way = way.clone();
                        way.push(*wait);
                        if (to.service, to.listener) == (request.service, request.listener) {
                            if way.len() > 1 {
                                let first =
                                    (0..way.len()).min_by_key(|place| (self.waits[way[*place]].service, way[*place]));
                                way.rotate_left(first.unwrap_or_default());
                                let services = |way: &[usize]| -> Vec<usize> {
                                    way.iter().map(|wait| self.waits[*wait].service).collect()
                                };
                                if !found.iter().any(|other| services(other) == services(&way)) {
                                    found.push(way);
                                }
                            }
                            break 'search;
                        }
                        if seen.insert(*next) {
                            due.push_back((*next, way));
                        }
                    }
                }
            }
        }
        found
    }

    /// How each listener that answers one request after the other copes with those who wait for it, if each caller asks so
    /// many times a second. Requests come at random and take a fixed time (M/D/1): with the rate λ and the time S, it is busy
    /// for ρ = λS, and a request waits ρS / (2(1 - ρ)) for those before it.
    pub fn queues(&self, per_second: f64) -> Vec<Queue> {
        // What a service asks only when it starts makes no rate.
        let regular: BTreeSet<usize> = self.requests.iter().flat_map(|request| request.waits.iter().copied()).collect();
        let mut asked: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (index, wait) in self.waits.iter().enumerate().filter(|(index, _)| regular.contains(index)) {
            if let Some(request) = wait.requests.first().map(|request| &self.requests[*request])
                && self.is_one_at_a_time(request.service, request.listener)
            {
                asked.entry((request.service, request.listener)).or_default().push(index);
            }
        }
        let queue = |((service, listener), waits): ((usize, usize), Vec<usize>)| {
            let mut callers: Vec<usize> = waits.iter().map(|wait| self.waits[*wait].service).collect();
            callers.sort_unstable();
            callers.dedup();
            // Each caller asks for its own mix of requests.
            let times: Vec<f64> = callers
                .iter()
                .filter_map(|caller| {
                    let own = waits.iter().filter(|wait| self.waits[**wait].service == *caller);
                    let times: Vec<f64> = own.filter_map(|wait| Some(self.answer_cost(*wait)?.middle())).collect();
                    #[allow(clippy::cast_precision_loss)] // Few waits.
                    (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64)
                })
                .collect();
            let busy: f64 = times.iter().map(|ms| ms / 1000.0 * per_second).sum();
            #[allow(clippy::cast_precision_loss)] // Few callers.
            let service_ms = times.iter().sum::<f64>() / times.len().max(1) as f64;
            let waiting_ms = (busy < 1.0).then(|| busy * service_ms / (2.0 * (1.0 - busy)));
            let requests = waits.iter().flat_map(|wait| self.waits[*wait].requests.iter().copied());
            let costliest = requests.max_by(|a, b| {
                self.requests[*a].cost.middle().total_cmp(&self.requests[*b].cost.middle()).then(b.cmp(a))
            })?;
            Some(Queue { service, listener, callers, service_ms, utilisation: busy, waiting_ms, costliest })
        };
        asked.into_iter().filter_map(queue).collect()
    }

    /// The services that wait for a function to return, at some remove: they asked for what it is part of, or wait for one
    /// that did.
    pub fn behind(&self, function: FunctionId) -> impl Iterator<Item = usize> + '_ {
        self.behind.get(&function).into_iter().flatten().copied()
    }

    /// The fewest calls that lead from one service to another, waits before messages that nobody waits for.
    pub fn path(&self, from: usize, to: usize) -> Option<Vec<Hop>> {
        let mut due = VecDeque::from([from]);
        let mut came: FxHashMap<usize, Hop> = FxHashMap::default();
        while let Some(at) = due.pop_front() {
            if at == to {
                break;
            }
            let waits = self.waits.iter().filter(|wait| wait.service == at).map(|wait| Hop {
                from: at,
                to: wait.to,
                call: wait.call,
                requests: wait.requests.clone(),
                by: self.wires[wait.wire].by.clone(),
                cost: Some(wait.cost),
            });
            let others = self.wires.iter().filter(|wire| wire.from == at).map(|wire| Hop {
                from: at,
                to: wire.to,
                call: self.endpoints[at][wire.caller].call,
                requests: Vec::new(),
                by: wire.by.clone(),
                cost: None,
            });
            for hop in waits.chain(others) {
                if hop.to != from && !came.contains_key(&hop.to) {
                    due.push_back(hop.to);
                    came.insert(hop.to, hop);
                }
            }
        }
        let mut way = Vec::new();
        let mut at = to;
        while at != from {
            let hop = came.get(&at)?.clone();
            at = hop.from;
            way.push(hop);
        }
        way.reverse();
        Some(way)
    }

    /// For each function that is part of an answer: the services that wait for it.
    pub(super) fn waiting_behind(&self, program: &Program) -> FxHashMap<FunctionId, BTreeSet<usize>> {
        let mut askers: Vec<Vec<usize>> = vec![Vec::new(); self.requests.len()];
        for (index, wait) in self.waits.iter().enumerate() {
            for request in &wait.requests {
                askers[*request].push(index);
            }
        }
        // The requests whose answers do a wait.
        let mut answers: Vec<Vec<usize>> = vec![Vec::new(); self.waits.len()];
        for (index, request) in self.requests.iter().enumerate() {
            for wait in &request.waits {
                answers[*wait].push(index);
            }
        }
        let mut found: FxHashMap<FunctionId, BTreeSet<usize>> = FxHashMap::default();
        for (index, request) in self.requests.iter().enumerate().filter(|(index, _)| !askers[*index].is_empty()) {
            let mut services = BTreeSet::new();
            let mut seen = FxHashSet::from_iter([index]);
            let mut due = vec![index];
            while let Some(at) = due.pop() {
                for wait in &askers[at] {
                    services.insert(self.waits[*wait].service);
                    due.extend(answers[*wait].iter().copied().filter(|next| seen.insert(*next)));
                }
            }
            services.remove(&request.service);
            let reach = &program.reaches[request.service];
            let mut seen: FxHashSet<FunctionId> = FxHashSet::default();
            let mut due = vec![request.handler];
            while let Some(function) = due.pop() {
                if !seen.insert(function) {
                    continue;
                }
                found.entry(function).or_default().extend(&services);
                for edge in program.graph.from(function).iter().filter(|edge| program.graph.runs_here(edge)) {
                    let targets = program.graph.targets(edge.to);
                    due.extend(targets.filter(|target| reach.functions.contains(target.0 as usize)));
                }
            }
        }
        found
    }
}
