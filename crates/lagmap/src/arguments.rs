//! What may be said on the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use lagmap_report::Severity;

/// Finds what makes a Python system slow or makes it grow, over all its services and files, and never runs it.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Audit a system and report what to fix first.
    Audit(AuditArguments),
    /// Measure on this machine what the catalogue assumes; audits then use it.
    Calibrate(CalibrateArguments),
    /// Run a command or the services under py-spy, or attach to what runs, and audit with what it saw.
    Record(RecordArguments),
    /// Run a command or the services under a small probe that counts and times what findings name, and audit with that.
    Probe(ProbeArguments),
    /// Compare two JSON reports: what is new, what is fixed, what takes another time.
    Compare(CompareArguments),
    /// List the rules.
    Rules(RulesArguments),
    /// Print the document of a rule: what it finds, why it matters, how to mend it.
    Explain(ExplainArguments),
    /// List the services, who calls whom, and what a request from one to another costs.
    Services(ServicesArguments),
    /// Print who runs a function, in which contexts, what it runs and what that costs.
    Trace(TraceArguments),
    /// Print who calls whom, to look at what lagmap sees through.
    CallGraph(CallGraphArguments),
    /// Empty the cache.
    Clean(CleanArguments),
    /// Write a configuration to start with, after a look at what is there.
    Init(InitArguments),
    /// Say what is configured, and where.
    Config(ConfigArguments),
    /// Serve an editor over the Language Server Protocol, on the standard streams.
    Lsp,
    /// Serve an agent over the Model Context Protocol, on the standard streams.
    Mcp(McpArguments),
    /// Print what a shell needs to complete commands and options.
    Completions(CompletionsArguments),
    /// Print the manual page, or write those of all commands into a folder.
    Man(ManArguments),
}

/// Arguments of `lagmap mcp`.
#[derive(Debug, Args)]
pub struct McpArguments {
    /// The folder that holds the system.
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

/// Arguments of `lagmap init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// The folder that holds the system.
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Replace a configuration that is there.
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `lagmap config`.
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// What to say.
    #[command(subcommand)]
    pub what: ConfigCommand,
}

/// What `lagmap config` can say.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// What counts for an audit of a folder, and which file and line says so.
    Show {
        /// The folder that holds the system.
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Read this configuration instead of the nearest one.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// How to write it.
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// The JSON schema of `lagmap.toml`, for editors.
    Schema,
}

/// Arguments of `lagmap completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `lagmap man`.
#[derive(Debug, Args)]
pub struct ManArguments {
    /// Write the pages of all commands into this folder, which must exist.
    pub folder: Option<PathBuf>,
}

/// Arguments of `lagmap audit`.
#[derive(Debug, Args)]
pub struct AuditArguments {
    /// The folder that holds the system.
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Terminal)]
    pub format: ReportFormat,
    /// Write the report to a file, whole or not at all.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Exit with 1 if anything is found that is at least this severe.
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub fail_on: Option<SeverityName>,
    /// Run these rules only.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Do not run these rules.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Read this configuration instead of the nearest one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Threads to use; all processors otherwise.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Problems that the terminal shows with their code; the rest get a line each.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Report findings in code that no service and no entry point reaches, too.
    #[arg(long)]
    pub all_code: bool,
    /// Report findings that are merely possible, too.
    #[arg(long)]
    pub pedantic: bool,
    /// Leave out findings that typically cost less than so many milliseconds of one caller's time (1; 0 shows all).
    #[arg(long, value_name = "MS", value_parser = parse_milliseconds)]
    pub min_impact_ms: Option<f64>,
    /// Take times from this profile of the running system, whatever tool wrote it; may be said several times.
    #[arg(long, value_name = "FILE")]
    pub profile: Vec<PathBuf>,
    /// Use this calibration instead of the one in the user's cache folder.
    #[arg(long, value_name = "FILE", conflicts_with = "no_calibration")]
    pub calibration: Option<PathBuf>,
    /// Take all times from the catalogue, even if `lagmap calibrate` measured some.
    #[arg(long)]
    pub no_calibration: bool,
    /// Report what differs from this earlier JSON report; `--fail-on` then counts only new findings.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Report what the work tree changes against this revision of its Git repository, also where the cause is in another
    /// file than the effect; `--fail-on` then counts only new findings.
    #[arg(long, value_name = "REVISION", conflicts_with = "baseline")]
    pub diff: Option<String>,
    /// Audit again whenever something changes, until interrupted.
    #[arg(long, conflicts_with = "diff")]
    pub watch: bool,
    /// Where the cache is.
    #[command(flatten)]
    pub cache: CacheArguments,
}

