//! Expressions, in the order in which they are evaluated.

use lagmap_source::Span;
use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::literals::{bytes, number};
use super::{Lowering, span};
use crate::{
    BinaryOp, Call, CallId, CompareOp, ComprehensionKind, Expr, ExprId, ExprList, Keyword, OpKind, RegionKind,
    ResultUse,
};

impl<'a> Lowering<'a> {
    /// An expression whose value is used.
    pub(super) fn expr(&mut self, expr: &'a ast::Expr) -> ExprId {
        self.used_as(expr, ResultUse::Used)
    }

    /// An expression that may be missing.
    pub(super) fn optional(&mut self, expr: Option<&'a ast::Expr>) -> ExprId {
        expr.map_or(ExprId::NONE, |expr| self.expr(expr))
    }

    /// An expression; `result` says what becomes of its value.
    pub(super) fn used_as(&mut self, expr: &'a ast::Expr, result: ResultUse) -> ExprId {
        let shape = match expr {
            ast::Expr::Name(name) => self.variable(&name.id),
            ast::Expr::Attribute(inner) => {
                let value = self.expr(&inner.value);
                Expr::Attribute { value, attribute: self.names.intern(&inner.attr) }
            }
            ast::Expr::Call(inner) => return self.call(inner, result),
            ast::Expr::Await(inner) => {
                let discarded = result == ResultUse::Discarded;
                let result = if discarded { ResultUse::AwaitedDiscarded } else { ResultUse::Awaited };
                Expr::Await(self.used_as(&inner.value, result))
            }
            ast::Expr::Subscript(inner) => {
                let value = self.expr(&inner.value);
                Expr::Subscript { value, index: self.expr(&inner.slice) }
            }
            ast::Expr::StringLiteral(inner) => self.string(&inner.value),
            ast::Expr::BytesLiteral(inner) => bytes(&inner.value),
            ast::Expr::NumberLiteral(inner) => number(&inner.value),
            ast::Expr::BooleanLiteral(inner) => Expr::Bool(inner.value),
            ast::Expr::NoneLiteral(_) => Expr::None,
            ast::Expr::EllipsisLiteral(_) => Expr::Ellipsis,
            ast::Expr::FString(inner) => self.f_string(&inner.value),
            ast::Expr::TString(inner) => self.t_string(&inner.value),
            ast::Expr::List(inner) => Expr::List(self.list(&inner.elts)),
            ast::Expr::Tuple(inner) => Expr::Tuple(self.list(&inner.elts)),
            ast::Expr::Set(inner) => Expr::Set(self.list(&inner.elts)),
            ast::Expr::Dict(inner) => self.dict(inner),
            ast::Expr::BinOp(inner) => {
                let left = self.expr(&inner.left);
                Expr::Binary { op: binary_op(inner.op), left, right: self.expr(&inner.right) }
            }
            ast::Expr::BoolOp(inner) => self.boolean(inner),
            ast::Expr::Compare(inner) => return self.compare(inner),
            ast::Expr::UnaryOp(inner) => {
                let operand = self.expr(&inner.operand);
                if inner.op == ast::UnaryOp::Not { Expr::Not(operand) } else { Expr::Unary(operand) }
            }
            ast::Expr::If(inner) => self.conditional(inner),
            ast::Expr::Lambda(inner) => Expr::Lambda(self.lambda(inner)),
            ast::Expr::Yield(inner) => {
                self.scope_mut().is_generator = true;
                Expr::Yield(self.optional(inner.value.as_deref()))
            }
            ast::Expr::YieldFrom(inner) => {
                self.scope_mut().is_generator = true;
                Expr::YieldFrom(self.expr(&inner.value))
            }
            ast::Expr::ListComp(inner) => {
                self.comprehension(ComprehensionKind::List, None, &inner.elt, &inner.generators, expr.range())
            }
            ast::Expr::SetComp(inner) => {
                self.comprehension(ComprehensionKind::Set, None, &inner.elt, &inner.generators, expr.range())
            }
            ast::Expr::DictComp(inner) => {
                let key = inner.key.as_deref();
                self.comprehension(ComprehensionKind::Dict, key, &inner.value, &inner.generators, expr.range())
            }
            ast::Expr::Generator(inner) => {
                self.comprehension(ComprehensionKind::Generator, None, &inner.elt, &inner.generators, expr.range())
            }
            ast::Expr::Starred(inner) => Expr::Starred(self.expr(&inner.value)),
            ast::Expr::Named(inner) => {
                let value = self.expr(&inner.value);
                Expr::Named { target: self.expr(&inner.target), value }
            }
            ast::Expr::Slice(inner) => {
                let lower = self.optional(inner.lower.as_deref());
                let upper = self.optional(inner.upper.as_deref());
                Expr::Slice { lower, upper, step: self.optional(inner.step.as_deref()) }
            }
            ast::Expr::IpyEscapeCommand(_) => Expr::Other,
        };
        self.node(shape, span(expr.range()))
    }

    /// A variable; error recovery makes up empty names, which name nothing.
    pub(super) fn variable(&mut self, name: &str) -> Expr {
        if name.is_empty() { Expr::Other } else { Expr::Name(self.names.intern(name)) }
    }

    pub(super) fn list(&mut self, items: &'a [ast::Expr]) -> ExprList {
        let base = self.pending.len();
        for item in items {
            let item = self.expr(item);
            self.pending.push(item);
        }
        self.take_pending(base)
    }

