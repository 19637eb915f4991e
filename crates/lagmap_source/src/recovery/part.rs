//! Parsing a mended text again where it can differ: between two statements that both parses agree on.

use std::cell::OnceCell;

use ruff_python_ast::{
    ModModule, Stmt,
    token::{Token, TokenKind},
};
use ruff_python_parser::Parsed;
use ruff_text_size::Ranged;

use super::{Draft, Fault, fault, parse_again};

/// A part of a text between two places where the parser is in the same state whatever stands in the part: it has just read
/// a line at module level, and starts a statement in column zero.
struct Part {
    start: usize,
    end: usize,
    /// The statements of the draft in it, by index.
    statements: (usize, usize),
    /// Where its last statement starts, which is as it was.
    last: Option<usize>,
}

/// A mended text, parsed.
pub struct Mended {
    part: Part,
    parsed: Parsed<ModModule>,
    text: String,
    /// Where the parser stumbles in all of the text.
    pub faults: Vec<Fault>,
}

impl Mended {
    /// Parses a mended text; `None` if its tree is too deep to handle.
    pub fn parse(before: &Draft, text: String) -> Option<Self> {
        if let Some(part) = Part::around_changes(before, &text)
            && let Some(found) = Self::parse_part(before, &text, part)
        {
            let (part, parsed, faults) = found;
            return Some(Self { part, parsed, text, faults });
        }
        let parsed = parse_again(&text)?;
        let faults = faults(&parsed);
        let part = Part { start: 0, end: text.len(), statements: (0, before.module.body.len()), last: None };
        Some(Self { part, parsed, text, faults })
    }

    /// `None` if what follows the part would be read differently behind it.
    fn parse_part(before: &Draft, text: &str, part: Part) -> Option<(Part, Parsed<ModModule>, Vec<Fault>)> {
        // A comment of the same length, so that offsets stay. It is the quickest thing to read.
        let mut alone = "#".repeat(part.start.saturating_sub(1));
        if part.start > 0 {
            alone.push('\n');
        }
        alone.push_str(text.get(part.start..part.end)?);
        let parsed = parse_again(&alone)?;
        let mut within = faults(&parsed);
        if let Some(last) = part.last {
            let is_same = parsed.suite().last().is_some_and(|statement| statement.start().to_usize() == last);
            let is_clean = within.last().is_none_or(|fault| fault.at < last);
            if !is_same || !is_clean || !ends_line(parsed.tokens(), part.end) {
                return None;
            }
        }
        let first = before.faults.partition_point(|fault| fault.at < part.start);
        let rest = before.faults.partition_point(|fault| fault.at < part.end);
        let mut all = before.faults[..first].to_vec();
        all.append(&mut within);
        if part.last.is_some() {
            all.extend_from_slice(&before.faults[rest..]);
        }
        Some((part, parsed, all))
    }

    /// Puts what was parsed in its place in the draft.
    pub fn put_into(self, draft: &mut Draft) {
        let Self { part, parsed, text, faults } = self;
        let at = |tokens: &[Token], offset: usize| tokens.partition_point(|token| token.start().to_usize() < offset);
        let within = &parsed.tokens()[at(parsed.tokens(), part.start)..];
        let within = if part.last.is_some() { &within[..at(within, part.end)] } else { within };
        let (first, end) = (at(&draft.tokens, part.start), at(&draft.tokens, part.end));
        let end = if part.last.is_some() { end } else { draft.tokens.len() };
        draft.tokens.splice(first..end, within.iter().copied());
        let (first, end) = part.statements;
        let rest = draft.module.body.split_off(end);
        draft.module.body.truncate(first);
        draft.module.body.extend(parsed.into_suite());
        draft.module.body.extend(rest);
        (draft.text, draft.faults, draft.lines) = (text, faults, OnceCell::new());
    }
}

