//! `client-per-request`.

use lagmap_facts::{Expr, ExprId, RegionKind};
use lagmap_models::{ApiEntry, WireRole};
use lagmap_program::{CallView, Context, Frequency, Interval, Program};

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
const KINDS: [&str; 14] = [
    "http-client",
    "http-connection",
    "database-connection",
    "redis-client",
    "zmq-context",
    "zmq-socket",
    "cloud-client",
    "aws-client",
    "llm-client",
    "grpc-channel",
    "browser",
    "message-connection",
    "ssh-client",
    "socket",
];

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_where(|entry| entry.opens.is_some() || connects(entry)) {
        let Some((model, entry)) = call.model() else { continue };
        let Some(context) = made_again_in(&call) else { continue };
        let kind = kind(entry);
        let path = program.catalogue().path(model);
        let resource = program.catalogue().resource(kind);
        let label = resource.map_or("connection", |resource| resource.label.as_str());
        let message = if entry.opens.is_some() {
            format!("`{path}()` makes a new {label} for each request")
        } else {
            format!("`{path}()` sets up a new connection for each request")
        };
        // A file is opened faster than a server is asked.
        let (cost, source) = if call.has_tag("one-writer") { FILE_DATABASE } else { setup_cost(kind) };
        let harm = Harm::Time { cost, worst: None, source: source.to_owned() };
        let pool = resource.and_then(|resource| resource.pool.clone());
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(if is_for_any_host(&call) { Confidence::Possible } else { Confidence::at(&call, context) })
                .pool(label)
                .suggest(pool.unwrap_or_else(|| format!("Make one {label} when the service starts and keep it"))),
        );
    }
}

/// Whether all that is asked over a connection or client goes to whatever host a request names: the next names another one.
fn is_for_any_host(call: &CallView<'_>) -> bool {
    let mut asks = call.program.calls_on(call.expr()).filter(|other| connects_over_http(other)).peekable();
    call.goes_where_asked() || asks.peek().is_some() && asks.all(|other| other.goes_where_asked())
}

fn connects_over_http(call: &CallView<'_>) -> bool {
    call.models().any(|(model, _)| call.program.catalogue().wire(model).is_some_and(|wire| wire.protocol == "http" && wire.role == WireRole::Asks))
}

/// Whether this rule has a finding at a call.
pub fn is_found(call: &CallView<'_>) -> bool {
    let opens = call.model().is_some_and(|(_, entry)| entry.opens.is_some() || connects(entry));
    opens && made_again_in(call).is_some()
}

/// The context in which a call makes a client again and again.
fn made_again_in(call: &CallView<'_>) -> Option<Context> {
    let (_, entry) = call.model()?;
    // What takes the place of one that failed is no new one for each request.
    if !KINDS.contains(&kind(entry)) || is_accepted(call) || call.around().handler {
        return None;
    }
    let often = |frequency| matches!(frequency, Frequency::Request | Frequency::Background);
    let context = call.contexts().iter().find(|context| often(context.frequency))?;
    if entry.opens.is_some() && (is_kept_by_key(call) || call.program.is_put_on_global(call)) {
        return None;
    }
    // Background work that opens one connection every so many seconds is not what a pool is for.
    (context.frequency == Frequency::Request || call.around().loops > 0).then_some(context)
}

/// Whether a client is made only if a look-up in what is called a cache - a method or function of the program's own - gave none.
fn is_kept_by_key(call: &CallView<'_>) -> bool {
    let facts = call.facts();
    let looked_up = |test: ExprId| {
        let mut tested = vec![test];
        while let Some(id) = tested.pop() {
            match facts.expr(id) {
                Expr::Not(inner) | Expr::Compare { left: inner, .. } => tested.push(inner),
                Expr::Boolean { values, .. } => tested.extend(facts.list(values)),
                Expr::Call(inner) => {
                    // `isinstance(cached, Client)`.
                    tested.extend(facts.arguments(facts.call(inner)));
                }
                Expr::Name(_) => {
                    let value = call.program.assigned(call.file, id);
                    if let Some(Expr::Call(made)) = value.map(|value| facts.expr(value))
                        && facts.dotted(facts.call(made).callee).is_some_and(|name| name.contains("cache"))
                    {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    };
    facts.enclosing(call.region).any(|(_, region)| matches!(region.kind, RegionKind::If { test, .. } if looked_up(test)))
}

fn connects(entry: &ApiEntry) -> bool {
    entry.tags.iter().any(|tag| tag == "connects")
}

fn kind(entry: &ApiEntry) -> &str {
    entry.opens.as_deref().unwrap_or("http-client")
}

/// A connection that a peer opened is per request by nature.
fn is_accepted(call: &CallView<'_>) -> bool {
    call.models().any(|(model, _)| call.program.catalogue().name(model) == "accept")
}

/// What opening a database in a file costs beyond using an open one.
const FILE_DATABASE: (Interval, &str) = (
    Interval { low: 0.1, high: 5.0 },
    "the file is opened and its schema read anew, and the page and statement caches start empty",
);

/// What setting one up costs beyond using one that is open.
fn setup_cost(kind: &str) -> (Interval, &'static str) {
    match kind {
        "http-client" | "http-connection" => (
            Interval::new(0.3, 90.0), "TCP and TLS handshakes: two to three round trips, on the same host to over a WAN",
        ),
        "database-connection" => (Interval::new(5.0, 50.0), "a TCP handshake and authentication on a server"),
        "zmq-context" => (Interval::new(0.3, 15.0), "an I/O thread is started, and joined when it ends"),
        "zmq-socket" => (
            Interval::new(0.1, 12.0),
            "connecting happens in the background; the first message waits for the handshake",
        ),
        "redis-client" => {
            (Interval::new(0.2, 12.0), "a connection pool of its own and a TCP handshake for its first command")
        }
        "cloud-client" | "aws-client" | "llm-client" => {
            (Interval::new(10.0, 99.0), "loads service models and certificates, then TLS for its first request")
        }
        "browser" => (Interval::new(1000.0, 5000.0), "starts a browser process"),
        _ => (Interval::new(1.0, 50.0), "a TCP handshake, and TLS or a login where used"),
    }
}
