//! `lagmap rules`

use std::process::ExitCode;

use crate::arguments::{ListFormat, RulesArguments};
use crate::errors::Failure;
use crate::{known_rules, output};

/// Lists the rules.
pub fn run(arguments: &RulesArguments) -> Result<ExitCode, Failure> {
    let rules = known_rules::all();
    let text = match arguments.format {
        ListFormat::Json => {
            let list = serde_json::to_string_pretty(&rules);
            list.map_err(|error| Failure::new("cannot write the rules").because(error))? + "\n"
        }
        ListFormat::Table => {
            let row = |rule: &known_rules::KnownRule| {
                vec![rule.name.to_owned(), rule.bullets.join(" "), rule.section.to_owned(), rule.summary.to_owned()]
            };
            output::table(&["RULE", "BULLETS", "SECTION", "FINDS"], &rules.iter().map(row).collect::<Vec<_>>())
        }
    };
    output::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
