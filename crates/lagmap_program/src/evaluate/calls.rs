//! What calls give.

use lagmap_facts::{Call, CallId, Expr, ExprId, NameHash};
use lagmap_models::ModelId;

use super::Evaluator;
use crate::{
    Cell, FunctionId, Site, Value, Values,
    language::Construct,
    linked::{MethodKind, method_kind},
};

/// What an argument of a call is taken for.
type Read<'a> = fn(&mut Evaluator<'a>, ExprId) -> Values;

impl<'a> Evaluator<'a> {
    pub(super) fn returned(&mut self, function: FunctionId) -> Values {
        let (_, facts) = self.linked.function(function);
        if facts.is_generator { Values::one(Value::Generator(function)) } else { self.given_back(function) }
    }

    /// What a function gives back: what its `return` statements are known to give, else what its annotation says.
    pub(super) fn given_back(&mut self, function: FunctionId) -> Values {
        let given = self.read(Cell::Return(function));
        let is_declared = self.linked.function(function).1.returns != ExprId::NONE;
        if given.is_empty() && is_declared { self.read(Cell::Declared(function)) } else { given }
    }

    /// What a call of a function gives, with its own arguments for the parameters that are handed back. The first `skipped`
    /// parameters are the receiver. `read` says what those arguments are.
    fn returned_to(&mut self, function: FunctionId, skipped: u32, call: &Call, read: Read<'a>) -> Values {
        let returned = self.returned(function);
        if !returned.iter().any(|value| matches!(value, Value::Argument(_))) {
            return returned;
        }
        let mut found = Values::unknown();
        for value in returned.iter() {
            match value {
                Value::Argument(place) => {
                    if let Some(argument) = self.argument_of(function, skipped, place, call) {
                        found.extend(&read(self, argument));
                    }
                }
                other => {
                    found.add(other);
                }
            }
        }
        found
    }

    /// The argument that a call passes for a parameter.
    pub(super) fn argument_of(&self, function: FunctionId, skipped: u32, place: u32, call: &Call) -> Option<ExprId> {
        let (unit, callee) = self.linked.function(function);
        let skipped = if method_kind(&unit.facts, callee) == MethodKind::Static { 0 } else { skipped };
        let name = unit.facts.names.hash(callee.parameters[place as usize].name);
        let mut keywords = self.facts.keywords(call).iter();
        let by_name = keywords.find(|keyword| keyword.name.is_some_and(|own| self.facts.names.hash(own) == name));
        let by_place = || {
            let arguments = self.facts.arguments(call);
            let at = place.checked_sub(skipped)? as usize;
            let starred = arguments.iter().take(at + 1).any(|id| matches!(self.facts.expr(*id), Expr::Starred(_)));
            arguments.get(at).copied().filter(|_| !starred)
        };
        by_name.map(|keyword| keyword.value).or_else(by_place)
    }

    /// What the functions that an expression may be give, whatever they are called with.
    pub fn given_by(&mut self, functions: ExprId) -> Values {
        let mut found = Values::unknown();
        for value in self.values(functions).iter() {
            match value {
                Value::Function(function) | Value::Method { function, .. } => {
                    let returned = self.returned(function);
                    found.extend(&returned.iter().filter(|value| !matches!(value, Value::Argument(_))).collect());
                }
                Value::Class(class) => {
                    found.add(Value::Instance { class, exact: true });
                }
                Value::External(model) if self.linked.catalogue.entry(model).is_some_and(|entry| entry.class) => {
                    found.extend(&self.object(self.linked.catalogue.canonical(model), functions));
                }
                _ => {}
            }
        }
        found
    }

    pub(super) fn call(&mut self, id: ExprId, call: CallId) -> Values {
        self.call_reading(id, call, Evaluator::values)
    }

