//! `overloaded-service`.

use lagmap_program::{Interval, Program};

use crate::{Confidence, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "overloaded-service",
    bullets: &["E7"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "One thread that many services wait for",
    summary: "Several services wait for one that answers one request after the other, and at the assumed rate it is busy more than seven tenths of the time.",
    document: super::document!("system/overloaded-service"),
    check,
};

/// From here on the queue grows fast: requests wait longer than they are worked on.
const BUSIEST: f64 = 0.7;
/// Fewer callers do not make a bottleneck.
const FEWEST_CALLERS: usize = 2;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let rate = program.options.requests_per_second;
    let wires = program.wires();
    for queue in wires.queues(rate) {
        if queue.utilisation < BUSIEST || queue.callers.len() < FEWEST_CALLERS {
            continue;
        }
        let request = &wires.requests[queue.costliest];
        let services = &program.system.services;
        let callers: Vec<&str> = queue.callers.iter().map(|caller| services[*caller].name.as_str()).collect();
        let waiting = match queue.waiting_ms {
            Some(ms) => format!("a request waits {} s for those before it", super::seconds(ms)),
            None => "the queue grows without end".to_owned(),
        };
        let message = format!(
            "`{}` answers one request after the other for {} services ({}), each of which takes {} s: at {rate} requests a second \
             from each it is busy {:.0} % of the time and {waiting}",
            services[queue.service].name,
            queue.callers.len(),
            callers.join(", "),
            super::seconds(queue.service_ms),
            queue.utilisation * 100.0,
        );
        let (file, _) = program.linked.ids.of_function(request.handler);
        let (_, facts) = program.function(request.handler);
        let location = Location::Code { file, function: request.handler, span: facts.name_span };
        let (path, line) = crate::place(program, file, facts.name_span);
        let waits = queue.waiting_ms.unwrap_or(queue.service_ms * 10.0);
        findings.push(Finding {
            rule,
            location,
            message,
            trace: Vec::new(),
            harm: Harm::Time {
                cost: Interval::new(queue.service_ms, queue.service_ms + waits),
                worst: None,
                source: "M/D/1: waiting time = utilisation x service time / (2 x (1 - utilisation)); the rate is assumed".to_owned(),
            },
            context: program.contexts_of(request.handler).iter().next(),
            confidence: Confidence::Likely,
            suggestion: "Answer with several workers (a ROUTER in front of DEALER workers, a pool of threads), or make the handler faster".to_owned(),
            cause: format!("{path}:{line}"),
            details: crate::Details::default(),
        });
    }
}
