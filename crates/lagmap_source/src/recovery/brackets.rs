//! Closing brackets that close nothing, or the wrong thing.

use ruff_python_ast::token::TokenKind;
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::{Draft, Fault, Proposal, blanked, span};

/// Blanks the closing bracket at a fault, or makes it the one that is due.
pub fn propose(draft: &Draft, fault: Fault) -> Option<Proposal> {
    let is_closing = |index: &usize| draft.text.as_bytes().get(*index).is_some_and(|byte| b")]}".contains(byte));
    let index = [fault.at, fault.at.wrapping_sub(1)].into_iter().find(is_closing)?;
    let span = span(index, index + 1);
    if let Some(due) = due_at(draft, index).filter(|due| !draft.text[index..].starts_with(due)) {
        let mut text = draft.text.clone();
        text.replace_range(index..=index, due);
        return Some(Proposal {
            text,
            span,
            what: "wrong closing bracket read as the one that is due",
            apart: false,
            least: 0,
        });
    }
    let text = blanked(&draft.text, index, index + 1)?;
    Some(Proposal { text, span, what: "surplus closing bracket ignored", apart: false, least: 0 })
}

/// The closing bracket that the innermost open one of the logical line asks for.
fn due_at(draft: &Draft, index: usize) -> Option<&'static str> {
    let lines = draft.lines();
    let line = lines.get(lines.partition_point(|line| line.code <= index).checked_sub(1)?)?;
    let mut open = Vec::new();
    let range = TextRange::new(TextSize::try_from(line.code).ok()?, TextSize::try_from(index).ok()?);
    for token in draft.parsed.tokens().iter().skip_while(|token| token.start() < range.start()) {
        if token.start() >= range.end() {
            break;
        }
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
