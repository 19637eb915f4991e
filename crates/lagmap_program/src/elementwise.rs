//! Loops that compute element by element what a library computes for all at once.

use lagmap_facts::{BinaryOp, Expr, ExprId, OpKind, RegionId, RegionKind};

use crate::{FunctionId, Program, matching::iterable};

/// Such a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementLoop {
    /// `sum(a * b for a, b in zip(left, right))`; the call.
    Product(ExprId),
    /// Two nested loops over ranges that index one array by both; the subscript.
    Pixels(ExprId),
}

impl Program {
    /// The loops of a function that go through arrays element by element, once each.
    pub fn element_loops(&self, function: FunctionId) -> Vec<ElementLoop> {
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let mut found = Vec::new();
        for call in self.calls(function) {
            let is_sum = matches!(facts.expr(call.call.callee), Expr::Name(name) if facts.text(name) == "sum");
            if let (true, Some(first)) = (is_sum, facts.arguments(call.call).first())
                && self.is_product_of_pairs(function, *first)
            {
                found.push(ElementLoop::Product(call.call.expr));
            }
        }
        let mut looped: Vec<RegionId> = Vec::new();
        for id in scope.exprs.clone().map(ExprId) {
            let Expr::Subscript { index, .. } = facts.expr(id) else { continue };
            let Expr::Tuple(parts) = facts.expr(index) else { continue };
            let region = facts.exprs[id.0 as usize].region;
            let loops: Vec<RegionId> =
                facts.enclosing(region).filter(|(_, region)| region.kind.is_loop()).map(|(id, _)| id).take(2).collect();
            let &[inner, outer] = loops.as_slice() else { continue };
            let is_index = |looped: RegionId| {
                let counter = self.counter(function, looped);
                counter.is_some_and(|counter| {
                    facts
                        .list(parts)
                        .iter()
                        .any(|part| matches!(facts.expr(*part), Expr::Name(name) if name == counter))
                })
            };
            if is_index(inner) && is_index(outer) && !looped.contains(&inner) {
                looped.push(inner);
                found.push(ElementLoop::Pixels(id));
            }
        }
        found
    }

    /// Whether a function runs in a loop over data of one of its callers.
    pub fn is_called_in_loop(&self, function: FunctionId) -> bool {
        self.incoming(function).any(|edge| {
            let (file, _) = self.linked.ids.of_site(edge.site);
            let facts = &self.linked.file(file).facts;
            self.is_live(edge.from)
                && facts
                    .enclosing(edge.region)
                    .any(|(id, _)| iterable(facts, id).is_some_and(|all| !self.is_small(file, all)))
        })
    }

    /// `a * b for a, b in zip(...)`.
    fn is_product_of_pairs(&self, function: FunctionId, id: ExprId) -> bool {
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let Expr::Comprehension { element, .. } = facts.expr(id) else { return false };
        let Expr::Binary { op: BinaryOp::Mult, left, right } = facts.expr(element) else { return false };
        let (Expr::Name(left), Expr::Name(right)) = (facts.expr(left), facts.expr(right)) else { return false };
        let region = facts.exprs[element.0 as usize].region;
        let Some((looped, _)) = facts.enclosing(region).find(|(_, region)| region.kind.is_loop()) else { return false };
        let pairs = iterable(facts, looped).filter(|all| {
            matches!(facts.expr(*all), Expr::Call(call)
                if matches!(facts.expr(facts.call(call).callee), Expr::Name(name) if facts.text(name) == "zip"))
        });
        let Some(pairs) = pairs else { return false };
        let bound = facts.ops(scope).iter().find_map(|op| match op.kind {
            OpKind::Iterate { target, iterable } if iterable == pairs => Some(target),
            _ => None,
        });
        let Some(Expr::Tuple(parts)) = bound.map(|target| facts.expr(target)) else { return false };
        let named =
            |name| facts.list(parts).iter().any(|part| matches!(facts.expr(*part), Expr::Name(own) if own == name));
        left != right && named(left) && named(right)
    }

    /// The variable of `for i in range(...)`, where the range is not known to be short.
    fn counter(&self, function: FunctionId, looped: RegionId) -> Option<lagmap_facts::Name> {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let RegionKind::For { iterable: all, .. } = facts.region(looped).kind else { return None };
        let Expr::Call(call) = facts.expr(all) else { return None };
        let is_range = matches!(facts.expr(facts.call(call).callee), Expr::Name(name) if facts.text(name) == "range");
        if !is_range || self.is_small(file, all) {
            return None;
        }
        facts.ops(scope).iter().find_map(|op| match op.kind {
            OpKind::Iterate { target, iterable } if iterable == all => match facts.expr(target) {
                Expr::Name(name) => Some(name),
                _ => None,
            },
            _ => None,
        })
    }
}
