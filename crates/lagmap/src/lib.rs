//! The command line of lagmap: arguments, configuration, wiring, exit codes.
//!
//! Everything that knows Python, systems or costs lives in the library crates; [`audit`] is the one place that strings
//! them together. It is a library for the sake of tests and benchmarks; `main.rs` only runs it.

mod agent;
mod answer;
mod arguments;
mod assemble;
pub mod audit;
mod cache_folder;
mod children;
mod commands;
pub mod configuration;
pub mod errors;
mod known_rules;
mod measured;
mod output;
mod policy;
pub mod progress;
pub mod records;
mod revision;
mod server;
mod started;
mod suggestion;
mod wired;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::errors::Failure;

/// Does what the command line says.
pub fn run() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let done = match command {
        Command::Audit(arguments) => commands::audit::run(&arguments),
        Command::Calibrate(arguments) => commands::calibrate::run(&arguments),
        Command::Compare(arguments) => commands::compare::run(&arguments),
        Command::Record(arguments) => commands::record::run(&arguments),
        Command::Probe(arguments) => commands::probe::run(&arguments),
        Command::Rules(arguments) => commands::rules::run(&arguments),
        Command::Explain(arguments) => commands::explain::run(&arguments),
        Command::CallGraph(arguments) => commands::call_graph::run(&arguments),
        Command::Trace(arguments) => commands::trace::run(&arguments),
        Command::Services(arguments) => commands::services::run(&arguments),
        Command::Clean(arguments) => commands::clean::run(&arguments),
        Command::Init(arguments) => commands::init::run(&arguments),
        Command::Config(arguments) => commands::config::run(&arguments),
        Command::Lsp => server::run(),
        Command::Mcp(arguments) => agent::run(&arguments),
        Command::Completions(arguments) => commands::help::completions(&arguments),
        Command::Man(arguments) => commands::help::manual(&arguments),
    };
    done.unwrap_or_else(|failure: Failure| failure.exit())
}
