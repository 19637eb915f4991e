//! Endpoints: the places where each service listens to others or calls them.

use std::sync::Arc;

use lagmap_facts::{Expr, ExprId, NameHash};
use lagmap_models::{ArgumentModel, ModelId, WireKind, WireModel, WireRole};
use lagmap_system::Runs;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{
    address::Address,
    frame::{Caller, Frame, NeedsCaller},
    reading::Reader,
    tasks::Tasks,
    text::{Part, Reading},
};
use crate::{CallSite, CallView, ClassId, FunctionId, Program, Site, Source, Value};

/// How many ways to one call are told apart.
const MOST_WAYS: usize = 64;
/// How many calls back such a way is followed.
const LONGEST_WAY: usize = 5;

/// A place where a service listens to others or calls them.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Index of the service.
    pub service: usize,
    /// The call.
    pub call: CallSite,
    /// What it does.
    pub role: WireRole,
    /// What is spoken.
    pub protocol: String,
    /// What the socket is there for, with its name: `REQ`.
    pub kind: Option<(String, WireKind)>,
    /// Answers one request after the other.
    pub one_at_a_time: bool,
    /// It is there for health checks, as the name of its object or function says.
    pub is_health: bool,
    /// The object that listens or is connected.
    pub object: Option<Site>,
    /// The class of `self`.
    pub receiver: Option<ClassId>,
    /// How its function runs: the calls that lead here where it depends on them.
    pub frame: Arc<Frame>,
    /// Other ways that lead to the same address.
    pub others: Vec<Arc<Frame>>,
    /// Where, as far as it is known: one of these.
    pub addresses: Vec<Address>,
    /// The ports that it listens on, the configuration considered; what the configuration says first.
    pub ports: Vec<u32>,
    /// Topics, queues, names of tasks, routes.
    pub topics: Vec<String>,
    /// The functions that answer.
    pub handlers: Vec<FunctionId>,
}

impl Endpoint {
    /// The ways that lead here.
    pub fn ways(&self) -> impl Iterator<Item = &Arc<Frame>> {
        std::iter::once(&self.frame).chain(&self.others)
    }

    /// Whether others call it.
    pub const fn is_listening(&self) -> bool {
        matches!(self.role, WireRole::Listens | WireRole::Subscribes | WireRole::Routes)
    }
}

/// The endpoints of all services, by service.
pub fn endpoints(program: &Program, names: &FxHashMap<&str, usize>) -> Vec<Vec<Endpoint>> {
    let mut calls: Vec<CallSite> = program
        .catalogue()
        .wired()
        .filter_map(|model| program.uses.by_model.get(&model))
        .flatten()
        .copied()
        .filter(|call| !program.call(*call).unit.is_test)
        .collect();
    calls.sort_unstable();
    calls.dedup();
    let mounts: Vec<CallSite> = calls.iter().copied().filter(|call| is_mount(program, &program.call(*call))).collect();
    let tasks = Tasks::of(program);
    let services = program.system.services.par_iter().enumerate();
    services
        .map(|(service, declared)| {
            // Commands are no part of the system: whoever runs one waits for it alone.
            if declared.runs == Runs::Command {
                return Vec::new();
            }
            let reader = Reader::new(program, service, names);
            let own = calls.iter().map(|call| program.call(*call)).filter(|call| reader.reaches(call.function));
            let mut found: Vec<Endpoint> =
                own.flat_map(|call| of_call(program, &reader, service, &call, &mounts)).collect();
            for endpoint in &mut found {
                tasks.complete(endpoint);
            }
            found.extend(tasks.endpoints(program, &reader, service));
            found
        })
        .collect()
}

/// The catalogue's word on a call, with the object that it is made on.
pub fn wire_of<'a>(program: &'a Program, call: &CallView<'a>) -> Option<(&'a WireModel, ModelId, Option<Site>)> {
    call.models().find_map(|(model, receiver)| Some((program.catalogue().wire(model)?, model, receiver)))
}