    /// What a call gives, if `read` says what the arguments are that the callee hands back.
    pub(super) fn call_reading(&mut self, id: ExprId, call: CallId, read: Read<'a>) -> Values {
        let call = *self.facts.call(call);
        let mut found = Values::unknown();
        for callee in self.values(call.callee).iter() {
            match callee {
                Value::Class(class) => {
                    found.add(Value::Instance { class, exact: true });
                }
                Value::Function(function) => {
                    found.extend(&self.returned_to(function, 0, &call, read));
                }
                Value::Method { function, .. } => {
                    found.extend(&self.returned_to(function, 1, &call, read));
                }
                Value::Instance { class, .. } => {
                    if let Some(function) = self.linked.classes.method(class, NameHash::of("__call__")) {
                        found.extend(&self.returned_to(function, 1, &call, read));
                    }
                }
                Value::External(model) => {
                    found.extend(&self.external_call(model, id, &call, read));
                }
                Value::Bound { method, site } => {
                    found.extend(&self.bound_call(method, site, id));
                }
                _ => {}
            }
        }
        found
    }

    fn external_call(&mut self, model: ModelId, id: ExprId, call: &Call, read: Read<'a>) -> Values {
        let catalogue = &self.linked.catalogue;
        let first = self.facts.arguments(call).first().copied();
        // The language's own functions that give back what they are given.
        match self.linked.language.of_model(model) {
            Some(Construct::Super) => {
                let region = self.facts.exprs[id.0 as usize].region;
                let mut scope = Some(self.facts.region(region).function);
                while let Some(index) = scope {
                    let function = self.facts.function(index);
                    if let Some(class) = function.class {
                        return Values::one(Value::Super(self.linked.ids.class(self.file, class)));
                    }
                    scope = function.parent;
                }
                return Values::unknown();
            }
            Some(Construct::Getattr) => return self.dynamic_attribute(call, id),
            Some(Construct::Type) => {
                let class = |value| match value {
                    Value::Instance { class, .. } => Some(Value::Class(class)),
                    _ => None,
                };
                return first.map(|first| self.values(first).iter().filter_map(class).collect()).unwrap_or_default();
            }
            Some(Construct::Field) => {
                let mut found = Values::unknown();
                if let Some(factory) = self.facts.argument(call, Some("default_factory"), None) {
                    found.extend(&self.given_by(factory));
                }
                if let Some(default) = self.facts.argument(call, Some("default"), None) {
                    found.extend(&self.values(default));
                }
                return found;
            }
            Some(Construct::Setattr) => return Values::unknown(),
            Some(Construct::Item) => return first.map(|first| self.items(first)).unwrap_or_default(),
            Some(Construct::Argument(at)) => {
                let argument = self.facts.arguments(call).get(usize::from(at)).copied();
                let mut found = argument.map(|argument| read(self, argument)).unwrap_or_default();
                if let Some(model) = catalogue.returns(model) {
                    found.add(Value::Object { model, site: self.site(id) });
                }
                return found;
            }
            Some(Construct::Products) | None => {}
        }
        if catalogue.entry(model).is_some_and(|entry| entry.class) {
            return self.object(catalogue.canonical(model), id);
        }
        match catalogue.returns(model) {
            Some(returned) => self.object(returned, id),
            None => Values::unknown(),
        }
    }

    pub(super) fn bound_call(&mut self, method: ModelId, site: Site, id: ExprId) -> Values {
        let catalogue = &self.linked.catalogue;
        let mut found = match catalogue.entry(method).and_then(|entry| entry.returns.as_deref()) {
            Some("self") => Values::one(Value::Object { model: catalogue.parent(method), site }),
            _ => catalogue.returns(method).map(|model| self.object(model, id)).unwrap_or_default(),
        };
        match catalogue.name(method) {
            // A view of a dict holds what the dict holds.
            "values" | "items" => {
                found = Values::one(Value::Object { model: method, site });
            }
            "copy" => {
                found = Values::one(Value::Object { model: catalogue.canonical(catalogue.parent(method)), site });
            }
            "get" | "pop" | "setdefault" | "__getitem__" => {
                let arguments = match self.facts.expr(id) {
                    Expr::Call(call) => self.facts.arguments(self.facts.call(call)),
                    _ => &[],
                };
                let key = arguments.first().and_then(|key| self.key(*key));
                found.extend(&self.held_at(site, key));
                if let Some(default) = arguments.get(1) {
                    found.extend(&self.values(*default));
                }
            }
            "popleft" | "get_nowait" | "popitem" => {
                found.extend(&self.held(site));
            }
            _ => {}
        }
        found
    }
}
