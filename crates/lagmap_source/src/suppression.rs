//! Comments that suppress findings.

use serde::{Deserialize, Serialize};

use crate::{LineMap, Span};

/// `# lagmap: ignore[rule-a, rule-b]`, at the end of a line or alone above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// The comment's text from `lagmap:` on.
    pub span: Span,
    /// The comment's line, from 1.
    pub line: u32,
    /// The line whose findings it suppresses.
    pub applies_to: u32,
    /// The rules that it names; none for all.
    pub rules: Vec<String>,
}

/// The suppression comments of a text.
pub fn suppressions(text: &str, lines: &LineMap) -> Vec<Suppression> {
    let found = text.match_indices("lagmap: ignore").filter_map(|(offset, marker)| {
        let line = lines.position(offset as u32).line;
        let line_text = slice(text, lines.line_span(line, text));
        let (before, _) = line_text.split_once("lagmap: ignore")?;
        let code = before.trim_end().strip_suffix('#')?;
        let rest = text[offset + marker.len()..].lines().next().unwrap_or_default();
        let named = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(names, _)| names);
        let rules = named.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        let alone = code.trim().is_empty();
        let next = (line + 1..=lines.line_count()).find(|line| {
            let text = slice(text, lines.line_span(*line, text)).trim();
            !text.is_empty() && !text.starts_with('#')
        });
        Some(Suppression {
            span: Span::new(offset as u32, (offset + marker.len()) as u32),
            line,
            applies_to: if alone { next.unwrap_or(line) } else { line },
            rules: rules.map(str::to_owned).collect(),
        })
    });
    found.collect()
}

fn slice(text: &str, span: Span) -> &str {
    text.get(span.start as usize..span.end as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_counts_for_its_line_or_the_next() {
        let text = "a()  # lagmap: ignore[x, y]\n# lagmap: ignore\n\n# why\nb()\ns = 'lagmap: ignore'\n";
        let found = suppressions(text, &LineMap::new(text));
        let found: Vec<_> = found.iter().map(|one| (one.line, one.applies_to, one.rules.join(" "))).collect();
        assert_eq!(found, [(1, 1, "x y".to_owned()), (2, 5, String::new())]);
    }
}
