//! Fixed values: expressions that are the same on each run of a piece of code, as far as the whole program tells.

use lagmap_facts::{BinaryOp, Expr, ExprId, FunctionIndex, NameHash, ScopeKind};

use crate::{Cell, FileId, FunctionId, Program, Source, Value};

/// How far names, attributes and calls are followed.
const DEEPEST: u32 = 8;

impl Program {
    /// What a fixed expression says: its texts and numbers one after the other, parts that are fixed but not known left out.
    /// `None` if it may be something else each time. Fixed are literals, names and attributes that only such are assigned to
    /// (constructors' arguments included, if the object is made once), parameters that no caller gives, and what pure calls
    /// make of these.
    pub fn fixed_text(&self, file: FileId, id: ExprId) -> Option<String> {
        let mut text = String::new();
        self.spell(file, id, DEEPEST, &mut text).then_some(text)
    }

    /// The number that an expression always is.
    pub fn fixed_number(&self, file: FileId, id: ExprId) -> Option<f64> {
        self.fixed_text(file, id)?.parse().ok()
    }

    /// The one value that the scope of a name ever assigns to it.
    pub fn assigned(&self, file: FileId, name: ExprId) -> Option<ExprId> {
        let unit = self.linked.file(file);
        let Expr::Name(text) = unit.facts.expr(name) else { return None };
        let scope = unit.facts.region(unit.facts.exprs[name.0 as usize].region).function;
        unit.scopes.only_value(scope, unit.facts.names.hash(text))
    }

