//! Modules: which file an import means.

use lagmap_facts::{FileFacts, Import, NameHash};
use lagmap_models::{Catalogue, ModelId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{FileId, PackageId, search_path::SearchPath};

/// What an import binds its name to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportTarget {
    /// A module of the project.
    Module(FileId),
    /// A package of the project without a file of its own.
    Package(PackageId),
    /// A name of a module of the project, or the module's submodule of that name.
    Member(FileId, NameHash, Option<FileId>),
    /// Something of the catalogue, or outside of all knowledge.
    External(ModelId),
}

/// The modules of the program by their place.
#[derive(Clone, Debug, Default)]
pub struct Modules {
    /// Files by path without ending; packages by their folder.
    files: FxHashMap<String, FileId>,
    /// Folders that hold Python files somewhere below, packages with a file left out.
    packages: FxHashMap<String, PackageId>,
    package_names: Vec<String>,
    /// Files by their last dotted part, for imports that only a search path outside of the text explains.
    by_name: FxHashMap<String, Vec<FileId>>,
    /// Each file's path without ending.
    keys: Vec<String>,
    /// Folders that any file, start-up configuration or layout makes importable.
    shared: Vec<String>,
    /// What each file adds to `sys.path`.
    own: Vec<SearchPathOf>,
}

#[derive(Clone, Debug, Default)]
struct SearchPathOf {
    folders: Vec<String>,
    has_unknown: bool,
}

impl Modules {
    /// The table over all files, given by path, with the search path that each sets up and further shared folders.
    pub fn new(paths: &[&str], search_paths: Vec<SearchPath>, shared: &[String]) -> Self {
        let mut modules = Self::default();
        for (index, path) in paths.iter().enumerate() {
            let stem = path.rsplit_once('.').map_or(*path, |(stem, _)| stem);
            let key = stem.strip_suffix("/__init__").unwrap_or(if stem == "__init__" { "" } else { stem });
            modules.files.insert(key.to_owned(), FileId(index as u32));
            let name = key.rsplit('/').next().unwrap_or(key);
            modules.by_name.entry(name.to_owned()).or_default().push(FileId(index as u32));
            modules.keys.push(key.to_owned());
        }
        let mut folders: FxHashSet<&str> = FxHashSet::default();
        for path in paths {
            let mut at = *path;
            while let Some((folder, _)) = at.rsplit_once('/') {
                if !folders.insert(folder) {
                    break;
                }
                at = folder;
            }
        }
        let mut folders: Vec<&str> =
            folders.into_iter().filter(|folder| !modules.files.contains_key(*folder)).collect();
        folders.sort_unstable();
        for folder in folders {
            modules.packages.insert(folder.to_owned(), PackageId(modules.package_names.len() as u32));
            modules.package_names.push(folder.to_owned());
        }
        let layout = ["src", "lib", "python"].iter().map(|folder| (*folder).to_owned());
        let added = search_paths.iter().flat_map(|found| found.folders.iter().cloned());
        for folder in shared.iter().cloned().chain(added).chain(layout) {
            if !folder.is_empty() && !modules.shared.contains(&folder) {
                modules.shared.push(folder);
            }
        }
        modules.own = search_paths
            .into_iter()
            .map(|found| SearchPathOf { folders: found.folders, has_unknown: found.has_unknown })
            .collect();
        modules
    }

    /// The module at a path without ending.
    pub fn at(&self, key: &str) -> Option<ImportTarget> {
        let file = self.files.get(key).map(|file| ImportTarget::Module(*file));
        file.or_else(|| self.packages.get(key).map(|package| ImportTarget::Package(*package)))
    }

    /// The submodule `name` of a module or package.
    pub fn submodule(&self, of: ImportTarget, name: &str) -> Option<ImportTarget> {
        let folder = match of {
            ImportTarget::Module(file) => &self.keys[file.0 as usize],
            ImportTarget::Package(package) => &self.package_names[package.0 as usize],
            _ => return None,
        };
        if folder.is_empty() { self.at(name) } else { self.at(&format!("{folder}/{name}")) }
    }

    /// The dotted name of a file's module.
    pub fn dotted(&self, file: FileId) -> String {
        self.keys[file.0 as usize].replace('/', ".")
    }

