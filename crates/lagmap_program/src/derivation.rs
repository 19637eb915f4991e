//! Derivation: which calls' results, and which parameters, a value is made of.

use lagmap_facts::{Expr, ExprId, OpKind};
use rustc_hash::FxHashSet;

use crate::{CallSite, CallView, FileId, FunctionId, Program, Source};

/// How many calls, to callers or callees, are looked through.
const DEEPEST: u32 = 3;

/// What a value is made of.
#[derive(Clone, Debug, Default)]
pub struct Derivation {
    /// The calls whose results it is made of, or made from.
    pub calls: FxHashSet<CallSite>,
    /// Functions with a parameter that it is made of.
    pub parameters_of: FxHashSet<FunctionId>,
}

impl Program {
    /// What the value of an expression is made of: through names, items, operators, arguments of calls, what project functions
    /// return and what their callers pass. What objects keep in attributes is not followed.
    pub fn derivation(&self, file: FileId, id: ExprId) -> Derivation {
        let mut search = Search { program: self, found: Derivation::default(), seen: FxHashSet::default() };
        search.expression(file, id, DEEPEST);
        search.found
    }
}

/// How many names and calls are looked through for a part of a request.
const LONGEST_WAY: u32 = 6;

impl CallView<'_> {
    /// Whether an HTTP request goes wherever the request says that is being answered: its address is a part of that, with nothing of
    /// the program's own in front. Connections kept to one host are of no use to the next.
    pub fn goes_where_asked(&self) -> bool {
        let address = self.models().find_map(|(model, _)| {
            let wire = self.program.catalogue().wire(model).filter(|wire| wire.protocol == "http")?;
            let address = wire.address.as_ref()?;
            self.argument(address.argument.as_deref(), address.position)
        });
        address.is_some_and(|address| self.program.is_brought(self.file, address, LONGEST_WAY))
    }
}

impl Program {
    /// Whether a text is one that a request brings: `form.url`, `request["url"]`, and what a handler passes on.
    fn is_brought(&self, file: FileId, id: ExprId, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        match facts.expr(id) {
            Expr::Name(name) => {
                let node = &facts.exprs[id.0 as usize];
                let scope = facts.region(node.region).function;
                let name = facts.names.hash(name);
                let function = self.linked.ids.function(file, scope);
                unit.scopes.reaching(facts, scope, name, node.span.start, node.region).any(|binding| {
                    match binding.source {
                        Source::Value(value) | Source::Iteration(value) => self.is_brought(file, value, depth),
                        Source::Parameter(index) => {
                            self.is_handler(function)
                                || self
                                    .calls_passing(function, index as usize)
                                    .any(|(call, given)| self.is_brought(call.file, given, depth))
                        }
                        _ => false,
                    }
                })
            }
            Expr::Attribute { value, .. } | Expr::Subscript { value, .. } | Expr::Await(value) => {
                // `self.url` is the program's own.
                let is_own = matches!(facts.expr(value), Expr::Name(name) if facts.text(name) == "self");
                !is_own && (self.is_of_request(file, id, depth) || self.is_brought(file, value, depth))
            }
            // `data.get("url")`, `url.strip()`, `str(url)`.
            Expr::Call(call) => {
                let call = facts.call(call);
                match facts.expr(call.callee) {
                    Expr::Attribute { value, .. } => {
                        self.is_of_request(file, id, depth) || self.is_brought(file, value, depth)
                    }
                    Expr::Name(name) if facts.text(name) == "str" => {
                        facts.arguments(call).first().is_some_and(|first| self.is_brought(file, *first, depth))
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

struct Search<'a> {
    program: &'a Program,
    found: Derivation,
    seen: FxHashSet<(FileId, ExprId)>,
}

impl Search<'_> {
    fn expression(&mut self, file: FileId, id: ExprId, depth: u32) {
        let mut due = vec![id];
        let unit = self.program.linked.file(file);
        let facts = &unit.facts;
        while let Some(id) = due.pop() {
            if !self.seen.insert((file, id)) {
                continue;
            }
            match facts.expr(id) {
                Expr::Name(name) => {
                    let node = &facts.exprs[id.0 as usize];
                    let scope = facts.region(node.region).function;
                    let name = facts.names.hash(name);
                    let bindings = unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
                    for binding in bindings {
                        match binding.source {
                            Source::Value(value)
                            | Source::Rest(value)
                            | Source::Iteration(value)
                            | Source::Entered(value) => due.push(value),
                            Source::Parameter(index) => {
                                self.parameter(self.program.linked.ids.function(file, scope), index, depth);
                            }
                            _ => {}
                        }
                    }
                }
                Expr::Attribute { value, .. } | Expr::Not(value) | Expr::Unary(value) => due.push(value),
                Expr::Subscript { value, .. } => due.push(value),
                Expr::Compare { left, right, .. } | Expr::Binary { left, right, .. } => due.extend([left, right]),
                Expr::IfElse { body, orelse, .. } => due.extend([body, orelse]),
                Expr::FString(list) | Expr::List(list) | Expr::Tuple(list) | Expr::Set(list) | Expr::Dict(list) => {
                    due.extend(facts.list(list));
                }
                Expr::Boolean { values, .. } => due.extend(facts.list(values)),
                Expr::Call(call) => {
                    let site = self.program.linked.ids.call(file, call);
                    self.found.calls.insert(site);
                    let call = facts.call(call);
                    due.extend(facts.arguments(call));
                    due.extend(facts.keywords(call).iter().map(|keyword| keyword.value));
                    if let Expr::Attribute { value, .. } = facts.expr(call.callee) {
                        due.push(value);
                    }
                    self.returned(site, depth);
                }
                _ => {}
            }
        }
    }

    /// What the project functions that a call may lead to return.
    fn returned(&mut self, call: CallSite, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else { return };
        for callee in self.program.callees(call) {
            let (file, _) = self.program.linked.ids.of_function(callee);
            let (unit, facts) = self.program.function(callee);
            for op in unit.facts.ops(facts) {
                if let OpKind::Return(value) = op.kind
                    && value != ExprId::NONE
                {
                    self.expression(file, value, depth);
                }
            }
        }
    }

    /// What callers pass for a parameter.
    fn parameter(&mut self, function: FunctionId, index: u32, depth: u32) {
        self.found.parameters_of.insert(function);
        let Some(depth) = depth.checked_sub(1) else { return };
        for (call, given) in self.program.calls_passing(function, index as usize) {
            self.expression(call.file, given, depth);
        }
    }
}
