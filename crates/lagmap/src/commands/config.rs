//! `lagmap config`

use std::path::Path;
use std::process::ExitCode;

use lagmap_report::visible;
use serde::Serialize;
use serde_json::{Value, json};

use crate::arguments::{ConfigArguments, ConfigCommand, ListFormat};
use crate::audit;
use crate::cache_folder::users_folder;
use crate::configuration::{Configuration, KEYS};
use crate::errors::Failure;
use crate::output;

/// The schema of `lagmap.toml`.
pub const SCHEMA: &str = include_str!("../../../../schema/lagmap-toml.json");

/// Says what is configured, and where.
pub fn run(arguments: &ConfigArguments) -> Result<ExitCode, Failure> {
    match &arguments.what {
        ConfigCommand::Schema => output::print(SCHEMA.as_bytes())?,
        ConfigCommand::Show { path, config, format } => {
            audit::check_root(path)?;
            let configuration = Configuration::find(path, config.as_deref())?;
            output::print(shown(&configuration, *format)?.as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One key.
#[derive(Serialize)]
struct Setting {
    key: &'static str,
    value: Value,
    /// `default`, or the file and line.
    from: String,
}

fn shown(configuration: &Configuration, format: ListFormat) -> Result<String, Failure> {
    let settings: Vec<Setting> = KEYS
        .iter()
        .map(|key| Setting { key, value: value(configuration, key), from: place(configuration, key) })
        .collect();
    match format {
        ListFormat::Json => {
            let text = serde_json::to_string_pretty(&settings);
            Ok(text.map_err(|error| Failure::new("cannot write the configuration").because(error))? + "\n")
        }
        ListFormat::Table => {
            let row = |setting: &Setting| vec![setting.key.to_owned(), setting.value.to_string(), setting.from.clone()];
            let rows: Vec<_> = settings.iter().map(row).collect();
            let head = match &configuration.file {
                Some(file) => format!("{}\n\n", visible(&file.display().to_string())),
                None => "no configuration: `lagmap init` writes one\n\n".to_owned(),
            };
            Ok(head + &output::table(&["KEY", "VALUE", "FROM"], &rows))
        }
    }
}

fn place(configuration: &Configuration, key: &str) -> String {
    match (&configuration.file, configuration.lines.get(key)) {
        (Some(file), Some(line)) => {
            let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
            format!("{name}:{line}")
        }
        _ => "default".to_owned(),
    }
}

/// What counts for a key: what is configured, or what an audit does without.
fn value(configuration: &Configuration, key: &str) -> Value {
    let path = |path: &Path| json!(path.display().to_string());
    match key {
        "select" if configuration.select.is_empty() => json!("all rules"),
        "select" => json!(configuration.select),
        "ignore" => json!(configuration.ignore),
        "per-path" => {
            configuration.per_path.iter().map(|per| (per.files.glob().to_owned(), json!(per.ignore))).collect()
        }
        "severity" => json!(configuration.severity),
        "fail-on" => json!(configuration.fail_on),
        "exclude" => configuration.exclude.iter().map(|glob| glob.glob().to_owned()).collect(),
        "startup-configs" if configuration.startup_configs.is_empty() => json!("found by name and content"),
        "startup-configs" => json!(configuration.startup_configs),
        "catalogues" => configuration.catalogues.iter().map(|file| path(file)).collect(),
        "all-code" => json!(configuration.all_code),
        "pedantic" => json!(configuration.pedantic),
        "min-impact-ms" => json!(configuration.min_impact_ms.unwrap_or(lagmap_impact::NOTICED_MS)),
        "requests-per-second" => {
            json!(
                configuration
                    .requests_per_second
                    .unwrap_or(lagmap_program::ProgramOptions::default().requests_per_second)
            )
        }
        "cache-dir" => match configuration.cache_dir.clone().or_else(users_folder) {
            Some(folder) => path(&folder),
            None => Value::Null,
        },
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_value_and_is_in_the_schema() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let described: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        let mut keys: Vec<&str> = KEYS.to_vec();
        keys.sort_unstable();
        assert_eq!(described, keys);
        let configuration = Configuration::default();
        for key in KEYS.iter().filter(|key| !["fail-on", "cache-dir"].contains(key)) {
            assert_ne!(value(&configuration, key), Value::Null, "{key}");
        }
    }

    #[test]
    fn the_schema_names_the_rules_that_there_are() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let named: Vec<&str> =
            schema["$defs"]["rule"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let rules: Vec<&str> = lagmap_rules::all().iter().map(|rule| rule.name).collect();
        assert_eq!(named, rules, "schema/lagmap-toml.json");
    }
}
