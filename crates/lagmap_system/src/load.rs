//! From a root folder to its [`System`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crate::declared::{Declarations, Declared, Trust, declarations};
use crate::deploy;
use crate::find::{self, DeploymentKind, Found};
use crate::merge;
use crate::place::{Located, Root, Want};
use crate::problems::{self, Notes};
use crate::service::{ConfigError, ConfigFile, ConfigOrigin, ProblemKind, Service, System};
use crate::sources::kubernetes;
use crate::value::{self, Port, expand};
use crate::yaml::{Fault, Tree};

/// So many services make a YAML file of any name a start-up configuration, whatever deployment files say.
const SURE_SERVICES: usize = 3;

/// How start-up configurations are read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values for `${NAME}` in configurations. The environment of the audit itself is never read, so that the same
    /// tree gives the same report everywhere; a variable that is not here counts as unset.
    pub variables: BTreeMap<String, String>,
}

/// Reads what the tree at `root` says it starts.
///
/// `explicit` names the files, relative to `root`, of any kind; if it is empty they are found. Start-up configurations
/// (every `startup_config.yaml` or `startup_config.yml`, or, if nothing else names services, every YAML file that maps names
/// to scripts) are complete: where there are any, deployment files add nothing but peers. Never fails as a whole: what
/// cannot be read is in [`System::errors`].
pub fn load(root: &Path, explicit: &[String], options: &Options) -> System {
    let mut system = System::default();
    let root = match Root::new(root) {
        Ok(root) => root,
        Err(error) => {
            let message = format!("the root cannot be read: {error}");
            system.errors.push(ConfigError { path: root.display().to_string(), line: None, message });
            return system;
        }
    };
    let mut loader = Loader { root: &root, options, system, notes: Notes::default() };
    let mut found = find::configurations(&root);
    if explicit.is_empty() {
        loader.find_and_add(&mut found);
    } else {
        let files = find::explicit_files(&root, explicit, &mut loader.system.errors);
        (found.deployments, found.others) = (Vec::new(), Vec::new());
        for path in files {
            match DeploymentKind::of(&path) {
                Some(kind) => found.deployments.push((kind, path)),
                None if loader.is_manifest(&path) => found.others.push(path),
                None => loader.add_config(path, ConfigOrigin::Explicit),
            }
        }
        found.deployments.sort();
        loader.deploy(&found);
    }
    let Loader { mut system, notes, .. } = loader;
    system.problems = problems::find(&system, notes);
    system.errors.sort();
    system.configs.sort_by(|a, b| a.path.cmp(&b.path));
    system
}

struct Loader<'a> {
    root: &'a Root,
    options: &'a Options,
    system: System,
    notes: Notes,
}

