//! Lines that are no code: merge conflict markers, Markdown fences, sentences.

use super::{Draft, Fault, Proposal, span};

/// Makes the line of a fault a comment if it does not look like code.
pub fn propose(draft: &Draft, fault: Fault) -> Option<Proposal> {
    let (before, after) = (draft.text.get(..fault.at)?, draft.text.get(fault.at..)?);
    let start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let end = after.find(['\n', '\r']).map_or(draft.text.len(), |length| fault.at + length);
    let line = draft.text.get(start..end)?;
    let words = line.trim_start();
    if !is_marker(line) && !is_prose(words) {
        return None;
    }
    let first = words.chars().next()?;
    let at = end - words.len();
    let mut text = draft.text.clone();
    text.replace_range(at..at + first.len_utf8(), &format!("#{}", " ".repeat(first.len_utf8() - 1)));
    Some(Proposal { text, spans: vec![span(at, end)], what: "line that is no code ignored", apart: false, least: 0 })
}

fn is_marker(line: &str) -> bool {
    ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker))
        || line.trim_end() == "======="
        || line.trim_start().starts_with("```")
}

/// Two words in a row that Python would not let stand side by side, and nothing that only code has.
fn is_prose(line: &str) -> bool {
    if let Some(rest) = line.strip_prefix("...") {
        return !rest.trim().is_empty();
    }
    let mut words = line.split_whitespace().map(|word| word.trim_end_matches([',', ':', '.', ';', '!', '?']));
    let (Some(first), Some(second)) = (words.next(), words.next()) else { return false };
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '’');
    let has_code = line.contains(['=', '(', '[', '{', '"']);
    is_word(first) && is_word(second) && !has_code && !is_keyword(first) && !is_keyword(second)
}

/// The words that may stand beside another in code.
fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 36] = [
        "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def", "del", "elif", "else",
        "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match", "nonlocal", "not",
        "or", "pass", "print", "raise", "return", "try", "type", "while", "with", "yield",
    ];
    KEYWORDS.contains(&word)
}
