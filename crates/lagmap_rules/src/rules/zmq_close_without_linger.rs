//! `zmq-close-without-linger`.

use lagmap_facts::NameHash;
use lagmap_program::{CallView, Interval, Program, Site, Value};
use rustc_hash::FxHashMap;

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "zmq-close-without-linger",
    bullets: &["A5"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "ZMQ shutdown that may hang",
    summary: "A ZMQ context is terminated although sockets of it that send have no LINGER: it waits for unsent messages.",
    document: super::document!("blocking/zmq-close-without-linger"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let senders = sockets_without_linger(program);
    let Some(context) = program.catalogue().find("zmq.Context") else { return };
    let Some(term) = program.catalogue().member(context, NameHash::of("term")) else { return };
    let calls = program.uses.by_model.get(&term).map(Vec::as_slice).unwrap_or_default();
    for call in calls.iter().map(|call| program.call(*call)).filter(|call| program.is_live(call.function)) {
        let contexts = call.models().filter_map(|(_, context)| context);
        let socket = contexts.filter_map(|context| senders.get(&context)).flatten().next();
        let Some(socket) = socket else { continue };
        findings.push(finding(rule, program, &call, *socket));
    }
}

/// Connected sockets that send and have no LINGER, by the context that they are made of.
fn sockets_without_linger(program: &Program) -> FxHashMap<Site, Vec<Site>> {
    let options = ["LINGER".to_owned()];
    let mut found: FxHashMap<Site, Vec<Site>> = FxHashMap::default();
    for made in program.calls_where(|entry| entry.opens.as_deref() == Some("zmq-socket")) {
        let socket = made.expr();
        let named = |call: &CallView<'_>, start: &str| {
            call.models().any(|(model, _)| program.catalogue().name(model).starts_with(start))
        };
        let sends = program.calls_on(socket).any(|call| named(&call, "send"));
        let dials = program.calls_on(socket).any(|call| call.has_tag("dials"));
        let closes_at_once = program
            .calls_on(socket)
            .any(|call| named(&call, "close") && call.argument(Some("linger"), Some(0)).is_some());
        if sends && dials && !closes_at_once && !program.has_option(socket, &options) {
            for value in made.callees() {
                if let Value::Bound { site: context, .. } = value {
                    found.entry(context).or_default().push(socket);
                }
            }
        }
    }
    found
}

fn finding(rule: &'static RuleInfo, program: &Program, call: &CallView<'_>, socket: Site) -> Finding {
    let message =
        "`term()` waits for ever if a peer is gone: a socket of this context sends and has no LINGER".to_owned();
    let harm = Harm::Hang {
        cost: Interval::new(0.1, 10.0),
        source: "nothing to wait for while every peer is up; unbounded otherwise (ZMQ_LINGER is -1 by default)"
            .to_owned(),
    };
    let made = lagmap_program::Step { site: socket, note: "makes the socket; LINGER is never set".to_owned() };
    let _ = program;
    Finding::at_call(rule, call, message, harm)
        .then([made])
        .confidence(Confidence::Likely)
        .suggest("Set `socket.setsockopt(zmq.LINGER, 0)` (or a few hundred milliseconds) where the socket is made, or end with `context.destroy(linger=0)`")
}
