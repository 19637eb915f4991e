//! Parameters, what functions give back of them, and annotations.

use lagmap_facts::{Expr, ExprId, FunctionIndex, Parameter, ScopeKind};

use super::Evaluator;
use crate::{
    Cell, Value, Values,
    linked::{MethodKind, method_kind},
    scopes::{Binding, Source},
};

impl Evaluator<'_> {
    /// What a `return` gives: a parameter that is handed back stands for the argument of each call.
    pub fn returned_value(&mut self, id: ExprId) -> Values {
        match self.facts.expr(id) {
            Expr::Name(name) => {
                let node = &self.facts.exprs[id.0 as usize];
                let (name, region) = (self.facts.names.hash(name), node.region);
                let scope = self.facts.region(region).function;
                let bindings = self.unit.scopes.reaching(self.facts, scope, name, node.span.start, region);
                let is_parameter = |binding: &Binding| matches!(binding.source, Source::Parameter(_));
                if !bindings.clone().any(is_parameter) {
                    return self.values(id);
                }
                let mut found = Values::unknown();
                for binding in bindings {
                    match binding.source {
                        Source::Parameter(index) => found.extend(&self.handed_back(scope, index)),
                        _ => found.extend(&self.bound(scope, binding)),
                    };
                }
                found
            }
            Expr::Boolean { values, .. } => {
                let mut found = Values::unknown();
                for part in self.facts.list(values) {
                    found.extend(&self.returned_value(*part));
                }
                found
            }
            Expr::IfElse { body, orelse, .. } => {
                let mut found = self.returned_value(body);
                found.extend(&self.returned_value(orelse));
                found
            }
            Expr::Call(call) => self.call_reading(id, call, Evaluator::returned_value),
            _ => self.values(id),
        }
    }

    /// A parameter that its function gives back.
    pub(super) fn handed_back(&mut self, scope: FunctionIndex, index: u32) -> Values {
        if let Some(receiver) = self.receiver(scope, index) {
            return receiver;
        }
        let parameter = self.facts.function(scope).parameters[index as usize];
        let mut found = self.declared(&parameter);
        found.add(Value::Argument(index));
        found
    }

    /// What the first parameter of a method is.
    pub(super) fn receiver(&self, scope: FunctionIndex, index: u32) -> Option<Values> {
        let function = self.facts.function(scope);
        let class = function.class.filter(|_| index == 0 && function.kind == ScopeKind::Function)?;
        let class = self.linked.ids.class(self.file, class);
        match method_kind(self.facts, function) {
            MethodKind::Static => None,
            MethodKind::Class => Some(Values::one(Value::Class(class))),
            MethodKind::Plain | MethodKind::Property => Some(Values::one(Value::Instance { class, exact: false })),
        }
    }

    /// What the annotation and the default of a parameter say.
    pub(super) fn declared(&mut self, parameter: &Parameter) -> Values {
        let mut found = Values::unknown();
        if parameter.annotation != ExprId::NONE {
            found.extend(&self.annotated(parameter.annotation));
        }
        if parameter.default != ExprId::NONE {
            found.extend(&self.values(parameter.default));
        }
        found
    }

    pub(super) fn parameter(&mut self, scope: FunctionIndex, index: u32) -> Values {
        if let Some(receiver) = self.receiver(scope, index) {
            return receiver;
        }
        let id = self.linked.ids.function(self.file, scope);
        let parameter = self.facts.function(scope).parameters[index as usize];
        let mut found = self.read(Cell::Parameter(id, index));
        found.extend(&self.declared(&parameter));
        found
    }

    /// Instances of the types that an annotation names.
    pub fn annotated(&mut self, annotation: ExprId) -> Values {
        match self.facts.expr(annotation) {
            Expr::Subscript { value, index } => {
                let wrapper = self.facts.last_name(value).map_or("", |name| self.facts.text(name));
                let catalogue = &self.linked.catalogue;
                let container = match wrapper {
                    "Optional" | "Union" | "Annotated" | "Final" | "ClassVar" | "Awaitable" | "Mapped" => {
                        return self.annotated(index);
                    }
                    "Coroutine" => return self.annotated_element(annotation).unwrap_or_default(),
                    "Type" | "type" => return self.values(index),
                    "Dict" | "dict" | "Mapping" | "MutableMapping" | "DefaultDict" | "defaultdict" | "OrderedDict" => {
                        catalogue.dict()
                    }
                    "Set" | "set" | "FrozenSet" | "frozenset" | "AbstractSet" => catalogue.set(),
                    "Tuple" | "tuple" => catalogue.tuple(),
                    "List" | "list" | "Sequence" | "MutableSequence" | "Collection" | "Iterable" | "Iterator"
                    | "Generator" | "AsyncIterable" | "AsyncIterator" | "AsyncGenerator" | "Deque" | "deque" => {
                        catalogue.list()
                    }
                    _ => return self.annotated(value),
                };
                self.object(container, annotation)
            }
            Expr::Tuple(list) => {
                let mut found = Values::unknown();
                for part in self.facts.list(list) {
                    found.extend(&self.annotated(*part));
                }
                found
            }
            Expr::Binary { left, right, .. } => {
                let mut found = self.annotated(left);
                found.extend(&self.annotated(right));
                found
            }
            Expr::Name(_) | Expr::Attribute { .. } => {
                let site = self.site(annotation);
                let catalogue = &self.linked.catalogue;
                let instance = |value| match value {
                    Value::Class(class) => Some(Value::Instance { class, exact: false }),
                    Value::External(model) if catalogue.entry(model).is_some_and(|entry| entry.class) => {
                        Some(Value::Object { model: catalogue.canonical(model), site })
                    }
                    _ => None,
                };
                self.values(annotation).iter().filter_map(instance).collect()
            }
            _ => Values::unknown(),
        }
    }

    /// The element annotation of a container annotation: `T` of `list[T]`, `V` of `dict[K, V]`.
    pub fn annotated_element(&mut self, annotation: ExprId) -> Option<Values> {
        let Expr::Subscript { value, index } = self.facts.expr(annotation) else { return None };
        let element = match self.facts.expr(index) {
            Expr::Tuple(list) => {
                let wrapper = self.facts.last_name(value).map_or("", |name| self.facts.text(name));
                let parts = self.facts.list(list);
                // A generator's annotation goes on with what is sent to it and what it returns.
                *if wrapper.ends_with("Generator") { parts.first()? } else { parts.last()? }
            }
            _ => index,
        };
        Some(self.annotated(element))
    }

    /// What a value is, of which a condition says that it is an instance of one of some classes.
    pub(super) fn narrow(&mut self, values: &Values, classes: ExprId) -> Values {
        let named = match self.facts.expr(classes) {
            Expr::Tuple(list) => {
                let mut named = Values::unknown();
                for class in self.facts.list(list) {
                    named.extend(&self.values(*class));
                }
                named
            }
            _ => self.values(classes),
        };
        let hierarchy = &self.linked.classes;
        let catalogue = &self.linked.catalogue;
        let mut found = Values::unknown();
        for value in values.iter() {
            for class in named.iter() {
                match (value, class) {
                    (Value::Instance { class: own, .. }, Value::Class(class))
                        if hierarchy.lookup_order(own).contains(&class) =>
                    {
                        found.add(value);
                    }
                    (Value::Instance { class: own, exact: false }, Value::Class(class))
                        if hierarchy.lookup_order(class).contains(&own) =>
                    {
                        found.add(Value::Instance { class, exact: false });
                    }
                    (Value::Instance { class: own, .. }, Value::External(class))
                        if hierarchy.external_bases(own).any(|base| catalogue.is_subclass(base, class)) =>
                    {
                        found.add(value);
                    }
                    (Value::Object { model, .. }, Value::External(class)) if catalogue.is_subclass(model, class) => {
                        found.add(value);
                    }
                    _ => {}
                }
            }
        }
        if found.is_empty() { self.annotated(classes) } else { found }
    }
}
