//! A comparison for people at a terminal.

use std::io::{self, Write};

use super::{Comparison, Side, SnapshotFinding, counted, headline, measured, numbers};
use crate::escape::visible;
use crate::terminal::Paint;

/// Writes the comparison; `styled` with colours.
pub fn render(comparison: &Comparison, styled: bool, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint { styled };
    writeln!(out, "{}", paint.bold(&headline(comparison)))?;
    for (title, findings) in [("new", &comparison.new), ("fixed", &comparison.fixed)] {
        if findings.is_empty() {
            continue;
        }
        writeln!(out, "\n{}", paint.bold(title))?;
        for finding in findings {
            writeln!(out, "  {}  {}", line(finding, paint), numbers(finding))?;
        }
    }
    if !comparison.changed.is_empty() {
        writeln!(out, "\n{}", paint.bold("with other numbers"))?;
        for changed in &comparison.changed {
            writeln!(out, "  {}", line(&changed.after, paint))?;
            writeln!(out, "      was {}: {}", changed.before.severity.name(), numbers(&changed.before))?;
            writeln!(out, "      is  {}: {}", changed.after.severity.name(), numbers(&changed.after))?;
        }
    }
    writeln!(out)?;
    let side = |side: &Side| {
        let measured = measured(side).map(|text| format!("; {text}")).unwrap_or_default();
        format!("{}{measured}", counted(side.findings))
    };
    writeln!(out, "before: {}", side(&comparison.before))?;
    writeln!(out, "after:  {}", side(&comparison.after))
}

fn line(finding: &SnapshotFinding, paint: Paint) -> String {
    let severity = paint.severity(finding.severity, &format!("{:8}", finding.severity.name()));
    let place = paint.dim(&format!("{}:{}", visible(&finding.path), finding.line));
    format!("{severity} {}  {place}  {}", visible(&finding.message), visible(&finding.rule))
}
