//! Severity: how much one operation costs.

use lagmap_program::{Frequency, Place};
use lagmap_rules::{Finding, Harm};
use serde::{Deserialize, Serialize};

/// How much one operation costs. The worst is the least, so that sorting puts it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Over a second.
    Critical,
    /// 100 ms to a second, and hangs without bound.
    High,
    /// 10 to 100 ms.
    Medium,
    /// Below 10 ms.
    Low,
}

/// What nobody notices who waits for it alone, in milliseconds: the middle of the typical time.
pub const NOTICED_MS: f64 = 1.0;

/// Of what somebody waits for anyhow, the part that nobody notices: what a profile of the whole would show as noise.
const NOTICED_SHARE: f64 = 0.02;

/// Whether a finding typically costs less than so many milliseconds of one caller's time, or (if that is above 0) less than a
/// fiftieth of what the caller waits for anyhow. What stalls an event loop is paid for by all that
/// it serves, so neither counts there; what should be pooled costs more than time, so that only the fiftieth counts.
pub fn is_negligible(finding: &Finding, noticed_ms: f64) -> bool {
    let details = &finding.details;
    match &finding.harm {
        Harm::Time { cost, .. } if details.effect.is_none() => {
            // From nothing to something: half of it on average.
            let middle = if cost.low > 0.0 { cost.middle() } else { cost.high / 2.0 };
            let on_loop = finding.context.is_some_and(|context| context.place == Place::EventLoop);
            let is_lost_beside = noticed_ms > 0.0
                && (details.pool.is_some() || !on_loop)
                && details.beside.is_some_and(|beside| middle < NOTICED_SHARE * beside.middle());
            is_lost_beside || details.pool.is_none() && middle < noticed_ms
        }
        _ => false,
    }
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// The name, as in the JSON report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }

    /// The severity of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }

    /// The severity of an operation that typically takes up to so many milliseconds; each limit belongs to the lower side, as
    /// the brief's "more than a second" has it.
    pub fn of_milliseconds(high: f64) -> Self {
        match high {
            high if high > 1000.0 => Self::Critical,
            high if high > 100.0 => Self::High,
            high if high >= 10.0 => Self::Medium,
            _ => Self::Low,
        }
    }

    /// The severity of a finding.
    ///
    /// Time follows its typical high end. A wait without bound is high, however long it takes when all is well. Memory is judged by what grows and
    /// how often: 100 KB a message fill a gigabyte in 10,000 messages, which a busy service sees within a day; records of a
    /// few hundred bytes take months. A resource that the collector frees as soon as nobody refers to it does less harm than
    /// one that stays until the process ends.
    pub fn of(finding: &Finding) -> Self {
        let frequency = finding.context.map(|context| context.frequency);
        let per_request = frequency == Some(Frequency::Request);
        match &finding.harm {
            Harm::Time { cost, .. } => Self::of_milliseconds(cost.high),
            Harm::Hang { .. } => Self::High,
            Harm::Growth { bytes } => match (per_request, bytes.high >= 100_000.0) {
                (true, true) => Self::High,
                (true, false) | (false, true) => Self::Medium,
                (false, false) => Self::Low,
            },
            Harm::Lost | Harm::Leak { collected: true, .. } => Self::Low,
            Harm::Leak { collected: false, .. } if per_request => Self::High,
            Harm::Leak { collected: false, .. } => Self::Medium,
            Harm::Failure => Self::Critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Severity;

    #[test]
    fn severity_follows_the_briefs_limits() {
        let of = Severity::of_milliseconds;
        assert_eq!(
            [of(1000.1), of(1000.0), of(100.1), of(100.0), of(10.0), of(9.9)],
            [Severity::Critical, Severity::High, Severity::High, Severity::Medium, Severity::Medium, Severity::Low]
        );
    }
}
