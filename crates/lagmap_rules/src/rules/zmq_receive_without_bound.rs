//! `zmq-receive-without-bound`.

use lagmap_models::EffectKind;
use lagmap_program::{Bound, CallView, Frequency, Interval, Program, Site};

use crate::{Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "zmq-receive-without-bound",
    bullets: &["A5"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "ZMQ receive that may wait for ever",
    summary: "A ZMQ client waits for an answer with no time-out, poll or poller anywhere in its socket's life.",
    document: super::document!("blocking/zmq-receive-without-bound"),
    check,
};

/// Socket types that ask and wait for the answer; the others serve or listen, and waiting is their work.
const CLIENTS: [&str; 2] = ["REQ", "DEALER"];

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let receives = |entry: &lagmap_models::ApiEntry| {
        entry.effect == Some(EffectKind::Message)
            && entry.receives
            && entry.timeout.as_ref().is_some_and(|timeout| !timeout.receiver_options.is_empty())
    };
    for call in program.calls_where(receives) {
        let matters = |context: lagmap_program::Context| {
            context.frequency.is_repeated() || matches!(context.frequency, Frequency::Occasional | Frequency::Lazy | Frequency::Startup)
        };
        let Some(context) = call.contexts().iter().find(|context| matters(*context)) else { continue };
        let Some((path, socket)) = unbounded(program, &call) else { continue };
        let message = format!("`{path}()` on a client socket waits for ever if the peer is down or restarts");
        let harm = Harm::Hang {
            cost: Interval::new(1.0, 1000.0),
            source: "one request to a service of the same system, its work included".to_owned(),
        };
        let made = program.creation(socket).map(|made| lagmap_program::Step {
            site: made.expr(),
            note: "makes the socket; no time-out is ever set on it".to_owned(),
        });
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .then(made)
                .suggest("Set `RCVTIMEO` (and `SNDTIMEO`) where the socket is made, handle `zmq.Again`, and make the socket anew after a time-out (a REQ socket cannot send again before it has received)"),
        );
    }
}

/// The client socket on which a receive has no bound: every socket that it may be is a client's without one.
fn unbounded(program: &Program, call: &CallView<'_>) -> Option<(String, Site)> {
    let mut found = None;
    for (model, receiver) in call.models() {
        let socket = receiver?;
        let never = program.bound(call, model, Some(socket)) == Some(Bound::Never);
        if !never || !is_client(program, socket) {
            return None;
        }
        found.get_or_insert((program.catalogue().path(model), socket));
    }
    found
}

fn is_client(program: &Program, socket: Site) -> bool {
    let Some(made) = program.creation(socket) else { return false };
    let Some(kind) = made.argument(Some("socket_type"), Some(0)) else { return false };
    let kind = program.constant_name(made.facts(), kind);
    let binds = program.calls_on(socket).any(|call| call.has_tag("binds"));
    let asks = program
        .calls_on(socket)
        .any(|call| call.models().any(|(model, _)| program.catalogue().name(model).starts_with("send")));
    CLIENTS.contains(&kind) && asks && !binds
}
