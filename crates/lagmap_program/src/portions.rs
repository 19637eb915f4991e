//! Portions: of what a call gives, only an item or a slice is used.

use lagmap_facts::{Expr, ExprId};

use crate::{CallView, Program};

impl Program {
    /// Whether what a call gives is bound to a variable of which nothing but items and slices are ever used, or is asked for one
    /// at once: `load(file)["name"]`.
    pub fn is_used_in_part(&self, call: &CallView<'_>) -> bool {
        let (unit, scope) = self.function(call.function);
        let facts = &unit.facts;
        let nodes = || scope.exprs.clone().map(ExprId);
        // `value[...]` and `value.get(...)`.
        let portion = |id: ExprId| match facts.expr(id) {
            Expr::Subscript { value, .. } => Some(value),
            Expr::Attribute { value, attribute } if facts.text(attribute) == "get" => Some(value),
            _ => None,
        };
        let portions: Vec<ExprId> = nodes().filter_map(portion).collect();
        let given = call.call.expr;
        if portions.contains(&given) {
            return true;
        }
        let holders = nodes().filter_map(|id| match facts.expr(id) {
            Expr::Name(name) if self.assigned(call.file, id) == Some(given) => Some((id, name)),
            _ => None,
        });
        let holders: Vec<_> = holders.collect();
        // One of them is what is assigned to.
        let used = holders.iter().filter(|(id, _)| portions.contains(id)).count();
        used > 0 && used + 1 == holders.len()
    }
}
