//! The audit: the one place that strings the library crates together.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use globset::Glob;
use lagmap_cache::{Key, Record};
use lagmap_evidence::{Calibration, Probe, Profile};
use lagmap_models::{CalibratedCost, Catalogue};
use lagmap_program::{Program, ProgramOptions, SourceUnit, SyntaxFault};
use lagmap_report::{
    Finding, FindingCounts, Group, ReadError, Report, SCHEMA_VERSION, Severity, Summary, SyntaxError, SystemProblem,
    Tool, UnusedSuppression,
};
use lagmap_source::{DiscoverOptions, Discovery, FileError, FoundFile, Suppression};
use lagmap_system::{ProblemKind, System};
use rayon::prelude::*;

use crate::answer;
use crate::assemble;
pub use crate::cache_folder::CacheFolder;
use crate::configuration::{self, Configuration, PerPath};
use crate::errors::{Failure, warn};
use crate::measured::Evidence;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::records::{Content, Memory, Records};

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
    /// As in the configuration.
    pub min_impact_ms: Option<f64>,
    /// Rules not to run on some files.
    pub per_path: Vec<PerPath>,
    /// Severities that replace the estimated ones, by rule.
    pub severity: BTreeMap<String, Severity>,
    /// Threads to use; all processors otherwise.
    pub threads: Option<NonZeroUsize>,
    /// Profiles of the running system.
    pub profiles: Vec<NamedProfile>,
    /// What probes measured of it.
    pub probes: Vec<NamedProbe>,
    /// What was measured on this machine.
    pub calibration: Option<Calibration>,
    /// Where facts are kept from one run to the next; nowhere if there is no such folder.
    pub cache: Option<CacheFolder>,
}

/// A profile with the name of its file.
#[derive(Clone, Debug)]
pub struct NamedProfile {
    /// The file as it was named.
    pub file: String,
    /// What it holds.
    pub profile: Profile,
}

/// What a probe measured, with the name of its file.
#[derive(Clone, Debug)]
pub struct NamedProbe {
    /// The file as it was named.
    pub file: String,
    /// What it holds.
    pub probe: Probe,
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
            min_impact_ms: configuration.min_impact_ms,
            per_path: configuration.per_path,
            severity: configuration.severity,
            threads: None,
            profiles: Vec::new(),
            probes: Vec::new(),
            calibration: None,
            cache: None,
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
    in_pool(options, || {
        let policy = Policy::of(options)?;
        let sources = find(root, options, &policy, progress, None)?;
        let answer = options.cache.as_ref().and_then(|folder| {
            let others = (&sources.system, sources.errors.iter().map(ToString::to_string).collect::<Vec<_>>());
            answer::of(folder, root, options, &others, &sources.files)
        });
        if let Some(report) = answer.as_ref().and_then(answer::get) {
            // Nothing is written; what was of use is noted.
            let _ = sources.records.detach().map(lagmap_cache::Cache::finish);
            return Ok(report);
        }
        let doubt = sources.records.doubt();
        let (report, program, _) = run_here(sources, options, &policy, progress);
        // Taking a large program apart takes as long as some rules; nobody has to wait for it.
        thread::spawn(move || drop(program));
        if let Some(answer) = answer.filter(|_| !doubt.load(Ordering::Relaxed)) {
            answer::keep(&answer, &report);
        }
        Ok(report)
    })
}

/// Audits the system at `root` and keeps the program for questions.
pub fn run_keeping(root: &Path, options: &AuditOptions, progress: &Progress) -> Result<(Report, Program), Failure> {
    in_pool(options, || {
        let policy = Policy::of(options)?;
        let sources = find(root, options, &policy, progress, None)?;
        let (report, program, _) = run_here(sources, options, &policy, progress);
        Ok((report, program))
    })
}

/// Audits the system at `root` as one round of many: what did not change since the last one is taken from `memory`.
pub fn run_again(
    root: &Path,
    options: &AuditOptions,
    progress: &Progress,
    memory: &mut Memory,
) -> Result<Report, Failure> {
    run_asking(root, options, progress, memory, |_| ()).map(|(report, ())| report)
}

