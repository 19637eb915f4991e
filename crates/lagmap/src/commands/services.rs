//! `lagmap services`

use std::process::ExitCode;

use lagmap_report::Service;

use crate::arguments::{ListFormat, ServicesArguments};
use crate::audit::{self, AuditOptions};
use crate::configuration::Configuration;
use crate::errors::Failure;
use crate::output;
use crate::progress::Progress;

/// Lists the services.
pub fn run(arguments: &ServicesArguments) -> Result<ExitCode, Failure> {
    audit::check_root(&arguments.path)?;
    let configuration = Configuration::find(&arguments.path, arguments.config.as_deref())?;
    let options = AuditOptions::of(configuration)?;
    let report = audit::run_audit(&arguments.path, &options, &Progress::start())?;
    let text = match arguments.format {
        ListFormat::Json => {
            let list = serde_json::to_string_pretty(&report.services);
            list.map_err(|error| Failure::new("cannot write the services").because(error))? + "\n"
        }
        ListFormat::Table => {
            let rows: Vec<_> = report.services.iter().map(row).collect();
            output::table(&["SERVICE", "GROUP", "PORT", "SCRIPT", "STARTS", "NEEDS"], &rows)
        }
    };
    output::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn row(service: &Service) -> Vec<String> {
    let starts = match &service.problem {
        Some(problem) if !service.starts => format!("no: {problem}"),
        _ => (if service.starts { "yes" } else { "no" }).to_owned(),
    };
    vec![
        service.name.clone(),
        service.group.clone().unwrap_or_default(),
        service.port.map(|port| port.to_string()).unwrap_or_default(),
        service.script.clone(),
        starts,
        service.dependencies.join(", "),
    ]
}
