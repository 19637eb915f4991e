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

/// Socket types that keep messages for a peer that is not there yet.
const QUEUES: [&str; 3] = ["REQ", "DEALER", "PUSH"];

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let senders = sockets_without_linger(program);
    let Some(context) = program.catalogue().find("zmq.Context") else { return };
    let Some(term) = program.catalogue().member(context, NameHash::of("term")) else { return };
    let calls = program.uses.by_model.get(&term).map(Vec::as_slice).unwrap_or_default();
    for call in calls.iter().map(|call| program.call(*call)).filter(|call| program.is_live(call.function)) {
        let contexts = call.models().filter_map(|(_, context)| context);
        let mut sockets = contexts.filter_map(|context| Some((context, senders.get(&context)?)));
        let found = sockets.find_map(|(context, sockets)| {
            let own = sockets.iter().find(|socket| is_same_objects(program, &call, **socket))?;
            Some((context, *own))
        });
        let Some((context, socket)) = found else { continue };
        findings.push(finding(rule, program, &call, context, socket));
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
        let kind = made.argument(Some("socket_type"), Some(0)).map(|kind| program.constant_name(made.facts(), kind));
        // Others drop what they cannot send (PUB), or have nothing to send before a peer is there.
        let queues = kind.is_some_and(|kind| QUEUES.contains(&kind));
        if queues && sends && dials && !closes_at_once && !program.has_option(socket, &options) {
            for value in made.callees() {
                if let Value::Bound { site: context, .. } = value {
                    found.entry(context).or_default().push(socket);
                }
            }
        }
    }
    found
}

/// Whether a socket may belong to the object whose context is terminated: both in the same function, or in methods of
/// classes of which one inherits from the other. A context made in a base class is another one in each unrelated subclass.
fn is_same_objects(program: &Program, term: &CallView<'_>, socket: Site) -> bool {
    let (_, maker, _) = program.place(socket);
    match (program.class_of(term.function), program.class_of(maker)) {
        (Some(a), Some(b)) => program.is_related(a, b),
        _ => term.function == maker || program.class_of(term.function).is_none(),
    }
}

fn finding(rule: &'static RuleInfo, program: &Program, call: &CallView<'_>, context: Site, socket: Site) -> Finding {
    let message =
        "`term()` waits for ever if a peer is gone: a socket of this context sends and has no LINGER".to_owned();
    let harm = Harm::Hang {
        cost: Interval::new(0.1, 10.0),
        source: "nothing to wait for while every peer is up; unbounded otherwise (ZMQ_LINGER is -1 by default)"
            .to_owned(),
    };
    let made = lagmap_program::Step { site: socket, note: "makes the socket; LINGER is never set".to_owned() };
    let (unit, _, span) = program.place(context);
    let cause = format!("{}:{}", unit.path, unit.lines.position(span.start).line);
    let ends = call.contexts().iter().find(|context| context.frequency == lagmap_program::Frequency::Shutdown);
    let finding = Finding::at_call(rule, call, message, harm);
    let finding = match ends {
        Some(context) => finding.in_context(context, call),
        None => Finding { trace: Vec::new(), context: None, ..finding },
    };
    finding
        .then([made])
        .cause(cause)
        .confidence(Confidence::Likely)
        .suggest("End with `context.destroy(linger=0)`, which closes all of its sockets (`term()` also waits for ever for one that is never closed); or set `socket.setsockopt(zmq.LINGER, 0)` (or a few hundred milliseconds) where each is made, and close each")
}
