//! Forms of the findings that other programs take: code hosts, test reporters, spreadsheets, scripts.
//!
//! Each is the findings alone; what else a report holds is in its JSON form.

pub mod csv;
pub mod github;
pub mod gitlab;
pub mod junit;
pub mod ndjson;
pub mod sarif;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::escape::visible;
use crate::model::Finding;
use crate::quantity;

/// Characters that stay as they are in the path of a URI (RFC 3986), and the separator.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A path as a relative URI.
fn uri(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// What a finding costs and where the numbers are from, in a few words: `100-400 ms per request (assumed)`.
fn cost(finding: &Finding) -> Option<String> {
    let cost = quantity::cost(&finding.impact);
    (!cost.is_empty()).then(|| format!("{cost} ({})", quantity::basis(finding.impact.basis)))
}

/// The word that the JSON report has for a value.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The message, what it costs and what to do, each in a line of its own, without anything that steers a terminal.
fn sentences(finding: &Finding) -> Vec<String> {
    let mut lines = vec![visible(&finding.message).into_owned()];
    lines.extend(cost(finding).map(|cost| format!("Cost: {cost}.")));
    if !finding.services.is_empty() {
        lines.push(format!("Services: {}.", visible(&finding.services.join(", "))));
    }
    if !finding.waits_behind.is_empty() {
        lines.push(format!("Waiting behind them: {}.", visible(&finding.waits_behind.join(", "))));
    }
    lines.push(format!("Mend: {}", visible(&finding.suggestion)));
    lines
}

/// The steps of the path that proves a finding, one a line.
fn steps(finding: &Finding) -> impl Iterator<Item = String> {
    finding.trace.iter().map(|step| {
        format!("{}:{} {}: {}", visible(&step.path), step.line, visible(&step.function), visible(&step.note))
    })
}
