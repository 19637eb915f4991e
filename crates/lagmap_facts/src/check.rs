//! What must hold of all facts: every id names something, children come before parents, scopes do not mix.

use std::ops::Range;

use lagmap_source::Span;

use crate::{
    Call, Expr, ExprId, ExprList, FileFacts, FunctionFacts, FunctionIndex, Name, OpKind, RegionId, RegionKind,
    ScopeKind,
};

/// Facts that no lowering made: from a damaged cache, or a mistake in lowering.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {index}: {problem}")]
pub struct Inconsistency {
    /// The kind of part.
    pub what: &'static str,
    /// Which of its kind.
    pub index: usize,
    /// What does not hold.
    pub problem: &'static str,
}

/// Whether facts hold together; facts that do can be read without a panic.
///
/// # Errors
/// The first part that does not.
pub fn check(facts: &FileFacts) -> Result<(), Inconsistency> {
    if !facts.names.is_consistent() {
        return Err(Inconsistency { what: "names", index: 0, problem: "do not fit their text" });
    }
    let checker = Checker { facts };
    checker.ranges()?;
    for (index, function) in facts.functions.iter().enumerate() {
        let problem = |problem| Inconsistency { what: "function", index, problem };
        checker.heading(index, function).map_err(problem)?;
        checker.contents(FunctionIndex(index as u32), function)?;
    }
    for index in 0..facts.classes.len() {
        checker.class(index).map_err(|problem| Inconsistency { what: "class", index, problem })?;
    }
    for (index, import) in facts.imports.iter().enumerate() {
        let known = checker.name(import.module)
            && checker.name(import.binds)
            && import.member.is_none_or(|name| checker.name(name));
        let inside = (import.region.0 as usize) < facts.regions.len();
        ensure(known && inside, "names nothing").map_err(|problem| Inconsistency { what: "import", index, problem })?;
    }
    Ok(())
}

/// The part of an arena that is a scope's.
type PartOf = fn(&FunctionFacts) -> &Range<u32>;

type Held = Result<(), &'static str>;

fn ensure(holds: bool, problem: &'static str) -> Held {
    if holds { Ok(()) } else { Err(problem) }
}

struct Checker<'a> {
    facts: &'a FileFacts,
}

