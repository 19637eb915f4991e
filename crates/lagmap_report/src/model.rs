//! The report as a value: what the JSON report says, field by field.
//!
//! Names and order of the fields are a contract (`schema/report.json`): tools outside the project read them. A field may
//! be added; a change to one that is there needs a new [`SCHEMA_VERSION`].

pub use lagmap_impact::Severity;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The version of the JSON report's schema.
pub const SCHEMA_VERSION: u32 = 1;

/// The result of one audit. Everything in it is sorted by whoever fills it; renderers keep the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What made the report.
    pub tool: Tool,
    /// Counts over everything.
    pub summary: Summary,
    /// The services that the start-up configurations name.
    pub services: Vec<Service>,
    /// Every finding, worst first.
    pub findings: Vec<Finding>,
    /// Files that could not be read, decoded or analysed.
    pub errors: Vec<ReadError>,
    /// The findings by cause, worst first: one line of the reports for people.
    pub groups: Vec<Group>,
    /// What is wrong with the system as configured: port conflicts, missing scripts, cycles of dependencies.
    pub system_problems: Vec<SystemProblem>,
    /// Suppression comments that match no finding.
    pub suppressions_unused: Vec<UnusedSuppression>,
    /// The first syntax error of each file that has one; such files are audited all the same.
    pub syntax_errors: Vec<SyntaxError>,
    /// What runs beside the services, as deployment files say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
    /// What profiles of the running system say; only where some were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileSummary>,
}

impl Report {
    /// The report with those findings alone that `keep` wants, counted anew.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&Finding) -> bool) -> Self {
        self.findings.retain(keep);
        self.summary.findings = FindingCounts::of(&self.findings);
        self.groups = Group::collect(&self.findings);
        self
    }

    /// The report with the paths of its findings below `folder`, for readers who see the audited root from above.
    #[must_use]
    pub fn below(mut self, folder: &str) -> Self {
        for finding in &mut self.findings {
            let paths = std::iter::once(&mut finding.path).chain(finding.trace.iter_mut().map(|step| &mut step.path));
            for path in paths {
                *path = format!("{folder}/{path}");
            }
        }
        self
    }
}

/// The program that made a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Counts over the whole system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Python files read.
    pub files: usize,
    /// Those of them with a syntax error.
    pub files_with_syntax_errors: usize,
    /// Lines in them.
    pub lines: usize,
    /// Services named by start-up configurations.
    pub services: usize,
    /// Findings by severity.
    pub findings: FindingCounts,
    /// Findings that cost too little to be shown: less than `min-impact-ms`.
    #[serde(default)]
    pub negligible: usize,
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingCounts {
    /// Over a second an operation.
    pub critical: usize,
    /// 100 ms to a second.
    pub high: usize,
    /// 10 to 100 ms.
    pub medium: usize,
    /// Below 10 ms.
    pub low: usize,
}

/// Something that runs beside the services and starts no Python of the tree: a database, a broker, a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its name in the configuration.
    pub name: String,
    /// Its image; `null` if it is built from the tree.
    pub image: Option<String>,
    /// The configuration file that names it.
    pub config: String,
    /// Ports that it is said to listen on.
    pub ports: Vec<u32>,
}

/// How long a service takes to start, and what it waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceStartup {
    /// How long it takes, once all that it needs is up: typical low and high.
    pub own_ms: [Millis; 2],
    /// When it is up, from the start of the system: typical low and high.
    pub up_ms: [Millis; 2],
    /// The service that it waits for longest.
    pub waits_for: Option<String>,
    /// Its place on the chain that the last service to be up waits for, from 1.
    pub critical_path_position: Option<usize>,
    /// What takes the time, the longest first.
    pub delays: Vec<StartupDelay>,
}

/// Something that a service does at its start and waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartupDelay {
    /// The kind of work.
    pub effect: EffectKind,
    /// Typical time, low and high.
    pub typical_ms: [Millis; 2],
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// What the line does.
    pub note: String,
    /// The calls that lead there from the service's entry.
    pub trace: Vec<TraceStep>,
}

