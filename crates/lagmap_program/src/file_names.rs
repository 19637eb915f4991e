//! File names: what the text of a path says of its file.

use lagmap_facts::{Expr, ExprId, FileFacts};

use crate::{FileId, Program, Source, Value};

/// Words of names of files to which lines are added for ever.
const LOGS: [&str; 5] = ["log", "logs", "audit", "trace", "journal"];

/// What a path expression says.
#[derive(Clone, Copy, Default)]
struct Reading {
    /// It has a word of a log in it.
    log: bool,
    /// A part of it comes from a request or another call, so that it names many files.
    many: bool,
}

impl Program {
    /// Whether an expression names one and the same file each time, and one that is a log by its name.
    pub fn names_one_log(&self, file: FileId, path: ExprId) -> bool {
        let mut reading = Reading::default();
        self.read_path(file, path, 3, &mut reading);
        reading.log && !reading.many
    }

    fn read_path(&self, file: FileId, id: ExprId, depth: u32, reading: &mut Reading) {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let Some(depth) = depth.checked_sub(1) else {
            reading.many = true;
            return;
        };
        match facts.expr(id) {
            Expr::Str(text) => reading.log |= speaks_of_log(facts.text(text)),
            Expr::Attribute { attribute, .. } => reading.log |= speaks_of_log(facts.text(attribute)),
            Expr::Name(name) => {
                reading.log |= speaks_of_log(facts.text(name));
                let node = &facts.exprs[id.0 as usize];
                let scope = facts.region(node.region).function;
                let reaching = unit.scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region);
                for binding in reaching {
                    match binding.source {
                        Source::Value(value) => self.read_path(file, value, depth, reading),
                        _ => reading.many = true,
                    }
                }
            }
            Expr::FString(parts) => self.read_paths(file, facts.list(parts), depth, reading),
            Expr::Binary { left, right, .. } => self.read_paths(file, &[left, right], depth, reading),
            Expr::Call(call) => {
                let call = facts.call(call);
                // `Path("a.log")`, `os.path.join(folder, "a.log")`, `folder.joinpath("a.log")`.
                self.read_paths(file, facts.arguments(call), depth, reading);
            }
            _ => reading.many = true,
        }
    }

    fn read_paths(&self, file: FileId, parts: &[ExprId], depth: u32, reading: &mut Reading) {
        for part in parts {
            self.read_path(file, *part, depth, reading);
        }
    }

    /// Whether what a log is sent to is certainly no file that grows: nothing, a stream, a function, the null device.
    pub fn is_no_log_file(&self, file: FileId, target: ExprId) -> bool {
        let facts = &self.linked.file(file).facts;
        if is_stream_or_nothing(facts, target) {
            return true;
        }
        let mut values = self.evaluator(file);
        if values.values(target).iter().any(|value| {
            matches!(value, Value::Function(_) | Value::Method { .. } | Value::Instance { .. } | Value::Class(_))
        }) {
            return true;
        }
        // `def make_log(file=None)`, and nobody passes one.
        let Expr::Name(name) = facts.expr(target) else { return false };
        let scope = facts.region(facts.exprs[target.0 as usize].region).function;
        let parameters = &facts.function(scope).parameters;
        let function = self.linked.ids.function(file, scope);
        parameters.iter().position(|parameter| parameter.name == name).is_some_and(|index| {
            let default = parameters[index].default.get();
            default.is_some_and(|default| matches!(facts.expr(default), Expr::None))
                && self.is_never_given(function, index)
        })
    }
}

fn is_stream_or_nothing(facts: &FileFacts, target: ExprId) -> bool {
    match facts.expr(target) {
        Expr::None | Expr::Lambda(_) => true,
        Expr::Str(text) => matches!(facts.text(text), "/dev/null" | "NUL" | "nul"),
        Expr::Name(_) | Expr::Attribute { .. } => facts.dotted(target).is_some_and(|name| {
            let last = name.rsplit('.').next().unwrap_or_default();
            matches!(last.trim_matches('_'), "stdout" | "stderr" | "devnull")
        }),
        _ => false,
    }
}

fn speaks_of_log(text: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| LOGS.contains(&word.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::speaks_of_log;

    #[test]
    fn a_log_is_a_word_of_its_own() {
        assert!(speaks_of_log("state/AUDIT_LOG"));
        assert!(speaks_of_log("events.log"));
        assert!(!speaks_of_log("catalog.json"));
        assert!(!speaks_of_log("dialogs"));
    }
}
