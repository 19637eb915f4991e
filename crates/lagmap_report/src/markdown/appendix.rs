//! What stands below the sections: files that could not be read, syntax errors, suppressions that match nothing.

use std::io::{self, Write};

use crate::escape::{code_span, prose};
use crate::markdown::entry::place;
use crate::model::Report;

/// Writes the lists that are not empty.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if !report.errors.is_empty() {
        writeln!(out, "# Files that could not be read\n")?;
        for error in &report.errors {
            writeln!(out, "- {}: {}", place(&error.path, error.line), prose(&error.message))?;
        }
        writeln!(out)?;
    }
    if !report.syntax_errors.is_empty() {
        writeln!(out, "# Syntax errors\n\nThese files were audited as far as they could be recovered.\n")?;
        for error in &report.syntax_errors {
            writeln!(out, "- {}: {}", place(&error.path, Some(error.line)), prose(&error.message))?;
        }
        writeln!(out)?;
    }
    if !report.suppressions_unused.is_empty() {
        writeln!(out, "# Suppressions that match nothing\n")?;
        for unused in &report.suppressions_unused {
            writeln!(out, "- {}: {}", place(&unused.path, Some(unused.line)), code_span(&unused.rule))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
