//! What the start-up configurations say: services, where they are declared, and what is wrong with them.

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

/// One service: a script that a start-up configuration starts under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name: the `name` key of the entry, else the key that holds the entry.
    pub name: String,
    /// The nearest key around the entry, as `core_services`; empty for an entry at the top of the document.
    pub group: String,
    /// The configuration that declares it, relative to the audited root, with `/`.
    pub config: String,
    /// Line of the entry in the configuration, from 1.
    pub line: u32,
    /// The script as the configuration writes it.
    pub declared_script: String,
    /// The script as a file of the audited tree, relative to its root, with `/`; `None` if there is no such file.
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
}
