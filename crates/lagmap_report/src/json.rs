//! The JSON report.

use std::io::{self, Write};

use crate::model::Report;

/// Writes the report as `schema/report.json` describes it: indented by two, with a line end at its end.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
