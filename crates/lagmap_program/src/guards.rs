//! Guards: what the conditions around a piece of code say of a container.

use lagmap_facts::{CompareOp, Expr, ExprId, FileFacts, OpKind, RegionId, RegionKind};

use crate::{CallView, Value};

/// What is known of a container where a piece of code runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// It is shorter than something.
    pub capped: bool,
    /// A key or item is not in it yet.
    pub absent: bool,
    /// A key or item is in it.
    pub present: bool,
}

/// What the conditions around a region say of the container that the code calls `container` (`self.cache`).
pub fn guards(facts: &FileFacts, region: RegionId, container: &str) -> Guards {
    let mut found = Guards::default();
    for (_, region) in facts.enclosing(region) {
        if let RegionKind::If { test, holds, .. } = region.kind {
            condition(facts, test, holds, container, &mut found);
        }
    }
    found
}

fn condition(facts: &FileFacts, test: ExprId, holds: bool, container: &str, found: &mut Guards) {
    use CompareOp::{Greater, GreaterEqual, In, Less, LessEqual, NotIn};
    let is = |id: ExprId| facts.dotted(id).as_deref() == Some(container);
    each_part(facts, test, holds, &mut |part, holds| {
        let Expr::Compare { op, left, right } = facts.expr(part) else { return };
        match (op, holds) {
            (Less | LessEqual, true) | (Greater | GreaterEqual, false) => found.capped |= is_length(facts, left, is),
            (Greater | GreaterEqual, true) | (Less | LessEqual, false) => found.capped |= is_length(facts, right, is),
            (NotIn, true) | (In, false) => found.absent |= is(right),
            (In, true) | (NotIn, false) => found.present |= is(right),
            _ => {}
        }
    });
}

/// The parts of a condition that are known, each with whether it holds: all parts of a true `and` are true, all of a false `or` false.
fn each_part(facts: &FileFacts, test: ExprId, holds: bool, tell: &mut impl FnMut(ExprId, bool)) {
    match facts.expr(test) {
        Expr::Not(inner) => each_part(facts, inner, !holds, tell),
        Expr::Boolean { and, values } if and == holds => {
            for part in facts.list(values) {
                each_part(facts, *part, holds, tell);
            }
        }
        _ => tell(test, holds),
    }
}

/// Whether the conditions around a region have a part that says so.
fn is_told(facts: &FileFacts, region: RegionId, says: impl Fn(ExprId, bool) -> bool) -> bool {
    facts.enclosing(region).any(|(_, region)| {
        let mut told = false;
        if let RegionKind::If { test, holds, .. } = region.kind {
            each_part(facts, test, holds, &mut |part, holds| told |= says(part, holds));
        }
        told
    })
}

/// Whether a part of a condition says that something is `None`, or that it is not.
fn compared_with_none(facts: &FileFacts, part: ExprId, holds: bool) -> Option<(ExprId, bool)> {
    let Expr::Compare { op, left, right } = facts.expr(part) else { return None };
    let is_none = match op {
        CompareOp::Is => holds,
        CompareOp::IsNot => !holds,
        _ => return None,
    };
    matches!(facts.expr(right), Expr::None).then_some((left, is_none))
}

/// Whether a condition says that a name holds nothing, or a thread that has ended: `not self.worker`,
/// `self.worker is None or not self.worker.is_alive()`.
fn says_absent(facts: &FileFacts, test: ExprId, holds: bool, name: &str) -> bool {
    let is = |id: ExprId| facts.dotted(id).as_deref() == Some(name);
    match facts.expr(test) {
        Expr::Not(inner) => says_absent(facts, inner, !holds, name),
        // One part of a true `and` is enough; of a true `or` each must say so.
        Expr::Boolean { and, values } => {
            let mut parts = facts.list(values).iter().map(|part| says_absent(facts, *part, holds, name));
            if and == holds { parts.any(|absent| absent) } else { parts.all(|absent| absent) }
        }
        Expr::Compare { .. } => compared_with_none(facts, test, holds).is_some_and(|(own, is_none)| is_none && is(own)),
        Expr::Call(call) => match facts.expr(facts.call(call).callee) {
            Expr::Attribute { value, attribute } => facts.text(attribute) == "is_alive" && is(value) && !holds,
            _ => false,
        },
        _ => is(test) && !holds,
    }
}

