//! Scopes: the queue of bodies, and what each contributes to the arenas.

use std::ops::Range;

use lagmap_source::Span;
use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::{Lowering, span};
use crate::{
    ClassIndex, ExprId, FunctionFacts, FunctionIndex, Name, OpKind, Parameter, RegionId, RegionKind, ScopeKind,
};

/// The code of a scope that is still to be lowered.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// Statements, and the text they cover.
    Block(&'a [ast::Stmt], Span),
    /// A lambda's value.
    Value(&'a ast::Expr),
}

/// What is known of a scope when its definition is met.
pub(super) struct Heading {
    pub(super) kind: ScopeKind,
    pub(super) name: Name,
    pub(super) qualified_name: Name,
    pub(super) class: Option<ClassIndex>,
    pub(super) is_async: bool,
    pub(super) parameters: Vec<Parameter>,
    pub(super) decorators: Vec<ExprId>,
    pub(super) returns: ExprId,
    pub(super) span: Span,
    pub(super) name_span: Span,
}

/// How full the arenas are.
struct Fill {
    ops: u32,
    exprs: u32,
    calls: u32,
    regions: u32,
}

impl<'a> Lowering<'a> {
    /// Lowers a module and all that is nested in it.
    pub(super) fn module(&mut self, body: &'a [ast::Stmt]) {
        let name = self.names.intern("<module>");
        let whole = Span::new(0, self.text.len() as u32);
        let heading = Heading {
            kind: ScopeKind::Module,
            name,
            qualified_name: name,
            class: None,
            is_async: false,
            parameters: Vec::new(),
            decorators: Vec::new(),
            returns: ExprId::NONE,
            span: whole,
            name_span: Span::default(),
        };
        self.add_scope(heading, None, Body::Block(body, whole));
        let mut next = 0;
        while let Some(body) = self.bodies.get(next).copied() {
            self.lower_body(FunctionIndex(next as u32), body);
            next += 1;
        }
    }

    /// Adds a scope that stands in the current one.
    pub(super) fn define_scope(&mut self, heading: Heading, body: Body<'a>) -> FunctionIndex {
        let parent = self.function;
        self.add_scope(heading, Some(parent), body)
    }

    /// The scope being lowered.
    pub(super) fn scope(&self) -> &FunctionFacts {
        &self.facts.functions[self.function.0 as usize]
    }

    /// The scope being lowered, to change.
    pub(super) fn scope_mut(&mut self) -> &mut FunctionFacts {
        &mut self.facts.functions[self.function.0 as usize]
    }

    fn add_scope(&mut self, heading: Heading, parent: Option<FunctionIndex>, body: Body<'a>) -> FunctionIndex {
        let index = FunctionIndex(self.facts.functions.len() as u32);
        let Heading { kind, name, qualified_name, class, is_async, parameters, decorators, returns, span, name_span } =
            heading;
        self.facts.functions.push(FunctionFacts {
            kind,
            name,
            qualified_name,
            parent,
            class,
            is_async,
            is_generator: false,
            parameters,
            decorators,
            returns,
            globals: Vec::new(),
            nonlocals: Vec::new(),
            span,
            name_span,
            // The rest is filled in when its turn comes.
            body: RegionId(0),
            ops: 0..0,
            exprs: 0..0,
            calls: 0..0,
            regions: 0..0,
        });
        self.bodies.push(body);
        index
    }

    fn lower_body(&mut self, function: FunctionIndex, body: Body<'a>) {
        let before = self.fill();
        self.function = function;
        let text = match body {
            Body::Block(_, text) => text,
            Body::Value(value) => span(value.range()),
        };
        let region = self.add_region(None, RegionKind::Body, text, 0);
        self.region = region;
        match body {
            Body::Block(statements, _) => {
                self.block(statements);
            }
            Body::Value(value) => {
                let value = self.expr(value);
                self.op(OpKind::Return(value), text);
            }
        }
        let after = self.fill();
        let range = |part: fn(&Fill) -> u32| -> Range<u32> { part(&before)..part(&after) };
        let scope = self.scope_mut();
        scope.body = region;
        scope.ops = range(|fill| fill.ops);
        scope.exprs = range(|fill| fill.exprs);
        scope.calls = range(|fill| fill.calls);
        scope.regions = range(|fill| fill.regions);
    }

    fn fill(&self) -> Fill {
        Fill {
            ops: self.facts.ops.len() as u32,
            exprs: self.facts.exprs.len() as u32,
            calls: self.facts.calls.len() as u32,
            regions: self.facts.regions.len() as u32,
        }
    }
}