/// A service of the audited system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its name in the configuration.
    pub name: String,
    /// The group it is configured in.
    pub group: Option<String>,
    /// The configuration file that names it.
    pub config: String,
    /// Its script, relative to the audited root; the path as configured where no such file exists.
    pub script: String,
    /// The port it is told to listen on.
    pub port: Option<u32>,
    /// Names of the services that it waits for.
    pub dependencies: Vec<String>,
    /// Files that its script reaches, itself included.
    pub files: usize,
    /// Findings in what it reaches.
    pub findings: usize,
    /// Whether its script can start at all.
    pub starts: bool,
    /// Why it cannot.
    pub problem: Option<String>,
    /// What answers its requests, with what that costs.
    pub handlers: Vec<Handler>,
    /// Where it listens, once for each service that calls it there.
    pub wires_in: Vec<Wire>,
    /// Where it calls other processes.
    pub wires_out: Vec<Wire>,
    /// What it does: `server`, `worker`, `scheduler`, `monitor`, `process`, `job` or `command`. Not said of services of start-up
    /// configurations, as what follows up to `also_in`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<String>,
    /// The kind of file that names it: `compose`, `dockerfile`, `procfile` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The command that starts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Further places that describe it, as `path:line`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_in: Vec<String>,
    /// How it starts, if that takes time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup: Option<ServiceStartup>,
}

/// Code of a service that answers requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handler {
    /// What it answers: `action=generate`, `GET /ask`; `null` for a listener that answers everything in one function.
    pub request: Option<String>,
    /// Qualified name of the function.
    pub function: String,
    /// The file, relative to the audited root.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// Typical low and high time of one request, waits for other services included.
    pub typical_ms: [Millis; 2],
}

/// One end of a wire, as the service sees it that the end belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wire {
    /// What is spoken, with the kind of the socket: `zmq REQ`, `http`.
    pub kind: String,
    /// The service at the other end; `null` if none is known.
    pub peer: Option<String>,
    /// The port.
    pub port: Option<u32>,
    /// The route.
    pub route: Option<String>,
    /// The topic, queue or task.
    pub topic: Option<String>,
    /// The caller waits for an answer.
    pub waits: bool,
    /// The file of this end, relative to the audited root.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// Why no peer is known.
    pub reason: Option<String>,
}

/// One place that makes the system slow or makes it grow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Identifies the finding over edits: it does not change when lines move.
    pub fingerprint: String,
    /// The rule that found it.
    pub rule: String,
    /// The bullet of the brief that the rule serves, `A1` to `G7`.
    pub bullet: String,
    /// The section of the report that it belongs to.
    pub section: Section,
    /// How much one operation costs.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// What happens, in a sentence.
    pub message: String,
    /// The file, relative to the audited root, with `/`.
    pub path: String,
    /// First line, from 1.
    pub line: u32,
    /// First column in characters, from 1.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column behind the last character.
    pub end_column: u32,
    /// Qualified name of the function it stands in; the module's name for code outside functions.
    pub function: String,
    /// The calls that lead from an entry point or context to the cost, in the order in which they happen.
    pub trace: Vec<TraceStep>,
    /// What it costs.
    pub impact: Impact,
    /// Names of the services that reach it.
    pub services: Vec<String>,
    /// Names of the services that wait for these to answer, at whatever remove.
    pub waits_behind: Vec<String>,
    /// What to do, in a sentence.
    pub suggestion: String,
    /// The part of the section that it belongs to.
    pub subsection: Subsection,
    /// Findings of one rule with the same cause are one line of the reports for people.
    pub cause: String,
    /// The cause as a short noun phrase: "Blocking HTTP request on the event loop".
    pub title: String,
    /// The kind of work that costs, where it is one kind.
    pub effect: Option<EffectKind>,
    /// What a cache would give, for findings that one would mend.
    pub caching: Option<Caching>,
    /// What should be kept and shared instead of made anew.
    pub pool: Option<Pool>,
    /// Code that shows the mend.
    pub cure: Option<String>,
    /// What profiles measured of it; only where they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// What profiles measured of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Its part of all that was measured, 0 to 1.
    pub share: f64,
    /// What was measured: time in milliseconds, samples, or bytes.
    pub unit: MeasuredUnit,
    /// How much of it.
    pub total: Millis,
    /// How often it was called, where that was counted.
    pub calls: Option<u64>,
    /// The mean time of one call, where calls were counted.
    pub ms_per_call: Option<Millis>,
    /// Whether the operation itself was measured, or only the whole function that it stands in.
    pub scope: MeasuredScope,
    /// The tools that measured it.
    pub tools: Vec<String>,
    /// How often its arguments were equal, where a probe told them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
}

