//! The brief's five sections, under its own headings.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::escape::{code_span, prose};
use crate::groups::Problem;
use crate::markdown::entry;
use crate::model::{Caching, EffectKind, Millis, Section, Severity, Subsection};
use crate::quantity::{async_advice, basis, count, duration, interval};

/// The headings of the ranking with the words for an empty one. The brief names three; the last is written only where
/// it is not empty.
const RANKS: [(Severity, &str, &str); 4] = [
    (Severity::Critical, "CRITICAL (>1s impact per operation)", "No operation over a second was found."),
    (Severity::High, "HIGH (100ms-1s impact)", "No operation of 100 ms to a second was found."),
    (Severity::Medium, "MEDIUM (10-100ms impact)", "No operation of 10 to 100 ms was found."),
    (Severity::Low, "LOW (<10ms impact)", ""),
];

/// Section 1.
pub(super) fn hotspots(problems: &[Problem<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# 1. PERFORMANCE HOTSPOTS RANKING\n")?;
    for (severity, heading, none) in RANKS {
        let ranked: Vec<_> = rank(problems, severity).collect();
        if ranked.is_empty() && severity == Severity::Low {
            continue;
        }
        writeln!(out, "## {heading}\n")?;
        if ranked.is_empty() {
            writeln!(out, "{none}\n")?;
        }
        for (index, problem) in ranked.into_iter().enumerate() {
            entry::write(&format!("{}.", index + 1), &entry::headline(problem), problem, out)?;
        }
    }
    Ok(())
}

fn rank<'p, 'a>(problems: &'p [Problem<'a>], severity: Severity) -> impl Iterator<Item = &'p Problem<'a>> {
    problems
        .iter()
        .filter(move |problem| problem.group.section == Section::Hotspots && problem.group.severity == severity)
}

