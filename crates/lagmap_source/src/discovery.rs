//! Which files to read.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs, io, mem,
    path::{Path, PathBuf},
    sync::mpsc,
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

/// Larger ignore files are no such files.
const LARGEST_IGNORE_FILE: u64 = 1 << 20;

/// Finds the Python files below `root`. Ignore files count (also where there is no git repository), hidden folders,
/// virtual environments and installed packages are left out. Links to folders are not followed, so that no loop is walked;
/// of links to files those count that lead to a file below the root which is not found anyway.
pub fn discover(root: &Path, options: &DiscoverOptions) -> Result<Discovery, FileError> {
    let failed =
        |error: io::Error| FileError { path: root.display().to_string(), message: error.to_string(), line: None };
    fs::read_dir(root).map_err(failed)?;
    let real_root = root.canonicalize().map_err(failed)?;
    let mut found = Found { root, real_root, links: Vec::new(), discovery: Discovery::default() };
    let mut respect = options.respect_ignore_files;
    if let Some(name) = odd_ignore_file(root).filter(|_| respect) {
        found.fail(&root.join(name), "not a readable ignore file: nothing is ignored");
        respect = false;
    }
    let (odd, all_odd) = mpsc::channel();
    let mut walk = WalkBuilder::new(root);
    walk.follow_links(false).require_git(false).git_global(false).git_exclude(false).parents(false);
    walk.git_ignore(respect).ignore(respect);
    walk.filter_entry(move |entry| {
        if !is_wanted(entry) {
            return false;
        }
        let name = if respect && is_folder(entry) { odd_ignore_file(entry.path()) } else { None };
        // The other end outlives the walk.
        name.is_none_or(|name| odd.send(entry.path().join(name)).is_err())
    });
    for entry in walk.build() {
        match entry {
            Ok(entry) => found.add(&entry),
            Err(error) => found.discovery.errors.push(walk_error(root, &error)),
        }
    }
    for path in all_odd.try_iter() {
        found.fail(&path, "not a readable ignore file: its folder is left out");
    }
    Ok(found.finish())
}

struct Found<'a> {
    root: &'a Path,
    /// The root with all links resolved.
    real_root: PathBuf,
    /// Links with the name of a Python file.
    links: Vec<PathBuf>,
    discovery: Discovery,
}

impl Found<'_> {
    fn add(&mut self, entry: &DirEntry) {
        let ending = entry.path().extension();
        let is_python = ending.is_some_and(|ending| ending == "py" || ending == "pyw");
        let Some(kind) = entry.file_type().filter(|kind| is_python && !kind.is_dir()) else { return };
        if kind.is_file() {
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            let path = shown(self.root, entry.path());
            self.discovery.files.push(FoundFile { path, absolute: entry.path().to_owned(), size });
        } else if kind.is_symlink() {
            self.links.push(entry.path().to_owned());
        } else {
            self.fail(entry.path(), "not a regular file");
        }
    }

    fn fail(&mut self, path: &Path, message: &str) {
        let path = shown(self.root, path);
        self.discovery.errors.push(FileError { path, message: message.to_owned(), line: None });
    }

    fn finish(mut self) -> Discovery {
        self.resolve_links();
        let Discovery { mut files, mut errors } = self.discovery;
        files.sort_by(|a, b| (&a.path, &a.absolute).cmp(&(&b.path, &b.absolute)));
        errors.sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
        Discovery { files, errors }
    }

    fn resolve_links(&mut self) {
        if self.links.is_empty() {
            return;
        }
        let real = |file: &FoundFile| file.absolute.strip_prefix(self.root).ok().map(|path| self.real_root.join(path));
        let mut known: HashSet<PathBuf> = self.discovery.files.iter().filter_map(real).collect();
        let mut links = mem::take(&mut self.links);
        links.sort();
        for link in links {
            // What leads nowhere, or round in a circle, is no file.
            let Ok(target) = link.canonicalize() else { continue };
            let Ok(metadata) = fs::symlink_metadata(&target) else { continue };
            if !target.starts_with(&self.real_root) {
                self.fail(&link, "a link that leads out of the audited folder");
            } else if metadata.is_file() && known.insert(target.clone()) {
                let path = shown(self.root, &link);
                self.discovery.files.push(FoundFile { path, absolute: target, size: metadata.len() });
            }
        }
    }
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

/// Folders that hold no code of the project are not entered.
fn is_wanted(entry: &DirEntry) -> bool {
    if !is_folder(entry) {
        return true;
    }
    let name = entry.file_name().to_string_lossy();
    let installed = matches!(&*name, "site-packages" | "node_modules" | "__pycache__" | "__pypackages__");
    !installed && !entry.path().join("pyvenv.cfg").exists()
}

