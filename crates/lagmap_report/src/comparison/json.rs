//! A comparison for programs: `schema/comparison.json`.

use std::io::{self, Write};

use super::Comparison;

/// Writes the comparison, indented by two, with a line end at its end.
pub fn render(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, comparison)?;
    out.write_all(b"\n")
}
