//! Repetition: costly calls that are made again although nothing they depend on has changed.

use lagmap_facts::{CallId, Expr, ExprId, FileFacts, OpKind, RegionId, RegionKind};
use lagmap_models::EffectKind;
use rustc_hash::FxHashSet;

use crate::{CallSite, CallView, FunctionId, Interval, Program, Recurrence, Value};

/// A call that repeats what was done before.
#[derive(Clone, Debug)]
pub struct Repeated {
    /// The call.
    pub call: CallSite,
    /// The equal call before it; `None` if it repeats itself in a loop.
    pub first: Option<CallSite>,
    /// What one costs.
    pub cost: Interval,
    /// Where the number comes from.
    pub source: String,
}

/// Cheaper calls are not worth a name.
const SHORTEST_MS: f64 = 1.0;
/// Nor are those that are only dear on inputs much larger than usual.
const SHORTEST_LOW_MS: f64 = 0.05;
/// What a pure function with nested loops over its arguments takes.
const NESTED_LOOPS_MS: Interval = Interval::new(0.05, 5.0);
/// How deep purity is followed.
const DEEPEST: u32 = 4;

impl Program {
    /// Calls of a function that repeat a costly, pure call: in a loop that changes none of its inputs, or a second time.
    pub fn repeated_calls(&self, function: FunctionId) -> Vec<Repeated> {
        let candidates: Vec<(CallView<'_>, Interval, String)> = self
            .calls(function)
            .filter_map(|call| {
                let (cost, source) = self.pure_cost(&call)?;
                (cost.high >= SHORTEST_MS && cost.low >= SHORTEST_LOW_MS).then_some((call, cost, source))
            })
            .collect();
        let mut found = Vec::new();
        for (index, (call, cost, source)) in candidates.iter().enumerate() {
            let before = candidates[..index].iter().find(|(first, _, _)| self.repeats(first, call));
            let first = before.map(|(first, _, _)| first.site);
            if first.is_some() || self.is_invariant(call) {
                found.push(Repeated { call: call.site, first, cost: *cost, source: source.clone() });
            }
        }
        found
    }

    /// The time of a call whose result depends on nothing but its arguments.
    fn pure_cost(&self, call: &CallView<'_>) -> Option<(Interval, String)> {
        if let Some((model, entry)) = call.model() {
            // A copy is made to be changed: each round needs its own.
            let copies = matches!(self.catalogue().name(model), "copy" | "deepcopy" | "clone");
            let [low, high] = entry.ms.filter(|_| entry.pure && !copies)?;
            return Some((Interval::new(low, high), entry.source.clone().unwrap_or_default()));
        }
        let [target] = self.callees(call.site)[..] else { return None };
        let found = self.computing_cost(target)?;
        let makes = call.callees().any(|value| matches!(value, Value::Class(_)));
        (!makes && self.memoization(target).is_none() && self.is_pure(target, DEEPEST)).then_some(found)
    }

    /// What a function that only computes takes, if it does so for long.
    fn computing_cost(&self, target: FunctionId) -> Option<(Interval, String)> {
        if let Some(effect) = self
            .effects
            .total(target)
            .iter()
            .find(|effect| effect.kind == EffectKind::Cpu && effect.recurrence == Recurrence::EveryCall)
        {
            let source = self.catalogue().entry(effect.model).and_then(|entry| entry.source.clone());
            return Some((effect.cost, source.unwrap_or_default()));
        }
        let (unit, scope) = self.function(target);
        let (file, _) = self.linked.ids.of_function(target);
        let nested = scope.regions.clone().any(|region| {
            let region = RegionId(region);
            unit.facts.region(region).kind.is_loop() && self.graph.around(file, region).loops >= 2
        });
        nested.then(|| (NESTED_LOOPS_MS, "two nested loops over 30 to 300 items at 50 ns a step".to_owned()))
    }

    /// Whether a function only computes from its arguments: it writes nothing that outlives it, and all it calls is known
    /// to be pure.
    pub fn is_pure(&self, function: FunctionId, depth: u32) -> bool {
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        if depth == 0
            || scope.is_async
            || scope.is_generator
            || !scope.globals.is_empty()
            || !scope.nonlocals.is_empty()
        {
            return false;
        }
        let writes = facts.ops(scope).iter().any(|op| match op.kind {
            OpKind::Assign { target, .. } | OpKind::Augment { target, .. } | OpKind::Delete(target) => {
                match facts.expr(target) {
                    Expr::Name(_) | Expr::Tuple(_) | Expr::List(_) => false,
                    // Writing into what the function made itself changes nothing outside.
                    Expr::Subscript { value, .. } => !is_made_here(facts, scope, value),
                    _ => true,
                }
            }
            _ => false,
        });
        // Reading attributes of `self` makes the result depend on state.
        let reads_state = scope.exprs.clone().any(|index| {
            matches!(facts.exprs[index as usize].expr, Expr::Attribute { value, .. }
                if matches!(facts.expr(value), Expr::Name(name) if matches!(facts.text(name), "self" | "cls")))
        });
        !writes
            && !reads_state
            && self.calls(function).all(|call| {
                let known = call.callees().count() > 0;
                known
                    && call.callees().all(|value| match value {
                        Value::External(model) | Value::Bound { method: model, .. } => {
                            self.catalogue().entry(model).is_some_and(|entry| {
                                let harmless = entry.class || receiver_is_made_here(facts, scope, call.call.callee);
                                entry.pure || (harmless && entry.effect.is_none() && entry.opens.is_none())
                            })
                        }
                        Value::Function(target) | Value::Method { function: target, .. } => {
                            self.is_pure(target, depth - 1)
                        }
                        _ => false,
                    })
            })
    }

    /// A call in a data loop none of whose inputs the loop changes.
    fn is_invariant(&self, call: &CallView<'_>) -> bool {
        let facts = call.facts();
        let looped = facts.enclosing(call.region).find(|(_, region)| region.kind.is_loop());
        let Some((looped, region)) = looped else { return false };
        if matches!(region.kind, RegionKind::While { .. }) || call.around().retried {
            return false;
        }
        let mut names = FxHashSet::default();
        if !inputs(facts, call.id, &mut names) {
            return false;
        }
        // A branch that only some rounds take may run once at most.
        let certain = facts.enclosing(call.region).take_while(|(id, _)| *id != looped);
        let mut certain = certain.map(|(_, region)| region.kind);
        certain.all(|kind| !matches!(kind, RegionKind::If { .. } | RegionKind::Case { .. } | RegionKind::Except { .. }))
            && !self.changes(call, &names, |region| facts.enclosing(region).any(|(id, _)| id == looped), |_| true)
    }

    /// Whether `second` is the same call as `first`, which surely ran before it and whose inputs have not changed since.
    fn repeats(&self, first: &CallView<'_>, second: &CallView<'_>) -> bool {
        let facts = first.facts();
        let mut names = FxHashSet::default();
        let before = facts.enclosing(second.region).any(|(region, _)| region == first.region);
        before
            && first.span().end <= second.span().start
            && same(facts, first.call.expr, second.call.expr, 12)
            && inputs(facts, second.id, &mut names)
            && !self.changes(
                second,
                &names,
                |_| true,
                |offset| (first.span().end..second.span().start).contains(&offset),
            )
    }

    /// Whether the function binds one of the names, or calls a method of one or writes into one, inside a part of it.
    fn changes(
        &self,
        call: &CallView<'_>,
        names: &FxHashSet<String>,
        in_region: impl Fn(RegionId) -> bool,
        at_offset: impl Fn(u32) -> bool,
    ) -> bool {
        let facts = call.facts();
        let (_, scope) = self.function(call.function);
        let touches = |id: ExprId| root(facts, id).is_some_and(|name| names.contains(name));
        facts.ops(scope).iter().filter(|op| in_region(op.region) && at_offset(op.span.start)).any(|op| match op.kind {
            OpKind::Assign { target, .. }
            | OpKind::Augment { target, .. }
            | OpKind::Iterate { target, .. }
            | OpKind::Delete(target)
            | OpKind::Catch { target, .. }
            | OpKind::Capture { target, .. } => match facts.expr(target) {
                Expr::Tuple(list) | Expr::List(list) => facts.list(list).iter().any(|part| touches(*part)),
                _ => touches(target),
            },
            OpKind::Annotate { target, .. } => touches(target),
            OpKind::Enter { target, .. } => target != ExprId::NONE && touches(target),
            // A method may change its object; a pure one does not.
            OpKind::Call(other) if other != call.id => match facts.expr(facts.call(other).callee) {
                Expr::Attribute { value, .. } => {
                    let view = self.call(self.linked.ids.call(call.file, other));
                    let pure = view.model().is_some_and(|(_, entry)| entry.pure);
                    !pure && touches(value)
                }
                _ => false,
            },
            _ => false,
        })
    }
}

/// Whether a method is called on something that the function made itself: filling it changes nothing outside.
fn receiver_is_made_here(facts: &FileFacts, scope: &lagmap_facts::FunctionFacts, callee: ExprId) -> bool {
    matches!(facts.expr(callee), Expr::Attribute { value, .. } if is_made_here(facts, scope, value))
}

/// A local name that is no parameter.
fn is_made_here(facts: &FileFacts, scope: &lagmap_facts::FunctionFacts, id: ExprId) -> bool {
    match facts.expr(id) {
        Expr::Name(name) => scope.parameters.iter().all(|parameter| parameter.name != name),
        Expr::Subscript { value, .. } => is_made_here(facts, scope, value),
        _ => false,
    }
}

/// The leftmost name of `a.b[c].d`.
fn root(facts: &FileFacts, id: ExprId) -> Option<&str> {
    match facts.expr(id) {
        Expr::Name(name) => Some(facts.text(name)),
        Expr::Attribute { value, .. } | Expr::Subscript { value, .. } | Expr::Starred(value) => root(facts, value),
        _ => None,
    }
}

/// Collects the names that a call depends on; `false` if it depends on something else, such as other calls.
fn inputs(facts: &FileFacts, id: CallId, names: &mut FxHashSet<String>) -> bool {
    let call = facts.call(id);
    let keywords = facts.keywords(call).iter().map(|keyword| keyword.value);
    let mut parts = facts.arguments(call).iter().copied().chain(keywords).chain([call.callee]);
    parts.all(|part| input(facts, part, names))
}

fn input(facts: &FileFacts, id: ExprId, names: &mut FxHashSet<String>) -> bool {
    match facts.expr(id) {
        Expr::Name(name) => {
            names.insert(facts.text(name).to_owned());
            true
        }
        Expr::Attribute { value, .. } => input(facts, value, names),
        Expr::Subscript { value, index } => input(facts, value, names) && input(facts, index, names),
        Expr::List(list) | Expr::Tuple(list) => facts.list(list).iter().all(|part| input(facts, *part, names)),
        Expr::Str(_) | Expr::Bytes(_) | Expr::Int(_) | Expr::Float(_) | Expr::Bool(_) | Expr::None => true,
        _ => false,
    }
}

/// Whether two expressions of a file have the same shape and names.
fn same(facts: &FileFacts, a: ExprId, b: ExprId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let all =
        |a: &[ExprId], b: &[ExprId]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(facts, *a, *b, depth));
    match (facts.expr(a), facts.expr(b)) {
        (Expr::Call(a), Expr::Call(b)) => {
            let (a, b) = (facts.call(a), facts.call(b));
            let (left, right) = (facts.keywords(a), facts.keywords(b));
            let keywords = left.len() == right.len()
                && left.iter().zip(right).all(|(a, b)| a.name == b.name && same(facts, a.value, b.value, depth));
            keywords && same(facts, a.callee, b.callee, depth) && all(facts.arguments(a), facts.arguments(b))
        }
        (Expr::Attribute { value: a, attribute: left }, Expr::Attribute { value: b, attribute: right }) => {
            left == right && same(facts, a, b, depth)
        }
        (Expr::Subscript { value: a, index: i }, Expr::Subscript { value: b, index: j }) => {
            same(facts, a, b, depth) && same(facts, i, j, depth)
        }
        (Expr::List(a), Expr::List(b)) | (Expr::Tuple(a), Expr::Tuple(b)) => all(facts.list(a), facts.list(b)),
        (a, b) => {
            let leaf =
                matches!(a, Expr::Name(_) | Expr::Str(_) | Expr::Int(_) | Expr::Float(_) | Expr::Bool(_) | Expr::None);
            leaf && a == b
        }
    }
}
