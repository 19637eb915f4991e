//! Look-ups: one record found by its key in a collection that is gone through from its start.

use lagmap_facts::{CompareOp, Expr, ExprId, OpKind, RegionId, RegionKind};

use crate::{
    Cell, FileId, FunctionId, Givers, Program, Value,
    matching::{compared, equalities, is_path, iterable},
};

/// A loop that looks for the record with a certain key and stops there.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    /// The comparison with the key.
    pub compare: ExprId,
    /// What is gone through.
    pub searched: ExprId,
    /// It is a dict, and the key looked for is the dict's own.
    pub by_own_key: bool,
}

impl Program {
    /// The look-ups of a function in collections that outlive it and grow with data, and in dicts by their own key.
    pub fn linear_lookups(&self, function: FunctionId) -> Vec<Lookup> {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let mut found: Vec<Lookup> = Vec::new();
        for compare in equalities(facts, scope.exprs.clone()) {
            let Some((looped, left, right)) = compared(facts, compare) else { continue };
            let Some(all) = iterable(facts, looped) else { continue };
            let nested = facts.enclosing(looped).skip(1).any(|(_, region)| region.kind.is_loop());
            if nested || !self.stops_at(function, looped, compare) {
                continue;
            }
            let lookup = [(left, right), (right, left)].into_iter().find_map(|(item, key)| {
                let of_item = self.is_of_loop(file, item, looped);
                if !of_item || !is_path(facts, key) || self.is_of_loop(file, key, looped) || self.is_one_key(file, key)
                {
                    return None;
                }
                let by_own_key =
                    self.is_own_key(file, looped, all, item) && self.does_nothing_else(function, looped, compare);
                let searched = collection(self, file, all).unwrap_or(all);
                let plain = matches!(facts.expr(item), Expr::Name(_));
                let wanted = by_own_key || !plain && searched == all && self.is_kept_list(file, searched);
                wanted.then_some(Lookup { compare, searched, by_own_key })
            });
            found.extend(lookup.filter(|lookup| !found.iter().any(|known| known.searched == lookup.searched)));
        }
        found
    }

    /// Whether a loop ends with the item of which the comparison holds: `if ...: return item`, `next(... if ...)`.
    fn stops_at(&self, function: FunctionId, looped: RegionId, compare: ExprId) -> bool {
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let holds = |region: RegionId| {
            let mut inside = facts.enclosing(region).take_while(|(id, _)| *id != looped);
            inside.any(|(_, region)| matches!(region.kind, RegionKind::If { test, holds: true, .. } if test == compare))
        };
        if let RegionKind::For { .. } = facts.region(looped).kind {
            return facts
                .ops(scope)
                .iter()
                .any(|op| matches!(op.kind, OpKind::Return(_) | OpKind::Break) && holds(op.region));
        }
        // Only a generator is left when its first item is there.
        self.calls(function).any(|call| {
            let first = facts.arguments(call.call).first().copied();
            let is_next = matches!(facts.expr(call.call.callee), Expr::Name(name) if facts.text(name) == "next");
            match first.map(|first| facts.expr(first)) {
                Some(Expr::Comprehension { element, .. }) if is_next => {
                    holds(facts.exprs[element.0 as usize].region)
                        || facts.enclosing(facts.exprs[element.0 as usize].region).any(|(id, _)| id == looped)
                            && is_condition_of(facts, looped, compare)
                }
                _ => false,
            }
        })
    }

    /// Whether a loop does nothing for items of which the comparison does not hold.
    fn does_nothing_else(&self, function: FunctionId, looped: RegionId, compare: ExprId) -> bool {
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        facts.ops(scope).iter().filter(|op| !matches!(op.kind, OpKind::Iterate { .. })).all(|op| {
            let inside: Vec<_> = facts.enclosing(op.region).take_while(|(id, _)| *id != looped).collect();
            let in_loop = facts.enclosing(op.region).any(|(id, _)| id == looped);
            !in_loop
                || inside.last().is_some_and(
                    |(_, region)| matches!(region.kind, RegionKind::If { test, holds: true, .. } if test == compare),
                )
        })
    }

