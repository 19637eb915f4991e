//! A comparison as a page: for the comment on a change.

use std::io::{self, Write};

use super::{Comparison, SnapshotFinding, counted, headline, measured, numbers};
use crate::escape::{code_span, prose};

/// Writes the comparison.
pub fn render(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Performance: {}\n", headline(comparison))?;
    for (name, side) in [("Before", &comparison.before), ("After", &comparison.after)] {
        let measured = measured(side).map(|text| format!("; {}", prose(&text))).unwrap_or_default();
        writeln!(out, "- {name}: {}{measured}", counted(side.findings))?;
    }
    for (title, findings) in [("New", &comparison.new), ("Fixed", &comparison.fixed)] {
        if findings.is_empty() {
            continue;
        }
        writeln!(out, "\n## {title}\n")?;
        for finding in findings {
            writeln!(out, "- {} - {}", line(finding), prose(&numbers(finding)))?;
        }
    }
    if comparison.changed.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## With other numbers\n")?;
    for changed in &comparison.changed {
        let was = format!("{}, {}", changed.before.severity.name(), numbers(&changed.before));
        writeln!(out, "- {} - {}; was {}", line(&changed.after), prose(&numbers(&changed.after)), prose(&was))?;
    }
    Ok(())
}

fn line(finding: &SnapshotFinding) -> String {
    let place = code_span(&format!("{}:{}", finding.path, finding.line));
    let (severity, rule) = (finding.severity.name(), code_span(&finding.rule));
    format!("**{severity}** {} ({place}, {rule})", prose(&finding.message))
}
