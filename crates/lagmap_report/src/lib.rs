//! One renderer a file over one `Report` value.
//!
//! The crate knows nothing of Python, of rules or of how findings are made: whoever audits fills a [`Report`], and every
//! renderer reads that value alone. Source text, which only the terminal shows, comes through a provider.

mod groups;
pub mod model;

pub use model::{
    Basis, Caching, Confidence, EffectKind, Finding, FindingCounts, Frequency, Group, Impact, Millis, ReadError,
    Report, SCHEMA_VERSION, Section, Service, Severity, Subsection, Summary, SyntaxError, SystemProblem, Tool,
    TraceStep, UnusedSuppression,
};
