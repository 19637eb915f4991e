//! `client-per-request`.

use lagmap_program::{CallView, Frequency, Interval, Program};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "client-per-request",
    bullets: &["A2", "F1", "F2", "F3", "E7", "E5"],
    section: Section::Pooling,
    subsection: Subsection::ConnectionPool,
    title: "Connection or client made per request",
    summary: "A database connection, HTTP client, ZMQ socket or SDK client is made anew for each request or item.",
    document: super::document!("pooling/client-per-request"),
    check,
};

/// Kinds of resources that are worth keeping between requests: setting one up costs round trips, threads or handshakes.
const KINDS: [&str; 13] = [
    "http-client",
    "http-connection",
    "database-connection",
    "redis-client",
    "zmq-context",
    "zmq-socket",
    "cloud-client",
    "llm-client",
    "grpc-channel",
    "browser",
    "message-connection",
    "ssh-client",
    "socket",
];

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_where(|entry| entry.opens.is_some() || entry.tags.iter().any(|tag| tag == "connects")) {
        let Some((model, entry)) = call.model() else { continue };
        let kind = entry.opens.as_deref().unwrap_or("http-client");
        if !KINDS.contains(&kind) || is_accepted(&call) {
            continue;
        }
        let contexts = call.contexts();
        let often = |frequency| matches!(frequency, Frequency::Request | Frequency::Background);
        let Some(context) = contexts.iter().find(|context| often(context.frequency)) else { continue };
        // Background work that opens one connection every so many seconds is not what a pool is for.
        if context.frequency == Frequency::Background && call.around().loops == 0 {
            continue;
        }
        let path = program.catalogue().path(model);
        let resource = program.catalogue().resource(kind);
        let label = resource.map_or("connection", |resource| resource.label.as_str());
        let message = if entry.opens.is_some() {
            format!("`{path}()` makes a new {label} for each request")
        } else {
            format!("`{path}()` sets up a new connection for each request")
        };
        let (cost, source) = setup_cost(kind);
        let harm = Harm::Time { cost, worst: None, source: source.to_owned() };
        let pool = resource.and_then(|resource| resource.pool.clone());
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(Confidence::Likely)
                .pool(label)
                .suggest(pool.unwrap_or_else(|| format!("Make one {label} when the service starts and keep it"))),
        );
    }
}

/// A connection that a peer opened is per request by nature.
fn is_accepted(call: &CallView<'_>) -> bool {
    call.models().any(|(model, _)| call.program.catalogue().name(model) == "accept")
}

/// What setting one up costs beyond using one that is open.
fn setup_cost(kind: &str) -> (Interval, &'static str) {
    match kind {
        "http-client" | "http-connection" => (
            Interval::new(0.3, 90.0), "TCP and TLS handshakes: two to three round trips, on the same host to over a WAN",
        ),
        "database-connection" => {
            (Interval::new(0.1, 50.0), "an SQLite file: 0.1-1 ms; a server with authentication: 5-50 ms")
        }
        "zmq-context" => (Interval::new(0.3, 15.0), "an I/O thread is started, and joined when it ends"),
        "zmq-socket" => (
            Interval::new(0.1, 12.0),
            "connecting happens in the background; the first message waits for the handshake",
        ),
        "redis-client" => {
            (Interval::new(0.2, 12.0), "a connection pool of its own and a TCP handshake for its first command")
        }
        "cloud-client" | "llm-client" => {
            (Interval::new(10.0, 99.0), "loads service models and certificates, then TLS for its first request")
        }
        "browser" => (Interval::new(1000.0, 5000.0), "starts a browser process"),
        _ => (Interval::new(1.0, 50.0), "a TCP handshake, and TLS or a login where used"),
    }
}
