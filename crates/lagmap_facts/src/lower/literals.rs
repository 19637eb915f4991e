//! Strings, f-strings, bytes and numbers.

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::{Lowering, span};
use crate::{Expr, MAX_LITERAL};

impl<'a> Lowering<'a> {
    /// A string literal, its parts joined.
    pub(super) fn string(&mut self, value: &ast::StringLiteralValue) -> Expr {
        if let [only] = value.as_slice() {
            return self.text(&only.value);
        }
        self.scratch.clear();
        for part in value {
            self.scratch.push_str(&part.value);
            if self.scratch.len() > MAX_LITERAL {
                break;
            }
        }
        Expr::Str(self.names.intern(cut(&self.scratch)))
    }

    pub(super) fn f_string(&mut self, value: &'a ast::FStringValue) -> Expr {
        let base = self.pending.len();
        for part in value {
            match part {
                ast::FStringPart::Literal(literal) => {
                    let text = self.text(&literal.value);
                    let text = self.node(text, span(literal.range()));
                    self.pending.push(text);
                }
                ast::FStringPart::FString(inner) => self.elements(&inner.elements, true),
            }
        }
        Expr::FString(self.take_pending(base))
    }

    /// A template string evaluates the same parts; only the object that holds them differs.
    pub(super) fn t_string(&mut self, value: &'a ast::TStringValue) -> Expr {
        let base = self.pending.len();
        for part in value {
            self.elements(&part.elements, true);
        }
        Expr::FString(self.take_pending(base))
    }

    /// Adds the elements to the pending list; of a format specification only what it interpolates.
    fn elements(&mut self, elements: &'a ast::InterpolatedStringElements, with_literals: bool) {
        for element in elements {
            match element {
                ast::InterpolatedStringElement::Literal(literal) if with_literals => {
                    let text = self.text(&literal.value);
                    let text = self.node(text, span(literal.range()));
                    self.pending.push(text);
                }
                ast::InterpolatedStringElement::Literal(_) => {}
                ast::InterpolatedStringElement::Interpolation(inner) => {
                    let value = self.expr(&inner.expression);
                    self.pending.push(value);
                    if let Some(specification) = &inner.format_spec {
                        self.elements(&specification.elements, false);
                    }
                }
            }
        }
    }

    fn text(&mut self, text: &str) -> Expr {
        Expr::Str(self.names.intern(cut(text)))
    }
}

pub(super) fn bytes(value: &ast::BytesLiteralValue) -> Expr {
    let length: usize = value.iter().map(|part| part.value.len()).sum();
    Expr::Bytes(u32::try_from(length).unwrap_or(u32::MAX))
}

pub(super) fn number(number: &ast::Number) -> Expr {
    match number {
        ast::Number::Int(value) => {
            Expr::Int(value.as_u64().and_then(|value| i64::try_from(value).ok()).unwrap_or(i64::MAX))
        }
        ast::Number::Float(value) => Expr::Float(*value),
        ast::Number::Complex { .. } => Expr::Other,
    }
}

/// What is kept of a string literal.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_LITERAL)]
}