/// The same, and asks the program something before it is taken apart.
pub fn run_asking<T: Send>(
    root: &Path,
    options: &AuditOptions,
    progress: &Progress,
    memory: &mut Memory,
    question: impl FnOnce(&Program) -> T + Send,
) -> Result<(Report, T), Failure> {
    in_pool(options, || {
        let policy = Policy::of(options)?;
        let sources = find(root, options, &policy, progress, Some(memory))?;
        let (report, program, mut files) = run_here(sources, options, &policy, progress);
        let answer = question(&program);
        memory.clear();
        for unit in program.linked.files {
            let Some(file) = files.remove(&unit.path) else { continue };
            let Some(key) = file.key else { continue };
            let fault =
                unit.broken.map(|fault| lagmap_cache::Fault { message: fault.message, position: fault.position });
            let record = Record { facts: unit.facts, lines: unit.lines, fault, suppressions: file.suppressions };
            memory.keep(key, record);
        }
        Ok((report, answer))
    })
}

/// Links a system and asks it something.
pub fn ask<T: Send>(
    root: &Path,
    options: &AuditOptions,
    progress: &Progress,
    question: impl FnOnce(&Program) -> T + Send,
) -> Result<T, Failure> {
    in_pool(options, || {
        let sources = find(root, options, &Policy::of(options)?, progress, None)?;
        let linked = link(sources, options, progress);
        let answer = question(&linked.program);
        told(linked.kept, options);
        Ok(answer)
    })
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
    /// Finishes the cache beside the audit.
    kept: JoinHandle<io::Result<()>>,
}

/// Waits for the cache; says what is wrong with it if it is where the user wants it.
fn told(kept: JoinHandle<io::Result<()>>, options: &AuditOptions) {
    let result = kept.join().unwrap_or_else(|_| Err(io::Error::other("its writer failed")));
    if let (Err(error), Some(folder)) = (result, options.cache.as_ref().filter(|folder| folder.named)) {
        warn(&Failure::new("cannot write the cache").at(&folder.path).because(error));
    }
}

/// What an audit works on: everything that its report depends on but the options.
struct Sources<'a> {
    files: Vec<(FoundFile, Content)>,
    errors: Vec<FileError>,
    system: System,
    catalogue: Catalogue,
    records: Records<'a>,
}

fn find<'a>(
    root: &Path,
    options: &AuditOptions,
    policy: &Policy<'_>,
    progress: &Progress,
    memory: Option<&'a Memory>,
) -> Result<Sources<'a>, Failure> {
    progress.part("finding files", None);
    let records = Records::new(memory, options.cache.as_ref());
    let contents = || -> Result<_, FileError> {
        let Discovery { files, errors } = lagmap_source::discover(root, &DiscoverOptions::default())?;
        let files: Vec<FoundFile> = files.into_iter().filter(|file| !policy.excludes(&file.path)).collect();
        let with_content = |file: FoundFile| {
            let content = records.content(&file);
            (file, content)
        };
        Ok((files.into_par_iter().map(with_content).collect(), errors))
    };
    let (found, (system, catalogue)) = rayon::join(contents, || {
        let load = || lagmap_system::load(root, &options.startup_configs, &lagmap_system::Options::default());
        rayon::join(load, || Catalogue::load(&options.catalogues))
    });
    let (files, errors) = found.map_err(|error| Failure::new("cannot list the files").at(root).because(error))?;
    let mut catalogue = catalogue.map_err(|error| Failure::new("cannot use the catalogue").because(error))?;
    if let Some(calibration) = &options.calibration {
        catalogue.calibrate(|operation| {
            let (ms, source) = (calibration.interval(operation)?, calibration.provenance(operation)?);
            Some(CalibratedCost { ms, source })
        });
    }
    Ok(Sources { files, errors, system, catalogue, records })
}

fn link(sources: Sources<'_>, options: &AuditOptions, progress: &Progress) -> Linked {
    let Sources { files, errors, system, catalogue, records } = sources;
    let (read, errors) = read_all(files, errors, progress, &records);
    let cache = records.detach();
    let kept = thread::spawn(move || cache.map_or(Ok(()), lagmap_cache::Cache::finish));
    progress.part("linking", None);
    let (units, files) = read.into_iter().unzip();
    let assumed = ProgramOptions::default();
    let options = ProgramOptions {
        all_code: options.all_code,
        requests_per_second: options.requests_per_second.unwrap_or(assumed.requests_per_second),
    };
    let program = Program::build(units, catalogue, system, options);
    Linked { program, files, errors, kept }
}

/// The report, the program behind it, and what is known of its files beyond their facts, by path.
type Done = (Report, Program, BTreeMap<String, FileSummary>);

