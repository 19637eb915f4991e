//! Findings with their severity, whom they hit, their rank and their identity.

use lagmap_facts::NameHash;
use lagmap_program::{Frequency, FunctionId, Program};
use lagmap_rules::{Finding, Harm, Location};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::{MeasuredImpact, Severity};

/// A finding, judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What was found.
    pub finding: Finding,
    /// How much one operation costs.
    pub severity: Severity,
    /// Names of the services that reach it, sorted.
    pub services: Vec<String>,
    /// Names of the services that wait, at some remove, for those to answer, sorted.
    pub waits_behind: Vec<String>,
    /// The file, relative to the audited root.
    pub path: String,
    /// First line and column, from 1.
    pub start: (u32, u32),
    /// Last line, and the column behind the last character.
    pub end: (u32, u32),
    /// Qualified name of the function it stands in.
    pub function: String,
    /// Identifies the finding over edits: it does not change when lines move.
    pub fingerprint: String,
    /// What profiles say of it.
    pub measured: Option<MeasuredImpact>,
}

/// Judges findings and ranks them: by severity, then by expected time per request times services that are hit or wait behind.
pub fn judge(program: &Program, findings: Vec<Finding>) -> Vec<Judged> {
    let mut judged: Vec<Judged> = findings.into_par_iter().map(|finding| judge_one(program, finding)).collect();
    rank(&mut judged);
    identify(&mut judged);
    judged
}

/// Puts findings in order: those that a profile saw to be hot by their share, the others as they were judged.
pub(crate) fn rank(judged: &mut [Judged]) {
    judged.par_sort_by(|a, b| {
        let place = |judged: &Judged| (judged.path.clone(), judged.start, judged.finding.rule.name);
        (heat(b).total_cmp(&heat(a)))
            .then_with(|| (a.severity, is_not_failure(a)).cmp(&(b.severity, is_not_failure(b))))
            .then_with(|| weight(b).total_cmp(&weight(a)))
            .then_with(|| place(a).cmp(&place(b)))
            .then_with(|| a.finding.message.cmp(&b.finding.message))
    });
}

/// The share of the measured time that a finding takes, if it is worth mentioning. Nothing is hotter than a service that does
/// not start; without profiles all are alike.
fn heat(judged: &Judged) -> f64 {
    match &judged.measured {
        _ if !is_not_failure(judged) => f64::INFINITY,
        Some(measured) if measured.is_hot() => measured.measured.share,
        _ => 0.0,
    }
}

/// A service that cannot start stands above everything else.
fn is_not_failure(judged: &Judged) -> bool {
    judged.finding.harm != Harm::Failure
}

fn judge_one(program: &Program, finding: Finding) -> Judged {
    let severity = Severity::of(&finding);
    match &finding.location {
        Location::Code { file, function, span } => {
            let unit = program.linked.file(*file);
            let (start, end) = (unit.lines.position(span.start), unit.lines.position(span.end));
            let services = services(program, *function);
            let waits_behind = waits_behind(program, &finding, *function, &services);
            let (path, function) = (unit.path.clone(), program.function_name(*function));
            let (start, end) = ((start.line, start.column), (end.line, end.column));
            Judged {
                finding,
                severity,
                services,
                waits_behind,
                path,
                start,
                end,
                function,
                fingerprint: String::new(),
                measured: None,
            }
        }
        Location::Line { path, line, column, services } => {
            let (path, services, start) = (path.clone(), services.clone(), (*line, *column));
            let function = path.rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem).replace('/', ".");
            let waits_behind = waits_for(program, &services);
            Judged {
                finding,
                severity,
                services,
                waits_behind,
                path,
                start,
                end: start,
                function,
                fingerprint: String::new(),
                measured: None,
            }
        }
    }
}

fn services(program: &Program, function: FunctionId) -> Vec<String> {
    let reached = program.services_of(function);
    sorted(reached.into_iter().map(|index| program.system.services[index].name.clone()))
}

/// The services that wait for what a finding makes slow: those that asked for the request it happens in.
fn waits_behind(program: &Program, finding: &Finding, function: FunctionId, hit: &[String]) -> Vec<String> {
    let in_request = finding.context.is_some_and(|context| {
        matches!(context.frequency, Frequency::Request | Frequency::Occasional | Frequency::Lazy)
    });
    if !in_request {
        return Vec::new();
    }
    let names = program.wires().behind(function).map(|index| program.system.services[index].name.clone());
    sorted(names.filter(|name| !hit.contains(name)))
}

/// The services that wait for others that do not run at all.
fn waits_for(program: &Program, hit: &[String]) -> Vec<String> {
    let wires = program.wires();
    let services = &program.system.services;
    let mut down: Vec<usize> = (0..services.len()).filter(|index| hit.contains(&services[*index].name)).collect();
    let mut next = 0;
    while let Some(to) = down.get(next).copied() {
        next += 1;
        for wait in wires.waits.iter().filter(|wait| wait.to == to) {
            if !down.contains(&wait.service) {
                down.push(wait.service);
            }
        }
    }
    sorted(down.into_iter().map(|index| services[index].name.clone()).filter(|name| !hit.contains(name)))
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

/// Expected time per request times services reached, those that wait behind them included. What happens per request counts in full, what a loop does in the
/// background a tenth, what is done once a hundredth: the order, not the ratio, is what it is for.
fn weight(judged: &Judged) -> f64 {
    let often = match judged.finding.context.map(|context| context.frequency) {
        Some(Frequency::Request | Frequency::Library) => 1.0,
        Some(Frequency::Background) => 0.1,
        _ => 0.01,
    };
    let time = match &judged.finding.harm {
        Harm::Time { cost, .. } => cost.low.max(0.001) * cost.high.max(0.001),
        // A hang costs what it takes a person to notice: a minute or more, if rarely.
        Harm::Hang { cost, .. } => (cost.low.max(0.001) * cost.high.max(0.001)).max(10_000.0),
        Harm::Growth { bytes } => bytes.high,
        Harm::Leak { .. } => 1000.0,
        Harm::Lost => 1.0,
        Harm::Failure => f64::from(u16::MAX) * 1e9,
    };
    #[allow(clippy::cast_precision_loss)] // Service counts are small.
    let hit = (judged.services.len() + judged.waits_behind.len()).max(1) as f64;
    time.sqrt() * often * hit
}

/// Gives each finding a fingerprint of its rule, file, function and message, and of its place among equals.
fn identify(judged: &mut [Judged]) {
    let mut order: Vec<usize> = (0..judged.len()).collect();
    order.sort_by(|a, b| {
        let key = |index: &usize| {
            (&judged[*index].path, judged[*index].start, judged[*index].finding.rule.name, judged[*index].end)
        };
        key(a).cmp(&key(b))
    });
    let mut seen: FxHashMap<NameHash, u32> = FxHashMap::default();
    for index in order {
        let one = &judged[index];
        let text = [one.finding.rule.name, &one.path, &one.function, &one.finding.message].join("\n");
        let number = seen.entry(NameHash::of(&text)).or_default();
        *number += 1;
        let (first, second) = (NameHash::of(&text).0, NameHash::of(&format!("{number}\n{text}")).0);
        judged[index].fingerprint = format!("{first:016x}{second:016x}");
    }
}
