//! Lifetimes: whether what a call opens is closed again.

use lagmap_facts::{Expr, ExprId, OpKind, RegionId, RegionKind, ResultUse};
use lagmap_models::ResourceKind;

use crate::{CallSite, CallView, Cell, Edge, FileId, FunctionId, Program, Site, Value};

/// What becomes of an opened resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// A `with`, a `finally`, an owner or a caller closes it, or somebody else may.
    Managed,
    /// Nothing closes it.
    NeverClosed,
    /// It is closed, but not on a path that leaves the function before.
    LostOnReturn {
        /// The call that closes it.
        close: CallSite,
    },
    /// It is closed, but not if something raises before.
    LostOnError {
        /// The call that closes it.
        close: CallSite,
        /// The first call between that may raise.
        risky: CallSite,
    },
}

impl Program {
    /// What becomes of the resource of a kind that a call opens.
    pub fn lifetime(&self, call: &CallView<'_>, resource: &ResourceKind) -> Lifetime {
        let object = call.expr();
        let closed_by = &resource.closed_by;
        let entered = matches!(call.call.result, ResultUse::Entered) || self.uses.entered.contains_key(&object);
        if entered {
            return Lifetime::Managed;
        }
        let closes: Vec<CallView<'_>> = self
            .calls_on(object)
            .filter(|close| {
                close.models().any(|(model, receiver)| {
                    receiver == Some(object) && closed_by.iter().any(|name| name == self.catalogue().name(model))
                })
            })
            .collect();
        if closes.is_empty() {
            let is_ended = self.is_left_alone(call, resource) || self.is_closed_with_maker(call, resource);
            return if is_ended || self.is_owned(call, resource) { Lifetime::Managed } else { Lifetime::NeverClosed };
        }
        let local: Vec<&CallView<'_>> = closes.iter().filter(|close| close.function == call.function).collect();
        // Whoever keeps it closes it elsewhere.
        if local.len() < closes.len()
            || !self.holders(object).is_empty()
            || local.iter().any(|close| is_in_finally(close))
        {
            return Lifetime::Managed;
        }
        let Some(close) = local.iter().find(|close| encloses(close, call)) else {
            if local.iter().all(|close| is_behind_exit(call, close)) {
                return Lifetime::LostOnReturn { close: local[0].site };
            }
            let forgotten = local.iter().find_map(|close| {
                let body = forgetful_try(call, close, &local)?;
                Some((close.site, self.first_risky(call, close, |risky| is_within(risky, body))?))
            });
            return forgotten.map_or(Lifetime::Managed, |(close, risky)| Lifetime::LostOnError { close, risky });
        };
        let handled = local.iter().any(|close| close.around().handler);
        let risky = self.first_risky(call, close, |risky| !is_swallowed(risky, call.region));
        match risky {
            Some(risky) if !handled => Lifetime::LostOnError { close: close.site, risky },
            _ => Lifetime::Managed,
        }
    }

    /// Whether nothing keeps what goes on and ends by itself: a program that is started, and nobody wants to know what becomes of it.
    fn is_left_alone(&self, call: &CallView<'_>, resource: &ResourceKind) -> bool {
        let Some(constants) = &resource.detached_unless else { return false };
        let facts = call.facts();
        let keywords = facts.keywords(call.call).iter().map(|keyword| keyword.value);
        let mut given = facts.arguments(call.call).iter().copied().chain(keywords);
        let is_tied = given.any(|given| constants.iter().any(|name| name == self.constant_name(facts, given)));
        !is_tied && (call.call.result == ResultUse::Discarded || self.is_dropped_by_callers(call.expr()))
    }

    /// Whether an object is only handed back, and all who get it drop it.
    fn is_dropped_by_callers(&self, object: Site) -> bool {
        let is_dropped = |edge: &Edge| {
            let (file, id) = self.linked.ids.of_site(edge.site);
            let facts = &self.linked.file(file).facts;
            matches!(facts.expr(id), Expr::Call(call) if facts.call(call).result == ResultUse::Discarded)
        };
        let holders = self.holders(object);
        !holders.is_empty()
            && holders.iter().all(|cell| match *cell {
                Cell::Return(function) => {
                    let mut callers = self.incoming(function).peekable();
                    callers.peek().is_some() && callers.all(is_dropped)
                }
                _ => false,
            })
    }

    /// Whether what a resource was made with is told to close all that was.
    fn is_closed_with_maker(&self, call: &CallView<'_>, resource: &ResourceKind) -> bool {
        let named = |model| resource.closed_with.iter().any(|name| name == self.catalogue().name(model));
        let mut makers = call.models().filter_map(|(_, receiver)| receiver);
        !resource.closed_with.is_empty()
            && makers.any(|maker| {
                self.calls_on(maker)
                    .any(|close| close.models().any(|(model, receiver)| receiver == Some(maker) && named(model)))
            })
    }

