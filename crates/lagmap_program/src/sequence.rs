//! Awaits that wait for one thing after the other although none needs what another gives.

use lagmap_facts::{Expr, ExprId, FileFacts, NameHash, OpKind, RegionId, RegionKind, ResultUse};
use lagmap_models::EffectKind;

use crate::{CallView, Effect, FunctionId, Program, Source, Step, matching::iterable};

/// How many assignments are followed from an argument to what it is made of.
const DEEPEST: u32 = 4;

/// A call that a loop awaits anew for each item.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "a view of the whole program")]
pub struct SequentialAwait<'a> {
    /// The awaited call.
    pub call: CallView<'a>,
    /// What it waits for.
    pub effect: Effect,
    /// The way down to that.
    pub steps: Vec<Step>,
}

impl Program {
    /// Awaits in loops of a coroutine that only ask remote services, each for its own item: they could run at the same time.
    /// Left out are loops that stop early, wait on purpose, or use what one round gave in the next.
    pub fn sequential_awaits(&self, function: FunctionId) -> Vec<SequentialAwait<'_>> {
        let (unit, scope) = self.function(function);
        if !scope.is_async {
            return Vec::new();
        }
        let facts = &unit.facts;
        let mut found = Vec::new();
        for looped in scope.regions.clone().map(RegionId) {
            let RegionKind::For { iterable: all, is_async: false } = facts.region(looped).kind else { continue };
            let (file, _) = self.linked.ids.of_function(function);
            if self.is_small(file, all) || self.around(file, looped).retried || self.is_left_early(function, looped) {
                continue;
            }
            let inside = |region: RegionId| facts.enclosing(region).any(|(id, _)| id == looped);
            let awaited: Vec<CallView<'_>> =
                self.calls(function).filter(|call| inside(call.region) && is_awaited(call)).collect();
            let fetches: Vec<Option<(Effect, Vec<Step>)>> = awaited.iter().map(|call| self.fetch(call)).collect();
            // Whatever else is awaited may have to keep its order, or paces the loop.
            let known = awaited.iter().zip(&fetches).all(|(call, fetch)| fetch.is_some() || self.is_of_response(call));
            let innermost = |call: &CallView<'_>| {
                facts
                    .enclosing(call.region)
                    .find(|(_, region)| region.kind.is_loop())
                    .is_some_and(|(id, _)| id == looped)
            };
            let mut first = awaited.iter().zip(fetches).filter_map(|(call, fetch)| Some((*call, fetch?)));
            if let (true, Some((call, (effect, steps)))) = (known, first.next())
                && innermost(&call)
                && self.inputs_are_of_round(&call, looped)
                && depends_on_item(&call, looped)
            {
                found.push(SequentialAwait { call, effect, steps });
            }
        }
        found
    }

    /// Reads the answer that is there.
    fn is_of_response(&self, call: &CallView<'_>) -> bool {
        call.models().any(|(_, receiver)| {
            receiver.and_then(|site| self.creation(site)).is_some_and(|made| made.has_tag("fetches"))
        })
    }

    /// What a call asks of a remote service, if it does nothing else that waits.
    fn fetch(&self, call: &CallView<'_>) -> Option<(Effect, Vec<Step>)> {
        if call.has_tag("fetches") {
            let effect = call.own_effects().next()?;
            return Some((*effect, Vec::new()));
        }
        let effects = self.effects_of_call(call, true);
        let waits = |effect: &Effect| !matches!(effect.kind, EffectKind::Cpu | EffectKind::Lock);
        if effects.iter().any(|(_, effect)| waits(effect) && effect.kind != EffectKind::Network) {
            return None;
        }
        let (target, effect) = effects.into_iter().find(|(_, effect)| effect.kind == EffectKind::Network)?;
        if !self.call(effect.source).has_tag("fetches") || !self.only_fetches(target, 3) {
            return None;
        }
        let mut steps = vec![Step { site: call.expr(), note: format!("calls {}", self.short_name(target)) }];
        steps.extend(self.path_from(&effect, false));
        Some((effect, steps))
    }

    /// Whether a coroutine waits for nothing but answers of remote services, and writes nothing that outlives it.
    fn only_fetches(&self, function: FunctionId, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let writes = facts.ops(scope).iter().any(|op| match op.kind {
            OpKind::Assign { target, .. } | OpKind::Augment { target, .. } => {
                matches!(facts.expr(target), Expr::Attribute { .. } | Expr::Subscript { .. })
            }
            _ => false,
        });
        !writes
            && scope.globals.is_empty()
            && self.calls(function).filter(|call| is_awaited(call)).all(|call| {
                call.has_tag("fetches")
                    || self.is_of_response(&call)
                    || matches!(self.callees(call.site)[..], [target] if self.only_fetches(target, depth))
            })
    }

    /// Whether a loop may stop before its last item.
    fn is_left_early(&self, function: FunctionId, looped: RegionId) -> bool {
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        facts.ops(scope).iter().any(|op| {
            matches!(op.kind, OpKind::Break | OpKind::Return(_))
                && facts.enclosing(op.region).any(|(id, _)| id == looped)
        }) || {
            // `yield` hands each answer over before the next is asked for.
            scope.is_generator
        }
    }

    /// Whether all that a call is given comes from the loop's item or from before the loop.
    fn inputs_are_of_round(&self, call: &CallView<'_>, looped: RegionId) -> bool {
        let facts = call.facts();
        let mut names = Vec::new();
        inputs(facts, call, &mut names);
        names.into_iter().all(|name| self.is_of_round(call, name, looped, DEEPEST))
    }

    fn is_of_round(&self, call: &CallView<'_>, name: NameHash, looped: RegionId, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let facts = call.facts();
        let scope = facts.region(looped).function;
        let inside = |region: RegionId| facts.enclosing(region).any(|(id, _)| id == looped);
        let bindings = call.unit.scopes.named(scope, name).iter().filter(|binding| inside(binding.region));
        let mut outside = call.unit.scopes.named(scope, name).iter().filter(|binding| !inside(binding.region));
        let (_, own) = self.function(call.function);
        let is_counted = facts.ops(own).iter().any(|op| match op.kind {
            OpKind::Augment { target, .. } => {
                inside(op.region) && matches!(facts.expr(target), Expr::Name(own) if facts.names.hash(own) == name)
            }
            _ => false,
        });
        if is_counted {
            return false;
        }
        let mut bindings = bindings.peekable();
        // Bound before the loop and again inside: one round gives to the next.
        if bindings.peek().is_some() && outside.next().is_some() {
            return false;
        }
        bindings.all(|binding| match binding.source {
            Source::Value(value) => {
                let mut names = Vec::new();
                !awaits(facts, value) && collect(facts, value, &mut names) && {
                    names.into_iter().all(|name| self.is_of_round(call, name, looped, depth))
                }
            }
            Source::Iteration(value) => iterable(facts, looped) == Some(value),
            _ => false,
        })
    }
}

