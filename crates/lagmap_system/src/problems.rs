//! What is wrong with the declarations: notes taken while they are read, and what shows only between services.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;

use crate::order::{cycles, edges};
use crate::place::Located;
use crate::service::{ProblemKind, Service, ServiceId, SourceKind, System, SystemProblem};

/// Faults noted while the configurations are read.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    problems: Vec<SystemProblem>,
    without_script: HashSet<ServiceId>,
    /// The entry being read: its service, configuration and line.
    service: ServiceId,
    config: String,
    line: u32,
}

impl Notes {
    /// From here on notes are about the service at `index`, declared at this place.
    pub(crate) fn now(&mut self, index: usize, config: &str, line: u32) {
        self.service = ServiceId(index as u32);
        config.clone_into(&mut self.config);
        self.line = line;
    }

    pub(crate) fn add(
        &mut self,
        kind: ProblemKind,
        service: Option<ServiceId>,
        config: &str,
        line: u32,
        message: String,
    ) {
        let services = service.into_iter().collect();
        self.problems.push(SystemProblem { kind, services, config: config.to_owned(), line, message });
    }

    /// Notes a script that is not in the root, once for each service.
    pub(crate) fn script(&mut self, name: &str, script: &str, located: &Located) {
        let (name, script) = (shown(name), shown(script));
        let (kind, message) = match located {
            Located::Inside(_) => return,
            Located::Outside => (
                ProblemKind::ScriptOutsideRoot,
                format!("the script of {name}, {script}, lies outside the audited root and is not followed"),
            ),
            Located::Missing { differs_in_case: Some(other) } => (
                ProblemKind::MissingScript,
                format!("the script of {name}, {script}, does not exist; {} differs from it in case", shown(other)),
            ),
            Located::Missing { differs_in_case: None } => {
                (ProblemKind::MissingScript, format!("the script of {name}, {script}, does not exist"))
            }
        };
        if self.without_script.insert(self.service) {
            self.here(kind, message);
        }
    }

    pub(crate) fn invalid_port(&mut self, what: &str, written: &str) {
        self.here(ProblemKind::InvalidPort, format!("{what} {} is no number from 1 to 65535", shown(written)));
    }

    /// Notes that a second description of a service contradicts the first.
    pub(crate) fn differing(&mut self, name: &str, what: &str, first: Option<u32>, second: Option<u32>) {
        if let (Some(first), Some(second)) = (first, second)
            && first != second
        {
            let message =
                format!("{} is described twice, with {what} {first} and {second}; the first counts", shown(name));
            self.here(ProblemKind::ConflictingDescription, message);
        }
    }

    fn here(&mut self, kind: ProblemKind, message: String) {
        let config = self.config.clone();
        self.add(kind, Some(self.service), &config, self.line, message);
    }
}

/// All problems of a system, by configuration, line and kind.
pub(crate) fn find(system: &System, notes: Notes) -> Vec<SystemProblem> {
    let mut found = Found { system, problems: notes.problems };
    found.shared_scripts();
    found.duplicate_names();
    found.duplicate_ports();
    found.health_ports();
    found.unknown_dependencies();
    found.dependency_cycles();
    let mut problems = found.problems;
    problems.sort_by(|a, b| {
        (&a.config, a.line, a.kind, &a.services, &a.message).cmp(&(&b.config, b.line, b.kind, &b.services, &b.message))
    });
    problems
}

struct Found<'s> {
    system: &'s System,
    problems: Vec<SystemProblem>,
}

