//! Deployment files: from what each declares to what is started.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::command::{self, Start, Surroundings};
use crate::files::Files;
use crate::find::{self, DeploymentKind, Found};
use crate::place::{Root, join};
use crate::service::{ConfigError, Peer, Published, Runs, SourceKind};
use crate::sources::dockerfile::{self, Stage};
use crate::sources::kubernetes::{self, Front, Manifests};
use crate::sources::{Build, Command, Declaration, compose, makefile, packaging, procfile, supervisor, systemd};
use crate::value::Variables;
use crate::yaml::Tree;

/// All that deployment files say.
#[derive(Debug, Default)]
pub(crate) struct Deployed {
    /// What may be a service, the more telling sources first.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) errors: Vec<ConfigError>,
}

/// A declaration with what its command starts.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) declaration: Declaration,
    pub(crate) starts: Vec<Start>,
    /// Ports that its image says it listens on.
    pub(crate) image_ports: Vec<u32>,
    /// What a front before it gets wrong.
    pub(crate) faults: Vec<(u32, String)>,
}

/// Reads all deployment files.
pub(crate) fn read(root: &Root, found: &Found, variables: &Variables) -> Deployed {
    let mut files = Files::new(root, &found.management_commands);
    let mut deployed = Deployed::default();
    let mut reader = Reader { root, found, variables, deployed: &mut deployed };
    let (project, scripts) = reader.packaging(&mut files);
    let compose = reader.compose();
    let kubernetes = reader.kubernetes();
    let dockerfiles = reader.paths(DeploymentKind::Dockerfile);
    let mut images = Images::new(&files, &dockerfiles, project.as_deref());
    for declaration in &compose {
        images.learn(declaration);
    }
    for (declaration, faults) in compose.into_iter().map(|declaration| (declaration, Vec::new())).chain(kubernetes) {
        let candidate = reader.in_image(&files, &mut images, declaration, faults);
        reader.sort_in(candidate);
    }
    for path in &dockerfiles {
        if !images.used.contains(path) {
            let candidates = reader.image_alone(&files, &mut images, path, project.as_deref());
            reader.deployed.candidates.extend(candidates);
        }
    }
    reader.on_machine(&files, scripts);
    deployed
}

struct Reader<'a> {
    root: &'a Root,
    found: &'a Found,
    variables: &'a Variables,
    deployed: &'a mut Deployed,
}

