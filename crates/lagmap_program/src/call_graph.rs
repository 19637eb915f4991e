//! The call graph under names, as people and tests look at it.

use std::collections::{BTreeMap, BTreeSet};

use lagmap_facts::{CallId, Expr, ExprId, FunctionIndex, ScopeKind};
use lagmap_models::ModelId;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::{CallView, ClassId, EdgeKind, FileId, FunctionId, ImportTarget, Program, Route, Site, Source, Value};

/// Callers with what they call, both under their dotted names. Code at the top of a module goes by the module's name, that of
/// a class body by the name of the scope around it; library functions by their paths in the catalogue.
pub type NamedCalls = BTreeMap<String, BTreeSet<String>>;

/// A call, under the name of one thing that it may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCall {
    /// The scope whose code runs it.
    pub caller: FunctionId,
    /// The expression.
    pub site: Site,
    /// The dotted name.
    pub callee: String,
}

/// How many names of names are followed.
const DEEPEST_NAME: u32 = 12;

/// How many calls lead where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// All calls.
    pub calls: usize,
    /// To a function or class of the program.
    pub project: usize,
    /// To an entry of the catalogue.
    pub catalogue: usize,
    /// To something else that is imported from outside, by name.
    pub outside: usize,
}

impl Program {
    /// The call graph under names. Lambdas are numbered by scope: `main.<lambda1>`.
    pub fn named_calls(&self) -> NamedCalls {
        let names = self.call_graph_names();
        let mut found = NamedCalls::new();
        for (index, name) in names.iter().enumerate() {
            if self.function(FunctionId(index as u32)).1.kind != ScopeKind::Class {
                found.entry(name.clone()).or_default();
            }
        }
        for call in self.named_call_sites() {
            found.entry(names[call.caller.0 as usize].clone()).or_default().insert(call.callee);
        }
        found
    }

    /// Each call with the name of what it calls, once for each thing that it may call.
    pub fn named_call_sites(&self) -> Vec<NamedCall> {
        let names = self.call_graph_names();
        let mut found = Vec::new();
        // A wrapper is what calls the function that it was made for.
        let direct = self.graph.edges.iter().filter(|edge| !matches!(edge.route, Route::Wrapped(_)));
        for edge in direct.chain(&self.graph.inner) {
            let is_call = match edge.kind {
                EdgeKind::Call { .. } | EdgeKind::Construct(_) | EdgeKind::Implicit | EdgeKind::Callback(_) => true,
                EdgeKind::HandedOver | EdgeKind::Import | EdgeKind::Define => false,
            };
            if is_call {
                let caller = self.running_scope(edge.from);
                found.extend(self.targets(edge.to).into_iter().map(|target| NamedCall {
                    caller,
                    site: edge.site,
                    callee: names[target.0 as usize].clone(),
                }));
            }
        }
        for (file, unit) in self.files() {
            for index in 0..unit.facts.calls.len() {
                let call = self.call(self.linked.ids.call(file, CallId(index as u32)));
                let paths = call.models().map(|(model, _)| self.catalogue().path(model));
                let caller = self.running_scope(call.function);
                let callees = paths.chain(self.outside_name(&call));
                found.extend(callees.map(|callee| NamedCall { caller, site: call.expr(), callee }));
            }
        }
        found
    }

    /// What a value is called, as the origin of an expression: `zmq.Socket` for an instance, `class a.B`, `function a.f`,
    /// `list[a.B]` for a list of instances. `None` for what is known to be something from outside, but not what.
    pub fn origin(&self, value: Value) -> Option<String> {
        self.origin_within(value, 3)
    }

