//! What a rule says.

use lagmap_models::EffectKind;
use lagmap_program::{CallView, Context, FileId, Frequency, FunctionId, Interval, Place, Program, Step};
use lagmap_source::Span;

use crate::RuleInfo;

/// One problem at one place.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static RuleInfo,
    /// Where it is shown.
    pub location: Location,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The way from where it matters down to where it happens.
    pub trace: Vec<Step>,
    /// What it costs.
    pub harm: Harm,
    /// Where and how often it happens; `None`: whenever the service starts.
    pub context: Option<Context>,
    /// How sure it is.
    pub confidence: Confidence,
    /// What to do.
    pub suggestion: String,
    /// Findings of one rule with the same cause are one line in a report.
    pub cause: String,
    /// What a report's sections count and add up.
    pub details: Details,
}

/// What a report's sections count and add up: each is known to some rules only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// What the finding's operation waits for.
    pub effect: Option<EffectKind>,
    /// The pool, or the one kept object, that would serve instead.
    pub pool: Option<Pool>,
    /// The part of calls, from 0 to 1, that a cache would answer (assumed).
    pub hit_rate: Option<f64>,
    /// What whoever waits for it waits for anyhow, beside it.
    pub beside: Option<Interval>,
}

/// What should be kept instead of made anew, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Of what, as a noun: `database connection`.
    pub kind: String,
    /// How many for one service.
    pub size: u32,
    /// Why so many.
    pub reason: &'static str,
}

impl Pool {
    /// How many are used at the same time where a finding runs: as many as threads or coroutines serve requests there.
    pub fn for_place(kind: &str, place: Place) -> Self {
        let (size, reason) = match place {
            Place::Main | Place::Process => (1, "the loop handles one message at a time"),
            // The default of SQLAlchemy's pool is 5 connections and 10 more at peaks, that of urllib3 10 for each host.
            Place::Worker => (10, "worker threads serve requests at the same time"),
            Place::EventLoop => (10, "coroutines serve requests at the same time; those beyond wait for a free one"),
        };
        Self { kind: kind.to_owned(), size, reason }
    }
}

/// Where a finding is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Code of a function.
    Code {
        /// The file.
        file: FileId,
        /// The scope.
        function: FunctionId,
        /// The text.
        span: Span,
    },
    /// A line of a file that is not analysed as code: a configuration, a script that does not parse.
    Line {
        /// Its path relative to the root.
        path: String,
        /// The line, from 1.
        line: u32,
        /// The column, from 1.
        column: u32,
        /// The services concerned, by name.
        services: Vec<String>,
    },
}

/// What a finding costs.
#[derive(Clone, Debug, PartialEq)]
pub enum Harm {
    /// Time, each time it happens.
    Time {
        /// Typically.
        cost: Interval,
        /// At worst, in milliseconds; `None` if nothing bounds it.
        worst: Option<f64>,
        /// Where the numbers come from.
        source: String,
    },
    /// It may wait for ever.
    Hang {
        /// The time that it typically takes.
        cost: Interval,
        /// Where the number comes from.
        source: String,
    },
    /// Memory that is never given back.
    Growth {
        /// How much, each time.
        bytes: Bytes,
    },
    /// A thing of which there are only so many (file descriptors, threads, connections) is never given back.
    Leak {
        /// What.
        what: String,
        /// The garbage collector gives it back as soon as nothing refers to it.
        collected: bool,
    },
    /// Work is not done, or nobody sees that it failed.
    Lost,
    /// A service does not run at all.
    Failure,
}

/// Memory per event, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Bytes {
    /// Typical low end.
    pub low: f64,
    /// Typical high end.
    pub high: f64,
    /// Where the numbers come from.
    pub source: String,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It rests on something that could not be resolved; hidden unless asked for.
    Possible,
    /// Every step is resolved; how much it matters depends on data.
    Likely,
    /// Every step is resolved and nothing else could be meant.
    Certain,
}

impl Confidence {
    /// Of what is seen at a call in a context: likely, unless few of the requests come to it.
    pub fn at(call: &CallView<'_>, context: Context) -> Self {
        if call.program.is_seldom(call, context) { Self::Possible } else { Self::Likely }
    }
}

impl Finding {
    /// A finding at a call. Its cause is the call's own place, its context the most frequent that it runs in.
    pub fn at_call(rule: &'static RuleInfo, call: &CallView<'_>, message: String, harm: Harm) -> Self {
        let location = Location::Code { file: call.file, function: call.function, span: call.span() };
        let context = call.contexts().iter().next();
        let (path, line) = place(call.program, call.file, call.span());
        Self {
            rule,
            location,
            message,
            trace: context.map(|context| way_to(call, context)).unwrap_or_default(),
            harm,
            context,
            confidence: Confidence::Certain,
            suggestion: String::new(),
            cause: format!("{path}:{line}"),
            details: Details::default(),
        }
    }

    /// With what its operation waits for.
    #[must_use]
    pub const fn effect(mut self, effect: EffectKind) -> Self {
        self.details.effect = Some(effect);
        self
    }

    /// With what should be kept, for the place where it runs.
    #[must_use]
    pub fn pool(mut self, kind: &str) -> Self {
        self.details.pool = self.context.map(|context| Pool::for_place(kind, context.place));
        self
    }

    /// With workers that should be kept, whatever runs them.
    #[must_use]
    pub fn workers(mut self, kind: &str) -> Self {
        let reason = "workers mostly wait: about as many as requests are in flight at the same time";
        self.details.pool = Some(Pool { kind: kind.to_owned(), size: 10, reason });
        self
    }

    /// With the part of calls that a cache would answer.
    #[must_use]
    pub const fn hit_rate(mut self, rate: f64) -> Self {
        self.details.hit_rate = Some(rate);
        self
    }

    /// With what to do.
    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = suggestion.into();
        self
    }

    /// With another confidence.
    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// With another cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = cause.into();
        self
    }

    /// With more steps behind those that lead to it.
    #[must_use]
    pub fn then(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.trace.extend(steps);
        self
    }

    /// For one of its contexts.
    #[must_use]
    pub fn in_context(mut self, context: Context, call: &CallView<'_>) -> Self {
        self.context = Some(context);
        self.trace = way_to(call, context);
        self
    }

    /// Says that only the first of the calls in its context is hit.
    #[must_use]
    pub const fn only_the_first_time(mut self) -> Self {
        if let Some(context) = &mut self.context {
            context.frequency = Frequency::Lazy;
        }
        self
    }
}

/// How the function of a call comes to run in a context.
fn way_to(call: &CallView<'_>, context: Context) -> Vec<Step> {
    call.program.recent_path_in(call.function, call.region, context)
}

/// The path and line of a piece of text.
pub fn place(program: &Program, file: FileId, span: Span) -> (&str, u32) {
    let unit = program.linked.file(file);
    (&unit.path, unit.lines.position(span.start).line)
}