impl Reader<'_> {
    fn paths(&self, kind: DeploymentKind) -> Vec<String> {
        let mut paths: Vec<String> =
            self.found.deployments.iter().filter(|(other, _)| *other == kind).map(|(_, path)| path.clone()).collect();
        // Files nearer to the root, and shorter names (`Dockerfile` before `Dockerfile.dev`), say more of the whole.
        paths.sort_by_key(|path| (path.matches('/').count(), path.len(), path.clone()));
        paths
    }

    fn text(&mut self, path: &str) -> Option<String> {
        find::read(self.root, path, &mut self.deployed.errors)
    }

    /// The project's name and its commands.
    fn packaging(&mut self, files: &mut Files<'_>) -> (Option<String>, Vec<Declaration>) {
        let (mut name, mut scripts) = (None, Vec::new());
        for kind in [DeploymentKind::Pyproject, DeploymentKind::SetupCfg] {
            for path in self.paths(kind) {
                let Some(text) = self.text(&path) else { continue };
                let read = match kind {
                    DeploymentKind::Pyproject => packaging::pyproject(&text, &path, &mut self.deployed.errors),
                    _ => packaging::setup_cfg(&text, &path),
                };
                name = name.or(read.name);
                scripts.extend(read.scripts);
            }
        }
        for script in &scripts {
            if let Some(Command::Words(words)) = &script.command {
                files.install(&script.name, words.first().map_or("", String::as_str));
            }
        }
        (name, scripts)
    }

    /// The containers of all Compose files. Files of one folder are variants of one system: what several of them call by
    /// one name is one service.
    fn compose(&mut self) -> Vec<Declaration> {
        let mut paths = self.paths(DeploymentKind::Compose);
        paths.sort_by_key(|path| (folder_of(path).to_owned(), variant(path), path.clone()));
        let mut all: Vec<Declaration> = Vec::new();
        let mut known: HashMap<(String, String), usize> = HashMap::new();
        for path in paths {
            let Some(text) = self.text(&path) else { continue };
            let tree = Tree::parse(&text);
            for fault in &tree.faults {
                self.error(&path, fault.line, fault.message.clone());
            }
            let root = self.root;
            let read_file = |path: &str| Files::new(root, &[]).text(path);
            for declaration in compose::read(&tree, &path, &read_file) {
                let key = (folder_of(&path).to_owned(), declaration.name.clone());
                if let Some(earlier) = known.get(&key).and_then(|index| all.get_mut(*index)) {
                    complete(earlier, declaration, variant(&path) == Variant::Override);
                } else {
                    known.insert(key, all.len());
                    all.push(declaration);
                }
            }
        }
        all
    }

    fn error(&mut self, path: &str, line: Option<u32>, message: String) {
        self.deployed.errors.push(ConfigError { path: path.to_owned(), line, message });
    }

    /// The containers of all manifests, with what the services before them get wrong.
    fn kubernetes(&mut self) -> Vec<(Declaration, Vec<(u32, String)>)> {
        let mut by_folder: BTreeMap<String, Manifests> = BTreeMap::new();
        let paths: Vec<String> = self.found.others.iter().filter(|path| find::may_be_manifest(path)).cloned().collect();
        for path in paths {
            // YAML that is no manifest is not ours to complain about.
            let Some(text) = find::read(self.root, &path, &mut Vec::new()) else { continue };
            if !kubernetes::is_one(&text) {
                continue;
            }
            let tree = Tree::parse(&text);
            for fault in &tree.faults {
                self.error(&path, fault.line, fault.message.clone());
            }
            let read = kubernetes::read(&tree, &path);
            let manifests = by_folder.entry(folder_of(&path).to_owned()).or_default();
            manifests.pods.extend(read.pods);
            manifests.fronts.extend(read.fronts);
            for (name, map) in read.maps {
                manifests.maps.entry(name).or_default().extend(map);
            }
        }
        let mut all: Vec<(Declaration, Vec<(u32, String)>)> = Vec::new();
        for manifests in by_folder.into_values() {
            for mut pod in manifests.pods {
                let mut faults = Vec::new();
                pod.configure(&manifests.maps);
                for front in manifests.fronts.iter().filter(|front| leads_to(front, &pod.labels)) {
                    if front.name != pod.declaration.name {
                        pod.declaration.hosts.push(front.name.clone());
                    }
                    for (port, target) in &front.ports {
                        let named = pod.port_names.iter().find(|(name, _)| name == target).map(|(_, number)| *number);
                        let Some(inside) = named.or_else(|| target.parse().ok()) else { continue };
                        let exposed = &pod.declaration.exposed;
                        if !exposed.is_empty() && !exposed.contains(&inside) {
                            faults.push((
                                front.line,
                                format!(
                                    "the service `{}` leads to port {inside} of `{}`, whose container has {}",
                                    front.name.escape_debug(),
                                    pod.declaration.name.escape_debug(),
                                    ports(exposed),
                                ),
                            ));
                        }
                        let host = Some(front.name.clone());
                        pod.declaration.published.push(Published { host, port: Some(*port), inside });
                    }
                }
                // The same workload in several files (a base and a whole) is one.
                let same = |(other, _): &&mut (Declaration, _)| {
                    other.name == pod.declaration.name
                        && other.group == pod.declaration.group
                        && other.image == pod.declaration.image
                };
                if all.iter_mut().find(same).is_none() {
                    all.push((pod.declaration, faults));
                }
            }
        }
        all
    }

    /// A container: the command of the declaration in the image that it names.
    fn in_image(
        &mut self,
        files: &Files<'_>,
        images: &mut Images<'_>,
        declaration: Declaration,
        faults: Vec<(u32, String)>,
    ) -> Candidate {
        let build = images.build_of(&declaration);
        let stage = build.as_ref().and_then(|build| images.stage(build));
        let mut variables = self.variables.clone();
        let mut commands: Vec<Command> = Vec::new();
        let mut mounts = declaration.mounts.clone();
        let mut folder = declaration.folder.clone();
        let mut image_ports = Vec::new();
        if let (Some(build), Some(stage)) = (&build, &stage) {
            variables.extend(stage.environment.clone());
            mounts.extend(images.mounts(build, stage));
            folder = folder.or_else(|| Some(stage.folder.clone()));
            image_ports.clone_from(&stage.exposed);
        }
        variables.extend(declaration.environment.clone());
        let entrypoint = declaration.entrypoint.clone().or_else(|| stage.as_ref()?.entrypoint.clone());
        let command = declaration.command.clone().or_else(|| stage.as_ref()?.command.clone());
        // A line for a shell as entry point runs without the command.
        let alone = matches!(entrypoint, Some(Command::Shell(_)));
        commands.extend(entrypoint);
        commands.extend(command.filter(|_| !alone));
        let mut folders: Vec<String> = build.iter().map(|build| build.context.clone()).collect();
        for (_, source) in &declaration.mounts {
            folders.extend(files.folder(source));
        }
        folders.extend(above(&declaration.config));
        let surroundings =
            Surroundings { written_folder: folder, folders: unique(folders), mounts, variables, in_image: true };
        let commands: Vec<&Command> = commands.iter().collect();
        let mut starts = command::starts(files, &surroundings, &commands);
        if build.is_none() && declaration.mounts.is_empty() {
            // An image from elsewhere may well name what this tree does not have.
            starts.retain(|start| start.file.is_some());
        }
        Candidate { declaration, starts, image_ports, faults }
    }

    /// A container is a service if it starts something of the tree, else a peer.
    fn sort_in(&mut self, candidate: Candidate) {
        let is_ours = candidate.starts.iter().any(|start| {
            start.file.is_some()
                || start.is_expected
                || start.is_outside
                || matches!(start.target, command::Target::Queue(_))
        });
        if is_ours {
            self.deployed.candidates.push(candidate);
            return;
        }
        let declaration = candidate.declaration;
        let mut exposed = declaration.exposed;
        for port in candidate.image_ports {
            if !exposed.contains(&port) {
                exposed.push(port);
            }
        }
        // What a Compose file and manifests call by one name is one.
        if let Some(known) = self.deployed.peers.iter_mut().find(|peer| peer.name == declaration.name) {
            known
                .exposed
                .extend(exposed.iter().filter(|port| !known.exposed.contains(port)).copied().collect::<Vec<_>>());
            let further: Vec<String> =
                declaration.hosts.into_iter().filter(|host| !known.hosts.contains(host)).collect();
            known.hosts.extend(further);
            return;
        }
        self.deployed.peers.push(Peer {
            name: declaration.name,
            image: declaration.image.filter(|_| declaration.build.is_none()),
            config: declaration.config,
            line: declaration.line,
            hosts: declaration.hosts,
            published: declaration.published,
            exposed,
        });
    }

    /// A Dockerfile that nothing else builds.
    fn image_alone(
        &mut self,
        files: &Files<'_>,
        images: &mut Images<'_>,
        path: &str,
        project: Option<&str>,
    ) -> Option<Candidate> {
        let build = Build { context: images.context(path), dockerfile: path.to_owned(), ..Build::default() };
        let stage = images.stage(&build)?;
        let name = image_name(path).or(project.map(str::to_owned)).unwrap_or_else(|| "app".to_owned());
        let mut declaration = Declaration::new(SourceKind::Dockerfile, path, stage.line, &name);
        declaration.build = Some(build);
        let candidate = self.in_image(files, images, declaration, Vec::new());
        let is_ours = candidate.starts.iter().any(|start| start.file.is_some() || start.is_expected);
        is_ours.then_some(candidate)
    }

    /// What runs on the machine itself.
    fn on_machine(&mut self, files: &Files<'_>, scripts: Vec<Declaration>) {
        type Read = fn(&str, &str) -> Vec<Declaration>;
        let kinds: [(DeploymentKind, Read); 4] = [
            (DeploymentKind::Procfile, procfile::read),
            (DeploymentKind::Supervisor, supervisor::read),
            (DeploymentKind::Systemd, systemd::read),
            (DeploymentKind::Makefile, makefile::read),
        ];
        for (kind, read) in kinds {
            for path in self.paths(kind) {
                // Of any `.conf` or `.ini` file only those of supervisord are ours.
                let text = if kind == DeploymentKind::Supervisor { files.text(&path) } else { self.text(&path) };
                let Some(text) = text.filter(|text| kind != DeploymentKind::Supervisor || supervisor::is_one(text))
                else {
                    continue;
                };
                for declaration in read(&text, &path) {
                    self.deployed.candidates.extend(self.started(files, declaration));
                }
            }
        }
        for mut script in scripts {
            let Some(Command::Words(words)) = &script.command else { continue };
            let Some((module, function)) = words.first().and_then(|target| target.split_once(':')) else { continue };
            let line = format!("{module}:{function}");
            script.command = Some(Command::Words(vec![script.name.clone()]));
            let mut candidate = self.started(files, script);
            for start in candidate.iter_mut().flat_map(|candidate| &mut candidate.starts) {
                start.line.clone_from(&line);
                start.runs = Runs::Command;
            }
            self.deployed.candidates.extend(candidate);
        }
    }

    fn started(&self, files: &Files<'_>, declaration: Declaration) -> Option<Candidate> {
        let mut variables = self.variables.clone();
        variables.extend(declaration.environment.clone());
        let surroundings = Surroundings {
            written_folder: declaration.folder.clone(),
            folders: above(&declaration.config),
            mounts: Vec::new(),
            variables,
            in_image: false,
        };
        let mut starts = command::starts(files, &surroundings, &[declaration.command.as_ref()?]);
        if declaration.source == SourceKind::Systemd {
            // Units say where the tree is installed, which is not here.
            starts.retain(|start| start.file.is_some() || matches!(start.target, command::Target::Queue(_)));
        }
        let is_ours = starts.iter().any(|start| {
            start.file.is_some()
                || start.is_expected
                || start.is_outside
                || matches!(start.target, command::Target::Queue(_))
        });
        is_ours.then_some(Candidate { declaration, starts, image_ports: Vec::new(), faults: Vec::new() })
    }
}

