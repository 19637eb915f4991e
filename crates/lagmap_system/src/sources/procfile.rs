//! `Procfile`: `name: command` a line.

use super::{Command, Declaration};
use crate::service::SourceKind;

pub(crate) fn read(text: &str, path: &str) -> Vec<Declaration> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let Some((name, command)) = line.split_once(':') else { continue };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if line.starts_with('#') || !is_name || command.trim().is_empty() {
            continue;
        }
        let mut declaration = Declaration::new(SourceKind::Procfile, path, index as u32 + 1, name);
        declaration.command = Some(Command::Shell(command.trim().to_owned()));
        // Heroku runs `release` once before each release.
        declaration.is_job = name == "release";
        found.push(declaration);
    }
    found
}
