//! Bounds: for how long a call may wait, from its arguments and from the life of the object that it is made on.

use lagmap_facts::{Call, Expr, ExprId, FileFacts, NameHash};
use lagmap_models::{ModelId, TimeoutModel};

use crate::{CallSite, CallView, ChangeKind, Program, Site, Value, effects::number};

/// For how long a call may wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// For ever.
    Never,
    /// At most so many milliseconds.
    Milliseconds(f64),
    /// Something bounds it that is not a literal.
    Set,
    /// It never waits.
    Instant,
    /// Its arguments cannot be seen.
    Unknown,
}

impl Program {
    /// The call that makes an object, if a call does.
    pub fn creation(&self, object: Site) -> Option<CallView<'_>> {
        let (file, id) = self.linked.ids.of_site(object);
        match self.linked.file(file).facts.expr(id) {
            Expr::Call(call) => Some(self.call(self.linked.ids.call(file, call))),
            _ => None,
        }
    }

    /// The last part of a dotted argument: `REQ` of `zmq.REQ`; empty if it is something else.
    pub fn constant_name<'a>(&self, facts: &'a FileFacts, id: ExprId) -> &'a str {
        match facts.expr(id) {
            Expr::Attribute { attribute, .. } => facts.text(attribute),
            Expr::Name(name) => facts.text(name),
            _ => "",
        }
    }

    /// Whether an option is set on an object anywhere in its life: by a `sets-option` call, an attribute, or a keyword of
    /// the call that makes it. Objects of which it is made (a context for its sockets) count too.
    pub fn has_option(&self, object: Site, options: &[String]) -> bool {
        let is_option = |text: &str| options.iter().any(|option| option.eq_ignore_ascii_case(text));
        let by_call = self.calls_on(object).any(|call| {
            let first = call.facts().arguments(call.call).first();
            call.has_tag("sets-option")
                && first.is_none_or(|first| {
                    let name = self.constant_name(call.facts(), *first);
                    // An option that is not a constant may be any.
                    name.is_empty() || is_option(name) || !name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                })
        });
        let changes = self.uses.changes.get(&object).map(Vec::as_slice).unwrap_or_default();
        let hashes: Vec<NameHash> = options
            .iter()
            .flat_map(|option| [NameHash::of(option), NameHash::of(&option.to_ascii_lowercase())])
            .collect();
        let by_attribute = changes
            .iter()
            .any(|change| matches!(change.kind, ChangeKind::SetAttribute(name) if hashes.contains(&name)));
        by_call
            || by_attribute
            || self.creation(object).is_some_and(|made| {
                let facts = made.facts();
                let mut keywords = facts.keywords(made.call).iter().filter_map(|keyword| keyword.name);
                keywords.any(|name| is_option(facts.text(name)))
                    || made
                        .models()
                        .any(|(_, owner)| owner.is_some_and(|owner| owner != object && self.has_option(owner, options)))
            })
    }

    /// For how long a call of `model` on `receiver` may wait; `None` if the catalogue knows no wait.
    pub fn bound(&self, call: &CallView<'_>, model: ModelId, receiver: Option<Site>) -> Option<Bound> {
        let timeout = self.catalogue().entry(model)?.timeout.as_ref()?;
        let facts = call.facts();
        if never_waits(facts, call.call, timeout) {
            return Some(Bound::Instant);
        }
        if let (Some(limit), Some(receiver)) = (timeout.receiver_limit.as_deref(), receiver)
            && self.creation(receiver).is_some_and(|made| is_without(&made, limit))
        {
            return Some(Bound::Instant);
        }
        if let Some(given) = given_bound(facts, call.call, timeout) {
            return Some(match (facts.expr(given), number(facts, given)) {
                (Expr::None, _) => Bound::Never,
                (_, Some(value)) => Bound::Milliseconds(value * timeout.unit_ms.unwrap_or(1000.0)),
                _ => Bound::Set,
            });
        }
        if call.has_open_arguments() {
            return Some(Bound::Unknown);
        }
        if timeout.process_wide.iter().any(|path| self.is_called(path)) {
            return Some(Bound::Set);
        }
        if receiver.is_some_and(|receiver| self.receiver_bounds(receiver, timeout))
            || self.wrapped_bounds(call, timeout)
        {
            return Some(Bound::Set);
        }
        Some(timeout.default_ms.map_or(Bound::Never, Bound::Milliseconds))
    }

    /// Whether a call is made on a socket that has nobody to wait for when it connects or sends: of datagrams, or within the
    /// machine.
    pub fn is_immediate_socket(&self, call: &CallView<'_>) -> bool {
        let mut sockets = call.models().filter_map(|(_, receiver)| self.creation(receiver?));
        sockets.any(|made| {
            let facts = made.facts();
            let mut arguments = facts.arguments(made.call).iter();
            arguments.any(|argument| matches!(self.constant_name(facts, *argument), "SOCK_DGRAM" | "AF_UNIX"))
        }) || self.connects_to_itself(call)
    }

    /// Whether a socket connects to this machine: somebody listens or nobody, and either is known at once.
    fn connects_to_itself(&self, call: &CallView<'_>) -> bool {
        let facts = call.facts();
        let connects = call.models().any(|(model, _)| self.catalogue().name(model).starts_with("connect"));
        let address = call.argument(None, Some(0)).filter(|_| connects).map(|address| facts.expr(address));
        let Some(Expr::Tuple(parts)) = address else { return false };
        let host = facts.list(parts).first().map(|host| facts.expr(*host));
        matches!(host, Some(Expr::Str(host)) if matches!(facts.text(host), "localhost" | "127.0.0.1" | "::1"))
    }

    fn is_called(&self, path: &str) -> bool {
        let calls = self.catalogue().find(path).and_then(|model| self.uses.by_model.get(&model));
        calls.is_some_and(|calls| calls.iter().any(|call| self.is_live(self.call(*call).function)))
    }

    /// Whether something in the life of an object bounds the waits on it.
    fn receiver_bounds(&self, receiver: Site, timeout: &TimeoutModel) -> bool {
        let made_with = self.creation(receiver).is_some_and(|made| {
            let facts = made.facts();
            made.has_open_arguments()
                || facts.keywords(made.call).iter().any(|keyword| {
                    let name = keyword.name.map(|name| facts.text(name)).unwrap_or_default();
                    timeout.receiver_arguments.iter().any(|wanted| wanted == name)
                        && !matches!(facts.expr(keyword.value), Expr::None)
                })
        });
        made_with
            || self.creation(receiver).is_some_and(|made| self.wrapped_bounds(&made, timeout))
            || !timeout.receiver_options.is_empty() && self.has_option(receiver, &timeout.receiver_options)
            || self.calls_on(receiver).any(|call| {
                call.models().any(|(model, _)| {
                    let name = self.catalogue().name(model);
                    timeout.receiver_methods.iter().any(|method| method == name)
                })
            })
            || timeout.polled_by.iter().any(|poller| self.is_polled(receiver, poller))
    }

    /// Whether what a call wraps has its waits bounded: a TLS socket keeps the time-outs of the socket it is made of.
    fn wrapped_bounds(&self, call: &CallView<'_>, timeout: &TimeoutModel) -> bool {
        let first = call.facts().arguments(call.call).first().copied().filter(|_| call.has_tag("keeps-bounds"));
        first.is_some_and(|first| {
            call.values(first).iter().any(|value| match value {
                Value::Object { site, .. } => site != call.expr() && self.receiver_bounds(site, timeout),
                _ => false,
            })
        })
    }

    /// Whether an object is registered with a poller.
    fn is_polled(&self, receiver: Site, poller: &str) -> bool {
        let register =
            self.catalogue().find(poller).and_then(|class| self.catalogue().member(class, NameHash::of("register")));
        let calls: &[CallSite] =
            register.and_then(|register| self.uses.by_model.get(&register)).map(Vec::as_slice).unwrap_or_default();
        calls.iter().any(|call| {
            let call = self.call(*call);
            let first = call.facts().arguments(call.call).first().copied();
            first.is_some_and(|first| {
                call.values(first).iter().any(|value| matches!(value, Value::Object { site, .. } if site == receiver))
            })
        })
    }
}

