//! Compose files: containers with their image or build, command, ports and dependencies.

use std::collections::BTreeMap;

use super::{Build, Command, Declaration, beside, env_lines};
use crate::service::{Published, SourceKind};
use crate::value::{Variables, expand};
use crate::yaml::{Content, Entry, NodeId, Tree};

/// Services of one file; a real one has tens.
const MAX_SERVICES: usize = 2_000;
/// Services that extend each other.
const MAX_EXTENDS: usize = 8;
/// Values of one key that are read.
const MAX_ITEMS: usize = 1_000;
/// Ports of one range.
const MAX_RANGE: u32 = 64;

/// Reads another file of the tree, relative to its root.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Whether a file is a Compose file by its name.
pub(crate) fn is_named(name: &str) -> bool {
    let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
    stem.is_some_and(|stem| {
        let mut words = stem.split(['.', '-', '_']);
        words.any(|word| word == "compose")
    })
}

/// The containers of a Compose file.
pub(crate) fn read(tree: &Tree, path: &str, read_file: ReadFile<'_>) -> Vec<Declaration> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside_file = |name: &str| beside(folder, name).and_then(|path| read_file(&path));
    let variables = beside_file(".env").map(|text| env_lines(&text)).unwrap_or_default();
    let mut found = Vec::new();
    for &document in &tree.documents {
        // The first format had services at the top.
        let (services, is_marked) = match tree.get(document, "services") {
            Some(services) => (tree.entries(services), true),
            None => (tree.entries(document), false),
        };
        for entry in services.iter().take(MAX_SERVICES) {
            // What a further file only changes has neither image nor build there.
            let is_made = || ["image", "build", "extends"].iter().any(|key| tree.get(entry.value, key).is_some());
            let is_service = if is_marked { !tree.entries(entry.value).is_empty() } else { is_made() };
            if !is_service || entry.key.starts_with("x-") {
                continue;
            }
            let mut reader = Reader { tree, path, folder, read_file, variables: &variables };
            let mut declaration = Declaration::new(SourceKind::Compose, path, entry.line, &entry.key);
            reader.fill(&mut declaration, entry.value, services, MAX_EXTENDS);
            declaration.group = declaration.profiles.first().cloned().unwrap_or_default();
            found.push(declaration);
        }
    }
    found
}

struct Reader<'a> {
    tree: &'a Tree,
    path: &'a str,
    folder: &'a str,
    read_file: ReadFile<'a>,
    variables: &'a Variables,
}

