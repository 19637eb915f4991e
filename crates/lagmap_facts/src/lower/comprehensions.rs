//! Comprehensions and generator expressions.

use lagmap_source::Span;
use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::{Lowering, span};
use crate::{ComprehensionKind, Expr, ExprId, OpKind, RegionKind};

impl<'a> Lowering<'a> {
    /// A comprehension: each clause a region inside the one before it, the element innermost.
    pub(super) fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        key: Option<&'a ast::Expr>,
        element: &'a ast::Expr,
        clauses: &'a [ast::Comprehension],
        whole: TextRange,
    ) -> Expr {
        let outer = self.region;
        for clause in clauses {
            self.clause(clause, kind == ComprehensionKind::Generator, span(whole));
        }
        let key = key.map_or(ExprId::NONE, |key| self.expr(key));
        let element = self.expr(element);
        self.region = outer;
        Expr::Comprehension { kind, element, key }
    }

    /// Goes into the region of one `for` clause and of its `if`s. The element stands before its clauses, so that all
    /// these regions cover the whole text.
    fn clause(&mut self, clause: &'a ast::Comprehension, lazy: bool, whole: Span) {
        let iterable = self.expr(&clause.iter);
        self.open(RegionKind::Comprehension { iterable, lazy }, whole);
        let target = self.expr(&clause.target);
        let binds = Span::new(clause.target.start().to_u32(), clause.iter.end().to_u32());
        self.op(OpKind::Iterate { target, iterable }, binds);
        for test in &clause.ifs {
            let test = self.expr(test);
            self.open(RegionKind::If { test, holds: true, implied: false }, whole);
        }
    }
}
