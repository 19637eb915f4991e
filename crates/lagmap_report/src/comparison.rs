//! Two reports of one system: what is new, what is fixed, and what takes another time than before.
//!
//! Findings are the same if their fingerprints are, which do not change when lines move. Reports are compared as their JSON says
//! them, so that one of an older lagmap will do.

pub mod comment;
pub mod json;
pub mod markdown;
pub mod terminal;

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::model::{FindingCounts, Report, SCHEMA_VERSION, Severity};

/// What is compared of a report.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Snapshot {
    schema_version: u32,
    findings: Vec<SnapshotFinding>,
    #[serde(default)]
    profile: Option<SnapshotProfile>,
}

/// What is compared of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotFinding {
    /// Identifies it.
    pub fingerprint: String,
    /// The rule that found it.
    pub rule: String,
    /// How much one operation costs.
    pub severity: Severity,
    /// What happens.
    pub message: String,
    /// The file, relative to the audited root.
    pub path: String,
    /// The first line.
    pub line: u32,
    /// Its numbers.
    pub impact: SnapshotImpact,
    /// What profiles measured of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<SnapshotMeasured>,
}

/// The numbers that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotImpact {
    /// Typical low and high time of one operation, in milliseconds.
    pub typical_ms: Option<[f64; 2]>,
    /// How the numbers were come by.
    pub basis: String,
}

/// The measured numbers that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotMeasured {
    /// The part of all that was measured.
    pub share: f64,
    /// The mean time of one call.
    #[serde(default)]
    pub ms_per_call: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct SnapshotProfile {
    shares: Vec<SnapshotShare>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct SnapshotShare {
    unit: String,
    total: f64,
    explained: f64,
}

/// Why a text is no report that can be compared.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It is no report.
    #[error("it is no JSON report of lagmap: {0}")]
    Format(#[from] serde_json::Error),
    /// It is one of another time.
    #[error("its schema_version is {0}; this lagmap compares version {SCHEMA_VERSION}")]
    Version(u32),
}

impl Snapshot {
    /// Reads a JSON report.
    pub fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let snapshot: Self = serde_json::from_slice(bytes)?;
        if snapshot.schema_version == SCHEMA_VERSION {
            Ok(snapshot)
        } else {
            Err(SnapshotError::Version(snapshot.schema_version))
        }
    }

    /// The same of a report at hand.
    pub fn of(report: &Report) -> Result<Self, SnapshotError> {
        Self::read(&serde_json::to_vec(report)?)
    }

    fn counts(&self) -> FindingCounts {
        FindingCounts::by_severity(self.findings.iter().map(|finding| finding.severity))
    }

    fn measured(&self) -> Vec<MeasuredTime> {
        let shares = self.profile.iter().flat_map(|profile| &profile.shares);
        shares
            .map(|share| MeasuredTime { unit: share.unit.clone(), total: share.total, explained: share.explained })
            .collect()
    }
}

/// What differs between two reports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What the earlier report counts.
    pub before: Side,
    /// What the later one does.
    pub after: Side,
    /// Findings of the later report alone, in its order.
    pub new: Vec<SnapshotFinding>,
    /// Findings of the earlier one alone, in its order.
    pub fixed: Vec<SnapshotFinding>,
    /// Findings of both with other numbers, in the order of the later one.
    pub changed: Vec<Changed>,
    /// Findings of both with the same numbers.
    pub unchanged: usize,
}

/// What one of the two reports counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Its findings by severity.
    pub findings: FindingCounts,
    /// What its profiles measured, by unit.
    pub measured: Vec<MeasuredTime>,
}

/// What profiles measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasuredTime {
    /// In milliseconds, samples or bytes.
    pub unit: String,
    /// How much.
    pub total: f64,
    /// The part that findings explain.
    pub explained: f64,
}

/// A finding of both reports with other numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changed {
    /// As it was.
    pub before: SnapshotFinding,
    /// As it is.
    pub after: SnapshotFinding,
}

impl Comparison {
    /// Compares an earlier report with a later one.
    pub fn of(before: &Snapshot, after: &Snapshot) -> Self {
        let old: HashMap<&str, &SnapshotFinding> =
            before.findings.iter().map(|finding| (&*finding.fingerprint, finding)).collect();
        let kept: HashSet<&str> = after.findings.iter().map(|finding| &*finding.fingerprint).collect();
        let (mut new, mut changed, mut unchanged) = (Vec::new(), Vec::new(), 0);
        for finding in &after.findings {
            match old.get(&*finding.fingerprint) {
                None => new.push(finding.clone()),
                Some(old) if has_other_numbers(old, finding) => {
                    changed.push(Changed { before: (*old).clone(), after: finding.clone() });
                }
                Some(_) => unchanged += 1,
            }
        }
        let fixed = before.findings.iter().filter(|finding| !kept.contains(&*finding.fingerprint)).cloned().collect();
        let side = |snapshot: &Snapshot| Side { findings: snapshot.counts(), measured: snapshot.measured() };
        Self {
            schema_version: SCHEMA_VERSION,
            before: side(before),
            after: side(after),
            new,
            fixed,
            changed,
            unchanged,
        }
    }

    /// The new findings by severity.
    pub fn new_findings(&self) -> FindingCounts {
        FindingCounts::by_severity(self.new.iter().map(|finding| finding.severity))
    }
}

fn has_other_numbers(old: &SnapshotFinding, new: &SnapshotFinding) -> bool {
    old.severity != new.severity || old.impact != new.impact || old.measured != new.measured
}

/// "3 new, 1 fixed, 20 unchanged, 2 with other numbers".
fn headline(comparison: &Comparison) -> String {
    format!(
        "{} new, {} fixed, {} unchanged, {} with other numbers",
        comparison.new.len(),
        comparison.fixed.len(),
        comparison.unchanged,
        comparison.changed.len()
    )
}

/// "4 critical, 7 high, 15 medium, 7 low".
fn counted(counts: FindingCounts) -> String {
    let FindingCounts { critical, high, medium, low } = counts;
    format!("{critical} critical, {high} high, {medium} medium, {low} low")
}

/// "20-100 ms, 34 % of the measured time".
fn numbers(finding: &SnapshotFinding) -> String {
    use crate::measured::percent;
    use crate::model::Millis;
    use crate::quantity::{duration, interval};
    let mut parts = Vec::new();
    if let Some(typical) = finding.impact.typical_ms {
        parts.push(format!("{} ({})", interval(typical.map(Millis)), crate::visible(&finding.impact.basis)));
    }
    if let Some(measured) = &finding.measured {
        if let Some(time) = measured.ms_per_call {
            parts.push(format!("{} a call", duration(Millis(time))));
        }
        parts.push(format!("{} of what was measured", percent(measured.share)));
    }
    if parts.is_empty() { "no numbers".to_owned() } else { parts.join(", ") }
}

/// "ms: 3.2 s, 62 % explained" of each unit.
fn measured(side: &Side) -> Option<String> {
    use crate::measured::percent;
    let parts: Vec<String> = side
        .measured
        .iter()
        .map(|time| {
            let total = match &*time.unit {
                "ms" => crate::quantity::duration(crate::model::Millis(time.total)),
                unit => format!("{:.0} {}", time.total, crate::visible(unit)),
            };
            format!("{total} measured, {} of it explained by findings", percent(time.explained))
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
