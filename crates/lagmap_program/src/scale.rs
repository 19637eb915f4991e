//! Scale: whether data is known to be as much as comes from outside, rather than the few entries that most lists have.

use lagmap_facts::{CompareOp, Expr, ExprId, FileFacts, OpKind, ParameterKind, RegionId, RegionKind};
use lagmap_models::{EffectKind, RunContext};

use crate::{
    CallView, Cell, Context, EdgeKind, FileId, Frequency, FunctionId, Program, Site, Source, Value, guards::guards,
    matching::iterable,
};

/// How far data is followed to where it comes from.
const DEEPEST: u32 = 8;
/// So many callers, and functions that a call may mean, are asked.
const MOST_CALLERS: usize = 6;
const MOST_CALLEES: usize = 3;
/// A literal of more items than this is a table.
const TABLE: u32 = 16;

/// Who may pass data to the functions of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Givers {
    /// Its own code and whoever sends it requests.
    Requests,
    /// Its users too: it is a library, and what they pass may have any length.
    Users,
}

impl Program {
    /// Who may pass data to the program's functions.
    pub fn givers(&self) -> Givers {
        if self.is_application() { Givers::Requests } else { Givers::Users }
    }

    /// Whether a list is known to be as long as data from outside is: read from a file, a database or the network, filled in
    /// a loop over such data or over what others give, or kept and added to with each message.
    pub fn has_scale(&self, site: Site, givers: Givers) -> bool {
        self.is_scaled(site, givers, DEEPEST)
    }

    /// The same of what an expression gives.
    pub fn may_be_long(&self, file: FileId, id: ExprId, givers: Givers) -> bool {
        self.is_scaled_here(file, id, givers, DEEPEST)
    }

    /// Whether one of the loops around a place goes over words, lines or records that may be many, rather than over the
    /// fields of one record.
    pub fn is_in_loop_over_records(&self, file: FileId, region: RegionId, givers: Givers) -> bool {
        let facts = &self.linked.file(file).facts;
        let is_fields = |all: ExprId| {
            let by_name = match facts.expr(all) {
                Expr::Call(call) => match facts.expr(facts.call(call).callee) {
                    Expr::Attribute { attribute, .. } => matches!(facts.text(attribute), "items" | "keys"),
                    _ => false,
                },
                _ => false,
            };
            let dict = self.catalogue().dict();
            let values = self.evaluator(file).values(all);
            by_name || values.iter().any(|value| matches!(value, Value::Object { model, .. } if model == dict))
        };
        facts.enclosing(region).any(|(looped, _)| {
            iterable(facts, looped).is_some_and(|all| !is_fields(all) && self.may_be_long(file, all, givers))
        })
    }

    /// Whether the innermost loop around a place goes over data that may be long, or is no loop over data.
    pub fn is_looped_over_much(&self, file: FileId, region: RegionId, givers: Givers) -> bool {
        let facts = &self.linked.file(file).facts;
        let looped = facts.enclosing(region).find(|(_, region)| region.kind.is_loop());
        let all = looped.and_then(|(looped, _)| iterable(facts, looped));
        all.is_none_or(|all| self.may_be_long(file, all, givers))
    }

    /// How many items are written in the literal that makes a list.
    pub fn written_length(&self, site: Site) -> Option<u32> {
        let (file, id) = self.linked.ids.of_site(site);
        match self.linked.file(file).facts.expr(id) {
            Expr::List(list) | Expr::Tuple(list) => Some(list.len).filter(|len| *len > 0),
            _ => None,
        }
    }

    fn is_addition(&self, call: &CallView<'_>, site: Site) -> bool {
        call.models().any(|(model, receiver)| {
            receiver == Some(site) && self.catalogue().entry(model).is_some_and(|entry| entry.grows)
        })
    }

    /// Whether what is added is reported as an error or warning, too: it is the exception, and few of many are.
    fn is_beside_warning(&self, addition: &CallView<'_>) -> bool {
        let facts = addition.facts();
        matches!(facts.region(addition.region).kind, RegionKind::If { .. })
            && self.calls(addition.function).any(|call| call.region == addition.region && call.has_tag("logs-problem"))
    }

