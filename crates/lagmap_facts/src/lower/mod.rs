//! The lowering pass: one file's syntax tree → its facts.
//!
//! Each scope (module, class body, function, lambda) is lowered as a whole before those nested in it, so that its nodes
//! lie side by side in the arenas. Inside a scope, code is walked in the order in which it is evaluated. Recursion is
//! as deep as the tree, never as long as a block; callers bound the depth and bring the stack.

mod annotations;
mod branches;
mod comprehensions;
mod definitions;
mod expressions;
mod literals;
mod patterns;
mod scopes;
mod statements;

use lagmap_source::Span;
use ruff_python_ast as ast;
use ruff_text_size::TextRange;

use crate::{
    Expr, ExprId, ExprList, ExprNode, FileFacts, FunctionIndex, Keyword, NamesBuilder, Op, OpKind, Region, RegionId,
    RegionKind,
};
use scopes::Body;

/// How many regions deep conditions are still told apart. Region chains are walked upwards, and a generated block with
/// thousands of `assert`s or `elif`s would make each walk as long; hand-written code stays far below.
const MAX_CONDITION_DEPTH: u16 = 200;

/// The facts of a file from its syntax tree and the text that was parsed.
///
/// Takes trees that error recovery made, too. Recursion is as deep as the tree.
pub fn lower(module: &ast::ModModule, text: &str) -> FileFacts {
    let mut lowering = Lowering::new(text);
    lowering.module(&module.body);
    lowering.finish()
}

/// The facts made so far, and where in the program the walk stands.
struct Lowering<'a> {
    text: &'a str,
    facts: FileFacts,
    names: NamesBuilder,
    /// What is still to be lowered of each scope; side by side with `facts.functions`.
    bodies: Vec<Body<'a>>,
    /// The scope being lowered.
    function: FunctionIndex,
    /// The region being lowered.
    region: RegionId,
    /// How deep each region lies; side by side with `facts.regions`.
    depths: Vec<u16>,
    /// Where the block being lowered ends.
    block_end: u32,
    /// Inside an annotation, whose calls are no operations.
    in_annotation: bool,
    /// Stack of list items whose list is not complete yet.
    pending: Vec<ExprId>,
    /// The same for keywords.
    pending_keywords: Vec<Keyword>,
    /// The same for the branches of `if` chains.
    arms: Vec<branches::Arm>,
    /// Text being put together.
    scratch: String,
}

impl<'a> Lowering<'a> {
    /// Sizes are what a file of the standard library's density needs, so that few arenas grow more than once.
    fn new(text: &'a str) -> Self {
        let bytes = text.len();
        let facts = FileFacts {
            exprs: Vec::with_capacity(bytes / 9),
            lists: Vec::with_capacity(bytes / 30),
            calls: Vec::with_capacity(bytes / 60),
            keywords: Vec::with_capacity(bytes / 300),
            regions: Vec::with_capacity(bytes / 120),
            ops: Vec::with_capacity(bytes / 32),
            functions: Vec::with_capacity(bytes / 600),
            ..FileFacts::default()
        };
        Self {
            text,
            facts,
            names: NamesBuilder::with_capacity(bytes / 90, bytes / 7),
            bodies: Vec::with_capacity(bytes / 600),
            function: FunctionIndex::MODULE,
            region: RegionId(0),
            depths: Vec::with_capacity(bytes / 120),
            block_end: 0,
            in_annotation: false,
            pending: Vec::new(),
            pending_keywords: Vec::new(),
            arms: Vec::new(),
            scratch: String::new(),
        }
    }

    fn finish(self) -> FileFacts {
        let mut facts = self.facts;
        facts.names = self.names.finish();
        facts.exprs.shrink_to_fit();
        facts.lists.shrink_to_fit();
        facts.calls.shrink_to_fit();
        facts.keywords.shrink_to_fit();
        facts.regions.shrink_to_fit();
        facts.ops.shrink_to_fit();
        facts.functions.shrink_to_fit();
        facts.classes.shrink_to_fit();
        facts.imports.shrink_to_fit();
        facts
    }

    /// Adds an expression of the current region.
    fn node(&mut self, expr: Expr, span: Span) -> ExprId {
        let id = ExprId(self.facts.exprs.len() as u32);
        // What recovery makes up is empty, and may stand anywhere.
        if span.start < span.end {
            self.cover(self.region, span);
        }
        self.facts.exprs.push(ExprNode { expr, span, region: self.region });
        id
    }

    /// Adds an operation of the current region.
    fn op(&mut self, kind: OpKind, span: Span) {
        self.facts.ops.push(Op { kind, region: self.region, span });
    }

    /// Opens a region inside the current one and returns the latter, to go back to. Conditions nested too deeply are
    /// left out.
    fn open(&mut self, kind: RegionKind, span: Span) -> RegionId {
        let outer = self.region;
        let depth = self.depths.get(outer.0 as usize).copied().unwrap_or_default();
        if depth < MAX_CONDITION_DEPTH || !matches!(kind, RegionKind::If { .. }) {
            let span = ordered(span);
            self.cover(outer, span);
            self.region = self.add_region(Some(outer), kind, span, depth.saturating_add(1));
        }
        outer
    }

    /// Makes a region and those around it cover a span. They do, but for broken files: what recovery hangs into a block may
    /// lie behind the end that the block was given.
    fn cover(&mut self, region: RegionId, span: Span) {
        let mut next = Some(region);
        while let Some(region) = next.and_then(|id| self.facts.regions.get_mut(id.0 as usize))
            && !region.span.contains(span)
        {
            region.span = Span::new(region.span.start.min(span.start), region.span.end.max(span.end));
            next = region.parent;
        }
    }

    fn add_region(&mut self, parent: Option<RegionId>, kind: RegionKind, span: Span, depth: u16) -> RegionId {
        let id = RegionId(self.facts.regions.len() as u32);
        self.facts.regions.push(Region { parent, function: self.function, kind, span: ordered(span) });
        self.depths.push(depth);
        id
    }

    /// Says what a region is, where that is known only after part of it was lowered.
    fn set_region_kind(&mut self, region: RegionId, kind: RegionKind) {
        if let Some(region) = self.facts.regions.get_mut(region.0 as usize) {
            region.kind = kind;
        }
    }

    /// Makes a list of the pending items from `base` on.
    fn take_pending(&mut self, base: usize) -> ExprList {
        let start = self.facts.lists.len() as u32;
        self.facts.lists.extend_from_slice(&self.pending[base..]);
        self.pending.truncate(base);
        ExprList { start, len: self.facts.lists.len() as u32 - start }
    }

    /// Puts the pending keywords from `base` on where they stay: first and how many.
    fn take_pending_keywords(&mut self, base: usize) -> (u32, u32) {
        let start = self.facts.keywords.len() as u32;
        self.facts.keywords.extend_from_slice(&self.pending_keywords[base..]);
        self.pending_keywords.truncate(base);
        (start, self.facts.keywords.len() as u32 - start)
    }
}

/// A span that does not end before it starts. None does, but for broken files: a definition without a body may end where its name does, in
/// front of what recovery has hung into it.
fn ordered(span: Span) -> Span {
    Span::new(span.start, span.end.max(span.start))
}

fn span(range: TextRange) -> Span {
    Span::new(range.start().to_u32(), range.end().to_u32())
}
