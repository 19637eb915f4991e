//! Finds the entries for services in a YAML tree, whatever shape the file has.
//!
//! A service is a mapping that has a script: a string that ends in `.py`. Its name is its `name` key, else the key
//! that holds it; its group is the nearest key around it. In lists and mappings under a key such as `services`, the
//! short forms `Name: path.py` and `- path.py` count too.

use std::collections::HashSet;

use crate::keys;
use crate::value::switch;
use crate::yaml::{Content, Entry, Fault, NodeId, Tree};

/// Collections looked into, for each file: aliases can make a small file unfold without end.
const MAX_VISITS: u32 = 200_000;
/// Services of one file. The largest systems we know of have hundreds.
const MAX_SERVICES: usize = 10_000;
/// Levels looked into; beyond the depth of any parsed file only aliases to enclosing nodes lead.
const MAX_DEPTH: u32 = 100;

/// An entry for a service, its values as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) line: u32,
    pub(crate) script: String,
    pub(crate) port: Option<String>,
    pub(crate) health_port: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) dependencies: Vec<String>,
    pub(crate) required: Option<bool>,
    /// Values of `PYTHONPATH`.
    pub(crate) python_path: Vec<String>,
}

/// How much a file must say before an entry counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// A start-up configuration by its name, or the user's word.
    Known,
    /// Any YAML file: a script alone makes no service (`command: python build.py` may be a build step).
    Guessed,
}

/// All that one file declares.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    pub(crate) services: Vec<Declared>,
    pub(crate) disabled: Vec<String>,
    pub(crate) fault: Option<Fault>,
}

/// The services of all documents of `tree`, in their order.
pub(crate) fn declarations(tree: &Tree, trust: Trust) -> Declarations {
    let mut search = Search { tree, trust, visits: 0, templates: HashSet::new(), found: Declarations::default() };
    for &document in &tree.documents {
        let path = search.python_path_of_document(document);
        let before = search.found.services.len();
        search.visit(document, Place::default());
        for service in search.found.services.iter_mut().skip(before) {
            service.python_path.extend(path.iter().cloned());
        }
    }
    search.found
}

/// Where in the document a node stands.
#[derive(Clone, Copy, Default)]
struct Place<'t> {
    /// The key that holds the node, and its line.
    key: Option<(&'t str, u32)>,
    /// The nearest key around that key, or around the list that the node is in.
    group: &'t str,
    depth: u32,
    disabled: bool,
    /// Whether a key around the node says that services stand here.
    in_container: bool,
}

impl<'t> Place<'t> {
    fn under(self, entry: &'t Entry) -> Self {
        let in_container = self.in_container || keys::is_container(&entry.key);
        Self { key: Some((&entry.key, entry.line)), in_container, ..self.item() }
    }

    fn item(self) -> Self {
        Self { key: None, group: self.key.map_or(self.group, |(key, _)| key), depth: self.depth + 1, ..self }
    }
}

struct Search<'t> {
    tree: &'t Tree,
    trust: Trust,
    visits: u32,
    /// Mappings that only serve to be merged into services.
    templates: HashSet<NodeId>,
    found: Declarations,
}

impl<'t> Search<'t> {
    fn visit(&mut self, id: NodeId, place: Place<'t>) {
        let tree = self.tree;
        if place.depth > MAX_DEPTH || self.templates.contains(&id) || !self.spend() {
            return;
        }
        match tree.node(id).map(|node| &node.content) {
            Some(Content::Mapping(entries)) => self.visit_mapping(id, entries, place),
            Some(Content::Sequence(items)) => {
                for &item in items {
                    self.visit(item, place.item());
                    self.short_form(item, None, place.item());
                }
            }
            _ => {}
        }
    }

    fn visit_mapping(&mut self, id: NodeId, entries: &'t [Entry], mut place: Place<'t>) {
        place.disabled |= self.is_disabled(id);
        let service = self.script_of(id, place);
        if let Some(script) = service {
            self.declare(id, script, place);
        } else {
            self.mark_templates(entries);
        }
        for entry in entries {
            let looked_into = match service {
                Some(_) => keys::CHILDREN.contains(&entry.key.as_str()),
                None => !keys::is_aside(&entry.key),
            };
            if looked_into {
                self.visit(entry.value, place.under(entry));
                if service.is_none() {
                    self.short_form(entry.value, Some(entry), place.under(entry));
                }
            }
        }
    }