    /// `if handler not in handlers: handlers.append(handler)`, of what has been seen before.
    fn adds_one_of_few(&self, call: &CallView<'_>) -> bool {
        let facts = call.facts();
        let Expr::Attribute { value, .. } = facts.expr(call.call.callee) else { return false };
        let Some(name) = facts.dotted(value) else { return false };
        let item = facts.arguments(call.call).first();
        guards(facts, call.region, &name).absent && item.is_some_and(|item| !self.is_open_key(call.file, *item, 3))
    }

    fn is_scaled(&self, site: Site, givers: Givers, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let (file, id) = self.linked.ids.of_site(site);
        let made = match self.linked.file(file).facts.expr(id) {
            Expr::Comprehension { .. } | Expr::Call(_) => self.is_scaled_here(file, id, givers, depth),
            Expr::List(list) | Expr::Tuple(list) => list.len > TABLE,
            _ => false,
        };
        let persists =
            || self.holders(site).iter().any(|cell| matches!(cell, Cell::Attribute(..) | Cell::Variable(..)));
        let often = |context: Context| matches!(context.frequency, Frequency::Request | Frequency::Background);
        made || self.calls_on(site).any(|call| {
            let facts = call.facts();
            let by_loop = || {
                facts.enclosing(call.region).any(|(looped, _)| {
                    iterable(facts, looped).is_some_and(|all| self.is_scaled_here(call.file, all, givers, depth))
                })
            };
            self.is_addition(&call, site)
                && !call.around().handler
                && !self.is_beside_warning(&call)
                && (by_loop() || persists() && call.contexts().any(often) && !self.adds_one_of_few(&call))
        })
    }

    fn is_scaled_here(&self, file: FileId, id: ExprId, givers: Givers, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let facts = &self.linked.file(file).facts;
        let objects = || {
            self.evaluator(file).values(id).iter().any(|value| match value {
                Value::Object { site, .. } => {
                    site != self.linked.ids.site(file, id) && self.is_scaled(site, givers, depth)
                }
                _ => false,
            })
        };
        match facts.expr(id) {
            Expr::Await(inner) | Expr::Starred(inner) => self.is_scaled_here(file, inner, givers, depth),
            Expr::Comprehension { element, .. } => {
                !is_selection(facts, id, element)
                    && self
                        .comprehended(file, id, element)
                        .is_some_and(|all| self.is_scaled_here(file, all, givers, depth))
            }
            Expr::Call(call) => {
                let call = self.call(self.linked.ids.call(file, call));
                self.asks_outside(&call)
                    || self.is_view_of_much(&call, givers, depth)
                    || self.returns_much(&call, givers, depth)
                    || objects()
            }
            Expr::Binary { left, right, .. } => {
                [left, right].into_iter().any(|part| self.is_scaled_here(file, part, givers, depth))
            }
            Expr::Name(_) => self.is_name_of_much(file, id, givers, depth) || objects(),
            // A part of what a request carries.
            Expr::Attribute { value, .. } => self.is_given_with_request(file, value) || objects(),
            Expr::Subscript { value, index } => {
                matches!(facts.expr(index), Expr::Str(_)) && self.is_message(file, value)
                    || self.is_scaled_here(file, value, givers, depth)
                    || objects()
            }
            _ => objects(),
        }
    }

    /// Data that a call fetches from a file, a database or the network, or receives as a message.
    fn asks_outside(&self, call: &CallView<'_>) -> bool {
        let outside =
            |kind| matches!(kind, EffectKind::Disk | EffectKind::Database | EffectKind::Network | EffectKind::Message);
        call.models()
            .any(|(model, _)| self.catalogue().entry(model).is_some_and(|entry| entry.effect.is_some_and(outside)))
    }

