//! Answers that stay the same: whether something on the way keeps them, and which tables nothing writes.

use lagmap_facts::{CompareOp, Expr, ExprId, FileFacts, OpKind, RegionKind};

use rayon::prelude::*;

use crate::{CallView, Context, FunctionId, Program};

impl Program {
    /// Whether a function on the way to a call in a context keeps results: by a decorator, by calling something that is named
    /// a cache, or, around the call itself, by asking how old the last result is or by storing it.
    pub fn is_kept_on_the_way(&self, call: &CallView<'_>, context: Context) -> bool {
        let mut on_the_way: Vec<FunctionId> =
            self.path_to(call.function, context).iter().map(|step| self.place(step.site).1).collect();
        on_the_way.push(call.function);
        on_the_way.sort_unstable();
        on_the_way.dedup();
        on_the_way.iter().any(|function| self.graph.kept.contains_key(function) || self.asks_a_cache(*function))
            || is_aged(call)
            || self.stores_results(call.function)
    }

    fn asks_a_cache(&self, function: FunctionId) -> bool {
        let is_cache = |text: &str| text.to_ascii_lowercase().contains("cache");
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        scope.exprs.clone().any(|index| match facts.exprs[index as usize].expr {
            Expr::Attribute { attribute, .. } => is_cache(facts.text(attribute)),
            Expr::Name(name) => is_cache(facts.text(name)),
            _ => false,
        })
    }

    fn stores_results(&self, function: FunctionId) -> bool {
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        !scope.globals.is_empty()
            || facts.ops(scope).iter().any(|op| match op.kind {
                OpKind::Assign { target, .. } => matches!(facts.expr(target), Expr::Attribute { .. }),
                _ => false,
            })
    }

    /// Whether a text anywhere in the program says that rows of a table are written, or is the table's name alone.
    pub fn is_table_written(&self, table: &str) -> bool {
        let table = table.to_ascii_lowercase();
        self.linked.files.par_iter().any(|unit| {
            unit.facts.exprs.iter().any(|node| match node.expr {
                Expr::Str(text) => {
                    let text = unit.facts.text(text);
                    // A class of an object-relational mapper names its table.
                    if text.len() <= table.len() {
                        return text.eq_ignore_ascii_case(&table);
                    }
                    let text = text.to_ascii_lowercase();
                    if !text.contains(&table) {
                        return false;
                    }
                    let words: Vec<&str> = words(&text).collect();
                    words.windows(2).any(|pair| {
                        matches!(pair[0], "into" | "update" | "from" | "table" | "ignore" | "truncate")
                            && pair[1] == table
                            && ["insert", "update", "delete", "replace", "truncate", "drop"]
                                .iter()
                                .any(|verb| words.contains(verb))
                    })
                }
                _ => false,
            })
        })
    }
}

/// Behind a comparison of sizes or times: `if now - self.fetched > AGE`.
fn is_aged(call: &CallView<'_>) -> bool {
    let facts = call.facts();
    facts.enclosing(call.region).any(|(_, region)| match region.kind {
        RegionKind::If { test, .. } => compares_sizes(facts, test),
        _ => false,
    })
}

/// The words of a statement.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '.'))
        .filter(|word| !word.is_empty())
}

fn compares_sizes(facts: &FileFacts, test: ExprId) -> bool {
    match facts.expr(test) {
        Expr::Compare { op, .. } => {
            matches!(op, CompareOp::Less | CompareOp::LessEqual | CompareOp::Greater | CompareOp::GreaterEqual)
        }
        Expr::Boolean { values, .. } => facts.list(values).iter().any(|part| compares_sizes(facts, *part)),
        Expr::Not(inner) => compares_sizes(facts, inner),
        _ => false,
    }
}
