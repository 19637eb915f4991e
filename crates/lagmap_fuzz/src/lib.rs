//! What is fuzzed, a corpus to start from, and a driver that needs nothing but a stable compiler.
//!
//! A target takes any bytes and panics if something is wrong: if the code under it panics, or if what it promises does not
//! hold. `cargo run --release -p lagmap_fuzz -- --seconds 60` mutates the corpora (`corpus/<target>`).

mod driver;
mod mutation;
mod targets;

pub use driver::{Campaign, Executions};
pub use targets::{TARGETS, Target, run};
