//! What the template shows: all that can be read without a script.

use lagmap_report::{
    FindingCounts, Handler, ReadError, Report, Section, Service, Severity, cost, interval, thousands, visible,
};
use serde::Serialize;

/// Problems that are named first.
const FIRST: usize = 10;
const SECTIONS: [(Section, &str); 5] = [
    (Section::Hotspots, "Performance hotspots"),
    (Section::Memory, "Memory"),
    (Section::Cpu, "CPU"),
    (Section::Pooling, "Pooling"),
    (Section::Caching, "Caching"),
];

/// A word of the JSON report: `per-request`.
pub(crate) type Word = String;

/// The word that the JSON report has for a value.
pub(crate) fn word(value: &impl Serialize) -> Word {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The handler whose requests take longest.
pub(crate) fn slowest(service: &Service) -> Option<&Handler> {
    service.handlers.iter().max_by(|a, b| a.typical_ms[1].0.total_cmp(&b.typical_ms[1].0))
}

/// What is put into the page as it is.
pub(crate) struct Parts {
    pub(crate) script_hashes: String,
    pub(crate) css: &'static str,
    pub(crate) libraries: &'static str,
    pub(crate) script: &'static str,
    pub(crate) data: String,
}

#[derive(Serialize)]
pub(crate) struct Context {
    title: String,
    summary: String,
    tool: String,
    script_hashes: String,
    css: &'static str,
    libraries: &'static str,
    script: &'static str,
    data: String,
    severities: [Word; 4],
    groups: Vec<GroupRow>,
    overview: Vec<OverviewRow>,
    services: Vec<ServiceRow>,
    appendix: Vec<AppendixPart>,
}

#[derive(Serialize)]
struct GroupRow {
    severity: Word,
    title: String,
    message: String,
    places: String,
    cost: String,
    services: String,
    fingerprint: String,
}

#[derive(Serialize)]
struct OverviewRow {
    section: Word,
    title: &'static str,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    severity: Word,
    count: usize,
}

#[derive(Serialize)]
struct ServiceRow {
    name: String,
    script: String,
    state: String,
    slowest: String,
    waits_for: String,
    findings: usize,
}

#[derive(Serialize)]
struct AppendixPart {
    title: &'static str,
    lines: Vec<AppendixLine>,
}

#[derive(Serialize)]
struct AppendixLine {
    place: String,
    text: String,
}

pub(crate) fn context(report: &Report, parts: Parts) -> Context {
    let FindingCounts { critical, high, medium, low } = report.summary.findings;
    let summary = &report.summary;
    Context {
        title: format!("lagmap: {} findings", critical + high + medium + low),
        summary: format!(
            "{} files, {} lines, {} services: {critical} critical, {high} high, {medium} medium, {low} low",
            thousands(summary.files),
            thousands(summary.lines),
            thousands(summary.services)
        ),
        tool: format!("Made by {} {}", report.tool.name, report.tool.version),
        script_hashes: parts.script_hashes,
        css: parts.css,
        libraries: parts.libraries,
        script: parts.script,
        data: parts.data,
        severities: Severity::ALL.map(|severity| word(&severity)),
        groups: groups(report),
        overview: SECTIONS.iter().map(|(section, title)| overview(report, *section, title)).collect(),
        services: report.services.iter().map(service).collect(),
        appendix: appendix(report),
    }
}

fn text(text: &str) -> String {
    visible(text).into_owned()
}

fn groups(report: &Report) -> Vec<GroupRow> {
    let row = |group: &lagmap_report::Group| {
        let print = group.findings.first()?;
        let worst = report.findings.iter().find(|finding| finding.fingerprint == *print)?;
        let places = match group.findings.len() {
            1 => format!("{}:{}", text(&worst.path), worst.line),
            many => format!("{many} places, first {}:{}", text(&worst.path), worst.line),
        };
        let services = match &*group.services {
            [] => String::new(),
            [only] => text(only),
            many => format!("{} services", many.len()),
        };
        Some(GroupRow {
            severity: word(&group.severity),
            title: text(&group.title),
            message: text(&worst.message),
            places,
            cost: cost(&worst.impact),
            services,
            fingerprint: print.clone(),
        })
    };
    report.groups.iter().filter_map(row).take(FIRST).collect()
}

fn overview(report: &Report, section: Section, title: &'static str) -> OverviewRow {
    let of_section = report.findings.iter().filter(|finding| finding.section == section);
    let counted = |severity| of_section.clone().filter(|finding| finding.severity == severity).count();
    let cell = |severity| Cell { severity: word(&severity), count: counted(severity) };
    OverviewRow { section: word(&section), title, cells: Severity::ALL.into_iter().map(cell).collect() }
}

fn service(service: &Service) -> ServiceRow {
    let mut peers: Vec<&str> =
        service.wires_out.iter().filter(|wire| wire.waits).filter_map(|wire| wire.peer.as_deref()).collect();
    peers.sort_unstable();
    peers.dedup();
    let slowest = slowest(service).map(|handler| {
        let request = handler.request.as_deref().unwrap_or_else(|| short(&handler.function));
        format!("{}: {}", text(request), interval(handler.typical_ms))
    });
    ServiceRow {
        name: text(&service.name),
        script: text(&service.script),
        state: match &service.problem {
            Some(problem) => format!("cannot start: {}", text(problem)),
            None => "starts".to_owned(),
        },
        slowest: slowest.unwrap_or_default(),
        waits_for: text(&peers.join(", ")),
        findings: service.findings,
    }
}

fn appendix(report: &Report) -> Vec<AppendixPart> {
    let line = |path: &str, line: Option<u32>, message: &str| AppendixLine {
        place: match line {
            Some(line) => format!("{}:{line}", text(path)),
            None => text(path),
        },
        text: text(message),
    };
    let problems = report.system_problems.iter().map(|problem| line(&problem.path, problem.line, &problem.message));
    let errors = report.errors.iter().map(|error: &ReadError| line(&error.path, error.line, &error.message));
    let syntax = report.syntax_errors.iter().map(|error| line(&error.path, Some(error.line), &error.message));
    let unused = report.suppressions_unused.iter().map(|unused| line(&unused.path, Some(unused.line), &unused.rule));
    [
        ("Problems of the configuration", problems.collect::<Vec<_>>()),
        ("Files that could not be read", errors.collect()),
        ("Syntax errors; these files were audited as far as they could be recovered", syntax.collect()),
        ("Suppressions that match nothing", unused.collect()),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .map(|(title, lines)| AppendixPart { title, lines })
    .collect()
}

/// A method with its class, a function by itself: `Twin.run` of `agents.twin.Twin.run`.
fn short(function: &str) -> &str {
    let mut dots = function.rmatch_indices('.').map(|(at, _)| at + 1);
    let (last, before) = (dots.next(), dots.next());
    let of_class = before.filter(|at| function[*at..].starts_with(char::is_uppercase));
    of_class.or(last).map_or(function, |at| &function[at..])
}
