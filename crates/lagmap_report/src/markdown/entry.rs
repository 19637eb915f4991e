//! One problem as a list entry: its headline, what happens, where, along which calls, and the cure.

use std::io::{self, Write};

use crate::escape::{code_block, code_span, prose};
use crate::groups::Problem;
use crate::measured;
use crate::model::{Confidence, Finding};
use crate::quantity::{cost, provenance, thousands};

/// Places that are shown with the calls that lead to their cost; those of one cause are much alike.
const TRACED_PLACES: usize = 3;
/// Places that are listed; the JSON report holds them all.
const LISTED_PLACES: usize = 25;

/// "**Title** in 15 services - 100-500 ms per request (assumed)": the form of the rankings.
pub(super) fn headline(problem: &Problem<'_>) -> String {
    let reach = problem.reach().map(|reach| format!(" in {}", prose(&reach))).unwrap_or_default();
    format!("**{}**{reach}{}", prose(&problem.group.title), impact(problem))
}

/// "**Service**: title - cost": the form of the recommendations.
pub(super) fn recommendation(problem: &Problem<'_>) -> String {
    let title = prose(&problem.group.title);
    let who = problem.reach().map(|reach| format!("**{}**: ", prose(&reach))).unwrap_or_default();
    format!("{who}{title}{}", impact(problem))
}

fn impact(problem: &Problem<'_>) -> String {
    let impact = problem.impact();
    let share = problem.share().and_then(measured::in_headline).map(|share| format!(", {share}")).unwrap_or_default();
    match cost(&impact).as_str() {
        "" => share,
        cost => format!(" - {cost} ({}){share}", prose(&provenance(&impact))),
    }
}

/// Writes a problem in full. `marker` is the list marker that it begins with; all that follows is indented by it.
pub(super) fn write(marker: &str, headline: &str, problem: &Problem<'_>, out: &mut dyn Write) -> io::Result<()> {
    let indent = " ".repeat(marker.len() + 1);
    let worst = problem.worst;
    writeln!(out, "{marker} {headline}\n")?;
    writeln!(out, "{indent}{}", prose(&worst.message))?;
    let likely = if worst.confidence == Confidence::Certain { "" } else { ", likely" };
    let likely = if worst.confidence == Confidence::Possible { ", possible" } else { likely };
    writeln!(out, "{indent}Rule {} ({}{likely}).\n", code_span(&worst.rule), prose(&worst.bullet))?;
    if let Some(measured) = problem.share() {
        writeln!(out, "{indent}Measured: {}.\n", prose(&measured::of_finding(measured)))?;
    }
    if problem.group.services.len() > 1 {
        let names: Vec<String> = problem.group.services.iter().map(|name| code_span(name)).collect();
        writeln!(out, "{indent}Services: {}.\n", names.join(", "))?;
    }
    places(problem, &indent, out)?;
    writeln!(out, "{indent}Cure: {}\n", prose(&worst.suggestion))?;
    match &worst.cure {
        Some(cure) => writeln!(out, "{}", code_block(cure, &indent)),
        None => Ok(()),
    }
}

fn places(problem: &Problem<'_>, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    for (index, finding) in problem.findings.iter().take(LISTED_PLACES).enumerate() {
        let place = place(&finding.path, Some(finding.line));
        writeln!(out, "{indent}- {place} in {}", code_span(&finding.function))?;
        if index < TRACED_PLACES {
            trace(finding, indent, out)?;
        }
    }
    let more = problem.findings.len().saturating_sub(LISTED_PLACES);
    if more > 0 {
        writeln!(out, "{indent}- and {} more", thousands(more))?;
    }
    writeln!(out)
}

fn trace(finding: &Finding, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    for (index, step) in finding.trace.iter().enumerate() {
        let (place, function) = (place(&step.path, Some(step.line)), code_span(&step.function));
        writeln!(out, "{indent}  {}. {place} {function} {}", index + 1, prose(&step.note))?;
    }
    Ok(())
}

/// `path:line` as code.
pub(super) fn place(path: &str, line: Option<u32>) -> String {
    match line {
        Some(line) => code_span(&format!("{path}:{line}")),
        None => code_span(path),
    }
}