    /// The items, words, lines or another order of something that is long itself.
    fn is_view_of_much(&self, call: &CallView<'_>, givers: Givers, depth: u32) -> bool {
        let facts = call.facts();
        let arguments = facts.arguments(call.call);
        match facts.expr(call.call.callee) {
            Expr::Attribute { value, attribute } => {
                let name = facts.text(attribute);
                // The words or lines of a text; what a separator parts are the fields of one record.
                let is_parted = name == "split" && !arguments.is_empty();
                let is_text = !is_parted && matches!(name, "split" | "splitlines");
                let is_constant = matches!(facts.expr(value), Expr::Str(_));
                // A mapping that one is given is one record, and its keys are the record's fields.
                let is_record = name == "items" && self.is_given_name(call.file, value);
                let views =
                    ["items", "values", "keys", "copy", "lower", "upper", "strip", "split", "splitlines", "all"];
                is_text && !is_constant
                    || !is_parted
                        && !is_record
                        && (call.models().next().is_some() || views.contains(&name))
                        && std::iter::once(&value)
                            .chain(arguments)
                            .any(|part| self.is_scaled_here(call.file, *part, givers, depth))
            }
            Expr::Name(_) if call.models().next().is_some() => {
                arguments.iter().any(|part| self.is_scaled_here(call.file, *part, givers, depth))
            }
            _ => false,
        }
    }

    /// A function of the program that returns much.
    fn returns_much(&self, call: &CallView<'_>, givers: Givers, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(2) else { return false };
        self.callees(call.site).into_iter().take(MOST_CALLEES).any(|function| {
            let (file, _) = self.linked.ids.of_function(function);
            let (unit, scope) = self.function(function);
            unit.facts.ops(scope).iter().any(|op| match op.kind {
                OpKind::Return(value) if value != ExprId::NONE => self.is_scaled_here(file, value, givers, depth),
                _ => false,
            })
        })
    }