    /// A list of records that outlives the function and grows with data.
    fn is_kept_list(&self, file: FileId, list: ExprId) -> bool {
        let facts = &self.linked.file(file).facts;
        let node = &facts.exprs[list.0 as usize];
        let scope = facts.region(node.region).function;
        // What the function itself has fetched or was given is gone when it returns.
        let is_local = matches!(facts.expr(list), Expr::Name(name)
            if !self.linked.file(file).scopes.named(scope, facts.names.hash(name)).is_empty()
                && facts.function(scope).kind != lagmap_facts::ScopeKind::Module);
        let site = self.growing_list(&self.evaluator(file).values(list)).filter(|_| !is_local);
        // A few, each added once, are found as fast as by a dict.
        site.filter(|site| self.has_scale(*site, Givers::Requests)).is_some_and(|site| {
            self.holders(site).iter().any(|cell| match cell {
                Cell::Attribute(..) => true,
                Cell::Variable(scope, _) => self.function(*scope).1.kind == lagmap_facts::ScopeKind::Module,
                _ => false,
            })
        })
    }

    /// `for key, value in table.items()` (or `for key in table`), of a dict that is not small, and the item is the key.
    fn is_own_key(&self, file: FileId, looped: RegionId, all: ExprId, item: ExprId) -> bool {
        let facts = &self.linked.file(file).facts;
        let Expr::Name(item) = facts.expr(item) else { return false };
        let (method, table) = match facts.expr(all) {
            Expr::Call(call) => match facts.expr(facts.call(call).callee) {
                Expr::Attribute { value, attribute } => (facts.text(attribute), value),
                _ => return false,
            },
            _ => ("keys", all),
        };
        let scope = facts.function(facts.region(looped).function);
        let target = facts.ops(scope).iter().find_map(|op| match op.kind {
            OpKind::Iterate { target, iterable } if iterable == all => Some(target),
            _ => None,
        });
        let named = |id: ExprId| matches!(facts.expr(id), Expr::Name(name) if name == item);
        let is_key = match (method, target.map(|target| facts.expr(target))) {
            ("items", Some(Expr::Tuple(parts))) => facts.list(parts).first().is_some_and(|first| named(*first)),
            ("keys", _) => target.is_some_and(named),
            _ => false,
        };
        let dict = self.catalogue().dict();
        let values = self.evaluator(file).values(table);
        is_key && values.iter().any(|value| matches!(value, Value::Object { model, .. } if model == dict))
    }

    /// A member of an enumeration or module, an upper-case name: one certain key.
    fn is_one_key(&self, file: FileId, key: ExprId) -> bool {
        let facts = &self.linked.file(file).facts;
        facts.last_name(key).is_none_or(|name| !facts.text(name).chars().any(char::is_lowercase))
            || self.fixed_text(file, key).is_some()
    }
}

/// Whether a comparison is a condition of a comprehension's clause.
fn is_condition_of(facts: &lagmap_facts::FileFacts, looped: RegionId, compare: ExprId) -> bool {
    facts.exprs[compare.0 as usize].region == looped
        && matches!(facts.expr(compare), Expr::Compare { op: CompareOp::Equal, .. })
}

/// What `.items()`, `.values()` or `.keys()` is called on.
fn collection(program: &Program, file: FileId, all: ExprId) -> Option<ExprId> {
    let facts = &program.linked.file(file).facts;
    let Expr::Call(call) = facts.expr(all) else { return None };
    match facts.expr(facts.call(call).callee) {
        Expr::Attribute { value, attribute } if matches!(facts.text(attribute), "items" | "values" | "keys") => {
            Some(value)
        }
        _ => None,
    }
}
