//! Memoization: functions whose results a decorator keeps, and whether their arguments have a bound.

use lagmap_facts::{Expr, ExprId, FileFacts, FunctionIndex, NameHash, OpKind, Parameter, ScopeKind};
use rustc_hash::FxHashSet;

use crate::{Evaluator, FileId, Frequency, FunctionId, Givers, Program, Value, guards::guards, keys::is_open_name};

/// What a cache of results keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memoization {
    /// The most entries that it keeps; `None` if nothing limits them.
    pub most: Option<u64>,
    /// Each object has its own, which goes with it.
    pub per_object: bool,
    /// The decorator's text.
    pub decorator: lagmap_source::Span,
}

/// What `lru_cache` keeps if nothing is said.
const USUAL_SIZE: u64 = 128;

impl Program {
    /// How a function's results are kept by a decorator, if they are.
    pub fn memoization(&self, function: FunctionId) -> Option<Memoization> {
        let (unit, facts) = self.function(function);
        let (file, _) = self.linked.ids.of_function(function);
        facts.decorators.iter().find_map(|decorator| self.keeps_results(file, &unit.facts, *decorator))
    }

    fn keeps_results(&self, file: FileId, facts: &FileFacts, decorator: ExprId) -> Option<Memoization> {
        let (callee, call) = match facts.expr(decorator) {
            Expr::Call(call) => (facts.call(call).callee, Some(self.call(self.linked.ids.call(file, call)))),
            _ => (decorator, None),
        };
        let span = facts.span(decorator);
        let mut evaluator = self.evaluator(file);
        evaluator.values(callee).iter().find_map(|value| match value {
            Value::External(model) if self.catalogue().has_tag(model, "memoizes") => {
                let size = call.and_then(|call| call.argument(Some("maxsize"), Some(0))).map(|size| facts.expr(size));
                // `cached(cache={})`: any mapping will do, so a plain dict does.
                let plain = call.and_then(|call| call.argument(Some("cache"), Some(0))).is_some_and(|cache| {
                    let dict = self.catalogue().dict();
                    evaluator
                        .values(cache)
                        .iter()
                        .any(|value| matches!(value, Value::Object { model, .. } if model == dict))
                });
                let unbounded =
                    plain || self.catalogue().has_tag(model, "unbounded-memo") || matches!(size, Some(Expr::None));
                let most = match size {
                    Some(Expr::Int(size)) => u64::try_from(size).unwrap_or_default(),
                    _ => USUAL_SIZE,
                };
                let per_object = self.catalogue().has_tag(model, "memo-per-object");
                Some(Memoization { most: (!unbounded).then_some(most), per_object, decorator: span })
            }
            Value::Function(own) if self.keeps_what_it_wraps(own) => {
                Some(Memoization { most: None, per_object: false, decorator: span })
            }
            _ => None,
        })
    }

    /// A decorator of the project's own that puts the results of the function it is given into a dict of its own, which
    /// nothing bounds.
    fn keeps_what_it_wraps(&self, decorator: FunctionId) -> bool {
        let (file, outermost) = self.linked.ids.of_function(decorator);
        let facts = &self.linked.file(file).facts;
        let mut evaluator = self.evaluator(file);
        (0..facts.functions.len()).map(|index| FunctionIndex(index as u32)).any(|inner| {
            let outer: Vec<FunctionIndex> =
                std::iter::successors(facts.function(inner).parent, |index| facts.function(*index).parent)
                    .take_while(|index| facts.function(*index).kind == ScopeKind::Function)
                    .collect();
            outer.contains(&outermost)
                && calls_parameter_of(facts, inner, &outer)
                && facts.ops(facts.function(inner)).iter().any(|op| {
                    let OpKind::Assign { target, .. } = op.kind else { return false };
                    let Expr::Subscript { value, .. } = facts.expr(target) else { return false };
                    let guards = facts.dotted(value).map(|name| guards(facts, op.region, &name)).unwrap_or_default();
                    !guards.capped && self.is_unbounded_dict_of(&mut evaluator, file, value, &outer)
                })
        })
    }

    /// Whether an expression is a dict that one of these functions makes and that nothing shrinks.
    fn is_unbounded_dict_of(
        &self,
        evaluator: &mut Evaluator<'_>,
        file: FileId,
        value: ExprId,
        makers: &[FunctionIndex],
    ) -> bool {
        evaluator.values(value).iter().any(|value| {
            let Value::Object { model, site } = value else { return false };
            let (made_in, id) = self.linked.ids.of_site(site);
            let facts = &self.linked.file(made_in).facts;
            let maker = facts.region(facts.exprs[id.0 as usize].region).function;
            model == self.catalogue().dict() && made_in == file && makers.contains(&maker) && !self.is_cut(site)
        })
    }

    /// Whether a method is called with its object (or class) as first argument.
    pub fn takes_receiver(&self, function: FunctionId) -> bool {
        let (unit, facts) = self.function(function);
        facts.class.is_some()
            && facts.kind == ScopeKind::Function
            && matches!(crate::method_kind(&unit.facts, facts), crate::MethodKind::Plain | crate::MethodKind::Property)
    }