/// How often calls had arguments that were seen before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeats {
    /// Calls whose arguments were looked at.
    pub calls: u64,
    /// The part of them with arguments seen before and the same result, 0 to 1.
    pub share: f64,
    /// The part of them with arguments seen before and another result.
    pub changed: f64,
    /// How many different arguments were remembered.
    pub window: u32,
    /// Whose arguments: those of the operation itself, or of the function that it stands in.
    pub scope: MeasuredScope,
}

/// What a profile measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeasuredUnit {
    /// Time, in milliseconds.
    Ms,
    /// Samples at an unknown rate.
    Samples,
    /// Bytes allocated.
    Bytes,
}

/// What a measurement covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeasuredScope {
    /// The operation itself.
    Call,
    /// The whole function that it stands in.
    Function,
}

/// What profiles say of the system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileSummary {
    /// The files that were read.
    pub files: Vec<ProfileFile>,
    /// How much of what they measured is known, by unit.
    pub shares: Vec<ProfileShare>,
}

/// A profile that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileFile {
    /// The file as it was named.
    pub file: String,
    /// What wrote it.
    pub tool: String,
    /// What it measures.
    pub unit: MeasuredUnit,
}

/// How much of what was measured in one unit is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileShare {
    /// The unit.
    pub unit: MeasuredUnit,
    /// All that was measured, over all threads.
    pub total: Millis,
    /// The part with audited code on the stack, 0 to 1.
    pub audited: f64,
    /// The part that findings explain.
    pub explained: f64,
    /// Functions with a hundredth of it or more that no finding explains, hottest first.
    pub hot: Vec<HotFunction>,
}

/// A hot function that no finding explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HotFunction {
    /// Its qualified name.
    pub function: String,
    /// Its file, relative to the audited root.
    pub path: String,
    /// Its first line.
    pub line: u32,
    /// The part of what was measured that it and the libraries below it take, without what findings explain.
    pub share: f64,
    /// How often it was called, where that was counted.
    pub calls: Option<u64>,
}

/// One step of the path that proves a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// The file, relative to the audited root.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// Qualified name of the function that the line stands in.
    pub function: String,
    /// What the line does.
    pub note: String,
}

/// What a finding costs, and where the numbers come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// Typical low and high time of one operation.
    pub typical_ms: Option<[Millis; 2]>,
    /// Worst time of one operation, where it is bounded and above the typical.
    pub worst_ms: Option<Millis>,
    /// Bytes that stay in memory after each event.
    pub bytes_per_event: Option<u64>,
    /// How often it happens.
    pub frequency: Frequency,
    /// How the numbers were come by.
    pub basis: Basis,
    /// Where they were come by.
    pub source: String,
    /// It may wait for ever.
    pub unbounded: bool,
}

/// A duration in milliseconds. Whole ones are written without a fraction; one that is not finite is written as `null`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Millis(pub f64);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Below 2^53 every whole f64 is exact as an integer.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && (0.0..EXACT).contains(&self.0) {
            #[expect(clippy::cast_sign_loss, reason = "the range check above excludes negative numbers")]
            serializer.serialize_u64(self.0 as u64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN)))
    }
}