/// The ignore file of a folder that cannot be read as one. The walker opens ignore files without looking at what they are,
/// and a named pipe of that name would hang it.
fn odd_ignore_file(folder: &Path) -> Option<&'static str> {
    [".gitignore", ".ignore"].into_iter().find(|name| {
        let metadata = fs::metadata(folder.join(name));
        metadata.is_ok_and(|metadata| !metadata.is_file() || metadata.len() > LARGEST_IGNORE_FILE)
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
    let parts: Vec<String> = relative.components().map(|part| escaped(part.as_os_str())).collect();
    parts.join("/")
}

/// Marks with which Unicode ends lines or turns the direction of text.
fn reorders(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name with control characters, marks of direction and bytes that are not UTF-8 escaped, so that names that differ stay different.
fn escaped(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || reorders(character) {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    text
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

    #[test]
    fn ignore_files_can_be_disregarded() {
        let folder =
            tree(&[(".gitignore", "build/\n"), ("sub/.ignore", "c.py\n"), ("build/b.py", ""), ("sub/c.py", "")]);
        assert_eq!(paths(folder.path()), [""; 0]);
        let all = discover(folder.path(), &DiscoverOptions { respect_ignore_files: false }).unwrap().files;
        assert_eq!(all.iter().map(|file| &*file.path).collect::<Vec<_>>(), ["build/b.py", "sub/c.py"]);
    }

    #[cfg(unix)]
    mod unix {
        use std::os::unix::{ffi::OsStrExt, fs::symlink};

        use super::*;

        fn errors(root: &Path) -> Vec<String> {
            let errors = discover(root, &DiscoverOptions::default()).unwrap().errors;
            errors.iter().map(ToString::to_string).collect()
        }

        fn pipe(path: &Path) {
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        }

        #[test]
        fn links_and_pipes_are_harmless() {
            let folder = tree(&[("a.py", ""), ("sub/b.py", "")]);
            let outside = tree(&[("secret.py", "")]);
            let root = folder.path();
            symlink(root, root.join("sub/loop")).unwrap();
            symlink(outside.path(), root.join("out")).unwrap();
            symlink(outside.path().join("secret.py"), root.join("link.py")).unwrap();
            symlink("self.py", root.join("self.py")).unwrap();
            symlink("nowhere", root.join("dangling.py")).unwrap();
            pipe(&root.join("pipe.py"));
            symlink("pipe.py", root.join("to_pipe.py")).unwrap();
            assert_eq!(paths(root), ["a.py", "sub/b.py"]);
            let expected = ["link.py: a link that leads out of the audited folder", "pipe.py: not a regular file"];
            assert_eq!(errors(root), expected);
        }

        #[test]
        fn a_file_counts_once_however_many_links_lead_to_it() {
            let folder = tree(&[("a.py", ""), ("bin/tool", "x = 1\n")]);
            let root = folder.path();
            symlink("a.py", root.join("again.py")).unwrap();
            symlink("bin/tool", root.join("tool.py")).unwrap();
            symlink("tool.py", root.join("tool_too.py")).unwrap();
            let found = discover(root, &DiscoverOptions::default()).unwrap();
            assert_eq!(found.files.iter().map(|file| &*file.path).collect::<Vec<_>>(), ["a.py", "tool.py"]);
            assert_eq!(crate::read(&found.files[1]).unwrap(), "x = 1\n");
            assert!(found.errors.is_empty());
        }

        #[test]
        fn the_root_may_be_a_link() {
            let folder = tree(&[("real/a.py", "")]);
            symlink("real", folder.path().join("root")).unwrap();
            symlink("a.py", folder.path().join("real/again.py")).unwrap();
            assert_eq!(paths(&folder.path().join("root")), ["a.py"]);
        }

        #[test]
        fn ignore_files_that_are_pipes_do_not_hang_the_walk() {
            let folder = tree(&[("a.py", ""), ("sub/b.py", ""), ("fine/.gitignore", "x.py\n"), ("fine/x.py", "")]);
            pipe(&folder.path().join("sub/.gitignore"));
            assert_eq!(paths(folder.path()), ["a.py"]);
            assert_eq!(errors(folder.path()), ["sub/.gitignore: not a readable ignore file: its folder is left out"]);
            pipe(&folder.path().join(".ignore"));
            assert_eq!(paths(folder.path()), ["a.py", "fine/x.py", "sub/b.py"]);
            assert_eq!(errors(folder.path()), [".ignore: not a readable ignore file: nothing is ignored"]);
        }

        #[test]
        fn names_that_cannot_be_shown_are_escaped_and_stay_apart() {
            let folder = tree(&[("new\nline.py", ""), ("\u{1b}[31m.py", ""), ("é.py", "")]);
            for name in [&b"\xe9.py"[..], b"\xe8.py"] {
                fs::write(folder.path().join(OsStr::from_bytes(name)), "x = 1\n").unwrap();
            }
            let expected = ["\\u{1b}[31m.py", "\\xe8.py", "\\xe9.py", "new\\nline.py", "é.py"];
            assert_eq!(paths(folder.path()), expected);
            let found = discover(folder.path(), &DiscoverOptions::default()).unwrap();
            assert_eq!(crate::read(&found.files[1]).unwrap(), "x = 1\n");
        }

        #[test]
        fn a_folder_that_cannot_be_listed_is_an_error() {
            use std::os::unix::fs::PermissionsExt;
            let folder = tree(&[("a.py", ""), ("closed/b.py", "")]);
            let closed = folder.path().join("closed");
            fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
            // Not for the superuser, to whom nothing is closed.
            let expected: &[&str] = if fs::read_dir(&closed).is_ok() { &[] } else { &["closed: Permission denied"] };
            let errors = errors(folder.path());
            fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
            assert_eq!(errors.len(), expected.len());
            assert!(errors.iter().zip(expected).all(|(error, start)| error.starts_with(start)));
        }
    }

    #[test]
    fn a_missing_root_is_an_error() {
        let error = discover(Path::new("/nonexistent/lagmap"), &DiscoverOptions::default()).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/lagmap"));
    }
}
