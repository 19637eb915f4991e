//! What callers pass: whether a parameter ever takes more than what is written in the code.

use lagmap_facts::{Expr, ExprId};

use crate::{CallView, EdgeKind, FileId, FunctionId, Program, Source, Value, keys::is_literal};

impl Program {
    /// Whether all calls of a function that are seen pass constants for a parameter, or leave it out.
    pub fn is_only_given_constants(&self, function: FunctionId, index: usize) -> bool {
        self.all_callers(function, index, |call, given| given.is_none_or(|given| self.is_constant(call.file, given, 3)))
    }

    /// Whether all calls of a function that are seen leave a parameter out or pass `None`.
    pub fn is_never_given(&self, function: FunctionId, index: usize) -> bool {
        self.all_callers(function, index, |call, given| {
            given.is_none_or(|given| matches!(call.facts().expr(given), Expr::None))
        })
    }

    /// The live calls of a function that pass something for a parameter, and what each passes.
    pub(crate) fn calls_passing(
        &self,
        function: FunctionId,
        index: usize,
    ) -> impl Iterator<Item = (CallView<'_>, ExprId)> + '_ {
        self.live_calls(function, index).flatten().filter_map(|(call, given)| Some((call, given?)))
    }

    /// Whether there are callers and a condition holds for what each passes.
    fn all_callers(
        &self,
        function: FunctionId,
        index: usize,
        condition: impl Fn(&CallView<'_>, Option<ExprId>) -> bool,
    ) -> bool {
        let mut calls = self.live_calls(function, index).peekable();
        calls.peek().is_some()
            && calls.all(|call| call.is_some_and(|(call, given)| !call.has_open_arguments() && condition(&call, given)))
    }

    /// The live ways to a function, each with what it passes for a parameter if it is a call.
    fn live_calls(
        &self,
        function: FunctionId,
        index: usize,
    ) -> impl Iterator<Item = Option<(CallView<'_>, Option<ExprId>)>> + '_ {
        let (unit, facts) = self.function(function);
        let name = unit.facts.text(facts.parameters[index].name);
        let position = index.checked_sub(usize::from(self.takes_receiver(function)));
        self.incoming(function).filter(|edge| self.is_live(edge.from)).map(move |edge| {
            let (file, id) = self.linked.ids.of_site(edge.site);
            let Expr::Call(call) = self.linked.file(file).facts.expr(id) else { return None };
            if !matches!(edge.kind, EdgeKind::Call { .. } | EdgeKind::Construct(_)) {
                return None;
            }
            let call = self.call(self.linked.ids.call(file, call));
            let given = call.argument(Some(name), Some(position? as u32));
            Some((call, given))
        })
    }

    /// Whether an expression is a literal, or a name of nothing but literals.
    fn is_constant(&self, file: FileId, id: ExprId, depth: u32) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        if is_literal(facts, id) {
            return true;
        }
        let Some(depth) = depth.checked_sub(1) else { return false };
        if let Expr::Name(name) = facts.expr(id) {
            let node = &facts.exprs[id.0 as usize];
            let scope = facts.region(node.region).function;
            let reaching = unit.scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region);
            let bindings: Vec<_> = reaching.collect();
            if !bindings.is_empty() {
                return bindings.iter().all(|binding| match binding.source {
                    Source::Value(value) => binding.path.is_whole() && self.is_constant(file, value, depth),
                    Source::Iteration(items) => match facts.expr(items) {
                        Expr::List(list) | Expr::Tuple(list) | Expr::Set(list) => {
                            facts.list(list).iter().all(|item| is_literal(facts, *item))
                        }
                        _ => false,
                    },
                    _ => false,
                });
            }
        }
        // A constant of a module or class: a text that is written there.
        let values = self.evaluator(file).values(id);
        !values.is_empty()
            && values.iter().all(|value| match value {
                Value::Object { site, .. } => {
                    let (file, id) = self.linked.ids.of_site(site);
                    is_literal(&self.linked.file(file).facts, id)
                }
                _ => false,
            })
    }
}
