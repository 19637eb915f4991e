//! The one model of all profiles: who was running, below whom, for how long and how often.

use crate::tree::CallTree;

/// What a profiler measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What wrote the file.
    pub format: Format,
    /// What its weights count.
    pub unit: Unit,
    /// Every frame that occurs, once.
    pub frames: Vec<Frame>,
    /// Who called whom.
    pub calls: Calls,
}

/// The file formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Stacks and counts, a line each: `py-spy record --format raw`.
    Collapsed,
    /// The same by Austin.
    Austin,
    /// speedscope's JSON: py-spy, memray, pyinstrument and many more.
    Speedscope,
    /// What `cProfile` and `profile` dump and `pstats` loads.
    Pstats,
    /// `pyinstrument --renderer json`.
    Pyinstrument,
    /// `scalene run`.
    Scalene,
    /// `memray stats --json`.
    MemrayStats,
    /// `memray transform csv`.
    MemrayCsv,
    /// The protobuf of pprof: Pyroscope, Parca, Datadog, austin2pprof.
    Pprof,
    /// Trace events as Chrome reads them: viztracer.
    TraceEvents,
    /// Traces of OpenTelemetry as OTLP JSON.
    OpenTelemetry,
    /// `lagmap probe`.
    Probe,
}

impl Format {
    /// How reports call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Collapsed => "collapsed stacks",
            Self::Austin => "Austin",
            Self::Speedscope => "speedscope",
            Self::Pstats => "cProfile",
            Self::Pyinstrument => "pyinstrument",
            Self::Scalene => "Scalene",
            Self::MemrayStats => "memray stats",
            Self::MemrayCsv => "memray",
            Self::Pprof => "pprof",
            Self::TraceEvents => "trace events",
            Self::OpenTelemetry => "OpenTelemetry",
            Self::Probe => "lagmap probe",
        }
    }
}

/// What the weights of a profile count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Time, in milliseconds.
    Milliseconds,
    /// Samples at an unknown rate: good for shares alone.
    Samples,
    /// Bytes allocated.
    Bytes,
}

impl Unit {
    /// How reports call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Samples => "samples",
            Self::Bytes => "bytes",
        }
    }
}

/// A function as a profiler names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Its name, qualified or not; empty where only the line is known.
    pub function: String,
    /// Its file as it was called where the program ran; empty for what is no Python code.
    pub file: String,
    /// Where in the file.
    pub line: Line,
}

/// Which line a profiler gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// The one that was running.
    Running(u32),
    /// The first of the function.
    First(u32),
    /// None.
    Unknown,
}

impl Line {
    /// The running line, if there is one: profilers write 0 or less for none.
    pub(crate) fn running(line: Option<i64>) -> Self {
        positive(line).map_or(Self::Unknown, Self::Running)
    }

    /// The same for the function's first line.
    pub(crate) fn first(line: Option<i64>) -> Self {
        positive(line).map_or(Self::Unknown, Self::First)
    }
}

fn positive(line: Option<i64>) -> Option<u32> {
    line.and_then(|line| u32::try_from(line).ok()).filter(|line| *line > 0)
}

/// Who called whom.
#[derive(Clone, Debug, PartialEq)]
pub enum Calls {
    /// Whole stacks.
    Tree(CallTree),
    /// Only pairs of caller and callee, as `cProfile` keeps them.
    Graph {
        /// Totals by frame: as many as there are frames, in their order.
        functions: Vec<FunctionTimes>,
        /// Totals by caller and callee.
        edges: Vec<Edge>,
    },
}

/// Totals of one function.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FunctionTimes {
    /// How often it was called.
    pub calls: u64,
    /// Time in it alone.
    pub own: f64,
    /// Time in it and in what it calls.
    pub total: f64,
}

/// Totals of one function as called by another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Who calls, by its frame.
    pub caller: u32,
    /// Who is called, by its frame.
    pub callee: u32,
    /// How often.
    pub calls: u64,
    /// Time in the callee and in what it calls.
    pub total: f64,
}

impl Profile {
    /// All that was measured, over all threads.
    pub fn whole(&self) -> f64 {
        match &self.calls {
            Calls::Tree(tree) => tree.nodes().iter().map(|node| node.own).sum(),
            Calls::Graph { functions, .. } => functions.iter().map(|function| function.own).sum(),
        }
    }
}