    /// Counts a step; `false` once the file has used up its steps.
    fn spend(&mut self) -> bool {
        self.visits += 1;
        let spent = self.visits > MAX_VISITS || self.found.services.len() >= MAX_SERVICES;
        if spent && self.found.fault.is_none() {
            let message = format!(
                "unfolds to more than {MAX_VISITS} collections or {MAX_SERVICES} services; the rest is left out"
            );
            self.found.fault = Some(Fault { line: None, message });
        }
        !spent
    }

    fn is_disabled(&self, id: NodeId) -> bool {
        let says = |key, wanted| self.text(id, &[key]).and_then(switch) == Some(wanted);
        says("enabled", false) || says("enable", false) || says("disabled", true) || says("disable", true)
    }

    /// A mapping that others merge in is a template, unless a service that nobody merges stands beside it.
    fn mark_templates(&mut self, entries: &[Entry]) {
        let tree = self.tree;
        let (merged, own): (Vec<_>, Vec<_>) = entries
            .iter()
            .filter(|entry| tree.first(entry.value, keys::SCRIPT).is_some())
            .map(|entry| entry.value)
            .partition(|id| tree.merged.contains(id));
        if own.is_empty() {
            self.templates.extend(merged);
        }
    }

    fn script_of(&self, id: NodeId, place: Place<'_>) -> Option<&'t str> {
        if let Some(script) = keys::SCRIPT.iter().find_map(|key| self.script_at(id, key)) {
            let vouched = self.trust == Trust::Known || place.in_container || self.has_service_mark(id);
            return vouched.then_some(script);
        }
        // `services: {main: a.py, worker: b.py}` are short forms, not one service with a key `main`.
        let holds_short_forms = place.key.is_some_and(|(key, _)| keys::is_container(key))
            && self.tree.entries(id).iter().all(|entry| self.tree.text(entry.value).is_some_and(is_script));
        if holds_short_forms || !(self.has_service_mark(id) || place.in_container) {
            return None;
        }
        keys::MAYBE_SCRIPT.iter().find_map(|key| self.script_at(id, key)).or_else(|| self.script_under_any_key(id))
    }

    /// The only script among the values of an entry for a service.
    fn script_under_any_key(&self, id: NodeId) -> Option<&'t str> {
        if self.trust == Trust::Guessed || !self.has_service_mark(id) {
            return None;
        }
        let tree = self.tree;
        let is_own = |key: &str| !["config", "test", "hook", "health", "init"].iter().any(|word| key.contains(word));
        let mut scripts = tree
            .entries(id)
            .iter()
            .filter(|entry| entry.key != "name" && is_own(&entry.key))
            .filter_map(|entry| tree.text(entry.value).filter(|text| is_script(text)));
        scripts.next().filter(|_| scripts.next().is_none())
    }

    fn has_service_mark(&self, id: NodeId) -> bool {
        self.tree.first(id, keys::SERVICE_MARKS).is_some()
    }

