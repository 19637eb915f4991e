//! Requests: what each service can be asked for, by route or by a field of the message, and the function that answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lagmap_facts::{ExprId, RegionId, RegionKind};
use lagmap_models::WireRole;
use rustc_hash::FxHashSet;

use super::{
    dispatch::{self, Field},
    endpoints::{Endpoint, wire_of},
    frame::{Caller, Frame},
    reading::Reader,
};
use crate::{ClassId, FileId, FunctionId, Interval, Program};

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
    /// What holds when there is a request: conditions around the place that receives it.
    pub given: Vec<(ExprId, bool)>,
    /// What it costs.
    pub cost: Interval,
    /// The waits for other services on the way, by index into [`Wires::waits`].
    pub waits: BTreeSet<usize>,
}

impl Request {
    /// Whether it stands for all that nothing asks for.
    pub fn is_any_other(&self) -> bool {
        self.field.as_ref().is_some_and(|(_, value)| value == dispatch::OTHER)
    }

    /// What is asked for, as people say it: `action=generate`, a route; `action=…` stands for all others.
    pub fn name(&self) -> Option<String> {
        self.route.clone().or_else(|| self.field.as_ref().map(|(field, value)| format!("{field}={value}")))
    }
}

/// What a service can be asked for.
pub fn requests(program: &Program, reader: &Reader<'_>, service: usize, endpoints: &[Endpoint]) -> Vec<Request> {
    let mut found: Vec<Request> = Vec::new();
    let mut seen: FxHashSet<(usize, FunctionId, Option<ClassId>)> = FxHashSet::default();
    let has_routes = endpoints.iter().any(|endpoint| endpoint.role == WireRole::Routes);
    for (listener, endpoint) in endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.is_listening()) {
        let mut entries: Vec<Entry> = Vec::new();
        for function in &endpoint.handlers {
            let receivers = reader.receivers(*function);
            let receiver = if receivers.contains(&endpoint.receiver) { endpoint.receiver } else { receivers[0] };
            entries.push(Entry { function: *function, receiver, region: None, given: Vec::new() });
        }
        if endpoint.handlers.is_empty()
            && endpoint.role == WireRole::Listens
            && !(has_routes && endpoint.protocol == "http")
        {
            entries.extend(receiving(program, reader, endpoint));
        }
        for Entry { function, receiver, region, given } in entries {
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
                given,
                cost: Interval::default(),
                waits: BTreeSet::new(),
            };
            if endpoint.role == WireRole::Routes {
                found.extend(
                    endpoint.topics.iter().map(|route| Request { route: Some(route.clone()), ..request.clone() }),
                );
                continue;
            }
            let fields = fields(program, reader, function, receiver);
            let keys: BTreeSet<String> = fields.keys().map(|(key, _)| key.clone()).collect();
            let others = keys.into_iter().map(|key| ((key, dispatch::OTHER.to_owned()), None));
            for (field, handler) in fields.into_iter().chain(others) {
                let handler = handler.unwrap_or(function);
                let route = Some(field.1.clone()).filter(|route| field.0 == "path" && route.starts_with('/'));
                found.push(Request { field: Some(field), route, handler, ..request.clone() });
            }
            found.push(request);
        }
    }
    found
}

/// Where a request comes in.
#[derive(PartialEq)]
struct Entry {
    function: FunctionId,
    receiver: Option<ClassId>,
    region: Option<RegionId>,
    given: Vec<(ExprId, bool)>,
}

/// The functions that take what comes on a listener's object, each with the loop that does it once a message.
fn receiving(program: &Program, reader: &Reader<'_>, endpoint: &Endpoint) -> Vec<Entry> {
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
            if innermost_loop(program, at.2, at.3).is_some() {
                break;
            }
            // A helper that does nothing but receive gives the message to its caller.
            let does_more = program
                .calls(at.0)
                .any(|other| wire_of(program, &other).is_some_and(|(wire, _, _)| wire.role == WireRole::Sends));
            let callers = reader.callers(at.0, at.1, &Caller::Any);
            let (false, [(by, frame)]) = (does_more, callers.as_slice()) else { break };
            let view = program.call(*by);
            at = (frame.function, frame.receiver, view.file, view.region);
        }
        let region = innermost_loop(program, at.2, at.3);
        let facts = &program.linked.file(at.2).facts;
        let around = facts.enclosing(at.3).take_while(|(id, _)| Some(*id) != region);
        let given = around.filter_map(|(_, region)| match region.kind {
            RegionKind::If { test, holds, .. } => Some((test, holds)),
            _ => None,
        });
        let entry = Entry { function: at.0, receiver: at.1, region, given: given.collect() };
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    found
}

fn innermost_loop(program: &Program, file: FileId, region: RegionId) -> Option<RegionId> {
    let facts = &program.linked.file(file).facts;
    facts
        .enclosing(region)
        .find(|(_, region)| matches!(region.kind, RegionKind::While { .. } | RegionKind::For { .. }))
        .map(|(id, _)| id)
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
    let names = [
        "action",
        "command",
        "cmd",
        "type",
        "request_type",
        "message_type",
        "msg_type",
        "operation",
        "op",
        "method",
        "path",
        "event",
        "task",
        "topic",
        "query_type",
    ];
    found.retain(|(field, _), _| names.contains(&field.as_str()));
    found
}
