//! The command line of lagmap: arguments, configuration, wiring, exit codes.
//!
//! Everything that knows Python, systems or costs lives in the library crates; [`audit`] is the one place that strings
//! them together.

mod arguments;
mod assemble;
mod audit;
mod commands;
mod configuration;
mod errors;
mod known_rules;
mod measured;
mod output;
mod policy;
mod progress;
mod suggestion;
mod wired;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::errors::Failure;

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let done = match command {
        Command::Audit(arguments) => commands::audit::run(&arguments),
        Command::Calibrate(arguments) => commands::calibrate::run(&arguments),
        Command::Compare(arguments) => commands::compare::run(&arguments),
        Command::Rules(arguments) => commands::rules::run(&arguments),
        Command::Explain(arguments) => commands::explain::run(&arguments),
        Command::CallGraph(arguments) => commands::call_graph::run(&arguments),
        Command::Trace(arguments) => commands::trace::run(&arguments),
        Command::Services(arguments) => commands::services::run(&arguments),
    };
    done.unwrap_or_else(|failure: Failure| failure.exit())
}