impl Loader<'_> {
    fn find_and_add(&mut self, found: &mut Found) {
        for path in std::mem::take(&mut found.named) {
            self.add_config(path, ConfigOrigin::FileName);
        }
        if self.system.services.is_empty() {
            let mut guessed = Loader { system: System::default(), notes: Notes::default(), ..*self };
            for path in &found.others {
                guessed.add_guessed(path.clone());
            }
            // A file that maps several names to scripts is a start-up configuration; one with a single script may be
            // anything, and counts only where nothing else names a service.
            let Loader { system, notes, .. } = guessed;
            let is_sure = system.services.len() >= SURE_SERVICES;
            if is_sure {
                (self.system, self.notes) = (system, notes);
                self.deploy(found);
            } else {
                self.deploy(found);
                if self.system.services.is_empty() && !system.services.is_empty() {
                    let peers = std::mem::take(&mut self.system.peers);
                    (self.system, self.notes) = (System { peers, ..system }, notes);
                }
            }
        } else {
            self.deploy(found);
        }
    }

    fn is_manifest(&self, path: &str) -> bool {
        find::read(self.root, path, &mut Vec::new()).is_some_and(|text| kubernetes::is_one(&text))
    }

    fn deploy(&mut self, found: &Found) {
        let deployed = deploy::read(self.root, found, &self.options.variables);
        self.system.peers = deployed.peers;
        if !self.system.is_inventory() {
            merge::merge(deployed.candidates, &mut self.system, &mut self.notes);
            self.system.errors.extend(deployed.errors);
        }
    }

    fn add_config(&mut self, path: String, origin: ConfigOrigin) {
        let Some(text) = find::read(self.root, &path, &mut self.system.errors) else { return };
        let (tree, faults) = parse(&text);
        let declared = declarations(&tree, Trust::Known);
        for fault in faults.into_iter().chain(declared.fault.clone()) {
            self.system.errors.push(ConfigError { path: path.clone(), line: fault.line, message: fault.message });
        }
        self.take(&tree, declared, path, origin);
    }

    /// Adds a file only if it declares services with a script that exists; what else is wrong with it is not ours.
    fn add_guessed(&mut self, path: String) {
        let Some(text) = find::read(self.root, &path, &mut Vec::new()) else { return };
        if !text.contains(".py") || kubernetes::is_one(&text) {
            return;
        }
        let (tree, _) = parse(&text);
        let declared = declarations(&tree, Trust::Guessed);
        let exists = |service: &Declared| matches!(self.locate(&service.script, &path), Located::Inside(_));
        if declared.services.iter().any(exists) {
            self.take(&tree, declared, path, ConfigOrigin::Content);
        }
    }

    fn take(&mut self, tree: &Tree, declared: Declarations, path: String, origin: ConfigOrigin) {
        for repeated in &tree.repeated_keys {
            let message = format!(
                "key `{}` stands twice in one mapping; YAML loaders drop the first, in line {}",
                repeated.key.escape_debug(),
                repeated.first_line
            );
            self.notes.add(ProblemKind::DuplicateKey, None, &path, repeated.line, message);
        }
        let first = self.system.services.len();
        let mut known: HashMap<(String, String), usize> = HashMap::new();
        // Services of which no description so far says whether they are required.
        let mut unstated: HashSet<usize> = HashSet::new();
        for service in declared.services {
            let located = self.locate(&service.script, &path);
            let script = if let Located::Inside(file) = &located { file.clone() } else { service.script.clone() };
            let index = *known.entry((service.name.clone(), script)).or_insert(self.system.services.len());
            self.notes.now(index, &path, service.line);
            let stated = service.required;
            let service = self.service(service, located, &path);
            if let Some(earlier) = self.system.services.get_mut(index) {
                if let Some(required) = stated.filter(|_| unstated.remove(&index)) {
                    earlier.required = required;
                }
                complete(earlier, service, &mut self.notes);
            } else {
                if stated.is_none() {
                    unstated.insert(index);
                }
                self.system.services.push(service);
            }
        }
        let services = (self.system.services.len() - first) as u32;
        let mut disabled = declared.disabled;
        disabled.sort();
        disabled.dedup();
        self.system.configs.push(ConfigFile { path, origin, services, disabled });
    }

    fn service(&mut self, declared: Declared, located: Located, config: &str) -> Service {
        let port = self.port("port", declared.port.as_deref());
        let health_port = self.port("health port", declared.health_port.as_deref());
        let python_paths = self.python_paths(&declared.python_path, config);
        self.notes.script(&declared.name, &declared.script, &located);
        Service {
            name: declared.name,
            group: declared.group,
            config: config.to_owned(),
            line: declared.line,
            declared_script: declared.script,
            script: if let Located::Inside(file) = located { Some(file) } else { None },
            port,
            health_port,
            host: declared.host.map(|host| expand(&host, &self.options.variables)),
            dependencies: declared.dependencies,
            required: declared.required.unwrap_or(true),
            python_paths,
            ..Service::default()
        }
    }

    fn port(&mut self, what: &str, written: Option<&str>) -> Option<u32> {
        let written = written?;
        match value::port(written, &self.options.variables) {
            Port::Number(number) => Some(number),
            Port::Open => None,
            Port::Invalid => {
                self.notes.invalid_port(what, written);
                None
            }
        }
    }

    fn locate(&self, script: &str, config: &str) -> Located {
        self.root.locate(&self.path(script), config, Want::File)
    }

    /// Folders of `PYTHONPATH` values that lie in the root, in search order, each once.
    fn python_paths(&self, values: &[String], config: &str) -> Vec<String> {
        let mut folders = Vec::new();
        for value in values {
            for part in split_search_path(value) {
                let led_by_variable = part.starts_with('$');
                let path = self.path(part);
                if led_by_variable && path.is_empty() {
                    // `$PYTHONPATH` itself, unset: it adds nothing.
                    continue;
                }
                // `$PWD/..` starts at the root, wherever the configuration is.
                let config = if led_by_variable { "" } else { config };
                if let Located::Inside(folder) = self.root.locate(&path, config, Want::Folder)
                    && !folders.contains(&folder)
                {
                    folders.push(folder);
                }
            }
        }
        folders
    }

    /// A path with its variables replaced. `${PROJECT_ROOT}/a.py` with the variable unset means the root.
    fn path(&self, written: &str) -> String {
        let path = expand(written, &self.options.variables);
        let lead = leading_variable(written).map(|variable| expand(variable, &self.options.variables));
        if lead.is_some_and(|value| value.is_empty()) { path.trim_start_matches('/').to_owned() } else { path }
    }
}