fn of_call(
    program: &Program,
    reader: &Reader<'_>,
    service: usize,
    call: &CallView<'_>,
    mounts: &[CallSite],
) -> Vec<Endpoint> {
    let Some((wire, _, object)) = wire_of(program, call) else { return Vec::new() };
    let is_used = |object| {
        let mut others =
            program.calls_on(object).flat_map(|other| other.models().map(|(model, _)| model).collect::<Vec<_>>());
        others.any(|model| wire.with.iter().any(|name| name == program.catalogue().name(model)))
    };
    if !wire.with.is_empty() && !object.is_some_and(is_used) {
        return Vec::new();
    }
    if matches!(wire.role, WireRole::Opens | WireRole::Sends | WireRole::Receives | WireRole::Mounts | WireRole::Tasks)
    {
        return Vec::new();
    }
    reader.begin();
    let mut found: Vec<Endpoint> = Vec::new();
    for receiver in reader.receivers(call.function).iter().copied() {
        let frame = Frame { function: call.function, receiver, caller: Caller::Open };
        let mut due = vec![Arc::new(frame)];
        let mut ways = 0;
        while let Some(frame) = due.pop() {
            ways += 1;
            match endpoint(&Ends { program, reader, call, frame: &frame, mounts }, wire, object) {
                Ok(one) => {
                    let one = Endpoint { service, receiver, ..one };
                    // Ways that give the same are one.
                    let same = |other: &&mut Endpoint| other.addresses == one.addresses && other.topics == one.topics;
                    match found.iter_mut().find(same) {
                        Some(known) => known.others.push(frame),
                        None => found.push(one),
                    }
                }
                Err(NeedsCaller) if ways < MOST_WAYS && frame.calls().len() < LONGEST_WAY => {
                    let root = frame.root();
                    let callers = reader.callers(root.function, root.receiver, &Caller::Open);
                    if callers.is_empty() {
                        due.push(frame.called(&Caller::Any));
                    }
                    for (by, outer) in callers.into_iter().rev() {
                        due.push(frame.called(&Caller::Call(by, outer)));
                    }
                }
                Err(NeedsCaller) => due.push(frame.called(&Caller::Any)),
            }
            if ways >= 4 * MOST_WAYS {
                break;
            }
        }
    }
    found
}

fn endpoint(view: &Ends<'_>, wire: &WireModel, object: Option<Site>) -> Result<Endpoint, NeedsCaller> {
    let Ends { program, reader, call, frame, mounts } = *view;
    let mut addresses = view.addresses(wire)?;
    // A path alone goes to where the client is connected.
    if let (WireRole::Asks, Some(made)) = (wire.role, object.and_then(|object| program.creation(object)))
        && let Some((base, _, _)) = wire_of(program, &made)
        && addresses.iter().any(|address| address.host.is_none())
    {
        let scope = program.class_of(made.function);
        let receiver = if scope == program.class_of(call.function) { frame.receiver } else { scope };
        let outer = Arc::new(Frame { function: made.function, receiver, caller: Caller::Any });
        let bases = Ends { program, reader, call: &made, frame: &outer, mounts }.addresses(base)?;
        let routes: Vec<Option<String>> = addresses.into_iter().map(|address| address.route).collect();
        addresses = bases
            .iter()
            .flat_map(|base| routes.iter().map(|route| base.clone().followed_by(route.as_deref().unwrap_or_default())))
            .collect();
    }
    // So does a request that is made apart.
    if wire.role == WireRole::Asks
        && let Some(first) = argument(call, wire.address.as_ref())
    {
        for value in call.values(first).iter() {
            let Value::Object { site, .. } = value else { continue };
            let Some(made) = program.creation(site) else { continue };
            let Some((base, _, _)) = wire_of(program, &made).filter(|(base, _, _)| base.role == WireRole::Connects)
            else {
                continue;
            };
            let outer = if made.function == frame.function {
                Arc::clone(frame)
            } else {
                let receiver = reader.receivers(made.function).first().copied().flatten();
                Arc::new(Frame { function: made.function, receiver, caller: Caller::Any })
            };
            addresses = Ends { program, reader, call: &made, frame: &outer, mounts }.addresses(base)?;
        }
    }
    let mut topics = view.topics(wire)?;
    if wire.role == WireRole::Routes {
        let prefixes = object.map(|router| view.prefixes(router, 4)).transpose()?.unwrap_or_default();
        if !prefixes.is_empty() {
            topics =
                prefixes.iter().flat_map(|prefix| topics.iter().map(move |topic| format!("{prefix}{topic}"))).collect();
        }
    }
    let object = match wire.role {
        WireRole::Listens | WireRole::Connects if object.is_none() => Some(call.expr()),
        _ => object,
    };
    Ok(Endpoint {
        service: 0,
        call: call.site,
        role: wire.role,
        protocol: wire.protocol.clone(),
        kind: object.and_then(|object| kind(program, object)),
        one_at_a_time: wire.one_at_a_time,
        is_health: program.short_name(call.function).contains("health")
            || matches!(call.facts().expr(call.call.callee), Expr::Attribute { value, .. }
                if call.facts().dotted(value).is_some_and(|name| name.contains("health"))),
        object,
        receiver: None,
        frame: Arc::clone(frame),
        others: Vec::new(),
        addresses,
        ports: Vec::new(),
        topics,
        handlers: view.handlers(wire),
    })
}

