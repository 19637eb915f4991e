//! `lagmap compare`, and the comparison with the baseline of an audit

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use lagmap_report::{Comparison, Report, Severity, Snapshot, comparison};

use crate::arguments::{CompareArguments, ReportFormat};
use crate::commands::audit::{exchange, exit_code, seen_from_here};
use crate::errors::Failure;
use crate::output;

/// A report of a million findings has less.
const MAX_BYTES: u64 = 1 << 30;

/// Compares two reports.
pub fn run(arguments: &CompareArguments) -> Result<ExitCode, Failure> {
    let (old, new) = (read(&arguments.old)?, read(&arguments.new)?);
    let form = Form { format: arguments.format, output: arguments.output.as_deref() };
    let whole = || whole(&arguments.new);
    finish(&old, &new, whole, &form, arguments.fail_on.map(Severity::from))
}

/// Compares the report of the folder `root` with an earlier one.
pub fn with_baseline(
    baseline: &Snapshot,
    report: &Report,
    root: &Path,
    form: &Form<'_>,
    fail_on: Option<Severity>,
) -> Result<ExitCode, Failure> {
    let new = Snapshot::of(report).map_err(|error| Failure::new("cannot compare the report").because(error))?;
    finish(baseline, &new, || Ok(seen_from_here(report, root).into_owned()), form, fail_on)
}

/// How and where a comparison is written.
pub struct Form<'a> {
    /// How.
    pub format: ReportFormat,
    /// Into which file; to the standard output otherwise.
    pub output: Option<&'a Path>,
}

/// Compares, writes, and says whether that is a failure. `whole` gives the later report with all that it says.
fn finish(
    old: &Snapshot,
    new: &Snapshot,
    whole: impl FnOnce() -> Result<Report, Failure>,
    form: &Form<'_>,
    fail_on: Option<Severity>,
) -> Result<ExitCode, Failure> {
    let comparison = Comparison::of(old, new);
    let failed = |error| Failure::new("cannot write the comparison").because(error);
    let mut text = Vec::new();
    match form.format {
        ReportFormat::Json => comparison::json::render(&comparison, &mut text),
        ReportFormat::Markdown => comparison::markdown::render(&comparison, &mut text),
        ReportFormat::Comment => comparison::comment::render(&comparison, &mut text),
        ReportFormat::Terminal => {
            let styled = form.output.is_none() && AutoStream::choice(&io::stdout()) != ColorChoice::Never;
            comparison::terminal::render(&comparison, styled, &mut text)
        }
        // Forms for other programs know no comparison: they get what is new.
        format => {
            let new: HashSet<&str> = comparison.new.iter().map(|finding| &*finding.fingerprint).collect();
            exchange(format, &whole()?.only(|finding| new.contains(&*finding.fingerprint)), &mut text)
        }
    }
    .map_err(failed)?;
    match form.output {
        Some(path) => output::save(path, &text)?,
        None => output::print(&text)?,
    }
    Ok(ExitCode::from(exit_code(comparison.new_findings(), fail_on)))
}

/// Reads a report of this lagmap, with all that it says.
fn whole(path: &Path) -> Result<Report, Failure> {
    let failed = || Failure::new("cannot use the report").at(path);
    let bytes = bytes(path).map_err(|error| failed().because(error))?;
    let help = "audit again with this lagmap: `lagmap audit --format json --output FILE`";
    serde_json::from_slice(&bytes).map_err(|error| failed().because(error).help(help))
}

/// Reads an earlier report.
pub fn read(path: &Path) -> Result<Snapshot, Failure> {
    let failed = || Failure::new("cannot use the report").at(path);
    let help = "write one with `lagmap audit --format json --output FILE`";
    let bytes = bytes(path).map_err(|error| failed().because(error).help(help))?;
    Snapshot::read(&bytes).map_err(|error| failed().because(error).help(help))
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it is larger than 1 GiB"));
    }
    Ok(bytes)
}
