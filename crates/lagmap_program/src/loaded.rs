//! Modules that a framework loads by their names, which no import says: Django's settings, URL tables, apps and middleware,
//! and the task modules that a worker is told of.

use lagmap_facts::{Expr, FunctionIndex};
use lagmap_system::{Runs, Service};
use rustc_hash::FxHashSet;

use crate::{FileId, linked::Linked};

/// Modules of an installed app that Django, its admin and Celery look for
/// (<https://docs.djangoproject.com/en/stable/ref/applications/>,
/// <https://docs.celeryq.dev/en/stable/django/first-steps-with-django.html>).
const APP_MODULES: &[&str] = &["apps", "models", "admin", "signals", "tasks"];
/// The variable that names Django's settings.
const SETTINGS: &str = "DJANGO_SETTINGS_MODULE";
/// Files of one service that are loaded by name.
const MOST_LOADED: usize = 2_000;

/// The files of the tree that a service loads by name.
pub(crate) fn loaded_by_name(linked: &Linked, service: &Service, entry: FileId) -> Vec<FileId> {
    let mut loaded = Loaded { linked, files: Vec::new(), seen: FxHashSet::default() };
    loaded.seen.insert(entry);
    let settings = settings_named_in(linked, entry).or_else(|| service.environment.get(SETTINGS).cloned());
    if let Some(settings) = settings.and_then(|name| loaded.module(entry, &name)) {
        loaded.settings(settings);
    }
    if matches!(service.runs, Runs::Worker | Runs::Scheduler | Runs::Monitor) {
        for name in dotted_texts(linked, entry) {
            if let Some(file) = loaded.module(entry, &name) {
                loaded.add(file);
            }
        }
    }
    loaded.files
}

struct Loaded<'a> {
    linked: &'a Linked,
    files: Vec<FileId>,
    seen: FxHashSet<FileId>,
}

impl Loaded<'_> {
    fn add(&mut self, file: FileId) -> bool {
        let new = self.files.len() < MOST_LOADED && self.seen.insert(file);
        if new {
            self.files.push(file);
        }
        new
    }

    fn module(&self, from: FileId, name: &str) -> Option<FileId> {
        let path = &self.linked.file(from).path;
        self.linked.modules.named(from, path, name, &self.linked.catalogue)
    }

    /// Loads what settings name, and settings that they take over by `from .base import *`.
    fn settings(&mut self, settings: FileId) {
        let mut due = vec![settings];
        while let Some(file) = due.pop() {
            if !self.add(file) {
                continue;
            }
            let unit = self.linked.file(file);
            for (import, target) in unit.facts.imports.iter().zip(&unit.imports) {
                let takes_all = import.member.is_some_and(|member| unit.facts.text(member) == "*");
                if let (true, crate::ImportTarget::Module(other)) = (takes_all, target) {
                    due.push(*other);
                }
            }
            for name in dotted_texts(self.linked, file) {
                self.named(file, &name);
            }
        }
    }

    /// Loads what a setting names: a module, an app with the modules that are looked for in it, or a member of a module.
    fn named(&mut self, from: FileId, name: &str) {
        for part in APP_MODULES {
            if let Some(file) = self.module(from, &format!("{name}.{part}")) {
                self.add(file);
            }
        }
        let file = self.module(from, name).or_else(|| self.module(from, name.rsplit_once('.')?.0));
        let Some(file) = file else { return };
        if self.add(file) && is_url_table(&self.linked.file(file).path) {
            self.url_table(file);
        }
    }

    /// Loads the tables that a URL table includes by name.
    fn url_table(&mut self, table: FileId) {
        let mut due = vec![table];
        while let Some(table) = due.pop() {
            for name in dotted_texts(self.linked, table) {
                if let Some(file) = self.module(table, &name)
                    && self.add(file)
                    && is_url_table(&self.linked.file(file).path)
                {
                    due.push(file);
                }
            }
        }
    }
}

fn is_url_table(path: &str) -> bool {
    path.ends_with("urls.py") || path.contains("/urls/")
}

/// The settings that a file names: `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "app.settings")`.
fn settings_named_in(linked: &Linked, file: FileId) -> Option<String> {
    let facts = &linked.file(file).facts;
    let text = |id| match facts.expr(id) {
        Expr::Str(text) => Some(facts.text(text)),
        _ => None,
    };
    let called = facts.calls.iter().find_map(|call| match facts.arguments(call) {
        [name, value, ..] if text(*name) == Some(SETTINGS) => text(*value).map(str::to_owned),
        _ => None,
    });
    // `os.environ["DJANGO_SETTINGS_MODULE"] = "app.settings"`
    called.or_else(|| {
        let body = facts.functions.get(FunctionIndex::MODULE.0 as usize)?;
        facts.ops(body).iter().find_map(|op| {
            let lagmap_facts::OpKind::Assign { target, value } = op.kind else { return None };
            let Expr::Subscript { index, .. } = facts.expr(target) else { return None };
            (text(index) == Some(SETTINGS)).then(|| text(value).map(str::to_owned)).flatten()
        })
    })
}

/// The texts of a file that may be the names of modules, each once.
fn dotted_texts(linked: &Linked, file: FileId) -> Vec<String> {
    let facts = &linked.file(file).facts;
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let mut seen = FxHashSet::default();
    let mut found = Vec::new();
    for node in &facts.exprs {
        if let Expr::Str(text) = node.expr
            && facts.text(text).split('.').all(is_name)
            && seen.insert(facts.text(text))
        {
            found.push(facts.text(text).to_owned());
        }
    }
    found
}