/// What a cache would give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caching {
    /// Share of calls that a cache would answer, 0 to 1.
    pub hit_rate: f64,
    /// How the share was come by.
    pub hit_rate_basis: Basis,
    /// Time that one hit saves, typical low and high.
    pub saving_ms: [Millis; 2],
    /// The cache to use, as a short phrase: "in-process LRU with 1,024 entries, keyed by text and language".
    pub strategy: String,
}

/// What should be kept and shared instead of made anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Of what, as a noun: `database connection`.
    pub kind: String,
    /// How many for one service.
    pub size: u32,
    /// Why so many.
    pub reason: String,
}

/// Findings of one rule with one cause: what people read as one problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The rule of all its findings.
    pub rule: String,
    /// The cause of all its findings.
    pub cause: String,
    /// The title of its worst finding.
    pub title: String,
    /// The section of its worst finding.
    pub section: Section,
    /// The part of that section.
    pub subsection: Subsection,
    /// The worst of its findings' severities.
    pub severity: Severity,
    /// Names of all services hit, sorted.
    pub services: Vec<String>,
    /// Fingerprints of its findings, worst first.
    pub findings: Vec<String>,
}

/// Something wrong with the system as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemProblem {
    /// What kind of problem, in kebab case: `port-conflict`, `missing-script`, `dependency-cycle`.
    pub kind: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The configuration file.
    pub path: String,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// Names of the services concerned.
    pub services: Vec<String>,
}

/// A file, or a part of one, that could not be audited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadError {
    /// The file, relative to the audited root.
    pub path: String,
    /// Why.
    pub message: String,
    /// The line, from 1.
    pub line: Option<u32>,
}

/// A suppression comment that matches no finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusedSuppression {
    /// The file, relative to the audited root.
    pub path: String,
    /// The comment's line, from 1.
    pub line: u32,
    /// The rule that it names.
    pub rule: String,
}

/// The first syntax error of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntaxError {
    /// The file, relative to the audited root.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// What the parser says.
    pub message: String,
}

/// How sure a finding is. The surest is the least, so that sorting puts it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Nothing on the path was guessed.
    Certain,
    /// Something on the path rests on what such code usually means.
    Likely,
    /// Shown only when asked for.
    Possible,
}

/// The brief's five sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// Performance hotspots ranking.
    Hotspots,
    /// Memory optimization opportunities.
    Memory,
    /// CPU optimization recommendations.
    Cpu,
    /// Resource pooling recommendations.
    Pooling,
    /// Caching strategy recommendations.
    Caching,
}

/// The parts of sections 2 to 5. A finding of the hotspots may name one too; it is then referred to there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subsection {
    /// Section 2, memory leaks identified.
    MemoryLeak,
    /// Section 2, memory usage patterns.
    MemoryPattern,
    /// Section 3, algorithm improvements.
    Algorithm,
    /// Section 3, async opportunities.
    Async,
    /// Section 4, connection pooling.
    ConnectionPool,
    /// Section 4, object pooling.
    ObjectPool,
    /// Section 5, caching opportunities.
    Cache,
    /// The hotspots ranking alone.
    #[default]
    None,
}

/// How often a finding's operation happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frequency {
    /// Once in the life of the system.
    Once,
    /// Each time a service starts.
    PerStart,
    /// Per request or message.
    PerRequest,
    /// Per iteration of a loop.
    PerIteration,
    /// Per call of a library's public function, by its users.
    PerCall,
}

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The catalogue's value, with its source.
    Assumed,
    /// Measured on this machine by calibration.
    Calibrated,
    /// Taken from a profile of the system.
    Measured,
}

/// Kinds of work that take time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// Waits on purpose.
    Sleep,
    /// Talks over a network.
    Network,
    /// Talks to a database.
    Database,
    /// Reads or writes files, or asks the file system.
    Disk,
    /// Starts a process or waits for it.
    Process,
    /// Takes a lock.
    Lock,
    /// Waits for another thread or process.
    Wait,
    /// Waits for or sends a message.
    Message,
    /// Loads a model.
    ModelLoad,
    /// Runs a model.
    Inference,
    /// Computes.
    Cpu,
}
