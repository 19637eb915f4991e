//! `lagmap explain`

use std::process::ExitCode;

use crate::arguments::ExplainArguments;
use crate::errors::Failure;
use crate::known_rules::{self, Written};
use crate::output;

/// Prints the document of a rule.
pub fn run(arguments: &ExplainArguments) -> Result<ExitCode, Failure> {
    let rule = known_rules::find(&arguments.rule, &Written { by: "`lagmap explain`", place: None })?;
    output::print(format!("{}\n", rule.document.trim_end()).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
