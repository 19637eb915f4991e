//! The facts of one file.

use lagmap_source::Span;
use serde::{Deserialize, Serialize};

use crate::{
    Call, CallId, ClassFacts, ClassIndex, Expr, ExprId, ExprList, ExprNode, FunctionFacts, FunctionIndex, Import,
    Keyword, Name, Names, Op, Region, RegionId,
};

/// String literals are kept up to this many bytes (cut at a character boundary); longer ones are data, not names.
pub const MAX_LITERAL: usize = 200;

/// All that later steps know of one file. It holds no path and no syntax tree: equal text gives equal facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Texts.
    pub names: Names,
    /// Expressions.
    pub exprs: Vec<ExprNode>,
    /// Child lists of expressions.
    pub lists: Vec<ExprId>,
    /// Calls.
    pub calls: Vec<Call>,
    /// Keywords of calls and classes.
    pub keywords: Vec<Keyword>,
    /// Regions.
    pub regions: Vec<Region>,
    /// Operations.
    pub ops: Vec<Op>,
    /// Scopes; the first is the module's body.
    pub functions: Vec<FunctionFacts>,
    /// Classes.
    pub classes: Vec<ClassFacts>,
    /// Imports.
    pub imports: Vec<Import>,
}

impl FileFacts {
    /// Bytes held on the heap.
    pub fn heap_size(&self) -> usize {
        fn of<T>(part: &Vec<T>) -> usize {
            part.capacity() * size_of::<T>()
        }
        let functions: usize = self
            .functions
            .iter()
            .map(|function| {
                of(&function.parameters) + of(&function.decorators) + of(&function.globals) + of(&function.nonlocals)
            })
            .sum();
        let classes: usize = self.classes.iter().map(|class| of(&class.decorators)).sum();
        let arenas = of(&self.exprs)
            + of(&self.lists)
            + of(&self.calls)
            + of(&self.keywords)
            + of(&self.regions)
            + of(&self.ops)
            + of(&self.functions)
            + of(&self.classes)
            + of(&self.imports);
        self.names.heap_size() + arenas + functions + classes
    }

    /// The shape of an expression ([`Expr::Other`] for [`ExprId::NONE`]).
    pub fn expr(&self, id: ExprId) -> Expr {
        self.exprs.get(id.0 as usize).map_or(Expr::Other, |node| node.expr)
    }

    /// Where an expression stands.
    pub fn span(&self, id: ExprId) -> Span {
        self.exprs.get(id.0 as usize).map_or(Span::default(), |node| node.span)
    }

    /// The expressions of a list.
    pub fn list(&self, list: ExprList) -> &[ExprId] {
        &self.lists[list.start as usize..(list.start + list.len) as usize]
    }

    /// The parts of a call.
    pub fn call(&self, id: CallId) -> &Call {
        &self.calls[id.0 as usize]
    }

    /// Positional arguments of a call.
    pub fn arguments(&self, call: &Call) -> &[ExprId] {
        self.list(call.arguments)
    }

    /// Keywords of a call.
    pub fn keywords(&self, call: &Call) -> &[Keyword] {
        &self.keywords[call.keywords_start as usize..(call.keywords_start + call.keywords_len) as usize]
    }

    /// The value of an argument of a call, by keyword or position.
    pub fn argument(&self, call: &Call, keyword: Option<&str>, position: Option<u32>) -> Option<ExprId> {
        let by_name = keyword.and_then(|wanted| {
            let mut keywords = self.keywords(call).iter();
            keywords.find(|own| own.name.is_some_and(|name| self.text(name) == wanted)).map(|own| own.value)
        });
        by_name.or_else(|| self.arguments(call).get(position? as usize).copied())
    }

    /// A region.
    pub fn region(&self, id: RegionId) -> &Region {
        &self.regions[id.0 as usize]
    }

    /// A scope.
    pub fn function(&self, index: FunctionIndex) -> &FunctionFacts {
        &self.functions[index.0 as usize]
    }

    /// A class.
    pub fn class(&self, index: ClassIndex) -> &ClassFacts {
        &self.classes[index.0 as usize]
    }

    /// The operations of a function, in order.
    pub fn ops(&self, function: &FunctionFacts) -> &[Op] {
        &self.ops[function.ops.start as usize..function.ops.end as usize]
    }

    /// The text of a name.
    pub fn text(&self, name: Name) -> &str {
        self.names.text(name)
    }

    /// The regions around `region`, itself first, the function's body last.
    pub fn enclosing(&self, region: RegionId) -> impl Iterator<Item = (RegionId, &Region)> {
        std::iter::successors(Some(region), |id| self.region(*id).parent).map(|id| (id, self.region(id)))
    }

    /// The last name of a name or attribute: `c` of `c` and of `a.b.c`.
    pub fn last_name(&self, id: ExprId) -> Option<Name> {
        match self.expr(id) {
            Expr::Name(name) | Expr::Attribute { attribute: name, .. } => Some(name),
            _ => None,
        }
    }

    /// `a.b.c` as a dotted text, when the expression is nothing but names and attributes.
    pub fn dotted(&self, id: ExprId) -> Option<String> {
        match self.expr(id) {
            Expr::Name(name) => Some(self.text(name).to_owned()),
            Expr::Attribute { value, attribute } => {
                let mut text = self.dotted(value)?;
                text.push('.');
                text.push_str(self.text(attribute));
                Some(text)
            }
            _ => None,
        }
    }

    /// Whether two expressions are written alike: names, and attributes and items of them under literals or such.
    pub fn is_same(&self, a: ExprId, b: ExprId) -> bool {
        match (self.expr(a), self.expr(b)) {
            (Expr::Name(a), Expr::Name(b)) | (Expr::Str(a), Expr::Str(b)) => self.text(a) == self.text(b),
            (Expr::Int(a), Expr::Int(b)) => a == b,
            (Expr::Attribute { value: a, attribute: of_a }, Expr::Attribute { value: b, attribute: of_b }) => {
                self.text(of_a) == self.text(of_b) && self.is_same(a, b)
            }
            (Expr::Subscript { value: a, index: at_a }, Expr::Subscript { value: b, index: at_b }) => {
                self.is_same(a, b) && self.is_same(at_a, at_b)
            }
            _ => false,
        }
    }
}