impl Checker<'_> {
    /// The scopes' parts lie side by side in every arena and fill it.
    fn ranges(&self) -> Result<(), Inconsistency> {
        let facts = self.facts;
        let arenas: [(&'static str, usize, PartOf); 4] = [
            ("ops", facts.ops.len(), |function| &function.ops),
            ("exprs", facts.exprs.len(), |function| &function.exprs),
            ("calls", facts.calls.len(), |function| &function.calls),
            ("regions", facts.regions.len(), |function| &function.regions),
        ];
        for (what, len, range) in arenas {
            let mut end = 0;
            for (index, function) in facts.functions.iter().enumerate() {
                let range = range(function);
                if range.start != end || range.end < range.start {
                    return Err(Inconsistency { what, index, problem: "not behind those of the scope before" });
                }
                end = range.end;
            }
            if end as usize != len {
                return Err(Inconsistency { what, index: end as usize, problem: "belongs to no scope" });
            }
        }
        Ok(())
    }

    fn heading(&self, index: usize, function: &FunctionFacts) -> Held {
        ensure(self.name(function.name) && self.name(function.qualified_name), "has no name")?;
        ensure(function.globals.iter().chain(&function.nonlocals).all(|name| self.name(*name)), "declares no name")?;
        ensure((function.kind == ScopeKind::Module) == (index == 0), "the module is the first scope")?;
        ensure(function.class.is_none_or(|class| (class.0 as usize) < self.facts.classes.len()), "has no class")?;
        ensure(
            function.regions.start == function.body.0 && !function.regions.is_empty(),
            "its body is its first region",
        )?;
        let Some(parent) = function.parent else { return ensure(index == 0, "stands nowhere") };
        ensure((parent.0 as usize) < index, "comes before the scope around it")?;
        let outside = &self.facts.functions[parent.0 as usize];
        let is_outside = |id: ExprId| id == ExprId::NONE || outside.exprs.contains(&id.0);
        ensure(is_outside(function.returns), "return annotation outside the scope around it")?;
        ensure(function.decorators.iter().all(|id| is_outside(*id)), "decorator outside the scope around it")?;
        for parameter in &function.parameters {
            ensure(self.name(parameter.name), "parameter without a name")?;
            ensure(
                is_outside(parameter.annotation) && is_outside(parameter.default),
                "parameter outside the scope around",
            )?;
        }
        Ok(())
    }

    fn contents(&self, index: FunctionIndex, function: &FunctionFacts) -> Result<(), Inconsistency> {
        for id in function.regions.clone() {
            self.region(index, function, id).map_err(|problem| failed("region", id, problem))?;
        }
        for id in function.exprs.clone() {
            self.expr(function, id).map_err(|problem| failed("expression", id, problem))?;
        }
        for id in function.calls.clone() {
            self.call(function, id).map_err(|problem| failed("call", id, problem))?;
        }
        for id in function.ops.clone() {
            self.op(function, id).map_err(|problem| failed("operation", id, problem))?;
        }
        Ok(())
    }

    fn region(&self, index: FunctionIndex, function: &FunctionFacts, id: u32) -> Held {
        let region = &self.facts.regions[id as usize];
        ensure(region.function == index, "belongs to another scope")?;
        ensure((region.kind == RegionKind::Body) == (id == function.body.0), "is no body")?;
        match region.parent {
            None => ensure(id == function.body.0, "has no region around it")?,
            Some(parent) => {
                ensure(function.regions.contains(&parent.0) && parent.0 < id, "stands before the region around it")?;
                ensure(self.facts.regions[parent.0 as usize].span.contains(region.span), "reaches out of its parent")?;
            }
        }
        ensure(is_ordered(region.span), "ends before it starts")?;
        let own = |id: ExprId| function.exprs.contains(&id.0);
        let own_region = |of: RegionId| of.0 < id && function.regions.contains(&of.0);
        let holds = match region.kind {
            RegionKind::Body | RegionKind::Try { .. } | RegionKind::LoopElse => true,
            RegionKind::For { iterable: id, .. }
            | RegionKind::While { test: id }
            | RegionKind::Comprehension { iterable: id, .. }
            | RegionKind::If { test: id, .. }
            | RegionKind::With { context: id, .. } => own(id),
            RegionKind::Case { subject, guard } => own(subject) && guard.get().is_none_or(own),
            RegionKind::Except { of, caught } => own_region(of) && caught.get().is_none_or(own),
            RegionKind::TryElse { of } | RegionKind::Finally { of } => own_region(of),
        };
        ensure(holds, "speaks of parts of another scope")
    }

    fn expr(&self, function: &FunctionFacts, id: u32) -> Held {
        let node = &self.facts.exprs[id as usize];
        ensure(function.regions.contains(&node.region.0), "lies in a region of another scope")?;
        ensure(is_ordered(node.span), "ends before it starts")?;
        // What error recovery made up is empty and stands behind the token before, perhaps outside.
        let is_inside = self.facts.regions[node.region.0 as usize].span.contains(node.span);
        ensure(is_inside || node.span.start == node.span.end, "reaches out of its region")?;
        let own = |child: ExprId| child.0 < id && function.exprs.contains(&child.0);
        let maybe = |child: ExprId| child.get().is_none_or(own);
        let all = |list: ExprList| self.list(list).is_some_and(|list| list.iter().all(|child| own(*child)));
        let holds = match node.expr {
            Expr::Name(name) | Expr::Str(name) => self.name(name),
            Expr::Attribute { value, attribute } => own(value) && self.name(attribute),
            Expr::Call(call) => function.calls.contains(&call.0) && self.facts.calls[call.0 as usize].expr.0 == id,
            Expr::Subscript { value: left, index: right }
            | Expr::Compare { left, right, .. }
            | Expr::Binary { left, right, .. }
            | Expr::Named { target: left, value: right } => own(left) && own(right),
            Expr::Slice { lower, upper, step } => maybe(lower) && maybe(upper) && maybe(step),
            Expr::FString(list)
            | Expr::List(list)
            | Expr::Tuple(list)
            | Expr::Set(list)
            | Expr::Boolean { values: list, .. } => all(list),
            Expr::Dict(list) => self
                .list(list)
                .is_some_and(|list| list.len() % 2 == 0 && list.chunks(2).all(|pair| maybe(pair[0]) && own(pair[1]))),
            Expr::Not(value)
            | Expr::Unary(value)
            | Expr::Await(value)
            | Expr::YieldFrom(value)
            | Expr::Starred(value) => own(value),
            Expr::Yield(value) => maybe(value),
            Expr::IfElse { test, body, orelse } => own(test) && own(body) && own(orelse),
            Expr::Lambda(lambda) => {
                self.facts.functions.get(lambda.0 as usize).is_some_and(|lambda| lambda.kind == ScopeKind::Lambda)
            }
            Expr::Comprehension { element, key, .. } => own(element) && maybe(key),
            Expr::Bytes(_)
            | Expr::Int(_)
            | Expr::Float(_)
            | Expr::Bool(_)
            | Expr::None
            | Expr::Ellipsis
            | Expr::Other => true,
        };
        ensure(holds, "has parts that are none")
    }

    fn call(&self, function: &FunctionFacts, id: u32) -> Held {
        let Call { expr, callee, arguments, keywords_start, keywords_len, .. } = self.facts.calls[id as usize];
        ensure(function.exprs.contains(&expr.0), "its expression is in another scope")?;
        ensure(self.facts.expr(expr) == Expr::Call(crate::CallId(id)), "its expression is another")?;
        let own = |child: ExprId| child.0 < expr.0 && function.exprs.contains(&child.0);
        ensure(own(callee), "calls nothing")?;
        ensure(self.list(arguments).is_some_and(|list| list.iter().all(|id| own(*id))), "has arguments that are none")?;
        self.keywords(keywords_start, keywords_len, own)
    }

    fn op(&self, function: &FunctionFacts, id: u32) -> Held {
        let op = &self.facts.ops[id as usize];
        ensure(function.regions.contains(&op.region.0), "lies in a region of another scope")?;
        ensure(is_ordered(op.span), "ends before it starts")?;
        let own = |id: ExprId| function.exprs.contains(&id.0);
        let maybe = |id: ExprId| id.get().is_none_or(own);
        let holds = match op.kind {
            OpKind::Call(call) => function.calls.contains(&call.0),
            OpKind::Assign { target, value } | OpKind::Augment { target, value, .. } => own(target) && own(value),
            OpKind::Annotate { target, annotation, value } => own(target) && own(annotation) && maybe(value),
            OpKind::Iterate { target, iterable } => own(target) && own(iterable),
            OpKind::Enter { context, target, body, .. } => {
                own(context) && maybe(target) && function.regions.contains(&body.0)
            }
            OpKind::Catch { target, caught } => own(target) && maybe(caught),
            OpKind::Capture { target, subject, class } => own(target) && own(subject) && maybe(class),
            OpKind::Expr(value) | OpKind::Delete(value) | OpKind::Assert(value) => own(value),
            OpKind::Return(value) | OpKind::Raise(value) => maybe(value),
            OpKind::Import(import) => (import.0 as usize) < self.facts.imports.len(),
            OpKind::DefineFunction(defined) => (defined.0 as usize) < self.facts.functions.len(),
            OpKind::DefineClass(class) => (class.0 as usize) < self.facts.classes.len(),
            OpKind::Break | OpKind::Continue => true,
        };
        ensure(holds, "speaks of parts of another scope")
    }

    fn class(&self, index: usize) -> Held {
        let class = &self.facts.classes[index];
        ensure(self.name(class.name) && self.name(class.qualified_name), "has no name")?;
        let body = self.facts.functions.get(class.body.0 as usize).ok_or("has no body")?;
        ensure(body.kind == ScopeKind::Class && body.parent == Some(class.parent), "its body is none")?;
        ensure(body.class.is_some_and(|own| own.0 as usize == index), "its body is another's")?;
        let outside = self.facts.functions.get(class.parent.0 as usize).ok_or("stands nowhere")?;
        let is_outside = |id: ExprId| outside.exprs.contains(&id.0);
        let bases = self.list(class.bases).ok_or("has bases that are none")?;
        ensure(bases.iter().chain(&class.decorators).all(|id| is_outside(*id)), "bases outside the scope around it")?;
        self.keywords(class.keywords_start, class.keywords_len, is_outside)
    }

    fn keywords(&self, start: u32, len: u32, own: impl Fn(ExprId) -> bool) -> Held {
        let end = start as usize + len as usize;
        let keywords = self.facts.keywords.get(start as usize..end).ok_or("has keywords that are none")?;
        let holds = |keyword: &crate::Keyword| own(keyword.value) && keyword.name.is_none_or(|name| self.name(name));
        ensure(keywords.iter().all(holds), "has keywords without values")
    }

    fn name(&self, name: Name) -> bool {
        (name.0 as usize) < self.facts.names.len()
    }

    fn list(&self, list: ExprList) -> Option<&[ExprId]> {
        self.facts.lists.get(list.start as usize..list.start as usize + list.len as usize)
    }
}

fn failed(what: &'static str, id: u32, problem: &'static str) -> Inconsistency {
    Inconsistency { what, index: id as usize, problem }
}

fn is_ordered(span: Span) -> bool {
    span.start <= span.end
}
