//! What the start-up configurations say: services, where they are declared, and what is wrong with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Index of a service in [`System::services`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceId(pub u32);

impl ServiceId {
    /// The position in [`System::services`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// All services of one audited tree, in the order of their configurations (by path) and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct System {
    /// Enabled services; one entry for each name and script of a configuration.
    pub services: Vec<Service>,
    /// The configurations that were read, by path.
    pub configs: Vec<ConfigFile>,
    /// What runs beside the services and starts no Python of the tree: databases, brokers, proxies.
    pub peers: Vec<Peer>,
    /// What is wrong with the declarations, by configuration, line and kind.
    pub problems: Vec<SystemProblem>,
    /// Configurations, or parts of them, that could not be read.
    pub errors: Vec<ConfigError>,
}

impl System {
    /// The service with this id, if it is one of this system's.
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(id.index())
    }

    /// Whether the services are all that is started: a start-up configuration says so. Deployment files tell what is
    /// deployed, and leave commands and scripts unnamed that people run by hand.
    pub fn is_inventory(&self) -> bool {
        self.services.iter().any(|service| service.source == SourceKind::Startup)
    }

    /// Every service with its id.
    pub fn iter(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        self.services.iter().enumerate().map(|(index, service)| (ServiceId(index as u32), service))
    }

    /// The service that `name` means inside the configuration `config`: one declared there, else the first declared
    /// in any other configuration.
    pub fn resolve(&self, config: &str, name: &str) -> Option<ServiceId> {
        let named =
            |local: bool| self.iter().find(|(_, service)| service.name == name && (!local || service.config == config));
        named(true).or_else(|| named(false)).map(|(id, _)| id)
    }
}

/// One service: a script, application or worker that a configuration starts under a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name: the `name` key of the entry, else the key that holds the entry.
    pub name: String,
    /// The nearest key around the entry, as `core_services`; empty for an entry at the top of the document.
    pub group: String,
    /// The configuration that declares it, relative to the audited root, with `/`.
    pub config: String,
    /// Line of the entry in the configuration, from 1.
    pub line: u32,
    /// The script, module or object as the configuration writes it.
    pub declared_script: String,
    /// The file of the audited tree that it starts with, relative to its root, with `/`; `None` if there is no such file.
    pub script: Option<String>,
    /// The port it listens on.
    pub port: Option<u32>,
    /// The port of its health check.
    pub health_port: Option<u32>,
    /// The host or address it binds, as written.
    pub host: Option<String>,
    /// Names of the services it needs, as written, each once.
    pub dependencies: Vec<String>,
    /// Whether the system cannot do without it; `true` unless the configuration says otherwise.
    pub required: bool,
    /// Folders of the configuration's `PYTHONPATH` that lie in the root, relative to it (`""` is the root itself).
    pub python_paths: Vec<String>,
    /// The kind of file that names it.
    pub source: SourceKind,
    /// How its file is started.
    pub entry: Entry,
    /// What it does.
    pub runs: Runs,
    /// The command that starts it, where the configuration has one.
    pub command: Option<String>,
    /// Further files and lines that describe it.
    pub described_in: Vec<Place>,
    /// Files that it loads at its start by name, beside what it imports.
    pub loads: Vec<String>,
    /// Names by which others reach it, its own not included.
    pub hosts: Vec<String>,
    /// Ports of its machine, or of a front before it, that lead to it.
    pub published: Vec<Published>,
    /// What is set in its environment.
    pub environment: BTreeMap<String, String>,
    /// How many of it run, where the configuration says so.
    pub instances: Option<u32>,
    /// How long its command sleeps before it starts, in milliseconds.
    pub waits_ms: u32,
}

/// How a service's file is started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// Run as a script: `python a.py`.
    #[default]
    Script,
    /// Run as a module: `python -m a`.
    Module,
    /// Imported; a server or worker then uses an object of it, or calls it to make one.
    Object {
        /// The object's name; `None` if the library looks for it.
        name: Option<String>,
        /// The object is made by calling the name.
        is_factory: bool,
    },
    /// Imported; a function of it is called.
    Function(String),
    /// No file is named: what is put into a queue says what runs.
    Queue,
}

/// What a service does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    /// Serves requests.
    Server,
    /// Takes tasks from a queue.
    Worker,
    /// Starts tasks at their times.
    Scheduler,
    /// Shows what workers do; of the code it only imports the application.
    Monitor,
    /// Runs a script or module, which may serve or end.
    #[default]
    Process,
    /// Runs to its end.
    Job,
    /// A command that a project installs, run by whoever wants to.
    Command,
}

impl Runs {
    /// Whether it certainly runs until it is stopped.
    pub const fn keeps_running(self) -> bool {
        matches!(self, Self::Server | Self::Worker | Self::Scheduler | Self::Monitor)
    }

