//! What calls run: what they call, what they hand over, and which of several callables they choose.

use lagmap_facts::{Call, CallId, Expr, ExprId, NameHash, Op, OpKind, ResultUse, ScopeKind};
use lagmap_models::ModelId;

use super::{
    EdgeKind, Route,
    files::{FileEdges, Given, RawTarget},
};
use crate::{
    Cell, Value, Values,
    language::Construct,
    passing::{Forward, ParameterId},
    scopes::{Binding, Source},
    wrapping::Passage,
};

/// How many names, choices and partial functions are looked through for a parameter.
const DEEPEST_ALIAS: u32 = 4;

impl FileEdges<'_> {
    pub(super) fn call(&mut self, id: CallId) {
        let facts = &self.linked.file(self.file).facts;
        let call = facts.call(id);
        let site = self.linked.ids.call(self.file, id);
        let callees = &self.callees.callees[site.0 as usize];
        let awaited = matches!(call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded);
        // Of a coroutine function and a plain one of the same name, only the first gives something to await.
        let some_async = awaited && callees.iter().any(|callee| self.is_async(callee));
        let mut known = false;
        let first = self.found.edges.len();
        let some_runs = callees.len() > 1 && callees.iter().any(|callee| !self.is_only_declared(callee));
        for callee in callees.iter() {
            if some_runs && self.is_only_declared(callee) {
                continue;
            }
            // A decorated one may have been made a coroutine function.
            let needs_async = awaited && !self.may_be_awaited(callee);
            if needs_async && !self.is_decorated(callee) || awaited && some_async && self.is_plain(callee) {
                continue;
            }
            let before = self.found.edges.len();
            match callee {
                Value::External(ModelId::UNKNOWN) => {}
                Value::External(model) | Value::Bound { method: model, .. } => {
                    known = true;
                    self.callbacks(call, model);
                }
                value => {
                    known = true;
                    self.push_value(call.expr, value, EdgeKind::Call { awaited });
                }
            }
            for edge in &mut self.found.edges[before..] {
                edge.needs_async = needs_async;
            }
        }
        if !known {
            self.handed_over(call);
        }
        self.mark_choice(call.callee, callees, first);
        self.pass(call, callees, awaited);
    }

    /// Marks the edges from `first` on as those of one of several callables, if they are.
    pub(super) fn mark_choice(&mut self, callee: ExprId, callees: &Values, first: usize) {
        let parameters = self.parameters_of(callee, DEEPEST_ALIAS);
        if !self.is_choice(callee, callees, &parameters) {
            if self.is_iterated(callee) && self.found.edges.len() - first > 1 {
                for edge in &mut self.found.edges[first..] {
                    edge.route = Route::Kept;
                }
            }
            return;
        }
        let given: Vec<(ParameterId, Values, Values)> = parameters
            .into_iter()
            .map(|(function, place)| {
                let (_, index) = self.linked.ids.of_function(function);
                let facts = &self.linked.file(self.file).facts;
                let default = facts.function(index).parameters[place as usize].default;
                let default = if default == ExprId::NONE { Values::unknown() } else { self.evaluator.values(default) };
                ((function, place), self.evaluator.read(Cell::Parameter(function, place)), default)
            })
            .collect();
        let holds = |values: &Values, to: &RawTarget| {
            values.iter().any(|value| match (value, to) {
                (Value::Function(own) | Value::Method { function: own, .. }, RawTarget::Function(to)) => own == *to,
                (Value::Method { receiver, .. }, RawTarget::Virtual(class, _)) => receiver == *class,
                _ => false,
            })
        };
        for edge in &mut self.found.edges[first..] {
            edge.route = Route::Chosen;
            if !matches!(edge.kind, EdgeKind::Construct(_)) {
                let passed = |(_, values, default): &&(ParameterId, Values, Values)| {
                    holds(values, &edge.to) && !holds(default, &edge.to)
                };
                edge.runs = given.iter().find(passed).map(|(parameter, ..)| *parameter);
            }
        }
    }

    /// Whether a name is what a loop goes through.
    pub(super) fn is_iterated(&self, id: ExprId) -> bool {
        let unit = self.linked.file(self.file);
        let facts = &unit.facts;
        let Expr::Name(name) = facts.expr(id) else { return false };
        let node = &facts.exprs[id.0 as usize];
        let (name, scope) = (facts.names.hash(name), facts.region(node.region).function);
        let mut bindings = unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
        bindings.any(|binding| matches!(binding.source, Source::Iteration(_)))
    }

    /// The parameters, of this function or those around it, that an expression may stand for.
    pub(super) fn parameters_of(&self, id: ExprId, depth: u32) -> Vec<ParameterId> {
        let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
        let unit = self.linked.file(self.file);
        let facts = &unit.facts;
        let all = |parts: &[ExprId]| parts.iter().flat_map(|part| self.parameters_of(*part, depth)).collect();
        match facts.expr(id) {
            Expr::Name(name) => {
                let node = &facts.exprs[id.0 as usize];
                let (name, own) = (facts.names.hash(name), facts.region(node.region).function);
                let scopes = std::iter::successors(Some(own), |scope| facts.function(*scope).parent);
                let mut visible =
                    scopes.filter(|scope| *scope == own || facts.function(*scope).kind != ScopeKind::Class);
                let Some(scope) = visible.find(|scope| !unit.scopes.named(*scope, name).is_empty()) else {
                    return Vec::new();
                };
                let parameters = |binding: &Binding| match binding.source {
                    Source::Parameter(place) => vec![(self.linked.ids.function(self.file, scope), place)],
                    Source::Value(value) if binding.path.is_whole() => self.parameters_of(value, depth),
                    _ => Vec::new(),
                };
                if scope == own {
                    let bindings = unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
                    bindings.flat_map(parameters).collect()
                } else {
                    unit.scopes.named(scope, name).iter().flat_map(parameters).collect()
                }
            }
            Expr::IfElse { body, orelse, .. } => all(&[body, orelse]),
            Expr::Boolean { values, .. } => all(facts.list(values)),
            // `partial(task, x)` stands for `task`.
            Expr::Call(id) => {
                let call = facts.call(id);
                let callees = &self.callees.callees[self.linked.ids.call(self.file, id).0 as usize];
                let place = callees.iter().find_map(|callee| match callee {
                    Value::External(model) => match self.linked.language.of_model(model)? {
                        Construct::Argument(place) => Some(usize::from(place)),
                        _ => None,
                    },
                    _ => None,
                });
                let argument = place.and_then(|place| facts.arguments(call).get(place));
                argument.map(|argument| self.parameters_of(*argument, depth)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// What a call passes that can be run, to the functions that it calls.
    fn pass(&mut self, call: &Call, callees: &Values, awaited: bool) {
        let facts = &self.linked.file(self.file).facts;
        if facts.arguments(call).is_empty() && facts.keywords(call).is_empty() {
            return;
        }
        for callee in callees.iter() {
            let (function, skipped) = match callee {
                Value::Function(function) => (function, 0),
                Value::Method { function, .. } => (function, 1),
                Value::Class(class) => match self.linked.classes.method(class, NameHash::of("__init__")) {
                    Some(init) => (init, 1),
                    None => continue,
                },
                _ => continue,
            };
            let mut functions = vec![function];
            if let Value::Method { receiver, exact: false, .. } = callee {
                let (unit, method) = self.linked.function(function);
                let name = unit.facts.names.hash(method.name);
                let subclasses = self.linked.classes.subclasses(receiver).iter().take(64);
                functions.extend(subclasses.filter_map(|class| self.linked.classes.own_method(*class, name)));
            }
            for function in functions {
                for (place, argument) in self.linked.arguments(function, skipped, facts, call) {
                    self.pass_argument(call.expr, argument, (function, place), EdgeKind::Call { awaited });
                }
            }
        }
    }

    fn pass_argument(&mut self, at: ExprId, argument: ExprId, to: ParameterId, kind: EdgeKind) {
        let facts = &self.linked.file(self.file).facts;
        let can_run = matches!(
            facts.expr(argument),
            Expr::Name(_) | Expr::Attribute { .. } | Expr::Lambda(_) | Expr::Call(_) | Expr::Subscript { .. }
        );
        if !can_run {
            return;
        }
        let values = self.evaluator.values(argument);
        let targets = values.without(|value| !matches!(value, Value::Function(_) | Value::Method { .. }));
        if targets.is_empty() {
            return;
        }
        let region = facts.exprs[at.0 as usize].region;
        let from = self.linked.ids.function(self.file, facts.region(region).function);
        let site = self.linked.ids.site(self.file, at);
        let parameters = self.parameters_of(argument, DEEPEST_ALIAS);
        if !parameters.is_empty() {
            let call = Passage { from, to: to.0, kind, site, region };
            self.found.forwards.extend(parameters.into_iter().map(|parameter| Forward { parameter, call, to }));
            return;
        }
        self.found.given.push(Given { from, kind, site, region, targets, to });
    }

    /// Whether a call runs one of several callables that callers handed over or stored, under another name than their own.
    /// An entry of a table of handlers is no such choice: whoever looks one up means any of them.
    fn is_choice(&self, callee: ExprId, callees: &Values, parameters: &[ParameterId]) -> bool {
        let facts = &self.linked.file(self.file).facts;
        let is_callable = |value: &Value| {
            matches!(value, Value::Function(_) | Value::Method { .. } | Value::Class(_) | Value::Generator(_))
        };
        if callees.iter().filter(is_callable).count() < 2 {
            return false;
        }
        if !parameters.is_empty() {
            return true;
        }
        let Some(name) = facts.last_name(callee) else { return false };
        let name = facts.names.hash(name);
        if let Expr::Name(_) = facts.expr(callee) {
            let node = &facts.exprs[callee.0 as usize];
            let scope = facts.region(node.region).function;
            let scopes = &self.linked.file(self.file).scopes;
            if scopes.reaching(facts, scope, name, node.span.start, node.region).next().is_some() {
                return false;
            }
        }
        // The methods and functions of this name are what is meant; others were stored under it.
        let is_other = |value: &Value| match *value {
            Value::Function(function) | Value::Method { function, .. } => {
                let (unit, function) = self.linked.function(function);
                unit.facts.names.hash(function.name) != name
            }
            Value::Class(class) => {
                let (file, class) = self.linked.ids.of_class(class);
                let facts = &self.linked.file(file).facts;
                facts.names.hash(facts.class(class).name) != name
            }
            _ => false,
        };
        callees.iter().filter(is_other).count() >= 2
    }

    /// Arguments that a library runs.
    pub(super) fn callbacks(&mut self, call: &Call, model: ModelId) {
        // `partial(f)` and the like only hand `f` on: what calls their result calls it.
        if matches!(self.linked.language.of_model(model), Some(Construct::Argument(_)))
            && !self
                .linked
                .catalogue
                .entry(model)
                .is_some_and(|entry| entry.is_async || entry.tags.iter().any(|tag| tag == "creates-task"))
        {
            return;
        }
        let facts = &self.linked.file(self.file).facts;
        let Some(entry) = self.linked.catalogue.entry(model) else { return };
        for run in &entry.runs {
            let Some(argument) = facts.argument(call, run.argument.as_deref(), run.position) else { continue };
            // A coroutine object in the arguments is a call, whose own edge says the same; its callee is what runs.
            let values = match facts.expr(argument) {
                Expr::Call(inner) => {
                    let mut values = self.evaluator.values(argument);
                    let callee = self.evaluator.values(facts.call(inner).callee);
                    values.extend(&callee.iter().filter(|value| self.is_async(*value)).collect());
                    values
                }
                _ => self.evaluator.values(argument),
            };
            let first = self.found.edges.len();
            for value in values.iter() {
                self.push_value(argument, value, EdgeKind::Callback(run.context));
            }
            self.mark_choice(argument, &values, first);
        }
    }

    /// Whether a value is a method that is there only to be overridden, and that no class overrides.
    fn is_only_declared(&self, callee: Value) -> bool {
        let Value::Method { function, receiver, .. } = callee else { return false };
        if !self.linked.is_abstract(function) {
            return false;
        }
        let (unit, method) = self.linked.function(function);
        let name = unit.facts.names.hash(method.name);
        let classes = &self.linked.classes;
        !classes.subclasses(receiver).iter().any(|class| classes.own_method(*class, name).is_some())
    }

    /// Whether the result of calling a value may be awaited: that of a plain function which returns nothing never is.
    fn may_be_awaited(&self, callee: Value) -> bool {
        let (Value::Function(function) | Value::Method { function, .. }) = callee else { return true };
        let (unit, function) = self.linked.function(function);
        // An abstract method returns nothing and is there to be overridden.
        let overridden = matches!(callee, Value::Method { exact: false, .. });
        let returns = |op: &Op| matches!(op.kind, OpKind::Return(value) if value != ExprId::NONE);
        function.is_async
            || overridden
            || function.kind != ScopeKind::Function
            || unit.facts.ops(function).iter().any(returns)
    }

    fn is_decorated(&self, callee: Value) -> bool {
        let (Value::Function(function) | Value::Method { function, .. }) = callee else { return false };
        !self.linked.function(function).1.decorators.is_empty()
    }

    /// A function that is no coroutine function, and whose caller cannot tell that it gives an awaitable.
    fn is_plain(&self, value: Value) -> bool {
        matches!(value, Value::Function(_) | Value::Method { .. }) && !self.is_async(value)
    }

    fn is_async(&self, value: Value) -> bool {
        match value {
            Value::Function(function) | Value::Method { function, .. } => self.linked.function(function).1.is_async,
            _ => false,
        }
    }

    /// Functions given to something unknown: it may call them.
    fn handed_over(&mut self, call: &Call) {
        let facts = &self.linked.file(self.file).facts;
        let keywords = facts.keywords(call).iter().map(|keyword| keyword.value);
        let arguments: Vec<ExprId> = facts.arguments(call).iter().copied().chain(keywords).collect();
        for argument in arguments {
            if !matches!(facts.expr(argument), Expr::Name(_) | Expr::Attribute { .. } | Expr::Lambda(_)) {
                continue;
            }
            let values = self.evaluator.values(argument);
            let first = self.found.edges.len();
            for value in values.iter() {
                if matches!(value, Value::Function(_) | Value::Method { .. }) {
                    self.push_value(argument, value, EdgeKind::HandedOver);
                }
            }
            self.mark_choice(argument, &values, first);
        }
    }
}
