//! The logical lines of a text, with their indentation.

use ruff_python_ast::token::{Token, TokenKind};
use ruff_text_size::{Ranged, TextRange};

/// A logical line.
pub struct Logical {
    /// Offset at which its first physical line starts.
    pub start: usize,
    /// Offset of its first token.
    pub code: usize,
    /// Its indentation; tabs count up to the next multiple of eight, as Python counts them.
    pub column: usize,
    /// It ends in a colon.
    pub opens: bool,
    /// Its first token.
    pub first: TokenKind,
}

/// The logical lines that some tokens form.
pub fn logical_lines(text: &str, tokens: &[Token]) -> Vec<Logical> {
    let mut lines: Vec<Logical> = Vec::new();
    let mut fresh = true;
    let mut last = TokenKind::Newline;
    for token in tokens {
        match token.kind() {
            TokenKind::Newline => {
                if let Some(line) = lines.last_mut() {
                    line.opens = last == TokenKind::Colon;
                }
                fresh = true;
            }
            TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::EndOfFile => {}
            // What the lexer makes of indentation that it does not understand.
            TokenKind::Unknown if fresh && is_space(text, token.range()) => {}
            kind => {
                if fresh {
                    lines.push(line(text, token.start().to_usize(), kind));
                }
                fresh = false;
                last = kind;
            }
        }
    }
    lines
}

fn is_space(text: &str, range: TextRange) -> bool {
    text.get(range.to_std_range()).is_some_and(|text| text.trim().is_empty())
}

fn line(text: &str, code: usize, first: TokenKind) -> Logical {
    let before = text.get(..code).unwrap_or_default();
    let start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    Logical { start, code, column: column(before.get(start..).unwrap_or_default()), opens: false, first }
}

/// The column that some white space leads to.
pub fn column(space: &str) -> usize {
    space.bytes().fold(0, |column, byte| match byte {
        b'\t' => column / 8 * 8 + 8,
        b'\x0c' => 0,
        _ => column + 1,
    })
}
