//! Finds and reads start-up configurations.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use crate::place::{Located, Root, Want, slashed};
use crate::service::ConfigError;

/// Larger configurations are refused. A real one of 84 services has 23 KB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Larger ignore files are not read, and the folder with them.
const MAX_IGNORE_BYTES: u64 = 1024 * 1024;

/// The YAML files of a tree, by path, relative to its root.
#[derive(Debug, Default)]
pub(crate) struct YamlFiles {
    /// `startup_config.yaml` and `startup_config.yml`.
    pub(crate) named: Vec<String>,
    /// All others.
    pub(crate) others: Vec<String>,
}

/// Walks the tree as Git sees it: hidden, ignored and installed files are left out, symbolic links not followed. The
/// user's global ignore file does not count, so that every machine finds the same.
pub(crate) fn yaml_files(root: &Root) -> YamlFiles {
    let mut files = YamlFiles::default();
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
        match entry.file_name().to_str() {
            Some("startup_config.yaml" | "startup_config.yml") => files.named.push(slashed(relative)),
            Some(name) if has_yaml_extension(name) => files.others.push(slashed(relative)),
            _ => {}
        }
    }
    files.named.sort();
    files.others.sort();
    files
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
