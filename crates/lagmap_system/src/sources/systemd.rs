//! systemd units: `ExecStart` of `[Service]`.

use super::{Command, Declaration, env_lines};
use crate::ini;
use crate::service::SourceKind;

/// The service of a unit.
pub(crate) fn read(text: &str, path: &str) -> Vec<Declaration> {
    let sections = ini::sections(text);
    let Some(service) = sections.iter().find(|section| section.name == "Service") else { return Vec::new() };
    // An empty `ExecStart=` clears those before; the last one is the main process.
    let Some(entry) = service.entries.iter().rev().find(|entry| entry.key == "ExecStart") else { return Vec::new() };
    let file = path.rsplit('/').next().unwrap_or(path);
    let name = unit_name(file);
    let mut declaration = Declaration::new(SourceKind::Systemd, path, entry.line, name);
    let command = entry.value.trim_start_matches(['@', '-', ':', '+', '!']);
    // `%i` and the like stand for what the unit's instance is called; `%%` for itself.
    declaration.command = Some(Command::Line(command.replace("%%", "%")));
    declaration.folder = service.get("WorkingDirectory").map(|folder| folder.trim_start_matches('-').to_owned());
    for value in service.all("Environment") {
        let words = shlex::split(value).unwrap_or_default();
        declaration.environment.extend(words.iter().flat_map(|word| env_lines(word)));
    }
    for section in sections.iter().filter(|section| section.name == "Unit") {
        for key in ["Requires", "Requisite", "BindsTo", "Wants", "After"] {
            let units = section.all(key).flat_map(str::split_whitespace).filter(|unit| unit.ends_with(".service"));
            for unit in units.map(unit_name) {
                if unit != name && !declaration.dependencies.iter().any(|known| known == unit) {
                    declaration.dependencies.push(unit.to_owned());
                }
            }
        }
    }
    declaration.is_job = service.get("Type") == Some("oneshot");
    declaration.on_host = true;
    vec![declaration]
}

fn unit_name(file: &str) -> &str {
    let name = file.strip_suffix(".service").unwrap_or(file);
    name.split('@').next().unwrap_or(name)
}
