//! The files of the tree that commands lead to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use crate::place::{Located, Root, Want};

/// Larger scripts are not followed.
const MAX_SCRIPT_BYTES: u64 = 256 * 1024;

/// What commands may name in the tree.
pub(crate) struct Files<'a> {
    root: &'a Root,
    /// Installed commands: module and function by name.
    scripts: BTreeMap<String, (String, String)>,
    /// Django's management commands: files by name.
    commands: BTreeMap<String, Vec<String>>,
}

impl<'a> Files<'a> {
    /// The tree at `root` with its management commands, by path.
    pub(crate) fn new(root: &'a Root, management_commands: &[String]) -> Self {
        let mut commands: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in management_commands {
            let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".py");
            commands.entry(name.to_owned()).or_default().push(path.clone());
        }
        Self { root, scripts: BTreeMap::new(), commands }
    }

    /// Makes a command known that the tree's packaging installs.
    pub(crate) fn install(&mut self, name: &str, target: &str) {
        if let Some((module, function)) = target.split_once(':') {
            let target = (module.trim().to_owned(), function.trim().to_owned());
            self.scripts.entry(name.to_owned()).or_insert(target);
        }
    }

    /// The file at a path relative to the root, if it is one in the root.
    pub(crate) fn file(&self, path: &str) -> Option<String> {
        self.at(path, Want::File)
    }

    /// The folder at a path relative to the root, if it is one in the root.
    pub(crate) fn folder(&self, path: &str) -> Option<String> {
        self.at(path, Want::Folder)
    }

    fn at(&self, path: &str, want: Want) -> Option<String> {
        match self.root.at("", path, want) {
            Some(Located::Inside(path)) => Some(path),
            _ => None,
        }
    }

    /// The text of a file of the tree, if it is a small one.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let path = self.file(path)?;
        let mut bytes = Vec::new();
        File::open(self.root.path().join(path)).ok()?.take(MAX_SCRIPT_BYTES + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= MAX_SCRIPT_BYTES).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the text of a file has a word.
    pub(crate) fn mentions(&self, path: &str, word: &str) -> bool {
        self.text(path).is_some_and(|text| text.contains(word))
    }

    /// Module and function of an installed command.
    pub(crate) fn console_script(&self, name: &str) -> Option<(String, String)> {
        self.scripts.get(name).cloned()
    }

    /// The files of a Django management command.
    pub(crate) fn django_command(&self, name: &str) -> Vec<String> {
        self.commands.get(name).cloned().unwrap_or_default()
    }
}
