//! A table for spreadsheets: RFC 4180, one row a finding, the first row says what the columns are.

use std::io::{self, Write};

use super::word;
use crate::escape::visible;
use crate::model::{Finding, Millis, Report};

const COLUMNS: [&str; 24] = [
    "severity",
    "rule",
    "path",
    "line",
    "column",
    "end_line",
    "end_column",
    "function",
    "message",
    "typical_low_ms",
    "typical_high_ms",
    "worst_ms",
    "unbounded",
    "bytes_per_event",
    "frequency",
    "basis",
    "confidence",
    "section",
    "bullet",
    "services",
    "waits_behind",
    "suggestion",
    "title",
    "fingerprint",
];

/// Writes the findings, worst first.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    writer.write_record(COLUMNS)?;
    for finding in &report.findings {
        writer.write_record(row(finding))?;
    }
    writer.flush()
}

fn row(finding: &Finding) -> [String; COLUMNS.len()] {
    let impact = &finding.impact;
    let ms = |value: Option<Millis>| value.map(|Millis(ms)| ms.to_string()).unwrap_or_default();
    [
        word(&finding.severity),
        cell(&finding.rule),
        cell(&finding.path),
        finding.line.to_string(),
        finding.column.to_string(),
        finding.end_line.to_string(),
        finding.end_column.to_string(),
        cell(&finding.function),
        cell(&finding.message),
        ms(impact.typical_ms.map(|[low, _]| low)),
        ms(impact.typical_ms.map(|[_, high]| high)),
        ms(impact.worst_ms),
        impact.unbounded.to_string(),
        impact.bytes_per_event.map(|bytes| bytes.to_string()).unwrap_or_default(),
        word(&impact.frequency),
        word(&impact.basis),
        word(&finding.confidence),
        word(&finding.section),
        cell(&finding.bullet),
        cell(&finding.services.join(" ")),
        cell(&finding.waits_behind.join(" ")),
        cell(&finding.suggestion),
        cell(&finding.title),
        cell(&finding.fingerprint),
    ]
}

/// Text from audited code. A spreadsheet would take what starts like a formula for one.
fn cell(text: &str) -> String {
    let text = visible(text);
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.into_owned() }
}
