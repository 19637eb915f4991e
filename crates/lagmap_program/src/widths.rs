//! Item types of arrays: where narrow items are made wide.

use lagmap_facts::{BinaryOp, Expr, ExprId};

use crate::{CallView, FileId, Program, Site, Value};

/// How many methods that keep the item type are followed.
const DEEPEST: u32 = 4;

impl Program {
    /// The item type of the narrow array among an expression's values (`int16`, `uint8`, `float32`), as far as known.
    pub fn narrow_items(&self, file: FileId, id: ExprId) -> Option<&str> {
        self.evaluator(file).values(id).iter().find_map(|value| match value {
            Value::Object { site, .. } => self.narrow_items_of(site, DEEPEST),
            _ => None,
        })
    }

    fn narrow_items_of(&self, site: Site, depth: u32) -> Option<&str> {
        let depth = depth.checked_sub(1)?;
        let made = self.creation(site)?;
        if made.has_tag("narrow-items") {
            return Some("uint8");
        }
        if let Some(given) = self.item_type(&made) {
            return is_narrow(given).then_some(given);
        }
        // A method of an array gives one of the same type.
        made.models().find_map(|(_, receiver)| self.narrow_items_of(receiver?, depth))
    }

    /// What a call says of the type of the items that it makes.
    pub fn item_type<'a>(&self, call: &CallView<'a>) -> Option<&'a str> {
        let facts = call.facts();
        let position = if call.has_tag("converts-items") { Some(0) } else { self.item_type_position(call) };
        let given = call.argument(Some("dtype"), position)?;
        match facts.expr(given) {
            Expr::Str(text) => Some(facts.text(text)),
            Expr::Name(_) | Expr::Attribute { .. } => facts.last_name(given).map(|name| facts.text(name)),
            _ => None,
        }
    }

    /// `frombuffer(data, numpy.int16)`.
    fn item_type_position(&self, call: &CallView<'_>) -> Option<u32> {
        let (model, _) = call.model()?;
        matches!(self.catalogue().name(model), "frombuffer" | "array" | "asarray" | "zeros" | "ones" | "empty")
            .then_some(1)
    }

    /// Divisions of narrow whole numbers by a number: the result has 64-bit items.
    pub fn widening_divisions(&self, function: crate::FunctionId) -> Vec<(ExprId, &str)> {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let divisions = scope.exprs.clone().map(ExprId).filter_map(|id| match facts.expr(id) {
            Expr::Binary { op: BinaryOp::Div, left, right } => {
                let by_number = self.fixed_number(file, right).is_some();
                let items = self.narrow_items(file, left).filter(|items| by_number && items.contains("int"))?;
                Some((id, items))
            }
            _ => None,
        });
        divisions.collect()
    }
}

/// Item types of at most four bytes.
fn is_narrow(item_type: &str) -> bool {
    matches!(
        item_type.trim_end_matches('_'),
        "int8" | "uint8" | "int16" | "uint16" | "float16" | "float32" | "half" | "single" | "short" | "ubyte" | "byte"
    )
}