/// Section 2.
pub(super) fn memory(problems: &[Problem<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# 2. MEMORY OPTIMIZATION OPPORTUNITIES\n\n## MEMORY LEAKS IDENTIFIED\n")?;
    part(problems, Subsection::MemoryLeak, "No leak was found.", out)?;
    writeln!(out, "## MEMORY USAGE PATTERNS\n")?;
    part(problems, Subsection::MemoryPattern, "Nothing was found that keeps more in memory than it needs.", out)
}

/// Section 3.
pub(super) fn cpu(problems: &[Problem<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# 3. CPU OPTIMIZATION RECOMMENDATIONS\n\n## ALGORITHM IMPROVEMENTS\n")?;
    part(problems, Subsection::Algorithm, "No algorithm was found that a better one should replace.", out)?;
    writeln!(out, "## ASYNC OPPORTUNITIES\n")?;
    let mut counted: BTreeMap<EffectKind, usize> = BTreeMap::new();
    let blocking = problems.iter().filter(|problem| problem.subsection() == Subsection::Async);
    for effect in blocking.flat_map(|problem| &problem.findings).filter_map(|finding| finding.effect) {
        *counted.entry(effect).or_default() += 1;
    }
    for advice in counted.into_iter().filter_map(|(effect, number)| async_advice(effect, number)) {
        writeln!(out, "- **{}**\n", prose(&advice))?;
    }
    part(problems, Subsection::Async, "Nothing was found that blocks an event loop.", out)
}

/// Section 4.
pub(super) fn pooling(problems: &[Problem<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# 4. RESOURCE POOLING RECOMMENDATIONS\n\n## CONNECTION POOLING\n")?;
    pools(problems, Subsection::ConnectionPool, out)?;
    part(problems, Subsection::ConnectionPool, "No connection was found that a pool should hold.", out)?;
    writeln!(out, "## OBJECT POOLING\n")?;
    pools(problems, Subsection::ObjectPool, out)?;
    part(problems, Subsection::ObjectPool, "No object was found that should be kept and used again.", out)
}

/// "**Database connection**: 23 places in 12 services make one each time. Keep ...": one line a kind, sizes below it.
fn pools(problems: &[Problem<'_>], subsection: Subsection, out: &mut dyn Write) -> io::Result<()> {
    let mut kinds: BTreeMap<&str, BTreeMap<(u32, &str), PoolUse<'_>>> = BTreeMap::new();
    for finding in problems.iter().filter(|problem| problem.subsection() == subsection).flat_map(|p| &p.findings) {
        if let Some(pool) = &finding.pool {
            let sizes = kinds.entry(&pool.kind).or_default();
            let used = sizes.entry((pool.size, &pool.reason)).or_default();
            used.places += 1;
            used.services.extend(finding.services.iter().map(String::as_str));
        }
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    let places = |sizes: &BTreeMap<(u32, &str), PoolUse<'_>>| sizes.values().map(|used| used.places).sum::<usize>();
    kinds.sort_by_key(|(_, sizes)| std::cmp::Reverse(places(sizes)));
    for (kind, sizes) in kinds {
        let made = count(places(&sizes), "place makes", "places make");
        writeln!(out, "- **{}**: {made} a new one each time", capitalized(kind))?;
        for ((size, reason), used) in sizes {
            let services: Vec<String> = used.services.iter().map(|name| code_span(name)).collect();
            let who = match services.as_slice() {
                [] => count(used.places, "place", "places"),
                names => names.join(", "),
            };
            let keep = if size == 1 { "keep 1".to_owned() } else { format!("a pool of {size}") };
            writeln!(out, "  - {keep} for each service ({}; assumed): {who}", prose(reason))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Where things of one kind are made.
#[derive(Default)]
struct PoolUse<'a> {
    places: usize,
    services: BTreeSet<&'a str>,
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Section 5.
pub(super) fn caching(problems: &[Problem<'_>], out: &mut dyn Write) -> io::Result<()> {
    let opportunities: Vec<_> = problems.iter().filter(|problem| problem.subsection() == Subsection::Cache).collect();
    writeln!(out, "# 5. CACHING STRATEGY RECOMMENDATIONS\n\n## HIGH-IMPACT CACHING OPPORTUNITIES\n")?;
    if opportunities.is_empty() {
        writeln!(out, "No repeated work was found that a cache would save.\n")?;
    }
    for (index, problem) in opportunities.iter().enumerate() {
        let gain = problem.worst.caching.as_ref().map(|caching| format!(": {}", gain(caching))).unwrap_or_default();
        let reference = reference(problems, problem);
        let marker = format!("{}.", index + 1);
        if let Some(reference) = reference {
            writeln!(out, "{marker} {}{gain} ({reference})\n", entry::recommendation(problem))?;
        } else {
            entry::write(&marker, &format!("{}{gain}", entry::headline(problem)), problem, out)?;
        }
    }
    writeln!(out, "## IMPLEMENTATION PRIORITIES\n")?;
    priorities(opportunities, out)
}

/// "80% hit rate potential (assumed), 200-500 ms saved per hit".
fn gain(caching: &Caching) -> String {
    let rate = caching.hit_rate * 100.0;
    let saved = interval(caching.saving_ms);
    format!("{rate:.0}% hit rate potential ({}), {saved} saved per hit", basis(caching.hit_rate_basis))
}

/// The caches in the order in which they pay: what each kind saves per call, summed over the services that have it.
fn priorities(opportunities: Vec<&Problem<'_>>, out: &mut dyn Write) -> io::Result<()> {
    if opportunities.is_empty() {
        return writeln!(out, "There is nothing to put in order.\n");
    }
    let mut kinds: BTreeMap<(&str, &str), (f64, Vec<&Problem<'_>>)> = BTreeMap::new();
    for problem in opportunities {
        let worst = problem.worst;
        let strategy = worst.caching.as_ref().map_or(&worst.suggestion, |caching| &caching.strategy);
        let kind = kinds.entry((&problem.group.title, strategy)).or_default();
        kind.0 += saving(problem);
        kind.1.push(problem);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|(_, (one, _)), (_, (other, _))| other.total_cmp(one));
    for (index, ((title, strategy), (saved, problems))) in kinds.into_iter().enumerate() {
        let services: BTreeSet<&str> =
            problems.iter().flat_map(|problem| &problem.group.services).map(String::as_str).collect();
        let names: Vec<String> = services.into_iter().map(code_span).collect();
        let places = problems.iter().map(|problem| problem.findings.len()).sum();
        let reach = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
        let saved = duration(Millis(saved));
        let places = count(places, "place", "places");
        let strategy = prose(strategy.trim_end_matches('.'));
        writeln!(
            out,
            "{}. **{}** - {places}{reach}; about {saved} saved per request of each (assumed): {strategy}",
            index + 1,
            prose(title)
        )?;
    }
    writeln!(out)
}

/// Milliseconds that the cache of a problem saves on the mean call, summed over services.
fn saving(problem: &Problem<'_>) -> f64 {
    let services = u32::try_from(problem.group.services.len().max(1)).unwrap_or(u32::MAX);
    let caching = problem.worst.caching.as_ref();
    caching.map_or(0.0, |c| c.hit_rate * f64::midpoint(c.saving_ms[0].0, c.saving_ms[1].0) * f64::from(services))
}

/// One part of sections 2 to 4. What section 1 shows in full is referred to in a line.
fn part(problems: &[Problem<'_>], subsection: Subsection, none: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut empty = true;
    for problem in problems.iter().filter(|problem| problem.subsection() == subsection) {
        empty = false;
        match reference(problems, problem) {
            Some(reference) => writeln!(out, "- {} ({reference})\n", entry::recommendation(problem))?,
            None => entry::write("-", &entry::recommendation(problem), problem, out)?,
        }
    }
    if empty { writeln!(out, "{none}\n") } else { Ok(()) }
}

/// "see CRITICAL, 3": where section 1 has the problem.
fn reference(problems: &[Problem<'_>], problem: &Problem<'_>) -> Option<String> {
    if problem.group.section != Section::Hotspots {
        return None;
    }
    let severity = problem.group.severity;
    let position = rank(problems, severity).position(|ranked| std::ptr::eq(ranked.group, problem.group))?;
    let (_, heading, _) = RANKS.into_iter().find(|(ranked, ..)| *ranked == severity)?;
    let name = heading.split_once(' ').map_or(heading, |(name, _)| name);
    Some(format!("see {name} {}", position + 1))
}
