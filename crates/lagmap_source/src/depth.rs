//! Depth: trees so deep that visiting or dropping them would overflow even a large stack are refused.

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_parser::{Mode, lexer::lex};

/// The deepest chain of operators, dots and brackets that is let through. A level takes at most some 4 KiB of stack to
/// visit or drop without optimisation, and stacks hold 256 MiB.
const DEEPEST: usize = 40_000;

/// Whether parsing a text may recurse deeper than that: the parser grows its stack on the heap, until no memory is left.
pub fn is_too_deep_to_parse(text: &str) -> bool {
    // This lets all but very large files through unread.
    if text.len() <= DEEPEST || most_levels(text) <= DEEPEST {
        return false;
    }
    let mut lexer = lex(text, Mode::Module);
    let mut depth = Depth::default();
    loop {
        let kind = lexer.next_token();
        if kind == TokenKind::EndOfFile {
            return false;
        }
        // Chains of dots and calls are parsed in a loop. They must not count here, where a bracket that is never closed
        // makes one statement of the rest of a broken file.
        if recurses(kind) && depth.after(kind) > DEEPEST {
            return true;
        }
        if is_closing(kind) {
            depth.level = depth.level.saturating_sub(2);
        }
    }
}

/// More levels than the parser can recurse for: one for each byte that may be a token for which it does, or end a keyword or
/// an indented line.
fn most_levels(text: &str) -> usize {
    const NEITHER: u8 = 0;
    const TOKEN: u8 = 1;
    const LAST_LETTER: u8 = 2;
    const INNER_LETTER: u8 = 3;
    const KINDS: [u8; 256] = {
        let mut kinds = [NEITHER; 256];
        let mut byte = 0;
        while byte < 128 {
            kinds[byte as usize] = match byte {
                b'(' | b')' | b'[' | b']' | b'{' | b'}' | b':' | b'+' | b'-' | b'~' | b'*' | b'\n' | b'\r' => TOKEN,
                // lambda, async, yield, else, await and not
                b'a' | b'c' | b'd' | b'e' | b't' => LAST_LETTER,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => INNER_LETTER,
                _ => NEITHER,
            };
            byte += 1;
        }
        kinds
    };
    let mut levels = 1;
    let mut last = NEITHER;
    for byte in text.bytes() {
        let kind = KINDS[usize::from(byte)];
        levels += usize::from(kind == TOKEN) + usize::from(last == LAST_LETTER && kind < LAST_LETTER);
        last = kind;
    }
    levels
}

/// Whether the tree of some tokens may be deeper than that. An upper bound: every token that is neither a name nor a literal
/// counts as a level, commas end what stands between them.
pub fn is_too_deep(tokens: &Tokens) -> bool {
    let mut depth = Depth::default();
    tokens.len() > DEEPEST && tokens.iter().any(|token| depth.after(token.kind()) > DEEPEST)
}

/// How deep the tree may be at a token.
#[derive(Default)]
struct Depth {
    level: usize,
    /// How many blocks are open.
    indents: usize,
    /// Levels outside of the open brackets.
    outer: Vec<Frame>,
    /// Where the innermost open bracket started.
    inner: Frame,
}

#[derive(Clone, Copy, Default)]
struct Frame {
    start: usize,
    /// Lambdas whose parameters are not at their end: commas among these end nothing.
    lambdas: usize,
}

impl Depth {
    /// The level behind one more token.
    fn after(&mut self, kind: TokenKind) -> usize {
        match kind {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                self.level += 1;
                self.outer.push(self.inner);
                self.inner = Frame { start: self.level, lambdas: 0 };
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                self.level = self.inner.start + 1;
                self.inner = self.outer.pop().unwrap_or_default();
            }
            TokenKind::Comma if self.inner.lambdas == 0 => self.level = self.inner.start,
            TokenKind::Semi if self.outer.is_empty() => self.end_statement(),
            TokenKind::Newline => self.end_statement(),
            TokenKind::Indent => self.indents += 1,
            TokenKind::Dedent => self.indents = self.indents.saturating_sub(1),
            TokenKind::Lambda => {
                self.level += 1;
                self.inner.lambdas += 1;
            }
            TokenKind::Colon => {
                self.level += 1;
                self.inner.lambdas = self.inner.lambdas.saturating_sub(1);
            }
            TokenKind::Name
            | TokenKind::String
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline => {}
            _ => self.level += 1,
        }
        self.level
    }

    fn end_statement(&mut self) {
        self.outer.clear();
        self.level = self.indents;
        self.inner = Frame { start: self.level, lambdas: 0 };
    }
}

fn is_closing(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace)
}

/// Whether the parser recurses at a token, or ends what it recursed for.
fn recurses(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::Comma
            | TokenKind::Semi
            | TokenKind::Newline
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::Lambda
            | TokenKind::Colon
            | TokenKind::Async
            | TokenKind::Await
            | TokenKind::Yield
            | TokenKind::Not
            | TokenKind::Else
            | TokenKind::Plus
            | TokenKind::Minus
            | TokenKind::Tilde
            | TokenKind::Star
            | TokenKind::DoubleStar
    )
}