    /// Resolves one import of a file.
    pub fn resolve(
        &self,
        file: FileId,
        path: &str,
        facts: &FileFacts,
        import: &Import,
        catalogue: &Catalogue,
    ) -> ImportTarget {
        let module = facts.text(import.module);
        let target = if import.level > 0 {
            self.relative(path, import.level, module).unwrap_or(ImportTarget::External(ModelId::UNKNOWN))
        } else {
            self.absolute(file, path, module, catalogue)
        };
        let Some(member) = import.member else {
            let (first, _) = module.split_once('.').unwrap_or((module, ""));
            return if import.aliased || first == module {
                target
            } else {
                self.absolute(file, path, first, catalogue)
            };
        };
        let name = facts.text(member);
        match target {
            ImportTarget::Module(found) if name == "*" => ImportTarget::Module(found),
            ImportTarget::Module(found) => {
                let submodule = match self.submodule(target, name) {
                    Some(ImportTarget::Module(submodule)) => Some(submodule),
                    _ => None,
                };
                ImportTarget::Member(found, facts.names.hash(member), submodule)
            }
            ImportTarget::Package(_) => {
                self.submodule(target, name).unwrap_or(ImportTarget::External(ModelId::UNKNOWN))
            }
            ImportTarget::External(model) if name == "*" => ImportTarget::External(model),
            ImportTarget::External(model) => {
                let found = catalogue.child(model, facts.names.hash(member));
                ImportTarget::External(found.unwrap_or(ModelId::UNKNOWN))
            }
            member @ ImportTarget::Member(..) => member,
        }
    }

    fn relative(&self, path: &str, level: u32, module: &str) -> Option<ImportTarget> {
        let mut folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for _ in 1..level {
            folder = if folder.is_empty() { return None } else { folder.rsplit_once('/').map_or("", |(up, _)| up) };
        }
        self.below(folder, &module.replace('.', "/"), &mut String::new())
    }

    /// The module at a path below a folder. `key` is room for the whole path.
    fn below(&self, folder: &str, rest: &str, key: &mut String) -> Option<ImportTarget> {
        match (folder.is_empty(), rest.is_empty()) {
            (true, _) => self.at(rest),
            (_, true) => self.at(folder),
            _ => {
                key.clear();
                key.push_str(folder);
                key.push('/');
                key.push_str(rest);
                self.at(key)
            }
        }
    }

    /// The file of the project that a name means to a file, as its imports would find it.
    pub fn named(&self, file: FileId, path: &str, module: &str, catalogue: &Catalogue) -> Option<FileId> {
        match self.absolute(file, path, module, catalogue) {
            ImportTarget::Module(found) => Some(found),
            _ => None,
        }
    }

    /// As Python would look: the project where it is found, then what is installed, then a guess for search paths that
    /// only exist at run time.
    fn absolute(&self, file: FileId, path: &str, module: &str, catalogue: &Catalogue) -> ImportTarget {
        let (first, _) = module.split_once('.').unwrap_or((module, ""));
        let installed = catalogue.module(NameHash::of(first));
        let usable = |found: &ImportTarget| *found != ImportTarget::Module(file);
        let own = &self.own[file.0 as usize];
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let in_package = self.files.contains_key(folder);
        let sibling = (!in_package || installed.is_none()).then_some(folder);
        let searched = own.folders.iter().map(String::as_str).chain(sibling).chain([""]);
        let shared = self.shared.iter().map(String::as_str).filter(|_| installed.is_none());
        let (rest, mut key) = (module.replace('.', "/"), String::new());
        let found = searched.chain(shared).find_map(|folder| self.below(folder, &rest, &mut key).filter(usable));
        // A folder that merely has the name of an installed library (`redis/`, `docker/`) is no module.
        let found = found.filter(|found| installed.is_none() || !matches!(found, ImportTarget::Package(_)));
        if let Some(found) = found {
            return found;
        }
        if let Some(model) = installed {
            let node = module.split('.').skip(1).try_fold(model, |at, part| catalogue.child(at, NameHash::of(part)));
            return ImportTarget::External(node.unwrap_or(ModelId::UNKNOWN));
        }
        let guess = self.nearest(file, folder, module, own.has_unknown);
        guess.map_or(ImportTarget::External(ModelId::UNKNOWN), ImportTarget::Module)
    }

    /// The one file whose path ends like the module and that lies nearest to the importing file.
    fn nearest(&self, from: FileId, folder: &str, module: &str, has_unknown: bool) -> Option<FileId> {
        if !has_unknown && !module.contains('.') {
            return None;
        }
        let ending = format!("/{}", module.replace('.', "/"));
        let name = module.rsplit('.').next().unwrap_or(module);
        let shared = |file: &FileId| {
            let key = self.keys[file.0 as usize].bytes();
            key.zip(folder.bytes()).take_while(|(a, b)| a == b).count()
        };
        let candidates = self.by_name.get(name)?.iter().copied();
        let mut candidates: Vec<FileId> =
            candidates.filter(|file| *file != from && self.keys[file.0 as usize].ends_with(&ending)).collect();
        candidates.sort_by_key(|file| std::cmp::Reverse(shared(file)));
        match candidates.as_slice() {
            [only] => Some(*only),
            [first, second, ..] if shared(first) > shared(second) => Some(*first),
            _ => None,
        }
    }
}
