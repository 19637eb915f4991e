//! Grouping by cause, and the order in which people read the groups.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{Finding, FindingCounts, Group, Impact, Measured, Report, Section, Severity, Subsection};
use crate::quantity::{reach, spread};

impl Group {
    /// The findings by rule and cause: by severity, then by the number of services that are hit or wait behind, then by typical time.
    /// Of equal groups and of the findings in a group, those that stand first in `findings` stay first. Where profiles were taken,
    /// the order of `findings` is that of the groups: it follows what was measured.
    pub fn collect(findings: &[Finding]) -> Vec<Self> {
        let mut by_cause: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (index, finding) in findings.iter().enumerate() {
            by_cause.entry((&finding.rule, &finding.cause)).or_default().push(index);
        }
        let mut groups: Vec<_> = by_cause.into_values().filter_map(|members| rank(findings, members)).collect();
        if findings.iter().any(|finding| finding.measured.is_some()) {
            groups.sort_by_key(|(_, earliest, _)| *earliest);
        } else {
            groups.sort_by_key(|(rank, ..)| *rank);
        }
        groups.into_iter().map(|(.., group)| group).collect()
    }
}

impl FindingCounts {
    /// Counts findings by severity.
    pub fn of(findings: &[Finding]) -> Self {
        Self::by_severity(findings.iter().map(|finding| finding.severity))
    }

    /// Counts severities.
    pub fn by_severity(severities: impl Iterator<Item = Severity>) -> Self {
        let mut counts = Self::default();
        for severity in severities {
            match severity {
                Severity::Critical => counts.critical += 1,
                Severity::High => counts.high += 1,
                Severity::Medium => counts.medium += 1,
                Severity::Low => counts.low += 1,
            }
        }
        counts
    }

    /// All of them.
    pub const fn total(self) -> usize {
        self.critical + self.high + self.medium + self.low
    }

    /// Those at least as bad as `severity`.
    pub const fn at_or_above(self, severity: Severity) -> usize {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.critical + self.high,
            Severity::Medium => self.critical + self.high + self.medium,
            Severity::Low => self.total(),
        }
    }
}

type Rank = (Severity, Reverse<usize>, Reverse<u64>, usize);

fn rank(findings: &[Finding], mut members: Vec<usize>) -> Option<(Rank, usize, Group)> {
    let earliest = *members.iter().min()?;
    members.sort_by_key(|&index| (findings.get(index).map(|finding| finding.severity), index));
    let first = *members.first()?;
    let worst = findings.get(first)?;
    let members: Vec<&Finding> = members.iter().filter_map(|&index| findings.get(index)).collect();
    let services: BTreeSet<&str> = members.iter().flat_map(|finding| &finding.services).map(String::as_str).collect();
    // Who waits behind them is hit as much.
    let hit: BTreeSet<&str> = members
        .iter()
        .flat_map(|finding| &finding.waits_behind)
        .map(String::as_str)
        .chain(services.iter().copied())
        .collect();
    let slowest = members.iter().map(|finding| microseconds(finding)).max().unwrap_or(0);
    let group = Group {
        rule: worst.rule.clone(),
        cause: worst.cause.clone(),
        title: worst.title.clone(),
        section: worst.section,
        subsection: worst.subsection,
        severity: worst.severity,
        services: services.iter().map(ToString::to_string).collect(),
        findings: members.iter().map(|finding| finding.fingerprint.clone()).collect(),
    };
    Some(((worst.severity, Reverse(hit.len()), Reverse(slowest), first), earliest, group))
}

/// Typical high time as an ordered number; a float has no total order.
fn microseconds(finding: &Finding) -> u64 {
    #[expect(clippy::cast_sign_loss, reason = "a cast from float saturates: negative numbers and NaN become 0")]
    finding.impact.typical_ms.map_or(0, |[_, high]| (high.0 * 1000.0) as u64)
}

/// A group together with its findings, worst first.
pub(crate) struct Problem<'a> {
    /// The group.
    pub group: &'a Group,
    /// Its worst finding.
    pub worst: &'a Finding,
    /// All its findings, the worst among them.
    pub findings: Vec<&'a Finding>,
}

impl<'a> Problem<'a> {
    /// The report's groups in their order. A group whose findings are not in the report is left out.
    pub fn all(report: &'a Report) -> Vec<Self> {
        let by_fingerprint: HashMap<&str, &Finding> =
            report.findings.iter().map(|finding| (finding.fingerprint.as_str(), finding)).collect();
        let problem = |group: &'a Group| {
            let findings: Vec<&Finding> =
                group.findings.iter().filter_map(|print| by_fingerprint.get(print.as_str()).copied()).collect();
            Some(Self { group, worst: findings.first().copied()?, findings })
        };
        report.groups.iter().filter_map(problem).collect()
    }

    /// What one operation costs, over all its places; what was measured and what was assumed are not mixed.
    pub fn impact(&self) -> Impact {
        let basis = self.worst.impact.basis;
        let alike: Vec<&Finding> =
            self.findings.iter().copied().filter(|finding| finding.impact.basis == basis).collect();
        let worst_ms = self.findings.iter().filter_map(|finding| finding.impact.worst_ms);
        Impact {
            typical_ms: spread(&alike),
            worst_ms: worst_ms.reduce(|one, other| if other > one { other } else { one }),
            unbounded: self.findings.iter().any(|finding| finding.impact.unbounded),
            ..self.worst.impact.clone()
        }
    }

    /// Where sections 2 to 5 show it. A finding of these sections that names no part of its own still has a place.
    pub fn subsection(&self) -> Subsection {
        match (self.group.section, self.group.subsection) {
            (Section::Memory, Subsection::None) => Subsection::MemoryPattern,
            (Section::Cpu, Subsection::None) => Subsection::Algorithm,
            (Section::Pooling, Subsection::None) => Subsection::ObjectPool,
            (Section::Caching, Subsection::None) => Subsection::Cache,
            (_, named) => named,
        }
    }

    /// The part of the measured time or memory that its hottest place takes.
    pub fn share(&self) -> Option<&'a Measured> {
        let measured = self.findings.iter().filter_map(|finding| finding.measured.as_ref());
        measured.reduce(|one, other| if other.share > one.share { other } else { one })
    }

    /// Whose problem it is, in a few words.
    pub fn reach(&self) -> Option<String> {
        reach(&self.group.services, self.findings.len())
    }
}
