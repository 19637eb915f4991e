//! Dockerfiles: what the last stage, or a named one, runs, and where it puts parts of the tree.

use super::{Command, env_lines};
use crate::place::join;
use crate::value::{Variables, expand};

/// Instructions of one file that are read.
const MAX_INSTRUCTIONS: usize = 5_000;

/// A stage, with all that it takes from the stages that it is built on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stage {
    /// Its name, lower case.
    pub(crate) name: Option<String>,
    pub(crate) entrypoint: Option<Command>,
    pub(crate) command: Option<Command>,
    /// Line of the instruction that starts something, else of its `FROM`.
    pub(crate) line: u32,
    pub(crate) environment: Variables,
    pub(crate) folder: String,
    pub(crate) exposed: Vec<u32>,
    /// What is copied: path in the image, path in the build context.
    pub(crate) copies: Vec<Copy>,
    arguments: Variables,
}

/// What a `COPY` puts where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    /// Source in the build context, without dots.
    pub(crate) source: String,
    /// Absolute path in the image.
    pub(crate) target: String,
    /// The target is a folder for certain: it ends in `/`, or there are several sources.
    pub(crate) into_folder: bool,
}

/// Whether a file is a Dockerfile by its name.
pub(crate) fn is_named(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_other = [".dockerignore", ".md", ".j2", ".tmpl"].iter().any(|ending| lower.ends_with(ending));
    !is_other
        && ["dockerfile", "containerfile"].iter().any(|word| {
            lower == *word
                || lower.strip_prefix(word).is_some_and(|rest| rest.starts_with(['.', '-', '_']))
                || lower.strip_suffix(word).is_some_and(|rest| rest.ends_with(['.', '-', '_']))
        })
}

/// The stages of a Dockerfile, in order.
pub(crate) fn stages(text: &str, given: &Variables) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut global = Variables::new();
    for (line, instruction) in instructions(text) {
        let (word, rest) = instruction.split_once(char::is_whitespace).unwrap_or((&instruction, ""));
        let (word, rest) = (word.to_ascii_uppercase(), rest.trim());
        if word == "FROM" {
            let stage = from(rest, line, &stages, &global, given);
            stages.push(stage);
            continue;
        }
        if word == "ARG" && stages.is_empty() {
            global.extend(argument(rest, given));
        }
        let Some((last, earlier)) = stages.split_last_mut() else { continue };
        let mut known = last.arguments.clone();
        known.extend(last.environment.clone());
        let text = || expand(rest, &known);
        match word.as_str() {
            "ARG" => last.arguments.extend(argument(rest, given).or_else(|| {
                let name = rest.split('=').next()?.trim();
                Some((name.to_owned(), global.get(name)?.clone()))
            })),
            "ENV" => last.environment.extend(environment(&text())),
            "WORKDIR" => last.folder = absolute(&last.folder, text().trim()),
            "EXPOSE" => {
                let ports = text();
                let ports = ports.split_whitespace().filter(|port| !port.ends_with("/udp"));
                last.exposed
                    .extend(ports.filter_map(|port| port.split('/').next()?.parse::<u16>().ok()).map(u32::from));
            }
            "COPY" | "ADD" => copy(&text(), last, earlier),
            "CMD" => {
                last.command = Some(command(rest));
                last.line = line;
            }
            "ENTRYPOINT" => {
                last.entrypoint = Some(command(rest));
                // A new entry point drops the command of the image that this one is built on.
                last.line = line;
            }
            _ => {}
        }
    }
    stages
}

/// Instructions with their lines: comments dropped, continued lines joined, here-documents passed over.
fn instructions(text: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    let mut mark = '\\';
    while let Some((index, line)) = lines.next() {
        let trimmed = line.trim();
        if let Some(comment) = trimmed.strip_prefix('#') {
            if let Some(value) = comment.trim().to_ascii_lowercase().strip_prefix("escape=") {
                mark = value.chars().next().unwrap_or('\\');
            }
            continue;
        }
        if trimmed.is_empty() {
            continue;
        }
        let mut joined = trimmed.to_owned();
        while let Some(open) = joined.strip_suffix(mark) {
            joined.truncate(open.trim_end().len());
            let more = lines.by_ref().find(|(_, line)| !line.trim().starts_with('#'));
            let Some((_, more)) = more else { break };
            joined.push(' ');
            joined.push_str(more.trim());
        }
        if let Some(end) = here_document(&joined) {
            let _ = lines.by_ref().find(|(_, line)| line.trim() == end);
        }
        found.push((index as u32 + 1, joined));
        if found.len() >= MAX_INSTRUCTIONS {
            break;
        }
    }
    found
}

fn here_document(instruction: &str) -> Option<String> {
    let is_run = ["RUN", "COPY", "ADD"]
        .iter()
        .any(|word| instruction.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)));
    let (_, after) = instruction.split_once("<<").filter(|_| is_run)?;
    let name = after.trim_start_matches('-').trim_matches(['"', '\'']);
    let end: String = name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!end.is_empty()).then_some(end)
}

/// `NAME=default`, a value given to the build first.
fn argument(rest: &str, given: &Variables) -> Option<(String, String)> {
    let (name, default) = rest.split_once('=').map_or((rest, None), |(name, default)| (name, Some(default)));
    let name = name.trim();
    let default = default.map(|text| text.trim().trim_matches(['"', '\'']).to_owned());
    let value = given.get(name).filter(|value| !value.is_empty()).cloned().or(default)?;
    Some((name.to_owned(), value))
}