/// What a socket is there for, from the argument that it was made with.
pub fn kind(program: &Program, object: Site) -> Option<(String, WireKind)> {
    let made = program.creation(object)?;
    let (wire, _, _) = wire_of(program, &made)?;
    let given = argument(&made, wire.kind.as_ref())?;
    let name = program.constant_name(made.facts(), given);
    Some((name.to_owned(), *wire.kinds.get(name)?))
}

fn argument(call: &CallView<'_>, wanted: Option<&ArgumentModel>) -> Option<ExprId> {
    let wanted = wanted?;
    call.argument(wanted.argument.as_deref(), wanted.position)
}

/// The arguments of one call, read.
struct Ends<'a> {
    program: &'a Program,
    reader: &'a Reader<'a>,
    call: &'a CallView<'a>,
    frame: &'a Arc<Frame>,
    /// The calls that mount routers.
    mounts: &'a [CallSite],
}

impl Ends<'_> {
    fn read(&self, id: ExprId) -> Result<Vec<Reading>, NeedsCaller> {
        self.reader.read(self.call.file, id, self.frame)
    }

    fn addresses(&self, wire: &WireModel) -> Result<Vec<Address>, NeedsCaller> {
        if let Some(id) = argument(self.call, wire.address.as_ref()) {
            return match self.pair(id) {
                Some((host, port)) => self.of_parts(Some(host), Some(port), None),
                None => Ok(self.read(id)?.iter().map(Address::of).collect()),
            };
        }
        if wire.host.is_none() && wire.port.is_none() {
            return Ok(Vec::new());
        }
        let (host, port) = (argument(self.call, wire.host.as_ref()), argument(self.call, wire.port.as_ref()));
        self.of_parts(host, port, wire.default_port)
    }

    fn of_parts(
        &self,
        host: Option<ExprId>,
        port: Option<ExprId>,
        default: Option<u32>,
    ) -> Result<Vec<Address>, NeedsCaller> {
        let hosts = host.map(|host| self.read(host)).transpose()?.unwrap_or_default();
        let mut ports = port.map(|port| self.read(port)).transpose()?.unwrap_or_default();
        if let (true, Some(default)) = (port.is_none() && !self.call.has_open_arguments(), default) {
            ports = vec![Reading::Text(vec![Part::Known(default.to_string())])];
        }
        let host = match hosts.as_slice() {
            [host] => Some(host),
            _ => None,
        };
        if ports.is_empty() {
            return Ok(vec![Address::from_parts(host, None)]);
        }
        Ok(ports.iter().map(|port| Address::from_parts(host, Some(port))).collect())
    }

    /// A host and a port as a pair: `("127.0.0.1", port)`.
    fn pair(&self, id: ExprId) -> Option<(ExprId, ExprId)> {
        let unit = self.call.unit;
        let facts = &unit.facts;
        match facts.expr(id) {
            Expr::Tuple(list) => match facts.list(list) {
                [host, port] => Some((*host, *port)),
                _ => None,
            },
            Expr::Name(name) => {
                let region = facts.exprs[id.0 as usize].region;
                let scope = facts.region(region).function;
                match unit.scopes.named(scope, facts.names.hash(name)) {
                    [binding] if binding.path.is_whole() => match binding.source {
                        Source::Value(value) if value != id => self.pair(value),
                        _ => None,
                    },
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The topics of a call: texts, lists of texts, or the keys of a dict.
    fn topics(&self, wire: &WireModel) -> Result<Vec<String>, NeedsCaller> {
        let Some(model) = &wire.topic else { return Ok(Vec::new()) };
        let facts = self.call.facts();
        let mut given: Vec<ExprId> = argument(self.call, Some(model)).into_iter().collect();
        // Of topics that are given one after the other, all count.
        if model.argument.is_none()
            && let Some(position) = model.position
        {
            given = facts.arguments(self.call.call).iter().skip(position as usize).copied().collect();
        }
        let mut found = Vec::new();
        for id in given {
            let items = match facts.expr(id) {
                Expr::List(list) | Expr::Tuple(list) | Expr::Set(list) => facts.list(list).to_vec(),
                Expr::Dict(list) => facts.list(list).chunks_exact(2).filter_map(|pair| pair[0].get()).collect(),
                _ => vec![id],
            };
            for item in items {
                for reading in self.read(item)? {
                    let Reading::Text(parts) = &reading else { continue };
                    let text = match parts.as_slice() {
                        [Part::Setting(setting)] => setting.default.clone(),
                        _ => reading.text(),
                    };
                    found.extend(text);
                }
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// The functions that answer, as an argument or decorator says.
    fn handlers(&self, wire: &WireModel) -> Vec<FunctionId> {
        let function = |value| match value {
            Value::Function(function) | Value::Method { function, .. } => Some(function),
            _ => None,
        };
        if let Some(given) = argument(self.call, wire.handler.as_ref()) {
            let mut found: Vec<FunctionId> = Vec::new();
            for value in self.call.values(given).iter() {
                found.extend(function(value));
                if let Value::Class(class) | Value::Instance { class, .. } = value {
                    found.extend(self.verbs(class));
                }
            }
            return found;
        }
        if wire.role != WireRole::Routes {
            return Vec::new();
        }
        let facts = self.call.facts();
        let decorated =
            (0..).zip(&facts.functions).filter(|(_, function)| function.decorators.contains(&self.call.call.expr));
        decorated
            .map(|(index, _)| self.program.linked.ids.function(self.call.file, lagmap_facts::FunctionIndex(index)))
            .collect()
    }

    /// The methods of a class that the library calls.
    fn verbs(&self, class: ClassId) -> Vec<FunctionId> {
        let linked = &self.program.linked;
        let order = linked.classes.lookup_order(class);
        let mut found = Vec::new();
        for owner in order {
            let (file, index) = linked.ids.of_class(*owner);
            let facts = &linked.file(file).facts;
            for (place, function) in (0..).zip(&facts.functions) {
                let name = facts.text(function.name);
                let is_verb = name.starts_with("do_") || matches!(name, "handle" | "get" | "post" | "put" | "delete");
                if function.class == Some(index)
                    && is_verb
                    && linked.classes.method(class, NameHash::of(name)).is_some()
                {
                    found.push(linked.ids.function(file, lagmap_facts::FunctionIndex(place)));
                }
            }
        }
        found
    }

    /// What stands in front of the routes of a router: its own prefix, and those under which it is mounted.
    fn prefixes(&self, router: Site, depth: u32) -> Result<Vec<String>, NeedsCaller> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(Vec::new()) };
        let own = match self.program.creation(router) {
            Some(made) => match wire_of(self.program, &made).filter(|(wire, _, _)| wire.role == WireRole::Opens) {
                Some((wire, _, _)) => self.elsewhere(&made, |ends| ends.topics(wire))?.into_iter().next(),
                None => None,
            },
            None => None,
        };
        let own = own.unwrap_or_default();
        let mut found = Vec::new();
        for call in self.mounts.iter().map(|call| self.program.call(*call)) {
            let call = &call;
            let Some((wire, _, Some(outer))) = wire_of(self.program, call) else { continue };
            let Some(given) = argument(call, wire.handler.as_ref()) else { continue };
            let is_router = |value| matches!(value, Value::Object { site, .. } if site == router);
            if !self.reader.reaches(call.function) || !call.values(given).iter().any(is_router) {
                continue;
            }
            let under = self.elsewhere(call, |ends| ends.topics(wire))?.into_iter().next().unwrap_or_default();
            let around = self.prefixes(outer, depth)?;
            let around = if around.is_empty() { vec![String::new()] } else { around };
            found.extend(around.iter().map(|around| format!("{around}{under}{own}")));
        }
        if found.is_empty() && !own.is_empty() {
            found.push(own);
        }
        Ok(found)
    }

    fn elsewhere<T>(
        &self,
        call: &CallView<'_>,
        ask: impl FnOnce(&Ends<'_>) -> Result<T, NeedsCaller>,
    ) -> Result<T, NeedsCaller> {
        let receiver = self.reader.receivers(call.function).first().copied().flatten();
        let frame = Arc::new(Frame { function: call.function, receiver, caller: Caller::Any });
        ask(&Ends { call, frame: &frame, ..*self })
    }
}

fn is_mount(program: &Program, call: &CallView<'_>) -> bool {
    wire_of(program, call).is_some_and(|(wire, _, _)| wire.role == WireRole::Mounts)
}