    fn spell(&self, file: FileId, id: ExprId, depth: u32, text: &mut String) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let Some(depth) = depth.checked_sub(1) else { return false };
        let mut all = |parts: &[ExprId]| parts.iter().all(|part| self.spell(file, *part, depth, text));
        match facts.expr(id) {
            Expr::Str(literal) => {
                text.push_str(facts.text(literal));
                true
            }
            Expr::Int(number) => {
                text.push_str(&number.to_string());
                true
            }
            Expr::Float(number) => {
                text.push_str(&number.to_string());
                true
            }
            Expr::Bytes(_) | Expr::Bool(_) | Expr::None => true,
            Expr::FString(list) | Expr::List(list) | Expr::Tuple(list) | Expr::Set(list) => all(facts.list(list)),
            Expr::Binary { op, left, right } => {
                let (mut first, mut second) = (String::new(), String::new());
                let fixed = self.spell(file, left, depth, &mut first) && self.spell(file, right, depth, &mut second);
                match calculate(op, first.parse().ok(), second.parse().ok()) {
                    Some(number) => text.push_str(&number.to_string()),
                    None => text.extend([first, second]),
                }
                fixed
            }
            Expr::Unary(value) => all(&[value]),
            Expr::Call(call) => {
                let view = self.call(self.linked.ids.call(file, call));
                let parts = facts.arguments(view.call);
                // What the environment says stays the same as long as the process lives; mostly it is the default.
                let is_environment = view.has_tag("environment")
                    || facts.dotted(view.call.callee).is_some_and(|name| name.ends_with("environ.get"));
                if is_environment {
                    let named = parts.first().is_some_and(|name| self.spell(file, *name, depth, &mut String::new()));
                    return named && parts[1..].iter().all(|part| self.spell(file, *part, depth, text));
                }
                let pure = view.model().is_some_and(|(_, entry)| entry.pure);
                // A method's receiver is a part of what it makes.
                let receiver = match facts.expr(view.call.callee) {
                    Expr::Attribute { value, .. } if view.models().any(|(_, receiver)| receiver.is_some()) => {
                        Some(value)
                    }
                    _ => None,
                };
                pure && receiver.is_none_or(|receiver| all(&[receiver])) && all(parts)
            }
            Expr::Name(name) => self.spell_name(file, id, facts.names.hash(name), depth, text),
            Expr::Attribute { value, attribute } => {
                let name = facts.names.hash(attribute);
                match self.evaluator(file).values(value).as_slice() {
                    [Value::Module(module)] => {
                        let scope = self.linked.ids.function(*module, FunctionIndex::MODULE);
                        self.spell_variable(scope, name, depth, text)
                    }
                    [Value::Instance { class, .. } | Value::Class(class)] => {
                        self.spell_attribute(*class, name, depth, text)
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn spell_name(&self, file: FileId, id: ExprId, name: NameHash, depth: u32, text: &mut String) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let own = facts.region(facts.exprs[id.0 as usize].region).function;
        let mut scope = Some(own);
        while let Some(index) = scope {
            let function = facts.function(index);
            let visible = index == own || function.kind != ScopeKind::Class;
            if let (true, [binding, others @ ..]) = (visible, unit.scopes.named(index, name)) {
                return match binding.source {
                    _ if !others.is_empty() => false,
                    Source::Value(_) => self.spell_variable(self.linked.ids.function(file, index), name, depth, text),
                    Source::Parameter(place) => {
                        let default = function.parameters[place as usize].default;
                        let function = self.linked.ids.function(file, index);
                        default != ExprId::NONE
                            && self.is_never_given(function, place as usize)
                            && self.spell(file, default, depth, text)
                    }
                    Source::Import(import) => match self.linked.imported(file, import).variables.as_slice() {
                        [(scope, name)] => self.spell_variable(*scope, *name, depth, text),
                        _ => false,
                    },
                    _ => false,
                };
            }
            scope = function.parent;
        }
        false
    }

    /// A variable that only one value is ever assigned to.
    fn spell_variable(&self, scope: FunctionId, name: NameHash, depth: u32, text: &mut String) -> bool {
        let (file, index) = self.linked.ids.of_function(scope);
        let value = self.linked.file(file).scopes.only_value(index, name);
        value.is_some_and(|value| self.spell(file, value, depth, text))
    }

    /// An attribute that only one value is ever assigned to, in a constructor or in the class.
    fn spell_attribute(&self, class: crate::ClassId, name: NameHash, depth: u32, text: &mut String) -> bool {
        let order = self.linked.classes.lookup_order(class);
        let writes: Vec<_> =
            order.iter().filter_map(|class| self.uses.writes.get(&Cell::Attribute(*class, name))).flatten().collect();
        match writes.as_slice() {
            [] => order.iter().any(|class| {
                let (file, class) = self.linked.ids.of_class(*class);
                let body = self.linked.file(file).facts.class(class).body;
                self.spell_variable(self.linked.ids.function(file, body), name, depth, text)
            }),
            [write] => write.value.is_some_and(|value| {
                let (file, value) = self.linked.ids.of_site(value);
                if self.spell(file, value, depth, text) {
                    return true;
                }
                // What a constructor is given stays the same as long as the object lives.
                let facts = &self.linked.file(file).facts;
                let (_, function) = self.function(write.function);
                let is_given = matches!(facts.expr(value), Expr::Name(name)
                    if function.parameters.iter().any(|parameter| parameter.name == name));
                is_given && facts.text(function.name) == "__init__" && !self.is_made_repeatedly(write.function)
            }),
            _ => false,
        }
    }
}

/// What an operator makes of two numbers.
fn calculate(op: BinaryOp, left: Option<f64>, right: Option<f64>) -> Option<f64> {
    let (left, right) = left.zip(right)?;
    Some(match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mult => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::FloorDiv => (left / right).floor(),
        BinaryOp::Pow => left.powf(right),
        BinaryOp::LeftShift => left * right.exp2(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{BinaryOp, calculate};

    #[test]
    fn numbers_are_calculated_and_texts_are_not() {
        assert_eq!(calculate(BinaryOp::LeftShift, Some(1.0), Some(20.0)), Some(1_048_576.0));
        assert_eq!(calculate(BinaryOp::Mult, Some(60.0), Some(5.0)), Some(300.0));
        assert_eq!(calculate(BinaryOp::Add, None, Some(5.0)), None);
    }
}
