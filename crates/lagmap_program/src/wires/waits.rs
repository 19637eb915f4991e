//! Waits: the places where a service waits for another's answer, what it asks for there, and after how long it gives up.

use std::sync::Arc;

use lagmap_facts::Expr;
use lagmap_models::{WireKind, WireRole};
use rustc_hash::FxHashSet;

use super::{
    Wires, dispatch,
    endpoints::{Endpoint, wire_of},
    frame::{Caller, Frame, NeedsCaller},
    reading::Reader,
    text::Reading,
    time::ROUND_TRIP,
};
use crate::{CallSite, CallView, Cell, FileId, Interval, Program, Site, Value, bounds::given_bound};

/// How many calls back a call's caller is considered.
pub const LONGEST_WAY: usize = 3;

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

/// Finds the places where a service waits for others.
pub struct Asking<'a> {
    pub program: &'a Program,
    pub reader: &'a Reader<'a>,
    pub service: usize,
    pub wires: &'a Wires,
    /// The requests of each service.
    pub by_service: &'a [Vec<usize>],
}

impl Asking<'_> {
    /// The waits of the service.
    pub fn waits(&self) -> Vec<Wait> {
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
            for receiver in self.reader.receivers(call.function).iter().copied() {
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
        let candidates: Vec<usize> = if wire.role == WireRole::Asks {
            (0..own.len()).filter(|index| own[*index].call == call.site).collect()
        } else {
            let Some(object) = object else { return Ok(None) };
            let asks = |endpoint: &Endpoint| {
                let kind = endpoint.kind.as_ref().is_none_or(|(_, kind)| *kind == WireKind::Asks);
                endpoint.object == Some(object) && endpoint.role == WireRole::Connects && kind
            };
            (0..own.len()).filter(|index| asks(&own[*index])).collect()
        };
        let chain = frame.calls();
        let origins = receiver_of(call).map(|receiver| self.origins(call.file, receiver, frame, 4)).unwrap_or_default();
        let is_way = |way: &Frame| {
            let by = way.calls();
            by.is_empty() || by.iter().any(|by| chain.contains(by) || origins.contains(by))
        };
        let leads_here = |endpoint: &Endpoint| endpoint.ways().any(|way| is_way(way));
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
        let end = &own[self.wires.wires[first].caller];
        let made = end.ways().find(|way| is_way(way)).unwrap_or(&end.frame);
        let timeout = self.timeout(call, model, object, frame, made)?;
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
            route = texts.first().and_then(Reading::text);
        }
        if endpoint.protocol == "http"
            && let Some(route) = route
        {
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
            let named: Vec<usize> = at_listener
                .iter()
                .copied()
                .filter(|index| request(index).field.as_ref().is_some_and(|field| fields.contains(field)))
                .collect();
            if !named.is_empty() {
                return Ok(named);
            }
            let is_other = |index: &usize| {
                request(index).field.as_ref().is_some_and(|(key, value)| {
                    value == dispatch::OTHER && fields.iter().any(|(field, _)| field == key)
                })
            };
            let other: Vec<usize> = at_listener.iter().copied().filter(is_other).collect();
            if !other.is_empty() {
                return Ok(other);
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
        made: &Arc<Frame>,
    ) -> Result<Option<f64>, NeedsCaller> {
        let Some(timeout) = self.program.catalogue().entry(model).and_then(|entry| entry.timeout.as_ref()) else {
            return Ok(None);
        };
        let unit = timeout.unit_ms.unwrap_or(1000.0);
        let number = |reading: &[Reading]| match reading {
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
            let is_looped =
                name.chars().any(char::is_lowercase) && self.program.has_option(object, &timeout.receiver_options);
            if !is_named && !is_looped {
                continue;
            }
            let outer = if set.function == frame.function {
                Arc::clone(frame)
            } else if set.function == made.function {
                Arc::clone(made)
            } else {
                let receivers = self.reader.receivers(set.function);
                let receiver = if receivers.contains(&made.receiver) { made.receiver } else { receivers[0] };
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
                        for write in self.program.uses.writes.get(&Cell::Attribute(*owner, name)).into_iter().flatten()
                        {
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
