//! `pyproject.toml` and `setup.cfg`: the commands that a project installs.

use super::{Command, Declaration};
use crate::ini;
use crate::service::{ConfigError, SourceKind};

/// What a project's packaging says.
#[derive(Debug, Default)]
pub(crate) struct Packaging {
    /// The project's name.
    pub(crate) name: Option<String>,
    /// Its commands: `name = "module:function"`.
    pub(crate) scripts: Vec<Declaration>,
}

/// Reads a `pyproject.toml`.
pub(crate) fn pyproject(text: &str, path: &str, errors: &mut Vec<ConfigError>) -> Packaging {
    let table = match toml::de::DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map(|span| line_at(text, span.start));
            let message = format!("not valid TOML: {}", error.message());
            errors.push(ConfigError { path: path.to_owned(), line, message });
            return Packaging::default();
        }
    };
    let table = table.into_inner();
    let value = |keys: &[&str]| {
        let (first, rest) = keys.split_first()?;
        let mut at = table.get(*first)?;
        for key in rest {
            at = at.get_ref().get(*key)?;
        }
        Some(at.get_ref())
    };
    let text_at = |keys: &[&str]| value(keys).and_then(|value| value.as_str()).map(str::to_owned);
    let name = text_at(&["project", "name"]).or_else(|| text_at(&["tool", "poetry", "name"]));
    let mut scripts = Vec::new();
    for keys in [
        &["project", "scripts"][..],
        &["project", "gui-scripts"],
        &["project", "entry-points", "console_scripts"],
        &["tool", "poetry", "scripts"],
    ] {
        let Some(entries) = value(keys).and_then(|value| value.as_table()) else { continue };
        for (name, target) in entries {
            let line = line_at(text, name.span().start);
            // Poetry's long form: `{callable = "a:b"}` or `{reference = "a:b", type = "console"}`.
            let long = ["callable", "reference"].iter().find_map(|key| target.get_ref().get(*key)?.get_ref().as_str());
            if let Some(target) = target.get_ref().as_str().or(long) {
                scripts.push(script(path, line, name.get_ref(), target));
            }
        }
    }
    scripts.sort_by(|a: &Declaration, b| (a.line, &a.name).cmp(&(b.line, &b.name)));
    Packaging { name, scripts }
}

/// Reads a `setup.cfg`.
pub(crate) fn setup_cfg(text: &str, path: &str) -> Packaging {
    let sections = ini::sections(text);
    let section = |name: &str| sections.iter().find(|section| section.name == name);
    let name = section("metadata").and_then(|section| section.get("name")).map(str::to_owned);
    let mut scripts = Vec::new();
    for entry in section("options.entry_points").into_iter().flat_map(|section| &section.entries) {
        if !matches!(entry.key.as_str(), "console_scripts" | "gui_scripts") {
            continue;
        }
        for (offset, line) in entry.value.lines().enumerate() {
            if let Some((name, target)) = line.split_once('=') {
                scripts.push(script(path, entry.line + offset as u32, name.trim(), target.trim()));
            }
        }
    }
    Packaging { name, scripts }
}

fn script(path: &str, line: u32, name: &str, target: &str) -> Declaration {
    let mut declaration = Declaration::new(SourceKind::ProjectScript, path, line, name);
    // `module:function [extra]`.
    let target = target.split('[').next().unwrap_or(target).trim();
    declaration.command = Some(Command::Words(vec![target.to_owned()]));
    declaration
}

fn line_at(text: &str, offset: usize) -> u32 {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count() as u32
}
