//! Grouping by cause, and the order in which people read the groups.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Finding, FindingCounts, Group, Severity};

impl Group {
    /// The findings by rule and cause: by severity, then by the number of services hit, then by typical time. Of equal
    /// groups and of the findings in a group, those that stand first in `findings` stay first.
    pub fn collect(findings: &[Finding]) -> Vec<Self> {
        let mut by_cause: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (index, finding) in findings.iter().enumerate() {
            by_cause.entry((&finding.rule, &finding.cause)).or_default().push(index);
        }
        let mut groups: Vec<_> = by_cause.into_values().filter_map(|members| rank(findings, members)).collect();
        groups.sort_by_key(|(rank, _)| *rank);
        groups.into_iter().map(|(_, group)| group).collect()
    }
}

impl FindingCounts {
    /// Counts findings by severity.
    pub fn of(findings: &[Finding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            match finding.severity {
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

fn rank(findings: &[Finding], mut members: Vec<usize>) -> Option<(Rank, Group)> {
    members.sort_by_key(|&index| (findings.get(index).map(|finding| finding.severity), index));
    let first = *members.first()?;
    let worst = findings.get(first)?;
    let members: Vec<&Finding> = members.iter().filter_map(|&index| findings.get(index)).collect();
    let services: BTreeSet<&str> = members.iter().flat_map(|finding| &finding.services).map(String::as_str).collect();
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
    Some(((worst.severity, Reverse(services.len()), Reverse(slowest), first), group))
}

/// Typical high time as an ordered number; a float has no total order.
fn microseconds(finding: &Finding) -> u64 {
    #[expect(clippy::cast_sign_loss, reason = "a cast from float saturates: negative numbers and NaN become 0")]
    finding.impact.typical_ms.map_or(0, |[_, high]| (high.0 * 1000.0) as u64)
}
