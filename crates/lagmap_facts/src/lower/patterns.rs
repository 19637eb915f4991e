//! `match` statements.

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::branches::Exit;
use super::{Lowering, span};
use crate::{Expr, ExprId, OpKind, RegionKind};

impl<'a> Lowering<'a> {
    /// A `match`: its subject outside, each case in a region with the names that its pattern binds.
    pub(super) fn match_statement(&mut self, statement: &'a ast::StmtMatch) -> Exit {
        let subject = self.expr(&statement.subject);
        let mut exit = Exit::Jumps;
        let mut exhaustive = false;
        for case in &statement.cases {
            let outer = self.open(RegionKind::Case { subject, guard: ExprId::NONE }, span(case.range()));
            self.pattern(&case.pattern, subject);
            if let Some(guard) = &case.guard {
                let guard = self.expr(guard);
                self.set_region_kind(self.region, RegionKind::Case { subject, guard });
            } else {
                exhaustive |= case.pattern.is_irrefutable();
            }
            exit = exit.min(self.block(&case.body));
            self.region = outer;
        }
        if exhaustive { exit } else { Exit::Falls }
    }

    /// Lowers a pattern; gives the class that all of what fits it is an instance of, if it names one.
    fn pattern(&mut self, pattern: &'a ast::Pattern, subject: ExprId) -> ExprId {
        match pattern {
            ast::Pattern::MatchValue(inner) => {
                self.expr(&inner.value);
            }
            ast::Pattern::MatchSingleton(_) => {}
            ast::Pattern::MatchSequence(inner) => self.patterns(&inner.patterns, subject),
            ast::Pattern::MatchMapping(inner) => {
                for key in &inner.keys {
                    self.expr(key);
                }
                self.patterns(&inner.patterns, subject);
                self.capture(inner.rest.as_ref(), subject, ExprId::NONE);
            }
            ast::Pattern::MatchClass(inner) => {
                let class = self.expr(&inner.cls);
                self.patterns(&inner.arguments.patterns, subject);
                for keyword in &inner.arguments.keywords {
                    self.pattern(&keyword.pattern, subject);
                }
                return class;
            }
            ast::Pattern::MatchStar(inner) => self.capture(inner.name.as_ref(), subject, ExprId::NONE),
            ast::Pattern::MatchAs(inner) => {
                let class = match &inner.pattern {
                    Some(pattern) => self.pattern(pattern, subject),
                    None => ExprId::NONE,
                };
                self.capture(inner.name.as_ref(), subject, class);
            }
            ast::Pattern::MatchOr(inner) => self.patterns(&inner.patterns, subject),
        }
        ExprId::NONE
    }

    fn patterns(&mut self, patterns: &'a [ast::Pattern], subject: ExprId) {
        for pattern in patterns {
            self.pattern(pattern, subject);
        }
    }

    fn capture(&mut self, name: Option<&ast::Identifier>, subject: ExprId, class: ExprId) {
        let Some(name) = name.filter(|name| name.is_valid()) else { return };
        let at = span(name.range());
        let shape = Expr::Name(self.names.intern(name));
        let target = self.node(shape, at);
        self.op(OpKind::Capture { target, subject, class }, at);
    }
}
