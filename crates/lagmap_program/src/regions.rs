//! What surrounds a piece of code: loops that run for ever, `__main__` guards, work done only the first time.

use lagmap_facts::{CompareOp, Expr, ExprId, FileFacts, FunctionIndex, OpKind, RegionId, RegionKind, ScopeKind};

use rustc_hash::FxHashSet;

use crate::{
    CallView,
    effects::Recurrence,
    paths::lasts,
    scopes::{Scopes, Source},
};

/// What holds for all code in a region, its enclosing regions included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Runs only if the file is the program's script.
    pub main_guard: bool,
    /// Runs in a loop that ends only when the program does.
    pub forever: bool,
    /// Runs in a loop that waits for a message, job or connection each time round.
    pub service: bool,
    /// Which calls of the function get here: not every one, where something that is kept is still missing (lazy
    /// initialisation, a cache miss). What is one of many, by key, or is forgotten again by other code has many first times.
    pub recurrence: Recurrence,
    /// How many loops are around it in this function.
    pub loops: u8,
    /// Runs only if something was raised.
    pub handler: bool,
    /// The innermost loop around it goes round again only if something was raised: it retries.
    pub retried: bool,
}

/// The surroundings of each region of a file. Service loops are added by the call graph, which knows what waits.
pub fn surroundings(facts: &FileFacts, scopes: &Scopes) -> Vec<Surroundings> {
    let mut found: Vec<Surroundings> = Vec::with_capacity(facts.regions.len());
    let retrying = retrying_loops(facts);
    for (index, region) in facts.regions.iter().enumerate() {
        let mut own = match region.parent {
            Some(parent) => found.get(parent.0 as usize).copied().unwrap_or_default(),
            None => Surroundings::default(),
        };
        match region.kind {
            RegionKind::While { test } => {
                own.loops = own.loops.saturating_add(1);
                own.forever |= runs_for_ever(facts, test);
            }
            kind if kind.is_loop() => own.loops = own.loops.saturating_add(1),
            RegionKind::If { test, holds, .. } => {
                own.main_guard |= holds && region.function == FunctionIndex::MODULE && is_main_test(facts, test);
                if let Some(missing) = missing_test(facts, scopes, test, holds) {
                    own.recurrence = own.recurrence.max(missing);
                }
            }
            RegionKind::Except { .. } => own.handler = true,
            _ => {}
        }
        if region.kind.is_loop() {
            own.retried = retrying.contains(&RegionId(index as u32));
        }
        found.push(own);
    }
    found
}

/// Loops whose straight way through the body ends in `break` or `return`.
fn retrying_loops(facts: &FileFacts) -> FxHashSet<RegionId> {
    let leaves = facts.ops.iter().filter(|op| matches!(op.kind, OpKind::Break | OpKind::Return(_)));
    leaves
        .filter_map(|op| {
            let straight = |kind: RegionKind| {
                matches!(kind, RegionKind::With { .. } | RegionKind::Try { .. } | RegionKind::TryElse { .. })
            };
            let (id, region) = facts.enclosing(op.region).find(|(_, region)| !straight(region.kind))?;
            region.kind.is_loop().then_some(id)
        })
        .collect()
}

impl CallView<'_> {
    /// Whether the innermost loop around a call only ends with the service: what it does, it does once per message. `while
    /// self.waiting: self.waiting.pop(0)` uses up what the call is made on.
    pub fn is_once_per_message(&self) -> bool {
        let facts = self.facts();
        let receiver = match facts.expr(self.call.callee) {
            Expr::Attribute { value, .. } => facts.dotted(value),
            _ => None,
        };
        let looped = facts.enclosing(self.region).find(|(_, region)| region.kind.is_loop());
        looped.is_some_and(|(_, region)| match region.kind {
            RegionKind::While { test } => runs_for_ever(facts, test) && facts.dotted(test) != receiver,
            _ => false,
        })
    }

    /// The other calls in the innermost loop around a call that is of a kind.
    pub fn beside_in_loop(&self, is_wanted: impl Fn(RegionKind) -> bool) -> Option<(RegionId, Vec<Self>)> {
        let facts = self.facts();
        let (looped, _) = facts.enclosing(self.region).find(|(_, region)| is_wanted(region.kind))?;
        let is_beside =
            |call: &Self| call.site != self.site && facts.enclosing(call.region).any(|(region, _)| region == looped);
        Some((looped, self.program.calls(self.function).filter(is_beside).collect()))
    }

    /// Whether what a call makes is entered by a `with` and ends with its block.
    pub fn is_entered(&self) -> bool {
        let own = self.call.expr;
        self.facts()
            .regions
            .iter()
            .any(|region| matches!(region.kind, RegionKind::With { context, .. } if context == own))
    }
}