impl Found<'_> {
    /// Adds a problem at the place of the first of `services`.
    fn add(&mut self, kind: ProblemKind, mut services: Vec<ServiceId>, message: String) {
        services.sort_unstable();
        services.dedup();
        let Some(first) = services.first().and_then(|&id| self.system.service(id)) else { return };
        let (config, line) = (first.config.clone(), first.line);
        self.problems.push(SystemProblem { kind, services, config, line, message });
    }

    fn names(&self, services: &[ServiceId]) -> String {
        let names = services.iter().filter_map(|&id| self.system.service(id)).map(|service| shown(&service.name));
        names.collect::<Vec<_>>().join(", ")
    }

    fn shared_scripts(&mut self) {
        // Containers and processes of one image share scripts as a matter of course.
        for (script, services) in self.grouped(|service| service.script.as_deref().filter(|_| is_startup(service))) {
            let names: HashSet<&str> = services.iter().filter_map(|&id| self.name(id)).collect();
            if names.len() > 1 {
                let message = format!("{} start one script, {}", self.names(&services), shown(script));
                self.add(ProblemKind::SharedScript, services, message);
            }
        }
    }

    fn duplicate_names(&mut self) {
        for (name, services) in self.grouped(|service| Some(&service.name)) {
            if services.len() > 1 {
                let places: Vec<String> = services
                    .iter()
                    .filter_map(|&id| self.system.service(id))
                    .map(|service| format!("{}:{}", service.config.escape_debug(), service.line))
                    .collect();
                let message = format!("{} services are called {}: {}", services.len(), shown(name), places.join(", "));
                self.add(ProblemKind::DuplicateName, services, message);
            }
        }
    }

    /// Ports collide inside one configuration only: each configuration is a machine of its own.
    fn duplicate_ports(&mut self) {
        let mut listeners: BTreeMap<(&str, u32), Vec<Listener<'_>>> = BTreeMap::new();
        for (id, service) in self.system.iter() {
            for (port, host, is_health) in listened(service) {
                let listener = Listener { id, host, is_health };
                listeners.entry((&service.config, port)).or_default().push(listener);
            }
        }
        for ((_, port), listeners) in listeners {
            for group in colliding(&listeners) {
                let ids: Vec<ServiceId> = group.iter().map(|listener| listener.id).collect();
                let named = |listener: &Listener<'_>| {
                    let note = if listener.is_health { " (health check)" } else { "" };
                    format!("{}{note}", self.names(&[listener.id]))
                };
                let who: Vec<String> = group.iter().map(named).collect();
                let message = format!("{} listen on one port, {port}", who.join(", "));
                self.add(ProblemKind::DuplicatePort, ids, message);
            }
        }
    }

    fn health_ports(&mut self) {
        for (id, service) in self.system.iter() {
            if let Some(port) = service.port.filter(|port| service.health_port == Some(*port)) {
                let message = format!("the health check of {} has its own port, {port}", shown(&service.name));
                self.add(ProblemKind::HealthPortIsPort, vec![id], message);
            }
        }
    }

    fn unknown_dependencies(&mut self) {
        let system = self.system;
        let services = system.services.iter();
        let names = services.flat_map(|service| std::iter::once(&service.name).chain(&service.hosts));
        // A start-up configuration speaks of its own services; in a deployment file what runs beside them counts, too.
        let peers = system.peers.iter().filter(|_| !system.is_inventory()).map(|peer| &peer.name);
        let known: HashSet<&str> = names.chain(peers).map(String::as_str).collect();
        let disabled: HashSet<&str> =
            system.configs.iter().flat_map(|config| &config.disabled).map(String::as_str).collect();
        for (id, service) in system.iter() {
            for dependency in &service.dependencies {
                // Units of the machine, such as a database's, are not in the tree; a service that starts several programs is
                // known by their names.
                let has_parts = || {
                    known
                        .iter()
                        .any(|name| name.strip_prefix(dependency.as_str()).is_some_and(|rest| rest.starts_with('/')))
                };
                if known.contains(dependency.as_str()) || service.source == SourceKind::Systemd || has_parts() {
                    continue;
                }
                let why = if disabled.contains(dependency.as_str()) { "is disabled" } else { "no configuration has" };
                let message = format!("{} depends on {}, which {why}", shown(&service.name), shown(dependency));
                self.add(ProblemKind::UnknownDependency, vec![id], message);
            }
        }
    }

    fn dependency_cycles(&mut self) {
        let edges = edges(self.system);
        for group in cycles(self.system) {
            let message = match round_trip(&edges, &group) {
                path if path.len() > 1 => format!("services wait for each other: {}", self.path(&path)),
                _ => format!("{} depends on itself", self.names(&group)),
            };
            self.add(ProblemKind::DependencyCycle, group, message);
        }
    }

    fn path(&self, services: &[ServiceId]) -> String {
        let names = services.iter().chain(services.first()).map(|&id| self.names(&[id]));
        names.collect::<Vec<_>>().join(" → ")
    }

    fn name(&self, id: ServiceId) -> Option<&str> {
        self.system.service(id).map(|service| service.name.as_str())
    }

    fn grouped<'a>(&'a self, key: impl Fn(&'a Service) -> Option<&'a str>) -> BTreeMap<String, Vec<ServiceId>> {
        let mut groups: BTreeMap<String, Vec<ServiceId>> = BTreeMap::new();
        for (id, service) in self.system.iter() {
            if let Some(key) = key(service) {
                groups.entry(key.to_owned()).or_default().push(id);
            }
        }
        groups
    }
}

