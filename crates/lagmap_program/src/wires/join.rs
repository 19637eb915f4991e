//! Joining: which service listens to what another one calls.

use lagmap_models::{WireKind, WireRole};
use lagmap_system::System;
use rustc_hash::FxHashMap;

use super::{
    address::Address,
    endpoints::Endpoint,
    text::{Part, Setting},
};
use crate::FunctionId;

/// One service calls another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Index of the service that calls.
    pub from: usize,
    /// Index of the service that is called.
    pub to: usize,
    /// Its end in the code of the first, by index into that service's endpoints.
    pub caller: usize,
    /// Its end in the code of the second; `None` if only the configuration says that it listens there.
    pub listener: Option<usize>,
    /// What both have in common.
    pub by: Joint,
    /// The caller waits for an answer.
    pub waits: bool,
}

/// What joins the two ends of a wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Joint {
    /// A port.
    Port(u32),
    /// The service's name.
    Name,
    /// A topic, queue or task.
    Topic(String),
}

/// Why a call of another process is not joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loose {
    /// The service listens there itself.
    Itself,
    /// Where it goes is not known from code and configuration.
    UnknownTarget,
    /// No service listens there.
    NobodyListens,
    /// Several services listen there, and nothing tells which is meant.
    Ambiguous,
}

/// A port that a service listens on.
#[derive(Clone, Debug)]
struct Listening {
    service: usize,
    port: u32,
    endpoint: Option<usize>,
    /// The service's health port, not its own.
    health: bool,
    /// The configuration may say another one.
    fallback: bool,
}

/// Joins the endpoints of all services; the last argument says whether a service runs a task that an endpoint hands something.
pub fn join(
    system: &System,
    endpoints: &mut [Vec<Endpoint>],
    takes: &dyn Fn(usize, &Endpoint, FunctionId) -> bool,
) -> (Vec<Wire>, Vec<(usize, usize, Loose)>) {
    let listening = listening(system, endpoints);
    for one in &listening {
        if let Some(index) = one.endpoint {
            endpoints[one.service][index].ports.push(one.port);
        }
    }
    let endpoints = &*endpoints;
    let mut by_port: FxHashMap<u32, Vec<&Listening>> = FxHashMap::default();
    for one in &listening {
        by_port.entry(one.port).or_default().push(one);
    }
    let search = Search { system, endpoints, by_port, names: normal_names(system) };
    let (mut wires, mut loose) = (Vec::new(), Vec::new());
    for (from, own) in endpoints.iter().enumerate() {
        for (caller, endpoint) in own.iter().enumerate() {
            match endpoint.role {
                WireRole::Connects | WireRole::Asks => match search.target(endpoint) {
                    Ok(Some((to, listener, by))) => {
                        let waits = match endpoint.kind {
                            Some((_, kind)) => kind == WireKind::Asks,
                            None => true,
                        };
                        wires.push(Wire { from, to, caller, listener, by, waits });
                    }
                    // A base address alone is no call.
                    Ok(None) => {}
                    Err(Loose::Itself) => {}
                    Err(why) => loose.push((from, caller, why)),
                },
                WireRole::Publishes if !endpoint.handlers.is_empty() => {
                    let takes = |to: &usize| endpoint.handlers.iter().any(|task| takes(*to, endpoint, *task));
                    let workers: Vec<usize> = (0..system.services.len()).filter(takes).collect();
                    if workers.is_empty() {
                        loose.push((from, caller, Loose::NobodyListens));
                    }
                    // What a worker hands to its own kind stays with it.
                    let others = workers.into_iter().filter(|to| *to != from);
                    wires.extend(others.map(|to| {
                        let by = Joint::Topic(endpoint.topics.first().cloned().unwrap_or_default());
                        Wire { from, to, caller, listener: None, by, waits: false }
                    }));
                }
                WireRole::Publishes => wires.extend(search.subscribers(from, caller, endpoint)),
                _ => {}
            }
        }
    }
    (wires, loose)
}