    /// Whether a parameter of a function, its receiver left out, is seen to take any number of values: its type has more than
    /// a few, and a caller passes what comes with requests or from outside, or it is a text of any wording. Names of
    /// modules, classes and settings, as most functions take, come from fixed sets.
    pub fn has_open_parameter(&self, function: FunctionId) -> bool {
        let (unit, facts) = self.function(function);
        let (file, _) = self.linked.ids.of_function(function);
        let is_of_class = crate::method_kind(&unit.facts, facts) == crate::MethodKind::Class;
        let receiver = usize::from(facts.class.is_some() && (is_of_class || self.takes_receiver(function)));
        let mut evaluator = self.evaluator(file);
        let mut parameters = facts.parameters.iter().enumerate().skip(receiver);
        parameters.any(|(index, parameter)| {
            let name = unit.facts.text(parameter.name);
            let calls = || self.calls_passing(function, index);
            !self.has_few_values(&unit.facts, &mut evaluator, parameter)
                && !self.is_only_given_constants(function, index)
                && (is_open_name(name)
                    || calls().next().is_none() && self.is_worked_on_as_text(function, parameter)
                    || calls().any(|(call, given)| {
                        self.is_open_key(call.file, given, 3)
                            || self.is_of_request(call.file, given, 3)
                            || self.may_be_long(call.file, given, Givers::Requests)
                    }))
        })
    }

    /// Whether a function takes a parameter apart: `text.split()`, `word[at:]`.
    fn is_worked_on_as_text(&self, function: FunctionId, parameter: &Parameter) -> bool {
        let (unit, scope) = self.function(function);
        let facts = &unit.facts;
        let is = |id: ExprId| matches!(facts.expr(id), Expr::Name(name) if name == parameter.name);
        scope.exprs.clone().any(|index| match facts.exprs[index as usize].expr {
            Expr::Attribute { value, attribute } => {
                is(value) && matches!(facts.text(attribute), "split" | "splitlines" | "lower" | "casefold" | "strip")
            }
            Expr::Subscript { value, index } => is(value) && matches!(facts.expr(index), Expr::Slice { .. }),
            _ => false,
        })
    }

    /// `bool`, `Literal[...]`, a class, or a member of an enumeration.
    fn has_few_values(&self, facts: &FileFacts, evaluator: &mut Evaluator<'_>, parameter: &Parameter) -> bool {
        if parameter.default.get().is_some_and(|default| matches!(facts.expr(default), Expr::Bool(_))) {
            return true;
        }
        let Some(annotation) = parameter.annotation.get() else { return false };
        let named = |id: ExprId, names: &[&str]| {
            facts.dotted(id).is_some_and(|text| names.contains(&text.rsplit('.').next().unwrap_or_default()))
        };
        match facts.expr(annotation) {
            Expr::Subscript { value, .. } => named(value, &["Literal", "type", "Type"]),
            _ if named(annotation, &["bool", "type"]) => true,
            _ => {
                let enumeration = self.catalogue().find("enum.Enum");
                evaluator.annotated(annotation).iter().any(|value| match value {
                    Value::Instance { class, .. } => self.linked.classes.external_bases(class).any(|base| {
                        enumeration.is_some_and(|enumeration| self.catalogue().is_subclass(base, enumeration))
                    }),
                    _ => false,
                })
            }
        }
    }

    /// Whether the objects of a method are told apart by what they hold: equal ones are one key of a cache.
    pub fn is_of_values(&self, method: FunctionId) -> bool {
        let (unit, facts) = self.function(method);
        let (file, _) = self.linked.ids.of_function(method);
        let Some(index) = facts.class else { return false };
        let class = self.linked.ids.class(file, index);
        let tuple = self.catalogue().find("typing.NamedTuple");
        let is_dataclass = |decorator: &ExprId| {
            let callee = match unit.facts.expr(*decorator) {
                Expr::Call(call) => unit.facts.call(call).callee,
                _ => *decorator,
            };
            unit.facts.dotted(callee).is_some_and(|name| name.ends_with("dataclass"))
        };
        self.linked.classes.method(class, NameHash::of("__hash__")).is_some()
            || self.linked.classes.external_bases(class).any(|base| Some(base) == tuple)
            || unit.facts.class(index).decorators.iter().any(is_dataclass)
    }

    /// Functions whose caches somebody clears: `lookup.cache_clear()`.
    pub fn cleared_caches(&self) -> FxHashSet<FunctionId> {
        let mut found = FxHashSet::default();
        for (file, unit) in self.files().filter(|(_, unit)| !unit.is_test) {
            for node in &unit.facts.exprs {
                let Expr::Attribute { value, attribute } = node.expr else { continue };
                if unit.facts.text(attribute) != "cache_clear" {
                    continue;
                }
                found.extend(self.evaluator(file).values(value).iter().filter_map(|value| match value {
                    Value::Function(function) | Value::Method { function, .. } => Some(function),
                    _ => None,
                }));
            }
        }
        found
    }

    /// Whether the objects that a method is called on are seen to be made again and again: per request, or in a service's
    /// loop. How many a library's users make is not known; of most that have a cache it is one.
    pub fn is_of_many_objects(&self, method: FunctionId) -> bool {
        let (file, _) = self.linked.ids.of_function(method);
        let Some(class) = self.function(method).1.class else { return false };
        let class = self.linked.ids.class(file, class);
        let mut family = std::iter::once(class).chain(self.linked.classes.subclasses(class).iter().copied());
        family.any(|class| {
            self.made_in(class).any(|frequency| {
                matches!(frequency, Frequency::Request | Frequency::Background | Frequency::Occasional)
            })
        })
    }
}

/// Whether a function calls something that one of the functions around it is given.
fn calls_parameter_of(facts: &FileFacts, inner: FunctionIndex, outer: &[FunctionIndex]) -> bool {
    facts.function(inner).calls.clone().any(|call| {
        let Expr::Name(name) = facts.expr(facts.calls[call as usize].callee) else { return false };
        outer.iter().any(|index| facts.function(*index).parameters.iter().any(|parameter| parameter.name == name))
    })
}
