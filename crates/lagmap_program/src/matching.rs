//! Matching: records of two collections found for each other by comparing all with all.

use lagmap_facts::{CompareOp, Expr, ExprId, FileFacts, NameHash, OpKind, RegionId, RegionKind};

use crate::{CallView, EdgeKind, FileId, FunctionId, Givers, Program, Value, keys::is_literal};

/// Collections of so few items are not worth a dict.
const FEW: u32 = 8;

/// Two nested loops that compare each record of one collection with each of another.
#[derive(Clone, Copy, Debug)]
pub struct Pairing {
    /// The comparison.
    pub compare: ExprId,
    /// What the inner loop looks through.
    pub searched: ExprId,
    /// Both loops go over data that may be long.
    pub is_long: bool,
}

/// A call in a loop that looks through the same collection in each round.
pub struct RepeatedScan<'a> {
    /// The call.
    pub call: CallView<'a>,
    /// How the code calls the collection.
    pub searched: String,
    /// The loop goes over data that may be long, and so does the scan.
    pub is_long: bool,
}

/// A loop of a function that looks for the record with a given key.
struct Scan {
    /// What it looks through.
    searched: ExprId,
    /// The parameter whose value the records are compared with.
    key: usize,
}

impl Program {
    /// The comparisons of a function by which nested loops match records of two collections.
    pub fn pairings(&self, function: FunctionId, givers: Givers) -> Vec<Pairing> {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let mut found: Vec<Pairing> = Vec::new();
        for compare in equalities(facts, scope.exprs.clone()) {
            let Some((inner, left, right)) = compared(facts, compare) else { continue };
            let outer = facts.enclosing(inner).skip(1).find(|(_, region)| region.kind.is_loop());
            let Some((outer, searched)) = outer.and_then(|(outer, _)| Some((outer, iterable(facts, inner)?))) else {
                continue;
            };
            let sides = [(left, right), (right, left)];
            let matches = sides.into_iter().any(|(item, other)| {
                self.is_of_loop(file, item, inner)
                    && self.is_of_loop(file, other, outer)
                    && !self.is_of_loop(file, other, inner)
                    && self.is_search(file, item, other, searched)
            });
            let is_many =
                [Some(searched), iterable(facts, outer)].into_iter().flatten().all(|all| !self.is_small(file, all));
            let known = found.iter().any(|other| other.searched == searched);
            if matches && is_many && !known && !self.depends_on(file, searched, outer) {
                let is_long = self.may_be_long(file, searched, givers)
                    && iterable(facts, outer).is_none_or(|all| self.may_be_long(file, all, givers));
                found.push(Pairing { compare, searched, is_long });
            }
        }
        found
    }

    /// Records are compared by a key; plain items only where both sides are known to be long lists: texts are compared letter
    /// by letter for other reasons.
    fn is_search(&self, file: FileId, item: ExprId, other: ExprId, searched: ExprId) -> bool {
        let facts = &self.linked.file(file).facts;
        let plain = |id| matches!(facts.expr(id), Expr::Name(_));
        !plain(item) || plain(other) && self.growing_list(&self.evaluator(file).values(searched)).is_some()
    }

    /// The name at the root of an expression is bound inside of a loop.
    pub(crate) fn is_of_loop(&self, file: FileId, id: ExprId, looped: RegionId) -> bool {
        let facts = &self.linked.file(file).facts;
        root(facts, id).is_some_and(|name| self.is_bound_in(file, name, looped))
    }

    fn is_bound_in(&self, file: FileId, name: NameHash, looped: RegionId) -> bool {
        let unit = self.linked.file(file);
        let scope = unit.facts.region(looped).function;
        let inside = |region: RegionId| unit.facts.enclosing(region).any(|(id, _)| id == looped);
        unit.scopes.named(scope, name).iter().any(|binding| inside(binding.region))
    }

    /// Whether a collection is another one in each round of a loop.
    pub(crate) fn depends_on(&self, file: FileId, collection: ExprId, looped: RegionId) -> bool {
        let facts = &self.linked.file(file).facts;
        let mut names = Vec::new();
        names_in(facts, collection, &mut names);
        names.into_iter().any(|name| self.is_bound_in(file, name, looped))
    }

