//! Sizes: whether a list's length depends on data.

use lagmap_facts::{Expr, ExprId, RegionId, RegionKind};

use crate::{Cell, FileId, Program, Site, Source, Value, Values, matching::iterable};

impl Program {
    /// A list or tuple among these values that is known to grow with data, given as where it is made.
    pub fn growing_list(&self, values: &Values) -> Option<Site> {
        let kinds = [self.catalogue().list(), self.catalogue().tuple()];
        values.iter().find_map(|value| match value {
            Value::Object { model, site } if kinds.contains(&model) && self.is_growing(site) => Some(site),
            _ => None,
        })
    }

    /// Whether a list's length depends on data: it is added to in a loop or per message, or is made from other data.
    pub fn is_growing(&self, site: Site) -> bool {
        let (file, id) = self.linked.ids.of_site(site);
        let facts = &self.linked.file(file).facts;
        let from_data = match facts.expr(id) {
            Expr::Comprehension { element, .. } => {
                self.comprehended(file, id, element).is_none_or(|iterated| !self.is_small(file, iterated))
            }
            // A literal of this many items is a table to look things up in.
            Expr::List(list) | Expr::Tuple(list) => list.len > 8,
            // A copy, or all that there is: `list(items)`, `file.readlines()`.
            Expr::Call(call) => {
                let call = self.call(self.linked.ids.call(file, call));
                let first = facts.arguments(call.call).first();
                let is_method = call.models().any(|(_, receiver)| receiver.is_some());
                call.has_tag("lists") && (is_method || first.is_some_and(|first| !self.is_small(file, *first)))
            }
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

    /// What the first `for` of a comprehension goes through.
    pub(crate) fn comprehended(&self, file: FileId, comprehension: ExprId, element: ExprId) -> Option<ExprId> {
        let facts = &self.linked.file(file).facts;
        let outside = facts.exprs[comprehension.0 as usize].region;
        let inside = facts.enclosing(facts.exprs[element.0 as usize].region).take_while(|(id, _)| *id != outside);
        let first = inside.filter_map(|(_, region)| match region.kind {
            RegionKind::Comprehension { iterable, .. } => Some(iterable),
            _ => None,
        });
        first.last()
    }

    /// A list that is searched again and again: one that grows, in a loop over data that does not make it anew for other
    /// data each time, or in a method that such a loop calls; given as where it is made.
    pub fn searched_again(&self, file: FileId, region: RegionId, list: ExprId, item: ExprId) -> Option<Site> {
        let values = self.evaluator(file).values(list);
        let kinds = [self.catalogue().list(), self.catalogue().tuple()];
        let only_lists =
            values.iter().all(|value| matches!(value, Value::Object { model, .. } if kinds.contains(&model)));
        let site = self.growing_list(&values).filter(|_| only_lists)?;
        let facts = &self.linked.file(file).facts;
        let loops = facts.enclosing(region).filter(|(id, region)| region.kind.is_loop() && !self.is_forever(file, *id));
        // A few rounds, or always the same item, are not worth a set.
        let loops = loops.filter(|(id, _)| {
            self.depends_on(file, item, *id) && iterable(facts, *id).is_none_or(|all| !self.is_small(file, all))
        });
        let mut loops = loops.map(|(id, _)| id).peekable();
        let function = self.linked.ids.function(file, facts.region(region).function);
        let again = if loops.peek().is_some() {
            loops
                .any(|looped| !self.is_bound_anew(file, list, looped, 3) && self.is_same_each_round(file, site, looped))
        } else {
            // Made by the function itself, it is searched once.
            self.place(site).1 != function
                && matches!(facts.expr(list), Expr::Attribute { .. })
                && self.is_called_on_in_loop(function, 2)
        };
        again.then_some(site)
    }

    /// The loop itself waits for messages and runs as long as the program; one inside of such a loop goes over data.
    fn is_forever(&self, file: FileId, looped: RegionId) -> bool {
        let facts = &self.linked.file(file).facts;
        let outside = facts.region(looped).parent.is_some_and(|parent| self.around(file, parent).forever);
        matches!(facts.region(looped).kind, RegionKind::While { .. }) && self.around(file, looped).forever && !outside
    }

    /// Whether an expression means something else in each round of a loop: it names what the loop binds, or is made of it.
    fn is_bound_anew(&self, file: FileId, id: ExprId, looped: RegionId, depth: u32) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let (Expr::Name(name), Some(depth)) = (facts.expr(id), depth.checked_sub(1)) else {
            return self.depends_on(file, id, looped);
        };
        let node = &facts.exprs[id.0 as usize];
        let scope = facts.region(node.region).function;
        let inside = |region: RegionId| facts.enclosing(region).any(|(outer, _)| outer == looped);
        let mut reaching = unit.scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region);
        reaching.any(|binding| {
            inside(binding.region)
                && match binding.source {
                    Source::Value(value) => self.is_bound_anew(file, value, looped, depth),
                    _ => true,
                }
        })
    }

    /// Whether an object is made outside of a loop, or of what the loop does not change.
    fn is_same_each_round(&self, file: FileId, site: Site, looped: RegionId) -> bool {
        let (made_in, id) = self.linked.ids.of_site(site);
        let facts = &self.linked.file(made_in).facts;
        let region = facts.exprs[id.0 as usize].region;
        if made_in != file || !facts.enclosing(region).any(|(outer, _)| outer == looped) {
            return true;
        }
        match facts.expr(id) {
            Expr::Comprehension { element, .. } => {
                self.comprehended(file, id, element).is_some_and(|iterated| !self.depends_on(file, iterated, looped))
            }
            _ => !self.depends_on(file, id, looped),
        }
    }
}