/// What `lagmap record` and `lagmap probe` start.
#[derive(Debug, Args)]
pub struct StartArguments {
    /// How long to let it run; until it ends, or Ctrl-C, otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: Option<u32>,
    /// Start all services of the start-up configurations by their scripts.
    #[arg(long, conflicts_with_all = ["service", "command"])]
    pub services: bool,
    /// Start this service of the start-up configurations; may be said several times.
    #[arg(long, value_name = "NAME", conflicts_with = "command")]
    pub service: Vec<String>,
    /// What each service's script is given: `--service-arguments "--port {port} --health-port {health_port}"`.
    #[arg(long, value_name = "ARGUMENTS", default_value = "", allow_hyphen_values = true)]
    pub service_arguments: String,
    /// The interpreter that runs the services.
    #[arg(long, value_name = "PYTHON", default_value = "python3")]
    pub python: PathBuf,
    /// The command to run, behind `--`.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Arguments of `lagmap record`.
#[derive(Debug, Args)]
pub struct RecordArguments {
    /// The audit.
    #[command(flatten)]
    pub audit: AuditArguments,
    /// What to start.
    #[command(flatten)]
    pub start: StartArguments,
    /// Attach to this running process; may be said several times.
    #[arg(long, value_name = "PID", conflicts_with_all = ["services", "service", "command"])]
    pub pid: Vec<u32>,
    /// Samples a second.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// The program py-spy.
    #[arg(long, value_name = "FILE", default_value = "py-spy")]
    pub py_spy: PathBuf,
    /// Keep the profiles in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub save: Option<PathBuf>,
}

/// Arguments of `lagmap probe`.
#[derive(Debug, Args)]
pub struct ProbeArguments {
    /// The audit.
    #[command(flatten)]
    pub audit: AuditArguments,
    /// What to start.
    #[command(flatten)]
    pub start: StartArguments,
    /// Keep what was measured in this file; `lagmap audit --profile` reads it.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// Where the facts of files are kept from one run to the next.
#[derive(Debug, Args)]
pub struct CacheArguments {
    /// Neither read nor write the cache, wherever it is.
    #[arg(long)]
    pub no_cache: bool,
    /// Keep the cache in this folder.
    #[arg(long, value_name = "FOLDER", env = "LAGMAP_CACHE_DIR", hide_env = true)]
    pub cache_dir: Option<PathBuf>,
}

/// Arguments of `lagmap clean`.
#[derive(Debug, Args)]
pub struct CleanArguments {
    /// The folder whose configuration says where the cache is.
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Empty the cache in this folder.
    #[arg(long, value_name = "FOLDER", env = "LAGMAP_CACHE_DIR", hide_env = true)]
    pub cache_dir: Option<PathBuf>,
    /// Read this configuration instead of the nearest one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of `lagmap calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArguments {
    /// A system of which the libraries that it imports are timed, too, by importing them.
    pub path: Option<PathBuf>,
    /// The interpreter that runs the system.
    #[arg(long, value_name = "PYTHON", default_value = "python3")]
    pub python: PathBuf,
    /// How long it may take.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Save the calibration here instead of in the user's cache folder.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `lagmap compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// The earlier report: `lagmap audit --format json --output FILE`.
    pub old: PathBuf,
    /// The later report.
    pub new: PathBuf,
    /// How to write the comparison.
    #[arg(long, value_enum, default_value_t = ReportFormat::Terminal)]
    pub format: ReportFormat,
    /// Write it to a file, whole or not at all.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Exit with 1 if a new finding is at least this severe.
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub fail_on: Option<SeverityName>,
}

/// Arguments of `lagmap rules`.
#[derive(Debug, Args)]
pub struct RulesArguments {
    /// How to write the list.
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
}

/// Arguments of `lagmap explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The rule's name.
    pub rule: String,
}

/// Arguments of `lagmap services`.
#[derive(Debug, Args)]
pub struct ServicesArguments {
    /// The folder that holds the system.
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// How to write the list.
    #[arg(long, value_enum, default_value_t = SystemFormat::Table)]
    pub format: SystemFormat,
    /// Show how a request gets from one service to another, and what it costs.
    #[arg(long = "path", value_names = ["FROM", "TO"], num_args = 2)]
    pub way: Vec<String>,
    /// Read this configuration instead of the nearest one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the cache is.
    #[command(flatten)]
    pub cache: CacheArguments,
}

/// Forms of the list of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SystemFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// Who calls whom, for Graphviz.
    Dot,
    /// Who calls whom, for Mermaid.
    Mermaid,
}