/// The variable that a path starts with, when a `/` follows it.
fn leading_variable(path: &str) -> Option<&str> {
    let mut depth = 0_u32;
    let ends = move |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && c == '/'
    };
    path.split(ends).next().filter(|lead| lead.starts_with('$'))
}

/// Parts of a search path. A colon inside `${NAME:-default}` separates nothing.
fn split_search_path(value: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let separates = move |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (c == ':' || c == ';')
    };
    value.split(separates).map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Parses a configuration. One that tabs break is read again with two spaces for each, beside the error.
fn parse(text: &str) -> (Tree, Vec<Fault>) {
    let mut tree = Tree::parse(text);
    let faults = std::mem::take(&mut tree.faults);
    let Some(first_tab) = text.lines().position(has_tab_in_indentation) else { return (tree, faults) };
    if faults.is_empty() {
        return (tree, faults);
    }
    let spaced: Vec<String> = text.lines().map(without_tabs_in_indentation).collect();
    let again = Tree::parse(&spaced.join("\n"));
    if !again.faults.is_empty() {
        return (tree, faults);
    }
    let message = "not valid YAML: a tab in the indentation; read as two spaces".to_owned();
    (again, vec![Fault { line: Some(first_tab as u32 + 1), message }])
}

fn has_tab_in_indentation(line: &str) -> bool {
    line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t')
}

fn without_tabs_in_indentation(line: &str) -> String {
    let text = line.trim_start();
    let indentation = line.get(..line.len() - text.len()).unwrap_or("");
    format!("{}{text}", indentation.replace('\t', "  "))
}

/// Adds to a service what a second description of it says; the first counts where they differ.
fn complete(earlier: &mut Service, later: Service, notes: &mut Notes) {
    notes.differing(&later.name, "port", earlier.port, later.port);
    notes.differing(&later.name, "health port", earlier.health_port, later.health_port);
    earlier.port = earlier.port.or(later.port);
    earlier.health_port = earlier.health_port.or(later.health_port);
    earlier.host = earlier.host.take().or(later.host);
    for dependency in later.dependencies {
        if !earlier.dependencies.contains(&dependency) {
            earlier.dependencies.push(dependency);
        }
    }
    for folder in later.python_paths {
        if !earlier.python_paths.contains(&folder) {
            earlier.python_paths.push(folder);
        }
    }
}
