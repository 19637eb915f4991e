//! Where paths and modules that commands name stand in the tree.

use super::words::is_dotted;
use super::{Base, Follow};
use crate::place::join;
use crate::sources::dockerfile::absolute;

impl Follow<'_> {
    /// The folder of the tree that a base is.
    pub(super) fn tree_folder(&self, base: &Base) -> Option<String> {
        match base {
            Base::Tree(folder) => self.files.folder(folder),
            Base::Image(path) => self.mapped(path).iter().find_map(|folder| self.files.folder(folder)),
        }
    }

    /// Where a path most likely stands in the tree, when nothing says where the tree is installed: at what ends so, the longest
    /// ending first.
    pub(super) fn likely(&self, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut rest = path.trim_start_matches('/');
        loop {
            found.extend(self.folders.iter().filter_map(|folder| join(folder, rest)));
            if rest.is_empty() {
                return found;
            }
            rest = rest.split_once('/').map_or("", |(_, more)| more);
        }
    }

    /// Where a path of the image stands in the tree, by what is mounted and copied.
    pub(super) fn mapped(&self, path: &str) -> Vec<String> {
        if self.mounts.is_empty() {
            return self.likely(path);
        }
        let below = |(target, source): &(String, String)| {
            let rest = if target == "/" { path.strip_prefix('/') } else { path.strip_prefix(target.as_str()) }?;
            let inside = rest.is_empty() || target == "/" || rest.starts_with('/');
            let rest = rest.trim_start_matches('/');
            inside.then(|| join(source, rest)).flatten()
        };
        self.mounts.iter().filter_map(below).collect()
    }

    /// The bases that relative paths and modules are looked for in, nearest first.
    pub(super) fn bases(&self) -> Vec<Base> {
        let mut bases = vec![self.folder.clone()];
        for path in self.variables.get("PYTHONPATH").into_iter().flat_map(|value| value.split(':')) {
            if path.starts_with('/') {
                bases.push(Base::Image(absolute("/", path)));
            }
        }
        bases.extend(self.folders.iter().cloned().map(Base::Tree));
        bases
    }

    pub(super) fn located(&self, path: &str) -> Option<String> {
        self.locate(path).inside()
    }

    pub(super) fn locate(&self, path: &str) -> Found {
        let path = path.trim_matches(['"', '\'']);
        if path.is_empty() || path.contains("://") {
            return Found::Nowhere;
        }
        if path.starts_with('/') {
            let path = absolute("/", path);
            let mapped = self.mapped(&path);
            let found = mapped.iter().find_map(|path| self.files.file(path));
            let found = found.or_else(|| self.likely(&path).iter().find_map(|path| self.files.file(path)));
            return match found {
                Some(file) => Found::Inside(file),
                None if mapped.is_empty() || self.mounts.is_empty() => Found::Nowhere,
                None => Found::Missing,
            };
        }
        let mut outside = false;
        for base in self.bases() {
            let paths = match &base {
                Base::Tree(folder) => {
                    let path = join(folder, path);
                    outside |= path.is_none();
                    path.into_iter().collect()
                }
                Base::Image(folder) => self.mapped(&absolute(folder, path)),
            };
            if let Some(file) = paths.iter().find_map(|path| self.files.file(path)) {
                return Found::Inside(file);
            }
        }
        if outside { Found::Outside } else { Found::Missing }
    }

    /// The file of a module. A package that is run is its `__main__`.
    pub(super) fn found_module(&mut self, module: &str, run: bool) -> Found {
        if !is_dotted(module) {
            return Found::Nowhere;
        }
        let path = module.replace('.', "/");
        let mut has_package = false;
        for base in self.bases() {
            for below in ["", "src", "lib"] {
                let folders = match &base {
                    Base::Tree(folder) => join(folder, below).into_iter().collect(),
                    Base::Image(folder) => self.mapped(&absolute(folder, below)),
                };
                for folder in folders {
                    let Some(stem) = join(&folder, &path) else { continue };
                    let package: &[&str] = if run { &["__main__.py"] } else { &["__init__.py"] };
                    let found = self.files.file(&format!("{stem}.py"));
                    let found =
                        found.or_else(|| package.iter().find_map(|name| self.files.file(&format!("{stem}/{name}"))));
                    if let Some(file) = found {
                        self.imported_from = Some(folder);
                        return Found::Inside(file);
                    }
                    let first = path.split('/').next().unwrap_or(&path);
                    has_package |= join(&folder, first).is_some_and(|first| {
                        self.files.file(&format!("{first}/__init__.py")).is_some()
                            || self.files.file(&format!("{first}.py")).is_some()
                    });
                }
            }
        }
        // The tree has the package and not the module; a package that the tree lacks is someone else's.
        if has_package { Found::Missing } else { Found::Nowhere }
    }
}

/// Where something named stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// In the tree.
    Inside(String),
    /// Not in the tree, but it should be.
    Missing,
    /// Outside of the root.
    Outside,
    /// Not of the tree.
    Nowhere,
}

impl Found {
    pub(super) fn inside(self) -> Option<String> {
        if let Self::Inside(file) = self { Some(file) } else { None }
    }

    pub(super) fn is_inside(&self) -> bool {
        matches!(self, Self::Inside(_))
    }
}
