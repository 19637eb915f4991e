//! Sizes: whether a list's length depends on data.

use lagmap_facts::Expr;

use crate::{Cell, Program, Site, Value, Values};

impl Program {
    /// A list among these values that is known to grow with data, given as where it is made.
    pub fn growing_list(&self, values: &Values) -> Option<Site> {
        values.iter().find_map(|value| match value {
            Value::Object { model, site } if model == self.catalogue().list() && self.is_growing(site) => Some(site),
            _ => None,
        })
    }

    /// Whether a list's length depends on data: it is added to in a loop or per message, or is made from other data.
    pub fn is_growing(&self, site: Site) -> bool {
        let (file, id) = self.linked.ids.of_site(site);
        let from_data = match self.linked.file(file).facts.expr(id) {
            Expr::Comprehension { .. } => true,
            // A literal of this many items is a table to look things up in.
            Expr::List(list) => list.len > 8,
            _ => false,
        };
        from_data
            || self.calls_on(site).any(|call| {
                let grows = call.models().any(|(model, receiver)| {
                    receiver == Some(site) && self.catalogue().entry(model).is_some_and(|entry| entry.grows)
                });
                let persists =
                    self.holders(site).iter().any(|cell| matches!(cell, Cell::Attribute(..) | Cell::Variable(..)));
                grows
                    && (call.around().loops > 0
                        || persists && call.contexts().any(|context| context.frequency.is_repeated()))
            })
    }
}
