//! What the script reads: the findings, the services with their wires, the code that is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use lagmap_report::{Finding, Report, SourceProvider, cost, interval, visible};
use serde::Serialize;

use crate::mend::{Mend, RuleMend};
use crate::page::{Word, slowest, word};

/// Lines that are shown around a finding, on each side.
const AROUND: u32 = 4;
/// Longer lines are cut: no line of code that a person wrote is longer.
const LONGEST_LINE: usize = 400;

#[derive(Serialize)]
struct Data<'a> {
    findings: Vec<FindingData<'a>>,
    services: Vec<ServiceData>,
    wires: Vec<WireData>,
    /// Lines by file and number.
    code: BTreeMap<String, BTreeMap<u32, String>>,
    rules: BTreeMap<&'a str, Mend>,
}

#[derive(Serialize)]
struct FindingData<'a> {
    fingerprint: &'a str,
    rule: &'a str,
    section: Word,
    severity: Word,
    confidence: Word,
    title: String,
    message: String,
    path: String,
    line: u32,
    function: String,
    cost: String,
    basis: Word,
    source: String,
    measured: Option<String>,
    services: Vec<String>,
    waits_behind: Vec<String>,
    suggestion: String,
    cure: Option<String>,
    trace: Vec<StepData>,
}

#[derive(Serialize)]
struct StepData {
    path: String,
    line: u32,
    function: String,
    note: String,
}

#[derive(Serialize)]
struct ServiceData {
    name: String,
    starts: bool,
    findings: usize,
    severity: Option<Word>,
    slowest: Option<String>,
}

/// Who calls whom, by their places among the services.
#[derive(Serialize)]
struct WireData {
    from: usize,
    to: usize,
    waits: bool,
    cost: String,
    /// The high end of it, in milliseconds.
    ms: f64,
}

/// The data as JSON that may stand in a script element: it holds no `<`.
pub(crate) fn json(report: &Report, sources: &dyn SourceProvider, mends: &[RuleMend<'_>]) -> io::Result<String> {
    let named: BTreeSet<&str> = report.findings.iter().map(|finding| &*finding.rule).collect();
    let rules = mends.iter().filter(|mend| named.contains(mend.rule)).map(|mend| (mend.rule, Mend::of(mend.document)));
    let data = Data {
        findings: report.findings.iter().map(finding).collect(),
        services: services(report),
        wires: wires(report),
        code: code(report, sources),
        rules: rules.collect(),
    };
    Ok(serde_json::to_string(&data)?.replace('<', "\\u003c"))
}

fn text(text: &str) -> String {
    visible(text).into_owned()
}

fn texts(texts: &[String]) -> Vec<String> {
    texts.iter().map(|one| text(one)).collect()
}

fn finding(finding: &Finding) -> FindingData<'_> {
    let trace = finding.trace.iter();
    FindingData {
        fingerprint: &finding.fingerprint,
        rule: &finding.rule,
        section: word(&finding.section),
        severity: word(&finding.severity),
        confidence: word(&finding.confidence),
        title: text(&finding.title),
        message: text(&finding.message),
        path: text(&finding.path),
        line: finding.line,
        function: text(&finding.function),
        cost: cost(&finding.impact),
        basis: word(&finding.impact.basis),
        source: text(&finding.impact.source),
        measured: finding.measured.as_ref().map(lagmap_report::in_words),
        services: texts(&finding.services),
        waits_behind: texts(&finding.waits_behind),
        suggestion: text(&finding.suggestion),
        cure: finding.cure.as_deref().map(|code| code.lines().map(shown).collect::<Vec<_>>().join("\n")),
        trace: trace
            .map(|step| StepData {
                path: text(&step.path),
                line: step.line,
                function: text(&step.function),
                note: text(&step.note),
            })
            .collect(),
    }
}

fn services(report: &Report) -> Vec<ServiceData> {
    let mut worst: BTreeMap<&str, lagmap_report::Severity> = BTreeMap::new();
    for finding in &report.findings {
        for service in &finding.services {
            let known = worst.entry(service).or_insert(finding.severity);
            *known = (*known).min(finding.severity);
        }
    }
    report
        .services
        .iter()
        .map(|service| ServiceData {
            name: text(&service.name),
            starts: service.starts,
            findings: service.findings,
            severity: worst.get(&*service.name).map(word),
            slowest: slowest(service).map(|handler| interval(handler.typical_ms)),
        })
        .collect()
}

/// One wire for each pair of services: that with the dearest request, or one on which nobody waits.
fn wires(report: &Report) -> Vec<WireData> {
    let places: BTreeMap<&str, usize> =
        report.services.iter().enumerate().map(|(place, service)| (&*service.name, place)).collect();
    let mut found: BTreeMap<(usize, usize), bool> = BTreeMap::new();
    for (from, service) in report.services.iter().enumerate() {
        for wire in &service.wires_out {
            let Some(to) = wire.peer.as_deref().and_then(|peer| places.get(peer)) else { continue };
            *found.entry((from, *to)).or_default() |= wire.waits;
        }
    }
    let wire = |((from, to), waits): ((usize, usize), bool)| {
        let handler = slowest(&report.services[to]).filter(|_| waits);
        let cost = handler.map(|handler| interval(handler.typical_ms)).unwrap_or_default();
        WireData { from, to, waits, cost, ms: handler.map_or(0.0, |handler| handler.typical_ms[1].0) }
    };
    found.into_iter().map(wire).collect()
}

/// The lines that are shown: those around findings, and those of the steps to them.
fn code(report: &Report, sources: &dyn SourceProvider) -> BTreeMap<String, BTreeMap<u32, String>> {
    let mut wanted: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for finding in &report.findings {
        let first = finding.line.saturating_sub(AROUND).max(1);
        wanted.entry(&finding.path).or_default().extend(first..=finding.line.saturating_add(AROUND));
        for step in &finding.trace {
            wanted.entry(&step.path).or_default().insert(step.line);
        }
    }
    let lines_of = |(path, numbers): (&str, BTreeSet<u32>)| {
        let source = sources.source(path)?;
        let lines = (1..).zip(source.lines()).filter(|(number, _)| numbers.contains(number));
        Some((text(path), lines.map(|(number, line)| (number, shown(line))).collect()))
    };
    wanted.into_iter().filter_map(lines_of).collect()
}

/// A line of code without what steers, tabs as four spaces.
fn shown(line: &str) -> String {
    let mut cut: String = line.chars().take(LONGEST_LINE).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    text(&cut.replace('\t', "    "))
}
