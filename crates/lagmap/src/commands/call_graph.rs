//! `lagmap call-graph`

use std::fmt::Write as _;
use std::process::ExitCode;

use lagmap_program::{NamedCalls, Program};
use serde::Serialize;

use crate::arguments::{CallGraphArguments, GraphFormat};
use crate::audit::{self, AuditOptions};
use crate::cache_folder::CacheFolder;
use crate::configuration::Configuration;
use crate::errors::Failure;
use crate::output;
use crate::progress::Progress;

/// Prints the call graph.
pub fn run(arguments: &CallGraphArguments) -> Result<ExitCode, Failure> {
    audit::check_root(&arguments.path)?;
    let configuration = Configuration::find(&arguments.path, arguments.config.as_deref())?;
    let cache = CacheFolder::find(&arguments.cache, configuration.cache_dir.clone());
    let options = AuditOptions { all_code: true, cache, ..AuditOptions::of(configuration)? };
    let progress = Progress::start();
    let text = match arguments.format {
        GraphFormat::Json => json(&audit::ask(&arguments.path, &options, &progress, Program::named_calls)?)?,
        GraphFormat::Dot => dot(&audit::ask(&arguments.path, &options, &progress, Program::named_calls)?),
        GraphFormat::Summary => json(&audit::ask(&arguments.path, &options, &progress, Program::resolution)?)?,
    };
    output::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    Ok(text.map_err(|error| Failure::new("cannot write the call graph").because(error))? + "\n")
}

fn dot(calls: &NamedCalls) -> String {
    let mut text = String::from("digraph calls {\n  rankdir = LR;\n  node [shape = box];\n");
    for (caller, callees) in calls {
        for callee in callees {
            writeln!(text, "  {} -> {};", quoted(caller), quoted(callee)).expect("a string takes all text");
        }
    }
    text.push_str("}\n");
    text
}

/// A name as a quoted identifier of the DOT language.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::{NamedCalls, dot};

    #[test]
    fn names_are_quoted() {
        let calls = NamedCalls::from([("main".to_owned(), ["main.<lambda1>".to_owned()].into())]);
        assert!(dot(&calls).contains("  \"main\" -> \"main.<lambda1>\";"));
    }
}