/// Whether an object is made without a limit, or with one of nothing.
fn is_without(made: &CallView<'_>, limit: &str) -> bool {
    let given = made.argument(Some(limit), Some(0));
    !made.has_open_arguments()
        && given.is_none_or(|given| number(made.facts(), given).is_some_and(|limit| limit <= 0.0))
}

/// The argument that says how long a call may wait.
pub fn given_bound(facts: &FileFacts, call: &Call, timeout: &TimeoutModel) -> Option<ExprId> {
    facts.argument(call, timeout.argument.as_deref(), timeout.position)
}

/// Whether a call returns at once, by a flag, by a time-out of nothing, or because it waits only if it is told to.
pub fn never_waits(facts: &FileFacts, call: &Call, timeout: &TimeoutModel) -> bool {
    let given = given_bound(facts, call, timeout);
    let lacks_target = timeout.needs.as_deref().is_some_and(|wanted| {
        let mut names = facts.keywords(call).iter().map(|keyword| keyword.name);
        facts.arguments(call).is_empty() && !names.any(|name| name.is_none_or(|name| facts.text(name) == wanted))
    });
    lacks_target
        || is_non_blocking(facts, call, timeout)
        || match given {
            Some(given) => number(facts, given).is_some_and(|value| value <= 0.0),
            None => timeout.default_ms.is_some_and(|default| default <= 0.0),
        }
}

fn is_non_blocking(facts: &FileFacts, call: &Call, timeout: &TimeoutModel) -> bool {
    let arguments = facts.arguments(call);
    timeout.non_blocking.iter().any(|wanted| {
        let by_keyword = facts.keywords(call).iter().any(|keyword| {
            let named = keyword.name.is_some_and(|name| facts.text(name) == wanted);
            named && matches!(facts.expr(keyword.value), Expr::Bool(false)) || mentions(facts, keyword.value, wanted)
        });
        let by_place = arguments.iter().any(|argument| mentions(facts, *argument, wanted));
        let by_first = wanted.starts_with("block")
            && arguments.first().is_some_and(|first| matches!(facts.expr(*first), Expr::Bool(false)));
        by_keyword || by_place || by_first
    })
}

/// Whether a flag expression holds a constant: `zmq.NOBLOCK`, `zmq.SNDMORE | zmq.DONTWAIT`.
fn mentions(facts: &FileFacts, id: ExprId, constant: &str) -> bool {
    match facts.expr(id) {
        Expr::Attribute { attribute, .. } => facts.text(attribute) == constant,
        Expr::Name(name) => facts.text(name) == constant,
        Expr::Binary { left, right, .. } => mentions(facts, left, constant) || mentions(facts, right, constant),
        _ => false,
    }
}