    fn origin_within(&self, value: Value, depth: u32) -> Option<String> {
        Some(match value {
            Value::Module(file) => format!("module {}", self.linked.file(file).module),
            Value::Package(_) => "package".to_owned(),
            Value::Class(class) => format!("class {}", self.full_class_name(class)),
            Value::Instance { class, .. } => self.full_class_name(class),
            Value::Function(function) => format!("function {}", self.function_name(function)),
            Value::Method { function, .. } => format!("method {}", self.function_name(function)),
            Value::Super(class) => format!("super of {}", self.full_class_name(class)),
            Value::Generator(function) => format!("generator {}", self.function_name(function)),
            Value::Argument(_) | Value::External(ModelId::UNKNOWN) => return None,
            Value::External(model) => {
                let is_class = self.catalogue().entry(model).is_some_and(|entry| entry.class);
                format!("{}{}", if is_class { "class " } else { "" }, self.catalogue().path(model))
            }
            Value::Bound { method, .. } => format!("method {}", self.catalogue().path(method)),
            Value::Object { model, site } => {
                let name = self.catalogue().path(model);
                let Some(depth) = depth.checked_sub(1) else { return Some(name) };
                let held = self.evaluator(self.linked.ids.of_site(site).0).held(site);
                let held: BTreeSet<String> = held.iter().filter_map(|value| self.origin_within(value, depth)).collect();
                if held.is_empty() {
                    return Some(name);
                }
                format!("{name}[{}]", held.into_iter().collect::<Vec<_>>().join(" | "))
            }
        })
    }

    fn full_class_name(&self, class: ClassId) -> String {
        let (file, _) = self.linked.ids.of_class(class);
        let module = &self.linked.file(file).module;
        let name = self.class_name(class);
        if module.is_empty() { name } else { format!("{module}.{name}") }
    }

    /// The dotted name of what a call calls outside of the program and the catalogue: `ext.Client.get` for
    /// `client = ext.Client()` and `client.get()`. `None` if it is known, or leads to no import.
    pub fn outside_name(&self, call: &CallView<'_>) -> Option<String> {
        let known = call.callees().any(|value| value != Value::External(ModelId::UNKNOWN));
        if known { None } else { self.imported_name(call.file, call.call.callee, DEEPEST_NAME) }
    }

    /// The name under which an expression was imported from outside, what it is an attribute or result of included.
    fn imported_name(&self, file: FileId, id: ExprId, depth: u32) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        match facts.expr(id) {
            Expr::Attribute { value, attribute } => {
                let value = self.imported_name(file, value, depth)?;
                Some(format!("{value}.{}", facts.text(attribute)))
            }
            Expr::Call(call) => self.imported_name(file, facts.call(call).callee, depth),
            Expr::Await(value) => self.imported_name(file, value, depth),
            Expr::Name(name) => {
                let name = facts.names.hash(name);
                let scope = facts.region(facts.exprs[id.0 as usize].region).function;
                let scopes = std::iter::successors(Some(scope), |scope| facts.function(*scope).parent);
                let mut bindings = scopes.map(|scope| unit.scopes.named(scope, name));
                let binding = bindings.find(|named| !named.is_empty())?.last()?;
                match binding.source {
                    // What a class of the program has from one that is imported from outside.
                    Source::Parameter(0) => {
                        let class = facts.function(scope).class?;
                        facts
                            .list(facts.class(class).bases)
                            .iter()
                            .find_map(|base| self.imported_name(file, *base, depth))
                    }
                    Source::Import(index) if matches!(unit.imports[index.0 as usize], ImportTarget::External(_)) => {
                        let import = &facts.imports[index.0 as usize];
                        let module = facts.text(import.module);
                        match import.member {
                            Some(member) => Some(format!("{module}.{}", facts.text(member))),
                            None if import.aliased => Some(module.to_owned()),
                            None => module.split('.').next().map(str::to_owned),
                        }
                    }
                    Source::Value(value) | Source::Entered(value) if binding.path.is_whole() => {
                        self.imported_name(file, value, depth)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// How many calls lead where.
    pub fn resolution(&self) -> Resolution {
        let mut found = Resolution::default();
        for (file, unit) in self.files() {
            for index in 0..unit.facts.calls.len() {
                let call = self.call(self.linked.ids.call(file, CallId(index as u32)));
                found.calls += 1;
                if call.models().next().is_some() {
                    found.catalogue += 1;
                } else if call.callees().any(|value| value != Value::External(ModelId::UNKNOWN)) {
                    found.project += 1;
                } else if self.outside_name(&call).is_some() {
                    found.outside += 1;
                }
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
