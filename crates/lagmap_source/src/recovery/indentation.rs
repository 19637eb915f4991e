//! Lines that are indented more than any block asks for.

use ruff_python_ast::token::TokenKind;

use super::{Draft, Fault, Proposal, logical::Logical, span};

/// Where a line is indented unexpectedly, it and what follows it at that level or deeper is moved back to the level of the
/// line before. Where a line goes back to a level that is none, the block before it is moved to its level, or else the line
/// to the level before that block.
pub fn propose(draft: &Draft, fault: Fault) -> Option<Proposal> {
    if !fault.indentation {
        return None;
    }
    let lines = draft.lines();
    let index = draft.line_starting_at(fault.at)?;
    let (earlier, later) = lines.split_at_checked(index)?;
    let wrong = later.first()?;
    let outer = earlier.iter().rposition(|line| line.column < wrong.column)?;
    let level = earlier.get(outer)?;
    let block = earlier.get(outer + 1..)?;
    let (lines, to) = if !block.is_empty() && level.opens && !is_definition(level.first) {
        (block, wrong)
    } else {
        let end = later.iter().position(|line| line.column < wrong.column).unwrap_or(later.len());
        (later.get(..end)?, level)
    };
    let text = moved(&draft.text, lines, to)?;
    let span = span(lines.first()?.start, lines.last()?.code);
    Some(Proposal { text, spans: vec![span], what: "surplus indentation ignored", apart: false, least: 0 })
}

/// The text with some lines moved back so that the first of them stands where `to` stands. A form feed sets the column back
/// to zero (as in Python), which makes room for less indentation in as many bytes.
pub fn moved(text: &str, lines: &[Logical], to: &Logical) -> Option<String> {
    let right = indent(text, to)?;
    let length = indent(text, lines.first()?)?.len();
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for line in lines {
        let old = indent(text, line)?;
        let new = format!("{right}{}", old.get(length..)?);
        let padding = old.len().checked_sub(new.len() + 1)?;
        result.push_str(text.get(copied..line.code - old.len())?);
        result.extend(std::iter::repeat_n(' ', padding));
        result.push('\x0c');
        result.push_str(&new);
        copied = line.code;
    }
    result.push_str(text.get(copied..)?);
    Some(result)
}

fn is_definition(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Def | TokenKind::Async | TokenKind::Class)
}

/// The white space that counts before a line's code.
fn indent<'a>(text: &'a str, line: &Logical) -> Option<&'a str> {
    let space = text.get(line.start..line.code)?;
    let space = space.rsplit('\x0c').next().unwrap_or(space);
    space.bytes().all(|byte| matches!(byte, b' ' | b'\t')).then_some(space)
}
