//! `lagmap init`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use lagmap_report::visible;
use lagmap_system::System;

use crate::arguments::InitArguments;
use crate::audit;
use crate::configuration::{self, Configuration};
use crate::errors::{Failure, say};
use crate::output;

const NAME: &str = "lagmap.toml";

/// Writes a configuration, after a look at what is there.
pub fn run(arguments: &InitArguments) -> Result<ExitCode, Failure> {
    audit::check_root(&arguments.path)?;
    let target = arguments.path.join(NAME);
    if !arguments.force {
        if fs::symlink_metadata(&target).is_ok() {
            let failure = Failure::new("cannot write the configuration").at(&target).because("it is there already");
            return Err(failure.help("`lagmap config show` says what it says; `--force` replaces it"));
        }
        let pyproject = arguments.path.join("pyproject.toml");
        let configured = pyproject.is_file()
            && configuration::read(&pyproject).is_ok_and(|text| text.contains("[tool.lagmap"))
            && Configuration::find(&arguments.path, Some(&pyproject)).is_ok();
        if configured {
            let failure = Failure::new("cannot write the configuration").at(&pyproject);
            let failure = failure.because("it has a table `[tool.lagmap]`, which would no longer count");
            return Err(failure.help("change it there, or use `--force`"));
        }
    }
    let system = lagmap_system::load(&arguments.path, &[], &lagmap_system::Options::default());
    output::save(&target, page(&system).as_bytes())?;
    let services = system.services.len();
    let found = match services {
        0 => "no service is configured: the code's own entry points count".to_owned(),
        1 => "1 service".to_owned(),
        many => format!("{many} services"),
    };
    say(&format!("wrote {} ({found}); next: lagmap audit\n", visible(&target.display().to_string())));
    Ok(ExitCode::SUCCESS)
}

/// The configuration: what was found, and every key with what it does, commented out.
fn page(system: &System) -> String {
    let mut page = String::from("# Configuration of lagmap. `lagmap config show` says what counts.\n\n");
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for service in &system.services {
        by_file.entry(&service.config).or_default().push(&service.name);
    }
    if by_file.is_empty() {
        page.push_str("# No file here says what is started. Where one does, name it:\n");
    } else {
        page.push_str("# What is started, as these files say; they are found by name and content:\n");
        for (file, services) in &by_file {
            const SHOWN: usize = 8;
            let more = services.len().saturating_sub(SHOWN);
            let names: Vec<&str> = services.iter().take(SHOWN).copied().collect();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            // Writing into a string cannot fail.
            let _ = writeln!(page, "#   {}: {}{more}", visible(file), visible(&names.join(", ")));
        }
        page.push_str("# If these are not the right ones, name those that are:\n");
    }
    let configs: Vec<String> =
        by_file.keys().take(4).map(|file| toml::Value::from(visible(file).into_owned()).to_string()).collect();
    let configs = if configs.is_empty() { "\"startup_config.yaml\"".to_owned() } else { configs.join(", ") };
    let _ = writeln!(page, "# startup-configs = [{configs}]\n");
    page.push_str(REST);
    page
}

/// The keys that do not depend on what was found.
const REST: &str = r#"# Files that are not audited; `*` stays within a folder, `**` does not.
# exclude = ["attic/**", "**/migrations/**"]

# Exit with 1 if something as severe is found: "critical", "high", "medium" or "low".
# fail-on = "high"

# Rules to run (all without it), and rules not to run. `lagmap rules` lists them.
# select = ["blocking-call-on-event-loop"]
# ignore = ["log-without-rotation"]

# Report findings in code that no service and no entry point reaches, too.
# all-code = false

# Report findings that are merely possible, too.
# pedantic = false

# Leave out findings that typically cost less than so many milliseconds of one caller's time; 0 shows all.
# min-impact-ms = 1.0

# Requests that each service is taken to send a second to each service that it waits for.
# requests-per-second = 1.0

# Files that say what your own libraries do: the README of the catalogue tells how.
# catalogues = ["lagmap/our_client.toml"]

# Where facts are kept from one audit to the next, instead of in your cache folder.
# cache-dir = ".lagmap"

# Rules not to run on some files.
# [per-path]
# "tests/**" = ["sleep-in-service-loop"]

# Severities that replace the estimated ones.
# [severity]
# resource-never-closed = "low"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_there_and_what_is_commented_out_is_right() {
        let page = page(&System::default());
        for key in configuration::KEYS {
            assert!(page.contains(key), "{key}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NAME);
        let active: String = page
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.contains(" = ") || line.starts_with('['))
            .fold(String::new(), |text, line| text + line + "\n");
        fs::write(&file, &active).unwrap();
        let read = Configuration::find(folder.path(), Some(&file)).unwrap();
        assert_eq!(read.lines.len(), configuration::KEYS.len(), "{active}");
    }
}