    /// A name that is bound to much, or a parameter that others give.
    fn is_name_of_much(&self, file: FileId, id: ExprId, givers: Givers, depth: u32) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let Expr::Name(name) = facts.expr(id) else { return false };
        let node = &facts.exprs[id.0 as usize];
        let scope = facts.region(node.region).function;
        let function = self.linked.ids.function(file, scope);
        unit.scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region).any(|binding| {
            match binding.source {
                Source::Value(value) => value != id && self.is_scaled_here(file, value, givers, depth),
                Source::Parameter(index) => self.is_given(function, index as usize, givers, depth),
                _ => false,
            }
        })
    }

    /// A name that is a parameter or the item of a loop, rather than something that the function makes.
    fn is_given_name(&self, file: FileId, id: ExprId) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let Expr::Name(name) = facts.expr(id) else { return false };
        let node = &facts.exprs[id.0 as usize];
        let scope = facts.region(node.region).function;
        let mut bindings =
            unit.scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region).peekable();
        bindings.peek().is_some()
            && bindings.all(|binding| matches!(binding.source, Source::Parameter(_) | Source::Iteration(_)))
    }

    /// A parameter for which users of a library or senders of requests pass what they like, or a caller passes much. As many
    /// as a call writes down are few: `*args`.
    fn is_given(&self, function: FunctionId, index: usize, givers: Givers, depth: u32) -> bool {
        let (unit, scope) = self.function(function);
        let parameter = &scope.parameters[index];
        let Some(position) = index.checked_sub(usize::from(self.takes_receiver(function))) else { return false };
        if matches!(parameter.kind, ParameterKind::Variadic | ParameterKind::VariadicKeyword) {
            return false;
        }
        let calls = self.incoming(function).filter(|edge| self.is_live(edge.from)).filter_map(|edge| {
            let (file, id) = self.linked.ids.of_site(edge.site);
            match self.linked.file(file).facts.expr(id) {
                Expr::Call(call) if matches!(edge.kind, EdgeKind::Call { .. } | EdgeKind::Construct(_)) => {
                    Some(self.call(self.linked.ids.call(file, call)))
                }
                _ => None,
            }
        });
        let mut calls = calls.take(MOST_CALLERS).peekable();
        let by_users = givers == Givers::Users
            && calls.peek().is_none()
            && self.contexts_of(function).any(|context| context.frequency == Frequency::Library);
        let name = unit.facts.text(parameter.name);
        let by_callers = |depth: u32| {
            calls.any(|call| {
                let given = call.argument(Some(name), u32::try_from(position).ok());
                given.is_some_and(|given| self.is_scaled_here(call.file, given, givers, depth))
            })
        };
        by_users || self.is_handler(function) || depth.checked_sub(2).is_some_and(by_callers)
    }

    /// The one parameter of a function that runs per request: what it holds under its keys came with the message.
    fn is_message(&self, file: FileId, id: ExprId) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let Expr::Name(name) = facts.expr(id) else { return false };
        let scope = facts.region(facts.exprs[id.0 as usize].region).function;
        let function = self.linked.ids.function(file, scope);
        let receiver = usize::from(self.takes_receiver(function));
        let parameters = facts.function(scope).parameters.get(receiver..).unwrap_or_default();
        matches!(parameters, [only] if only.name == name)
            && self.contexts_of(function).any(|context| context.frequency == Frequency::Request)
    }

    /// A parameter of a request handler: its parts are what the request carries.
    fn is_given_with_request(&self, file: FileId, id: ExprId) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let Expr::Name(name) = facts.expr(id) else { return false };
        let scope = facts.region(facts.exprs[id.0 as usize].region).function;
        let function = self.linked.ids.function(file, scope);
        let receiver = usize::from(self.takes_receiver(function));
        let parameters = facts.function(scope).parameters.iter();
        let is_parameter = parameters.skip(receiver).any(|parameter| parameter.name == name);
        // The request itself, as a framework has it, is no data.
        is_parameter
            && self.is_handler(function)
            && !self.evaluator(file).values(id).iter().any(|value| matches!(value, Value::Object { .. }))
    }

    /// A part of a request, as a framework has it: `request.json["word"]`, `request.args.get("word")`.
    pub(crate) fn is_of_request(&self, file: FileId, id: ExprId, depth: u32) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let is_request = |value: Value| {
            let class = match value {
                Value::Object { model, .. } => Some(model),
                Value::External(model) => self.catalogue().returns(model),
                _ => None,
            };
            class.is_some_and(|class| self.catalogue().has_tag(class, "request"))
        };
        match facts.expr(id) {
            Expr::Name(name) => {
                let node = &facts.exprs[id.0 as usize];
                let scope = facts.region(node.region).function;
                unit.scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region).any(
                    |binding| matches!(binding.source, Source::Value(value) if self.is_of_request(file, value, depth)),
                )
            }
            Expr::Await(value) | Expr::Subscript { value, .. } => self.is_of_request(file, value, depth),
            Expr::Attribute { value, .. } => self.evaluator(file).values(value).iter().any(is_request),
            Expr::Call(call) => match facts.expr(facts.call(call).callee) {
                Expr::Attribute { value, .. } => {
                    self.evaluator(file).values(value).iter().any(is_request) || self.is_of_request(file, value, depth)
                }
                _ => false,
            },
            _ => false,
        }
    }

    pub(crate) fn is_handler(&self, function: FunctionId) -> bool {
        self.incoming(function).any(|edge| {
            matches!(edge.kind, EdgeKind::Callback(RunContext::Handler | RunContext::LoopHandler | RunContext::Task))
        })
    }
}

/// Whether a comprehension only takes what is equal to something, or of some class: mostly one or none.
fn is_selection(facts: &FileFacts, comprehension: ExprId, element: ExprId) -> bool {
    let outside = facts.exprs[comprehension.0 as usize].region;
    let mut inside =
        facts.enclosing(facts.exprs[element.0 as usize].region).take_while(|(region, _)| *region != outside);
    inside.any(|(_, region)| match region.kind {
        RegionKind::If { test, holds: true, .. } => match facts.expr(test) {
            Expr::Compare { op, .. } => matches!(op, CompareOp::Equal | CompareOp::Is),
            Expr::Call(call) => facts.dotted(facts.call(call).callee).as_deref() == Some("isinstance"),
            _ => false,
        },
        _ => false,
    })
}
