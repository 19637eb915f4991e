//! Paths: which file a call works on, and whether that is one and the same file as long as the service runs.

use lagmap_facts::{Expr, ExprId, FileFacts};

use crate::{CallView, FileId, Frequency, Program, Scopes, Source, Value};

/// How far names and calls are followed.
const DEEPEST: u32 = 6;

impl Program {
    /// The expression of the path with which what a call reads or writes was opened: of a method of a path, that path; of a
    /// method of an open file or a function that is given one, what was opened; else the first argument.
    pub fn opened_path(&self, call: &CallView<'_>) -> Option<(FileId, ExprId)> {
        let facts = call.facts();
        let receiver = match facts.expr(call.call.callee) {
            Expr::Attribute { value, .. } if call.models().any(|(_, receiver)| receiver.is_some()) => Some(value),
            _ => None,
        };
        let arguments = facts.arguments(call.call);
        let opened = receiver.iter().chain(arguments).find_map(|file| self.opened_with(call, *file));
        opened.or_else(|| receiver.or_else(|| arguments.first().copied()).map(|path| (call.file, path)))
    }

    /// Whether a call reads a stream that its function is given and has gone back or forth in: `file.seek(0)`.
    pub fn is_moved_stream(&self, call: &CallView<'_>) -> bool {
        let facts = call.facts();
        let Some(stream) = facts.arguments(call.call).first() else { return false };
        self.calls(call.function).any(|other| match facts.expr(other.call.callee) {
            Expr::Attribute { value, attribute } => {
                matches!(facts.text(attribute), "seek" | "tell") && facts.is_same(value, *stream)
            }
            _ => false,
        })
    }

    /// The path with which an open file was opened.
    fn opened_with(&self, call: &CallView<'_>, file: ExprId) -> Option<(FileId, ExprId)> {
        call.values(file).iter().find_map(|value| {
            let Value::Object { site, .. } = value else { return None };
            let made = self.creation(site)?;
            let opens = made.models().any(|(model, _)| {
                self.catalogue().entry(model).is_some_and(|entry| entry.opens.as_deref() == Some("file"))
            });
            let facts = made.facts();
            let path = match facts.expr(made.call.callee) {
                Expr::Attribute { value, .. } if made.models().any(|(_, receiver)| receiver.is_some()) => Some(value),
                _ => facts.arguments(made.call).first().copied(),
            };
            opens.then_some((made.file, path?))
        })
    }

    /// Whether a path is the same for all requests: fixed, or made of what an object or module keeps. Temporary files are
    /// new each time.
    pub fn is_lasting_path(&self, file: FileId, path: ExprId) -> bool {
        let unit = self.linked.file(file);
        let scope = unit.facts.region(unit.facts.exprs[path.0 as usize].region).function;
        // What an object keeps that is made per request goes with it.
        let class = self.class_of(self.linked.ids.function(file, scope));
        let is_made_per_request = class.is_some_and(|class| {
            self.made_in(class).any(|frequency| matches!(frequency, Frequency::Request | Frequency::Occasional))
        });
        self.fixed_text(file, path).is_some() || !is_made_per_request && lasts(&unit.facts, &unit.scopes, path)
    }
}

/// Whether a path is made of nothing but literals and what objects and modules keep.
pub fn lasts(facts: &FileFacts, scopes: &Scopes, path: ExprId) -> bool {
    lasts_within(facts, scopes, path, DEEPEST)
}

fn lasts_within(facts: &FileFacts, scopes: &Scopes, id: ExprId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let all = |parts: &[ExprId]| parts.iter().all(|part| lasts_within(facts, scopes, *part, depth));
    match facts.expr(id) {
        Expr::Str(_) | Expr::Int(_) | Expr::None | Expr::Bool(_) => true,
        Expr::FString(parts) => all(facts.list(parts)),
        Expr::Binary { left, right, .. } => all(&[left, right]),
        Expr::Boolean { values, .. } => all(facts.list(values)),
        Expr::Attribute { value, attribute } => {
            let text = facts.text(attribute).to_ascii_lowercase();
            let temporary = text
                .split('_')
                .any(|word| matches!(word, "temp" | "tmp" | "tempdir" | "tmpdir" | "tempfile" | "temporary"));
            let kept = matches!(facts.expr(value), Expr::Name(name) if matches!(facts.text(name), "self" | "cls"));
            !temporary && (kept || lasts_within(facts, scopes, value, depth))
        }
        // `Path("a", "b")`, `os.path.join(FOLDER, "b")`, `folder.joinpath("b")`.
        Expr::Call(call) => {
            let call = facts.call(call);
            let names_path = |text: &str| {
                matches!(text, "Path" | "PurePath" | "join" | "joinpath" | "expanduser" | "resolve" | "abspath")
                    || matches!(text, "files" | "dirname" | "with_suffix" | "with_name" | "absolute" | "str" | "fspath")
            };
            let receiver = match facts.expr(call.callee) {
                Expr::Attribute { value, attribute } if names_path(facts.text(attribute)) => {
                    lasts_within(facts, scopes, value, depth)
                }
                Expr::Name(name) => names_path(facts.text(name)),
                _ => false,
            };
            receiver && all(facts.arguments(call))
        }
        Expr::Name(name) => {
            let node = &facts.exprs[id.0 as usize];
            let scope = facts.region(node.region).function;
            let mut bindings =
                scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region).peekable();
            if bindings.peek().is_none() {
                // Of the module: `__file__`, `os`, a constant.
                return true;
            }
            bindings.all(|binding| match binding.source {
                Source::Value(value) => lasts_within(facts, scopes, value, depth),
                Source::Import(_) => true,
                _ => false,
            })
        }
        _ => false,
    }
}
