//! Concatenation: values that grow round by round, each time copied whole.

use lagmap_facts::{BinaryOp, CompareOp, Expr, ExprId, FileFacts, FunctionFacts, Op, OpKind, RegionId, RegionKind};
use lagmap_models::ModelId;
use lagmap_source::Span;

use crate::{Cell, EdgeKind, FileId, FunctionId, Program, Value};

/// What is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Built {
    Text,
    Bytes,
    List,
    Tuple,
    /// A data frame, array or tensor, by a call of this.
    Frame(ModelId),
}

/// A statement that makes a value longer by copying it, in a loop that does not begin it anew.
#[derive(Clone, Copy, Debug)]
pub struct Concat {
    /// What is built.
    pub built: Built,
    /// The statement, or the call in it.
    pub span: Span,
    /// Where it runs.
    pub region: RegionId,
    /// The interpreter extends a text in place while one local name is all that refers to it.
    pub in_place: bool,
}

/// How many bytes a message's head has at most: what is received until so many are there is not long.
const HEAD: i64 = 4096;

impl Program {
    /// The statements of a function that make a value longer round by round by copying it.
    pub fn growing_concats(&self, function: FunctionId) -> Vec<Concat> {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let grows = |op: &Op| {
            let (target, built, span) = self.lengthened(file, facts, op)?;
            let in_place = built == Built::Text && is_extended_in_place(facts, target, op);
            let lasts =
                self.lasts_over_rounds(function, target, built, op) && !self.is_taken_from(function, target, op);
            lasts.then_some(Concat { built, span, region: op.region, in_place })
        };
        facts.ops(scope).iter().filter_map(grows).collect()
    }

