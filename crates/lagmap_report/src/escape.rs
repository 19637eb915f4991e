//! Text from audited code, made harmless: control characters become visible, Markdown's own characters are escaped.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every character that could steer a terminal or reorder a line written as an escape: `\u{1b}`.
/// Tabs and line ends are among them, so the result is always one line.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_steering) {
        let mut out = String::with_capacity(text.len() + 16);
        text.chars().for_each(|c| push_visible(&mut out, c));
        Cow::Owned(out)
    } else {
        Cow::Borrowed(text)
    }
}

/// Appends one character, escaped where it must be.
pub(crate) fn push_visible(out: &mut String, c: char) {
    if is_steering(c) {
        // Writing into a string cannot fail.
        let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
    } else {
        out.push(c);
    }
}

/// Control characters, and the marks with which Unicode ends lines or turns the direction of text.
fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A sentence as Markdown. What stands between two backticks stays code; everything else is plain text.
pub(crate) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        plain(&mut out, before);
        if let Some((code, behind)) = after.split_once('`').filter(|(code, _)| !code.is_empty()) {
            out.push_str(&code_span(code));
            rest = behind;
        } else {
            out.push_str("\\`");
            rest = after;
        }
    }
    plain(&mut out, rest);
    out
}

/// Text that holds no backtick, with Markdown's characters escaped where they could mean something.
fn plain(out: &mut String, text: &str) {
    let mut previous = ' ';
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let inside_word = previous.is_alphanumeric() && characters.peek().is_some_and(|next| next.is_alphanumeric());
        let special = match c {
            '\\' | '*' | '[' | ']' | '<' | '>' | '|' | '&' | '~' | '$' => true,
            // An underscore inside a word is no emphasis.
            '_' => !inside_word,
            // At the start of a line these would open a heading or a list.
            '#' | '+' | '-' | '=' => out.is_empty(),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        push_visible(out, c);
        previous = c;
    }
}

/// An inline code span around any text: its fence is longer than every run of backticks in it.
pub(crate) fn code_span(text: &str) -> String {
    let text = visible(text);
    let fence = "`".repeat(longest_backtick_run(&text) + 1);
    // A space on both sides is taken away again by Markdown; it keeps backticks at the edges from joining the fence.
    let pad = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A fenced block of Python, every line behind `indent`.
pub(crate) fn code_block(code: &str, indent: &str) -> String {
    let fence = "`".repeat(longest_backtick_run(code).max(2) + 1);
    let mut out = format!("{indent}{fence}python\n");
    for line in code.trim_end().lines() {
        if !line.is_empty() {
            out.push_str(indent);
            out.push_str(&visible(line));
        }
        out.push('\n');
    }
    out.push_str(indent);
    out.push_str(&fence);
    out.push('\n');
    out
}

fn longest_backtick_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_become_visible() {
        assert_eq!(visible("a\u{1b}[31mb\nc\td\u{202e}e\u{9b}"), "a\\u{1b}[31mb\\u{a}c\\u{9}d\\u{202e}e\\u{9b}");
        assert!(matches!(visible("plain ümläut 日本"), Cow::Borrowed(_)));
    }

    #[test]
    fn prose_keeps_code_and_escapes_the_rest() {
        assert_eq!(prose("`open()` in <b>load_config</b> | x"), "`open()` in \\<b\\>load_config\\</b\\> \\| x");
        assert_eq!(prose("a lone ` and __init__"), "a lone \\` and \\_\\_init\\_\\_");
        assert_eq!(prose("# no heading"), "\\# no heading");
    }

    #[test]
    fn code_spans_outlast_backticks_in_their_text() {
        assert_eq!(code_span("a.py"), "`a.py`");
        assert_eq!(code_span("a`b"), "``a`b``");
        assert_eq!(code_span("`"), "`` ` ``");
        assert_eq!(code_span("a\nb"), "`a\\u{a}b`");
    }

    #[test]
    fn code_blocks_outlast_fences_in_their_text() {
        assert_eq!(code_block("x = '```'\n", "   "), "   ````python\n   x = '```'\n   ````\n");
    }
}
