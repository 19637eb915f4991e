//! One finding a line, each a JSON object as in the JSON report.

use std::io::{self, Write};

use crate::model::Report;

/// Writes the findings, worst first.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        serde_json::to_writer(&mut *out, finding)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