/// The port that a setting of a service's own means: what its configuration says.
pub(super) fn configured(system: &System, service: usize, setting: &Setting) -> Option<u32> {
    let service = &system.services[service];
    let key = setting.key.to_ascii_lowercase();
    let (outer, last) = key.rsplit_once('.').unwrap_or(("", &key));
    let is_own = |name: &str| name.is_empty() || normal(name) == normal(&service.name) || name == "args";
    let health = last.contains("health");
    let named = last.strip_suffix("port")?.trim_end_matches('_');
    let named = named.trim_end_matches("check").trim_end_matches('_').trim_end_matches("health").trim_end_matches('_');
    if !is_own(outer) || !is_own(named) {
        return None;
    }
    let port = if health { service.health_port? } else { service.port? };
    u32::try_from(i64::from(port) + setting.offset).ok()
}

fn listening(system: &System, endpoints: &[Vec<Endpoint>]) -> Vec<Listening> {
    let mut found = Vec::new();
    for (service, own) in endpoints.iter().enumerate() {
        let declared = &system.services[service];
        for (index, endpoint) in own.iter().enumerate().filter(|(_, endpoint)| endpoint.role == WireRole::Listens) {
            for address in &endpoint.addresses {
                let by_configuration = match &address.port {
                    Some(Part::Setting(setting)) => configured(system, service, setting),
                    Some(Part::Service(own)) if *own == service => declared.port,
                    _ => None,
                };
                let written = address.port_number();
                for (port, fallback) in by_configuration
                    .map(|port| (port, false))
                    .into_iter()
                    .chain(written.map(|port| (port, by_configuration.is_some())))
                {
                    let is_health_port = declared.health_port == Some(port) && declared.port != Some(port);
                    let health = is_health_port || endpoint.is_health;
                    found.push(Listening { service, port, endpoint: Some(index), health, fallback });
                }
            }
        }
        for (port, health) in [(declared.port, false), (declared.health_port, true)] {
            let Some(port) = port else { continue };
            if !found.iter().any(|own| own.service == service && own.port == port) {
                found.push(Listening { service, port, endpoint: None, health, fallback: false });
            }
        }
    }
    found
}

struct Search<'a> {
    system: &'a System,
    endpoints: &'a [Vec<Endpoint>],
    by_port: FxHashMap<u32, Vec<&'a Listening>>,
    names: FxHashMap<String, Option<usize>>,
}

type Target = (usize, Option<usize>, Joint);