    /// Its name in reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Worker => "worker",
            Self::Scheduler => "scheduler",
            Self::Monitor => "monitor",
            Self::Process => "process",
            Self::Job => "job",
            Self::Command => "command",
        }
    }
}

/// The kinds of files that name services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A start-up configuration.
    #[default]
    Startup,
    /// A Compose file.
    Compose,
    /// A Kubernetes manifest.
    Kubernetes,
    /// A Dockerfile.
    Dockerfile,
    /// A Procfile.
    Procfile,
    /// A supervisord configuration.
    Supervisor,
    /// A systemd unit.
    Systemd,
    /// A Makefile or justfile.
    Make,
    /// A command in a project's packaging.
    ProjectScript,
    /// The code itself: nothing else names it.
    Code,
}

impl SourceKind {
    /// Its name in reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Startup => "start-up configuration",
            Self::Compose => "compose",
            Self::Kubernetes => "kubernetes",
            Self::Dockerfile => "dockerfile",
            Self::Procfile => "procfile",
            Self::Supervisor => "supervisord",
            Self::Systemd => "systemd",
            Self::Make => "make",
            Self::ProjectScript => "project script",
            Self::Code => "code",
        }
    }
}

/// A place in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Path relative to the audited root, with `/`.
    pub path: String,
    /// Line from 1.
    pub line: u32,
}

/// A port that leads to a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Published {
    /// The address that is bound, or the name of the front that listens; `None` for all addresses of the machine.
    pub host: Option<String>,
    /// The port there; `None` if any free one is taken.
    pub port: Option<u32>,
    /// The port of the service that it leads to.
    pub inside: u32,
}

/// Something that runs beside the services and starts no Python of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its name in the configuration.
    pub name: String,
    /// Its image; `None` if it is built from a folder of the tree.
    pub image: Option<String>,
    /// The configuration that declares it, relative to the audited root, with `/`.
    pub config: String,
    /// Line of the entry in the configuration, from 1.
    pub line: u32,
    /// Names by which others reach it, its own not included.
    pub hosts: Vec<String>,
    /// Ports of its machine, or of a front before it, that lead to it.
    pub published: Vec<Published>,
    /// Ports that it is said to listen on.
    pub exposed: Vec<u32>,
}

/// One start-up configuration that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// Path relative to the audited root, with `/`.
    pub path: String,
    /// Why it counts as a start-up configuration.
    pub origin: ConfigOrigin,
    /// How many services it declares, disabled ones not counted.
    pub services: u32,
    /// Names of the entries that it disables.
    pub disabled: Vec<String>,
}

/// Why a file counts as a start-up configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigOrigin {
    /// The user named it.
    Explicit,
    /// It is called `startup_config.yaml` or `startup_config.yml`.
    FileName,
    /// No file has such a name, and this one maps names to scripts.
    Content,
    /// It says what is deployed: a Compose file, Dockerfile, Procfile and the like.
    Deployment,
}

/// A configuration, or a part of one, that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConfigError {
    /// Path relative to the audited root, with `/`; an explicit path that is not in the root as it was given.
    pub path: String,
    /// Line from 1, where the fault has one.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
}

/// Something wrong with the declarations themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemProblem {
    /// What kind of fault it is.
    pub kind: ProblemKind,
    /// The services involved, each once, in the order of [`System::services`].
    pub services: Vec<ServiceId>,
    /// The configuration that has the first of the places involved.
    pub config: String,
    /// Line of that place, from 1.
    pub line: u32,
    /// The fault in a sentence.
    pub message: String,
}

/// The kinds of [`SystemProblem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The script is not a file of the audited tree.
    MissingScript,
    /// The script lies outside the audited root, by `..`, an absolute path or a symbolic link; it is not followed.
    ScriptOutsideRoot,
    /// Services of different names start the same script.
    SharedScript,
    /// Two services, or a service and another's health check, listen on one port of one machine.
    DuplicatePort,
    /// A port that is no number from 1 to 65535.
    InvalidPort,
    /// One name for services with different scripts, or in several configurations.
    DuplicateName,
    /// A second description of a service contradicts the first, which counts.
    ConflictingDescription,
    /// A mapping has the same key twice; YAML loaders keep the last.
    DuplicateKey,
    /// A dependency that no loaded configuration declares, or that is disabled.
    UnknownDependency,
    /// Services that wait for each other.
    DependencyCycle,
    /// The health check of a service is told to use the service's own port.
    HealthPortIsPort,
    /// A port that leads to a service on which it does not listen, or an address that nothing else reaches.
    UnreachableService,
    /// The code of a service listens on other ports than the one that the configuration says.
    ListensElsewhere,
}
