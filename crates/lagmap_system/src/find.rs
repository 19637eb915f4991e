//! Finds and reads start-up configurations.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use crate::place::{Located, Root, Want, slashed};
use crate::service::ConfigError;
use crate::sources::{compose, dockerfile};

/// Larger configurations are refused. A real one of 84 services has 23 KB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Larger ignore files are not read, and the folder with them.
const MAX_IGNORE_BYTES: u64 = 1024 * 1024;

/// What of a tree may say what is started, by path, relative to its root.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// `startup_config.yaml` and `startup_config.yml`.
    pub(crate) named: Vec<String>,
    /// All other YAML files but Compose files.
    pub(crate) others: Vec<String>,
    /// Deployment files with their kind, those of examples, tests and documents left out.
    pub(crate) deployments: Vec<(DeploymentKind, String)>,
    /// Django's management commands.
    pub(crate) management_commands: Vec<String>,
}

/// The kinds of deployment files that are found by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DeploymentKind {
    Compose,
    Dockerfile,
    Procfile,
    /// A supervisord configuration, if it has programs.
    Supervisor,
    Systemd,
    Makefile,
    Pyproject,
    SetupCfg,
}

impl DeploymentKind {
    /// The kind of a file by its name.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(match name {
            "Procfile" => Self::Procfile,
            "Makefile" | "makefile" | "GNUmakefile" | "justfile" | "Justfile" => Self::Makefile,
            "pyproject.toml" => Self::Pyproject,
            "setup.cfg" => Self::SetupCfg,
            _ if compose::is_named(name) => Self::Compose,
            _ if dockerfile::is_named(name) => Self::Dockerfile,
            _ if name.starts_with("Procfile.") => Self::Procfile,
            _ => match name.rsplit_once('.') {
                Some((_, "service")) => Self::Systemd,
                Some((_, "conf" | "ini")) => Self::Supervisor,
                _ => return None,
            },
        })
    }
}

/// Whether a file, by its name, may be one that says what is started, or a script that such a file leads to.
pub fn may_declare(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    DeploymentKind::of(name).is_some() || matches!(ending, Some("yaml" | "yml" | "sh" | "bash"))
}

/// Whether a file stands in a folder that is not the tree's own system: examples, tests, documents, copies of others' code.
pub fn is_aside(path: &str) -> bool {
    let Some((folders, name)) = path.rsplit_once('/') else { return says_test(path) };
    let aside = |folder: &str| {
        let folder = folder.to_ascii_lowercase();
        [
            "example",
            "examples",
            "sample",
            "samples",
            "demo",
            "demos",
            "test",
            "tests",
            "testing",
            "e2e",
            "fixtures",
            "integration_tests",
            "integration-tests",
            "testdata",
            "benchmark",
            "benchmarks",
            "doc",
            "docs",
            "tutorial",
            "tutorials",
            "vendor",
            "vendored",
            "_vendor",
            "third_party",
            "third-party",
            "external",
            "template",
            "templates",
            "cookiecutter",
            "project_template",
            "bower_components",
        ]
        .contains(&folder.as_str())
            || says_test(&folder)
            || folder.contains("{{")
    };
    folders.split('/').any(aside) || says_test(name)
}

/// `docker-compose.test.yml`, `Dockerfile.ci`
fn says_test(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower
        .split(['.', '-', '_'])
        .any(|word| matches!(word, "test" | "tests" | "testing" | "ci" | "e2e" | "selenium" | "cypress"))
}

/// Walks the tree as Git sees it: hidden, ignored and installed files are left out, symbolic links not followed. The
/// user's global ignore file does not count, so that every machine finds the same.
pub(crate) fn configurations(root: &Root) -> Found {
    let mut files = Found::default();
    if !has_readable_ignore_files(root.path()) {
        return files;
    }
    let walk = WalkBuilder::new(root.path())
        .require_git(false)
        .git_global(false)
        .git_exclude(false)
        .filter_entry(is_worth_a_look)
        .build();
    for entry in walk.flatten() {
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(relative) = entry.path().strip_prefix(root.path()) else { continue };
        let Some(name) = entry.file_name().to_str() else { continue };
        let path = slashed(relative);
        match DeploymentKind::of(&path) {
            Some(_) if is_aside(&path) => {}
            Some(kind) => files.deployments.push((kind, path)),
            None if matches!(name, "startup_config.yaml" | "startup_config.yml") => files.named.push(path),
            None if has_yaml_extension(name) => files.others.push(path),
            None if path.contains("/management/commands/")
                && entry.path().extension().is_some_and(|ending| ending == "py")
                && !name.starts_with('_') =>
            {
                files.management_commands.push(path);
            }
            None => {}
        }
    }
    files.named.sort();
    files.others.sort();
    files.deployments.sort();
    files.management_commands.sort();
    files
}

/// Whether a YAML file may hold manifests of the tree's own.
pub(crate) fn may_be_manifest(path: &str) -> bool {
    !is_aside(path)
}

fn has_yaml_extension(name: &str) -> bool {
    matches!(name.rsplit_once('.'), Some((_, "yaml" | "yml")))
}

fn is_worth_a_look(entry: &DirEntry) -> bool {
    if !entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return true;
    }
    let installed = matches!(
        entry.file_name().to_str(),
        Some("node_modules" | "venv" | "site-packages" | "__pycache__" | "__pypackages__")
    );
    !installed && !entry.path().join("pyvenv.cfg").exists() && has_readable_ignore_files(entry.path())
}

/// The walker opens ignore files without looking what they are, and opening a named pipe waits for ever.
fn has_readable_ignore_files(folder: &Path) -> bool {
    [".gitignore", ".ignore"].iter().all(|name| match fs::metadata(folder.join(name)) {
        Ok(metadata) => metadata.is_file() && metadata.len() <= MAX_IGNORE_BYTES,
        Err(_) => true,
    })
}

/// The paths that the user named, made relative to the root, by path and each once.
pub(crate) fn explicit_files(root: &Root, explicit: &[String], errors: &mut Vec<ConfigError>) -> Vec<String> {
    let mut files = Vec::new();
    for path in explicit {
        let message = match root.locate(path, "", Want::File) {
            Located::Inside(file) => {
                files.push(file);
                continue;
            }
            Located::Outside => "lies outside the audited root",
            Located::Missing { .. } => "no such file",
        };
        errors.push(ConfigError { path: path.clone(), line: None, message: message.to_owned() });
    }
    files.sort();
    files.dedup();
    files
}

/// The text of a configuration. One that is not UTF-8 is still read, with an error for the first wrong byte.
pub(crate) fn read(root: &Root, path: &str, errors: &mut Vec<ConfigError>) -> Option<String> {
    let mut fail = |line, message| errors.push(ConfigError { path: path.to_owned(), line, message });
    match read_bytes(&root.path().join(path)) {
        Err(message) => {
            fail(None, message);
            None
        }
        Ok(bytes) => Some(String::from_utf8(bytes).unwrap_or_else(|error| {
            let wrong = error.utf8_error().valid_up_to();
            let before = error.as_bytes().iter().take(wrong);
            let line = 1 + before.filter(|byte| **byte == b'\n').count() as u32;
            fail(Some(line), format!("not valid UTF-8 at byte {wrong}"));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        })),
    }
}

fn read_bytes(path: &PathBuf) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    // Asked before opening: a named pipe would wait for ever.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("larger than {} MiB", MAX_BYTES / (1024 * 1024)));
    }
    Ok(bytes)
}
