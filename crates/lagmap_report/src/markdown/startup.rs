//! Start-up, in the chapter on the system: the chain of services that the last one to be up waits for.

use std::io::{self, Write};

use crate::escape::{code_span, prose};
use crate::markdown::entry;
use crate::model::{Millis, Report, Service, ServiceStartup};
use crate::quantity::{count, interval};

/// Delays said of each service.
const MOST_DELAYS: usize = 3;

/// The chain of services that the last one to be up waits for, with what delays each.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let path = critical_path(report);
    let Some((_, last)) = path.last() else { return Ok(()) };
    writeln!(out, "## Start-up\n")?;
    let all = report.services.iter().filter(|service| service.startup.is_some()).count();
    writeln!(
        out,
        "The last service is up {} after the first is started, if each waits until what it needs is up (assumed costs; \
         imports of libraries count only where the catalogue knows what they cost). The chain that it waits for has {}; {} at \
         their start.\n",
        interval(last.up_ms),
        count(path.len(), "service", "services"),
        count(all, "service takes time", "services take time"),
    )?;
    writeln!(out, "| | service | takes | is up after | what delays it |\n|---|---|---|---|---|")?;
    for (index, (service, start)) in path.iter().enumerate() {
        let delays: Vec<String> = start.delays.iter().take(MOST_DELAYS).map(delay).collect();
        let delays = if delays.is_empty() { "nothing of note".to_owned() } else { delays.join("; ") };
        writeln!(
            out,
            "| {} | {} | {} | {} | {delays} |",
            index + 1,
            code_span(&service.name),
            time(start.own_ms),
            time(start.up_ms),
        )?;
    }
    writeln!(out)
}

fn delay(delay: &crate::model::StartupDelay) -> String {
    let place = entry::place(&delay.path, Some(delay.line));
    format!("{}, {} ({place})", prose(&delay.note), interval(delay.typical_ms))
}

fn time(time: [Millis; 2]) -> String {
    if time[1].0 > 0.0 { interval(time) } else { "no time known".to_owned() }
}

/// Those services, the first to start first.
pub(super) fn critical_path(report: &Report) -> Vec<(&Service, &ServiceStartup)> {
    let mut path: Vec<_> = report
        .services
        .iter()
        .filter_map(|service| {
            Some((service, service.startup.as_ref().filter(|start| start.critical_path_position.is_some())?))
        })
        .collect();
    path.sort_by_key(|(_, start)| start.critical_path_position);
    path
}