/// The shortest way from the first service of a cycle back to it, itself included once.
fn round_trip(edges: &[Vec<ServiceId>], group: &[ServiceId]) -> Vec<ServiceId> {
    let Some(&start) = group.first() else { return Vec::new() };
    let members: HashSet<ServiceId> = group.iter().copied().collect();
    let mut came_from: HashMap<ServiceId, ServiceId> = HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &target in edges.get(node.index()).into_iter().flatten() {
            if target == start {
                let mut path: Vec<ServiceId> =
                    std::iter::successors(Some(node), |node| came_from.get(node).copied()).collect();
                path.reverse();
                return path;
            }
            if members.contains(&target) && !came_from.contains_key(&target) {
                came_from.insert(target, node);
                queue.push_back(target);
            }
        }
    }
    Vec::new()
}

#[derive(Clone, Copy, Debug)]
struct Listener<'s> {
    id: ServiceId,
    /// `None` for all addresses of the machine.
    host: Option<&'s str>,
    is_health: bool,
}

fn is_startup(service: &Service) -> bool {
    service.source == SourceKind::Startup
}

/// The ports of its machine that a service takes, each with the one address that it binds, if it binds one, and whether it is that
/// of the health check. A container takes those that it publishes.
fn listened(service: &Service) -> Vec<(u32, Option<&str>, bool)> {
    let host = bound_address(service.host.as_deref());
    let own = [(service.port, false), (service.health_port, true)];
    let own =
        own.into_iter().filter(|_| is_startup(service)).filter_map(|(port, is_health)| Some((port?, host, is_health)));
    let published = service
        .published
        .iter()
        .filter_map(|published| Some((published.port?, bound_address(published.host.as_deref()), false)));
    own.chain(published).collect()
}

fn bound_address(host: Option<&str>) -> Option<&str> {
    match host.map(str::trim) {
        None | Some("" | "0.0.0.0" | "::" | "[::]" | "*") => None,
        Some("localhost" | "::1") => Some("127.0.0.1"),
        Some(host) => Some(host),
    }
}

/// Groups of different services on addresses that overlap; those on all addresses are in every group.
fn colliding<'s>(listeners: &[Listener<'s>]) -> Vec<Vec<Listener<'s>>> {
    let mut hosts: Vec<Option<&str>> = listeners.iter().map(|listener| listener.host).collect();
    hosts.sort_unstable();
    hosts.dedup();
    if hosts.len() > 1 {
        hosts.retain(Option::is_some);
    }
    let on = |host: Option<&str>| -> Vec<Listener<'s>> {
        listeners.iter().filter(|listener| listener.host.is_none() || listener.host == host).copied().collect()
    };
    let mut groups: Vec<_> = hosts.into_iter().map(on).collect();
    groups.retain(|group| group.iter().any(|listener| group.iter().any(|other| other.id != listener.id)));
    groups
}

/// A name for a message, in quotes and without control characters.
fn shown(name: impl Display) -> String {
    format!("`{}`", name.to_string().escape_debug())
}
