//! What the tests over documents share.

use lagmap_documents::Case;
use lagmap_rules::{Confidence, Location, RuleInfo};

/// A path and a line.
pub type Line = (String, u32);

/// A finding in a case.
pub struct Found {
    /// Where.
    pub line: Line,
    /// The rule's name.
    #[allow(dead_code, reason = "the tests of one rule know it")]
    pub rule: &'static str,
    /// What it says.
    pub message: String,
}

/// What the wanted rules report in a project at default settings.
pub fn audit(case: &Case, wanted: impl Fn(&RuleInfo) -> bool + Sync) -> Result<Vec<Found>, String> {
    let program = case.program()?;
    let found = lagmap_rules::check(&program, wanted);
    let shown = found.into_iter().filter(|finding| finding.confidence > Confidence::Possible);
    let place = |finding: lagmap_rules::Finding| {
        let line = match &finding.location {
            Location::Code { file, span, .. } => {
                let (path, line) = lagmap_rules::place(&program, *file, *span);
                (path.to_owned(), line)
            }
            Location::Line { path, line, .. } => (path.clone(), *line),
        };
        Found { line, rule: finding.rule.name, message: finding.message }
    };
    Ok(shown.map(place).collect())
}
