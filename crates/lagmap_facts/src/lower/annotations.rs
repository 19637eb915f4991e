//! Type annotations. They are read as types: their calls are no operations, and their strings are parsed.

use lagmap_source::Span;
use ruff_python_ast as ast;
use ruff_python_parser::parse_expression;
use ruff_text_size::Ranged;

use super::expressions::binary_op;
use super::literals::{bytes, number};
use super::{Lowering, span};
use crate::{Expr, ExprId, ExprList};

/// Longer strings are no annotations that a person wrote.
const MAX_QUOTED: usize = 2_000;

/// How the index of a subscripted type is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arguments {
    /// All types: `dict[str, "Foo"]`.
    Types,
    /// The first is a type, the others values: `Annotated["Foo", "text"]`.
    FirstType,
    /// All values: `Literal["a", "b"]`.
    Values,
}

impl<'a> Lowering<'a> {
    /// An annotation that stands in the code.
    pub(super) fn annotation(&mut self, annotation: &'a ast::Expr) -> ExprId {
        let outside = std::mem::replace(&mut self.in_annotation, true);
        let id = self.type_expr(annotation);
        self.in_annotation = outside;
        id
    }

    fn type_expr(&mut self, annotation: &'a ast::Expr) -> ExprId {
        let at = span(annotation.range());
        let shape = match annotation {
            ast::Expr::StringLiteral(string) => return self.quoted(string, at),
            ast::Expr::Subscript(inner) => {
                let value = self.expr(&inner.value);
                Expr::Subscript { value, index: self.type_arguments(&inner.slice, arguments_of(&inner.value)) }
            }
            ast::Expr::BinOp(inner) => {
                let left = self.type_expr(&inner.left);
                Expr::Binary { op: binary_op(inner.op), left, right: self.type_expr(&inner.right) }
            }
            ast::Expr::List(inner) => {
                let base = self.pending.len();
                for item in &inner.elts {
                    let item = self.type_expr(item);
                    self.pending.push(item);
                }
                Expr::List(self.take_pending(base))
            }
            ast::Expr::Starred(inner) => Expr::Starred(self.type_expr(&inner.value)),
            _ => return self.expr(annotation),
        };
        self.node(shape, at)
    }

    fn type_arguments(&mut self, index: &'a ast::Expr, arguments: Arguments) -> ExprId {
        let ast::Expr::Tuple(tuple) = index else {
            return if arguments == Arguments::Values { self.expr(index) } else { self.type_expr(index) };
        };
        let base = self.pending.len();
        for (position, item) in tuple.iter().enumerate() {
            let item = if is_type(arguments, position) { self.type_expr(item) } else { self.expr(item) };
            self.pending.push(item);
        }
        let items = self.take_pending(base);
        self.node(Expr::Tuple(items), span(index.range()))
    }

    /// A string annotation, parsed if it can be; all its nodes stand where the string stands.
    fn quoted(&mut self, string: &ast::ExprStringLiteral, at: Span) -> ExprId {
        let shape = match string.value.as_slice() {
            [only] if only.value.len() <= MAX_QUOTED => {
                let text = only.value.trim();
                if is_identifier(text) {
                    if text == "None" { Expr::None } else { self.variable(text) }
                } else if let Ok(parsed) = parse_expression(text) {
                    return self.quoted_expr(parsed.expr(), at);
                } else {
                    self.string(&string.value)
                }
            }
            _ => self.string(&string.value),
        };
        self.node(shape, at)
    }

    /// The forms that types are made of. The tree is dropped at once, so that nothing of it may be left for later.
    fn quoted_expr(&mut self, expr: &ast::Expr, at: Span) -> ExprId {
        let shape = match expr {
            ast::Expr::Name(name) => self.variable(&name.id),
            ast::Expr::Attribute(inner) => {
                let value = self.quoted_expr(&inner.value, at);
                Expr::Attribute { value, attribute: self.names.intern(&inner.attr) }
            }
            ast::Expr::Subscript(inner) => {
                let value = self.quoted_expr(&inner.value, at);
                Expr::Subscript { value, index: self.quoted_arguments(&inner.slice, arguments_of(&inner.value), at) }
            }
            ast::Expr::BinOp(inner) => {
                let left = self.quoted_expr(&inner.left, at);
                Expr::Binary { op: binary_op(inner.op), left, right: self.quoted_expr(&inner.right, at) }
            }
            ast::Expr::StringLiteral(string) => return self.quoted(string, at),
            ast::Expr::Tuple(inner) => Expr::Tuple(self.quoted_list(&inner.elts, Arguments::Types, at)),
            ast::Expr::List(inner) => Expr::List(self.quoted_list(&inner.elts, Arguments::Types, at)),
            ast::Expr::Starred(inner) => Expr::Starred(self.quoted_expr(&inner.value, at)),
            ast::Expr::NoneLiteral(_) => Expr::None,
            ast::Expr::EllipsisLiteral(_) => Expr::Ellipsis,
            _ => self.quoted_value(expr),
        };
        self.node(shape, at)
    }

    /// A value, as in `Literal["a", 1]`.
    fn quoted_value(&mut self, expr: &ast::Expr) -> Expr {
        match expr {
            ast::Expr::StringLiteral(inner) => self.string(&inner.value),
            ast::Expr::BytesLiteral(inner) => bytes(&inner.value),
            ast::Expr::NumberLiteral(inner) => number(&inner.value),
            ast::Expr::BooleanLiteral(inner) => Expr::Bool(inner.value),
            ast::Expr::NoneLiteral(_) => Expr::None,
            _ => Expr::Other,
        }
    }

    fn quoted_arguments(&mut self, index: &ast::Expr, arguments: Arguments, at: Span) -> ExprId {
        match index {
            ast::Expr::Tuple(tuple) => {
                let items = self.quoted_list(&tuple.elts, arguments, at);
                self.node(Expr::Tuple(items), at)
            }
            _ if arguments == Arguments::Values => {
                let value = self.quoted_value(index);
                self.node(value, at)
            }
            _ => self.quoted_expr(index, at),
        }
    }

    fn quoted_list(&mut self, items: &[ast::Expr], arguments: Arguments, at: Span) -> ExprList {
        let base = self.pending.len();
        for (position, item) in items.iter().enumerate() {
            let item = if is_type(arguments, position) {
                self.quoted_expr(item, at)
            } else {
                let value = self.quoted_value(item);
                self.node(value, at)
            };
            self.pending.push(item);
        }
        self.take_pending(base)
    }
}

fn arguments_of(generic: &ast::Expr) -> Arguments {
    let name = match generic {
        ast::Expr::Name(name) => name.id.as_str(),
        ast::Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => "",
    };
    match name {
        "Literal" => Arguments::Values,
        "Annotated" => Arguments::FirstType,
        _ => Arguments::Types,
    }
}

fn is_type(arguments: Arguments, position: usize) -> bool {
    match arguments {
        Arguments::Types => true,
        Arguments::FirstType => position == 0,
        Arguments::Values => false,
    }
}

/// Whether a text is surely one name (or keyword); most string annotations are, and need no parser.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
