//! The report as a page: a summary, the five sections that the brief asks for, the system as a whole, and what could not be read.

mod appendix;
mod entry;
mod lead;
mod sections;
mod startup;
mod system;

use std::io::{self, Write};

use crate::groups::Problem;
use crate::model::Report;

/// Writes the report as Markdown (`CommonMark` with tables).
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let problems = Problem::all(report);
    lead::write(report, &problems, out)?;
    sections::hotspots(&problems, out)?;
    sections::memory(&problems, out)?;
    sections::cpu(&problems, out)?;
    sections::pooling(&problems, out)?;
    sections::caching(&problems, out)?;
    system::write(report, out)?;
    appendix::write(report, out)
}
