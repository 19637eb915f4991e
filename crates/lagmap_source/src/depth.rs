//! Depth: trees so deep that visiting or dropping them would overflow even a large stack are refused.

use ruff_python_ast::token::{TokenKind, Tokens};

/// The deepest chain of operators, dots and brackets that is let through. A level takes at most some 4 KiB of stack to
/// visit or drop without optimisation, and stacks hold 256 MiB.
const DEEPEST: usize = 40_000;

/// Whether the tree of some tokens may be deeper than that. An upper bound: every token that is neither a name nor a literal
/// counts as a level, commas end what stands between them.
pub fn is_too_deep(tokens: &Tokens) -> bool {
    if tokens.len() <= DEEPEST {
        return false;
    }
    let mut level = 0_usize;
    let mut outer: Vec<usize> = Vec::new();
    for token in tokens {
        match token.kind() {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                level += 1;
                outer.push(level);
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => level = outer.pop().unwrap_or(level) + 1,
            TokenKind::Comma => level = outer.last().copied().unwrap_or(0),
            TokenKind::Newline => {
                level = 0;
                outer.clear();
            }
            TokenKind::Name
            | TokenKind::String
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::Indent
            | TokenKind::Dedent => {}
            _ => level += 1,
        }
        if level > DEEPEST {
            return true;
        }
    }
    false
}
