//! `if` chains, and what an early exit implies for the rest of its block.

use lagmap_source::Span;
use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::Lowering;
use crate::{ExprId, RegionKind};

/// How control leaves a block, from the least certain to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// It may run into what follows.
    Falls,
    /// By an exception, which a `with` around it may swallow.
    Raises,
    /// By `return`, `break`, `continue` or the end of the process.
    Jumps,
}

impl Exit {
    /// Whether a call, as a statement, ends the program.
    pub(super) fn of_call(value: &ast::Expr) -> Self {
        let ast::Expr::Call(call) = value else { return Self::Falls };
        match &*call.func {
            ast::Expr::Name(name) if matches!(name.id.as_str(), "exit" | "quit") => Self::Raises,
            ast::Expr::Attribute(attribute) => match &*attribute.value {
                ast::Expr::Name(module) => match (module.id.as_str(), attribute.attr.as_str()) {
                    ("sys", "exit") => Self::Raises,
                    ("os", "_exit") => Self::Jumps,
                    _ => Self::Falls,
                },
                _ => Self::Falls,
            },
            _ => Self::Falls,
        }
    }

    /// What is left of it outside a `with`: `contextlib.suppress` and its like go on behind an exception.
    pub(super) fn through_with(self) -> Self {
        if self == Self::Raises { Self::Falls } else { self }
    }
}

/// One `if` or `elif`: its test and how its body ends.
#[derive(Clone, Copy)]
pub(super) struct Arm {
    test: ExprId,
    exit: Exit,
}

impl<'a> Lowering<'a> {
    /// An `if` with its `elif`s and `else`, and what they imply for the rest of the block.
    pub(super) fn if_chain(&mut self, statement: &'a ast::StmtIf) -> Exit {
        let (outer, base) = (self.region, self.arms.len());
        let end = statement.end().to_u32();
        let mut test = self.arm(&statement.test, &statement.body);
        let mut otherwise = Exit::Falls;
        for clause in &statement.elif_else_clauses {
            let kind = RegionKind::If { test, holds: false, implied: false };
            self.open(kind, Span::new(clause.start().to_u32(), end));
            match &clause.test {
                Some(next) => test = self.arm(next, &clause.body),
                None => otherwise = self.block(&clause.body),
            }
        }
        self.region = outer;
        self.imply_rest(base, otherwise, end)
    }

    /// Opens a region for the rest of the block, if there is any: it runs only if `test` came out as `holds`.
    pub(super) fn imply(&mut self, test: ExprId, holds: bool, from: u32) {
        if from < self.block_end {
            self.open(RegionKind::If { test, holds, implied: true }, Span::new(from, self.block_end));
        }
    }

    fn arm(&mut self, test: &'a ast::Expr, body: &'a [ast::Stmt]) -> ExprId {
        let at = test.end().to_u32();
        let test = self.expr(test);
        let exit = self.block_in(RegionKind::If { test, holds: true, implied: false }, body, at);
        self.arms.push(Arm { test, exit });
        test
    }

    /// Opens the regions that the arms from `base` on imply, and says how the whole chain ends.
    ///
    /// As long as an arm leaves and a later one goes on, its test was false; if an arm goes on and all later ones leave,
    /// its test was true; behind an arm that goes on nothing more is known.
    fn imply_rest(&mut self, base: usize, otherwise: Exit, end: u32) -> Exit {
        let arms = &self.arms[base..];
        let all = arms.iter().fold(otherwise, |all, arm| all.min(arm.exit));
        let last_falling = if otherwise == Exit::Falls {
            Some(arms.len())
        } else {
            arms.iter().rposition(|arm| arm.exit == Exit::Falls)
        };
        if let Some(last) = last_falling {
            for index in base..self.arms.len() {
                let Arm { test, exit } = self.arms[index];
                if exit == Exit::Falls {
                    if index - base == last {
                        self.imply(test, true, end);
                    }
                    break;
                }
                self.imply(test, false, end);
            }
        }
        self.arms.truncate(base);
        all
    }
}