fn from(rest: &str, line: u32, stages: &[Stage], global: &Variables, given: &Variables) -> Stage {
    let words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
    let mut known = global.clone();
    known.extend(given.clone());
    let base = words.first().map(|word| expand(word, &known).to_ascii_lowercase()).unwrap_or_default();
    let built_on = stages.iter().rev().find(|stage| stage.name.as_deref() == Some(base.as_str()));
    let name = match words.as_slice() {
        [_, word, name, ..] if word.eq_ignore_ascii_case("as") => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    let start = Stage { folder: "/".to_owned(), ..Stage::default() };
    Stage { name, line, ..built_on.cloned().unwrap_or(start) }
}

/// `A=b C="d e"` or `A b`.
fn environment(text: &str) -> Variables {
    let first = text.split_whitespace().next().unwrap_or("");
    if !first.contains('=') {
        let (name, value) = text.trim().split_once(char::is_whitespace).unwrap_or((text, ""));
        return [(name.to_owned(), value.trim().to_owned())].into();
    }
    shlex::split(text).unwrap_or_default().iter().flat_map(|word| env_lines(word)).collect()
}

/// `["a", "b"]` or a line for a shell.
pub(crate) fn command(text: &str) -> Command {
    // A JSON list is a YAML list, too; Docker takes what is no JSON for a shell's.
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(words) => Command::Words(words),
        Err(_) => Command::Shell(text.to_owned()),
    }
}

fn copy(text: &str, stage: &mut Stage, earlier: &[Stage]) {
    let mut words = match serde_json::from_str::<Vec<String>>(text) {
        Ok(words) => words,
        Err(_) => text.split_whitespace().map(str::to_owned).collect(),
    };
    let from = words.iter().find_map(|word| word.strip_prefix("--from=")).map(str::to_ascii_lowercase);
    words.retain(|word| !word.starts_with("--"));
    let Some((target, sources)) = words.split_last() else { return };
    let is_folder = target.ends_with('/') || matches!(target.as_str(), "." | "..") || sources.len() > 1;
    let target = absolute(&stage.folder, target);
    if let Some(from) = from {
        let index = from.parse::<usize>().ok();
        let source = match index {
            Some(index) => earlier.get(index),
            None => earlier.iter().rev().find(|stage| stage.name.as_deref() == Some(from.as_str())),
        };
        let copies = source.map(|stage| stage.copies.clone()).unwrap_or_default();
        for path in sources {
            let path = absolute("/", path);
            // What that stage had copied below the path is now below the target.
            let moved = copies.iter().filter_map(|copy| {
                let below = copy
                    .target
                    .strip_prefix(&path)
                    .filter(|below| below.is_empty() || below.starts_with('/') || path == "/")?;
                Some(Copy { target: absolute(&target, below.trim_start_matches('/')), ..copy.clone() })
            });
            stage.copies.extend(moved);
        }
        return;
    }
    for source in sources {
        // `src/*.py` is what stands in `src`.
        let folder = source.split(['*', '?', '[']).next().unwrap_or(source);
        let has_pattern = folder.len() < source.len();
        let folder = if has_pattern { folder.rsplit_once('/').map_or("", |(folder, _)| folder) } else { folder };
        if let Some(source) = join("", folder.trim_start_matches('/')) {
            let into_folder = is_folder && !has_pattern;
            stage.copies.push(Copy { source, target: target.clone(), into_folder });
        }
    }
}

/// A path in an image, dots resolved.
pub(crate) fn absolute(folder: &str, path: &str) -> String {
    let path = path.trim_matches(['"', '\'']);
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_has_what_it_is_built_on() {
        let text = "# syntax=docker/dockerfile:1\nARG V=3\nFROM python:$V AS base\nENV A=1 B=\"x y\"\nWORKDIR /srv\nRUN <<EOF\nCMD no\nEOF\n\nFROM base AS build\nCOPY src app\n\nFROM base\nWORKDIR web\nCOPY --from=build /srv/app /code\nCOPY a.py b.py ./\nEXPOSE 8000 9000/udp\n# note\nCMD exec uvicorn app:app \\\n  # inner\n  --port $PORT\n";
        let stages = stages(text, &Variables::new());
        let last = stages.last().expect("a stage");
        assert_eq!(stages.len(), 3);
        assert_eq!(last.folder, "/srv/web");
        assert_eq!(last.environment.get("B").map(String::as_str), Some("x y"));
        assert_eq!(last.exposed, [8000]);
        assert_eq!(last.command, Some(Command::Shell("exec uvicorn app:app --port $PORT".to_owned())));
        assert_eq!(last.line, 19);
        let copies: Vec<_> =
            last.copies.iter().map(|copy| (copy.source.as_str(), copy.target.as_str(), copy.into_folder)).collect();
        assert_eq!(copies, [("src", "/code", false), ("a.py", "/srv/web", true), ("b.py", "/srv/web", true)]);
    }

    #[test]
    fn names_of_dockerfiles() {
        for name in ["Dockerfile", "Dockerfile.prod", "api.Dockerfile", "Containerfile", "Dockerfile-node"] {
            assert!(is_named(name), "{name}");
        }
        assert!(!is_named("Dockerfile.md") && !is_named("dockerfiles") && !is_named("x.dockerignore"));
    }
}
