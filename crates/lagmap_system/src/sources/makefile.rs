//! Makefiles and justfiles: the targets whose recipes run something.

use super::{Command, Declaration};
use crate::service::SourceKind;
use crate::value::Variables;

/// A target with its recipe.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) line: u32,
    /// Its lines, as a shell would run them.
    pub(crate) recipe: String,
}

/// The targets of a Makefile or justfile. Variables are replaced where the file gives them a plain value.
pub(crate) fn targets(text: &str) -> Vec<Target> {
    let mut found: Vec<Target> = Vec::new();
    let mut variables = Variables::new();
    let mut open = false;
    for (index, raw) in text.lines().enumerate() {
        if raw.trim().is_empty() {
            continue;
        }
        if raw.starts_with([' ', '\t']) {
            if let Some(target) = found.last_mut().filter(|_| open) {
                let line = raw.trim_start();
                let goes_on = target.recipe.ends_with("\\\n");
                let line = if goes_on { line } else { line.trim_start_matches(['@', '-', '+']) };
                target.recipe.push_str(&replaced(line, &variables));
                target.recipe.push('\n');
            }
            continue;
        }
        open = false;
        if raw.starts_with(['#', '[']) {
            continue;
        }
        let assigned = [":=", "?=", "::=", "="].iter().find_map(|sign| raw.split_once(sign));
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if let Some((name, value)) = assigned
            && is_name(name.trim().trim_start_matches("export "))
        {
            let value = value.trim().trim_matches(['"', '\'']);
            let value = replaced(value, &variables);
            variables.insert(name.trim().trim_start_matches("export ").to_owned(), value);
            continue;
        }
        let Some((head, _)) = raw.split_once(':') else { continue };
        // A justfile's recipe may have parameters: `serve port="8000":`.
        let Some(name) = head.split_whitespace().next().map(|name| name.trim_start_matches('@')) else { continue };
        if !name.starts_with('.') && !name.contains(['$', '%', '/', '=']) {
            found.push(Target { name: name.to_owned(), line: index as u32 + 1, recipe: String::new() });
            open = true;
        }
    }
    found.retain(|target| !target.recipe.is_empty());
    found
}

/// `$(NAME)`, `${NAME}`, `$$` and just's `{{name}}`.
fn replaced(text: &str, variables: &Variables) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '{']) {
        out.push_str(&rest[..at]);
        let here = &rest[at..];
        let braced = |open: &str, close: &str| here.strip_prefix(open).and_then(|inner| inner.split_once(close));
        let found = braced("$(", ")").or_else(|| braced("{{", "}}"));
        if let Some((name, behind)) = found.filter(|(name, _)| !name.contains(['\n', '"'])) {
            match variables.get(name.trim()) {
                Some(value) => out.push_str(value),
                // `$(MAKE)` stands for make itself; what else is not known is a variable of the shell, or nothing.
                None if name == "MAKE" => out.push_str("make"),
                None => {}
            }
            rest = behind;
        } else if let Some(behind) = here.strip_prefix("$$") {
            out.push('$');
            rest = behind;
        } else {
            out.push_str(&here[..1]);
            rest = &here[1..];
        }
    }
    out.push_str(rest);
    out
}

/// Every target, as something that may be started; of one that starts several things in the background, each of them.
pub(crate) fn read(text: &str, path: &str) -> Vec<Declaration> {
    let declarations = |target: Target| {
        let declared = |name: &str, recipe: String| {
            let mut declaration = Declaration::new(SourceKind::Make, path, target.line, name);
            declaration.command = Some(Command::Shell(recipe));
            declaration
        };
        let beside: Vec<&str> = target.recipe.lines().filter(|line| is_background(line)).collect();
        if beside.len() < 2 {
            return vec![declared(&target.name, target.recipe.clone())];
        }
        let line = |(place, line): (usize, &&str)| {
            let name = program(line).map_or_else(|| format!("{}-{}", target.name, place + 1), str::to_owned);
            declared(&name, (*line).to_owned())
        };
        beside.iter().enumerate().map(line).collect()
    };
    targets(text).into_iter().flat_map(declarations).collect()
}

/// Whether a shell goes on while a line runs: `python app.py &`.
fn is_background(line: &str) -> bool {
    line.trim_end().strip_suffix('&').is_some_and(|line| !line.ends_with('&'))
}

/// The name of the script or module that a line runs: `app` of `python services/app.py &`.
fn program(line: &str) -> Option<&str> {
    let mut words = line.split([' ', '\t', ';', '&']).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if word == "-m" {
            return words.next().map(|module| module.rsplit('.').next().unwrap_or(module));
        }
        if let Some(script) = word.strip_suffix(".py") {
            return Some(script.rsplit('/').next().unwrap_or(script)).filter(|name| !name.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_with_variables() {
        let text = "PY := python3\nPORT ?= 8001\n.PHONY: run\nrun: build ## serve\n\t@$(PY) -m app --port $(PORT) \\\n\t  --x $$HOME\n\nbuild:\n\techo {{x}}\n";
        let found = targets(text);
        assert_eq!(found[0].name, "run");
        assert_eq!(found[0].line, 4);
        assert_eq!(found[0].recipe, "python3 -m app --port 8001 \\\n--x $HOME\n");
        assert_eq!(found[1].recipe, "echo \n");
    }

    #[test]
    fn what_runs_in_the_background_is_several_things() {
        let text = "launch: venv\n\t. venv/bin/activate; python  services/movies.py &\n\tpython -m shop.web --port 80 &\n\t./other &\n\nrun:\n\tmake a && python b.py &\n";
        let names: Vec<String> = read(text, "Makefile").into_iter().map(|declaration| declaration.name).collect();
        assert_eq!(names, ["movies", "web", "launch-3", "run"]);
    }
}