/// The images that are built from the tree.
struct Images<'a> {
    files: &'a Files<'a>,
    dockerfiles: &'a [String],
    project: Option<String>,
    /// Builds by the name of the image that they make.
    by_name: HashMap<String, Build>,
    stages: HashMap<(String, Option<String>), Option<Stage>>,
    /// Dockerfiles that something builds.
    used: HashSet<String>,
}

impl<'a> Images<'a> {
    fn new(files: &'a Files<'a>, dockerfiles: &'a [String], project: Option<&str>) -> Self {
        Self {
            files,
            dockerfiles,
            project: project.map(plain),
            by_name: HashMap::new(),
            stages: HashMap::new(),
            used: HashSet::new(),
        }
    }

    /// Notes that a container builds an image that others may name.
    fn learn(&mut self, declaration: &Declaration) {
        if let (Some(build), Some(image)) = (&declaration.build, &declaration.image) {
            self.by_name.entry(image.clone()).or_insert_with(|| build.clone());
        }
    }

    /// How the image of a container is built, if the tree does so.
    fn build_of(&self, declaration: &Declaration) -> Option<Build> {
        if let Some(build) = &declaration.build {
            return Some(build.clone());
        }
        let image = declaration.image.as_ref()?;
        if let Some(build) = self.by_name.get(image) {
            return Some(build.clone());
        }
        // `registry/group/name:tag` of a Dockerfile in `name/`, or called `name.Dockerfile`, or of the project itself.
        let name = image.split('@').next().unwrap_or(image);
        let name = name.rsplit('/').next().unwrap_or(name);
        let name = plain(name.split(':').next().unwrap_or(name));
        let named = |path: &&String| image_name(path).is_some_and(|other| plain(&other) == name);
        let dockerfile = self.dockerfiles.iter().find(named).or_else(|| {
            let own = self.project.as_ref() == Some(&name);
            self.dockerfiles.iter().find(|path| own && image_name(path).is_none())
        })?;
        Some(Build { context: self.context(dockerfile), dockerfile: dockerfile.clone(), ..Build::default() })
    }

