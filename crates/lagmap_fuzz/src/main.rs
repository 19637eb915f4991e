//! `cargo run --release -p lagmap_fuzz -- [TARGET]... [--seconds N] [--seed N] [--failures FOLDER]`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lagmap_fuzz::{Campaign, TARGETS, Target};

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// Runs what the arguments say; how many inputs failed.
fn run() -> Result<u64, String> {
    let mut campaign = Campaign { seed: 1, executions: u64::MAX >> 1, time: Duration::from_mins(1) };
    let mut failures = PathBuf::from("target/fuzz-failures");
    let mut chosen: Vec<Target> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
        match argument.as_str() {
            "--seconds" => campaign.time = Duration::from_secs(number(value()?)?),
            "--seed" => campaign.seed = number(value()?)?,
            "--failures" => failures = value()?.into(),
            name => {
                let known = TARGETS.into_iter().find(|target| target.name == name);
                let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                chosen.push(known.ok_or(format!("there is no target `{name}`, only {}", names.join(", ")))?);
            }
        }
    }
    if chosen.is_empty() {
        chosen.extend(TARGETS);
    }
    let mut failed = 0;
    for target in chosen {
        let done = campaign.run(&target, &failures).map_err(|error| format!("{}: {error}", target.name))?;
        println!(
            "{}: {} executions, {} failures, slowest {} ms",
            target.name,
            done.count,
            done.failures,
            done.slowest.as_millis()
        );
        failed += done.failures;
    }
    if failed > 0 {
        println!("inputs that failed are in {}", failures.display());
    }
    Ok(failed)
}
