//! From what is started to services: several sources that describe one service become one.
//!
//! Sources come in order, the more telling first; what a later one says completes what an earlier one said. Two describe
//! one service if they start the same, or have the same name and do the same. One file never describes a service twice.

use std::collections::HashSet;

use crate::command::{Start, Target};
use crate::deploy::Candidate;
use crate::problems::Notes;
use crate::service::{
    ConfigFile, ConfigOrigin, Entry, Place, ProblemKind, Published, Runs, Service, ServiceId, SourceKind, System,
};
use crate::sources::Declaration;

/// Words of a make target that say that it runs the system.
const RUN_WORDS: &[&str] = &[
    "run",
    "start",
    "serve",
    "server",
    "runserver",
    "dev",
    "up",
    "launch",
    "worker",
    "web",
    "api",
    "app",
    "bot",
    "daemon",
    "scheduler",
    "beat",
    "consumer",
];

/// Adds services to a system.
pub(crate) fn merge(candidates: Vec<Candidate>, system: &mut System, notes: &mut Notes) {
    let mut keys: Vec<Key> = Vec::new();
    for candidate in candidates {
        let Candidate { declaration, starts, image_ports, faults } = candidate;
        let chosen = chosen(&starts);
        // The ports of a container lead to one of its programs: the one that says so, else its server, else the first.
        let says_port = |start: &&Start| {
            start.says_port && declaration.published.iter().any(|published| Some(published.inside) == start.port)
        };
        let is_server = |start: &&Start| start.runs == Runs::Server;
        let owner = chosen.iter().position(says_port).or_else(|| chosen.iter().position(is_server)).unwrap_or(0);
        let mut without_ports = declaration.clone();
        (without_ports.published, without_ports.exposed) = (Vec::new(), Vec::new());
        let unnamed = chosen.iter().filter(|start| start.part.is_none()).count();
        let is_deployed = |service: &Service| !matches!(service.source, SourceKind::Make | SourceKind::ProjectScript);
        let has_services = system.services.iter().any(is_deployed);
        for (index, start) in chosen.into_iter().enumerate() {
            let described = if index == owner { &declaration } else { &without_ports };
            let image_ports = if index == owner { image_ports.as_slice() } else { &[] };
            let key = Key::of(start);
            let part = start.part.clone().or_else(|| (unnamed > 1).then(|| part_name(start)));
            let name = part.map_or_else(|| declaration.name.clone(), |part| format!("{}/{part}", declaration.name));
            let known = known_as(&system.services, &keys, start, &key, &name, &declaration.config);
            let place = Place { path: declaration.config.clone(), line: declaration.line };
            if let Some(index) = known {
                let service = service(start, described, image_ports, name);
                complete(&mut system.services[index], service, place);
                continue;
            }
            if !counts(&declaration, start, &system.services, has_services) {
                continue;
            }
            let id = ServiceId(system.services.len() as u32);
            let service = service(start, described, image_ports, name);
            note(&service, start, id, notes);
            for (line, message) in &faults {
                notes.add(ProblemKind::UnreachableService, Some(id), &declaration.config, *line, message.clone());
            }
            system.services.push(service);
            keys.push(key);
        }
    }
    name_apart(&mut system.services);
    list_files(system);
}

/// The service that a start describes once more: one that starts the same or has its name and does the same kind of work, and
/// that this file has not described yet.
fn known_as(services: &[Service], keys: &[Key], start: &Start, key: &Key, name: &str, config: &str) -> Option<usize> {
    let is_taken =
        |service: &Service| service.config == config || service.described_in.iter().any(|place| place.path == config);
    let free: Vec<usize> = (0..services.len()).filter(|index| !is_taken(&services[*index])).collect();
    let same_start = |index: &usize| keys.get(*index) == Some(key);
    let same_name = |index: &usize| {
        let service = &services[*index];
        service.name.eq_ignore_ascii_case(name)
            && (service.runs == start.runs || service.runs == Runs::Process || start.runs == Runs::Process)
    };
    let find = |wanted: &dyn Fn(&usize) -> bool| free.iter().copied().find(|index| wanted(index));
    find(&|index| same_start(index) && same_name(index)).or_else(|| find(&same_start)).or_else(|| find(&same_name))
}

/// Whether what is started is a service: any of a make target, or a command that people run, need not be one.
fn counts(declaration: &Declaration, start: &Start, services: &[Service], has_services: bool) -> bool {
    match declaration.source {
        SourceKind::Make => {
            let says_run = declaration.name.split(['-', '_', '.', '/']).any(|word| RUN_WORDS.contains(&word));
            let has_file = services.iter().any(|service| service.script == start.file);
            let keeps_running = start.runs.keeps_running();
            // Beside what is deployed, a server of a target is its twin for development.
            let wanted =
                if has_services { keeps_running && start.runs != Runs::Server } else { keeps_running || says_run };
            wanted && (keeps_running || !has_file) && start.file.is_some()
        }
        SourceKind::ProjectScript => {
            start.file.is_some() && services.iter().all(|service| service.source == SourceKind::ProjectScript)
        }
        _ => true,
    }
}

