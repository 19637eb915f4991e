//! What stands above the sections: what cannot start, what was read, and what to fix first.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::escape::{code_span, prose};
use crate::groups::Problem;
use crate::markdown::entry;
use crate::measured;
use crate::model::{Report, Service};
use crate::quantity::{count, thousands};

/// As many as a team can look at in a week.
const FIRST: usize = 10;

/// Writes the title, the services that cannot start, the summary and the things to fix first.
pub(super) fn write(report: &Report, problems: &[Problem<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Performance audit\n")?;
    broken_services(&report.services, out)?;
    system_problems(report, out)?;
    summary(report, out)?;
    measured_share(report, out)?;
    first_things(problems, out)
}

fn broken_services(services: &[Service], out: &mut dyn Write) -> io::Result<()> {
    let broken: Vec<&Service> = services.iter().filter(|service| !service.starts).collect();
    if broken.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Services that cannot start ({} of {})\n", broken.len(), services.len())?;
    for service in broken {
        write!(out, "- **{}** ({})", prose(&service.name), code_span(&service.script))?;
        match &service.problem {
            Some(problem) => writeln!(out, ": {}", prose(problem))?,
            None => writeln!(out)?,
        }
    }
    writeln!(out)
}

fn system_problems(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.system_problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Problems of the start-up configuration\n")?;
    for problem in &report.system_problems {
        let place = entry::place(&problem.path, problem.line);
        writeln!(out, "- {} ({}, {place})", prose(&problem.message), prose(&problem.kind))?;
    }
    writeln!(out)
}

fn summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    writeln!(out, "## Summary\n")?;
    writeln!(
        out,
        "- Audited: {}, {}, {}.",
        count(summary.files, "file", "files"),
        count(summary.lines, "line", "lines"),
        count(summary.services, "service", "services"),
    )?;
    let broken = summary.files_with_syntax_errors;
    if broken > 0 {
        let files = count(broken, "file has a syntax error", "files have syntax errors");
        writeln!(out, "- {files}; what could be recovered of them was audited.")?;
    }
    match report.errors.len() {
        0 => writeln!(out, "- Every file could be read.")?,
        errors => writeln!(out, "- {} could not be read; see the end.", count(errors, "file", "files"))?,
    }
    let counts = summary.findings;
    writeln!(
        out,
        "- {} from {}: {} critical, {} high, {} medium, {} low.",
        count(counts.total(), "finding", "findings"),
        count(report.groups.len(), "cause", "causes"),
        thousands(counts.critical),
        thousands(counts.high),
        thousands(counts.medium),
        thousands(counts.low),
    )?;
    match summary.negligible {
        0 => writeln!(out),
        some => writeln!(
            out,
            "- {} too little to be shown; `--min-impact-ms 0` shows all.\n",
            count(some, "further finding costs", "further findings cost")
        ),
    }
}

fn measured_share(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(summary) = &report.profile else { return Ok(()) };
    writeln!(out, "## What was measured\n")?;
    for share in &summary.shares {
        writeln!(out, "{}.\n", prose(&measured::of_share(share, summary)))?;
        if share.hot.is_empty() {
            continue;
        }
        writeln!(out, "Hot, and explained by no finding:\n")?;
        for hot in share.hot.iter().take(measured::HOT) {
            let (percent, calls) = measured::of_hot(hot);
            let place = entry::place(&hot.path, Some(hot.line));
            writeln!(out, "- {percent}: {}{calls} ({place})", code_span(&hot.function))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn first_things(problems: &[Problem<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## The ten things to fix first\n")?;
    if problems.is_empty() {
        return writeln!(out, "Nothing was found that is worth fixing.\n");
    }
    // One place may break several rules; what is to be done there is one thing.
    let mut places = BTreeSet::new();
    let first = problems.iter().filter(|problem| places.insert((&problem.worst.path, problem.worst.line)));
    for (index, problem) in first.take(FIRST).enumerate() {
        let worst = problem.worst;
        writeln!(
            out,
            "{}. {}\n   {}. First seen at {}.",
            index + 1,
            entry::headline(problem),
            prose(worst.suggestion.trim_end_matches('.')),
            entry::place(&worst.path, Some(worst.line)),
        )?;
    }
    writeln!(out)
}