/// `while True`, `while self.running`, `while not stop.is_set()`: nothing in the condition counts or compares.
fn runs_for_ever(facts: &FileFacts, test: ExprId) -> bool {
    match facts.expr(test) {
        Expr::Bool(value) => value,
        Expr::Int(value) => value != 0,
        Expr::Attribute { .. } => true,
        // A plain local name is a list or counter that is used up as often as a flag.
        Expr::Name(name) => {
            let text = facts.text(name);
            ["running", "run", "active", "alive", "RUNNING"].iter().any(|word| text.contains(word))
        }
        Expr::Not(inner) => match facts.expr(inner) {
            Expr::Attribute { .. } => true,
            Expr::Name(name) => {
                ["stop", "shut", "done", "exit", "quit"].iter().any(|word| facts.text(name).contains(word))
            }
            Expr::Call(call) => match facts.expr(facts.call(call).callee) {
                Expr::Attribute { attribute, .. } => {
                    matches!(facts.text(attribute), "is_set" | "isSet" | "wait" | "is_shutdown" | "stopped")
                }
                _ => false,
            },
            _ => false,
        },
        Expr::Call(call) => match facts.expr(facts.call(call).callee) {
            Expr::Attribute { attribute, .. } => matches!(facts.text(attribute), "is_set" | "is_running" | "is_alive"),
            _ => false,
        },
        Expr::Boolean { and: true, values } => facts.list(values).iter().all(|part| runs_for_ever(facts, *part)),
        _ => false,
    }
}

fn is_main_test(facts: &FileFacts, test: ExprId) -> bool {
    let Expr::Compare { op: CompareOp::Equal, left, right } = facts.expr(test) else { return false };
    let is_name = |id| matches!(facts.expr(id), Expr::Name(name) if facts.text(name) == "__name__");
    let is_main = |id| matches!(facts.expr(id), Expr::Str(text) if facts.text(text) == "__main__");
    is_name(left) && is_main(right) || is_main(left) && is_name(right)
}

/// Whether the condition (or its contrary, if not `holds`) says that something kept for later is not there yet: the one value
/// of a variable (the first call) or an entry of a container (each key).
fn missing_test(facts: &FileFacts, scopes: &Scopes, test: ExprId, holds: bool) -> Option<Recurrence> {
    match facts.expr(test) {
        Expr::Compare { op, left, right } => match (op, holds) {
            (CompareOp::Is, true) | (CompareOp::IsNot, false) => {
                let kept = matches!(facts.expr(right), Expr::None).then(|| kept(facts, scopes, left));
                kept.flatten()
            }
            (CompareOp::NotIn, true) | (CompareOp::In, false) if is_kept_container(facts, scopes, test, right) => {
                Some(Recurrence::EachKey)
            }
            // `if STATE != NEW: return`, where the function sets the state.
            (CompareOp::Equal | CompareOp::NotEqual | CompareOp::In | CompareOp::NotIn, _) => {
                is_own_state(facts, left).then_some(Recurrence::EachKey)
            }
            _ => None,
        },
        Expr::Not(inner) => missing_test(facts, scopes, inner, !holds),
        Expr::Boolean { and, values } if and == holds => {
            facts.list(values).iter().find_map(|part| missing_test(facts, scopes, *part, holds))
        }
        // `if kept is not None and not reload: return kept`: mostly there is one.
        Expr::Boolean { and: true, values } => {
            let mut parts = facts.list(values).iter();
            parts.find_map(|part| missing_test(facts, scopes, *part, holds)).map(|_| Recurrence::EachKey)
        }
        // `if not self.model:` needs more evidence than a flag: it is set again in the same function.
        Expr::Attribute { .. } | Expr::Name(_) if !holds => {
            let kept =
                kept(facts, scopes, test).filter(|_| is_assigned(facts, facts.exprs[test.0 as usize].region, test));
            kept.or_else(|| is_looked_up(facts, scopes, test).then_some(Recurrence::EachKey))
        }
        Expr::Call(call) if !holds => {
            let is_test =
                matches!(facts.expr(facts.call(call).callee), Expr::Name(name) if facts.text(name) == "hasattr");
            let missing_file = || asks_for_file(facts, scopes, call, test).then_some(Recurrence::EachKey);
            is_test.then_some(Recurrence::FirstCall).or_else(missing_file)
        }
        _ => None,
    }
}

