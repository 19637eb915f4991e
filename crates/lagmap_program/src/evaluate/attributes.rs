//! Attributes of values: methods, data, members of libraries, `getattr`.

use std::slice;

use lagmap_facts::{BinaryOp, Call, Expr, ExprId, FunctionIndex, NameHash};
use lagmap_models::ModelId;

use super::Evaluator;
use crate::{
    Cell, ClassId, FileId, Value, Values,
    linked::{MethodKind, method_kind},
    modules::ImportTarget,
    scopes::Source,
};

impl Evaluator<'_> {
    /// An attribute of one value.
    pub fn attribute(&mut self, value: Value, name: NameHash, at: ExprId) -> Values {
        let classes = &self.linked.classes;
        let catalogue = &self.linked.catalogue;
        match value {
            Value::Module(file) => {
                let found = self.member(file, FunctionIndex::MODULE, name);
                found.or_else(|| self.submodule(value, at)).unwrap_or_else(|| self.made_up(file))
            }
            Value::Package(_) => self.submodule(value, at).unwrap_or_default(),
            Value::Class(class) => {
                if let Some(function) = classes.method(class, name) {
                    let (unit, facts) = self.linked.function(function);
                    if method_kind(&unit.facts, facts) == MethodKind::Class {
                        return Values::one(Value::Method { function, receiver: class, exact: true });
                    }
                    return Values::one(Value::Function(function));
                }
                let found = self.data_attribute(class, name, false);
                let is_enum = |base| catalogue.has_tag(base, "enum");
                if classes.external_bases(class).any(is_enum) && self.is_variable(class, name) {
                    return Values::one(Value::Instance { class, exact: true });
                }
                found
            }
            Value::Instance { class, exact } => {
                if let Some(function) = classes.method(class, name) {
                    let (unit, facts) = self.linked.function(function);
                    return match method_kind(&unit.facts, facts) {
                        MethodKind::Property => self.given_back(function),
                        MethodKind::Static => Values::one(Value::Function(function)),
                        _ => Values::one(Value::Method { function, receiver: class, exact }),
                    };
                }
                let found = self.data_attribute(class, name, !exact);
                if found.is_empty() {
                    return self.inherited(class, name, at);
                }
                found
            }
            Value::Super(class) => {
                let next = classes.lookup_order(class).iter().skip(1);
                let method = next.clone().find_map(|class| classes.own_method(*class, name));
                if let Some(function) = method {
                    return Values::one(Value::Method { function, receiver: class, exact: true });
                }
                self.inherited(class, name, at)
            }
            Value::External(model) => {
                let Some(child) = catalogue.child(model, name).or_else(|| catalogue.member(model, name)) else {
                    return Values::one(Value::External(ModelId::UNKNOWN));
                };
                self.external_attribute(child, at)
            }
            Value::Object { model, site } => match catalogue.member(model, name) {
                Some(member) if catalogue.has_tag(member, "attribute") => self.external_attribute(member, at),
                Some(method) => Values::one(Value::Bound { method, site }),
                None => Values::unknown(),
            },
            _ => Values::unknown(),
        }
    }

    pub(super) fn external_attribute(&self, member: ModelId, at: ExprId) -> Values {
        let catalogue = &self.linked.catalogue;
        match catalogue.returns(member) {
            Some(model) if catalogue.has_tag(member, "attribute") => self.object(model, at),
            _ => Values::one(Value::External(member)),
        }
    }

    /// A method that a class of the project has from a base class of the catalogue.
    pub(super) fn inherited(&self, class: ClassId, name: NameHash, at: ExprId) -> Values {
        let catalogue = &self.linked.catalogue;
        let site = self.site(at);
        let found = self.linked.classes.external_bases(class).find_map(|base| catalogue.member(base, name));
        found.map(|method| Values::one(Value::Bound { method, site })).unwrap_or_default()
    }

    /// A data attribute: what the methods of the class and its ancestors assign, and its class variables.
    pub(super) fn data_attribute(&mut self, class: ClassId, name: NameHash, with_subclasses: bool) -> Values {
        let mut found = Values::unknown();
        let linked = self.linked;
        // While the hierarchy is being found, a class has itself alone.
        let order = linked.classes.lookup_order(class);
        for class in if order.is_empty() { slice::from_ref(&class) } else { order } {
            found.extend(&self.own_attribute(*class, name));
        }
        if found.is_empty() && with_subclasses {
            // An attribute that a base class uses and its subclasses set.
            for class in linked.classes.subclasses(class).iter().take(32) {
                found.extend(&self.own_attribute(*class, name));
            }
        }
        found
    }

    pub(super) fn own_attribute(&mut self, class: ClassId, name: NameHash) -> Values {
        let mut found = self.read(Cell::Attribute(class, name));
        if !self.linked.classes.may_bind(class, name) {
            return found;
        }
        let (file, index) = self.linked.ids.of_class(class);
        let body = self.linked.file(file).facts.class(index).body;
        if let Some(values) = self.member(file, body, name) {
            found.extend(&values);
        }
        found
    }

    /// What a module's own `__getattr__` gives for names that it does not bind.
    fn made_up(&mut self, file: FileId) -> Values {
        let unit = self.linked.file(file);
        let functions = unit.scopes.named(FunctionIndex::MODULE, NameHash::of("__getattr__"));
        match functions.last().map(|binding| binding.source) {
            Some(Source::Function(index)) => self.given_back(self.linked.ids.function(file, index)),
            _ => Values::unknown(),
        }
    }

    /// Whether the body of a class assigns to a name.
    fn is_variable(&self, class: ClassId, name: NameHash) -> bool {
        let (file, index) = self.linked.ids.of_class(class);
        let unit = self.linked.file(file);
        let bindings = unit.scopes.named(unit.facts.class(index).body, name);
        bindings.iter().any(|binding| matches!(binding.source, Source::Value(_)))
    }

    pub(super) fn submodule(&self, of: Value, at: ExprId) -> Option<Values> {
        let Expr::Attribute { attribute, .. } = self.facts.expr(at) else { return None };
        let of = match of {
            Value::Module(file) => ImportTarget::Module(file),
            Value::Package(package) => ImportTarget::Package(package),
            _ => return None,
        };
        match self.linked.modules.submodule(of, self.facts.text(attribute))? {
            ImportTarget::Module(file) => Some(Values::one(Value::Module(file))),
            ImportTarget::Package(package) => Some(Values::one(Value::Package(package))),
            _ => None,
        }
    }

    /// `getattr(object, name)`: a literal name is that attribute; a formatted one is every method that fits its literal
    /// beginning and end.
    pub(super) fn dynamic_attribute(&mut self, call: &Call, id: ExprId) -> Values {
        let arguments = self.facts.arguments(call);
        let (Some(object), Some(name)) = (arguments.first().copied(), arguments.get(1).copied()) else {
            return Values::unknown();
        };
        let mut found = Values::unknown();
        let objects = self.values(object);
        match self.facts.expr(name) {
            Expr::Str(text) => {
                let hash = self.facts.names.hash(text);
                for value in objects.iter() {
                    found.extend(&self.attribute(value, hash, id));
                }
            }
            Expr::FString(parts) | Expr::List(parts) => {
                let parts = self.facts.list(parts);
                let literal = |part: Option<&ExprId>| match part.map(|part| self.facts.expr(*part)) {
                    Some(Expr::Str(text)) => self.facts.text(text),
                    _ => "",
                };
                let (start, end) = (literal(parts.first()), literal(parts.last()));
                found.extend(&self.methods_like(&objects, start, if parts.len() > 1 { end } else { "" }));
            }
            Expr::Binary { left, op: op @ (BinaryOp::Add | BinaryOp::Mod), .. } => {
                if let Expr::Str(text) = self.facts.expr(left) {
                    let text = self.facts.text(text);
                    let (start, end) = match op {
                        BinaryOp::Mod => text.split_once("%s").unwrap_or_default(),
                        _ => (text, ""),
                    };
                    found.extend(&self.methods_like(&objects, start, end));
                }
            }
            _ => {}
        }
        if let Some(default) = arguments.get(2) {
            found.extend(&self.values(*default));
        }
        found
    }

    pub(super) fn methods_like(&self, objects: &Values, start: &str, end: &str) -> Values {
        let mut found = Values::unknown();
        if start.is_empty() && end.is_empty() {
            return found;
        }
        for value in objects.iter() {
            let Value::Instance { class: receiver, exact } = value else { continue };
            for class in self.linked.classes.lookup_order(receiver) {
                let (file, index) = self.linked.ids.of_class(*class);
                let unit = self.linked.file(file);
                for binding in unit.scopes.all(unit.facts.class(index).body) {
                    let Source::Function(function) = binding.source else { continue };
                    let name = unit.facts.text(unit.facts.function(function).name);
                    if name.starts_with(start) && name.ends_with(end) && name.len() > start.len() + end.len() {
                        let function = self.linked.ids.function(file, function);
                        found.add(Value::Method { function, receiver, exact });
                    }
                }
            }
        }
        found
    }
}
