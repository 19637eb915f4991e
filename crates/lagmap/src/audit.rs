//! The audit: the one place that strings the library crates together.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use globset::Glob;
use lagmap_evidence::{Calibration, Profile};
use lagmap_models::{CalibratedCost, Catalogue};
use lagmap_program::{Program, ProgramOptions, SourceUnit, SyntaxFault};
use lagmap_report::{
    Finding, FindingCounts, Group, ReadError, Report, SCHEMA_VERSION, Severity, Summary, SyntaxError, SystemProblem,
    Tool, UnusedSuppression,
};
use lagmap_source::{DiscoverOptions, Discovery, FileError, FoundFile, Suppression};
use lagmap_system::{ProblemKind, System};
use rayon::prelude::*;

use crate::assemble;
use crate::configuration::{self, Configuration, PerPath};
use crate::errors::Failure;
use crate::measured::Evidence;
use crate::policy::Policy;
use crate::progress::Progress;

/// What an audit is to do. Rule names are known ones; globs are relative to the audited root.
#[derive(Clone, Debug, Default)]
pub struct AuditOptions {
    /// Rules to run; all if empty.
    pub select: Vec<String>,
    /// Rules not to run.
    pub ignore: Vec<String>,
    /// Files that are not audited.
    pub exclude: Vec<Glob>,
    /// Start-up configurations, relative to the root; they are found if empty.
    pub startup_configs: Vec<String>,
    /// The user's catalogue files, as path and text.
    pub catalogues: Vec<(String, String)>,
    /// Report on code that nothing reaches, too.
    pub all_code: bool,
    /// Report what is merely possible, too.
    pub pedantic: bool,
    /// How many requests each service is taken to send a second to each service that it waits for.
    pub requests_per_second: Option<f64>,
    /// Rules not to run on some files.
    pub per_path: Vec<PerPath>,
    /// Severities that replace the estimated ones, by rule.
    pub severity: BTreeMap<String, Severity>,
    /// Threads to use; all processors otherwise.
    pub threads: Option<NonZeroUsize>,
    /// Profiles of the running system.
    pub profiles: Vec<NamedProfile>,
    /// What was measured on this machine.
    pub calibration: Option<Calibration>,
}

/// A profile with the name of its file.
#[derive(Clone, Debug)]
pub struct NamedProfile {
    /// The file as it was named.
    pub file: String,
    /// What it holds.
    pub profile: Profile,
}

impl AuditOptions {
    /// What a configuration asks for. The user's catalogues are read here.
    pub fn of(configuration: Configuration) -> Result<Self, Failure> {
        let Configuration { catalogues, .. } = configuration;
        Ok(Self {
            select: configuration.select,
            ignore: configuration.ignore,
            exclude: configuration.exclude,
            startup_configs: configuration.startup_configs,
            catalogues: catalogues.iter().map(|path| read_catalogue(path)).collect::<Result<_, _>>()?,
            all_code: configuration.all_code,
            pedantic: configuration.pedantic,
            requests_per_second: configuration.requests_per_second,
            per_path: configuration.per_path,
            severity: configuration.severity,
            threads: None,
            profiles: Vec::new(),
            calibration: None,
        })
    }
}

fn read_catalogue(path: &Path) -> Result<(String, String), Failure> {
    match configuration::read(path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(error) => {
            let failure = Failure::new("cannot read the catalogue").at(path).because(error);
            Err(failure.help("`catalogues` in the configuration lists files relative to it"))
        }
    }
}

/// Fails unless `root` is a folder.
pub fn check_root(root: &Path) -> Result<(), Failure> {
    let failure = match root.metadata() {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => Failure::new("cannot audit").at(root).because("it is not a folder"),
        Err(error) => Failure::new("cannot audit").at(root).because(error),
    };
    Err(failure.help("name the folder that holds the system"))
}

/// Audits the system at `root`.
pub fn run_audit(root: &Path, options: &AuditOptions, progress: &Progress) -> Result<Report, Failure> {
    in_pool(options, || run_here(root, options, progress))
}

/// Links a system and asks it something.
pub fn ask<T: Send>(
    root: &Path,
    options: &AuditOptions,
    progress: &Progress,
    question: impl FnOnce(&Program) -> T + Send,
) -> Result<T, Failure> {
    in_pool(options, || Ok(question(&link(root, options, &Policy::of(options)?, progress)?.program)))
}

