//! The wires of services as the report's own values.

use lagmap_models::WireRole;
use lagmap_program::{Endpoint, Joint, Loose, Part, Program};
use lagmap_report::{Handler, Millis, Wire};

/// Where a service listens, once for each service that calls it there.
pub fn wires_in(program: &Program, service: usize) -> Vec<Wire> {
    let wires = program.wires();
    let mut found: Vec<Wire> = Vec::new();
    for (index, endpoint) in wires.endpoints[service].iter().enumerate().filter(|(_, own)| own.is_listening()) {
        let joined = wires.wires.iter().filter(|wire| wire.to == service && wire.listener == Some(index));
        let before = found.len();
        for wire in joined {
            let mut own = end(program, endpoint);
            own.peer = Some(program.system.services[wire.from].name.clone());
            own.waits = wire.waits;
            by(&wire.by, &mut own);
            if !found.contains(&own) {
                found.push(own);
            }
        }
        if found.len() == before {
            let own = end(program, endpoint);
            if !found.contains(&own) {
                found.push(own);
            }
        }
    }
    // Of a task, workers have only the function.
    for wire in wires.wires.iter().filter(|wire| wire.to == service && wire.listener.is_none()) {
        let (Joint::Topic(task), caller) = (&wire.by, &wires.endpoints[wire.from][wire.caller]) else { continue };
        let Some(function) = caller.handlers.first() else { continue };
        let (unit, facts) = program.function(*function);
        let own = Wire {
            peer: Some(program.system.services[wire.from].name.clone()),
            topic: Some(task.clone()),
            waits: wire.waits,
            path: unit.path.clone(),
            line: unit.lines.position(facts.name_span.start).line,
            ..end(program, caller)
        };
        if !found.contains(&own) {
            found.push(own);
        }
    }
    found
}

/// Where a service calls other processes.
pub fn wires_out(program: &Program, service: usize) -> Vec<Wire> {
    let wires = program.wires();
    let mut found: Vec<Wire> = Vec::new();
    for (index, endpoint) in wires.endpoints[service].iter().enumerate().filter(|(_, own)| !own.is_listening()) {
        for wire in wires.wires.iter().filter(|wire| wire.from == service && wire.caller == index) {
            let mut own = end(program, endpoint);
            own.peer = Some(program.system.services[wire.to].name.clone());
            own.waits = wire.waits;
            by(&wire.by, &mut own);
            if !found.contains(&own) {
                found.push(own);
            }
        }
        for (_, _, why) in wires.loose.iter().filter(|(from, caller, _)| (*from, *caller) == (service, index)) {
            let mut own = end(program, endpoint);
            own.peer = beside(program, endpoint);
            own.reason = own.peer.is_none().then(|| reason(*why).to_owned());
            if !found.contains(&own) {
                found.push(own);
            }
        }
    }
    found
}

/// What answers a service's requests, with what that costs.
pub fn handlers(program: &Program, service: usize) -> Vec<Handler> {
    let own = program.wires().requests.iter().filter(|request| request.service == service && !request.is_any_other());
    let all = own.map(|request| {
        let (unit, facts) = program.function(request.handler);
        Handler {
            request: request.name(),
            function: program.function_name(request.handler),
            path: unit.path.clone(),
            line: unit.lines.position(facts.name_span.start).line,
            typical_ms: [Millis(request.cost.low), Millis(request.cost.high)],
        }
    });
    let mut found: Vec<Handler> = Vec::new();
    for handler in all {
        if !found.contains(&handler) {
            found.push(handler);
        }
    }
    found
}

/// What runs beside the services under the name that a call goes to: a database, or a service in another language.
fn beside(program: &Program, endpoint: &Endpoint) -> Option<String> {
    let mut hosts = endpoint.addresses.iter().filter_map(|address| match address.host.as_ref()? {
        Part::Known(host) => Some(host.as_str()),
        Part::Setting(setting) => setting.default.as_deref(),
        _ => None,
    });
    hosts.find_map(|host| program.system.peers.iter().find(|peer| peer.name == host)).map(|peer| peer.name.clone())
}

const fn reason(why: Loose) -> &'static str {
    match why {
        Loose::UnknownTarget => "the target is not known from code and configuration",
        Loose::Itself => "the service listens there itself",
        Loose::NobodyListens => "no service listens there",
        Loose::Ambiguous => "several services listen there",
    }
}

fn by(joint: &Joint, wire: &mut Wire) {
    match joint {
        Joint::Port(port) => wire.port = Some(*port),
        Joint::Topic(topic) => wire.topic = Some(topic.clone()),
        Joint::Name => {}
    }
}

fn end(program: &Program, endpoint: &Endpoint) -> Wire {
    let call = program.call(endpoint.call);
    let kind = endpoint.kind.as_ref().map(|(name, _)| format!("{} {name}", endpoint.protocol));
    let address = endpoint.addresses.first();
    let topic = endpoint.topics.first().cloned();
    let is_route = endpoint.role == WireRole::Routes;
    Wire {
        kind: kind.unwrap_or_else(|| endpoint.protocol.clone()),
        peer: None,
        port: endpoint.ports.first().copied().or_else(|| address.and_then(lagmap_program::Address::port_number)),
        route: if is_route { topic.clone() } else { address.and_then(|address| address.route.clone()) },
        topic: if is_route { None } else { topic },
        waits: endpoint.role == WireRole::Asks,
        path: call.unit.path.clone(),
        line: call.unit.lines.position(call.span().start).line,
        reason: None,
    }
}