    /// A literal of few items, or a name of one; a range of a few numbers; a text.
    pub fn is_small(&self, file: FileId, collection: ExprId) -> bool {
        let facts = &self.linked.file(file).facts;
        let collection = match facts.expr(collection) {
            // `for name, value in TABLE.items()`.
            Expr::Call(call) => match facts.expr(facts.call(call).callee) {
                Expr::Attribute { value, attribute }
                    if matches!(facts.text(attribute), "items" | "values" | "keys") =>
                {
                    value
                }
                Expr::Name(name) if facts.text(name) == "range" => {
                    return facts
                        .arguments(facts.call(call))
                        .iter()
                        .all(|bound| matches!(facts.expr(*bound), Expr::Int(_)));
                }
                Expr::Name(name)
                    if matches!(facts.text(name), "enumerate" | "sorted" | "reversed" | "list" | "zip") =>
                {
                    let first = facts.arguments(facts.call(call)).first();
                    return first.is_some_and(|first| self.is_small(file, *first));
                }
                _ => collection,
            },
            _ => collection,
        };
        self.evaluator(file).values(collection).iter().any(|value| match value {
            Value::Object { model, site } => {
                let (made, id) = self.linked.ids.of_site(site);
                let len = match self.linked.file(made).facts.expr(id) {
                    Expr::List(list) | Expr::Tuple(list) | Expr::Set(list) => Some(list.len),
                    Expr::Dict(list) => Some(list.len / 2),
                    _ => None,
                };
                // An empty literal is filled later.
                model == self.catalogue().text()
                    || len.is_some_and(|len| len > 0 && len <= FEW && !self.is_growing(site))
            }
            // The members of an enumeration.
            Value::Class(_) => true,
            _ => false,
        })
    }

    /// A literal of few items, none of which may hold much itself: `{"query": text, "count": 20}`.
    pub fn is_small_throughout(&self, file: FileId, collection: ExprId) -> bool {
        let facts = &self.linked.file(file).facts;
        let parts = match facts.expr(collection) {
            Expr::List(parts) | Expr::Tuple(parts) | Expr::Set(parts) | Expr::Dict(parts) => facts.list(parts),
            _ => return false,
        };
        let is_text = |part: ExprId| {
            self.is_of_request(file, part, 3)
                || self
                    .evaluator(file)
                    .values(part)
                    .iter()
                    .any(|value| matches!(value, Value::Object { model, .. } if model == self.catalogue().text()))
        };
        self.is_small(file, collection) && parts.iter().all(|part| is_literal(facts, *part) || is_text(*part))
    }

    /// Whether a call stands in a loop over data that is not known to be short.
    pub fn is_in_long_loop(&self, call: &CallView<'_>) -> bool {
        let facts = call.facts();
        facts.enclosing(call.region).any(|(_, region)| match region.kind {
            RegionKind::For { iterable, .. } | RegionKind::Comprehension { iterable, .. } => {
                !self.is_small(call.file, iterable)
            }
            _ => false,
        })
    }

    /// Whether an argument of a call in a loop is the same in each round of the innermost loop over data.
    pub fn is_same_each_time(&self, call: &CallView<'_>, argument: ExprId) -> bool {
        let facts = call.facts();
        let looped = facts.enclosing(call.region).find(|(_, region)| region.kind.is_loop());
        looped.is_some_and(|(looped, _)| {
            iterable(facts, looped).is_some()
                && is_known(facts, argument)
                && !self.depends_on(call.file, argument, looped)
        })
    }

