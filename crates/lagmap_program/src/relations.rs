//! Relations of rows: an object-relational mapper asks the database again for each row of which a relation is read.

use lagmap_facts::{CallId, Expr, ExprId, FileFacts, Name, OpKind, RegionId, RegionKind};

use crate::{ClassId, FileId, FunctionId, Program, Site, Source, Value};

/// A relation that each round of a loop over rows loads with a statement of its own.
#[derive(Clone, Debug)]
pub struct RowRelation {
    /// Where the loop reads it, or calls what reads it.
    pub read: ExprId,
    /// The relation: `Check.project`.
    pub name: String,
    /// The function that reads it, and where, if it is not the loop's own.
    pub within: Option<(FunctionId, Site)>,
}

/// The rows of a query.
struct Rows {
    /// The class of each.
    table: ClassId,
    /// Relations that the query loads with them.
    loaded: Vec<String>,
    /// It loads all, or nobody can tell which.
    loads_all: bool,
}

/// How deep queries and reads are followed through names and calls.
const DEEPEST: u32 = 6;
/// Methods of queries that give no rows.
const NO_ROWS: &[&str] = &[
    "values",
    "values_list",
    "dates",
    "datetimes",
    "aggregate",
    "in_bulk",
    "get",
    "create",
    "get_or_create",
    "update_or_create",
    "first",
    "last",
    "latest",
    "earliest",
    "count",
    "exists",
    "update",
    "delete",
    "one",
    "one_or_none",
    "scalar",
    "scalars",
    "tuples",
    "dicts",
    "with_entities",
    "raw",
    "bulk_create",
];
/// Methods by which a query loads relations with its rows.
const LOADS: &[&str] = &["select_related", "prefetch_related", "options", "prefetch"];
/// Attributes of a class of rows that begin a query.
const MANAGERS: &[&str] = &["objects", "_default_manager", "query"];
/// Methods of a relation to many rows that ask the database at once.
const ANSWERS: &[&str] = &["count", "exists", "first", "last", "get"];

impl Program {
    /// The relations that the loops of a function over the rows of a query load row by row.
    pub fn relations_per_row(&self, function: FunctionId) -> Vec<RowRelation> {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let mut found: Vec<RowRelation> = Vec::new();
        for op in facts.ops(scope) {
            let OpKind::Iterate { target, iterable } = op.kind else { continue };
            let Expr::Name(row) = facts.expr(target) else { continue };
            let Some(rows) = self.rows(file, iterable, DEEPEST).filter(|rows| !rows.loads_all) else { continue };
            let in_loop = |id: ExprId| {
                facts.enclosing(facts.exprs[id.0 as usize].region).any(|(_, region)| match region.kind {
                    RegionKind::For { iterable: own, .. } | RegionKind::Comprehension { iterable: own, .. } => {
                        own == iterable
                    }
                    _ => false,
                })
            };
            // A row that is given its relation has it.
            let given: Vec<Name> = facts
                .ops(scope)
                .iter()
                .filter_map(|op| match op.kind {
                    OpKind::Assign { target, .. } => match facts.expr(target) {
                        Expr::Attribute { attribute, .. } => Some(attribute),
                        _ => None,
                    },
                    _ => None,
                })
                .collect();
            for id in scope.exprs.clone().map(ExprId).filter(|id| in_loop(*id)) {
                let relation = match facts.expr(id) {
                    Expr::Attribute { value, attribute }
                        if is_name(facts, value, row) && !given.contains(&attribute) =>
                    {
                        self.read_of_row(file, id, attribute, &rows)
                    }
                    Expr::Call(call) => self.read_by_callee(file, call, row, &rows),
                    _ => None,
                };
                found.extend(relation.filter(|new| found.iter().all(|known| known.name != new.name)));
            }
        }
        found
    }

    /// `row.relation`, or `row.method` that reads one.
    fn read_of_row(&self, file: FileId, id: ExprId, attribute: Name, rows: &Rows) -> Option<RowRelation> {
        let facts = &self.linked.file(file).facts;
        if let Some(name) = self.relation(rows, facts.text(attribute)) {
            let asked = self.is_to_one(rows.table, facts.text(attribute)) || is_asked(facts, id);
            return asked.then_some(RowRelation { read: id, name, within: None });
        }
        let method = self.linked.classes.method(rows.table, facts.names.hash(attribute))?;
        let receiver = self.function(method).1.parameters.first()?.name;
        let (name, site) = self.read_in(method, receiver, rows, DEEPEST)?;
        Some(RowRelation { read: id, name, within: Some((method, site)) })
    }

    /// `function(row)` that reads a relation of the row.
    fn read_by_callee(&self, file: FileId, call: CallId, row: Name, rows: &Rows) -> Option<RowRelation> {
        let facts = &self.linked.file(file).facts;
        let parts = facts.call(call);
        let place = facts.arguments(parts).iter().position(|argument| is_name(facts, *argument, row))?;
        let [target] = self.callees(self.linked.ids.call(file, call))[..] else { return None };
        let receiver = usize::from(self.takes_receiver(target));
        let parameter = self.function(target).1.parameters.get(place + receiver)?.name;
        let (name, site) = self.read_in(target, parameter, rows, DEEPEST)?;
        Some(RowRelation { read: parts.expr, name, within: Some((target, site)) })
    }

