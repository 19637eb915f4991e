//! `lagmap services`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use lagmap_program::{Hop, Joint, Program};
use lagmap_report::{Finding, FindingCounts, Millis, Report, Service, ServiceStartup, Severity, interval, visible};
use serde::Serialize;

use crate::arguments::{ServicesArguments, SystemFormat};
use crate::audit::{self, AuditOptions};
use crate::cache_folder::CacheFolder;
use crate::configuration::Configuration;
use crate::errors::Failure;
use crate::output;
use crate::progress::Progress;
use crate::suggestion;

/// Lists the services, or the way from one to another.
pub fn run(arguments: &ServicesArguments) -> Result<ExitCode, Failure> {
    audit::check_root(&arguments.path)?;
    let configuration = Configuration::find(&arguments.path, arguments.config.as_deref())?;
    let cache = CacheFolder::find(&arguments.cache, configuration.cache_dir.clone());
    let options = AuditOptions { cache, ..AuditOptions::of(configuration)? };
    let progress = Progress::start();
    let text = if let [from, to] = arguments.way.as_slice() {
        let question = |program: &Program| way(program, from, to);
        let steps = audit::ask(&arguments.path, &options, &progress, question)??;
        match arguments.format {
            SystemFormat::Json => json(&steps)?,
            _ => steps.iter().map(step).collect(),
        }
    } else {
        let report = audit::run_audit(&arguments.path, &options, &progress)?;
        let services = &report.services;
        match arguments.format {
            SystemFormat::Json => {
                json(&services.iter().map(|service| Listed::of(service, &report)).collect::<Vec<_>>())?
            }
            SystemFormat::Dot => dot(services),
            SystemFormat::Mermaid => mermaid(services),
            SystemFormat::Table => {
                let rows: Vec<_> = services.iter().map(|service| row(service, services)).collect();
                let head = ["SERVICE", "GROUP", "PORT", "SCRIPT", "STARTS", "CALLS", "CALLED BY", "FINDINGS", "NEEDS"];
                output::table(&head, &rows) + &footer(&report)
            }
        }
    };
    output::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// A service with its findings.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    service: &'a Service,
    findings_by_severity: FindingCounts,
    findings_list: Vec<OwnFinding<'a>>,
}

/// A finding that hits a service.
#[derive(Serialize)]
struct OwnFinding<'a> {
    fingerprint: &'a str,
    rule: &'a str,
    severity: Severity,
    path: &'a str,
    line: u32,
    message: &'a str,
    /// The service waits for another that it hits.
    waits_behind: bool,
}