fn in_pool<T: Send>(options: &AuditOptions, work: impl FnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
    let failed = |error| Failure::new("cannot start the threads of the audit").because(error);
    lagmap_source::pool(options.threads.map(NonZeroUsize::get)).map_err(failed)?.install(work)
}

/// A system that has been read and linked.
struct Linked {
    program: Program,
    files: Vec<FileSummary>,
    errors: Vec<ReadError>,
}

fn link(root: &Path, options: &AuditOptions, policy: &Policy<'_>, progress: &Progress) -> Result<Linked, Failure> {
    progress.part("finding files", None);
    let (read, (system, catalogue)) = rayon::join(
        || Ok(read_all(lagmap_source::discover(root, &DiscoverOptions::default())?, policy, progress)),
        || {
            let load = || lagmap_system::load(root, &options.startup_configs, &lagmap_system::Options::default());
            rayon::join(load, || Catalogue::load(&options.catalogues))
        },
    );
    let failed = |error: FileError| Failure::new("cannot list the files").at(root).because(error);
    let (read, errors) = read.map_err(failed)?;
    let mut catalogue = catalogue.map_err(|error| Failure::new("cannot use the catalogue").because(error))?;
    if let Some(calibration) = &options.calibration {
        catalogue.calibrate(|operation| {
            let (ms, source) = (calibration.interval(operation)?, calibration.provenance(operation)?);
            Some(CalibratedCost { ms, source })
        });
    }
    let (units, files): (Vec<SourceUnit>, Vec<FileSummary>) = read.into_iter().unzip();
    progress.part("linking", None);
    let assumed = ProgramOptions::default();
    let options = ProgramOptions {
        all_code: options.all_code,
        requests_per_second: options.requests_per_second.unwrap_or(assumed.requests_per_second),
    };
    let program = Program::build(units, catalogue, system, options);
    Ok(Linked { program, files, errors })
}

fn run_here(root: &Path, options: &AuditOptions, progress: &Progress) -> Result<Report, Failure> {
    let policy = Policy::of(options)?;
    let Linked { program, files, mut errors } = link(root, options, &policy, progress)?;
    progress.part("looking for problems", None);
    let found = lagmap_rules::check(&program, |rule| policy.runs(rule.name));
    let mut judged = lagmap_impact::judge(&program, found);
    let measured = Evidence::of(&program, &options.profiles);
    measured.apply(&mut judged);
    errors.extend(config_errors(&program.system));
    errors.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    let findings = judged.iter().map(|judged| assemble::finding(&program, judged)).collect();
    let (findings, suppressions_unused) = suppress(policy.apply(findings), &files);
    let profile = measured.summary(&judged, &findings);
    let summary = Summary {
        files: files.len(),
        files_with_syntax_errors: files.iter().filter(|file| file.fault.is_some()).count(),
        lines: files.iter().map(|file| file.lines).sum(),
        services: program.system.services.len(),
        findings: FindingCounts::of(&findings),
    };
    let report = Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        summary,
        services: assemble::services(&program, &findings),
        peers: assemble::peers(&program),
        groups: Group::collect(&findings),
        findings,
        errors,
        system_problems: problems(&program.system),
        suppressions_unused,
        syntax_errors: files.into_iter().filter_map(|file| file.fault).collect(),
        profile,
    };
    drop(measured);
    // Taking a large program apart takes as long as some rules; nobody has to wait for it.
    std::thread::spawn(move || drop(program));
    Ok(report)
}

/// What the report says of a file beyond its findings.
struct FileSummary {
    path: String,
    lines: usize,
    fault: Option<SyntaxError>,
    suppressions: Vec<Suppression>,
}

/// Reads, parses and lowers all files; those that cannot be used become errors.
fn read_all(
    found: Discovery,
    policy: &Policy<'_>,
    progress: &Progress,
) -> (Vec<(SourceUnit, FileSummary)>, Vec<ReadError>) {
    let files: Vec<_> = found.files.into_iter().filter(|file| !policy.excludes(&file.path)).collect();
    progress.part("reading files", Some(files.len() as u64));
    let read: Vec<Result<(SourceUnit, FileSummary), FileError>> = files
        .par_iter()
        .map(|file| {
            let read = read_one(file);
            progress.step();
            read
        })
        .collect();
    let mut errors: Vec<FileError> = found.errors;
    let mut units = Vec::with_capacity(read.len());
    for one in read {
        match one {
            Ok(unit) => units.push(unit),
            Err(error) => errors.push(error),
        }
    }
    let error = |error: FileError| ReadError { path: error.path, message: error.message, line: error.line };
    (units, errors.into_iter().map(error).collect())
}