/// What of all that a command starts is the service: what keeps running, else what is started last.
fn chosen(starts: &[Start]) -> Vec<&Start> {
    let is_ours = |start: &&Start| {
        start.file.is_some() || start.is_expected || start.is_outside || matches!(start.target, Target::Queue(_))
    };
    let ours: Vec<&Start> = starts.iter().filter(is_ours).collect();
    let mut seen: HashSet<(Key, Option<&str>)> = HashSet::new();
    // A program of its own, as a supervisor has it, is one whatever it does.
    let is_sure = |start: &&Start| !start.is_preparation && (start.runs.keeps_running() || start.part.is_some());
    let mut running: Vec<&Start> = ours.iter().copied().filter(is_sure).collect();
    running.retain(|start| seen.insert((Key::of(start), start.part.as_deref())));
    if !running.is_empty() {
        return running;
    }
    let last = ours.iter().rev().find(|start| !start.is_preparation).or(ours.last());
    last.copied().into_iter().collect()
}

/// What makes two starts the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    file: String,
    runs: Runs,
    object: String,
    loads: Vec<String>,
}

impl Key {
    fn of(start: &Start) -> Self {
        let object = match &start.target {
            Target::Object { object, .. } => object.clone().unwrap_or_default(),
            Target::Function { function, .. } => function.clone(),
            Target::Queue(name) => name.clone(),
            Target::Script(_) | Target::Module(_) if start.runs == Runs::Process => {
                start.verb.clone().unwrap_or_default()
            }
            Target::Script(_) | Target::Module(_) => String::new(),
        };
        // Whether a worker's application is named or looked for makes no other worker.
        let object = if matches!(start.runs, Runs::Worker | Runs::Scheduler | Runs::Monitor) && start.file.is_some() {
            String::new()
        } else {
            object
        };
        let runs = if start.runs == Runs::Command { Runs::Process } else { start.runs };
        let file = start.file.clone().unwrap_or_else(|| written(&start.target));
        Self { file, runs, object, loads: start.loads.clone() }
    }
}

/// The target as the configuration writes it.
fn written(target: &Target) -> String {
    match target {
        Target::Script(path) => path.clone(),
        Target::Module(module) => module.clone(),
        Target::Object { module, object, .. } => {
            object.as_ref().map_or_else(|| module.clone(), |object| format!("{module}:{object}"))
        }
        Target::Function { module, function } => format!("{module}:{function}"),
        Target::Queue(name) => name.clone(),
    }
}

fn part_name(start: &Start) -> String {
    let name = written(&start.target);
    let name = name.split(':').next().unwrap_or(&name);
    let name = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".py");
    let name = if matches!(name, "manage" | "app" | "main") { "" } else { name.rsplit('.').next().unwrap_or(name) };
    if name.is_empty() { start.runs.label().to_owned() } else { format!("{name}-{}", start.runs.label()) }
}

fn service(start: &Start, declaration: &Declaration, image_ports: &[u32], name: String) -> Service {
    let is_job = declaration.is_job || start.is_preparation;
    let runs = if is_job && !matches!(start.runs, Runs::Server) { Runs::Job } else { start.runs };
    let said = start.port.filter(|_| start.says_port);
    let inside: Vec<u32> = declaration.published.iter().map(|port| port.inside).collect();
    // What an image says it listens on is said of its server.
    let image_ports = if matches!(runs, Runs::Server | Runs::Process) { image_ports } else { &[] };
    let usual = || {
        start
            .port
            .filter(|port| inside.contains(port) || declaration.exposed.contains(port) || image_ports.contains(port))
    };
    let first =
        || [inside.first(), declaration.exposed.first(), image_ports.first()].into_iter().flatten().next().copied();
    let port = if runs == Runs::Job { None } else { said.or_else(usual).or_else(first).or(start.port) };
    let mut published = declaration.published.clone();
    if let Some(port) = said.filter(|_| declaration.on_host) {
        // It listens on the machine itself.
        published.push(Published { host: start.host.clone(), port: Some(port), inside: port });
    }
    let mut environment = start.environment.clone();
    environment.extend(declaration.environment.clone());
    Service {
        name,
        group: declaration.group.clone(),
        config: declaration.config.clone(),
        line: declaration.line,
        declared_script: written(&start.target),
        script: start.file.clone(),
        port,
        health_port: None,
        host: start.host.clone(),
        dependencies: declaration.dependencies.clone(),
        required: true,
        python_paths: start.python_paths.iter().filter(|path| !path.is_empty()).cloned().collect(),
        source: declaration.source,
        entry: match &start.target {
            Target::Script(_) => Entry::Script,
            Target::Module(_) => Entry::Module,
            Target::Object { object, is_factory, .. } => {
                Entry::Object { name: object.clone(), is_factory: *is_factory }
            }
            Target::Function { function, .. } => Entry::Function(function.clone()),
            Target::Queue(_) => Entry::Queue,
        },
        runs,
        command: Some(start.line.clone()).filter(|line| !line.is_empty()),
        described_in: Vec::new(),
        loads: start.loads.clone(),
        hosts: declaration.hosts.iter().filter(|host| **host != declaration.name).cloned().collect(),
        published,
        environment,
        instances: start.instances.or(declaration.instances),
        waits_ms: start.waits_ms,
    }
}

