//! Where a declared path leads: into the audited root, out of it, or nowhere.
//!
//! Nothing outside the root is ever opened: a path that leaves it is only recognised.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The audited root, with symbolic links resolved.
pub(crate) struct Root {
    path: PathBuf,
}

/// What stands at a declared path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Located {
    /// A file or folder in the root, relative to it.
    Inside(String),
    /// The path leaves the root.
    Outside,
    /// Nothing of the wanted kind; the name of an entry that differs only in case, if there is one.
    Missing { differs_in_case: Option<String> },
}

/// What a path must lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    File,
    Folder,
}

impl Root {
    pub(crate) fn new(path: &Path) -> std::io::Result<Self> {
        Ok(Self { path: fs::canonicalize(path)? })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks for `declared` in the root, then in the folder of `config` and the folders around it.
    pub(crate) fn locate(&self, declared: &str, config: &str, want: Want) -> Located {
        let declared = declared.replace('\\', "/");
        let Some(relative) = self.relative_to_root(&declared) else { return Located::Outside };
        let mut outside = false;
        for base in std::iter::once("").chain(parents(config).filter(|base| !base.is_empty())) {
            match self.at(base, relative, want) {
                Some(Located::Inside(path)) => return Located::Inside(path),
                Some(Located::Outside) => outside = true,
                _ => {}
            }
        }
        if outside { Located::Outside } else { Located::Missing { differs_in_case: self.case_variant(relative) } }
    }

    /// An absolute path made relative; `None` if it is not below the root.
    fn relative_to_root<'a>(&self, declared: &'a str) -> Option<&'a str> {
        let path = Path::new(declared);
        if path.is_absolute() || path.has_root() {
            return path.strip_prefix(&self.path).ok().and_then(Path::to_str);
        }
        Some(declared)
    }

    /// What stands at `base`/`relative`; `None` for nothing.
    pub(crate) fn at(&self, base: &str, relative: &str, want: Want) -> Option<Located> {
        let Some(lexical) = join(base, relative) else { return Some(Located::Outside) };
        let full = fs::canonicalize(self.path.join(&lexical)).ok()?;
        let Ok(inside) = full.strip_prefix(&self.path) else { return Some(Located::Outside) };
        let metadata = fs::metadata(&full).ok()?;
        let fits = match want {
            Want::File => metadata.is_file(),
            Want::Folder => metadata.is_dir(),
        };
        // Only these systems open a file under a name of another case.
        let exact = !cfg!(any(windows, target_os = "macos")) || self.has_exact_case(&lexical);
        (fits && exact).then(|| Located::Inside(slashed(inside)))
    }

    fn has_exact_case(&self, lexical: &str) -> bool {
        let mut folder = self.path.clone();
        lexical.split('/').all(|name| {
            let listed = entry_names(&folder).any(|entry| entry == name);
            folder.push(name);
            listed
        })
    }

    fn case_variant(&self, relative: &str) -> Option<String> {
        let lexical = join("", relative)?;
        let (folder, name) = lexical.rsplit_once('/').unwrap_or(("", &lexical));
        let folder_path = fs::canonicalize(self.path.join(folder)).ok()?;
        if !folder_path.starts_with(&self.path) {
            return None;
        }
        // The smallest of several, so that the order of the folder does not show.
        entry_names(&folder_path).filter(|entry| entry != name && entry.eq_ignore_ascii_case(name)).min()
    }
}

fn entry_names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// The folder of a path and those around it, without the root.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(folder_of(path), |folder| folder_of(folder))
}

fn folder_of(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

/// `base`/`relative` without `.` and `..`; `None` if it climbs above the root.
pub(crate) fn join(base: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(relative.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// A relative path as reports write it.
pub(crate) fn slashed(path: &Path) -> String {
    path.iter().map(OsStr::to_string_lossy).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_resolved_and_never_climb_out() {
        assert_eq!(join("a/b", "../c/./d.py").as_deref(), Some("a/c/d.py"));
        assert_eq!(join("a", "../../c.py"), None);
        assert_eq!(join("", "a/../../a/b.py"), None);
    }

    #[test]
    fn parents_end_below_the_root() {
        assert_eq!(parents("a/b/c.yaml").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(parents("c.yaml").count(), 0);
    }
}
