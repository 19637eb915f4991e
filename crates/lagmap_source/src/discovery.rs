//! Which files to read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ignore::{DirEntry, WalkBuilder};

/// How files are found.
#[derive(Clone, Debug)]
pub struct DiscoverOptions {
    /// Leave out what `.gitignore` and `.ignore` files name.
    pub respect_ignore_files: bool,
}

impl Default for DiscoverOptions {
    fn default() -> Self {
        Self { respect_ignore_files: true }
    }
}

/// A Python file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path relative to the root, with `/`; bytes and characters that cannot be shown are escaped.
    pub path: String,
    /// Where it is.
    pub absolute: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

/// A file or folder that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct FileError {
    /// Its path relative to the root.
    pub path: String,
    /// Why.
    pub message: String,
    /// The line that is to blame, from 1.
    pub line: Option<u32>,
}

/// What a tree holds.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// Python files, sorted by path.
    pub files: Vec<FoundFile>,
    /// What could not be listed.
    pub errors: Vec<FileError>,
}

/// Finds the Python files below `root`. Ignore files count (also where there is no git repository), hidden folders,
/// virtual environments and installed packages are left out, and links are not followed, so that nothing outside of the
/// root is read and no loop is walked.
pub fn discover(root: &Path, options: &DiscoverOptions) -> Result<Discovery, FileError> {
    fs::read_dir(root).map_err(|error| FileError {
        path: root.display().to_string(),
        message: error.to_string(),
        line: None,
    })?;
    let mut walk = WalkBuilder::new(root);
    let respect = options.respect_ignore_files;
    walk.follow_links(false).require_git(false).git_global(false).git_exclude(false).parents(false);
    walk.git_ignore(respect).ignore(respect).filter_entry(is_wanted);
    let mut found = Discovery::default();
    for entry in walk.build() {
        match entry {
            Ok(entry) => add(root, &entry, &mut found),
            Err(error) => found.errors.push(walk_error(root, &error)),
        }
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    found.errors.sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
    Ok(found)
}

fn add(root: &Path, entry: &DirEntry, found: &mut Discovery) {
    let ending = entry.path().extension();
    let is_python = ending.is_some_and(|ending| ending == "py" || ending == "pyw");
    let Some(kind) = entry.file_type().filter(|kind| is_python && !kind.is_dir()) else { return };
    let path = shown(root, entry.path());
    if kind.is_file() {
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        found.files.push(FoundFile { path, absolute: entry.path().to_owned(), size });
    } else if !kind.is_symlink() {
        found.errors.push(FileError { path, message: "not a regular file".to_owned(), line: None });
    }
}

/// Folders that hold no code of the project are not entered.
fn is_wanted(entry: &DirEntry) -> bool {
    if !entry.file_type().is_some_and(|kind| kind.is_dir()) || entry.depth() == 0 {
        return true;
    }
    let name = entry.file_name().to_string_lossy();
    let installed = matches!(&*name, "site-packages" | "node_modules" | "__pycache__" | "__pypackages__");
    !installed && !entry.path().join("pyvenv.cfg").exists() && has_plain_ignore_files(entry.path())
}

/// The walker opens ignore files without looking at what they are: a named pipe of that name would hang it.
fn has_plain_ignore_files(folder: &Path) -> bool {
    [".gitignore", ".ignore"].iter().all(|name| {
        let metadata = fs::symlink_metadata(folder.join(name));
        metadata.map_or(true, |metadata| metadata.is_file() || metadata.is_symlink() && folder.join(name).is_file())
    })
}

fn walk_error(root: &Path, error: &ignore::Error) -> FileError {
    let path = match error {
        ignore::Error::WithPath { path, .. } => shown(root, path),
        ignore::Error::WithDepth { err, .. } => return walk_error(root, err),
        _ => String::new(),
    };
    let message = match error.io_error() {
        Some(io) => io.to_string(),
        None => error.to_string(),
    };
    FileError { path, message, line: None }
}

/// A path as reports show it.
fn shown(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts = relative.components().map(|part| {
        let text = part.as_os_str().to_string_lossy();
        text.chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect::<String>()
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn paths(root: &Path) -> Vec<String> {
        discover(root, &DiscoverOptions::default()).unwrap().files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn leaves_out_what_is_ignored_hidden_or_installed() {
        let folder = tree(&[
            (".gitignore", "build/\n"),
            ("b.py", ""),
            ("a/c.pyw", ""),
            ("build/x.py", ""),
            (".hidden/x.py", ""),
            ("env/pyvenv.cfg", ""),
            ("env/x.py", ""),
            ("site-packages/x.py", ""),
            ("notes.txt", ""),
        ]);
        assert_eq!(paths(folder.path()), ["a/c.pyw", "b.py"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_are_harmless() {
        let folder = tree(&[("a.py", ""), ("sub/b.py", "")]);
        let outside = tree(&[("secret.py", "")]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("sub/loop")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.py"), folder.path().join("link.py")).unwrap();
        let pipe = folder.path().join("pipe.py");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(paths(folder.path()), ["a.py", "sub/b.py"]);
        let errors = discover(folder.path(), &DiscoverOptions::default()).unwrap().errors;
        assert_eq!(errors.iter().map(|error| &*error.path).collect::<Vec<_>>(), ["pipe.py"]);
    }

    #[test]
    fn a_missing_root_is_an_error() {
        let error = discover(Path::new("/nonexistent/lagmap"), &DiscoverOptions::default()).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/lagmap"));
    }
}