    /// Keywords of a call or class: the first and how many.
    pub(super) fn keywords(&mut self, keywords: &'a [ast::Keyword]) -> (u32, u32) {
        let base = self.pending_keywords.len();
        for keyword in keywords {
            let value = self.expr(&keyword.value);
            let name = keyword.arg.as_ref().map(|name| self.names.intern(name));
            self.pending_keywords.push(Keyword { name, value });
        }
        self.take_pending_keywords(base)
    }

    fn call(&mut self, call: &'a ast::ExprCall, result: ResultUse) -> ExprId {
        let callee = self.expr(&call.func);
        let arguments = self.list(&call.arguments.args);
        let (keywords_start, keywords_len) = self.keywords(&call.arguments.keywords);
        let id = CallId(self.facts.calls.len() as u32);
        let at = span(call.range());
        let expr = self.node(Expr::Call(id), at);
        self.facts.calls.push(Call { expr, callee, arguments, keywords_start, keywords_len, result });
        if !self.in_annotation {
            self.op(OpKind::Call(id), at);
        }
        expr
    }

    fn dict(&mut self, dict: &'a ast::ExprDict) -> Expr {
        let base = self.pending.len();
        for item in dict {
            let key = self.optional(item.key.as_ref());
            self.pending.push(key);
            let value = self.expr(&item.value);
            self.pending.push(value);
        }
        Expr::Dict(self.take_pending(base))
    }

    /// Each operand runs only if those before it did not decide already.
    fn boolean(&mut self, boolean: &'a ast::ExprBoolOp) -> Expr {
        let (outer, base) = (self.region, self.pending.len());
        let and = boolean.op == ast::BoolOp::And;
        let end = boolean.end().to_u32();
        for value in &boolean.values {
            if let Some(&test) = self.pending[base..].last() {
                let decided = RegionKind::If { test, holds: and, implied: false };
                self.open(decided, Span::new(value.start().to_u32(), end));
            }
            let value = self.expr(value);
            self.pending.push(value);
        }
        self.region = outer;
        Expr::Boolean { and, values: self.take_pending(base) }
    }

    /// `a < b < c` is `a < b and b < c` with `b` evaluated once.
    fn compare(&mut self, compare: &'a ast::ExprCompare) -> ExprId {
        let (outer, base) = (self.region, self.pending.len());
        let whole = span(compare.range());
        let mut left = self.expr(&compare.left);
        let mut left_start = whole.start;
        for (op, comparator) in compare.ops.iter().zip(&*compare.comparators) {
            if let Some(&test) = self.pending[base..].last() {
                let holds = RegionKind::If { test, holds: true, implied: false };
                self.open(holds, Span::new(left_start, whole.end));
            }
            let right = self.expr(comparator);
            let link = Span::new(left_start, comparator.end().to_u32());
            let link = if compare.ops.len() == 1 { whole } else { link };
            let link = self.node(Expr::Compare { op: compare_op(*op), left, right }, link);
            self.pending.push(link);
            (left, left_start) = (right, comparator.start().to_u32());
        }
        self.region = outer;
        if let [only] = self.pending[base..] {
            self.pending.truncate(base);
            return only;
        }
        let values = self.take_pending(base);
        self.node(Expr::Boolean { and: true, values }, whole)
    }

    fn conditional(&mut self, conditional: &'a ast::ExprIf) -> Expr {
        let test = self.expr(&conditional.test);
        let outer = self.open(RegionKind::If { test, holds: true, implied: false }, span(conditional.body.range()));
        let body = self.expr(&conditional.body);
        self.region = outer;
        self.open(RegionKind::If { test, holds: false, implied: false }, span(conditional.orelse.range()));
        let orelse = self.expr(&conditional.orelse);
        self.region = outer;
        Expr::IfElse { test, body, orelse }
    }
}

pub(super) fn binary_op(op: ast::Operator) -> BinaryOp {
    match op {
        ast::Operator::Add => BinaryOp::Add,
        ast::Operator::Sub => BinaryOp::Sub,
        ast::Operator::Mult => BinaryOp::Mult,
        ast::Operator::MatMult => BinaryOp::MatMult,
        ast::Operator::Div => BinaryOp::Div,
        ast::Operator::FloorDiv => BinaryOp::FloorDiv,
        ast::Operator::Mod => BinaryOp::Mod,
        ast::Operator::Pow => BinaryOp::Pow,
        ast::Operator::LShift => BinaryOp::LeftShift,
        ast::Operator::RShift => BinaryOp::RightShift,
        ast::Operator::BitOr => BinaryOp::BitOr,
        ast::Operator::BitXor => BinaryOp::BitXor,
        ast::Operator::BitAnd => BinaryOp::BitAnd,
    }
}

fn compare_op(op: ast::CmpOp) -> CompareOp {
    match op {
        ast::CmpOp::Eq => CompareOp::Equal,
        ast::CmpOp::NotEq => CompareOp::NotEqual,
        ast::CmpOp::Lt => CompareOp::Less,
        ast::CmpOp::LtE => CompareOp::LessEqual,
        ast::CmpOp::Gt => CompareOp::Greater,
        ast::CmpOp::GtE => CompareOp::GreaterEqual,
        ast::CmpOp::Is => CompareOp::Is,
        ast::CmpOp::IsNot => CompareOp::IsNot,
        ast::CmpOp::In => CompareOp::In,
        ast::CmpOp::NotIn => CompareOp::NotIn,
    }
}