impl Reader<'_> {
    /// Reads what a service says into a declaration, what it extends first.
    fn fill(&mut self, into: &mut Declaration, id: NodeId, services: &[Entry], extends: usize) {
        self.extended(into, id, services, extends);
        let text = |key: &str| self.text(id, key);
        let list = |key: &str| self.list(self.tree.get(id, key));
        if let Some(image) = text("image") {
            into.image = Some(image);
        }
        if let Some(build) = self.build(id) {
            into.build = Some(build);
        }
        if let Some(command) = self.command(id, "command") {
            into.command = Some(command);
        }
        if let Some(entrypoint) = self.command(id, "entrypoint") {
            into.entrypoint = Some(entrypoint);
            // A new entry point drops the image's own command.
            into.command = into.command.take().or(Some(Command::Words(Vec::new())));
        }
        into.folder = text("working_dir").or(into.folder.take());
        into.on_host |= text("network_mode").as_deref() == Some("host");
        into.is_job |= text("restart").as_deref() == Some("no") && self.tree.get(id, "ports").is_none();
        into.environment.extend(self.environment(id));
        let ports = self.tree.get(id, "ports").and_then(|ports| self.tree.node(ports));
        if ports.is_some_and(|node| matches!(&node.content, Content::Sequence(items) if items.is_empty())) {
            // `ports: !reset []` takes back what is extended.
            into.published.clear();
        }
        into.published.extend(self.ports(id));
        let exposed = list("expose");
        into.exposed.extend(exposed.iter().filter_map(|port| port.split('/').next()?.parse::<u32>().ok()));
        for name in self.names(id, "depends_on") {
            push_new(&mut into.dependencies, name);
        }
        for link in list("links") {
            push_new(&mut into.dependencies, link.split(':').next().unwrap_or(&link).to_owned());
        }
        into.hosts.extend(text("container_name").into_iter().chain(text("hostname")));
        into.hosts.extend(self.aliases(id));
        into.profiles.extend(list("profiles"));
        into.mounts.extend(self.volumes(id));
        let replicas = self.tree.get(id, "deploy").and_then(|deploy| self.text(deploy, "replicas"));
        into.instances = text("scale").or(replicas).and_then(|number| number.parse().ok()).or(into.instances);
    }

    fn extended(&mut self, into: &mut Declaration, id: NodeId, services: &[Entry], extends: usize) {
        let Some(extends) = extends.checked_sub(1) else { return };
        let Some(base) = self.tree.get(id, "extends") else { return };
        let name = self.text(base, "service").or_else(|| self.tree.text(base).map(str::to_owned));
        let Some(name) = name else { return };
        match self.text(base, "file").filter(|file| beside(self.folder, file).as_deref() != Some(self.path)) {
            None => {
                if let Some(entry) = services.iter().find(|entry| entry.key == name && entry.value != id) {
                    self.fill(into, entry.value, services, extends);
                }
            }
            Some(file) => {
                let Some(path) = beside(self.folder, &file) else { return };
                let Some(text) = (self.read_file)(&path) else { return };
                let tree = Tree::parse(&text);
                let services = tree.documents.first().and_then(|&document| tree.get(document, "services"));
                let services = services.map(|id| tree.entries(id)).unwrap_or_default();
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let mut other = Reader { tree: &tree, path: &path, folder, ..*self };
                if let Some(entry) = services.iter().find(|entry| entry.key == name) {
                    other.fill(into, entry.value, services, extends);
                }
            }
        }
    }

    fn build(&self, id: NodeId) -> Option<Build> {
        let build = self.tree.get(id, "build")?;
        let short = self.tree.text(build).map(|text| expand(text, self.variables));
        let context = short.or_else(|| self.text(build, "context")).unwrap_or_else(|| ".".to_owned());
        let context = beside(self.folder, &context)?;
        let dockerfile = self.text(build, "dockerfile").unwrap_or_else(|| "Dockerfile".to_owned());
        Some(Build {
            dockerfile: beside(&context, &dockerfile)?,
            context,
            target: self.text(build, "target"),
            arguments: self.tree.get(build, "args").map(|id| self.pairs(id)).unwrap_or_default(),
        })
    }

    fn command(&self, id: NodeId, key: &str) -> Option<Command> {
        let value = self.tree.get(id, key)?;
        if let Some(line) = self.tree.text(value) {
            return Some(Command::Line(expand(line, self.variables)));
        }
        matches!(self.tree.node(value)?.content, Content::Sequence(_)).then(|| Command::Words(self.list(Some(value))))
    }

    fn environment(&self, id: NodeId) -> Variables {
        let mut found = BTreeMap::new();
        let files = self.tree.get(id, "env_file");
        let long =
            files.into_iter().flat_map(|files| self.tree.items(files)).filter_map(|&item| self.text(item, "path"));
        for file in self.list(files).into_iter().chain(long) {
            let text = beside(self.folder, &file).and_then(|path| (self.read_file)(&path));
            found.extend(text.map(|text| env_lines(&text)).unwrap_or_default());
        }
        found.extend(self.tree.get(id, "environment").map(|id| self.pairs(id)).unwrap_or_default());
        found
    }

    /// `NAME: value` or `- NAME=value`.
    fn pairs(&self, id: NodeId) -> Variables {
        let entries = self.tree.entries(id).iter().take(MAX_ITEMS);
        let entries = entries.filter_map(|entry| Some((entry.key.clone(), self.tree.text(entry.value)?.to_owned())));
        let listed = self.tree.items(id).iter().take(MAX_ITEMS).filter_map(|&item| {
            let (name, value) = self.tree.text(item)?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        });
        entries.chain(listed).map(|(name, value)| (name, expand(&value, self.variables))).collect()
    }

    fn ports(&self, id: NodeId) -> Vec<Published> {
        let Some(ports) = self.tree.get(id, "ports") else { return Vec::new() };
        let mut found = Vec::new();
        for &item in self.tree.items(ports).iter().take(MAX_ITEMS) {
            if let Some(text) = self.tree.text(item) {
                found.extend(short_port(&expand(text, self.variables)));
            } else if let Some(inside) = self.text(item, "target").and_then(|port| port.parse().ok()) {
                let port = self.text(item, "published").and_then(|port| port.parse().ok());
                if self.text(item, "protocol").as_deref() != Some("udp") {
                    found.push(Published { host: self.text(item, "host_ip"), port, inside });
                }
            }
        }
        found
    }

    /// Names in a list or the keys of a mapping.
    fn names(&self, id: NodeId, key: &str) -> Vec<String> {
        let Some(value) = self.tree.get(id, key) else { return Vec::new() };
        let keys = self.tree.entries(value).iter().map(|entry| entry.key.clone());
        self.list(Some(value)).into_iter().chain(keys.take(MAX_ITEMS)).collect()
    }

    fn aliases(&self, id: NodeId) -> Vec<String> {
        let Some(networks) = self.tree.get(id, "networks") else { return Vec::new() };
        let lists = self.tree.entries(networks).iter().map(|entry| self.tree.get(entry.value, "aliases"));
        lists.flat_map(|list| self.list(list)).collect()
    }

    /// Folders and files of the tree that are bound into the container.
    fn volumes(&self, id: NodeId) -> Vec<(String, String)> {
        let Some(volumes) = self.tree.get(id, "volumes") else { return Vec::new() };
        let bound = self.tree.items(volumes).iter().take(MAX_ITEMS).filter_map(|&item| {
            let (source, target) = match self.tree.text(item) {
                Some(text) => {
                    let text = expand(text, self.variables);
                    let (source, rest) = text.split_once(':')?;
                    (source.to_owned(), rest.split(':').next()?.to_owned())
                }
                None => (self.text(item, "source")?, self.text(item, "target")?),
            };
            let is_path = source.starts_with('.');
            Some((target, is_path.then(|| beside(self.folder, &source))??))
        });
        bound.collect()
    }

    fn text(&self, id: NodeId, key: &str) -> Option<String> {
        let text = self.tree.get(id, key).and_then(|value| self.tree.text(value))?;
        Some(expand(text, self.variables))
    }

    /// The texts of a list, or one text.
    fn list(&self, value: Option<NodeId>) -> Vec<String> {
        let Some(value) = value else { return Vec::new() };
        let one = self.tree.text(value).into_iter();
        let many = self.tree.items(value).iter().take(MAX_ITEMS).filter_map(|&item| self.tree.text(item));
        one.chain(many).map(|text| expand(text, self.variables)).collect()
    }
}

