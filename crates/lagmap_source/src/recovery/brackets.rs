//! Closing brackets that close nothing, or the wrong thing.

use ruff_python_ast::token::{Token, TokenKind};
use ruff_text_size::Ranged;

use super::{Draft, Fault, Proposal, span};
use crate::Span;

/// How many faults are mended at once.
const MOST_AT_ONCE: usize = 100;

/// How many tokens back an open bracket is looked for.
const FARTHEST: usize = 10_000;

/// Blanks the closing bracket at a fault, and all further ones that close nothing; or makes it the one that is due.
pub fn propose(draft: &Draft, fault: Fault) -> Option<Proposal> {
    let index = closing_at(&draft.text, fault.at)?;
    if let Some(due) = due_at(draft, index).filter(|due| !draft.text[index..].starts_with(due)) {
        let mut text = draft.text.clone();
        text.replace_range(index..=index, due);
        let what = "wrong closing bracket read as the one that is due";
        return Some(Proposal { text, spans: vec![span(index, index + 1)], what, apart: false, least: 0 });
    }
    let mut surplus = vec![run_at(&draft.text, index)];
    for further in draft.faults.iter().filter(|further| further.at > fault.at).take(MOST_AT_ONCE) {
        let Some(index) = closing_at(&draft.text, further.at).filter(|index| due_at(draft, *index).is_none()) else {
            continue;
        };
        if surplus.last().is_some_and(|last| last.end as usize <= index) {
            surplus.push(run_at(&draft.text, index));
        }
    }
    let mut text = draft.text.clone();
    for span in &surplus {
        let range = span.start as usize..span.end as usize;
        text.replace_range(range.clone(), &" ".repeat(range.len()));
    }
    Some(Proposal { text, spans: surplus, what: "surplus closing bracket ignored", apart: false, least: 0 })
}

fn closing_at(text: &str, at: usize) -> Option<usize> {
    [at, at.wrapping_sub(1)].into_iter().find(|index| text.as_bytes().get(*index).is_some_and(|byte| is_closing(*byte)))
}

fn is_closing(byte: u8) -> bool {
    b")]}".contains(&byte)
}

/// The closing brackets from an offset on: where one closes nothing, those behind it do not either.
fn run_at(text: &str, index: usize) -> Span {
    let length = text.bytes().skip(index).take_while(|byte| is_closing(*byte)).count();
    span(index, index + length)
}

/// The closing bracket that the innermost open one of the logical line asks for.
fn due_at(draft: &Draft, index: usize) -> Option<&'static str> {
    let lines = draft.lines();
    let line = lines.get(lines.partition_point(|line| line.code <= index).checked_sub(1)?)?;
    let mut open = Vec::new();
    let tokens: &[Token] = &draft.tokens;
    let last = tokens.partition_point(|token| token.start().to_usize() < index);
    let first = tokens.partition_point(|token| token.start().to_usize() < line.code);
    for token in tokens.get(first.max(last.saturating_sub(FARTHEST))..last)? {
        match token.kind() {
            TokenKind::Lpar => open.push(")"),
            TokenKind::Lsqb => open.push("]"),
            TokenKind::Lbrace => open.push("}"),
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => drop(open.pop()),
            _ => {}
        }
    }
    open.pop()
}
