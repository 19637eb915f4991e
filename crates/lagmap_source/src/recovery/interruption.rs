//! Statements at a lower indentation in the middle of a block.

use ruff_python_ast::token::TokenKind;

use super::{Draft, Fault, Proposal, blanked, indentation::moved, span};

/// The most logical lines that are taken for an interruption rather than for a change of mind.
const LONGEST: usize = 200;

/// Where a line is indented unexpectedly, and a block of that indentation was left just before: takes the lines out that
/// left it, so that the block goes on.
pub fn propose(draft: &Draft, fault: Fault) -> Option<Proposal> {
    if !fault.indentation {
        return None;
    }
    let lines = draft.lines();
    let index = draft.line_starting_at(fault.at)?;
    let resumed = lines.get(index)?;
    let before = lines.get(index.checked_sub(1)?)?;
    if before.opens || before.column >= resumed.column {
        return None;
    }
    let earlier = lines.get(..index)?;
    let within = earlier.iter().rev().take(LONGEST + 1).position(|line| line.column >= resumed.column)?;
    let (block, run) = earlier.split_at(index - within);
    // The innermost line around the end of what was interrupted that is not deeper than what goes on: one of the same block,
    // or the block's header if the interrupted lines are indented even more.
    let around = block.iter().rposition(|line| line.column <= resumed.column)?;
    let (left, stray) = (block.get(around)?, block.get(around + 1..)?);
    let is_header = left.column < resumed.column;
    if is_header && (!left.opens || stray.is_empty()) {
        return None;
    }
    let starts_new = |kind: TokenKind| matches!(kind, TokenKind::Class | TokenKind::Def | TokenKind::At);
    let goes_on =
        |kind: TokenKind| matches!(kind, TokenKind::Except | TokenKind::Finally | TokenKind::Else | TokenKind::Elif);
    let first = run.first()?;
    if goes_on(first.first) || run.iter().any(|line| starts_new(line.first)) {
        return None;
    }
    let mut text = blanked(&draft.text, first.start, resumed.start)?;
    if is_header {
        text = moved(&text, stray, resumed)?;
    }
    let span = span(first.start, resumed.start);
    Some(Proposal {
        text,
        spans: vec![span],
        what: "block continued behind statements that lost their indentation",
        apart: true,
        least: 0,
    })
}