/// One pass over one file; its tree is dropped at the end.
fn read_one(file: &FoundFile) -> Result<(SourceUnit, FileSummary), FileError> {
    let text = lagmap_source::read(file)?;
    let parsed = lagmap_source::parse(&text).map_err(|error| FileError { path: file.path.clone(), ..error })?;
    let facts = lagmap_facts::lower(&parsed.module, &text);
    let first = parsed.problems.first();
    let broken = first.map(|problem| SyntaxFault { message: problem.message.clone(), position: problem.position });
    let fault = first.map(|problem| SyntaxError {
        path: file.path.clone(),
        line: problem.position.line,
        message: problem.message.clone(),
    });
    let lines = parsed.lines.line_count() as usize;
    let summary = FileSummary { path: file.path.clone(), lines, fault, suppressions: parsed.suppressions };
    Ok((SourceUnit { path: file.path.clone(), facts, lines: parsed.lines, broken }, summary))
}

/// Takes out what comments in the code suppress; says which comments match nothing.
fn suppress(findings: Vec<Finding>, files: &[FileSummary]) -> (Vec<Finding>, Vec<UnusedSuppression>) {
    let mut by_line: BTreeMap<(String, u32), Vec<(&Suppression, bool)>> = BTreeMap::new();
    for file in files {
        for suppression in &file.suppressions {
            by_line.entry((file.path.clone(), suppression.applies_to)).or_default().push((suppression, false));
        }
    }
    let mut kept = Vec::with_capacity(findings.len());
    for finding in findings {
        let comments = by_line.get_mut(&(finding.path.clone(), finding.line));
        let matching = comments.and_then(|comments| {
            comments.iter_mut().find(|(comment, _)| comment.rules.is_empty() || comment.rules.contains(&finding.rule))
        });
        match matching {
            Some((_, used)) => *used = true,
            None => kept.push(finding),
        }
    }
    let unused = by_line.into_iter().flat_map(|((path, _), comments)| {
        comments.into_iter().filter(|(_, used)| !used).map(move |(comment, _)| UnusedSuppression {
            path: path.clone(),
            line: comment.line,
            rule: comment.rules.join(", "),
        })
    });
    (kept, unused.collect())
}

fn config_errors(system: &System) -> Vec<ReadError> {
    let errors = system.errors.iter();
    errors
        .map(|error| ReadError { path: error.path.clone(), message: error.message.clone(), line: error.line })
        .collect()
}

/// What is wrong with the configuration, without the missing scripts: those are said of the services.
fn problems(system: &System) -> Vec<SystemProblem> {
    let problems = system.problems.iter().filter(|problem| problem.kind != ProblemKind::MissingScript);
    let problem = |problem: &lagmap_system::SystemProblem| SystemProblem {
        kind: kind(problem.kind).to_owned(),
        message: problem.message.clone(),
        path: problem.config.clone(),
        line: Some(problem.line),
        services: problem
            .services
            .iter()
            .filter_map(|id| system.service(*id))
            .map(|service| service.name.clone())
            .collect(),
    };
    problems.map(problem).collect()
}

fn kind(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::MissingScript => "missing-script",
        ProblemKind::ScriptOutsideRoot => "script-outside-root",
        ProblemKind::SharedScript => "shared-script",
        ProblemKind::DuplicatePort => "duplicate-port",
        ProblemKind::InvalidPort => "invalid-port",
        ProblemKind::DuplicateName => "duplicate-name",
        ProblemKind::ConflictingDescription => "conflicting-description",
        ProblemKind::DuplicateKey => "duplicate-key",
        ProblemKind::UnknownDependency => "unknown-dependency",
        ProblemKind::DependencyCycle => "dependency-cycle",
        ProblemKind::HealthPortIsPort => "health-port-is-port",
        ProblemKind::UnreachableService => "unreachable-service",
    }
}
