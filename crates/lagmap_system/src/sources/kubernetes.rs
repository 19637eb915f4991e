//! Kubernetes manifests: the containers of workloads, and the services before them.

use std::collections::BTreeMap;

use super::{Command, Declaration};
use crate::service::{Published, SourceKind};
use crate::value::Variables;
use crate::yaml::{NodeId, Tree};

const MAX_ITEMS: usize = 1_000;

/// A Kubernetes `Service`: a name and ports that lead to the pods with some labels.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    pub(crate) name: String,
    pub(crate) line: u32,
    pub(crate) selector: Variables,
    /// Port of the service, port of the pod as written: a number or the name of a container's port.
    pub(crate) ports: Vec<(u32, String)>,
}

/// A workload's container with what leads to it.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) declaration: Declaration,
    pub(crate) labels: Variables,
    /// Names of its ports.
    pub(crate) port_names: Vec<(String, u32)>,
    /// The `ConfigMap`s of which it has all variables, in order.
    pub(crate) maps: Vec<String>,
    /// Variables that a key of a `ConfigMap` says: name, map, key.
    pub(crate) mapped: Vec<(String, String, String)>,
}

impl Pod {
    /// Gives its container the variables that `ConfigMap`s say; what it says itself wins.
    pub(crate) fn configure(&mut self, maps: &BTreeMap<String, Variables>) {
        let own = std::mem::take(&mut self.declaration.environment);
        for map in self.maps.iter().filter_map(|name| maps.get(name)) {
            self.declaration.environment.extend(map.clone());
        }
        for (name, map, key) in &self.mapped {
            if let Some(value) = maps.get(map).and_then(|map| map.get(key)) {
                self.declaration.environment.insert(name.clone(), value.clone());
            }
        }
        self.declaration.environment.extend(own);
    }
}

/// What one file says.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    pub(crate) pods: Vec<Pod>,
    pub(crate) fronts: Vec<Front>,
    /// What `ConfigMap`s say, by name.
    pub(crate) maps: BTreeMap<String, Variables>,
}

/// Whether a YAML file may hold manifests. One with template marks is no YAML, and not ours to complain about.
pub(crate) fn is_one(text: &str) -> bool {
    let has = |key: &str| text.lines().any(|line| line.trim_start().trim_start_matches("- ").starts_with(key));
    has("apiVersion:") && has("kind:") && !text.contains("{{")
}

/// The manifests of all documents.
pub(crate) fn read(tree: &Tree, path: &str) -> Manifests {
    let mut found = Manifests::default();
    for &document in tree.documents.iter().take(MAX_ITEMS) {
        let items = tree.get(document, "items").filter(|_| text(tree, document, "kind").as_deref() == Some("List"));
        let documents = items.map_or_else(|| vec![document], |items| tree.items(items).to_vec());
        for document in documents.into_iter().take(MAX_ITEMS) {
            take(tree, document, path, &mut found);
        }
    }
    found
}

