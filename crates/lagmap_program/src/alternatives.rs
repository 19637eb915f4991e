//! Alternatives: of what a place is one, and who waits for it.

use lagmap_facts::{Expr, OpKind, RegionKind, ResultUse};

use crate::{CallView, ClassId, Context, EdgeKind, Effect, FunctionId, Program, Target, Value};

/// How far back what gave an object is followed: `(await session.execute(query)).scalars().all()` is three calls.
const DEEPEST_CHAIN: u32 = 4;

/// With so many conditions on the way, each of which holds for half of the requests (assumed), one request in 16 comes to its end.
const SELDOM: u32 = 4;

/// A method that more classes than this have is one of very many.
const MANY: usize = 12;

/// The way of a request to a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestWay {
    /// The calls on it.
    pub calls: u32,
    /// Those that are made only on some condition, and the last one, if it is.
    pub conditions: u32,
    /// One of them may run one of very many functions.
    pub one_of_many: bool,
}

impl Program {
    /// Whether few of the requests that a context stands for come to a call: the way leads through a call that may run one of very
    /// many functions on something else than `self` (a plug-in or back end among dozens, which a given installation mostly does
    /// not use), or only on conditions most of the way.
    pub fn is_seldom(&self, call: &CallView<'_>, context: Context) -> bool {
        let way = self.way_of_request(call, context);
        way.one_of_many || way.conditions >= SELDOM
    }

    /// The way of a request from where it comes in to a call.
    pub fn way_of_request(&self, call: &CallView<'_>, context: Context) -> RequestWay {
        let mut way = RequestWay::default();
        let is_conditional = |file, region| {
            let facts = &self.linked.file(file).facts;
            facts.enclosing(region).any(|(_, region)| {
                matches!(region.kind, RegionKind::If { implied: false, .. } | RegionKind::Case { .. })
            })
        };
        way.conditions += u32::from(is_conditional(call.file, call.region));
        let (mut at, mut region) = ((call.function, context), Some(call.region));
        // Witnesses lead to earlier and earlier contexts; the bound is for safety.
        for _ in 0..64 {
            let Some((caller, outer, edge)) = self.witness(at.0, region, at.1) else { break };
            let edge = &self.graph.edges[edge as usize];
            if matches!(edge.kind, EdgeKind::Callback(_)) && outer.frequency != at.1.frequency {
                break;
            }
            let (file, _) = self.linked.ids.of_function(caller);
            way.calls += 1;
            way.conditions += u32::from(is_conditional(file, edge.region));
            way.one_of_many |= matches!(edge.to, Target::Dispatch(_))
                && self.graph.targets(edge.to).nth(MANY).is_some()
                && !self.is_on_self(edge);
            if outer.frequency != at.1.frequency {
                break;
            }
            (at, region) = ((caller, outer), Some(edge.region));
        }
        way
    }

    /// Whether a place is reached by a queue of jobs that are worked off in the background (a Celery task): nobody waits for it.
    pub fn is_background_job(&self, function: FunctionId, context: Context) -> bool {
        let (mut at, mut region) = ((function, context), None);
        for _ in 0..64 {
            if self.is_job(at.0) {
                return true;
            }
            let Some((caller, outer, edge)) = self.witness(at.0, region, at.1) else { return false };
            (at, region) = ((caller, outer), Some(self.graph.edges[edge as usize].region));
        }
        false
    }

    fn is_job(&self, function: FunctionId) -> bool {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, facts) = self.function(function);
        let mut evaluator = self.evaluator(file);
        facts.decorators.iter().any(|decorator| {
            let callee = match unit.facts.expr(*decorator) {
                Expr::Call(call) => unit.facts.call(call).callee,
                _ => *decorator,
            };
            let makes = |value| match value {
                Value::External(model) | Value::Bound { method: model, .. } => self.catalogue().makes(model).is_some(),
                _ => false,
            };
            evaluator.values(callee).iter().any(makes)
        })
    }

    /// Whether a call works on what an await has given: all of it has come then.
    pub fn is_fetched(&self, call: &CallView<'_>) -> bool {
        let mut objects: Vec<_> = call.models().filter_map(|(_, receiver)| receiver).collect();
        for _ in 0..DEEPEST_CHAIN {
            let mut next = Vec::new();
            for made in objects.iter().filter_map(|object| self.creation(*object)) {
                if matches!(made.call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded) {
                    return true;
                }
                next.extend(made.models().filter_map(|(_, receiver)| receiver));
            }
            objects = next;
        }
        false
    }

    /// Whether the object that a call makes, if it makes one, can itself have an effect of its constructor: no call on `self` on
    /// the way to it leads to a method that only other classes of the family have.
    pub fn can_have(&self, call: &CallView<'_>, effect: &Effect) -> bool {
        let site = call.expr();
        let edges = self.graph.from(call.function).iter().filter(|edge| edge.site == site);
        let made: Vec<ClassId> = edges
            .filter_map(|edge| match edge.kind {
                EdgeKind::Construct(class) => Some(class),
                _ => None,
            })
            .collect();
        let has_method = |function: FunctionId| {
            let class = self.class_of(function);
            made.iter().any(|made| class.is_some_and(|class| self.linked.classes.lookup_order(*made).contains(&class)))
        };
        let mut at = *effect;
        while let (false, Some(via)) = (made.is_empty(), at.via) {
            let edge = &self.graph.edges[via as usize];
            if !self.is_on_self(edge) {
                return true;
            }
            let Some((target, inner)) = self.next_to(&at, via, true) else { return true };
            if !has_method(target) {
                return false;
            }
            at = inner;
        }
        true
    }

    /// Whether a function is only ever called when a future is done: it was given to `add_done_callback`.
    pub fn runs_when_done(&self, function: FunctionId) -> bool {
        let mut edges = self.incoming(function).peekable();
        edges.peek().is_some()
            && edges.all(|edge| {
                let (file, _) = self.linked.ids.of_site(edge.site);
                let (_, _, span) = self.place(edge.site);
                let facts = &self.linked.file(file).facts;
                let (_, caller) = self.linked.ids.of_function(edge.from);
                let calls = facts.function(caller).calls.clone();
                facts.calls[calls.start as usize..calls.end as usize].iter().any(|call| {
                    facts.span(call.expr).contains(span)
                        && matches!(facts.expr(call.callee), Expr::Attribute { attribute, .. }
                            if facts.text(attribute) == "add_done_callback")
                })
            })
    }

    /// Whether what a call gives is kept for others by something global, from which whoever comes later takes it:
    /// `app.state.model = load(name)`, or by way of a variable.
    pub fn is_put_on_global(&self, call: &CallView<'_>) -> bool {
        let facts = call.facts();
        let (_, own) = self.function(call.function);
        let scope = facts.region(call.region).function;
        let is_application =
            |value| matches!(value, Value::Object { model, .. } if self.catalogue().has_tag(model, "application"));
        let is_global = |name| call.unit.scopes.named(scope, facts.names.hash(name)).is_empty();
        facts.ops(own).iter().any(|op| {
            let OpKind::Assign { target, value } = op.kind else { return false };
            let (mut root, mut is_of_application) = (target, false);
            while let Expr::Attribute { value, .. } = facts.expr(root) {
                root = value;
                // Where a request came in, its application is what lasts: `request.app.state`.
                is_of_application |= call.values(root).iter().any(is_application);
            }
            let given = value == call.call.expr || self.assigned(call.file, value) == Some(call.call.expr);
            given
                && root != target
                && (is_of_application || matches!(facts.expr(root), Expr::Name(name) if is_global(name)))
        })
    }
}