impl CallView<'_> {
    /// Whether the code around a call says that it only runs where no event loop does: behind a question for the running loop, or
    /// where that question has failed.
    pub fn is_beside_loop(&self) -> bool {
        let facts = self.facts();
        let is_loop = |id: ExprId| {
            self.values(id).iter().any(|value| {
                let Value::Object { site, .. } = value else { return false };
                self.program.creation(site).is_some_and(|made| made.has_tag("running-loop"))
            })
        };
        let says_none = |part, holds| match compared_with_none(facts, part, holds) {
            Some((asked, is_none)) => is_none && is_loop(asked),
            None => !holds && is_loop(part),
        };
        let has_failed = facts.enclosing(self.region).any(|(_, region)| {
            let RegionKind::Except { of, .. } = region.kind else { return false };
            self.program.calls(self.function).any(|other| other.region == of && is_loop(other.call.expr))
        });
        has_failed || is_told(facts, self.region, says_none)
    }

    /// Whether what a call makes is kept in an attribute, and made only while nothing is kept there: there is one at a time.
    pub fn is_made_while_absent(&self) -> bool {
        let facts = self.facts();
        let (_, scope) = self.program.function(self.function);
        let (_, made) = self.program.linked.ids.of_site(self.expr());
        let kept = facts.ops(scope).iter().find_map(|op| match op.kind {
            OpKind::Assign { target, value } if value == made => Some(target),
            _ => None,
        });
        let kept = kept.filter(|target| matches!(facts.expr(*target), Expr::Attribute { .. }));
        let Some(name) = kept.and_then(|target| facts.dotted(target)) else { return false };
        facts.enclosing(self.region).any(|(_, region)| match region.kind {
            RegionKind::If { test, holds, .. } => says_absent(facts, test, holds, &name),
            _ => false,
        })
    }

    /// Whether a call only gives a name what it has not got from elsewhere: `if not place: place = self.discover()`.
    pub fn is_made_as_fallback(&self) -> bool {
        let facts = self.facts();
        let (_, scope) = self.program.function(self.function);
        facts.ops(scope).iter().any(|op| {
            let OpKind::Assign { target, value } = op.kind else { return false };
            let Some(name) = facts.dotted(target).filter(|_| facts.span(value).contains(self.span())) else {
                return false;
            };
            facts.enclosing(op.region).any(|(_, region)| match region.kind {
                RegionKind::If { test, holds, implied: false } => says_absent(facts, test, holds, &name),
                _ => false,
            })
        })
    }

    /// Whether a call is made only for a key that some container has not got yet: `if key in self.pending: return`.
    pub fn is_made_for_new_key(&self) -> bool {
        let facts = self.facts();
        is_told(facts, self.region, |part, holds| {
            let Expr::Compare { op, right, .. } = facts.expr(part) else { return false };
            matches!((op, holds), (CompareOp::NotIn, true) | (CompareOp::In, false))
                && matches!(facts.expr(right), Expr::Attribute { .. } | Expr::Name(_))
        })
    }

    /// Whether an object's own state makes the method around a call return before it: `if self.closed: return`, `if key in
    /// self.pending: return`.
    pub fn is_left_out_by_state(&self) -> bool {
        let facts = self.facts();
        let (_, scope) = self.program.function(self.function);
        let Some(own) = scope.parameters.first().map(|own| facts.text(own.name)) else { return false };
        let is_state = |test: ExprId| {
            let mut due = vec![test];
            while let Some(id) = due.pop() {
                match facts.expr(id) {
                    Expr::Attribute { value, .. } => {
                        if matches!(facts.expr(value), Expr::Name(name) if facts.text(name) == own) {
                            return true;
                        }
                    }
                    Expr::Not(inner) => due.push(inner),
                    Expr::Compare { left, right, .. } => due.extend([left, right]),
                    Expr::Boolean { values, .. } => due.extend(facts.list(values)),
                    _ => {}
                }
            }
            false
        };
        scope.class.is_some()
            && facts.ops(scope).iter().any(|op| {
                matches!(op.kind, OpKind::Return(_))
                    && op.span.end <= self.span().start
                    && facts
                        .enclosing(op.region)
                        .any(|(_, region)| matches!(region.kind, RegionKind::If { test, .. } if is_state(test)))
            })
    }

    /// Whether a call is made only when something is done: `if task.done(): return task.result()`.
    pub fn is_made_when_done(&self) -> bool {
        let facts = self.facts();
        facts.enclosing(self.region).any(|(_, region)| match region.kind {
            RegionKind::If { test, holds: true, .. } => match facts.expr(test) {
                Expr::Call(call) => {
                    facts.last_name(facts.call(call).callee).is_some_and(|name| facts.text(name) == "done")
                }
                _ => false,
            },
            _ => false,
        })
    }

    /// Whether a method call takes something out of a list because the list has more than so many items: what keeps it short.
    pub fn is_made_over_length(&self, longest: i64) -> bool {
        let facts = self.facts();
        let Expr::Attribute { value: list, .. } = facts.expr(self.call.callee) else { return false };
        let is_length = |id: ExprId| match facts.expr(id) {
            Expr::Call(call) => {
                let call = facts.call(call);
                facts.dotted(call.callee).as_deref() == Some("len")
                    && facts.arguments(call).iter().any(|argument| facts.is_same(*argument, list))
            }
            _ => false,
        };
        facts.enclosing(self.region).any(|(_, region)| match region.kind {
            RegionKind::If { test, .. } | RegionKind::While { test } => match facts.expr(test) {
                Expr::Compare { left, right, .. } => {
                    let bound = matches!(facts.expr(right), Expr::Int(bound) if bound <= longest);
                    bound && is_length(left)
                }
                _ => false,
            },
            _ => false,
        })
    }

    /// Whether a call in a loop is made only for keys that a container does not have yet, and the loop puts them there: once
    /// for each different key.
    pub fn is_once_per_key(&self) -> bool {
        let facts = self.facts();
        let (_, scope) = self.program.function(self.function);
        let Some((looped, _)) = facts.enclosing(self.region).find(|(_, region)| region.kind.is_loop()) else {
            return false;
        };
        let in_loop = |region: RegionId| facts.enclosing(region).any(|(id, _)| id == looped);
        let filled = facts.ops(scope).iter().filter(|op| in_loop(op.region)).filter_map(|op| match op.kind {
            OpKind::Assign { target, .. } => match facts.expr(target) {
                Expr::Subscript { value, .. } => facts.dotted(value),
                _ => None,
            },
            _ => None,
        });
        let mut filled = filled.collect::<Vec<String>>().into_iter();
        let inside = |name: &str| {
            let mut found = Guards::default();
            for (_, region) in facts.enclosing(self.region).take_while(|(id, _)| *id != looped) {
                if let RegionKind::If { test, holds, .. } = region.kind {
                    condition(facts, test, holds, name, &mut found);
                }
            }
            found.absent
        };
        filled.any(|name| inside(&name))
    }
}

/// `len(container)`.
fn is_length(facts: &FileFacts, id: ExprId, is: impl Fn(ExprId) -> bool) -> bool {
    let Expr::Call(call) = facts.expr(id) else { return false };
    let call = facts.call(call);
    facts.dotted(call.callee).as_deref() == Some("len") && facts.arguments(call).iter().any(|argument| is(*argument))
}
