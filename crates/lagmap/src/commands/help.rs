//! `lagmap completions` and `lagmap man`

use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::arguments::{Arguments, CompletionsArguments, ManArguments};
use crate::errors::Failure;
use crate::output;

/// Whatever the program's file is called: that is what people type.
const NAME: &str = "lagmap";

fn command() -> Command {
    Arguments::command().name(NAME).bin_name(NAME)
}

/// Prints what a shell needs to complete commands and options.
pub fn completions(arguments: &CompletionsArguments) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), NAME, &mut script);
    output::print(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page, or writes those of all commands into a folder.
pub fn manual(arguments: &ManArguments) -> Result<ExitCode, Failure> {
    if let Some(folder) = &arguments.folder {
        let failed = |error| {
            let failure = Failure::new("cannot write the manual pages").at(folder).because(error);
            failure.help("name a folder that exists and may be written to")
        };
        clap_mangen::generate_to(command(), folder).map_err(failed)?;
    } else {
        let mut page = Vec::new();
        let failed = |error| Failure::new("cannot write the manual page").because(error);
        Man::new(command()).render(&mut page).map_err(failed)?;
        output::print(&page)?;
    }
    Ok(ExitCode::SUCCESS)
}