/// A global variable that the function itself sets.
fn is_own_state(facts: &FileFacts, id: ExprId) -> bool {
    let Expr::Name(name) = facts.expr(id) else { return false };
    let region = facts.exprs[id.0 as usize].region;
    facts.function(facts.region(region).function).globals.contains(&name) && is_assigned(facts, region, id)
}

/// An attribute, a global variable, or a local that was looked up in something kept (`hit = self.cache.get(key)`).
fn kept(facts: &FileFacts, scopes: &Scopes, id: ExprId) -> Option<Recurrence> {
    match facts.expr(id) {
        Expr::Attribute { .. } if is_forgotten(facts, id) => Some(Recurrence::EachKey),
        Expr::Attribute { .. } => Some(Recurrence::FirstCall),
        Expr::Subscript { .. } => Some(Recurrence::EachKey),
        Expr::Name(name) => {
            let function = facts.region(facts.exprs[id.0 as usize].region).function;
            let function = facts.function(function);
            let is_global = function.globals.contains(&name) || function.nonlocals.contains(&name);
            let entry = || is_looked_up(facts, scopes, id).then_some(Recurrence::EachKey);
            let value = if is_forgotten(facts, id) { Recurrence::EachKey } else { Recurrence::FirstCall };
            is_global.then_some(value).or_else(entry)
        }
        Expr::Call(_) => is_lookup(facts, id).then_some(Recurrence::EachKey),
        _ => None,
    }
}

/// Whether another function than a constructor sets an attribute or global variable back to `None`.
fn is_forgotten(facts: &FileFacts, id: ExprId) -> bool {
    let own = facts.region(facts.exprs[id.0 as usize].region).function;
    let Some(text) = facts.dotted(id) else { return false };
    facts.ops.iter().any(|op| {
        let OpKind::Assign { target, value } = op.kind else { return false };
        let function = facts.region(op.region).function;
        matches!(facts.expr(value), Expr::None)
            && function != own
            && facts.function(function).kind == ScopeKind::Function
            && facts.text(facts.function(function).name) != "__init__"
            && facts.dotted(target).is_some_and(|other| other == text)
    })
}

fn is_looked_up(facts: &FileFacts, scopes: &Scopes, id: ExprId) -> bool {
    let Expr::Name(name) = facts.expr(id) else { return false };
    let node = &facts.exprs[id.0 as usize];
    let scope = facts.region(node.region).function;
    scopes
        .reaching(facts, scope, facts.names.hash(name), node.span.start, node.region)
        .any(|binding| matches!(binding.source, Source::Value(value) if is_lookup(facts, value)))
}

/// `self.cache.get(key)`, `_models.get(name)`, `getattr(self, "_x", None)`.
fn is_lookup(facts: &FileFacts, id: ExprId) -> bool {
    let Expr::Call(call) = facts.expr(id) else { return false };
    let call = facts.call(call);
    match facts.expr(call.callee) {
        Expr::Attribute { value, attribute } => {
            let kept = match facts.expr(value) {
                Expr::Attribute { .. } => true,
                Expr::Name(name) => {
                    let text = facts.text(name).to_ascii_lowercase();
                    ["cache", "memo", "registry", "pool", "instances"].iter().any(|word| text.contains(word))
                        || is_filled_here(facts, value)
                }
                _ => false,
            };
            let text = facts.text(attribute);
            (text == "get" || text.contains("cache")) && kept
        }
        Expr::Name(name) => facts.text(name) == "getattr",
        _ => false,
    }
}