impl Search<'_> {
    /// The service that a call goes to.
    fn target(&self, endpoint: &Endpoint) -> Result<Option<Target>, Loose> {
        let mut found: Option<Target> = None;
        let mut why = None;
        let is_base = endpoint.role == WireRole::Connects && endpoint.protocol == "http";
        for address in &endpoint.addresses {
            match self.address(endpoint, address) {
                Ok(target) => match &found {
                    Some(other) if other.0 != target.0 => return Err(Loose::Ambiguous),
                    Some(_) => {}
                    None => found = Some(target),
                },
                Err(other) => why = why.max(Some(other)),
            }
        }
        match found {
            // The calls on such a client are endpoints of their own.
            Some(_) if is_base && endpoint.kind.is_none() && self.is_asked(endpoint) => Ok(None),
            Some(found) => Ok(Some(found)),
            None if is_base => Ok(None),
            None => Err(why.unwrap_or(Loose::UnknownTarget)),
        }
    }

    /// Whether requests with addresses of their own are made by what this connects.
    fn is_asked(&self, endpoint: &Endpoint) -> bool {
        self.endpoints[endpoint.service].iter().any(|other| {
            other.role == WireRole::Asks && (other.object == endpoint.object || other.addresses == endpoint.addresses)
        })
    }

    fn address(&self, endpoint: &Endpoint, address: &Address) -> Result<Target, Loose> {
        for part in [&address.host, &address.port].into_iter().flatten() {
            if let Part::Service(service) = part {
                return self.named(endpoint, *service, address.port_number());
            }
        }
        if let Some(service) = address.host_name().and_then(|host| self.by_name(host)) {
            return self.named(endpoint, service, address.port_number());
        }
        // The key under which the configuration says where it is names it.
        for part in [&address.port, &address.host].into_iter().flatten() {
            if let Part::Setting(setting) = part
                && let Some(service) = self.by_key(&setting.key)
            {
                return self.named(endpoint, service, address.port_number());
            }
        }
        match address.port_number() {
            Some(port) => self.by_port(endpoint, address, port),
            None => Err(Loose::UnknownTarget),
        }
    }

    fn by_name(&self, name: &str) -> Option<usize> {
        // Names of services are host names where containers run them; a single common word is no proof that they do.
        let is_called =
            |service: &lagmap_system::Service| service.name == name || service.hosts.iter().any(|host| host == name);
        let mut called = self.system.services.iter().enumerate().filter(|(_, service)| is_called(service));
        called.next().map(|(index, _)| index).filter(|_| called.next().is_none())
    }

    fn by_key(&self, key: &str) -> Option<usize> {
        let key = key.to_ascii_lowercase();
        let (outer, last) = key.rsplit_once('.').unwrap_or(("", &key));
        let stem = ["_port", "_host", "_url", "_address", "_addr", "_endpoint", "_uri"]
            .iter()
            .find_map(|end| last.strip_suffix(end));
        let stem = stem.or_else(|| matches!(last, "port" | "host" | "url" | "address").then_some(outer))?;
        self.names.get(&normal(stem)).copied().flatten()
    }

    fn named(&self, endpoint: &Endpoint, service: usize, port: Option<u32>) -> Result<Target, Loose> {
        if service == endpoint.service {
            return Err(Loose::Itself);
        }
        let at_port = port.and_then(|port| Some((self.listener(endpoint, service, Some(port))?, Joint::Port(port))));
        Ok(match at_port {
            Some((listener, by)) => (service, Some(listener), by),
            // A default that is not its port any more.
            None => (service, self.listener(endpoint, service, None), Joint::Name),
        })
    }

    /// Where a service listens to such a call: at the port if one is known, else where it is the only one that fits.
    fn listener(&self, endpoint: &Endpoint, service: usize, port: Option<u32>) -> Option<usize> {
        if let Some(port) = port {
            let mut at = self.by_port.get(&port).into_iter().flatten().filter(|one| one.service == service);
            return at.find_map(|one| one.endpoint.filter(|index| fits(endpoint, &self.endpoints[service][*index])));
        }
        let health = |index: usize| {
            self.by_port
                .values()
                .flatten()
                .any(|one| one.service == service && one.endpoint == Some(index) && one.health)
        };
        let own = self.endpoints[service].iter().enumerate();
        let mut fitting =
            own.filter(|(index, other)| other.role == WireRole::Listens && fits(endpoint, other) && !health(*index));
        fitting.next().map(|(index, _)| index).filter(|_| fitting.next().is_none())
    }

    fn by_port(&self, endpoint: &Endpoint, address: &Address, port: u32) -> Result<Target, Loose> {
        let none = Vec::new();
        let at = self.by_port.get(&port).unwrap_or(&none);
        let mut fitting: Vec<&Listening> = at
            .iter()
            .copied()
            .filter(|one| one.service != endpoint.service)
            .filter(|one| match one.endpoint {
                Some(index) => fits(endpoint, &self.endpoints[one.service][index]),
                // What a configuration calls a service's port is where it answers requests.
                None => endpoint.kind.as_ref().is_none_or(|(_, kind)| *kind == WireKind::Asks),
            })
            .collect();
        let own = at.iter().any(|one| one.service == endpoint.service && !one.fallback);
        let host = address.host_name().map(host_kind);
        if own && is_local(address) {
            return Err(Loose::Itself);
        }
        let prefer = |fitting: &mut Vec<&Listening>, better: &dyn Fn(&Listening) -> bool| {
            if fitting.iter().any(|one| better(one)) {
                fitting.retain(|one| better(one));
            }
        };
        let config = &self.system.services[endpoint.service].config;
        let is_near = |one: &Listening| self.system.services[one.service].config == *config;
        // Only who checks the health means a port that answers such checks: any other is most likely another machine's.
        fitting.retain(|one| !one.health || endpoint.is_health);
        let elsewhere = fitting.iter().any(|one| !one.health && !is_near(one));
        // A host of its own may be another machine or this one.
        if host != Some(Host::Remote) {
            prefer(&mut fitting, &is_near);
        }
        // Where only a health check listens on this machine, a service of another one may as well be meant.
        if elsewhere && fitting.iter().all(|one| one.health) {
            return Err(Loose::Ambiguous);
        }
        prefer(&mut fitting, &|one| one.endpoint.is_some());
        prefer(&mut fitting, &|one| !one.fallback);
        prefer(&mut fitting, &|one| !one.health);
        let mut services: Vec<usize> = fitting.iter().map(|one| one.service).collect();
        services.sort_unstable();
        services.dedup();
        match services.as_slice() {
            [] => Err(Loose::NobodyListens),
            [to] => {
                let listener = fitting.iter().find_map(|one| one.endpoint);
                Ok((*to, listener, Joint::Port(port)))
            }
            _ => Err(Loose::Ambiguous),
        }
    }

    /// Who takes what is published.
    fn subscribers<'b>(
        &'b self,
        from: usize,
        caller: usize,
        endpoint: &'b Endpoint,
    ) -> impl Iterator<Item = Wire> + 'b {
        self.endpoints.iter().enumerate().filter(move |(to, _)| *to != from).flat_map(move |(to, own)| {
            let own = own
                .iter()
                .enumerate()
                .filter(move |(_, other)| other.role == WireRole::Subscribes && other.protocol == endpoint.protocol);
            own.filter_map(move |(listener, other)| {
                let topic = endpoint.topics.iter().find(|topic| other.topics.iter().any(|own| covers(own, topic)))?;
                let by = Joint::Topic(topic.clone());
                Some(Wire { from, to, caller, listener: Some(listener), by, waits: false })
            })
        })
    }
}

