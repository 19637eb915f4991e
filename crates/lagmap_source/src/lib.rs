//! Finds Python files, decodes them and parses them, broken ones included.

mod span;

pub use span::{Position, Span};
