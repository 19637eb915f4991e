//! `lagmap audit`

use std::borrow::Cow;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use lagmap_evidence::{Calibration, Recorded};
use lagmap_report::exchange::{csv, github, gitlab, junit, ndjson, sarif};
use lagmap_report::{FindingCounts, Report, Severity, Snapshot, SourceProvider, json, markdown, terminal};

use crate::arguments::{AuditArguments, ReportFormat};
use crate::audit::{self, AuditOptions, NamedProbe, NamedProfile};
use crate::cache_folder::CacheFolder;
use crate::commands::compare::{self, Form};
use crate::commands::{calibrate, watch};
use crate::configuration::Configuration;
use crate::errors::Failure;
use crate::known_rules::{self, Written};
use crate::output;
use crate::progress::Progress;
use crate::revision;

/// The exit code for findings at or above `--fail-on`.
const FOUND: u8 = 1;
/// Columns of a report that does not go to a terminal.
const WIDTH: usize = 140;
/// Larger files are shown without their code.
const MAX_SOURCE: u64 = 16 << 20;

/// Audits a system and writes the report; with `--watch` again and again.
pub fn run(arguments: &AuditArguments) -> Result<ExitCode, Failure> {
    audit::check_root(&arguments.path)?;
    if arguments.watch {
        return watch::run(arguments);
    }
    once(arguments, |options, progress| audit::run_audit(&arguments.path, options, progress))
}

/// One audit, done by `work`, and its report.
pub(super) fn once(
    arguments: &AuditArguments,
    work: impl FnOnce(&AuditOptions, &Progress) -> Result<Report, Failure>,
) -> Result<ExitCode, Failure> {
    let configuration = Configuration::find(&arguments.path, arguments.config.as_deref())?;
    let fail_on = arguments.fail_on.map(Severity::from).or(configuration.fail_on);
    let options = options(arguments, configuration)?;
    // What cannot be compared is said before the work, not after it.
    let baseline = arguments.baseline.as_deref().map(compare::read).transpose()?;
    if arguments.format == ReportFormat::Comment && baseline.is_none() && arguments.diff.is_none() {
        let failure = Failure::new("cannot write a comment")
            .because("it says what changes, and there is nothing to compare with");
        return Err(failure.help("name a revision with `--diff`, or an earlier report with `--baseline`"));
    }
    let (report, baseline) = {
        let progress = Progress::start();
        let before = arguments.diff.as_deref().map(|revision| before(arguments, revision, &options, &progress));
        let baseline = before.transpose()?.or(baseline);
        (work(&options, &progress)?, baseline)
    };
    if let Some(baseline) = baseline {
        let form = Form { format: arguments.format, output: arguments.output.as_deref() };
        return compare::with_baseline(&baseline, &report, &arguments.path, &form, fail_on);
    }
    let text = render(arguments, &report).map_err(|error| Failure::new("cannot write the report").because(error))?;
    match &arguments.output {
        Some(path) => output::save(path, &text)?,
        None => output::print(&text)?,
    }
    Ok(ExitCode::from(exit_code(report.summary.findings, fail_on)))
}

/// What the audit says of the folder as it was at a revision.
fn before(
    arguments: &AuditArguments,
    revision: &str,
    options: &AuditOptions,
    progress: &Progress,
) -> Result<Snapshot, Failure> {
    let folder = revision::checkout(&arguments.path, revision)?;
    let report = audit::run_audit(folder.path(), options, progress)?;
    Snapshot::of(&report).map_err(|error| Failure::new("cannot compare the report").because(error))
}

/// The exit code for what was found.
pub fn exit_code(found: FindingCounts, fail_on: Option<Severity>) -> u8 {
    if fail_on.is_some_and(|severity| found.at_or_above(severity) > 0) { FOUND } else { 0 }
}

/// The configuration with what the command line says on top of it.
fn options(arguments: &AuditArguments, configuration: Configuration) -> Result<AuditOptions, Failure> {
    for (by, names) in [("`--select`", &arguments.select), ("`--ignore`", &arguments.ignore)] {
        for name in names {
            known_rules::find(name, &Written { by, place: None })?;
        }
    }
    let cache = CacheFolder::find(&arguments.cache, configuration.cache_dir.clone());
    let mut options = AuditOptions { cache, ..AuditOptions::of(configuration)? };
    if !arguments.select.is_empty() {
        options.select.clone_from(&arguments.select);
    }
    options.ignore.extend(arguments.ignore.iter().cloned());
    options.all_code |= arguments.all_code;
    options.pedantic |= arguments.pedantic;
    options.min_impact_ms = arguments.min_impact_ms.or(options.min_impact_ms);
    options.threads = arguments.threads;
    for path in &arguments.profile {
        let file = path.display().to_string();
        match read_recorded(path)? {
            Recorded::Profile(profile) => options.profiles.push(NamedProfile { file, profile }),
            Recorded::Probe(probe) => options.probes.push(NamedProbe { file, probe }),
        }
    }
    options.calibration = calibration(arguments)?;
    Ok(options)
}

/// The calibration that was asked for, or the one that `lagmap calibrate` left in the user's cache folder.
fn calibration(arguments: &AuditArguments) -> Result<Option<Calibration>, Failure> {
    match &arguments.calibration {
        Some(path) => calibrate::read(path).map(Some),
        None if arguments.no_calibration => Ok(None),
        None => calibrate::of_user(),
    }
}

