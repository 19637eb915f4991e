//! The call graph under names, as people and tests look at it.

use std::collections::{BTreeMap, BTreeSet};

use lagmap_facts::{CallId, FunctionIndex, ScopeKind};
use lagmap_models::ModelId;
use rustc_hash::FxHashMap;

use crate::{EdgeKind, FunctionId, Program, Value};

/// Callers with what they call, both under their dotted names. Code at the top of a module goes by the module's name, that of
/// a class body by the name of the scope around it; library functions by their paths in the catalogue.
pub type NamedCalls = BTreeMap<String, BTreeSet<String>>;

impl Program {
    /// The call graph under names. Lambdas are numbered by scope: `main.<lambda1>`.
    pub fn named_calls(&self) -> NamedCalls {
        let names = self.call_graph_names();
        let mut found = NamedCalls::new();
        let caller = |function: FunctionId| names[self.running_scope(function).0 as usize].clone();
        for (index, name) in names.iter().enumerate() {
            if self.function(FunctionId(index as u32)).1.kind != ScopeKind::Class {
                found.entry(name.clone()).or_default();
            }
        }
        for edge in &self.graph.edges {
            let is_call = match edge.kind {
                EdgeKind::Call { .. } | EdgeKind::Construct(_) | EdgeKind::Implicit | EdgeKind::Callback(_) => true,
                EdgeKind::HandedOver | EdgeKind::Import | EdgeKind::Define => false,
            };
            if is_call {
                let callees = self.targets(edge.to).into_iter().map(|target| names[target.0 as usize].clone());
                found.entry(caller(edge.from)).or_default().extend(callees);
            }
        }
        for (file, unit) in self.files() {
            for index in 0..unit.facts.calls.len() {
                let call = self.call(self.linked.ids.call(file, CallId(index as u32)));
                let paths = call.callees().filter_map(|value| match value {
                    Value::External(ModelId::UNKNOWN) => None,
                    Value::External(model) | Value::Bound { method: model, .. } => Some(self.catalogue().path(model)),
                    _ => None,
                });
                found.entry(caller(call.function)).or_default().extend(paths);
            }
        }
        found
    }

    /// The scope whose code runs what stands in another: a class body runs in the scope that defines the class.
    fn running_scope(&self, function: FunctionId) -> FunctionId {
        let (file, index) = self.linked.ids.of_function(function);
        let facts = &self.linked.file(file).facts;
        let mut scopes = std::iter::successors(Some(index), |index| facts.function(*index).parent);
        let scope = scopes.find(|index| facts.function(*index).kind != ScopeKind::Class);
        self.linked.ids.function(file, scope.unwrap_or(FunctionIndex::MODULE))
    }

    fn call_graph_names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.linked.ids.function_count());
        for (file, _) in self.files() {
            let mut lambdas: FxHashMap<String, u32> = FxHashMap::default();
            names.extend(self.functions(file).map(|function| self.call_graph_name(function, &mut lambdas)));
        }
        names
    }

    fn call_graph_name(&self, function: FunctionId, lambdas: &mut FxHashMap<String, u32>) -> String {
        let name = self.function_name(function);
        if self.function(function).1.kind != ScopeKind::Lambda {
            return name;
        }
        let number = lambdas.entry(name.clone()).or_default();
        *number += 1;
        name.strip_suffix('>').map_or_else(|| name.clone(), |start| format!("{start}{number}>"))
    }
}
