//! The chapter on the system: who waits for whom, and for how long, and how it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::escape::{code_span, prose};
use crate::markdown::startup;
use crate::model::{Handler, Report, Service, Wire};
use crate::quantity::{count, interval};

/// As many services as a page shows.
const MOST: usize = 15;

/// Writes the chapter, unless no service calls another and nothing delays their start.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let ends: Vec<&Wire> = report.services.iter().flat_map(|service| &service.wires_out).collect();
    let joined = ends.iter().filter(|wire| wire.peer.is_some()).count();
    if joined == 0 && startup::critical_path(report).is_empty() {
        return Ok(());
    }
    writeln!(out, "# The system\n")?;
    if joined > 0 {
        wires(report, &ends, joined, out)?;
    }
    startup::write(report, out)
}

fn wires(report: &Report, ends: &[&Wire], joined: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} between services are seen in the code; {} not joined to a service.\n",
        count(joined, "call", "calls"),
        match ends.len() - joined {
            1 => "1 more is".to_owned(),
            more => format!("{more} more are"),
        }
    )?;
    waited_for(&report.services, out)?;
    loose(ends, out)
}

/// The services that others wait for, those with the most of them first.
fn waited_for(services: &[Service], out: &mut dyn Write) -> io::Result<()> {
    let waiting = |service: &Service| -> BTreeSet<String> {
        let calls = |other: &&Service| {
            other.wires_out.iter().any(|wire| wire.waits && wire.peer.as_ref() == Some(&service.name))
        };
        services.iter().filter(calls).map(|other| other.name.clone()).collect()
    };
    let mut rows: Vec<(&Service, BTreeSet<String>)> =
        services.iter().map(|service| (service, waiting(service))).filter(|(_, waiting)| !waiting.is_empty()).collect();
    rows.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.name.cmp(&b.0.name)));
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Services that others wait for\n")?;
    writeln!(out, "| service | waited for by | its costliest request | takes |\n|---|---|---|---|")?;
    let shown = rows.len().min(MOST);
    for (service, waiting) in rows.iter().take(shown) {
        let costliest = costliest(&service.handlers);
        let names: Vec<String> = waiting.iter().take(4).map(|name| prose(name)).collect();
        let more = waiting.len() - names.len();
        let others = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(
            out,
            "| {} | {}{others} | {} | {} |",
            prose(&service.name),
            names.join(", "),
            costliest
                .map(|handler| code_span(handler.request.as_deref().unwrap_or(&handler.function)))
                .unwrap_or_default(),
            costliest.map(|handler| interval(handler.typical_ms)).unwrap_or_default(),
        )?;
    }
    if rows.len() > shown {
        writeln!(out, "\nand {} more; `lagmap services` lists all.", rows.len() - shown)?;
    }
    writeln!(out)
}

/// The costliest of the requests that are told apart; of any, if none are.
fn costliest(handlers: &[Handler]) -> Option<&Handler> {
    let named = handlers.iter().any(|handler| handler.request.is_some());
    let own = handlers.iter().filter(|handler| handler.request.is_some() || !named);
    own.max_by(|a, b| a.typical_ms[1].0.total_cmp(&b.typical_ms[1].0))
}

/// Why calls are not joined, with how many there are of each kind.
fn loose(ends: &[&Wire], out: &mut dyn Write) -> io::Result<()> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in ends.iter().filter_map(|wire| wire.reason.as_deref()) {
        *reasons.entry(reason).or_default() += 1;
    }
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Calls that are not joined to a service\n")?;
    for (reason, number) in reasons {
        writeln!(out, "- {}: {}", count(number, "call", "calls"), prose(reason))?;
    }
    writeln!(out)
}
