//! Readers, one a kind of file: what each says is started, as written.
//!
//! A reader knows the format and nothing else: what a command starts is [`crate::command`]'s business, and what belongs
//! together [`crate::merge`]'s.

pub(crate) mod compose;
pub(crate) mod dockerfile;
pub(crate) mod kubernetes;
pub(crate) mod makefile;
pub(crate) mod packaging;
pub(crate) mod procfile;
pub(crate) mod supervisor;
pub(crate) mod systemd;

use std::collections::BTreeMap;

use crate::service::{Published, SourceKind};
use crate::value::Variables;

/// Something that a file says is started, its values as written.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) source: SourceKind,
    /// File, relative to the root.
    pub(crate) config: String,
    pub(crate) line: u32,
    pub(crate) name: String,
    pub(crate) group: String,
    /// What is run: the whole command, or, in a container, what replaces its image's.
    pub(crate) command: Option<Command>,
    /// What stands before the command, in a container.
    pub(crate) entrypoint: Option<Command>,
    pub(crate) build: Option<Build>,
    pub(crate) image: Option<String>,
    /// The folder that the command runs in, as written.
    pub(crate) folder: Option<String>,
    pub(crate) environment: Variables,
    pub(crate) published: Vec<Published>,
    /// Ports that it is said to listen on.
    pub(crate) exposed: Vec<u32>,
    pub(crate) dependencies: Vec<String>,
    /// Names by which others on its network reach it, its own not included.
    pub(crate) hosts: Vec<String>,
    /// Parts of the tree that stand elsewhere while it runs: path there, path in the tree.
    pub(crate) mounts: Vec<(String, String)>,
    /// It shares the network of its machine.
    pub(crate) on_host: bool,
    /// It runs to its end and is not started again.
    pub(crate) is_job: bool,
    pub(crate) instances: Option<u32>,
    /// Services with no profile in common never run at once.
    pub(crate) profiles: Vec<String>,
}

impl Declaration {
    pub(crate) fn new(source: SourceKind, config: &str, line: u32, name: &str) -> Self {
        Self {
            source,
            config: config.to_owned(),
            line,
            name: name.to_owned(),
            group: String::new(),
            command: None,
            entrypoint: None,
            build: None,
            image: None,
            folder: None,
            environment: BTreeMap::new(),
            published: Vec::new(),
            exposed: Vec::new(),
            dependencies: Vec::new(),
            hosts: Vec::new(),
            mounts: Vec::new(),
            on_host: false,
            is_job: false,
            instances: None,
            profiles: Vec::new(),
        }
    }
}

/// A command as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A line for a shell.
    Shell(String),
    /// A line that is only split into words.
    Line(String),
    /// Words.
    Words(Vec<String>),
}

/// How an image is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Build {
    /// Folder that is copied from, relative to the root.
    pub(crate) context: String,
    /// Dockerfile, relative to the root.
    pub(crate) dockerfile: String,
    pub(crate) target: Option<String>,
    pub(crate) arguments: Variables,
}

/// `NAME=value` lines, as `env_file` and `.env` have them.
pub(crate) fn env_lines(text: &str) -> Variables {
    let mut found = Variables::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        if line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.split_once('=') {
            let value = value.trim();
            let quoted = |mark: char| value.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
            let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
            found.insert(name.trim().to_owned(), value.to_owned());
        }
    }
    found
}

/// A path relative to a folder of the tree, dots resolved; `None` if absolute or outside.
pub(crate) fn beside(folder: &str, path: &str) -> Option<String> {
    if path.starts_with(['/', '~', '$']) || path.contains("://") {
        return None;
    }
    crate::place::join(folder, path)
}