    /// The folder that a Dockerfile most likely copies from: the nearest one that has all that it copies.
    fn context(&self, dockerfile: &str) -> String {
        let candidates = above(dockerfile);
        let stages =
            self.files.text(dockerfile).map(|text| dockerfile::stages(&text, &Variables::new())).unwrap_or_default();
        let copies: Vec<&str> = stages
            .iter()
            .flat_map(|stage| &stage.copies)
            .map(|copy| copy.source.as_str())
            .filter(|source| !source.is_empty())
            .collect();
        let found = |context: &str| {
            let has = |source: &&&str| {
                join(context, source)
                    .is_some_and(|path| self.files.file(&path).or_else(|| self.files.folder(&path)).is_some())
            };
            copies.iter().filter(has).count()
        };
        let mut best = (0, folder_of(dockerfile).to_owned());
        for candidate in candidates {
            let count = found(&candidate);
            if count > best.0 {
                best = (count, candidate);
            }
        }
        if best.0 == 0 && !copies.is_empty() { String::new() } else { best.1 }
    }

    fn stage(&mut self, build: &Build) -> Option<Stage> {
        let path = self.files.file(&build.dockerfile)?;
        self.used.insert(path.clone());
        let files = self.files;
        let key = (path.clone(), build.target.clone());
        self.stages
            .entry(key)
            .or_insert_with(|| {
                let stages = dockerfile::stages(&files.text(&path)?, &build.arguments);
                let target = build.target.as_ref().map(|target| target.to_ascii_lowercase());
                let named = stages.iter().find(|stage| target.is_some() && stage.name == target);
                named.or(stages.last()).cloned()
            })
            .clone()
    }