/// Whether a call asks if a file, the same each time, is there that its function hands to something else, too: `if not target.exists():
/// copy(source, target)` runs until there is one.
fn asks_for_file(facts: &FileFacts, scopes: &Scopes, call: lagmap_facts::CallId, test: ExprId) -> bool {
    let call = facts.call(call);
    let Expr::Attribute { value, attribute } = facts.expr(call.callee) else { return false };
    if !matches!(facts.text(attribute), "exists" | "is_file" | "is_dir" | "isfile" | "isdir") {
        return false;
    }
    let path = facts.arguments(call).first().copied().unwrap_or(value);
    // A file for each of many keys is made for each anew.
    if !lasts(facts, scopes, path) {
        return false;
    }
    let Some(path) = facts.dotted(path) else { return false };
    let function = facts.function(facts.region(facts.exprs[test.0 as usize].region).function);
    facts.ops(function).iter().any(|op| {
        let OpKind::Call(other) = op.kind else { return false };
        let other = facts.call(other);
        let without_it = facts.enclosing(op.region).any(|(_, region)| match region.kind {
            RegionKind::If { test: asked, holds, .. } if facts.span(asked).contains(facts.span(test)) => {
                match facts.expr(asked) {
                    Expr::Not(inner) if inner == test => holds,
                    _ => asked != test || !holds,
                }
            }
            _ => false,
        });
        without_it && facts.arguments(other).iter().any(|argument| facts.dotted(*argument).as_deref() == Some(&path))
    })
}

/// Whether the function assigns entries to a container.
fn is_filled_here(facts: &FileFacts, container: ExprId) -> bool {
    let function = facts.region(facts.exprs[container.0 as usize].region).function;
    let text = facts.dotted(container);
    text.is_some()
        && facts.ops(facts.function(function)).iter().any(|op| match op.kind {
            OpKind::Assign { target, .. } => {
                matches!(facts.expr(target), Expr::Subscript { value, .. } if facts.dotted(value) == text)
            }
            _ => false,
        })
}

/// A container that outlives the call and that the function fills.
fn is_kept_container(facts: &FileFacts, scopes: &Scopes, test: ExprId, container: ExprId) -> bool {
    let node = &facts.exprs[test.0 as usize];
    let function = facts.region(node.region).function;
    let persists = match facts.expr(container) {
        Expr::Attribute { .. } => true,
        // A local name is one more for what some function gives: `cache = provider_cache()`.
        Expr::Name(name) => scopes.named(function, facts.names.hash(name)).iter().all(|binding| {
            let Source::Value(value) = binding.source else { return false };
            let Expr::Call(call) = facts.expr(value) else { return false };
            let made = facts.dotted(facts.call(call).callee).unwrap_or_default();
            !matches!(
                made.rsplit('.').next(),
                Some("dict" | "set" | "list" | "defaultdict" | "OrderedDict" | "Counter")
            )
        }),
        _ => false,
    };
    let same = |id: ExprId| facts.dotted(id).is_some_and(|text| Some(text) == facts.dotted(container));
    persists
        && facts.ops(facts.function(function)).iter().any(|op| match op.kind {
            OpKind::Assign { target, .. } => {
                matches!(facts.expr(target), Expr::Subscript { value, .. } if same(value))
            }
            OpKind::Call(call) => {
                matches!(facts.expr(facts.call(call).callee), Expr::Attribute { value, .. } if same(value))
            }
            _ => false,
        })
}

fn is_assigned(facts: &FileFacts, region: RegionId, id: ExprId) -> bool {
    let function = facts.function(facts.region(region).function);
    let Some(text) = facts.dotted(id) else { return false };
    function.kind == ScopeKind::Function
        && facts.ops(function).iter().any(|op| match op.kind {
            OpKind::Assign { target, .. } => facts.dotted(target).as_deref() == Some(&text),
            _ => false,
        })
}
