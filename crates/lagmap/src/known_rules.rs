//! The rules by name.

use std::path::Path;

use lagmap_rules::{RuleInfo, Section};
use serde::Serialize;

use crate::errors::Failure;
use crate::suggestion::nearest;

/// What the command line needs to know of a rule.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KnownRule {
    /// Its name.
    pub name: &'static str,
    /// The bullets of the brief that it serves.
    pub bullets: &'static [&'static str],
    /// The section of the report that its findings belong to.
    pub section: &'static str,
    /// What it finds, in a line.
    pub summary: &'static str,
    /// Its document, as Markdown.
    #[serde(skip)]
    pub document: &'static str,
}

/// All rules, by name.
pub fn all() -> Vec<KnownRule> {
    let known = |rule: &&RuleInfo| KnownRule {
        name: rule.name,
        bullets: rule.bullets,
        section: section(rule.section),
        summary: rule.summary,
        document: rule.document,
    };
    lagmap_rules::all().iter().map(known).collect()
}

const fn section(section: Section) -> &'static str {
    match section {
        Section::Hotspots => "hotspots",
        Section::Memory => "memory",
        Section::Cpu => "cpu",
        Section::Pooling => "pooling",
        Section::Caching => "caching",
    }
}

/// Where a rule's name was written, for the error message about a wrong one.
pub struct Written<'a> {
    /// "--select", "`ignore`".
    pub by: &'a str,
    /// The configuration file and line, where it is one.
    pub place: Option<(&'a Path, usize)>,
}

/// The rule of this name, or the failure to say so.
pub fn find(name: &str, written: &Written<'_>) -> Result<KnownRule, Failure> {
    let rules = all();
    if let Some(rule) = rules.iter().find(|rule| rule.name == name) {
        return Ok(*rule);
    }
    let failure = Failure::new(format!("unknown rule in {}", written.by));
    let failure = match written.place {
        Some((path, line)) => failure.at(path).line(line),
        None => failure,
    };
    let failure = failure.because(format!("there is no rule `{name}`"));
    Err(match nearest(name, rules.iter().map(|rule| rule.name)) {
        Some(meant) => failure.help(format!("did you mean `{meant}`?")),
        None => failure.help("`lagmap rules` lists them all"),
    })
}
