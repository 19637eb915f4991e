//! Comments that suppress findings.

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_text_size::Ranged;
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

const TOOL: &str = "lagmap:";

/// The suppression comments of a text. What looks like one inside a string is none.
pub fn suppressions(text: &str, tokens: &Tokens, lines: &LineMap) -> Vec<Suppression> {
    // Hardly any file has one: the tokens need not be looked at.
    if !text.contains(TOOL) {
        return Vec::new();
    }
    let mut found: Vec<Suppression> = Vec::new();
    // Those from here on stand alone and wait for the next line of code.
    let mut waiting = 0;
    let mut line_of_code = 0;
    for token in tokens {
        let (start, end) = (token.start().to_u32(), token.end().to_u32());
        match token.kind() {
            TokenKind::Comment => {
                let line = lines.position(start).line;
                let comment = text.get(start as usize..end as usize).unwrap_or_default();
                found.extend(in_comment(comment, start, line));
                if line == line_of_code {
                    waiting = found.len();
                }
            }
            TokenKind::Newline
            | TokenKind::NonLogicalNewline
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::EndOfFile => {}
            _ => {
                if let Some(waiting) = found.get_mut(waiting..).filter(|waiting| !waiting.is_empty()) {
                    let line = lines.position(start).line;
                    for suppression in waiting {
                        suppression.applies_to = line;
                    }
                }
                waiting = found.len();
                line_of_code = lines.position(end.saturating_sub(1)).line;
            }
        }
    }
    found
}

/// The suppressions of one comment, as of `# noqa  # lagmap: ignore[rule]`. Until code follows they apply to their own line.
fn in_comment(comment: &str, start: u32, line: u32) -> impl Iterator<Item = Suppression> {
    comment.match_indices('#').filter_map(move |(at, _)| {
        let told = comment.get(at + 1..)?.trim_start();
        let rest = told.strip_prefix(TOOL)?.trim_start().strip_prefix("ignore")?;
        let (rules, rest) = rules(rest)?;
        let from = start + (comment.len() - told.len()) as u32;
        let span = Span::new(from, start + (comment.len() - rest.len()) as u32);
        Some(Suppression { span, line, applies_to: line, rules })
    })
}

/// The rules behind `ignore`, and what follows them. Brackets with nothing in them name no rule, which is not the same as
/// all rules: the suppression then matches nothing, and is reported for that.
fn rules(rest: &str) -> Option<(Vec<String>, &str)> {
    if rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_')) {
        return None;
    }
    let Some(list) = rest.trim_start_matches([' ', '\t']).strip_prefix('[') else { return Some((Vec::new(), rest)) };
    let (names, rest) = list.split_once(']').unwrap_or((list, ""));
    let mut rules: Vec<String> =
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if rules.is_empty() {
        rules.push(String::new());
    }
    Some((rules, rest))
}

#[cfg(test)]
mod tests {
    fn found(text: &str) -> Vec<(u32, u32, String)> {
        let suppressions = crate::parse(text).unwrap().suppressions;
        suppressions.into_iter().map(|one| (one.line, one.applies_to, one.rules.join(" "))).collect()
    }

    #[test]
    fn a_comment_counts_for_its_line_or_the_next() {
        let text = "a()  # lagmap: ignore[x, y]\n# lagmap: ignore\n\n# why\nb()\n";
        assert_eq!(found(text), [(1, 1, "x y".to_owned()), (2, 5, String::new())]);
        let inner = "f(\n  # lagmap: ignore[x]\n  1,  # lagmap: ignore[y]\n  '''\n''')  # lagmap:ignore [z]\n";
        assert_eq!(found(inner), [(2, 3, "x".to_owned()), (3, 3, "y".to_owned()), (5, 5, "z".to_owned())]);
        let indented = "if a:\n    # lagmap: ignore[x]\n    # lagmap: ignore[y]\n    b()\n# lagmap: ignore[z]\n";
        assert_eq!(found(indented), [(2, 4, "x".to_owned()), (3, 4, "y".to_owned()), (5, 5, "z".to_owned())]);
    }

    #[test]
    fn strings_and_prose_suppress_nothing() {
        let text = "a('# lagmap: ignore')\n'''\n# lagmap: ignore\n'''\n# use lagmap: ignore\n# lagmap: ignored\nb()\n";
        assert_eq!(found(text), []);
    }

    #[test]
    fn a_list_that_names_nothing_is_not_all_rules() {
        assert_eq!(crate::parse("a()  # lagmap: ignore[]\n").unwrap().suppressions[0].rules, [""]);
        assert_eq!(crate::parse("a()  # lagmap: ignore[x\n").unwrap().suppressions[0].rules, ["x"]);
    }

    #[test]
    fn stands_beside_comments_of_other_tools() {
        let text = "é = a()  # noqa: X # lagmap: ignore[x] why\n";
        let suppression = &crate::parse(text).unwrap().suppressions[0];
        assert_eq!(&text[suppression.span.start as usize..suppression.span.end as usize], "lagmap: ignore[x]");
    }

    #[test]
    fn a_broken_file_keeps_its_suppressions() {
        assert_eq!(found("import a)\nb()  # lagmap: ignore[x]\n"), [(2, 2, "x".to_owned())]);
    }

    #[test]
    fn many_comments_take_no_quadratic_time() {
        let text = "# lagmap: ignore\n".repeat(200_000) + "a()\n";
        let found = found(&text);
        assert!(found.len() == 200_000 && found.iter().all(|(_, applies_to, _)| *applies_to == 200_001));
    }
}