    /// A call of a function that stands in a loop over data.
    pub fn looped_call_of(&self, function: FunctionId) -> Option<CallView<'_>> {
        self.incoming(function).filter(|edge| self.is_live(edge.from)).find_map(|edge| {
            let (file, id) = self.linked.ids.of_site(edge.site);
            let (EdgeKind::Call { .. }, Expr::Call(call)) = (edge.kind, self.linked.file(file).facts.expr(id)) else {
                return None;
            };
            let call = self.call(self.linked.ids.call(file, call));
            (self.is_in_long_loop(&call) && !call.around().retried).then_some(call)
        })
    }

    /// Calls in loops of a function that look through the same collection in each round for another record.
    pub fn repeated_scans(&self, function: FunctionId, givers: Givers) -> Vec<RepeatedScan<'_>> {
        let (file, _) = self.linked.ids.of_function(function);
        let mut found: Vec<RepeatedScan<'_>> = Vec::new();
        for edge in self.graph.from(function) {
            // Imports stand at no expression.
            let EdgeKind::Call { .. } = edge.kind else { continue };
            let (_, id) = self.linked.ids.of_site(edge.site);
            let facts = &self.linked.file(file).facts;
            // A loop over data: one that waits for messages does its work for one at a time.
            let looped = facts.enclosing(edge.region).find(|(_, region)| region.kind.is_loop());
            let all = looped.and_then(|(looped, _)| Some((looped, iterable(facts, looped)?)));
            let (Some((looped, all)), Expr::Call(call)) = (all, facts.expr(id)) else { continue };
            let call = self.call(self.linked.ids.call(file, call));
            if found.iter().any(|known| known.call.site == call.site) {
                continue;
            }
            let scanned =
                self.targets(edge.to).iter().find_map(|target| self.scanned_by(&call, *target, looped, givers));
            if let Some((searched, is_long)) = scanned {
                found.push(RepeatedScan { call, searched, is_long: is_long && self.may_be_long(file, all, givers) });
            }
        }
        found
    }

    /// What a call in a loop looks through, if it is the same in each round and the key is not, and whether it may be long.
    fn scanned_by(
        &self,
        call: &CallView<'_>,
        target: FunctionId,
        looped: RegionId,
        givers: Givers,
    ) -> Option<(String, bool)> {
        let (unit, scope) = self.function(target);
        let facts = &unit.facts;
        let (file, _) = self.linked.ids.of_function(target);
        let receiver = usize::from(self.takes_receiver(target));
        let argument = |index: usize| {
            let name = facts.text(scope.parameters[index].name);
            call.argument(Some(name), Some(u32::try_from(index.checked_sub(receiver)?).ok()?))
        };
        self.scans(target).into_iter().find_map(|scan| {
            let key = argument(scan.key)?;
            if !self.is_of_loop(call.file, key, looped) || self.is_small(file, scan.searched) {
                return None;
            }
            let owner = root(facts, scan.searched)?;
            let index = scope.parameters.iter().position(|parameter| facts.names.hash(parameter.name) == owner)?;
            let searched = if index < receiver {
                // A collection of the object whose method it is.
                match call.facts().expr(call.call.callee) {
                    Expr::Attribute { value, .. } => value,
                    _ => return None,
                }
            } else {
                argument(index)?
            };
            let same = !self.depends_on(call.file, searched, looped) && !self.is_small(call.file, searched);
            let is_long = || {
                self.may_be_long(file, scan.searched, givers)
                    || index >= receiver && self.may_be_long(call.file, searched, givers)
            };
            let name = || facts.dotted(scan.searched).unwrap_or_else(|| "the collection".to_owned());
            same.then(|| (name(), is_long()))
        })
    }

    /// The loops of a function that look through a parameter, or something of it, for the record with a key that is another.
    fn scans(&self, function: FunctionId) -> Vec<Scan> {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let parameter =
            |name: NameHash| scope.parameters.iter().position(|parameter| facts.names.hash(parameter.name) == name);
        let mut found = Vec::new();
        for compare in equalities(facts, scope.exprs.clone()) {
            let Some((inner, left, right)) = compared(facts, compare) else { continue };
            let Some(searched) = iterable(facts, inner) else { continue };
            if facts.enclosing(inner).skip(1).any(|(_, region)| region.kind.is_loop())
                || root(facts, searched).and_then(parameter).is_none()
                || !is_path(facts, searched)
            {
                continue;
            }
            for (item, other) in [(left, right), (right, left)] {
                let key = root(facts, other).and_then(parameter);
                if let Some(key) = key.filter(|_| {
                    self.is_of_loop(file, item, inner)
                        && !matches!(facts.expr(item), Expr::Name(_))
                        && is_path(facts, other)
                }) {
                    found.push(Scan { searched, key });
                }
            }
        }
        found
    }

    /// Whether a call in a loop is the last thing that the loop does: behind it the loop is left.
    pub fn is_done_once(&self, call: &CallView<'_>) -> bool {
        let facts = call.facts();
        let (_, scope) = self.function(call.function);
        let in_loop = facts.enclosing(call.region).take_while(|(_, region)| !region.kind.is_loop()).map(|(id, _)| id);
        let around: Vec<RegionId> = in_loop.collect();
        facts.ops(scope).iter().any(|op| {
            let leaves = matches!(op.kind, OpKind::Break | OpKind::Return(_) | OpKind::Raise(_));
            // `return` holds the call itself or comes behind it.
            leaves && around.contains(&op.region) && op.span.end >= call.span().end
        })
    }

    /// Whether an argument of a call is another one in each round of the innermost loop around it.
    pub fn varies_by_round(&self, call: &CallView<'_>, argument: ExprId) -> bool {
        let looped = call.facts().enclosing(call.region).find(|(_, region)| region.kind.is_loop());
        looped.is_some_and(|(looped, _)| self.depends_on(call.file, argument, looped))
    }

    /// Whether the list of a method call is another one in each round of the innermost loop around it.
    pub fn is_other_each_round(&self, call: &CallView<'_>) -> bool {
        let facts = call.facts();
        let Expr::Attribute { value, .. } = facts.expr(call.call.callee) else { return false };
        let looped = facts.enclosing(call.region).find(|(_, region)| region.kind.is_loop());
        looped.is_some_and(|(looped, _)| self.depends_on(call.file, value, looped))
    }
}