fn run_here(sources: Sources<'_>, options: &AuditOptions, policy: &Policy<'_>, progress: &Progress) -> Done {
    let Linked { program, files, mut errors, kept } = link(sources, options, progress);
    progress.part("looking for problems", None);
    let found = lagmap_rules::check(&program, |rule| policy.runs(rule.name));
    let mut judged = lagmap_impact::judge(&program, found);
    let measured = Evidence::of(&program, &options.profiles, &options.probes);
    measured.apply(&mut judged);
    errors.extend(config_errors(&program.system));
    errors.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    let (judged, negligible): (Vec<_>, Vec<_>) = judged.into_iter().partition(|judged| policy.is_noticed(judged));
    let reported = |judged: &[lagmap_impact::Judged]| {
        policy.apply(judged.iter().map(|judged| assemble::finding(&program, judged)).collect())
    };
    let negligible = reported(&negligible).len();
    let (findings, suppressions_unused) = suppress(reported(&judged), &files);
    let profile = measured.summary(&judged, &findings);
    let summary = Summary {
        files: files.len(),
        files_with_syntax_errors: files.iter().filter(|file| file.fault.is_some()).count(),
        lines: files.iter().map(|file| file.lines).sum(),
        services: program.system.services.len(),
        findings: FindingCounts::of(&findings),
        negligible,
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
        system_problems: problems(&program),
        suppressions_unused,
        syntax_errors: files.iter().filter_map(|file| file.fault.clone()).collect(),
        profile,
    };
    drop(measured);
    told(kept, options);
    (report, program, files.into_iter().map(|file| (file.path.clone(), file)).collect())
}

/// What the report says of a file beyond its findings.
struct FileSummary {
    path: String,
    key: Option<Key>,
    lines: usize,
    fault: Option<SyntaxError>,
    suppressions: Vec<Suppression>,
}

/// Reads, parses and lowers all files; those that cannot be used become errors.
fn read_all(
    files: Vec<(FoundFile, Content)>,
    mut errors: Vec<FileError>,
    progress: &Progress,
    records: &Records<'_>,
) -> (Vec<(SourceUnit, FileSummary)>, Vec<ReadError>) {
    progress.part("reading files", Some(files.len() as u64));
    let read: Vec<Result<(SourceUnit, FileSummary), FileError>> = files
        .into_par_iter()
        .map(|(file, content)| {
            let read = read_one(&file, content, records);
            progress.step();
            read
        })
        .collect();
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

/// What one file gives the program, and what the report says of it.
fn read_one(file: &FoundFile, content: Content, records: &Records<'_>) -> Result<(SourceUnit, FileSummary), FileError> {
    let (Record { facts, lines, fault, suppressions }, key) = records.of(file, content)?;
    let path = || file.path.clone();
    let summary = FileSummary {
        path: path(),
        key,
        lines: lines.line_count() as usize,
        fault: fault.as_ref().map(|fault| SyntaxError {
            path: path(),
            line: fault.position.line,
            message: fault.message.clone(),
        }),
        suppressions,
    };
    let broken = fault.map(|fault| SyntaxFault { message: fault.message, position: fault.position });
    Ok((SourceUnit { path: path(), facts, lines, broken }, summary))
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
fn problems(program: &Program) -> Vec<SystemProblem> {
    let system = &program.system;
    let declared = system.problems.iter().filter(|problem| problem.kind != ProblemKind::MissingScript);
    let declared = declared.map(|problem| SystemProblem {
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
    });
    let elsewhere = program.wires().listening_elsewhere(system).into_iter().map(|elsewhere| {
        let service = &system.services[elsewhere.service];
        let call = program.call(elsewhere.call);
        let ports: Vec<String> = elsewhere.ports.iter().map(u32::to_string).collect();
        SystemProblem {
            kind: kind(ProblemKind::ListensElsewhere).to_owned(),
            message: format!(
                "{} is said to listen on port {}; its code listens on {} ({}:{})",
                service.name,
                elsewhere.configured,
                ports.join(", "),
                call.unit.path,
                call.unit.lines.position(call.span().start).line
            ),
            path: service.config.clone(),
            line: Some(service.line),
            services: vec![service.name.clone()],
        }
    });
    let mut all: Vec<SystemProblem> = declared.chain(elsewhere).collect();
    // A stable sort: those of one line stay in the order of their kinds.
    all.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    all
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
        ProblemKind::ListensElsewhere => "listens-elsewhere",
    }
}