/// `await call()`, or `async with call()` of something to be awaited.
fn is_awaited(call: &CallView<'_>) -> bool {
    match call.call.result {
        ResultUse::Awaited | ResultUse::AwaitedDiscarded => true,
        ResultUse::Entered => call.model().is_some_and(|(_, entry)| entry.is_async),
        _ => false,
    }
}

fn depends_on_item(call: &CallView<'_>, looped: RegionId) -> bool {
    let facts = call.facts();
    let mut names = Vec::new();
    inputs(facts, call, &mut names);
    let scope = facts.region(looped).function;
    names.into_iter().any(|name| {
        call.unit
            .scopes
            .named(scope, name)
            .iter()
            .any(|binding| facts.enclosing(binding.region).any(|(id, _)| id == looped))
    })
}

/// The names in a call's arguments and in what it is called on.
fn inputs(facts: &FileFacts, call: &CallView<'_>, names: &mut Vec<NameHash>) {
    collect(facts, call.call.callee, names);
    for part in facts.arguments(call.call).iter().copied().chain(facts.keywords(call.call).iter().map(|own| own.value))
    {
        collect(facts, part, names);
    }
}

/// The names in an expression; `false` if it holds something that is not looked into.
fn collect(facts: &FileFacts, id: ExprId, names: &mut Vec<NameHash>) -> bool {
    match facts.expr(id) {
        Expr::Name(name) => names.push(facts.names.hash(name)),
        Expr::Attribute { value, .. } | Expr::Starred(value) | Expr::Unary(value) | Expr::Not(value) => {
            return collect(facts, value, names);
        }
        Expr::Subscript { value, index } => return collect(facts, value, names) & collect(facts, index, names),
        Expr::Binary { left, right, .. } => return collect(facts, left, names) & collect(facts, right, names),
        Expr::FString(list) | Expr::List(list) | Expr::Tuple(list) | Expr::Dict(list) => {
            return facts.list(list).iter().all(|part| *part == ExprId::NONE || collect(facts, *part, names));
        }
        Expr::Call(call) => {
            let call = facts.call(call);
            let parts = facts.arguments(call).iter().copied().chain(facts.keywords(call).iter().map(|own| own.value));
            return collect(facts, call.callee, names)
                & parts.fold(true, |all, part| collect(facts, part, names) & all);
        }
        Expr::Str(_) | Expr::Int(_) | Expr::Float(_) | Expr::Bool(_) | Expr::None | Expr::Bytes(_) => {}
        _ => return false,
    }
    true
}

fn awaits(facts: &FileFacts, id: ExprId) -> bool {
    matches!(facts.expr(id), Expr::Await(_))
}
