//! Dispatch: what becomes of a message, by the field that says what is wanted: `{"action": "generate"}`.

use std::collections::BTreeSet;

use lagmap_facts::{CompareOp, Expr, ExprId, FileFacts, NameHash, OpKind};

use crate::{CallView, Cell, ClassId, FileId, FunctionId, Program, Site, Source, Value, Values};

/// A field of a message and what it holds: `("action", "generate")`.
pub type Field = (String, String);

/// Stands for a value that nothing asks a field for.
pub const OTHER: &str = "\u{2026}";

/// How far a name is followed.
const DEEPEST: u32 = 5;

/// The field of a message that an expression reads: `request.get("action")`, `message["type"]`, a parameter of that name, the
/// path of an HTTP request.
pub fn field_of(program: &Program, file: FileId, id: ExprId, depth: u32) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let unit = program.linked.file(file);
    let facts = &unit.facts;
    match facts.expr(id) {
        Expr::Subscript { index, .. } => literal(facts, index),
        Expr::Boolean { and: false, values } => field_of(program, file, *facts.list(values).first()?, depth),
        Expr::Attribute { attribute, .. } => Some(facts.text(attribute))
            .filter(|name| matches!(*name, "path" | "action" | "command" | "type"))
            .map(str::to_owned),
        Expr::Call(call) => {
            let call = facts.call(call);
            let name = facts.last_name(call.callee).map(|name| facts.text(name)).unwrap_or_default();
            match (name, facts.expr(call.callee), facts.arguments(call)) {
                ("get", Expr::Attribute { .. }, [key, ..]) => literal(facts, *key),
                ("lower" | "strip" | "decode" | "upper", Expr::Attribute { value, .. }, []) => {
                    field_of(program, file, value, depth)
                }
                ("str", Expr::Name(_), [value]) => field_of(program, file, *value, depth),
                _ => None,
            }
        }
        Expr::Name(name) => {
            let node = &facts.exprs[id.0 as usize];
            let scope = facts.region(node.region).function;
            let mut bindings = unit.scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region);
            let (Some(binding), None) = (bindings.next(), bindings.next()) else { return None };
            match binding.source {
                Source::Value(value) if binding.path.is_whole() && value != id => field_of(program, file, value, depth),
                Source::Parameter(_) => Some(facts.text(name).to_owned()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn literal(facts: &FileFacts, id: ExprId) -> Option<String> {
    match facts.expr(id) {
        Expr::Str(text) => Some(facts.text(text).to_owned()),
        _ => None,
    }
}

/// The texts that a comparison asks a field for, and whether it holds for them.
fn asked(program: &Program, file: FileId, test: ExprId) -> Option<(String, Vec<String>, bool)> {
    let facts = &program.linked.file(file).facts;
    let Expr::Compare { op, left, right } = facts.expr(test) else { return None };
    let (field, values, holds) = match op {
        CompareOp::Equal | CompareOp::NotEqual => {
            let (field, value) = match (literal(facts, left), literal(facts, right)) {
                (None, Some(value)) => (left, value),
                (Some(value), None) => (right, value),
                _ => return None,
            };
            (field, vec![value], op == CompareOp::Equal)
        }
        CompareOp::In | CompareOp::NotIn => {
            let (Expr::List(list) | Expr::Tuple(list) | Expr::Set(list)) = facts.expr(right) else { return None };
            let values: Option<Vec<String>> = facts.list(list).iter().map(|value| literal(facts, *value)).collect();
            (left, values?, op == CompareOp::In)
        }
        _ => return None,
    };
    Some((field_of(program, file, field, DEEPEST)?, values, holds))
}

/// Whether a condition holds for a message with this field, if the field alone decides it.
pub fn verdict(program: &Program, file: FileId, test: ExprId, field: &Field) -> Option<bool> {
    let facts = &program.linked.file(file).facts;
    match facts.expr(test) {
        Expr::Not(inner) => verdict(program, file, inner, field).map(|holds| !holds),
        Expr::Boolean { and, values } => {
            let mut parts = facts.list(values).iter().map(|part| verdict(program, file, *part, field));
            if parts.clone().any(|part| part == Some(!and)) {
                return Some(!and);
            }
            parts.all(|part| part == Some(and)).then_some(and)
        }
        _ => {
            let (name, values, holds) = asked(program, file, test)?;
            (name == field.0).then(|| values.contains(&field.1) == holds)
        }
    }
}

/// Whether a field of some message may decide a condition.
pub fn asks(program: &Program, file: FileId, test: ExprId) -> bool {
    let facts = &program.linked.file(file).facts;
    match facts.expr(test) {
        Expr::Not(inner) => asks(program, file, inner),
        Expr::Boolean { values, .. } => facts.list(values).iter().any(|part| asks(program, file, *part)),
        _ => asked(program, file, test).is_some(),
    }
}

/// The values that conditions in a function ask fields for.
pub fn compared(program: &Program, function: FunctionId) -> BTreeSet<Field> {
    let mut found = BTreeSet::new();
    let (unit, scope) = program.function(function);
    let (file, _) = program.linked.ids.of_function(function);
    for index in scope.exprs.clone() {
        if matches!(unit.facts.exprs[index as usize].expr, Expr::Compare { .. })
            && let Some((name, values, true)) = asked(program, file, ExprId(index))
        {
            found.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
    }
    found
}

/// A table of handlers that a call picks from: the tables, and the field of the message that picks.
pub fn table(program: &Program, call: &CallView<'_>) -> Option<(Vec<Site>, String, Option<ExprId>)> {
    let facts = call.facts();
    let mut picked = call.call.callee;
    if let Expr::Name(name) = facts.expr(picked) {
        let node = &facts.exprs[picked.0 as usize];
        let scope = facts.region(node.region).function;
        let name = facts.names.hash(name);
        let mut bindings = call.unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
        let (Some(binding), None) = (bindings.next(), bindings.next()) else { return None };
        let Source::Value(value) = binding.source else { return None };
        picked = value;
    }
    let (container, key, default) = match facts.expr(picked) {
        Expr::Subscript { value, index } => (value, index, None),
        Expr::Call(inner) => {
            let inner = facts.call(inner);
            let Expr::Attribute { value, attribute } = facts.expr(inner.callee) else { return None };
            if facts.text(attribute) != "get" {
                return None;
            }
            let arguments = facts.arguments(inner);
            (value, *arguments.first()?, arguments.get(1).copied())
        }
        _ => return None,
    };
    let field = field_of(program, call.file, key, DEEPEST)?;
    let tables: Vec<Site> = call
        .values(container)
        .iter()
        .filter_map(|value| match value {
            Value::Object { site, .. } => Some(site),
            _ => None,
        })
        .collect();
    (!tables.is_empty()).then_some((tables, field, default))
}

/// The functions that tables hold under a key.
pub fn entries(program: &Program, tables: &[Site], key: &str) -> Vec<FunctionId> {
    let mut found = Vec::new();
    for table in tables {
        for value in
            program.solution.cells.get(Cell::Entry(*table, NameHash::of(key))).into_iter().flat_map(Values::iter)
        {
            if let Value::Function(function) | Value::Method { function, .. } = value
                && !found.contains(&function)
            {
                found.push(function);
            }
        }
        // What `update` adds is not kept by key.
        for call in updates(program, *table) {
            let facts = call.facts();
            let Some(Expr::Dict(list)) = facts.arguments(call.call).first().map(|first| facts.expr(*first)) else {
                continue;
            };
            for pair in facts.list(list).chunks_exact(2) {
                if pair[0].get().and_then(|own| literal(facts, own)).as_deref() == Some(key) {
                    found.extend(functions(&call, pair[1]));
                }
            }
        }
    }
    found
}

/// The calls that add another mapping to a table.
fn updates(program: &Program, table: Site) -> impl Iterator<Item = CallView<'_>> {
    program.calls_on(table).filter(|call| {
        matches!(call.facts().expr(call.call.callee), Expr::Attribute { attribute, .. } if call.facts().text(attribute) == "update")
    })
}

/// The functions that an expression may be.
pub fn functions(call: &CallView<'_>, id: ExprId) -> Vec<FunctionId> {
    let function = |value| match value {
        Value::Function(function) | Value::Method { function, .. } => Some(function),
        _ => None,
    };
    call.values(id).iter().filter_map(function).collect()
}

/// The constant keys of tables: of their displays, of what is added to them, and of assignments in the methods of a class.
pub fn keys(program: &Program, tables: &[Site], class: Option<ClassId>) -> BTreeSet<String> {
    let linked = &program.linked;
    let mut found = BTreeSet::new();
    let display = |file: FileId, id: ExprId, found: &mut BTreeSet<String>| {
        let facts = &linked.file(file).facts;
        if let Expr::Dict(list) = facts.expr(id) {
            let keys = facts.list(list).chunks_exact(2).filter_map(|pair| literal(facts, pair[0].get()?));
            found.extend(keys);
        }
    };
    for table in tables {
        let (file, id) = linked.ids.of_site(*table);
        display(file, id, &mut found);
        for call in updates(program, *table) {
            let is_own = class.is_none_or(|class| {
                program.class_of(call.function).is_none_or(|own| linked.classes.lookup_order(class).contains(&own))
            });
            if let (true, Some(first)) = (is_own, call.facts().arguments(call.call).first()) {
                display(call.file, *first, &mut found);
            }
        }
    }
    for class in class.map(|class| linked.classes.lookup_order(class)).unwrap_or_default() {
        let (file, index) = linked.ids.of_class(*class);
        let facts = &linked.file(file).facts;
        for scope in facts.functions.iter().filter(|function| function.class == Some(index)) {
            for op in facts.ops(scope) {
                let OpKind::Assign { target, .. } = op.kind else { continue };
                let Expr::Subscript { value, index } = facts.expr(target) else { continue };
                let Some(key) = literal(facts, index) else { continue };
                let is_table = |value| matches!(value, Value::Object { site, .. } if tables.contains(&site));
                if program.evaluator(file).values(value).iter().any(is_table) {
                    found.insert(key);
                }
            }
        }
    }
    found
}
