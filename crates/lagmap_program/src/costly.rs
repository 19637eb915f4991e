//! Costly calls: the few of a program that take time themselves or run a function that does, found once for all rules.

use lagmap_facts::{CallId, Expr, ExprId, FunctionIndex};
use rayon::prelude::*;

use crate::{
    CallSite, CallView, FileId, FunctionId, Program,
    effects::Effects,
    graph::{Graph, Target},
    linked::Linked,
};

/// The costly calls of a program, in order; `live` says what each virtual call may run.
pub fn costly(linked: &Linked, graph: &Graph, effects: &Effects, live: &[Vec<FunctionId>]) -> Vec<CallSite> {
    let has_effect = |target: &FunctionId| !effects.total(*target).is_empty() || !effects.blocking(*target).is_empty();
    let of_file = |index: usize| {
        let file = FileId(index as u32);
        let facts = &linked.file(file).facts;
        let first = linked.ids.site(file, ExprId(0)).0;
        let mut found: Vec<CallSite> = Vec::new();
        for index in 0..facts.functions.len() {
            let function = linked.ids.function(file, FunctionIndex(index as u32));
            found.extend(effects.own(function).iter().map(|effect| effect.source));
            for edge in graph.from(function) {
                let is_costly = match &edge.to {
                    Target::Function(target) => has_effect(target),
                    Target::Dispatch(index) => live[*index as usize].iter().any(has_effect),
                    Target::Instance(_) => false,
                };
                // What runs without an expression that says so has no place among them.
                let place = edge.site.0.checked_sub(first).filter(|place| (*place as usize) < facts.exprs.len());
                if is_costly
                    && let Some(place) = place
                    && let Expr::Call(call) = facts.expr(ExprId(place))
                {
                    found.push(linked.ids.call(file, call));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    };
    let found: Vec<Vec<CallSite>> = (0..linked.files.len()).into_par_iter().map(of_file).collect();
    found.concat()
}

impl Program {
    /// The calls of a scope that take time themselves or run a function that does: all that can have effects.
    pub fn costly_calls(&self, function: FunctionId) -> impl Iterator<Item = CallView<'_>> {
        let (file, index) = self.linked.ids.of_function(function);
        let own = self.linked.file(file).facts.function(index).calls.clone();
        let site = |call: u32| self.linked.ids.call(file, CallId(call));
        let first = self.costly.partition_point(|call| *call < site(own.start));
        let end = site(own.end);
        self.costly[first..].iter().take_while(move |call| **call < end).map(|call| self.call(*call))
    }
}
