//! Statements: their operations, and the regions that loops, `with` and `try` make.

use lagmap_source::Span;
use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::branches::Exit;
use super::expressions::binary_op;
use super::{Lowering, span};
use crate::{Expr, ExprId, Import, ImportIndex, OpKind, RegionId, RegionKind, ResultUse};

impl<'a> Lowering<'a> {
    /// Lowers a block in the current region and says how it ends.
    pub(super) fn block(&mut self, statements: &'a [ast::Stmt]) -> Exit {
        let Some(last) = statements.last() else { return Exit::Falls };
        let (region, outer_end) = (self.region, self.block_end);
        self.block_end = last.end().to_u32();
        let mut exit = Exit::Falls;
        for statement in statements {
            let own = self.statement(statement);
            if exit == Exit::Falls {
                exit = own;
            }
        }
        // Early exits may have left us in a region for the rest of the block.
        (self.region, self.block_end) = (region, outer_end);
        exit
    }

    /// Lowers a block in a region of its own. `at` is where the region stands if the block is empty.
    pub(super) fn block_in(&mut self, kind: RegionKind, statements: &'a [ast::Stmt], at: u32) -> Exit {
        let outer = self.open(kind, block_span(statements, at));
        let exit = self.block(statements);
        self.region = outer;
        exit
    }

    fn statement(&mut self, statement: &'a ast::Stmt) -> Exit {
        let at = span(statement.range());
        match statement {
            ast::Stmt::Expr(inner) => return self.expression_statement(&inner.value, at),
            ast::Stmt::Assign(inner) => self.assign(inner, at),
            ast::Stmt::AugAssign(inner) => self.augment(inner, at),
            ast::Stmt::AnnAssign(inner) => self.annotate(inner, at),
            ast::Stmt::TypeAlias(inner) => {
                let value = self.annotation(&inner.value);
                let target = self.expr(&inner.name);
                self.op(OpKind::Assign { target, value }, at);
            }
            ast::Stmt::FunctionDef(inner) => self.define_function(inner),
            ast::Stmt::ClassDef(inner) => self.define_class(inner),
            ast::Stmt::Return(inner) => {
                let value = self.optional(inner.value.as_deref());
                self.op(OpKind::Return(value), at);
                return Exit::Jumps;
            }
            ast::Stmt::Raise(inner) => {
                let exception = self.optional(inner.exc.as_deref());
                self.optional(inner.cause.as_deref());
                self.op(OpKind::Raise(exception), at);
                return Exit::Raises;
            }
            ast::Stmt::Break(_) => {
                self.op(OpKind::Break, at);
                return Exit::Jumps;
            }
            ast::Stmt::Continue(_) => {
                self.op(OpKind::Continue, at);
                return Exit::Jumps;
            }
            ast::Stmt::If(inner) => return self.if_chain(inner),
            ast::Stmt::Assert(inner) => self.assert(inner, at),
            ast::Stmt::For(inner) => self.for_loop(inner),
            ast::Stmt::While(inner) => self.while_loop(inner),
            ast::Stmt::With(inner) => return self.with(inner),
            ast::Stmt::Try(inner) => return self.try_statement(inner),
            ast::Stmt::Match(inner) => return self.match_statement(inner),
            ast::Stmt::Import(inner) => self.import(inner),
            ast::Stmt::ImportFrom(inner) => self.import_from(inner),
            ast::Stmt::Delete(inner) => {
                for target in &inner.targets {
                    let target_span = span(target.range());
                    let target = self.expr(target);
                    self.op(OpKind::Delete(target), target_span);
                }
            }
            ast::Stmt::Global(inner) => {
                let names: Vec<_> = inner.names.iter().map(|name| self.names.intern(name)).collect();
                self.scope_mut().globals.extend(names);
            }
            ast::Stmt::Nonlocal(inner) => {
                let names: Vec<_> = inner.names.iter().map(|name| self.names.intern(name)).collect();
                self.scope_mut().nonlocals.extend(names);
            }
            ast::Stmt::Pass(_) | ast::Stmt::IpyEscapeCommand(_) => {}
        }
        Exit::Falls
    }

    fn expression_statement(&mut self, value: &'a ast::Expr, at: Span) -> Exit {
        let id = self.used_as(value, ResultUse::Discarded);
        self.op(OpKind::Expr(id), at);
        Exit::of_call(value)
    }

    fn assign(&mut self, statement: &'a ast::StmtAssign, at: Span) {
        let value = self.expr(&statement.value);
        for target in &statement.targets {
            let target = self.expr(target);
            self.op(OpKind::Assign { target, value }, at);
        }
    }

    fn augment(&mut self, statement: &'a ast::StmtAugAssign, at: Span) {
        let target = self.expr(&statement.target);
        let value = self.expr(&statement.value);
        self.op(OpKind::Augment { target, op: binary_op(statement.op), value }, at);
    }

    fn annotate(&mut self, statement: &'a ast::StmtAnnAssign, at: Span) {
        let value = self.optional(statement.value.as_deref());
        let target = self.expr(&statement.target);
        let annotation = self.annotation(&statement.annotation);
        self.op(OpKind::Annotate { target, annotation, value }, at);
    }

    fn assert(&mut self, statement: &'a ast::StmtAssert, at: Span) {
        let test = self.expr(&statement.test);
        if let Some(message) = &statement.msg {
            let failed = RegionKind::If { test, holds: false, implied: false };
            let outer = self.open(failed, span(message.range()));
            self.expr(message);
            self.region = outer;
        }
        self.op(OpKind::Assert(test), at);
        self.imply(test, true, at.end);
    }

