//! supervisord: `[program:x]` sections.

use super::{Command, Declaration};
use crate::ini::{self, Section};
use crate::service::SourceKind;
use crate::value::Variables;

/// Whether a file is a supervisord configuration.
pub(crate) fn is_one(text: &str) -> bool {
    text.contains("[program:")
}

/// The programs of a configuration.
pub(crate) fn read(text: &str, path: &str) -> Vec<Declaration> {
    ini::sections(text).iter().filter_map(|section| program(section, path)).collect()
}

fn program(section: &Section, path: &str) -> Option<Declaration> {
    let name = section.name.strip_prefix("program:").or_else(|| section.name.strip_prefix("fcgi-program:"))?.trim();
    let command = section.get("command")?;
    let mut declaration = Declaration::new(SourceKind::Supervisor, path, section.line, name);
    // A `;` after white space starts a comment.
    let command = command.split(" ;").next().unwrap_or(command);
    declaration.command = Some(Command::Line(expressions(command, name)));
    declaration.folder = section.get("directory").map(|folder| expressions(folder, name));
    declaration.environment = section.get("environment").map(environment).unwrap_or_default();
    declaration.instances = section.get("numprocs").and_then(|number| number.trim().parse().ok());
    declaration.is_job = section.get("autorestart") == Some("false") && section.get("startsecs") == Some("0");
    declaration.on_host = true;
    Some(declaration)
}

/// `%(program_name)s` and `%(ENV_X)s`, the latter as the variable that it is.
fn expressions(text: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("%(") {
        out.push_str(before);
        let Some((key, behind)) = after.split_once(')') else {
            out.push_str("%(");
            rest = after;
            continue;
        };
        match key {
            "program_name" | "group_name" => out.push_str(name),
            "process_num" => out.push('0'),
            "here" => out.push('.'),
            _ => {
                if let Some(variable) = key.strip_prefix("ENV_") {
                    out.push_str("${");
                    out.push_str(variable);
                    out.push('}');
                }
            }
        }
        let behind = behind.trim_start_matches(|c: char| c.is_ascii_digit());
        rest = behind.strip_prefix(['s', 'd']).unwrap_or(behind);
    }
    out.push_str(rest);
    out
}

/// `A="x",B='y',C=z`.
fn environment(text: &str) -> Variables {
    let mut found = Variables::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace());
        let after = after.trim_start();
        let mark = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, behind) = match mark {
            Some(mark) => after[1..].split_once(mark).unwrap_or((&after[1..], "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.insert(name.to_owned(), value.trim().to_owned());
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_and_expressions() {
        let found = environment("A=\"x,y\",B=z, C='q'");
        assert_eq!(found.into_iter().map(|(k, v)| format!("{k}:{v}")).collect::<Vec<_>>(), ["A:x,y", "B:z", "C:q"]);
        assert_eq!(expressions("%(ENV_Q)s-%(process_num)02d %(program_name)s", "w"), "${Q}-0 w");
    }
}