    /// A relation of the row that a function holds under a name, which it or a method of the row reads for sure.
    fn read_in(&self, function: FunctionId, row: Name, rows: &Rows, depth: u32) -> Option<(String, Site)> {
        let depth = depth.checked_sub(1)?;
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        if self.memoization(function).is_some() {
            return None;
        }
        scope.exprs.clone().map(ExprId).find_map(|id| {
            let Expr::Attribute { value, attribute } = facts.expr(id) else { return None };
            // What only some rows need is no statement for each.
            let certain = facts.enclosing(facts.exprs[id.0 as usize].region).all(|(_, region)| {
                !matches!(region.kind, RegionKind::If { .. } | RegionKind::Case { .. } | RegionKind::Except { .. })
            });
            if !is_name(facts, value, row) || !certain {
                return None;
            }
            let text = facts.text(attribute);
            if let Some(name) = self.relation(rows, text) {
                let asked = self.is_to_one(rows.table, text) || is_asked(facts, id);
                return asked.then(|| (name, self.linked.ids.site(file, id)));
            }
            let method = self.linked.classes.method(rows.table, facts.names.hash(attribute))?;
            let receiver = self.function(method).1.parameters.first()?.name;
            (method != function).then(|| self.read_in(method, receiver, rows, depth)).flatten()
        })
    }

    /// The name of a relation of these rows that the query does not load with them.
    fn relation(&self, rows: &Rows, attribute: &str) -> Option<String> {
        if rows.loaded.iter().any(|loaded| loaded == attribute) {
            return None;
        }
        self.declaration(rows.table, attribute)?;
        Some(format!("{}.{attribute}", self.class_name(rows.table).rsplit('.').next().unwrap_or_default()))
    }

    fn is_to_one(&self, table: ClassId, attribute: &str) -> bool {
        self.declaration(table, attribute).is_some_and(|(_, to_one)| to_one)
    }

    /// The call that declares a relation in the body of a class or of one of its bases, and whether it leads to one row.
    fn declaration(&self, table: ClassId, attribute: &str) -> Option<(ExprId, bool)> {
        self.linked.classes.lookup_order(table).iter().find_map(|class| {
            let (file, index) = self.linked.ids.of_class(*class);
            let unit = self.linked.file(file);
            let body = unit.facts.class(index).body;
            let value = unit.scopes.only_value(body, lagmap_facts::NameHash::of(attribute))?;
            let Expr::Call(call) = unit.facts.expr(value) else { return None };
            let view = self.call(self.linked.ids.call(file, call));
            // `lazy="joined"` loads it with each row.
            let lazy = unit.facts.argument(view.call, Some("lazy"), None).map(|lazy| unit.facts.expr(lazy));
            let by_row = lazy.is_none_or(|lazy| {
                matches!(lazy, Expr::Bool(true) | Expr::Str(_)
                if !matches!(lazy, Expr::Str(text) if unit.facts.text(text) != "select"))
            });
            let to_one = view.has_tag("relation-to-one");
            (by_row && (to_one || view.has_tag("relation-to-many"))).then_some((value, to_one))
        })
    }

    /// The rows that an expression gives when it is gone through, if they come from a query that is known as a whole.
    fn rows(&self, file: FileId, id: ExprId, depth: u32) -> Option<Rows> {
        let depth = depth.checked_sub(1)?;
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        match facts.expr(id) {
            Expr::Subscript { value, index } if matches!(facts.expr(index), Expr::Slice { .. }) => {
                self.rows(file, value, depth)
            }
            Expr::Name(name) => {
                let region = facts.exprs[id.0 as usize].region;
                let scope = facts.region(region).function;
                let hash = facts.names.hash(name);
                let bindings = unit.scopes.reaching(facts, scope, hash, facts.span(id).start, region);
                let values = bindings.map(|binding| match binding.source {
                    Source::Value(value) if binding.path.is_whole() && value != id => Some(value),
                    _ => None,
                });
                self.common(values.map(|value| Some((file, value?))), depth)
            }
            Expr::Attribute { value, attribute } if MANAGERS.contains(&facts.text(attribute)) => {
                self.only_class(file, value).map(|table| Rows { table, loaded: Vec::new(), loads_all: false })
            }
            Expr::Call(call) => self.rows_of_call(file, call, depth),
            _ => None,
        }
    }

