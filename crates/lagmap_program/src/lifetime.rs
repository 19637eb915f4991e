//! Lifetimes: whether what a call opens is closed again.

use lagmap_facts::{RegionKind, ResultUse};

use crate::{CallSite, CallView, Cell, Program, Value};

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
    /// What becomes of the resource that a call opens, which any of `closed_by` closes.
    pub fn lifetime(&self, call: &CallView<'_>, closed_by: &[String]) -> Lifetime {
        let object = call.expr();
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
            return if self.is_handed_over(call) { Lifetime::Managed } else { Lifetime::NeverClosed };
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
            let early = local.iter().all(|close| is_behind_exit(call, close));
            return if early { Lifetime::LostOnReturn { close: local[0].site } } else { Lifetime::Managed };
        };
        let handled = local.iter().any(|close| close.around().handler);
        let risky = self.calls(call.function).find(|other| {
            let between = call.span().end <= other.span().start && other.span().end <= close.span().start;
            between && self.may_raise(other)
        });
        match risky {
            Some(risky) if !handled => Lifetime::LostOnError { close: close.site, risky: risky.site },
            _ => Lifetime::Managed,
        }
    }

    /// Stored, returned, or given to something that may close it.
    fn is_handed_over(&self, call: &CallView<'_>) -> bool {
        let object = call.expr();
        let kept = self.holders(object).iter().any(|cell| {
            matches!(
                cell,
                Cell::Return(_) | Cell::Yield(_) | Cell::Element(_) | Cell::Attribute(..) | Cell::Variable(..)
            )
        });
        kept || self
            .calls(call.function)
            .any(|other| other.site != call.site && Self::passes(&other, object) && !Self::is_project_call(&other))
    }

    fn passes(call: &CallView<'_>, object: crate::Site) -> bool {
        let facts = call.facts();
        let keywords = facts.keywords(call.call).iter().map(|keyword| keyword.value);
        let mut arguments = facts.arguments(call.call).iter().copied().chain(keywords);
        arguments.any(|argument| {
            call.values(argument).iter().any(|value| matches!(value, Value::Object { site, .. } if site == object))
        })
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
