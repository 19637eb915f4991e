//! Guards: what the conditions around a piece of code say of a container.

use lagmap_facts::{CompareOp, Expr, ExprId, FileFacts, OpKind, RegionId, RegionKind};

use crate::CallView;

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
    match facts.expr(test) {
        Expr::Not(inner) => condition(facts, inner, !holds, container, found),
        // All parts of a true `and` are true, all of a false `or` false.
        Expr::Boolean { and, values } if and == holds => {
            for part in facts.list(values) {
                condition(facts, *part, holds, container, found);
            }
        }
        Expr::Compare { op, left, right } => {
            use CompareOp::{Greater, GreaterEqual, In, Less, LessEqual, NotIn};
            let is = |id: ExprId| facts.dotted(id).as_deref() == Some(container);
            match (op, holds) {
                (Less | LessEqual, true) | (Greater | GreaterEqual, false) => {
                    found.capped |= is_length(facts, left, is);
                }
                (Greater | GreaterEqual, true) | (Less | LessEqual, false) => {
                    found.capped |= is_length(facts, right, is);
                }
                (NotIn, true) | (In, false) => found.absent |= is(right),
                (In, true) | (NotIn, false) => found.present |= is(right),
                _ => {}
            }
        }
        _ => {}
    }
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
        Expr::Compare { op, left, right } => {
            let none = matches!(facts.expr(right), Expr::None) && is(left);
            none && matches!((op, holds), (CompareOp::Is, true) | (CompareOp::IsNot, false))
        }
        Expr::Call(call) => match facts.expr(facts.call(call).callee) {
            Expr::Attribute { value, attribute } => facts.text(attribute) == "is_alive" && is(value) && !holds,
            _ => false,
        },
        _ => is(test) && !holds,
    }
}

/// Whether a condition says that a key is not in a container that somebody keeps.
fn says_new_key(facts: &FileFacts, test: ExprId, holds: bool) -> bool {
    match facts.expr(test) {
        Expr::Not(inner) => says_new_key(facts, inner, !holds),
        Expr::Boolean { and, values } if and == holds => {
            facts.list(values).iter().any(|part| says_new_key(facts, *part, holds))
        }
        Expr::Compare { op, right, .. } => {
            matches!((op, holds), (CompareOp::NotIn, true) | (CompareOp::In, false))
                && matches!(facts.expr(right), Expr::Attribute { .. } | Expr::Name(_))
        }
        _ => false,
    }
}

/// Whether a condition says that no event loop runs in this thread: `get_running_loop() is None`.
fn says_no_loop(facts: &FileFacts, test: ExprId, holds: bool) -> bool {
    match facts.expr(test) {
        Expr::Not(inner) => says_no_loop(facts, inner, !holds),
        Expr::Boolean { and, values } if and == holds => {
            facts.list(values).iter().any(|part| says_no_loop(facts, *part, holds))
        }
        Expr::Compare { op, left, right } => {
            let none = matches!(facts.expr(right), Expr::None) && is_running_loop(facts, left);
            none && matches!((op, holds), (CompareOp::Is, true) | (CompareOp::IsNot, false))
        }
        _ => !holds && is_running_loop(facts, test),
    }
}

/// `get_running_loop()`, also one of the project's own, or a variable that has been given it.
fn is_running_loop(facts: &FileFacts, id: ExprId) -> bool {
    match facts.expr(id) {
        Expr::Call(call) => {
            facts.last_name(facts.call(call).callee).is_some_and(|name| facts.text(name).ends_with("running_loop"))
        }
        Expr::Name(name) => {
            let scope = facts.region(facts.exprs[id.0 as usize].region).function;
            facts.ops(facts.function(scope)).iter().any(|op| {
                matches!(op.kind, OpKind::Assign { target, value }
                    if matches!(facts.expr(target), Expr::Name(own) if own == name)
                        && matches!(facts.expr(value), Expr::Call(_))
                        && is_running_loop(facts, value))
            })
        }
        _ => false,
    }
}

impl CallView<'_> {
    /// Whether the code around a call says that it only runs where no event loop does: behind a question for the running loop, or
    /// where that question has failed.
    pub fn is_beside_loop(&self) -> bool {
        let facts = self.facts();
        let asks_in = |body: RegionId| {
            self.program
                .calls(self.function)
                .any(|other| other.region == body && is_running_loop(facts, other.call.expr))
        };
        facts.enclosing(self.region).any(|(_, region)| match region.kind {
            RegionKind::If { test, holds, .. } => says_no_loop(facts, test, holds),
            RegionKind::Except { of, .. } => asks_in(of),
            _ => false,
        })
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
        facts.enclosing(self.region).any(|(_, region)| match region.kind {
            RegionKind::If { test, holds, .. } => says_new_key(facts, test, holds),
            _ => false,
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
