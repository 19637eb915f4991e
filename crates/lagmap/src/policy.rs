//! Which findings the user wants to see, and how severe they shall be.

use std::collections::{BTreeMap, HashSet};

use globset::{GlobSet, GlobSetBuilder};
use lagmap_impact::{Judged, MeasuredImpact, NOTICED_MS, is_negligible};
use lagmap_report::{Confidence, Finding, Severity};

use crate::audit::AuditOptions;
use crate::errors::Failure;

/// The options of an audit, made ready to ask.
pub struct Policy<'a> {
    select: HashSet<&'a str>,
    ignore: HashSet<&'a str>,
    exclude: GlobSet,
    per_path: Vec<(GlobSet, HashSet<&'a str>)>,
    severity: &'a BTreeMap<String, Severity>,
    pedantic: bool,
    min_impact_ms: f64,
}

impl<'a> Policy<'a> {
    /// The policy that some options make.
    pub fn of(options: &'a AuditOptions) -> Result<Self, Failure> {
        let per_path = options.per_path.iter().map(|entry| Ok((set([&entry.files])?, names(&entry.ignore))));
        Ok(Self {
            select: names(&options.select),
            ignore: names(&options.ignore),
            exclude: set(&options.exclude)?,
            per_path: per_path.collect::<Result<_, Failure>>()?,
            severity: &options.severity,
            pedantic: options.pedantic,
            min_impact_ms: options.min_impact_ms.unwrap_or(NOTICED_MS),
        })
    }

    /// Whether a rule is to run at all.
    pub fn runs(&self, rule: &str) -> bool {
        (self.select.is_empty() || self.select.contains(rule)) && !self.ignore.contains(rule)
    }

    /// Whether a finding costs enough to be shown, a profile saw it, or everything or just its rule is asked for.
    pub fn is_noticed(&self, judged: &Judged) -> bool {
        let rule = judged.finding.rule.name;
        self.pedantic
            || self.select.contains(rule)
            || self.severity.contains_key(rule)
            || judged.measured.as_ref().is_some_and(MeasuredImpact::is_hot)
            || !is_negligible(&judged.finding, self.min_impact_ms)
    }

    /// Whether a file (relative to the root, with `/`) is not to be audited: it or a folder around it is excluded.
    pub fn excludes(&self, path: &str) -> bool {
        covers(&self.exclude, path)
    }

    /// The findings that the user wants to see, with the severities that they gave. Keeps the order.
    pub fn apply(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let mut kept: Vec<Finding> = findings.into_iter().filter(|finding| self.wants(finding)).collect();
        for finding in &mut kept {
            if let Some(severity) = self.severity.get(&finding.rule) {
                finding.severity = *severity;
            }
        }
        kept
    }

    fn wants(&self, finding: &Finding) -> bool {
        let ignored_here =
            |(files, rules): &(GlobSet, HashSet<&str>)| rules.contains(&*finding.rule) && covers(files, &finding.path);
        self.runs(&finding.rule)
            && (self.pedantic || finding.confidence != Confidence::Possible)
            && !self.excludes(&finding.path)
            && !self.per_path.iter().any(ignored_here)
    }
}

fn names(names: &[String]) -> HashSet<&str> {
    names.iter().map(String::as_str).collect()
}

fn set<'g>(globs: impl IntoIterator<Item = &'g globset::Glob>) -> Result<GlobSet, Failure> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(glob.clone());
    }
    builder.build().map_err(|error| Failure::new("cannot use the patterns of the configuration").because(error))
}

/// Whether a pattern matches the path or a folder that it lies in: `build` covers `build/lib/a.py`.
fn covers(globs: &GlobSet, path: &str) -> bool {
    let folders = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
    !globs.is_empty() && folders.chain([path]).any(|part| globs.is_match(part))
}

#[cfg(test)]
mod tests {
    use globset::Glob;
    use lagmap_report::{Basis, Frequency, Impact, Section, Subsection};

    use super::*;
    use crate::configuration::PerPath;

    fn finding(rule: &str, path: &str, confidence: Confidence) -> Finding {
        let text = String::new;
        let impact = Impact {
            typical_ms: None,
            worst_ms: None,
            bytes_per_event: None,
            frequency: Frequency::Once,
            basis: Basis::Assumed,
            source: text(),
            unbounded: false,
        };
        Finding {
            fingerprint: text(),
            rule: rule.to_owned(),
            bullet: text(),
            section: Section::Hotspots,
            severity: Severity::Medium,
            confidence,
            message: text(),
            path: path.to_owned(),
            line: 1,
            column: 1,
            end_line: 1,
            end_column: 1,
            function: text(),
            trace: vec![],
            impact,
            services: vec![],
            waits_behind: vec![],
            suggestion: text(),
            subsection: Subsection::None,
            cause: text(),
            title: text(),
            effect: None,
            caching: None,
            pool: None,
            cure: None,
            measured: None,
        }
    }

    fn kept(options: &AuditOptions) -> Vec<(String, String, Severity)> {
        let findings = vec![
            finding("slow", "app/a.py", Confidence::Certain),
            finding("slow", "build/lib/b.py", Confidence::Likely),
            finding("grows", "app/a.py", Confidence::Possible),
            finding("grows", "tools/c.py", Confidence::Certain),
        ];
        let kept = Policy::of(options).unwrap().apply(findings);
        kept.into_iter().map(|finding| (finding.rule, finding.path, finding.severity)).collect()
    }

    fn row(rule: &str, path: &str, severity: Severity) -> (String, String, Severity) {
        (rule.to_owned(), path.to_owned(), severity)
    }

    #[test]
    fn possible_findings_need_pedantic() {
        assert_eq!(kept(&AuditOptions::default()).len(), 3);
        assert_eq!(kept(&AuditOptions { pedantic: true, ..AuditOptions::default() }).len(), 4);
    }

    #[test]
    fn rules_are_selected_and_ignored() {
        let select = AuditOptions { select: vec!["grows".into()], ..AuditOptions::default() };
        assert_eq!(kept(&select), [row("grows", "tools/c.py", Severity::Medium)]);
        let neither = AuditOptions { ignore: vec!["grows".into()], ..select };
        assert_eq!(kept(&neither), []);
    }

    #[test]
    fn folders_are_excluded_and_rules_ignored_below_them() {
        let options = AuditOptions {
            exclude: vec![Glob::new("build").unwrap()],
            per_path: vec![PerPath { files: Glob::new("tools/*.py").unwrap(), ignore: vec!["grows".into()] }],
            severity: BTreeMap::from([("slow".to_owned(), Severity::Critical)]),
            ..AuditOptions::default()
        };
        assert_eq!(kept(&options), [row("slow", "app/a.py", Severity::Critical)]);
    }
}
