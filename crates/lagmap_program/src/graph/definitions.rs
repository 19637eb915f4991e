//! What runs without a call: imports, definitions and their decorators, methods that libraries call, context managers, iteration,
//! properties.

use lagmap_facts::{ClassIndex, Expr, ExprId, FunctionIndex, NameHash, OpKind, RegionId, ScopeKind};
use lagmap_models::{ModelId, RunContext};
use smallvec::SmallVec;

use super::{
    EdgeKind,
    files::{FileEdges, Given, RawEdge, RawTarget},
};
use crate::{
    FunctionId, Value, Values,
    effects::Recurrence,
    linked::{MethodKind, method_kind},
    modules::ImportTarget,
    passing::ParameterId,
    scopes::Source,
    wrapping::Layer,
};

impl FileEdges<'_> {
    pub(super) fn scope(&mut self, index: FunctionIndex) {
        let unit = self.linked.file(self.file);
        let facts = &unit.facts;
        let function = facts.function(index);
        let from = self.linked.ids.function(self.file, index);
        for op in facts.ops(function) {
            let mut push = |to: RawTarget, kind: EdgeKind, at: ExprId| {
                let site = self.linked.ids.site(self.file, at);
                self.found.edges.push(RawEdge::new(from, to, kind, site, op.region));
            };
            // Imports and definitions are no expressions; the scope's first expression stands for their place.
            let here = ExprId(function.exprs.start);
            match op.kind {
                OpKind::Import(import) => {
                    let target = match unit.imports[import.0 as usize] {
                        ImportTarget::Module(file) => Some(file),
                        ImportTarget::Member(file, _, submodule) => {
                            if let Some(submodule) = submodule {
                                let body = self.linked.ids.function(submodule, FunctionIndex::MODULE);
                                push(RawTarget::Function(body), EdgeKind::Import, here);
                            }
                            Some(file)
                        }
                        _ => None,
                    };
                    if let Some(file) = target {
                        let body = self.linked.ids.function(file, FunctionIndex::MODULE);
                        push(RawTarget::Function(body), EdgeKind::Import, here);
                    }
                }
                OpKind::DefineClass(class) => {
                    let body = self.linked.ids.function(self.file, facts.class(class).body);
                    push(RawTarget::Function(body), EdgeKind::Define, here);
                    self.overridden(from, class, op.region, here);
                }
                OpKind::DefineFunction(inner) => self.decorated(from, inner, op.region),
                OpKind::Assign { target, value } => self.assigned(target, value),
                OpKind::Raise(exception) if exception != ExprId::NONE => self.raised(exception),
                OpKind::Enter { context, .. } => self.entered(context),
                OpKind::Iterate { iterable, .. } => self.iterated(iterable),
                _ => {}
            }
        }
    }

    /// Methods that a library calls on a subclass of one of its classes.
    fn overridden(&mut self, from: FunctionId, class: ClassIndex, region: RegionId, at: ExprId) {
        let facts = &self.linked.file(self.file).facts;
        let id = self.linked.ids.class(self.file, class);
        let site = self.linked.ids.site(self.file, at);
        let mut hooks: Vec<(String, RunContext)> =
            self.linked.classes.external_bases(id).flat_map(|base| self.hooks(base, 8)).collect();
        for family in self.linked.catalogue.families() {
            let ends = |base: &ExprId| {
                facts.last_name(*base).is_some_and(|name| facts.text(name).ends_with(&family.base_ends_with))
            };
            if facts.list(facts.class(class).bases).iter().any(ends) {
                let methods =
                    family.overrides.iter().flat_map(|hook| hook.methods.iter().map(|name| (name, hook.context)));
                hooks.extend(methods.map(|(name, context)| (name.clone(), context)));
            }
        }
        for (pattern, context) in hooks {
            for binding in self.linked.file(self.file).scopes.all(facts.class(class).body) {
                let Source::Function(method) = binding.source else { continue };
                let name = facts.text(facts.function(method).name);
                let fits = match pattern.as_str() {
                    "*" => !name.starts_with('_'),
                    _ => pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start)),
                };
                if fits {
                    let method = self.linked.ids.function(self.file, method);
                    self.found.hooks.push(method);
                    let to = RawTarget::Function(method);
                    let kind = EdgeKind::Callback(context);
                    self.found.edges.push(RawEdge::new(from, to, kind, site, region));
                }
            }
        }
    }

    fn hooks(&self, base: ModelId, depth: u32) -> Vec<(String, RunContext)> {
        let Some(entry) = self.linked.catalogue.entry(base) else { return Vec::new() };
        let mut found = Vec::new();
        for hook in &entry.overrides {
            found.extend(hook.methods.iter().map(|method| (method.clone(), hook.context)));
        }
        if depth > 0 {
            for parent in &entry.bases {
                if let Some(parent) = self.linked.catalogue.find(parent) {
                    found.extend(self.hooks(parent, depth - 1));
                }
            }
        }
        found
    }

    /// What decorators make of a function: entry points of frameworks, wrappers, and project decorators that run here.
    fn decorated(&mut self, from: FunctionId, index: FunctionIndex, region: RegionId) {
        let facts = &self.linked.file(self.file).facts;
        let own = facts.function(index);
        if own.decorators.is_empty() {
            return;
        }
        let function = self.linked.ids.function(self.file, index);
        let mut layers: Vec<Layer> = Vec::new();
        for decoration in self.evaluator.decorations(&own.decorators, Value::Function(function)) {
            let site = self.linked.ids.site(self.file, decoration.decorator);
            let factory = match facts.expr(decoration.decorator) {
                Expr::Call(call) => Some(facts.call(call).callee),
                _ => None,
            };
            for value in decoration.callables.iter() {
                self.push_value(decoration.decorator, value, EdgeKind::Call { awaited: false });
                if let Some(to) = self.evaluator.called_with(value) {
                    let node = &facts.exprs[decoration.decorator.0 as usize];
                    let from = self.linked.ids.function(self.file, facts.region(node.region).function);
                    let (kind, targets) = (EdgeKind::Call { awaited: false }, decoration.given.clone());
                    self.found.given.push(Given { from, kind, site, region: node.region, targets, to });
                }
            }
            // Frameworks know their decorators by name, with arguments or without.
            let named = factory.map_or_else(|| decoration.callables.clone(), |factory| self.evaluator.values(factory));
            for value in named.iter() {
                let Some(model) = self.library_decorator(value) else { continue };
                if self.linked.catalogue.has_tag(model, "memoizes") {
                    let keyed = own.class.is_some() || !own.parameters.is_empty();
                    let recurrence = if keyed { Recurrence::EachKey } else { Recurrence::FirstCall };
                    self.found.kept.push((function, recurrence));
                }
                let first = match facts.expr(decoration.decorator) {
                    Expr::Call(call) => facts.arguments(facts.call(call)).first().copied(),
                    _ => None,
                };
                let said = match first.map(|first| facts.expr(first)) {
                    Some(Expr::Str(text)) => facts.text(text),
                    _ => "",
                };
                let context = self
                    .linked
                    .catalogue
                    .entry(model)
                    .and_then(|entry| entry.decorates_named.get(said).copied().or(entry.decorates));
                // A decorator that only wraps leaves the function to be called by who calls it.
                if let Some(context) = context.filter(|context| *context != RunContext::Caller) {
                    let below = u8::try_from(layers.len()).unwrap_or(u8::MAX);
                    let (to, kind) = (RawTarget::Function(function), EdgeKind::Callback(context));
                    self.found
                        .edges
                        .push(RawEdge { innermost: Some(below), ..RawEdge::new(from, to, kind, site, region) });
                }
            }
            if decoration.gives != decoration.given {
                let runs = |values: &Values| values.iter().filter_map(|value| self.evaluator.runs(value)).collect();
                let given: SmallVec<[FunctionId; 1]> = runs(&decoration.given);
                let mut wrappers: SmallVec<[FunctionId; 1]> = runs(&decoration.gives);
                wrappers.retain(|wrapper| !given.contains(wrapper));
                if !wrappers.is_empty() {
                    let arguments = factory.map(|factory| self.callable_arguments(decoration.decorator, factory));
                    layers.push(Layer { wrappers, given, arguments: arguments.unwrap_or_default() });
                }
            }
        }
        if !layers.is_empty() {
            layers.reverse();
            self.found.layers.push((function, layers));
        }
    }

    /// The library's decorator that a value is, or takes the place of: a method that overrides one of a library's class registers what it
    /// decorates as that does, with something more.
    fn library_decorator(&self, value: Value) -> Option<ModelId> {
        match value {
            Value::External(model) | Value::Bound { method: model, .. } => Some(model),
            Value::Method { function, receiver, .. } => {
                let (unit, facts) = self.linked.function(function);
                let name = unit.facts.names.hash(facts.name);
                let mut overridden = self
                    .linked
                    .classes
                    .external_bases(receiver)
                    .filter_map(|base| self.linked.catalogue.member(base, name));
                overridden
                    .find(|member| self.linked.catalogue.entry(*member).is_some_and(|entry| entry.decorates.is_some()))
            }
            _ => None,
        }
    }

    /// The functions that a call passes to a factory, by parameter.
    fn callable_arguments(&mut self, call: ExprId, factory: ExprId) -> Vec<(ParameterId, FunctionId)> {
        let facts = &self.linked.file(self.file).facts;
        let Expr::Call(call) = facts.expr(call) else { return Vec::new() };
        let mut found = Vec::new();
        for value in self.evaluator.values(factory).iter() {
            let (function, skipped) = match value {
                Value::Function(function) => (function, 0),
                Value::Method { function, .. } => (function, 1),
                _ => continue,
            };
            for (place, argument) in self.linked.arguments(function, skipped, facts, facts.call(call)) {
                for value in self.evaluator.values(argument).iter() {
                    if let Value::Function(given) | Value::Method { function: given, .. } = value {
                        found.push(((function, place), given));
                    }
                }
            }
        }
        found
    }

    /// A function that is assigned to an attribute of a library's object, which calls it: `client.on_message = show`.
    fn assigned(&mut self, target: ExprId, value: ExprId) {
        let facts = &self.linked.file(self.file).facts;
        let Expr::Attribute { value: object, attribute } = facts.expr(target) else { return };
        let is_callable = matches!(facts.expr(value), Expr::Name(_) | Expr::Attribute { .. } | Expr::Lambda(_));
        if !is_callable {
            return;
        }
        let name = facts.names.hash(attribute);
        for object in self.evaluator.values(object).iter() {
            let Value::Object { model, .. } = object else { continue };
            let Some(member) = self.linked.catalogue.member(model, name) else { continue };
            let Some(context) = self.linked.catalogue.entry(member).and_then(|entry| entry.decorates) else { continue };
            for callable in self.evaluator.values(value).iter() {
                if matches!(callable, Value::Function(_) | Value::Method { .. }) {
                    self.push_value(value, callable, EdgeKind::Callback(context));
                }
            }
        }
    }

    /// `raise Error` makes one, as `raise Error()` does.
    fn raised(&mut self, exception: ExprId) {
        for value in self.evaluator.values(exception).iter() {
            if matches!(value, Value::Class(_)) {
                self.push_value(exception, value, EdgeKind::Call { awaited: false });
            }
        }
    }

    fn entered(&mut self, context: ExprId) {
        for value in self.evaluator.values(context).iter() {
            let Value::Instance { class, .. } = value else { continue };
            for name in ["__enter__", "__exit__", "__aenter__", "__aexit__"] {
                if let Some(function) = self.linked.classes.method(class, NameHash::of(name)) {
                    self.push(context, RawTarget::Function(function), EdgeKind::Implicit);
                }
            }
        }
    }

    fn iterated(&mut self, iterable: ExprId) {
        for value in self.evaluator.values(iterable).iter() {
            if let Value::Object { model, .. } = value {
                let next =
                    ["__iter__", "__aiter__"].map(|name| self.linked.catalogue.member(model, NameHash::of(name)));
                let mut entries = next.into_iter().flatten().filter_map(|next| self.linked.catalogue.entry(next));
                if entries.any(|entry| entry.receives) {
                    self.found.messages.push(iterable);
                }
            }
            let Value::Instance { class, .. } = value else { continue };
            for name in ["__iter__", "__next__", "__aiter__", "__anext__"] {
                if let Some(function) = self.linked.classes.method(class, NameHash::of(name)) {
                    self.push(iterable, RawTarget::Function(function), EdgeKind::Implicit);
                }
            }
        }
    }

    pub(super) fn property(&mut self, at: ExprId, value: ExprId, name: NameHash) {
        for value in self.evaluator.values(value).iter() {
            let Value::Instance { class, .. } = value else { continue };
            let Some(function) = self.linked.classes.method(class, name) else { continue };
            let (unit, facts) = self.linked.function(function);
            if facts.kind == ScopeKind::Function && method_kind(&unit.facts, facts) == MethodKind::Property {
                self.push(at, RawTarget::Function(function), EdgeKind::Implicit);
            }
        }
    }
}