    fn for_loop(&mut self, statement: &'a ast::StmtFor) {
        let iterable = self.expr(&statement.iter);
        let end = statement.end().to_u32();
        let body = block_span(&statement.body, statement.iter.end().to_u32());
        let start = statement.target.start().to_u32();
        let kind = RegionKind::For { iterable, is_async: statement.is_async };
        let outer = self.open(kind, Span::new(start, body.end));
        let target = self.expr(&statement.target);
        self.op(OpKind::Iterate { target, iterable }, Span::new(start, statement.iter.end().to_u32()));
        self.block(&statement.body);
        self.region = outer;
        self.loop_else(&statement.orelse, end);
    }

    fn while_loop(&mut self, statement: &'a ast::StmtWhile) {
        let end = statement.end().to_u32();
        let body = block_span(&statement.body, statement.test.end().to_u32());
        let covers = Span::new(statement.test.start().to_u32(), body.end);
        let outer = self.open(RegionKind::While { test: ExprId::NONE }, covers);
        let test = self.expr(&statement.test);
        self.set_region_kind(self.region, RegionKind::While { test });
        self.block(&statement.body);
        self.region = outer;
        self.loop_else(&statement.orelse, end);
    }

    fn loop_else(&mut self, statements: &'a [ast::Stmt], at: u32) {
        if !statements.is_empty() {
            self.block_in(RegionKind::LoopElse, statements, at);
        }
    }

    fn with(&mut self, statement: &'a ast::StmtWith) -> Exit {
        let outer = self.region;
        let is_async = statement.is_async;
        let end = block_span(&statement.body, statement.end().to_u32()).end;
        for item in &statement.items {
            let context = self.used_as(&item.context_expr, ResultUse::Entered);
            let target = self.optional(item.optional_vars.as_deref());
            let around = self.open(RegionKind::With { context, is_async }, Span::new(item.end().to_u32(), end));
            let body = std::mem::replace(&mut self.region, around);
            self.op(OpKind::Enter { context, target, is_async, body }, span(item.range()));
            self.region = body;
        }
        let exit = self.block(&statement.body);
        self.region = outer;
        exit.through_with()
    }

    fn try_statement(&mut self, statement: &'a ast::StmtTry) -> Exit {
        let end = statement.end().to_u32();
        let has_finally = !statement.finalbody.is_empty();
        let kind = RegionKind::Try { has_except: !statement.handlers.is_empty(), has_finally };
        let outer = self.open(kind, block_span(&statement.body, end));
        let of = self.region;
        let mut exit = self.block(&statement.body);
        self.region = outer;
        let mut all_handlers = Exit::Jumps;
        for handler in &statement.handlers {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            all_handlers = all_handlers.min(self.handler(of, handler));
        }
        if !statement.orelse.is_empty() {
            let own = self.block_in(RegionKind::TryElse { of }, &statement.orelse, end);
            exit = exit.max(own);
        }
        exit = exit.min(all_handlers);
        if has_finally {
            let own = self.block_in(RegionKind::Finally { of }, &statement.finalbody, end);
            exit = exit.max(own);
        }
        exit
    }

    fn handler(&mut self, of: RegionId, handler: &'a ast::ExceptHandlerExceptHandler) -> Exit {
        let outer = self.open(RegionKind::Except { of, caught: ExprId::NONE }, span(handler.range()));
        let caught = self.optional(handler.type_.as_deref());
        self.set_region_kind(self.region, RegionKind::Except { of, caught });
        if let Some(name) = handler.name.as_ref().filter(|name| name.is_valid()) {
            let name_span = span(name.range());
            let shape = Expr::Name(self.names.intern(name));
            let target = self.node(shape, name_span);
            let start = handler.type_.as_ref().map_or(name_span.start, |caught| caught.start().to_u32());
            self.op(OpKind::Catch { target, caught }, Span::new(start, name_span.end));
        }
        let exit = self.block(&handler.body);
        self.region = outer;
        exit
    }

    fn import(&mut self, statement: &'a ast::StmtImport) {
        for alias in statement.names.iter().filter(|alias| alias.name.is_valid()) {
            let module = self.names.intern(&alias.name);
            let binds = match &alias.asname {
                Some(name) => self.names.intern(name),
                None => self.names.intern(alias.name.split('.').next().unwrap_or_default()),
            };
            self.add_import(Import {
                level: 0,
                module,
                member: None,
                binds,
                aliased: alias.asname.is_some(),
                region: self.region,
                span: span(alias.range()),
            });
        }
    }

    fn import_from(&mut self, statement: &'a ast::StmtImportFrom) {
        let module = self.names.intern(statement.module.as_deref().unwrap_or_default());
        for alias in statement.names.iter().filter(|alias| alias.name.is_valid()) {
            let member = self.names.intern(&alias.name);
            let binds = alias.asname.as_ref().map_or(member, |name| self.names.intern(name));
            self.add_import(Import {
                level: statement.level,
                module,
                member: Some(member),
                binds,
                aliased: false,
                region: self.region,
                span: span(alias.range()),
            });
        }
    }

    fn add_import(&mut self, import: Import) {
        let index = ImportIndex(self.facts.imports.len() as u32);
        let at = import.span;
        self.facts.imports.push(import);
        self.op(OpKind::Import(index), at);
    }
}

/// The text of a block; the empty text at `at` if it has no statements.
pub(super) fn block_span(statements: &[ast::Stmt], at: u32) -> Span {
    match (statements.first(), statements.last()) {
        (Some(first), Some(last)) => Span::new(first.start().to_u32(), last.end().to_u32()),
        _ => Span::new(at, at),
    }
}