fn push_new(names: &mut Vec<String>, name: String) {
    if !name.is_empty() && !names.contains(&name) {
        names.push(name);
    }
}

/// `8000`, `80:8000`, `127.0.0.1:80:8000`, `8000-8002:9000-9002`, each with an optional `/tcp`. UDP is left out.
fn short_port(text: &str) -> Vec<Published> {
    let (text, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if protocol != "tcp" {
        return Vec::new();
    }
    let (rest, inside) = text.rsplit_once(':').unwrap_or(("", text));
    let (host, outside) = match rest.rsplit_once(':') {
        Some((host, outside)) => (Some(host.to_owned()), outside),
        None => (None, rest),
    };
    let range = |text: &str| -> Option<(u32, u32)> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?);
        Some((u32::from(first), u32::from(last.max(first))))
    };
    let Some((first, last)) = range(inside) else { return Vec::new() };
    let outside = range(outside);
    (first..=last)
        .take(MAX_RANGE as usize)
        .map(|inside| {
            let port = outside.map(|(outside, _)| outside + (inside - first));
            Published { host: host.clone(), port, inside }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_in_all_short_forms() {
        let one = |host: Option<&str>, port, inside| Published { host: host.map(str::to_owned), port, inside };
        assert_eq!(short_port("8000"), [one(None, None, 8000)]);
        assert_eq!(short_port("80:8000/tcp"), [one(None, Some(80), 8000)]);
        assert_eq!(short_port("127.0.0.1:80:8000"), [one(Some("127.0.0.1"), Some(80), 8000)]);
        assert_eq!(short_port("10-11:20-21"), [one(None, Some(10), 20), one(None, Some(11), 21)]);
        assert_eq!(short_port("53:53/udp"), []);
        assert_eq!(short_port("x:y"), []);
    }

    #[test]
    fn names_of_compose_files() {
        for name in ["compose.yml", "docker-compose.yaml", "docker-compose.prod.yml", "podman-compose.yaml"] {
            assert!(is_named(name), "{name}");
        }
        assert!(!is_named("composer.yml") && !is_named("decompose.yml") && !is_named("compose.json"));
    }
}