    /// What of the tree stands where in the image, what was copied last first.
    fn mounts(&self, build: &Build, stage: &Stage) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for copy in stage.copies.iter().rev() {
            let Some(source) = join(&build.context, &copy.source) else { continue };
            if self.files.folder(&source).is_some() {
                found.push((copy.target.clone(), source));
            } else {
                let name = copy.source.rsplit('/').next().unwrap_or(&copy.source);
                found.push((dockerfile::absolute(&copy.target, name), source.clone()));
                if !copy.into_folder {
                    found.push((copy.target.clone(), source));
                }
            }
        }
        found
    }
}

/// Which of several Compose files of a folder a file is; the earlier say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Variant {
    /// `docker-compose.yml`
    Base,
    /// `docker-compose.override.yml`, which is always read after the base.
    Override,
    Production,
    Other,
}

fn variant(path: &str) -> Variant {
    let name = path.rsplit('/').next().unwrap_or(path);
    let words: Vec<&str> = name.split(['.', '-', '_']).collect();
    let says = |word: &str| words.contains(&word);
    if says("override") {
        Variant::Override
    } else if words.iter().all(|word| matches!(*word, "docker" | "podman" | "compose" | "yml" | "yaml")) {
        Variant::Base
    } else if says("prod") || says("production") {
        Variant::Production
    } else {
        Variant::Other
    }
}

/// Adds to a container what another file of its folder says of it.
fn complete(earlier: &mut Declaration, later: Declaration, wins: bool) {
    let first = |earlier: &mut Option<Command>, later: Option<Command>| {
        *earlier = if wins { later.or(earlier.take()) } else { earlier.take().or(later) };
    };
    let has_build = earlier.build.is_some();
    first(&mut earlier.command, later.command.filter(|_| wins || !has_build));
    first(&mut earlier.entrypoint, later.entrypoint.filter(|_| wins || !has_build));
    earlier.build = if wins { later.build.or(earlier.build.take()) } else { earlier.build.take().or(later.build) };
    earlier.image = earlier.image.take().or(later.image);
    earlier.folder = earlier.folder.take().or(later.folder);
    for (name, value) in later.environment {
        if wins {
            earlier.environment.insert(name, value);
        } else {
            earlier.environment.entry(name).or_insert(value);
        }
    }
    if wins || earlier.published.is_empty() {
        earlier.published.extend(later.published);
    }
    earlier.published.dedup();
    earlier.exposed.extend(later.exposed);
    earlier.mounts.extend(later.mounts);
    if wins {
        for name in later.dependencies {
            if !earlier.dependencies.contains(&name) {
                earlier.dependencies.push(name);
            }
        }
    }
}

fn leads_to(front: &Front, labels: &Variables) -> bool {
    !front.selector.is_empty() && front.selector.iter().all(|(name, value)| labels.get(name) == Some(value))
}

fn ports(ports: &[u32]) -> String {
    ports.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// What a Dockerfile's image is of: `worker/Dockerfile`, `worker.Dockerfile`, `Dockerfile.worker`.
fn image_name(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let lower = name.to_ascii_lowercase();
    let own = lower.split(['.', '-', '_']).filter(|word| !matches!(*word, "dockerfile" | "containerfile"));
    let own: Vec<&str> = own
        .filter(|word| !matches!(*word, "dev" | "prod" | "production" | "debug" | "local" | "slim" | "base"))
        .collect();
    if !own.is_empty() {
        return Some(own.join("-"));
    }
    // The folder, unless it only says that images are described there, or holds the code.
    let says_nothing = |folder: &&str| {
        !matches!(
            *folder,
            "" | "docker"
                | "dockerfiles"
                | "build"
                | "deploy"
                | "deployment"
                | "containers"
                | "container"
                | "images"
                | "src"
                | "app"
        )
    };
    folder.rsplit('/').find(says_nothing).map(str::to_owned)
}

/// A name without what differs between registries, packages and folders.
fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folder of a file and those around it, the root last.
fn above(path: &str) -> Vec<String> {
    let mut folders = Vec::new();
    let mut at = path;
    while let Some((folder, _)) = at.rsplit_once('/') {
        folders.push(folder.to_owned());
        at = folder;
    }
    folders.push(String::new());
    folders
}

fn unique(mut folders: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}