    /// The name or attribute that a statement makes longer by copying.
    fn lengthened(&self, file: FileId, facts: &FileFacts, op: &Op) -> Option<(ExprId, Built, Span)> {
        let built = |target: ExprId| {
            let is_place = matches!(facts.expr(target), Expr::Name(_) | Expr::Attribute { .. });
            is_place.then(|| self.built(file, target)).flatten()
        };
        match op.kind {
            // `+=` extends a list in place.
            OpKind::Augment { target, op: BinaryOp::Add, value } => {
                let built = built(target).filter(|built| *built != Built::List && self.fits(file, *built, value))?;
                Some((target, built, op.span))
            }
            OpKind::Assign { target, value } => match facts.expr(value) {
                Expr::Binary { op: BinaryOp::Add, right, .. }
                    if same_place(facts, target, first_operand(facts, value)) =>
                {
                    Some((target, built(target).filter(|built| self.fits(file, *built, right))?, op.span))
                }
                Expr::Call(call) => {
                    let call = self.call(self.linked.ids.call(file, call));
                    let (model, _) =
                        call.models().find(|(model, _)| self.catalogue().has_tag(*model, "frame-concat"))?;
                    let receiver = match facts.expr(call.call.callee) {
                        Expr::Attribute { value, .. } => Some(value),
                        _ => None,
                    };
                    let among = |argument: &ExprId| match facts.expr(*argument) {
                        Expr::List(list) | Expr::Tuple(list) => {
                            facts.list(list).iter().any(|part| same_place(facts, target, *part))
                        }
                        _ => same_place(facts, target, *argument),
                    };
                    let copied = facts.arguments(call.call).iter().chain(&receiver).any(among);
                    copied.then(|| (target, Built::Frame(model), call.span()))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a part can be added to what is built; else what is built is something other than it seems.
    fn fits(&self, file: FileId, built: Built, part: ExprId) -> bool {
        match self.linked.file(file).facts.expr(part) {
            Expr::Int(_) | Expr::Float(_) => false,
            Expr::Str(_) | Expr::FString(_) => built == Built::Text,
            _ if built == Built::Tuple => self.built(file, part) == Some(Built::Tuple),
            _ => self.built(file, part).is_none_or(|part| part == built),
        }
    }

    fn built(&self, file: FileId, target: ExprId) -> Option<Built> {
        let catalogue = self.catalogue();
        let kinds = [
            (catalogue.text(), Built::Text),
            (catalogue.bytes(), Built::Bytes),
            (catalogue.list(), Built::List),
            (catalogue.tuple(), Built::Tuple),
        ];
        let values = self.evaluator(file).values(target);
        let is = |wanted: ModelId| {
            values.iter().all(|value| matches!(value, Value::Object { model, .. } if model == wanted))
        };
        kinds.into_iter().find(|(model, _)| !values.is_empty() && is(*model)).map(|(_, built)| built)
    }

    /// Whether what a statement makes longer was made before the loop around it, here or in a caller.
    fn lasts_over_rounds(&self, function: FunctionId, target: ExprId, built: Built, op: &Op) -> bool {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let looped = facts.enclosing(op.region).find(|(_, region)| region.kind.is_loop());
        if begins_anew(facts, scope, target, op, looped.map(|(id, _)| id)) {
            return false;
        }
        let is_name = matches!(facts.expr(target), Expr::Name(_));
        match looped {
            Some((_, region)) => match region.kind {
                RegionKind::For { iterable, .. } => !self.is_small(file, iterable),
                // A text that a `while` makes longer is mostly filled up to a width.
                RegionKind::While { test } => (built != Built::Text || !is_name) && !is_below_head(facts, test),
                _ => true,
            },
            None => !is_name && self.is_called_on_in_loop(function, 2),
        }
    }

    /// Whether what is made longer is also made shorter again as its parts are taken out: `data = data[end:]`,
    /// `*lines, rest = rest.split()`. Then it is a buffer, which is as long as what is not yet worked on.
    fn is_taken_from(&self, function: FunctionId, target: ExprId, longer: &Op) -> bool {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let looped = facts.enclosing(longer.region).find(|(_, region)| region.kind.is_loop()).map(|(id, _)| id);
        let in_loop = |op: &Op| looped.is_none_or(|looped| facts.enclosing(op.region).any(|(id, _)| id == looped));
        let taken_here = facts.ops(scope).iter().filter(|op| op.span != longer.span && in_loop(op)).any(|op| {
            let OpKind::Assign { target: assigned, value } = op.kind else { return false };
            names(facts, assigned, target) && is_part(facts, scope, value, |owner| same_place(facts, owner, target))
        });
        if taken_here {
            return true;
        }
        let Expr::Attribute { value: owner, attribute } = unit.facts.expr(target) else { return false };
        let name = unit.facts.names.hash(attribute);
        self.evaluator(file).values(owner).iter().any(|owner| {
            let Value::Instance { class, .. } = owner else { return false };
            let writes = self.uses.writes.get(&Cell::Attribute(class, name)).into_iter().flatten();
            writes.filter(|write| write.function != function).any(|write| {
                let (unit, scope) = self.function(write.function);
                let op = unit.facts.ops(scope).iter().find(|op| op.span == write.span);
                let value = op.and_then(|op| match op.kind {
                    OpKind::Assign { value, .. } => Some(value),
                    _ => None,
                });
                let is_place = |owner: ExprId| match unit.facts.expr(owner) {
                    Expr::Attribute { attribute, .. } => unit.facts.names.hash(attribute) == name,
                    _ => false,
                };
                value.is_some_and(|value| is_part(&unit.facts, scope, value, is_place))
            })
        })
    }

    /// Whether a loop, some calls up, calls a method again and again on the same object.
    pub(crate) fn is_called_on_in_loop(&self, function: FunctionId, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        self.incoming(function).filter(|edge| self.is_live(edge.from)).any(|edge| {
            let (file, id) = self.linked.ids.of_site(edge.site);
            let facts = &self.linked.file(file).facts;
            let (EdgeKind::Call { .. }, Expr::Call(call)) = (edge.kind, facts.expr(id)) else { return false };
            let Expr::Attribute { value, .. } = facts.expr(facts.call(call).callee) else { return false };
            let looped = facts.enclosing(edge.region).find(|(_, region)| region.kind.is_loop());
            let on_self = matches!(facts.expr(value), Expr::Name(name) if facts.text(name) == "self");
            looped.map_or_else(
                || on_self && self.is_called_on_in_loop(edge.from, depth),
                |(looped, _)| !self.depends_on(file, value, looped),
            )
        })
    }
}

/// `text += part` and `text = text + part` of a local name; `text = text + a + b` makes a copy first.
fn is_extended_in_place(facts: &FileFacts, target: ExprId, op: &Op) -> bool {
    let is_name = matches!(facts.expr(target), Expr::Name(_));
    is_name
        && match op.kind {
            OpKind::Assign { value, .. } => match facts.expr(value) {
                Expr::Binary { left, .. } => same_place(facts, target, left),
                _ => false,
            },
            _ => true,
        }
}

fn same_place(facts: &FileFacts, a: ExprId, b: ExprId) -> bool {
    facts.dotted(a).is_some_and(|name| facts.dotted(b).as_deref() == Some(&name))
}

/// `a` of `a + b + c`.
fn first_operand(facts: &FileFacts, id: ExprId) -> ExprId {
    match facts.expr(id) {
        Expr::Binary { op: BinaryOp::Add, left, .. } => first_operand(facts, left),
        _ => id,
    }
}

/// Whether each round gives the target another value before it is made longer.
fn begins_anew(
    facts: &FileFacts,
    scope: &FunctionFacts,
    target: ExprId,
    longer: &Op,
    looped: Option<RegionId>,
) -> bool {
    let in_loop = |region: RegionId| looped.is_none_or(|looped| facts.enclosing(region).any(|(id, _)| id == looped));
    let certain = |region: RegionId| facts.enclosing(longer.region).any(|(id, _)| id == region);
    facts.ops(scope).iter().any(|op| {
        let bound = match op.kind {
            OpKind::Assign { target: other, .. }
            | OpKind::Annotate { target: other, .. }
            | OpKind::Iterate { target: other, .. } => match facts.expr(other) {
                Expr::Tuple(list) | Expr::List(list) => {
                    facts.list(list).iter().any(|part| same_place(facts, target, *part))
                }
                _ => same_place(facts, target, other),
            },
            _ => false,
        };
        bound && op.span.start < longer.span.start && in_loop(op.region) && certain(op.region)
    })
}

/// Whether an assignment's target is a place, or has it among its parts.
fn names(facts: &FileFacts, assigned: ExprId, place: ExprId) -> bool {
    match facts.expr(assigned) {
        Expr::Tuple(list) | Expr::List(list) => facts.list(list).iter().any(|part| names(facts, *part, place)),
        Expr::Starred(inner) => names(facts, inner, place),
        _ => same_place(facts, assigned, place),
    }
}

/// Whether a value is made of a part of what a place holds: a slice of it, or what it is split into.
fn is_part(facts: &FileFacts, scope: &FunctionFacts, value: ExprId, is_place: impl Fn(ExprId) -> bool) -> bool {
    let around = facts.exprs[value.0 as usize].span;
    scope.exprs.clone().map(|id| &facts.exprs[id as usize]).any(|node| {
        around.contains(node.span)
            && match node.expr {
                Expr::Subscript { value, index } => matches!(facts.expr(index), Expr::Slice { .. }) && is_place(value),
                Expr::Call(call) => match facts.expr(facts.call(call).callee) {
                    Expr::Attribute { value, attribute } => {
                        let name = facts.text(attribute);
                        (name.contains("split") || name.contains("partition")) && is_place(value)
                    }
                    _ => false,
                },
                _ => false,
            }
    })
}

/// `while len(data) < 8`.
fn is_below_head(facts: &FileFacts, test: ExprId) -> bool {
    let Expr::Compare { op, right, .. } = facts.expr(test) else { return false };
    matches!(op, CompareOp::Less | CompareOp::LessEqual | CompareOp::NotEqual)
        && matches!(facts.expr(right), Expr::Int(bound) if bound <= HEAD)
}