fn take(tree: &Tree, document: NodeId, path: &str, found: &mut Manifests) {
    let Some(kind) = text(tree, document, "kind") else { return };
    let Some(metadata) = tree.get(document, "metadata") else { return };
    let Some(name) = text(tree, metadata, "name") else { return };
    if kind == "ConfigMap" {
        let data = tree.get(document, "data").map(|data| pairs(tree, data)).unwrap_or_default();
        found.maps.entry(name).or_default().extend(data);
        return;
    }
    let Some(spec) = tree.get(document, "spec") else { return };
    let line = tree.node(document).map_or(1, |node| node.line);
    if kind == "Service" {
        let ports = tree.get(spec, "ports").map(|ports| tree.items(ports)).unwrap_or_default();
        let ports = ports.iter().take(MAX_ITEMS).filter_map(|&port| {
            let number: u32 = text(tree, port, "port")?.parse().ok()?;
            Some((number, text(tree, port, "targetPort").unwrap_or_else(|| number.to_string())))
        });
        let selector = tree.get(spec, "selector").map(|selector| pairs(tree, selector)).unwrap_or_default();
        found.fronts.push(Front { name, line, selector, ports: ports.collect() });
        return;
    }
    let template = |at: NodeId| tree.get(at, "template");
    let template = match kind.as_str() {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "Rollout" => template(spec),
        "CronJob" => tree.get(spec, "jobTemplate").and_then(|job| tree.get(job, "spec")).and_then(template),
        "Pod" => Some(document),
        _ => None,
    };
    let Some(template) = template else { return };
    let labels = tree.get(template, "metadata").and_then(|metadata| tree.get(metadata, "labels"));
    let labels = labels.map(|labels| pairs(tree, labels)).unwrap_or_default();
    let Some(pod) = tree.get(template, "spec") else { return };
    let Some(containers) = tree.get(pod, "containers") else { return };
    let containers: Vec<NodeId> = tree.items(containers).iter().copied().take(MAX_ITEMS).collect();
    let on_host = text(tree, pod, "hostNetwork").as_deref() == Some("true");
    for &container in &containers {
        let own = text(tree, container, "name");
        let called = match own {
            Some(own) if containers.len() > 1 && own != name => format!("{name}/{own}"),
            _ => name.clone(),
        };
        let line = tree.node(container).map_or(line, |node| node.line);
        let mut declaration = Declaration::new(SourceKind::Kubernetes, path, line, &called);
        declaration.group = kind.to_ascii_lowercase();
        declaration.image = text(tree, container, "image");
        // Kubernetes' `command` replaces the image's entry point, `args` its command.
        declaration.entrypoint = words(tree, container, "command");
        declaration.command = words(tree, container, "args");
        if declaration.entrypoint.is_some() && declaration.command.is_none() {
            declaration.command = Some(Command::Words(Vec::new()));
        }
        declaration.folder = text(tree, container, "workingDir");
        declaration.is_job = matches!(kind.as_str(), "Job" | "CronJob");
        declaration.on_host = on_host;
        declaration.instances = text(tree, spec, "replicas").and_then(|number| number.parse().ok());
        let (mut port_names, mut mapped) = (Vec::new(), Vec::new());
        for &port in
            tree.get(container, "ports").map(|ports| tree.items(ports)).unwrap_or_default().iter().take(MAX_ITEMS)
        {
            let Some(number) = text(tree, port, "containerPort").and_then(|number| number.parse().ok()) else {
                continue;
            };
            declaration.exposed.push(number);
            port_names.extend(text(tree, port, "name").map(|name| (name, number)));
            if let Some(host_port) = text(tree, port, "hostPort").and_then(|port| port.parse().ok()) {
                declaration.published.push(Published { host: None, port: Some(host_port), inside: number });
            }
        }
        for &variable in
            tree.get(container, "env").map(|env| tree.items(env)).unwrap_or_default().iter().take(MAX_ITEMS)
        {
            if let (Some(name), Some(value)) = (text(tree, variable, "name"), text(tree, variable, "value")) {
                declaration.environment.insert(name, value);
            }
            let from = tree.get(variable, "valueFrom").and_then(|from| tree.get(from, "configMapKeyRef"));
            if let (Some(name), Some(from)) = (text(tree, variable, "name"), from)
                && let (Some(map), Some(key)) = (text(tree, from, "name"), text(tree, from, "key"))
            {
                mapped.push((name, map, key));
            }
        }
        let all = tree.get(container, "envFrom").map(|all| tree.items(all)).unwrap_or_default();
        let maps = all.iter().take(MAX_ITEMS).filter_map(|&from| text(tree, tree.get(from, "configMapRef")?, "name"));
        found.pods.push(Pod { declaration, labels: labels.clone(), port_names, maps: maps.collect(), mapped });
    }
}

fn words(tree: &Tree, id: NodeId, key: &str) -> Option<Command> {
    let value = tree.get(id, key)?;
    let items: Vec<String> =
        tree.items(value).iter().take(MAX_ITEMS).filter_map(|&item| tree.text(item).map(str::to_owned)).collect();
    (!items.is_empty()).then_some(Command::Words(items))
}

fn pairs(tree: &Tree, id: NodeId) -> Variables {
    let entries = tree.entries(id).iter().take(MAX_ITEMS);
    entries.filter_map(|entry| Some((entry.key.clone(), tree.text(entry.value)?.to_owned()))).collect()
}

fn text(tree: &Tree, id: NodeId, key: &str) -> Option<String> {
    tree.get(id, key).and_then(|value| tree.text(value)).map(str::to_owned)
}
