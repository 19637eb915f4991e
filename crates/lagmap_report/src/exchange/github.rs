//! Annotations of GitHub Actions: workflow commands, one a finding.

use std::io::{self, Write};

use super::{sentences, steps};
use crate::escape::visible;
use crate::model::{Finding, Report, Severity};

/// Writes the findings, worst first. GitHub shows the first ten of each kind that a step prints.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        writeln!(out, "{}", command(finding))?;
    }
    Ok(())
}

fn command(finding: &Finding) -> String {
    let kind = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "notice",
    };
    // A range of columns is only taken where the range is within one line.
    let columns = if finding.line == finding.end_line {
        format!(",col={},endColumn={}", finding.column, finding.end_column)
    } else {
        String::new()
    };
    let mut lines = sentences(finding);
    if finding.trace.len() > 1 {
        lines.push("Path:".to_owned());
        lines.extend(steps(finding));
    }
    format!(
        "::{kind} file={},line={},endLine={}{columns},title={}::{}",
        property(&visible(&finding.path)),
        finding.line,
        finding.end_line,
        property(&visible(&format!("lagmap ({}): {}", finding.rule, finding.title))),
        data(&lines.join("\n"))
    )
}

/// A message, as GitHub's own toolkit escapes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property, as GitHub's own toolkit escapes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