impl<'a> Listed<'a> {
    fn of(service: &'a Service, report: &'a Report) -> Self {
        let hits = |finding: &&Finding| finding.services.contains(&service.name);
        let own = report.findings.iter().filter(hits).map(|finding| finding.severity);
        let waits = |finding: &&Finding| finding.waits_behind.contains(&service.name) && !hits(finding);
        let list = report.findings.iter().filter(|finding| hits(finding) || waits(finding)).map(|finding| OwnFinding {
            fingerprint: &finding.fingerprint,
            rule: &finding.rule,
            severity: finding.severity,
            path: &finding.path,
            line: finding.line,
            message: &finding.message,
            waits_behind: !hits(&finding),
        });
        Self { service, findings_by_severity: FindingCounts::by_severity(own), findings_list: list.collect() }
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    Ok(text.map_err(|error| Failure::new("cannot write the services").because(error))? + "\n")
}

fn row(service: &Service, all: &[Service]) -> Vec<String> {
    let starts = match &service.problem {
        Some(problem) if !service.starts => format!("no: {problem}"),
        _ => (if service.starts { "yes" } else { "no" }).to_owned(),
    };
    let calls = peers(service).len();
    let callers = all.iter().filter(|other| peers(other).contains_key(service.name.as_str())).count();
    vec![
        service.name.clone(),
        service.group.clone().or_else(|| service.runs.clone()).unwrap_or_default(),
        service.port.map(|port| port.to_string()).unwrap_or_default(),
        service.script.clone(),
        starts,
        calls.to_string(),
        callers.to_string(),
        service.findings.to_string(),
        service.dependencies.join(", "),
    ]
}

/// The services that one calls, each with whether it waits for any answer, and by which kinds of wire.
fn peers(service: &Service) -> BTreeMap<&str, (bool, Vec<&str>)> {
    let mut found: BTreeMap<&str, (bool, Vec<&str>)> = BTreeMap::new();
    for wire in &service.wires_out {
        let Some(peer) = &wire.peer else { continue };
        let entry = found.entry(peer).or_default();
        entry.0 |= wire.waits;
        if !entry.1.contains(&wire.kind.as_str()) {
            entry.1.push(&wire.kind);
        }
    }
    found
}

/// Full lines for calls that wait, dashed ones for messages.
fn dot(services: &[Service]) -> String {
    let quoted = |text: &str| format!("\"{}\"", visible(text).replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::from("digraph services {\n");
    for service in services {
        let style = if service.starts { "" } else { " [style=dotted]" };
        let _ = writeln!(text, "  {}{style};", quoted(&service.name));
    }
    for service in services {
        for (peer, (waits, kinds)) in peers(service) {
            let style = if waits { "solid" } else { "dashed" };
            let label = quoted(&kinds.join(", "));
            let _ = writeln!(text, "  {} -> {} [style={style}, label={label}];", quoted(&service.name), quoted(peer));
        }
    }
    text + "}\n"
}

fn mermaid(services: &[Service]) -> String {
    let label = |text: &str| format!("\"{}\"", visible(text).replace('"', "#quot;"));
    let number = |name: &str| services.iter().position(|service| service.name == name);
    let mut text = String::from("flowchart LR\n");
    for (index, service) in services.iter().enumerate() {
        let _ = writeln!(text, "  s{index}[{}]", label(&service.name));
    }
    for (index, service) in services.iter().enumerate() {
        for (peer, (waits, kinds)) in peers(service) {
            let Some(to) = number(peer) else { continue };
            let line = if waits { "-->" } else { "-.->" };
            let _ = writeln!(text, "  s{index} {line}|{}| s{to}", label(&kinds.join(", ")));
        }
    }
    text
}

/// A step of the way between two services.
#[derive(Serialize)]
struct Step {
    from: String,
    to: String,
    path: String,
    line: u32,
    by: String,
    requests: Vec<String>,
    handlers: Vec<String>,
    typical_ms: Option<[Millis; 2]>,
}

fn way(program: &Program, from: &str, to: &str) -> Result<Vec<Step>, Failure> {
    let (from, to) = (named(program, from)?, named(program, to)?);
    let hops = program.wires().path(from, to).ok_or_else(|| {
        let name = |index: usize| &program.system.services[index].name;
        let failure = Failure::new(format!("no call is seen to lead from `{}` to `{}`", name(from), name(to)));
        failure.help("`lagmap services --format json` lists what each service calls, and what is not joined")
    })?;
    Ok(hops.iter().map(|hop| of_hop(program, hop)).collect())
}

fn named(program: &Program, name: &str) -> Result<usize, Failure> {
    let services = &program.system.services;
    let found = services.iter().position(|service| service.name == name);
    let found = found.or_else(|| services.iter().position(|service| service.name.eq_ignore_ascii_case(name)));
    found.ok_or_else(|| {
        let failure = Failure::new(format!("no service is called `{name}`"));
        match suggestion::nearest(name, services.iter().map(|service| service.name.as_str())) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help("`lagmap services` lists them"),
        }
    })
}

fn of_hop(program: &Program, hop: &Hop) -> Step {
    let wires = program.wires();
    let call = program.call(hop.call);
    let requests = hop.requests.iter().map(|index| &wires.requests[*index]);
    let mut handlers: Vec<String> = requests.clone().map(|request| program.function_name(request.handler)).collect();
    handlers.dedup();
    Step {
        from: program.system.services[hop.from].name.clone(),
        to: program.system.services[hop.to].name.clone(),
        path: call.unit.path.clone(),
        line: call.unit.lines.position(call.span().start).line,
        by: match &hop.by {
            Joint::Port(port) => format!("port {port}"),
            Joint::Name => "its name".to_owned(),
            Joint::Topic(topic) => format!("topic {topic}"),
        },
        requests: requests.filter_map(lagmap_program::Request::name).collect(),
        handlers,
        typical_ms: hop.cost.map(|cost| [Millis(cost.low), Millis(cost.high)]),
    }
}

fn step(step: &Step) -> String {
    let waits = match step.typical_ms {
        Some(ms) => format!("waits {}", interval(ms)),
        None => "does not wait".to_owned(),
    };
    let asked = if step.requests.is_empty() { String::new() } else { format!(" for {}", step.requests.join(" or ")) };
    let answers =
        if step.handlers.is_empty() { String::new() } else { format!("; answered by {}", step.handlers.join(", ")) };
    visible(&format!(
        "{} -> {}{asked} ({}:{}, by {}): {waits}{answers}",
        step.from, step.to, step.path, step.line, step.by
    ))
    .into_owned()
        + "\n"
}

/// What holds the start of the system up, and what runs beside the services.
fn footer(report: &Report) -> String {
    let mut lines = String::new();
    let on_path =
        |service: &'_ Service| service.startup.as_ref().is_some_and(|start| start.critical_path_position.is_some());
    let mut path: Vec<(&Service, &ServiceStartup)> = report
        .services
        .iter()
        .filter(|service| on_path(service))
        .filter_map(|it| Some((it, it.startup.as_ref()?)))
        .collect();
    path.sort_by_key(|(_, start)| start.critical_path_position);
    if let Some((_, last)) = path.last() {
        let _ = write!(lines, "\nStart-up: all is up after {}, behind\n", interval(last.up_ms));
        for (service, start) in &path {
            let time = if start.own_ms[1].0 > 0.0 { interval(start.own_ms) } else { "no time known".to_owned() };
            let _ = write!(lines, "  {}: {time}", visible(&service.name));
            if let Some(delay) = start.delays.first() {
                let _ = write!(lines, ", mostly {} ({}:{})", visible(&delay.note), visible(&delay.path), delay.line);
            }
            lines.push('\n');
        }
    }
    if !report.peers.is_empty() {
        let peers = report.peers.iter().map(|peer| match &peer.image {
            Some(image) => format!("{} ({})", visible(&peer.name), visible(image)),
            None => visible(&peer.name).into_owned(),
        });
        let _ = write!(lines, "\nBeside them: {}\n", peers.collect::<Vec<_>>().join(", "));
    }
    lines
}
