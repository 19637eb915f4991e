//! GitLab's Code Quality report.

use std::io::{self, Write};

use serde::Serialize;

use super::cost;
use crate::escape::visible;
use crate::model::{Finding, Report, Severity};

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: &'a str,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

/// Writes the findings, worst first.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let issues: Vec<Issue<'_>> = report.findings.iter().map(issue).collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    out.write_all(b"\n")
}

fn issue(finding: &Finding) -> Issue<'_> {
    let severity = match finding.severity {
        Severity::Critical => "blocker",
        Severity::High => "critical",
        Severity::Medium => "major",
        Severity::Low => "minor",
    };
    let cost = cost(finding).map(|cost| format!(" ({cost})")).unwrap_or_default();
    Issue {
        description: format!("{}{cost}", visible(&finding.message)),
        check_name: &finding.rule,
        fingerprint: &finding.fingerprint,
        severity,
        location: Location { path: &finding.path, lines: Lines { begin: finding.line, end: finding.end_line } },
    }
}
