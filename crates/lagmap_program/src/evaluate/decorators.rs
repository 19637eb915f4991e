//! What decorators make of what they stand on.

use lagmap_facts::{Expr, ExprId, NameHash};

use super::Evaluator;
use crate::{FunctionId, Value, Values};

/// One decorator at work.
pub struct Decoration {
    /// The decorator.
    pub decorator: ExprId,
    /// What is called: the decorator, or what the factory of decorators gives.
    pub callables: Values,
    /// What it is called with: the function or class itself, or what the decorator below has made of it.
    pub given: Values,
    /// What it makes of it. What is not known to make something else gives back what it is given.
    pub gives: Values,
    /// What a decorator of the program makes of it is not known, or not yet.
    pub is_guess: bool,
}

impl Evaluator<'_> {
    /// What each decorator of a function or class does, from the lowest up.
    pub fn decorations(&mut self, decorators: &[ExprId], decorated: Value) -> Vec<Decoration> {
        let mut given = Values::one(decorated);
        let mut found = Vec::with_capacity(decorators.len());
        for decorator in decorators.iter().rev() {
            let callables = self.values(*decorator);
            let made = self.made_by(&callables, &given, decorated);
            // The factory of a decorator that is not known yet is.
            let makers = match self.facts.expr(*decorator) {
                Expr::Call(call) if callables.is_empty() => self.values(self.facts.call(call).callee),
                _ => callables.clone(),
            };
            let is_guess = made.is_empty() && makers.iter().any(|maker| self.called_with(maker).is_some());
            let gives = if made.is_empty() { given.clone() } else { made };
            found.push(Decoration { decorator: *decorator, callables, given, gives: gives.clone(), is_guess });
            given = gives;
        }
        found
    }

    fn made_by(&mut self, callables: &Values, given: &Values, decorated: Value) -> Values {
        let mut made = Values::unknown();
        for callable in callables.iter() {
            if let Value::Class(class) = callable {
                made.add(Value::Instance { class, exact: true });
            } else if let Some((function, place)) = self.called_with(callable) {
                for value in self.returned(function).iter() {
                    if value == Value::Argument(place) {
                        made.extend(given);
                    } else {
                        made.add(value);
                    }
                }
            }
        }
        let callable: Values = made.iter().filter(|value| self.runs(*value).is_some()).collect();
        // Of a wrapper for coroutine functions and one for others, a function gets the one that is for it.
        let is_async =
            |value: Value| self.runs(value).is_some_and(|function| self.linked.function(function).1.is_async);
        let fitting: Values = callable.iter().filter(|value| is_async(*value) == is_async(decorated)).collect();
        if fitting.is_empty() { callable } else { fitting }
    }

    /// The function of the program that runs when a value is called with one argument, and which of its parameters takes it.
    pub fn called_with(&self, value: Value) -> Option<(FunctionId, u32)> {
        match value {
            Value::Function(function) => Some((function, 0)),
            Value::Method { function, .. } => Some((function, 1)),
            Value::Class(class) => {
                self.linked.classes.method(class, NameHash::of("__init__")).map(|function| (function, 1))
            }
            Value::Instance { class, .. } => {
                self.linked.classes.method(class, NameHash::of("__call__")).map(|function| (function, 1))
            }
            _ => None,
        }
    }

    /// The function of the program that a call of a function, method or callable object runs.
    pub fn runs(&self, value: Value) -> Option<FunctionId> {
        match value {
            Value::Class(_) => None,
            _ => self.called_with(value).map(|(function, _)| function),
        }
    }
}
