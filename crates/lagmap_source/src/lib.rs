//! Finds Python files, decodes them and parses them, broken ones included.
//!
//! Knows nothing of what the code means. Whatever a tree holds, the result is a list of files that can be used and a list
//! of one-line errors for those that cannot.

mod decoding;
mod depth;
mod discovery;
mod lines;
mod parsing;
mod recovery;
mod span;
mod suppression;
mod threads;

pub use decoding::{decode, read, read_bytes};
pub use discovery::{DiscoverOptions, Discovery, FileError, FoundFile, discover};
pub use lines::LineMap;
pub use parsing::{ParsedFile, SyntaxProblem, parse};
pub use recovery::Repair;
pub use span::{Position, Span};
pub use suppression::Suppression;
pub use threads::pool;