/// Made of names, attributes, items and literals alone.
fn is_known(facts: &FileFacts, id: ExprId) -> bool {
    match facts.expr(id) {
        Expr::Name(_) | Expr::Str(_) | Expr::Int(_) => true,
        Expr::Attribute { value, .. } => is_known(facts, value),
        Expr::Subscript { value, index } => is_known(facts, value) && is_known(facts, index),
        Expr::Binary { left, right, .. } => is_known(facts, left) && is_known(facts, right),
        _ => false,
    }
}

/// A name, or an attribute or item of one.
pub(crate) fn is_path(facts: &FileFacts, id: ExprId) -> bool {
    match facts.expr(id) {
        Expr::Name(_) => true,
        Expr::Attribute { value, .. } | Expr::Subscript { value, .. } => is_path(facts, value),
        _ => false,
    }
}

pub(crate) fn equalities(facts: &FileFacts, exprs: std::ops::Range<u32>) -> impl Iterator<Item = ExprId> + '_ {
    exprs.map(ExprId).filter(|id| matches!(facts.expr(*id), Expr::Compare { op: CompareOp::Equal, .. }))
}

/// The innermost loop over data around a comparison, and its sides.
pub(crate) fn compared(facts: &FileFacts, compare: ExprId) -> Option<(RegionId, ExprId, ExprId)> {
    let Expr::Compare { left, right, .. } = facts.expr(compare) else { return None };
    let region = facts.exprs[compare.0 as usize].region;
    let (inner, _) = facts.enclosing(region).find(|(_, region)| region.kind.is_loop())?;
    Some((inner, left, right))
}

/// What a loop goes through.
pub(crate) fn iterable(facts: &FileFacts, looped: RegionId) -> Option<ExprId> {
    match facts.region(looped).kind {
        RegionKind::For { iterable, .. } | RegionKind::Comprehension { iterable, .. } => Some(iterable),
        _ => None,
    }
}

/// The name that a value is taken from: `a` of `a.b["c"]`, `a.get("c")`, `str(a.b)`.
pub(crate) fn root(facts: &FileFacts, id: ExprId) -> Option<NameHash> {
    match facts.expr(id) {
        Expr::Name(name) => Some(facts.names.hash(name)),
        Expr::Attribute { value, .. } | Expr::Subscript { value, .. } => root(facts, value),
        Expr::Call(call) => {
            let call = facts.call(call);
            match facts.expr(call.callee) {
                Expr::Attribute { value, .. } => root(facts, value),
                _ => facts.arguments(call).first().and_then(|first| root(facts, *first)),
            }
        }
        _ => None,
    }
}

/// The names in what a loop goes through; what a slice leaves out does not make it another collection.
fn names_in(facts: &FileFacts, id: ExprId, names: &mut Vec<NameHash>) {
    match facts.expr(id) {
        Expr::Name(name) => names.push(facts.names.hash(name)),
        Expr::Attribute { value, .. } => names_in(facts, value, names),
        Expr::Subscript { value, index } => {
            names_in(facts, value, names);
            if !matches!(facts.expr(index), Expr::Slice { .. }) {
                names_in(facts, index, names);
            }
        }
        Expr::Call(call) => {
            let call = facts.call(call);
            names_in(facts, call.callee, names);
            for part in facts.arguments(call).iter().copied().chain(facts.keywords(call).iter().map(|own| own.value)) {
                names_in(facts, part, names);
            }
        }
        Expr::Binary { left, right, .. } => {
            names_in(facts, left, names);
            names_in(facts, right, names);
        }
        Expr::List(list) | Expr::Tuple(list) | Expr::FString(list) | Expr::Boolean { values: list, .. } => {
            for part in facts.list(list) {
                names_in(facts, *part, names);
            }
        }
        _ => {}
    }
}