    fn rows_of_call(&self, file: FileId, id: CallId, depth: u32) -> Option<Rows> {
        let facts = &self.linked.file(file).facts;
        let call = facts.call(id);
        let arguments = facts.arguments(call);
        match facts.expr(call.callee) {
            Expr::Name(name) if matches!(facts.text(name), "list" | "tuple" | "sorted" | "reversed") => {
                return self.rows(file, *arguments.first()?, depth);
            }
            Expr::Attribute { value, attribute } => {
                let method = facts.text(attribute);
                if NO_ROWS.contains(&method) {
                    return None;
                }
                // `session.query(Table)`.
                if method == "query"
                    && let [table] = arguments
                    && let Some(table) = self.only_class(file, *table)
                {
                    return Some(Rows { table, loaded: Vec::new(), loads_all: false });
                }
                if let Some(mut rows) = self.rows(file, value, depth) {
                    if LOADS.contains(&method) {
                        rows.loads_all |= arguments.is_empty();
                        for argument in arguments {
                            rows.loads_all |= !loaded(facts, *argument, &mut rows.loaded);
                        }
                    }
                    return Some(rows);
                }
            }
            _ => {}
        }
        let [target] = self.callees(self.linked.ids.call(file, id))[..] else { return None };
        let (unit, scope) = self.function(target);
        let (file, _) = self.linked.ids.of_function(target);
        if scope.is_generator || scope.is_async {
            return None;
        }
        let returned = unit.facts.ops(scope).iter().filter_map(|op| match op.kind {
            OpKind::Return(value) => Some((value != ExprId::NONE).then_some((file, value))),
            _ => None,
        });
        self.common(returned, depth)
    }

    /// The rows that all of some expressions give alike.
    fn common(&self, all: impl Iterator<Item = Option<(FileId, ExprId)>>, depth: u32) -> Option<Rows> {
        let mut common: Option<Rows> = None;
        for one in all {
            let (file, id) = one?;
            let rows = self.rows(file, id, depth)?;
            common = Some(match common {
                None => rows,
                Some(mut known) if known.table == rows.table => {
                    known.loaded.extend(rows.loaded);
                    known.loads_all |= rows.loads_all;
                    known
                }
                Some(_) => return None,
            });
        }
        common
    }

    fn only_class(&self, file: FileId, id: ExprId) -> Option<ClassId> {
        match self.evaluator(file).values(id).as_slice() {
            [Value::Class(class)] => Some(*class),
            _ => None,
        }
    }
}

fn is_name(facts: &FileFacts, id: ExprId, name: Name) -> bool {
    matches!(facts.expr(id), Expr::Name(own) if own == name)
}

/// Whether rows of a relation to many are asked for: `row.tags.all()` that is gone through, `row.tags.count()`. In a condition of
/// another query it is a part of that.
fn is_asked(facts: &FileFacts, relation: ExprId) -> bool {
    let mut current = relation;
    for _ in 0..DEEPEST {
        let method = (0u32..).zip(&facts.exprs).find_map(|(id, node)| match node.expr {
            Expr::Attribute { value, attribute } if value == current => Some((ExprId(id), facts.text(attribute))),
            _ => None,
        });
        let Some((callee, method)) = method else { return false };
        if ANSWERS.contains(&method) {
            return true;
        }
        let call = facts.exprs.iter().find_map(|node| match node.expr {
            Expr::Call(call) if facts.call(call).callee == callee => Some(facts.call(call).expr),
            _ => None,
        });
        let Some(call) = call else { return false };
        if is_gone_through(facts, call) {
            return true;
        }
        current = call;
    }
    false
}

/// Whether something is iterated by a loop or by a builtin function.
fn is_gone_through(facts: &FileFacts, id: ExprId) -> bool {
    facts.regions.iter().any(|region| match region.kind {
        RegionKind::For { iterable, .. } | RegionKind::Comprehension { iterable, .. } => iterable == id,
        _ => false,
    }) || facts.exprs.iter().any(|node| match node.expr {
        Expr::Call(call) => {
            let call = facts.call(call);
            facts.arguments(call).first() == Some(&id)
                && matches!(facts.expr(call.callee), Expr::Name(name) if matches!(facts.text(name), "list" | "tuple" | "set" | "sorted" | "len"))
        }
        _ => false,
    })
}

/// Collects the relations that an argument of `select_related` and the like names; `false` if it may name any.
fn loaded(facts: &FileFacts, argument: ExprId, names: &mut Vec<String>) -> bool {
    match facts.expr(argument) {
        Expr::Str(text) => {
            names.extend(facts.text(text).split("__").next().map(str::to_owned));
            true
        }
        // `joinedload(Query.user)`, `joinedload(Query.user).load_only(...)`, `Prefetch("tags", queryset=...)`.
        Expr::Call(call) => {
            let call = facts.call(call);
            let outer = match facts.expr(call.callee) {
                Expr::Attribute { value, .. } => matches!(facts.expr(value), Expr::Call(_)).then_some(value),
                _ => None,
            };
            match outer {
                Some(outer) => loaded(facts, outer, names),
                None => facts.arguments(call).first().is_some_and(|first| loaded(facts, *first, names)),
            }
        }
        Expr::Attribute { attribute, .. } => {
            names.push(facts.text(attribute).to_owned());
            true
        }
        _ => false,
    }
}

impl RowRelation {
    /// Where the loop reads it.
    pub fn region(&self, facts: &FileFacts) -> RegionId {
        facts.exprs[self.read.0 as usize].region
    }
}
