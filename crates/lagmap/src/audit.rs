//! The audit: the one place that strings the library crates together.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use globset::Glob;
use lagmap_models::Catalogue;
use lagmap_report::{
    FindingCounts, Group, ReadError, Report, SCHEMA_VERSION, Service, Severity, Summary, SystemProblem, Tool,
};
use lagmap_system::{ProblemKind, System};

use crate::configuration::{self, Configuration, PerPath};
use crate::errors::Failure;
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
    /// Rules not to run on some files.
    pub per_path: Vec<PerPath>,
    /// Severities that replace the estimated ones, by rule.
    pub severity: BTreeMap<String, Severity>,
    /// Threads to use; all processors otherwise.
    pub threads: Option<NonZeroUsize>,
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
            per_path: configuration.per_path,
            severity: configuration.severity,
            threads: None,
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
    let policy = Policy::of(options)?;
    progress.part("reading start-up configurations", None);
    Catalogue::load(&options.catalogues).map_err(|error| Failure::new("cannot use the catalogue").because(error))?;
    let system = lagmap_system::load(root, &options.startup_configs, &lagmap_system::Options::default());
    let findings = policy.apply(Vec::new());
    let summary =
        Summary { services: system.services.len(), findings: FindingCounts::of(&findings), ..Summary::default() };
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        summary,
        services: services(&system),
        groups: Group::collect(&findings),
        findings,
        errors: errors(&system),
        system_problems: problems(&system),
        suppressions_unused: Vec::new(),
        syntax_errors: Vec::new(),
    })
}

fn services(system: &System) -> Vec<Service> {
    let missing = |declared: &str| format!("its script `{declared}` is not a file of this system");
    let services = system.services.iter().map(|service| Service {
        name: service.name.clone(),
        group: Some(service.group.clone()).filter(|group| !group.is_empty()),
        config: service.config.clone(),
        script: service.script.clone().unwrap_or_else(|| service.declared_script.clone()),
        port: service.port,
        dependencies: service.dependencies.clone(),
        files: usize::from(service.script.is_some()),
        findings: 0,
        starts: service.script.is_some(),
        problem: service.script.is_none().then(|| missing(&service.declared_script)),
    });
    services.collect()
}

fn errors(system: &System) -> Vec<ReadError> {
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
    }
}