fn read_recorded(path: &Path) -> Result<Recorded, Failure> {
    lagmap_evidence::read_recorded(path).map_err(|error| {
        let failure = Failure::new("cannot use the profile").at(path).because(error);
        failure.help(
            "lagmap reads py-spy (raw, speedscope), cProfile, pyinstrument JSON, Scalene JSON, Austin, memray (stats \
             --json, transform csv), pprof, viztracer, OTLP JSON, and what `lagmap probe --save` wrote",
        )
    })
}

fn render(arguments: &AuditArguments, report: &Report) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match arguments.format {
        ReportFormat::Json => json::render(report, &mut text)?,
        ReportFormat::Markdown => markdown::render(report, &mut text)?,
        ReportFormat::Html => {
            let rules = known_rules::all();
            let mends: Vec<_> =
                rules.iter().map(|rule| lagmap_html::RuleMend { rule: rule.name, document: rule.document }).collect();
            lagmap_html::render(report, &Tree { root: &arguments.path }, &mends, &mut text)?;
        }
        ReportFormat::Terminal => {
            let to_file = arguments.output.is_some();
            // anstream knows NO_COLOR, CLICOLOR_FORCE and what a terminal is.
            let styled = !to_file && AutoStream::choice(&io::stdout()) != ColorChoice::Never;
            let size = if to_file { None } else { terminal_size::terminal_size_of(io::stdout()) };
            let width = size.map_or(WIDTH, |(columns, _)| usize::from(columns.0));
            let options = terminal::Options { styled, width, frames: arguments.limit };
            terminal::render(report, &Tree { root: &arguments.path }, &options, &mut text)?;
        }
        format => exchange(format, &seen_from_here(report, &arguments.path), &mut text)?,
    }
    Ok(text)
}

/// The report as code hosts want it: with paths from the current folder, which in a pipeline is the repository's.
pub fn seen_from_here<'a>(report: &'a Report, root: &Path) -> Cow<'a, Report> {
    let below = || {
        let root = root.canonicalize().ok()?;
        let here = env::current_dir().ok()?.canonicalize().ok()?;
        let folders = root.strip_prefix(here).ok()?.components().map(|part| part.as_os_str().to_string_lossy());
        Some(folders.collect::<Vec<_>>().join("/")).filter(|below| !below.is_empty())
    };
    match below() {
        Some(folder) => Cow::Owned(report.clone().below(&folder)),
        None => Cow::Borrowed(report),
    }
}

/// Writes the findings in a form for other programs.
pub fn exchange(format: ReportFormat, report: &Report, out: &mut Vec<u8>) -> io::Result<()> {
    match format {
        ReportFormat::Sarif => {
            let rules = known_rules::all();
            let help = |rule: &known_rules::KnownRule| sarif::RuleHelp {
                name: rule.name,
                summary: rule.summary,
                document: rule.document,
                bullets: rule.bullets,
            };
            sarif::render(report, &rules.iter().map(help).collect::<Vec<_>>(), out)
        }
        ReportFormat::Github => github::render(report, out),
        ReportFormat::Gitlab => gitlab::render(report, out),
        ReportFormat::Junit => junit::render(report, out),
        ReportFormat::Csv => csv::render(report, out),
        ReportFormat::Ndjson => ndjson::render(report, out),
        ReportFormat::Json => json::render(report, out),
        ReportFormat::Terminal | ReportFormat::Markdown | ReportFormat::Html | ReportFormat::Comment => Err(
            io::Error::other("this is no form for findings alone: use terminal, markdown, json or one for programs"),
        ),
    }
}

/// The files below the audited root, for the code in the terminal's report.
struct Tree<'a> {
    root: &'a Path,
}

impl SourceProvider for Tree<'_> {
    fn source(&self, path: &str) -> Option<Cow<'_, str>> {
        let path = Path::new(path);
        // A report never holds another path; a file outside the root would be none of ours to show.
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        // A link may have been put there since the audit.
        let path = self.root.join(path).canonicalize().ok()?;
        if !path.starts_with(self.root.canonicalize().ok()?) || !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        let read = File::open(path).ok()?.take(MAX_SOURCE + 1).read_to_end(&mut bytes).ok()?;
        if read as u64 > MAX_SOURCE {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        Some(Cow::Owned(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_findings_at_or_above_the_threshold_fail() {
        let found = FindingCounts { critical: 0, high: 2, medium: 0, low: 5 };
        let codes = Severity::ALL.map(|severity| exit_code(found, Some(severity)));
        assert_eq!(codes, [0, FOUND, FOUND, FOUND]);
        assert_eq!(exit_code(found, None), 0);
        assert_eq!(exit_code(FindingCounts::default(), Some(Severity::Low)), 0);
    }

    #[cfg(unix)]
    #[test]
    fn no_code_is_shown_from_outside_the_root() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret.py"), "secret").unwrap();
        fs::write(root.path().join("own.py"), "\u{feff}own").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.py"), root.path().join("link.py")).unwrap();
        let tree = Tree { root: root.path() };
        assert_eq!(tree.source("own.py").as_deref(), Some("own"));
        let absolute = outside.path().join("secret.py");
        for path in ["link.py", "../secret.py", absolute.to_str().unwrap(), ".", "none.py"] {
            assert_eq!(tree.source(path), None, "{path}");
        }
    }
}