impl Part {
    /// The least part of a draft outside of which a mended text is the same, with a statement to spare on either side. `None`
    /// if that is all of it.
    fn around_changes(draft: &Draft, text: &str) -> Option<Self> {
        if text.len() != draft.text.len() {
            return None;
        }
        let (old, new) = (draft.text.as_bytes(), text.as_bytes());
        let first = old.iter().zip(new).position(|(old, new)| old != new)?;
        let behind = old.len() - old.iter().rev().zip(new.iter().rev()).position(|(old, new)| old != new)?;
        let body = &draft.module.body;
        let starts_apart = |index: &usize| {
            let start = body[*index].start().to_usize();
            let before = index.checked_sub(1).map_or(0, |before| body[before].start().to_usize());
            starts_line(draft, &body[*index]) && !draft.faults.iter().any(|fault| (before..=start).contains(&fault.at))
        };
        let changed = body.partition_point(|statement| statement.end().to_usize() < first);
        let head = (1..changed).rev().find(starts_apart);
        let following = body.partition_point(|statement| statement.start().to_usize() <= behind);
        let tail = (following + 1..body.len()).find(|index| starts_apart(&(index - 1)) && starts_apart(index));
        if head.is_none() && tail.is_none() {
            return None;
        }
        let start = |index: usize| body[index].start().to_usize();
        Some(Self {
            start: head.map_or(0, start),
            end: tail.map_or(text.len(), start),
            statements: (head.unwrap_or(0), tail.unwrap_or(body.len())),
            last: tail.map(|tail| start(tail - 1)),
        })
    }
}

/// Where the parser stumbles, in order.
pub fn faults(parsed: &Parsed<ModModule>) -> Vec<Fault> {
    let mut faults: Vec<Fault> = parsed.errors().iter().map(fault).collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// Whether a statement starts in column zero, behind a complete line.
fn starts_line(draft: &Draft, statement: &Stmt) -> bool {
    let start = statement.start().to_usize();
    let at_margin = start > 0 && matches!(draft.text.as_bytes()[start - 1], b'\n' | b'\r');
    let index = draft.tokens.partition_point(|token| token.start().to_usize() < start);
    at_margin && follows_line(&draft.tokens[..index])
}

/// Whether tokens end with the end of a line, at which the text does not end by itself.
fn ends_line(tokens: &[Token], end: usize) -> bool {
    let index = tokens.partition_point(|token| token.start().to_usize() < end);
    follows_line(&tokens[..index])
}

fn follows_line(tokens: &[Token]) -> bool {
    let is_code = |token: &&Token| {
        !matches!(
            token.kind(),
            TokenKind::Comment | TokenKind::NonLogicalNewline | TokenKind::Dedent | TokenKind::Indent
        )
    };
    tokens
        .iter()
        .rev()
        .find(is_code)
        .is_none_or(|token| token.kind() == TokenKind::Newline && !token.range().is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATEMENTS: [&str; 12] = [
        "import os\n",
        "from a import b, c\n",
        "x = [1,\n  2]\n",
        "@cached\n",
        "def f(x):\n    return x\n\n\n",
        "class A:\n    y = 1\n\n    def g(self):\n        return [self.y)]\n",
        "try:\n    f(x)\n",
        "except ValueError:\n    pass\n",
        "if x:\n    f(1\n",
        "# why\n\n",
        "s = '''a\nb'''\n",
        "t = 'open\n",
    ];

    fn draft(text: &str) -> Draft {
        let parsed = parse_again(text).unwrap();
        let (tokens, faults) = (parsed.tokens().to_vec(), faults(&parsed));
        Draft { text: text.to_owned(), module: parsed.into_syntax(), tokens, faults, lines: OnceCell::new() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn a_part_gives_what_the_whole_text_gives(
            statements in prop::collection::vec(prop::sample::select(&STATEMENTS[..]), 1..14),
            at in 0_usize..400,
            with in "[ #()\\[\\]':\nx]{1,3}",
        ) {
            let old = statements.concat();
            let at = at % old.len();
            let end = (at + with.len()).min(old.len());
            let new = format!("{}{}{}", &old[..at], &with[..end - at], &old[end..]);
            let mut before = draft(&old);
            let whole = draft(&new);
            let mended = Mended::parse(&before, new.clone()).unwrap();
            let places = |faults: &[Fault]| faults.iter().map(|fault| fault.at).collect::<Vec<_>>();
            prop_assert_eq!(places(&mended.faults), places(&whole.faults));
            mended.put_into(&mut before);
            prop_assert_eq!(&before.module.body, &whole.module.body);
            prop_assert_eq!(&before.text, &new);
            let lines = |draft: &Draft| draft.lines().iter().map(|line| (line.start, line.code, line.opens)).collect::<Vec<_>>();
            prop_assert_eq!(lines(&before), lines(&whole));
        }
    }
}
