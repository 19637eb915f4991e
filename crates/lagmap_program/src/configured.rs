//! Classes that a configuration names: `{"class": "logging.FileHandler", "filename": "a.log"}`.

use lagmap_facts::{Expr, ExprId};
use lagmap_models::ModelId;

use crate::{CallView, FileId, FunctionId, Program, Value};

/// How deep dicts are followed.
const DEEPEST: u32 = 6;

/// A class of the catalogue that a dict names, with the dict's other entries.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The class.
    pub model: ModelId,
    /// The file of the dict.
    pub file: FileId,
    /// The scope that it stands in.
    pub function: FunctionId,
    /// The text that names the class.
    pub name: ExprId,
    /// The other entries with a literal key.
    pub entries: Vec<(String, ExprId)>,
}

impl Program {
    /// The classes that the dicts in the first argument of a call name under `class`.
    pub fn configured_by(&self, call: &CallView<'_>) -> Vec<Configured> {
        let mut found = Vec::new();
        for argument in call.facts().arguments(call.call).iter().take(1) {
            self.configured_in(call.file, *argument, DEEPEST, &mut found);
        }
        found
    }

    fn configured_in(&self, file: FileId, id: ExprId, depth: u32, found: &mut Vec<Configured>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let facts = &self.linked.file(file).facts;
        let Expr::Dict(list) = facts.expr(id) else {
            if !matches!(facts.expr(id), Expr::Name(_) | Expr::Attribute { .. } | Expr::Call(_)) {
                return;
            }
            for value in self.evaluator(file).values(id).iter() {
                if let Value::Object { site, .. } = value {
                    let (file, made) = self.linked.ids.of_site(site);
                    if matches!(self.linked.file(file).facts.expr(made), Expr::Dict(_)) {
                        self.configured_in(file, made, depth, found);
                    }
                }
            }
            return;
        };
        let pairs: Vec<(String, ExprId)> = facts
            .list(list)
            .chunks_exact(2)
            .filter_map(|pair| match facts.expr(pair[0].get()?) {
                Expr::Str(text) => Some((facts.text(text).to_owned(), pair[1])),
                _ => None,
            })
            .collect();
        for (key, value) in &pairs {
            match facts.expr(*value) {
                Expr::Str(text) if key == "class" => {
                    if let Some(model) = self.catalogue().find(facts.text(text)) {
                        let function = facts.region(facts.exprs[value.0 as usize].region).function;
                        let function = self.linked.ids.function(file, function);
                        found.push(Configured { model, file, function, name: *value, entries: pairs.clone() });
                    }
                }
                _ => self.configured_in(file, *value, depth, found),
            }
        }
    }
}