/// Arguments of `lagmap trace`.
#[derive(Debug, Args)]
pub struct TraceArguments {
    /// The function, by its dotted name or so much of its end as tells it apart: `Client.get`.
    pub function: String,
    /// The folder that holds the system.
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// How to write the trace.
    #[arg(long, value_enum, default_value_t = TraceFormat::Tree)]
    pub format: TraceFormat,
    /// How many calls up and down.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub depth: usize,
    /// How many callers or calls of one function; the rest is counted.
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub breadth: usize,
    /// Read this configuration instead of the nearest one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take code that nothing reaches as called from outside.
    #[arg(long)]
    pub all_code: bool,
    /// Where the cache is.
    #[command(flatten)]
    pub cache: CacheArguments,
}

/// Forms of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    /// For people.
    Tree,
    /// For programs.
    Json,
}

/// Arguments of `lagmap call-graph`.
#[derive(Debug, Args)]
pub struct CallGraphArguments {
    /// The folder that holds the system.
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// How to write the graph.
    #[arg(long, value_enum, default_value_t = GraphFormat::Json)]
    pub format: GraphFormat,
    /// Read this configuration instead of the nearest one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the cache is.
    #[command(flatten)]
    pub cache: CacheArguments,
}

/// Forms of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// `{"caller": ["callee", ...]}`.
    Json,
    /// For Graphviz.
    Dot,
    /// Only how many calls lead into the program, to the catalogue and to other imported names.
    Summary,
}

/// Forms of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people at a terminal.
    Terminal,
    /// A page with the five sections.
    Markdown,
    /// One file for a browser, with filters, the code and a map of the services; it loads nothing from a network.
    Html,
    /// For programs; see `schema/report.json`.
    Json,
    /// One finding a line, as in the JSON report.
    Ndjson,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// GitLab's Code Quality report.
    Gitlab,
    /// `JUnit` XML, for test reporters.
    Junit,
    /// A table for spreadsheets.
    Csv,
    /// What is new, fixed or has other numbers, as the comment on a pull request; with `--diff` or `--baseline`.
    Comment,
}

/// Forms of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// A severity as it is written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeverityName {
    /// Over a second an operation.
    Critical,
    /// 100 ms to a second, and what may hang.
    High,
    /// 10 to 100 ms.
    Medium,
    /// Below 10 ms.
    Low,
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Critical => Self::Critical,
            SeverityName::High => Self::High,
            SeverityName::Medium => Self::Medium,
            SeverityName::Low => Self::Low,
        }
    }
}

fn parse_milliseconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "must be a number from 0".to_owned())
}