    /// The first call between opening and closing that may raise and that fulfils a condition.
    fn first_risky(
        &self,
        open: &CallView<'_>,
        close: &CallView<'_>,
        condition: impl Fn(&CallView<'_>) -> bool,
    ) -> Option<CallSite> {
        let risky = self.calls(open.function).find(|other| {
            let between = open.span().end <= other.span().start && other.span().end <= close.span().start;
            between && self.may_raise(other) && condition(other)
        });
        risky.map(|risky| risky.site)
    }

    /// Whether somebody other than the functions that pass it around is there to close what nothing is seen to close.
    fn is_owned(&self, call: &CallView<'_>, resource: &ResourceKind) -> bool {
        let object = call.expr();
        let mut homes = vec![call.function];
        for cell in self.holders(object) {
            match *cell {
                Cell::Yield(_) | Cell::Element(_) | Cell::Keyed(_) | Cell::Variable(..) => return true,
                // Each is among those of `Keyed`.
                Cell::Entry(..) => {}
                // With its owner goes what is closed when nothing refers to it.
                Cell::Attribute(..) if resource.collected => return true,
                // What an unknown base class calls the same, it may close.
                Cell::Attribute(class, _) if self.linked.classes.has_unknown_base(&self.linked, class) => return true,
                Cell::Attribute(class, _) => {
                    let (file, index) = self.linked.ids.of_class(class);
                    let body = self.linked.file(file).facts.class(index).body;
                    homes.push(self.linked.ids.function(file, body));
                }
                Cell::Return(function) | Cell::Declared(function) => {
                    let callers = self.incoming(function).map(|edge| edge.from);
                    let callers: Vec<FunctionId> = callers.filter(|caller| self.is_live(*caller)).collect();
                    if callers.is_empty() || self.is_override(function) || self.memoization(function).is_some() {
                        return true;
                    }
                    homes.extend(callers);
                }
                Cell::Parameter(function, _) => homes.push(function),
            }
        }
        homes.sort_unstable();
        homes.dedup();
        let given = |home: &FunctionId| {
            self.calls(*home).any(|other| {
                other.site != call.site
                    && Self::passes(&other, object)
                    && (self.keeps(&other) || Self::is_project_call(&other) && !self.is_received(&other, object))
            })
        };
        homes.iter().any(given)
            || homes.iter().any(|home| self.is_stored_away(*home, object))
            || self.is_closing_handed_on(object, &homes, &resource.closed_by)
    }

    /// A method that a class further up has too: what is called by that one's name is not known to be this one.
    fn is_override(&self, function: FunctionId) -> bool {
        let (unit, facts) = self.function(function);
        let name = unit.facts.names.hash(facts.name);
        let classes = &self.linked.classes;
        facts.class.is_some_and(|class| {
            let class = self.linked.ids.class(self.linked.ids.of_function(function).0, class);
            classes.lookup_order(class).iter().skip(1).any(|above| classes.own_method(*above, name).is_some())
        })
    }

    /// Assigned to an attribute or item of something that is not the program's own: `sys.stdout`, `response.raw`.
    fn is_stored_away(&self, home: FunctionId, object: Site) -> bool {
        let (unit, scope) = self.function(home);
        let (file, _) = self.linked.ids.of_function(home);
        let mut evaluator = None;
        unit.facts.ops(scope).iter().any(|op| {
            let OpKind::Assign { target, value } = op.kind else { return false };
            let (Expr::Attribute { value: owner, .. } | Expr::Subscript { value: owner, .. }) = unit.facts.expr(target)
            else {
                return false;
            };
            let evaluator = evaluator.get_or_insert_with(|| self.evaluator(file));
            let is_object = |value| matches!(value, Value::Object { site, .. } if site == object);
            evaluator.values(value).iter().any(is_object)
                && !evaluator.values(owner).iter().any(|owner| matches!(owner, Value::Instance { .. }))
        })
    }

    /// Whether a call may keep or close what it is given: not project code, which is looked into, nor a parser or writer.
    fn keeps(&self, call: &CallView<'_>) -> bool {
        let only_uses = call.models().any(|(model, _)| {
            ["parses", "serializes", "whole-file"].iter().any(|tag| self.catalogue().has_tag(model, tag))
        });
        !only_uses && !Self::is_project_call(call)
    }

    /// `atexit.register(pool.shutdown)`: a method that closes it is given to somebody, in a file of one of these functions.
    fn is_closing_handed_on(&self, object: Site, homes: &[FunctionId], closed_by: &[String]) -> bool {
        let mut files: Vec<FileId> = homes.iter().map(|home| self.linked.ids.of_function(*home).0).collect();
        files.sort_unstable();
        files.dedup();
        files.into_iter().any(|file| {
            let facts = &self.linked.file(file).facts;
            let mut evaluator = None;
            facts.exprs.iter().enumerate().any(|(index, node)| {
                let Expr::Attribute { attribute, .. } = node.expr else { return false };
                if !closed_by.iter().any(|name| name == facts.text(attribute)) {
                    return false;
                }
                let evaluator = evaluator.get_or_insert_with(|| self.evaluator(file));
                let values = evaluator.values(ExprId(index as u32));
                values.iter().any(|value| matches!(value, Value::Bound { site, .. } if site == object))
            })
        })
    }

    fn passes(call: &CallView<'_>, object: Site) -> bool {
        let facts = call.facts();
        let keywords = facts.keywords(call.call).iter().map(|keyword| keyword.value);
        let mut arguments = facts.arguments(call.call).iter().copied().chain(keywords);
        arguments.any(|argument| {
            call.values(argument).iter().any(|value| matches!(value, Value::Object { site, .. } if site == object))
        })
    }

    /// Whether what is passed is seen to arrive: a parameter that is given too many different things holds just anything.
    fn is_received(&self, call: &CallView<'_>, object: Site) -> bool {
        let callees = self.callees(call.site);
        let mut received = self.holders(object).iter();
        received.any(|cell| matches!(cell, Cell::Parameter(function, _) if callees.contains(function)))
    }

    fn is_project_call(call: &CallView<'_>) -> bool {
        call.callees().any(|value| matches!(value, Value::Function(_) | Value::Method { .. }))
    }

    /// A call of project code, or of a library that talks to the outside.
    fn may_raise(&self, call: &CallView<'_>) -> bool {
        Self::is_project_call(call)
            || call.models().any(|(model, _)| self.catalogue().entry(model).is_some_and(|entry| entry.effect.is_some()))
    }
}

/// Whether a close is only skipped by leaving the function early after the opening.
fn is_behind_exit(open: &CallView<'_>, close: &CallView<'_>) -> bool {
    let facts = close.facts();
    let between: Vec<RegionKind> = facts
        .enclosing(close.region)
        .take_while(|(region, _)| *region != open.region)
        .map(|(_, region)| region.kind)
        .collect();
    let reaches = facts.enclosing(close.region).any(|(region, _)| region == open.region);
    reaches && !between.is_empty() && between.iter().all(|kind| matches!(kind, RegionKind::If { implied: true, .. }))
}

fn is_in_finally(call: &CallView<'_>) -> bool {
    call.facts().enclosing(call.region).any(|(_, region)| matches!(region.kind, RegionKind::Finally { .. }))
}

/// Whether a close runs whenever nothing raises after the opening.
fn encloses(close: &CallView<'_>, open: &CallView<'_>) -> bool {
    open.facts().enclosing(open.region).any(|(region, _)| region == close.region)
}

fn is_within(call: &CallView<'_>, region: RegionId) -> bool {
    call.facts().enclosing(call.region).any(|(id, _)| id == region)
}

/// The `try` around a close, but not around the opening, none of whose handlers closes.
fn forgetful_try(open: &CallView<'_>, close: &CallView<'_>, closes: &[&CallView<'_>]) -> Option<RegionId> {
    let facts = close.facts();
    let of = facts.enclosing(close.region).find_map(|(id, region)| match region.kind {
        RegionKind::Try { has_except: true, .. } => Some(id),
        RegionKind::TryElse { of } => Some(of),
        _ => None,
    })?;
    let in_handler = |call: &&&CallView<'_>| {
        facts
            .enclosing(call.region)
            .any(|(_, region)| matches!(region.kind, RegionKind::Except { of: own, .. } if own == of))
    };
    (!is_within(open, of) && closes.iter().filter(in_handler).count() == 0).then_some(of)
}

/// Whether what a call raises is caught, inside of `outer`, by handlers that go on behind their `try`.
fn is_swallowed(call: &CallView<'_>, outer: RegionId) -> bool {
    let facts = call.facts();
    let (_, scope) = call.program.function(call.function);
    let around = facts.enclosing(call.region).take_while(|(id, _)| *id != outer);
    around.filter(|(_, region)| matches!(region.kind, RegionKind::Try { has_except: true, .. })).any(|(body, _)| {
        let in_handler = |region: RegionId| {
            facts
                .enclosing(region)
                .any(|(_, region)| matches!(region.kind, RegionKind::Except { of, .. } if of == body))
        };
        !facts.ops(scope).iter().any(|op| {
            let leaves = matches!(op.kind, OpKind::Return(_) | OpKind::Raise(_) | OpKind::Break | OpKind::Continue);
            leaves && in_handler(op.region)
        })
    })
}
