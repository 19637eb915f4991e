//! Shell scripts: statements, conditions and variables.

use std::rc::Rc;

use super::Follow;
use super::words::{behind_bracket, is_assignment, matches, unquoted, variable_end};
use crate::shell::{self, Statement};
use crate::value::expand;

impl Follow<'_> {
    /// Runs the text of a shell script.
    pub(super) fn script(&mut self, text: &str) {
        let statements = shell::parse(text);
        self.deeper(|follow| follow.run(&statements));
    }

    pub(super) fn run(&mut self, statements: &[Statement]) {
        // Whether the statement before was one that says no.
        let mut said_no = false;
        for statement in statements {
            if self.stopped || !self.spend() {
                return;
            }
            let statement = match statement {
                Statement::IfSo(_) if said_no => continue,
                Statement::IfSo(inner) => inner,
                // Commands are taken to succeed.
                Statement::IfNot(_) if !said_no => continue,
                Statement::IfNot(inner) => inner,
                other => other,
            };
            said_no = self.holds(std::slice::from_ref(statement)) == Some(false);
            self.statement(statement);
        }
    }

    pub(super) fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Command(words) => self.simple(words),
            Statement::IfSo(inner) | Statement::IfNot(inner) => self.deeper(|follow| follow.statement(inner)),
            Statement::Case { word, arms } => {
                let word = self.expanded(word).join(" ");
                let chosen =
                    arms.iter().find(|(patterns, _)| patterns.iter().any(|pattern| matches(&unquoted(pattern), &word)));
                if let Some((_, body)) = chosen {
                    self.deeper(|follow| follow.run(body));
                }
            }
            Statement::If { branches, otherwise } => self.branch(branches, otherwise),
            Statement::Loop(body) => {
                // How often it goes round, nobody knows.
                let waited = self.waited_ms;
                self.deeper(|follow| follow.run(body));
                self.waited_ms = waited;
                // Nobody knows whether the loop gets to its `exit`.
                self.stopped = false;
            }
            Statement::Group(body) => self.deeper(|follow| follow.run(body)),
            Statement::Function(name, body) => {
                self.functions.insert(name.clone(), Rc::new(body.clone()));
            }
        }
    }

    /// Takes the first branch whose condition holds; those whose conditions nobody can tell are all taken.
    pub(super) fn branch(&mut self, branches: &[(Vec<Statement>, Vec<Statement>)], otherwise: &[Statement]) {
        let mut open = false;
        for (condition, body) in branches {
            match self.holds(condition) {
                Some(false) => {}
                Some(true) if !open => {
                    self.deeper(|follow| follow.run(body));
                    return;
                }
                _ => {
                    open = true;
                    self.deeper(|follow| follow.run(body));
                    self.stopped = false;
                }
            }
        }
        self.deeper(|follow| follow.run(otherwise));
        self.stopped &= !open;
    }

    /// Whether a condition holds, where its variables say so.
    pub(super) fn holds(&self, condition: &[Statement]) -> Option<bool> {
        let [Statement::Command(words)] = condition else { return None };
        if words.iter().any(|word| word.contains("$?") || word.contains("$(") || word.contains('`')) {
            return None;
        }
        let words: Vec<String> = words.iter().map(|word| self.expanded_as_one(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (first, rest) = words.split_first()?;
        let test = match *first {
            "[" | "[[" => rest.split_last().map(|(_, test)| test)?,
            "test" => rest,
            "true" => return Some(true),
            "false" => return Some(false),
            _ => return None,
        };
        match test {
            ["-z", value] => Some(value.is_empty()),
            ["-n", value] | [value] if !value.starts_with('-') => Some(!value.is_empty()),
            ["!", "-z", value] => Some(!value.is_empty()),
            [left, "=" | "==", right] => Some(matches(right, left)),
            [left, "!=", right] => Some(!matches(right, left)),
            [left, "-eq", right] => Some(left == right),
            [left, "-ne", right] => Some(left != right),
            [left, "-gt", right] => Some(left.parse::<i64>().ok()? > right.parse().ok()?),
            [left, "-lt", right] => Some(left.parse::<i64>().ok()? < right.parse().ok()?),
            _ => None,
        }
    }

    /// A simple command of a script.
    pub(super) fn simple(&mut self, words: &[String]) {
        let assignments = words.iter().take_while(|word| is_assignment(word)).count();
        let before = (assignments < words.len()).then(|| self.variables.clone());
        for word in &words[..assignments] {
            self.assign(word);
        }
        let words: Vec<String> = words[assignments..].iter().flat_map(|word| self.expanded(word)).collect();
        if !words.is_empty() {
            self.command(&words);
        }
        if let Some(before) = before.filter(|_| assignments > 0) {
            self.variables = before;
        }
    }

    pub(super) fn assign(&mut self, word: &str) {
        if let Some((name, value)) = word.split_once('=') {
            let value = self.expanded_as_one(value);
            self.variables.insert(name.to_owned(), value);
        }
    }

    /// The fields that a word becomes.
    pub(super) fn expanded(&self, word: &str) -> Vec<String> {
        match word {
            "\"$@\"" | "$@" | "$*" | "\"$*\"" | "${@}" | "\"${@}\"" => return self.arguments.clone(),
            _ => {}
        }
        let whole = self.expanded_as_one(word);
        if word.contains(['"', '\'']) {
            return vec![whole];
        }
        whole.split_whitespace().map(str::to_owned).collect()
    }

    pub(super) fn expanded_as_one(&self, word: &str) -> String {
        let mut known = self.variables.clone();
        for (index, argument) in self.arguments.iter().enumerate().take(9) {
            known.insert((index + 1).to_string(), argument.clone());
        }
        known.insert("0".to_owned(), String::new());
        let mut out = String::new();
        let mut rest = word;
        while let Some(at) = rest.find(['\'', '"', '\\', '`', '$']) {
            out.push_str(&rest[..at]);
            let here = &rest[at..];
            let inner = &here[1..];
            rest = match here.as_bytes()[0] {
                b'\'' => {
                    let (text, behind) = inner.split_once('\'').unwrap_or((inner, ""));
                    out.push_str(text);
                    behind
                }
                b'"' => inner,
                b'`' => inner.split_once('`').map_or("", |(_, behind)| behind),
                b'\\' => {
                    let mut chars = inner.chars();
                    out.extend(chars.next());
                    chars.as_str()
                }
                _ if inner.starts_with('@') || inner.starts_with('*') => {
                    out.push_str(&self.arguments.join(" "));
                    &inner[1..]
                }
                _ if inner.starts_with('#') => {
                    out.push_str(&self.arguments.len().to_string());
                    &inner[1..]
                }
                _ if inner.starts_with('(') => behind_bracket(&inner[1..]),
                _ => {
                    let end = variable_end(here);
                    out.push_str(&expand(&here[..end], &known));
                    &here[end..]
                }
            };
        }
        out.push_str(rest);
        out
    }
}
