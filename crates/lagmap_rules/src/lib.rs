//! One rule, one file: each asks the program for an effect in a context and yields findings.
//!
//! A rule is data ([`RuleInfo`]) and one function over the program. It knows nothing of severities, ranking or reports,
//! and it walks no syntax: what it needs to know beyond facts is a query of `lagmap_program`.

mod finding;
mod rules;

use lagmap_program::{Frequency, Interval, Program};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

pub use finding::{Bytes, Confidence, Details, Finding, Harm, Location, Pool, place};

/// A rule.
#[derive(Debug)]
pub struct RuleInfo {
    /// Its name: what is wrong, in the field's words.
    pub name: &'static str,
    /// The bullets of the brief that it serves, the first being its main one.
    pub bullets: &'static [&'static str],
    /// Where its findings stand in a report.
    pub section: Section,
    /// And there.
    pub subsection: Subsection,
    /// A short noun phrase for lists.
    pub title: &'static str,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// Its document: what, why, cost, examples, cure.
    pub document: &'static str,
    /// Finds its problems.
    pub check: fn(&'static RuleInfo, &Program, &mut Vec<Finding>),
}

/// The five sections of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Section {
    Hotspots,
    Memory,
    Cpu,
    Pooling,
    Caching,
}

/// The parts of sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Subsection {
    None,
    MemoryLeak,
    MemoryPattern,
    Algorithm,
    Async,
    ConnectionPool,
    ObjectPool,
    Cache,
}

/// All rules, sorted by name.
pub fn all() -> &'static [&'static RuleInfo] {
    rules::ALL
}

/// Whether the path that a finding rests on is one that a single object can take.
fn is_real_path(program: &Program, finding: &Finding) -> bool {
    let (Some(context), Location::Code { file, function, span }) = (finding.context, &finding.location) else {
        return true;
    };
    let region = program.region_at(*file, *function, *span);
    region.is_none_or(|region| program.is_consistent(*function, region, context))
}

/// What a request or round of a loop waits for anyhow, beside what a finding would save it.
fn beside(program: &Program, finding: &Finding) -> Option<Interval> {
    let (Harm::Time { .. }, Some(context), Location::Code { file, function, span }) =
        (&finding.harm, finding.context, &finding.location)
    else {
        return None;
    };
    let is_wanted = matches!(context.frequency, Frequency::Request | Frequency::Background);
    let region = is_wanted.then(|| program.region_at(*file, *function, *span)).flatten()?;
    program.dominant_wait(*function, region, context)
}

/// Whether all that is known is that somebody may call it, and it takes no more than a moment or opens one thing: in an
/// application, which has no
/// users that import it, that is no finding.
fn is_short_at_call(finding: &Finding) -> bool {
    finding.context.is_some_and(|context| context.frequency == Frequency::Library)
        && match &finding.harm {
            Harm::Time { cost, .. } => cost.high <= 100.0,
            Harm::Leak { .. } | Harm::Lost => true,
            _ => false,
        }
}

/// What the rules that `wanted` accepts find, in a fixed order: by rule, then as found.
pub fn check(program: &Program, wanted: impl Fn(&RuleInfo) -> bool + Sync) -> Vec<Finding> {
    let is_application = program.is_application();
    // Several rules ask for them at the same time; they are found once.
    program.wires();
    let found: Vec<Vec<Finding>> = all()
        .par_iter()
        .map(|rule| {
            let mut findings = Vec::new();
            if wanted(rule) {
                (rule.check)(rule, program, &mut findings);
            }
            for finding in &mut findings {
                finding.details.beside = beside(program, finding);
                if !is_real_path(program, finding) || is_application && is_short_at_call(finding) {
                    finding.confidence = Confidence::Possible;
                }
            }
            findings
        })
        .collect();
    let mut found: Vec<Finding> = found.into_iter().flatten().collect();
    say_once(&mut found);
    found
}

/// What is to be kept instead of made anew need not be closed each time: where one finding says so of a call, that the call's
/// result stays open until it is collected is the same thing said again.
fn say_once(findings: &mut [Finding]) {
    let is_pooled = |finding: &&Finding| finding.details.pool.is_some() && finding.confidence != Confidence::Possible;
    let kept: FxHashSet<_> = findings.iter().filter(is_pooled).filter_map(at).collect();
    for finding in findings {
        // What an error leaves open although it is closed otherwise is a slip of its own.
        let is_again = matches!(finding.harm, Harm::Leak { collected: true, .. })
            && finding.confidence == Confidence::Certain
            && at(finding).is_some_and(|place| kept.contains(&place));
        if is_again {
            finding.confidence = Confidence::Possible;
        }
    }
}

fn at(finding: &Finding) -> Option<(lagmap_program::FileId, lagmap_source::Span)> {
    match finding.location {
        Location::Code { file, span, .. } => Some((file, span)),
        Location::Line { .. } => None,
    }
}
