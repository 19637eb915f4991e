//! One renderer a file over one `Report` value.
//!
//! The crate knows nothing of Python, of rules or of how findings are made: whoever audits fills a [`Report`], and every
//! renderer reads that value alone. Source text, which only the terminal shows, comes through a [`SourceProvider`].
//! Whatever comes from audited code is escaped before it is written: a file name cannot steer a terminal or a page.

pub mod comparison;
mod escape;
pub mod exchange;
mod frame;
mod groups;
pub mod json;
pub mod markdown;
mod measured;
pub mod model;
mod quantity;
mod source;
pub mod terminal;

pub use comparison::{Comparison, Snapshot, SnapshotError};
pub use escape::visible;
pub use measured::of_finding as in_words;
pub use model::{
    Basis, Caching, Confidence, EffectKind, Finding, FindingCounts, Frequency, Group, Handler, HotFunction, Impact,
    Measured, MeasuredScope, MeasuredUnit, Millis, Peer, Pool, ProfileFile, ProfileShare, ProfileSummary, ReadError,
    Repeats, Report, SCHEMA_VERSION, Section, Service, ServiceStartup, Severity, StartupDelay, Subsection, Summary,
    SyntaxError, SystemProblem, Tool, TraceStep, UnusedSuppression, Wire,
};
pub use quantity::{cost, interval, thousands};
pub use source::{NoSource, SourceProvider};
