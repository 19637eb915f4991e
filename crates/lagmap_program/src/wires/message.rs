//! Messages: the dict that is sent, wherever it was made, and what its fields hold.

use std::sync::Arc;

use lagmap_facts::{Expr, ExprId};

use super::{
    frame::{Caller, Frame, NeedsCaller},
    reading::{Reader, skipped},
};
use crate::{FileId, Source};

/// A dict display: its file, itself, and how its function runs.
pub type Message = (FileId, ExprId, Arc<Frame>);

impl Reader<'_> {
    /// The dict display that an expression stands for, however it is encoded, and where.
    pub fn message(
        &self,
        file: FileId,
        id: ExprId,
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Result<Option<Message>, NeedsCaller> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(None) };
        let unit = self.program.linked.file(file);
        let facts = &unit.facts;
        match facts.expr(id) {
            Expr::Dict(_) => Ok(Some((file, id, Arc::clone(frame)))),
            Expr::Await(value) => self.message(file, value, frame, depth),
            Expr::List(list) => match facts.list(list).last() {
                Some(last) => self.message(file, *last, frame, depth),
                None => Ok(None),
            },
            Expr::Call(call) => {
                let call = facts.call(call);
                let name = facts.last_name(call.callee).map(|name| facts.text(name)).unwrap_or_default();
                match (name, facts.expr(call.callee), facts.arguments(call)) {
                    ("dumps" | "packb" | "bytes" | "dict", _, [first, ..]) => self.message(file, *first, frame, depth),
                    ("encode" | "copy", Expr::Attribute { value, .. }, _) => self.message(file, value, frame, depth),
                    _ => Ok(None),
                }
            }
            Expr::Name(name) => {
                let node = &facts.exprs[id.0 as usize];
                let scope = facts.region(node.region).function;
                let name = facts.names.hash(name);
                let mut bindings = unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
                let (Some(binding), None) = (bindings.next(), bindings.next()) else { return Ok(None) };
                match binding.source {
                    Source::Value(value) if binding.path.is_whole() && value != id => {
                        self.message(file, value, frame, depth)
                    }
                    Source::Parameter(place) if self.program.linked.ids.function(file, scope) == frame.function => {
                        match &frame.caller {
                            Caller::Open => Err(NeedsCaller),
                            Caller::Any => Ok(None),
                            Caller::Call(call, outer) => {
                                let view = self.program.call(*call);
                                let skipped = skipped(&view, frame.function, self.program);
                                let given =
                                    self.program.linked.arguments(frame.function, skipped, view.facts(), view.call);
                                match given.iter().find(|(own, _)| *own == place) {
                                    Some((_, value)) => self.message(view.file, *value, outer, depth),
                                    None => Ok(None),
                                }
                            }
                        }
                    }
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// The texts that a dict display holds under constant keys.
    pub fn fields(&self, message: &Message) -> Result<Vec<(String, String)>, NeedsCaller> {
        let (file, id, frame) = message;
        let facts = &self.program.linked.file(*file).facts;
        let Expr::Dict(list) = facts.expr(*id) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for pair in facts.list(list).chunks_exact(2) {
            let Some(Expr::Str(key)) = pair[0].get().map(|key| facts.expr(key)) else { continue };
            if !matches!(facts.expr(pair[1]), Expr::Str(_) | Expr::Name(_) | Expr::Attribute { .. } | Expr::FString(_))
            {
                continue;
            }
            let texts = self.read(*file, pair[1], frame)?;
            if let [text] = texts.as_slice() {
                found.extend(text.text().map(|text| (facts.text(key).to_owned(), text)));
            }
        }
        Ok(found)
    }
}
