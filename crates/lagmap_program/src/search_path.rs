//! Where imports are looked for: folders that a file puts on `sys.path`, worked out from its text.

use lagmap_facts::{BinaryOp, Expr, ExprId, FileFacts, FunctionIndex};

use crate::scopes::{Scopes, Source};

/// The folders, relative to the root, that a file adds to `sys.path`, and whether it adds some that cannot be told.
pub struct SearchPath {
    /// Folders in the order in which they are added.
    pub folders: Vec<String>,
    /// It adds a folder that depends on more than the text.
    pub has_unknown: bool,
}

/// Reads the `sys.path` changes of the file at `path`.
pub fn search_path(path: &str, facts: &FileFacts, scopes: &Scopes) -> SearchPath {
    let mut found = SearchPath { folders: Vec::new(), has_unknown: false };
    let reader = PathReader { path, facts, scopes };
    for call in &facts.calls {
        let Expr::Attribute { value, attribute } = facts.expr(call.callee) else { continue };
        let position = match facts.text(attribute) {
            "insert" => 1,
            "append" => 0,
            _ => continue,
        };
        if facts.dotted(value).as_deref() != Some("sys.path") {
            continue;
        }
        match facts.arguments(call).get(position).and_then(|argument| reader.read(*argument, 8)) {
            Some(folder) if !found.folders.contains(&folder) => found.folders.push(folder),
            Some(_) => {}
            None => found.has_unknown = true,
        }
    }
    found
}

struct PathReader<'a> {
    path: &'a str,
    facts: &'a FileFacts,
    scopes: &'a Scopes,
}

impl PathReader<'_> {
    /// The folder or file that an expression names, relative to the root; `None` if it cannot be told or lies outside.
    fn read(&self, id: ExprId, depth: u32) -> Option<String> {
        let facts = self.facts;
        let depth = depth.checked_sub(1)?;
        match facts.expr(id) {
            Expr::Str(text) => join("", facts.text(text)),
            Expr::Name(name) if facts.text(name) == "__file__" => Some(self.path.to_owned()),
            Expr::Name(name) => {
                let [binding] = self.scopes.named(FunctionIndex::MODULE, facts.names.hash(name)) else { return None };
                match binding.source {
                    Source::Value(value) if binding.path.is_whole() => self.read(value, depth),
                    _ => None,
                }
            }
            Expr::Attribute { value, attribute } if facts.text(attribute) == "parent" => {
                parent(&self.read(value, depth)?, 1)
            }
            Expr::Subscript { value, index } => match (facts.expr(value), facts.expr(index)) {
                (Expr::Attribute { value, attribute }, Expr::Int(count)) if facts.text(attribute) == "parents" => {
                    parent(&self.read(value, depth)?, usize::try_from(count).ok()? + 1)
                }
                _ => None,
            },
            Expr::Binary { op: BinaryOp::Div, left, right } => join(&self.read(left, depth)?, self.literal(right)?),
            Expr::Call(call) => {
                let call = facts.call(call);
                let first = facts.arguments(call).first().copied();
                if let Expr::Attribute { value, attribute } = facts.expr(call.callee) {
                    match facts.text(attribute) {
                        "resolve" | "absolute" | "as_posix" | "expanduser" => return self.read(value, depth),
                        "dirname" => return parent(&self.read(first?, depth)?, 1),
                        "abspath" | "realpath" | "normpath" | "Path" => return self.read(first?, depth),
                        "getcwd" | "cwd" => return Some(String::new()),
                        "join" => {
                            let (first, rest) = facts.arguments(call).split_first()?;
                            let start = self.read(*first, depth)?;
                            return rest.iter().try_fold(start, |path, part| join(&path, self.literal(*part)?));
                        }
                        _ => return None,
                    }
                }
                match facts.dotted(call.callee)?.as_str() {
                    "str" | "Path" | "abspath" | "realpath" => self.read(first?, depth),
                    "dirname" => parent(&self.read(first?, depth)?, 1),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn literal(&self, id: ExprId) -> Option<&str> {
        match self.facts.expr(id) {
            Expr::Str(text) => Some(self.facts.text(text)),
            Expr::Attribute { attribute, .. } if self.facts.text(attribute) == "pardir" => Some(".."),
            _ => None,
        }
    }
}

/// `count` folders up; `None` above the root.
fn parent(path: &str, count: usize) -> Option<String> {
    let mut at = path;
    for _ in 0..count {
        if at.is_empty() {
            return None;
        }
        at = at.rsplit_once('/').map_or("", |(folder, _)| folder);
    }
    Some(at.to_owned())
}

/// `path/part` with `.` and `..` resolved; `None` if absolute or above the root.
fn join(path: &str, part: &str) -> Option<String> {
    if part.starts_with('/') || part.contains('\\') {
        return None;
    }
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    for part in part.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