    /// The script in a path, a command line or a list of arguments.
    fn script_at(&self, id: NodeId, key: &str) -> Option<&'t str> {
        let value = self.tree.get(id, key)?;
        let in_text = |text: &'t str| {
            let text = text.trim();
            if is_script(text) { Some(text) } else { script_in_command(text) }
        };
        match self.tree.text(value) {
            Some(text) => in_text(text),
            None => self.tree.items(value).iter().find_map(|&item| self.tree.text(item).and_then(in_text)),
        }
    }

    fn declare(&mut self, id: NodeId, script: &str, place: Place<'t>) {
        let named = self.text(id, &["name", "service_name", "agent_name"]);
        let name = named.or(place.key.map(|(key, _)| key)).unwrap_or_else(|| stem(script));
        let line = place.key.map(|(_, line)| line).or_else(|| self.tree.node(id).map(|node| node.line));
        let required = self.text(id, &["required"]).and_then(switch);
        let optional = self.text(id, &["optional"]).and_then(switch);
        let health = self.tree.first(id, keys::HEALTH);
        let health_port = self.text(id, keys::HEALTH_PORT).or_else(|| self.text(health?, keys::PORT));
        let declared = Declared {
            name: name.trim().to_owned(),
            group: place.group.to_owned(),
            line: line.unwrap_or(1),
            script: script.to_owned(),
            port: self.text(id, keys::PORT).map(str::to_owned),
            health_port: health_port.map(str::to_owned),
            host: self.text(id, keys::HOST).map(str::to_owned),
            dependencies: self.dependencies(id),
            required: required.or(optional.map(|optional| !optional)),
            python_path: self.python_path(id),
        };
        self.add(declared, place.disabled);
    }

    /// `Name: path.py` or `- path.py`, where services stand.
    fn short_form(&mut self, id: NodeId, entry: Option<&Entry>, place: Place<'t>) {
        let Some(script) = self.tree.text(id).map(str::trim).filter(|text| is_script(text)) else { return };
        if !place.in_container || (self.trust == Trust::Guessed && !script.contains('/')) {
            return;
        }
        let name = entry.map_or_else(|| stem(script), |entry| &entry.key);
        let line = entry.map(|entry| entry.line).or_else(|| self.tree.node(id).map(|node| node.line));
        let declared = Declared {
            name: name.to_owned(),
            group: place.group.to_owned(),
            line: line.unwrap_or(1),
            script: script.to_owned(),
            ..Declared::default()
        };
        self.add(declared, place.disabled);
    }

    fn add(&mut self, declared: Declared, disabled: bool) {
        if disabled {
            self.found.disabled.push(declared.name);
        } else {
            self.found.services.push(declared);
        }
    }

    /// Names in a list, a list of mappings with a `name`, the keys of a mapping (as Compose has it), or one name.
    fn dependencies(&self, id: NodeId) -> Vec<String> {
        let tree = self.tree;
        let Some(value) = tree.first(id, keys::DEPENDENCIES) else { return Vec::new() };
        let items = tree.items(value).iter().filter_map(|&item| tree.text(item).or_else(|| self.text(item, &["name"])));
        let keys = tree.entries(value).iter().map(|entry| entry.key.as_str());
        let one = tree.text(value).into_iter().flat_map(|text| text.split(','));
        let names = items.chain(keys).chain(one).map(str::trim).filter(|name| !name.is_empty());
        let mut seen = HashSet::new();
        names.filter(|name| seen.insert(*name)).map(str::to_owned).collect()
    }

    /// `PYTHONPATH` in the `environment` of a mapping, which is a mapping itself or a list of `NAME=value`.
    fn python_path(&self, id: NodeId) -> Vec<String> {
        let Some(environment) = self.tree.first(id, keys::ENVIRONMENT) else { return Vec::new() };
        let listed = self.tree.items(environment).iter().filter_map(|&item| self.tree.text(item));
        let assigned = listed.filter_map(|item| item.strip_prefix("PYTHONPATH="));
        self.text(environment, &["PYTHONPATH"]).into_iter().chain(assigned).map(str::to_owned).collect()
    }

    /// The environment of all services: at the top of the document, or one level below in a section that holds none.
    fn python_path_of_document(&self, document: NodeId) -> Vec<String> {
        let sections = self.tree.entries(document).iter().filter(|entry| {
            ["global", "default", "common", "settings"].iter().any(|word| entry.key.to_ascii_lowercase().contains(word))
        });
        let below = sections.flat_map(|entry| self.python_path(entry.value));
        self.python_path(document).into_iter().chain(below).collect()
    }

    fn text(&self, id: NodeId, keys: &[&str]) -> Option<&'t str> {
        keys.iter().find_map(|key| self.tree.get(id, key).and_then(|value| self.tree.text(value)))
    }
}

/// Whether a whole text is the path of a script: `python run.py` is a command.
fn is_script(text: &str) -> bool {
    let is_command =
        || text.split_whitespace().next().is_some_and(is_interpreter) && text.contains(char::is_whitespace);
    names_python_file(text) && !text.contains('\n') && !is_command()
}

/// Whether a path ends in `.py`, exactly so: `RUN.PY` is no script to any of the loaders.
fn names_python_file(path: &str) -> bool {
    stem(path).len() < file_name(path).len() && !stem(path).is_empty()
}

fn is_interpreter(word: &str) -> bool {
    let program = word.rsplit('/').next().unwrap_or(word);
    ["python", "pypy", "uv", "poetry", "exec", "sh", "bash", "env"].iter().any(|name| program.starts_with(name))
}

fn script_in_command(command: &str) -> Option<&str> {
    command.split_whitespace().map(|part| part.trim_matches(['"', '\'', ';'])).find(|part| names_python_file(part))
}

fn stem(script: &str) -> &str {
    let file = file_name(script);
    file.strip_suffix(".py").unwrap_or(file)
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