/// Adds to a service what a further source says of it.
fn complete(earlier: &mut Service, later: Service, place: Place) {
    earlier.described_in.push(place);
    earlier.port = earlier.port.or(later.port);
    earlier.host = earlier.host.take().or(later.host);
    earlier.instances = earlier.instances.or(later.instances);
    earlier.command = earlier.command.take().or(later.command);
    // A unit waits for units of its machine, which a container does not know.
    if earlier.dependencies.is_empty() && later.source != SourceKind::Systemd {
        earlier.dependencies = later.dependencies;
    }
    for host in later.hosts.into_iter().chain((later.name != earlier.name).then_some(later.name)) {
        if !earlier.hosts.contains(&host) && host != earlier.name {
            earlier.hosts.push(host);
        }
    }
    for folder in later.python_paths {
        if !earlier.python_paths.contains(&folder) {
            earlier.python_paths.push(folder);
        }
    }
    for (name, value) in later.environment {
        earlier.environment.entry(name).or_insert(value);
    }
    if earlier.published.is_empty() {
        earlier.published = later.published;
    }
}

/// Notes what is wrong with one service.
fn note(service: &Service, start: &Start, id: ServiceId, notes: &mut Notes) {
    let name = service.name.escape_debug();
    let script = service.declared_script.escape_debug();
    let mut add = |kind, message| notes.add(kind, Some(id), &service.config, service.line, message);
    if start.is_outside {
        add(
            ProblemKind::ScriptOutsideRoot,
            format!("the script of `{name}`, `{script}`, lies outside the audited root and is not followed"),
        );
    } else if start.is_expected {
        add(ProblemKind::MissingScript, format!("the script of `{name}`, `{script}`, does not exist"));
    }
    if !matches!(service.source, SourceKind::Compose | SourceKind::Kubernetes) {
        return;
    }
    let inside: Vec<u32> = service.published.iter().map(|port| port.inside).collect();
    if let Some(port) = start.port.filter(|_| start.says_port && start.runs == Runs::Server)
        && !inside.is_empty()
        && !inside.contains(&port)
    {
        let inside: Vec<String> = inside.iter().map(u32::to_string).collect();
        let message =
            format!("`{name}` listens on port {port}, but what leads to it goes to port {}", inside.join(", "));
        add(ProblemKind::UnreachableService, message);
    }
    let is_local = matches!(start.host.as_deref(), Some("127.0.0.1" | "localhost" | "::1" | "[::1]"));
    if is_local && start.runs == Runs::Server && !inside.is_empty() {
        let message = format!("`{name}` listens on 127.0.0.1 of its own container: nothing outside of it gets there");
        add(ProblemKind::UnreachableService, message);
    }
}

/// Services of one name in different folders are told apart by the folder, then by a number.
fn name_apart(services: &mut [Service]) {
    for by_folder in [true, false] {
        let mut seen: HashSet<String> = HashSet::new();
        let most = services.len() + 2;
        for service in services.iter_mut() {
            if seen.insert(service.name.clone()) {
                continue;
            }
            let name = match service.config.rsplit_once('/') {
                Some((folder, _)) if by_folder => format!("{folder}/{}", service.name),
                _ if by_folder => continue,
                _ => (2..=most)
                    .map(|number| format!("{} {number}", service.name))
                    .find(|name| !seen.contains(name))
                    .unwrap_or_default(),
            };
            seen.insert(name.clone());
            service.name = name;
        }
    }
}

/// Lists the files that name services.
fn list_files(system: &mut System) {
    let mut paths: Vec<(String, u32)> = Vec::new();
    for service in &system.services {
        match paths.iter_mut().find(|(path, _)| *path == service.config) {
            Some((_, count)) => *count += 1,
            None => paths.push((service.config.clone(), 1)),
        }
        for place in &service.described_in {
            if !paths.iter().any(|(path, _)| *path == place.path) {
                paths.push((place.path.clone(), 0));
            }
        }
    }
    for (path, services) in paths {
        let disabled = Vec::new();
        system.configs.push(ConfigFile { path, origin: ConfigOrigin::Deployment, services, disabled });
    }
}