/// Whether a subscription takes a topic; in MQTT `+` and `#` stand for a level and for all below.
fn covers(subscription: &str, topic: &str) -> bool {
    if subscription == topic {
        return true;
    }
    if !subscription.contains(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for own in subscription.split('/') {
        match (own, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (own, Some(level)) if own == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Host {
    Local,
    Remote,
}

fn host_kind(host: &str) -> Host {
    match host {
        "localhost" | "127.0.0.1" | "0.0.0.0" | "::1" | "::" | "*" | "" => Host::Local,
        _ => Host::Remote,
    }
}

fn is_local(address: &Address) -> bool {
    address.host_name().is_none_or(|host| host_kind(host) == Host::Local)
}

/// Whether a caller can talk to a listener: they speak the same, and their sockets go together.
fn fits(caller: &Endpoint, listener: &Endpoint) -> bool {
    let protocols = (caller.protocol.as_str(), listener.protocol.as_str());
    let same = protocols.0 == protocols.1
        || matches!(protocols, ("websocket", "http") | ("http" | "websocket", "tcp") | ("tcp", "http" | "websocket"));
    let kinds = match (&caller.kind, &listener.kind) {
        (Some((_, caller)), Some((_, listener))) => match caller {
            WireKind::Asks => matches!(listener, WireKind::Answers | WireKind::AnswersMany),
            WireKind::Sends => *listener == WireKind::Receives,
            WireKind::Receives => *listener == WireKind::Sends,
            WireKind::Answers | WireKind::AnswersMany => *listener == WireKind::Asks,
        },
        _ => true,
    };
    same && kinds
}

/// A name without what spellings differ in.
pub fn normal(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The services by their names without what spellings differ in; `None` where two have the same.
fn normal_names(system: &System) -> FxHashMap<String, Option<usize>> {
    let mut names: FxHashMap<String, Option<usize>> = FxHashMap::default();
    for (index, service) in system.services.iter().enumerate() {
        names.entry(normal(&service.name)).and_modify(|known| *known = None).or_insert(Some(index));
    }
    names.remove("");
    names
}

#[cfg(test)]
mod tests {
    use super::{covers, normal};

    #[test]
    fn topics_are_covered_by_their_patterns() {
        assert!(covers("room/+/level", "room/kitchen/level") && covers("room/#", "room/kitchen/level"));
        assert!(!covers("room/+", "room/kitchen/level") && !covers("room", "rooms"));
    }

    #[test]
    fn spellings_of_a_name_are_one() {
        assert_eq!(normal("Memory-Store"), normal("MEMORY_STORE"));
    }
}
