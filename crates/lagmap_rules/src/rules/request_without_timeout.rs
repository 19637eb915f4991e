//! `request-without-timeout`.

use lagmap_models::EffectKind;
use lagmap_program::{Bound, CallView, Frequency, Interval, Program, Site};

use crate::{Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "request-without-timeout",
    bullets: &["A3"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Network request without a time-out",
    summary: "A request to another machine or process that waits for ever if no answer comes.",
    document: super::document!("blocking/request-without-timeout"),
    check,
};

/// What takes longer is waited for longer.
const FEW_SECONDS_MS: f64 = 5000.0;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let waits = |entry: &lagmap_models::ApiEntry| {
        matches!(entry.effect, Some(EffectKind::Network | EffectKind::Database))
            && entry.timeout.is_some()
            && !entry.receives
    };
    let mut clients = Vec::new();
    for call in program.calls_where(waits) {
        let matters = |context: lagmap_program::Context| {
            context.frequency.is_repeated() || matches!(context.frequency, Frequency::Occasional | Frequency::Lazy | Frequency::Startup)
        };
        let Some(context) = call.contexts().iter().find(|context| matters(*context)) else { continue };
        let Some((path, cost, source)) = unbounded(program, &call) else { continue };
        if program.is_immediate_socket(&call) || program.is_timed(&call) || only_connects(program, &call) {
            continue;
        }
        if let Some(client) = configurable_client(program, &call) {
            if clients.contains(&client) {
                continue;
            }
            clients.push(client);
        }
        let message = format!("`{path}()` has no time-out: if the other side does not answer, this waits for ever");
        let argument = program.catalogue().find(&path).and_then(|model| program.catalogue().entry(model));
        let argument = argument.and_then(|entry| entry.timeout.as_ref()?.argument.clone());
        let cure = match argument {
            Some(argument) if cost.high > FEW_SECONDS_MS => {
                format!("Pass `{argument}=` with more than the answer typically takes, which is up to {:.0} s", cost.high / 1000.0)
            }
            Some(argument) => format!("Pass `{argument}=` with what a user would wait for, a few seconds at most"),
            None => "Set a time-out where the client is made".to_owned(),
        };
        findings.push(
            Finding::at_call(rule, &call, message, Harm::Hang { cost, source })
                .in_context(context, &call)
                .suggest(cure),
        );
    }
}

/// The client on which a time-out would be set for all its calls: they are one finding.
fn configurable_client(program: &Program, call: &CallView<'_>) -> Option<Site> {
    let on_client = call.models().find_map(|(model, receiver)| {
        let timeout = program.catalogue().entry(model)?.timeout.as_ref()?;
        receiver.filter(|_| !timeout.receiver_arguments.is_empty())
    });
    // The call that makes a client is the first that waits.
    on_client.or_else(|| call.model().is_some_and(|(_, entry)| entry.class).then(|| call.expr()))
}

/// What is called without any bound on its wait.
fn unbounded(program: &Program, call: &CallView<'_>) -> Option<(String, Interval, String)> {
    call.models().find_map(|(model, receiver)| {
        let entry = program.catalogue().entry(model)?;
        let never = program.bound(call, model, receiver) == Some(Bound::Never);
        let network = matches!(entry.effect, Some(EffectKind::Network | EffectKind::Database));
        let effect = call.own_effects().find(|effect| effect.model == model).filter(|_| never && network)?;
        Some((program.catalogue().path(model), effect.cost, program.cost_source(effect)))
    })
}

/// Whether a call connects a socket from which nothing is received: the system itself gives up on that, after some two minutes.
fn only_connects(program: &Program, call: &CallView<'_>) -> bool {
    let receives = |other: CallView<'_>| {
        other.models().any(|(model, _)| program.catalogue().entry(model).is_some_and(|entry| entry.receives))
    };
    let mut sockets = call.models().filter_map(|(_, receiver)| receiver);
    call.has_tag("dials") && sockets.all(|socket| !program.calls_on(socket).any(receives))
}
