//! Tasks: functions that workers run for those who hand them something: `send_mail.delay(user)`.

use std::sync::Arc;

use lagmap_facts::{CallId, Expr, ExprId, FunctionIndex};
use lagmap_models::{ModelId, WireModel, WireRole};
use lagmap_system::{Entry, Runs, Service};
use rustc_hash::FxHashMap;

use super::{
    endpoints::Endpoint,
    frame::{Caller, Frame},
    reading::Reader,
};
use crate::{CallSite, FileId, FunctionId, Program, Value, Values};

/// A task.
struct Task<'a> {
    /// The name under which others may ask for it.
    name: String,
    wire: &'a WireModel,
}

/// The tasks of a program, and the calls that hand them something.
#[derive(Default)]
pub struct Tasks<'a> {
    by_function: FxHashMap<FunctionId, Task<'a>>,
    by_name: FxHashMap<String, FunctionId>,
    handed: Vec<(CallSite, FunctionId)>,
}

impl<'a> Tasks<'a> {
    /// Finds them.
    pub fn of(program: &'a Program) -> Self {
        let mut found = Self::default();
        let is_marked =
            |model: ModelId| program.catalogue().wire(model).is_some_and(|wire| wire.role == WireRole::Tasks);
        if !program.catalogue().wired().any(is_marked) {
            return found;
        }
        for (index, unit) in program.linked.files.iter().enumerate() {
            let file = FileId(index as u32);
            if unit.is_test {
                continue;
            }
            for (index, function) in (0..).zip(&unit.facts.functions) {
                for decorator in &function.decorators {
                    let Some((wire, name)) = marking(program, file, *decorator) else { continue };
                    let id = program.linked.ids.function(file, FunctionIndex(index));
                    let name = name.unwrap_or_else(|| program.function_name(id));
                    found.by_name.insert(name.clone(), id);
                    found.by_function.insert(id, Task { name, wire });
                }
            }
        }
        if !found.by_function.is_empty() {
            found.handed = found.handing(program);
        }
        found
    }

    /// The calls that hand something to a task.
    fn handing(&self, program: &Program) -> Vec<(CallSite, FunctionId)> {
        let mut handed = Vec::new();
        for (index, unit) in program.linked.files.iter().enumerate() {
            let file = FileId(index as u32);
            if unit.is_test {
                continue;
            }
            let facts = &unit.facts;
            for (id, call) in (0..).zip(&facts.calls) {
                let Expr::Attribute { value, attribute } = facts.expr(call.callee) else { continue };
                let name = facts.text(attribute);
                if !self.by_function.values().any(|task| task.wire.handed_by.iter().any(|by| by == name)) {
                    continue;
                }
                if let Some(task) = self.named(program, file, value)
                    && self.by_function[&task].wire.handed_by.iter().any(|by| by == name)
                {
                    handed.push((program.linked.ids.call(file, CallId(id)), task));
                }
            }
        }
        handed
    }

    /// The task that an expression is, or a call of its attributes: `send_mail.s(user)`.
    fn named(&self, program: &Program, file: FileId, id: ExprId) -> Option<FunctionId> {
        let facts = &program.linked.file(file).facts;
        if let Expr::Call(call) = facts.expr(id)
            && let Expr::Attribute { value, .. } = facts.expr(facts.call(call).callee)
        {
            return self.task_among(&program.evaluator(file).values(value));
        }
        self.task_among(&program.evaluator(file).values(id))
    }

    fn task_among(&self, values: &Values) -> Option<FunctionId> {
        values.iter().find_map(|value| match value {
            Value::Function(function) | Value::Method { function, .. } => {
                self.by_function.contains_key(&function).then_some(function)
            }
            _ => None,
        })
    }

    /// The endpoints of a service that hand something to tasks by their functions.
    pub fn endpoints(&self, program: &Program, reader: &Reader<'_>, service: usize) -> Vec<Endpoint> {
        let own = self.handed.iter().filter(|(call, _)| reader.reaches(program.call(*call).function));
        own.map(|(call, function)| {
            let receiver = reader.receivers(program.call(*call).function).first().copied().flatten();
            let frame = Frame { function: program.call(*call).function, receiver, caller: Caller::Any };
            let task = &self.by_function[function];
            Endpoint {
                service,
                call: *call,
                role: WireRole::Publishes,
                protocol: task.wire.protocol.clone(),
                kind: None,
                one_at_a_time: false,
                is_health: false,
                object: None,
                receiver,
                frame: Arc::new(frame),
                others: Vec::new(),
                addresses: Vec::new(),
                ports: Vec::new(),
                topics: vec![task.name.clone()],
                handlers: vec![*function],
            }
        })
        .collect()
    }

    /// Says which function runs for what is handed to a task by its name.
    pub fn complete(&self, endpoint: &mut Endpoint) {
        if endpoint.role != WireRole::Publishes || !endpoint.handlers.is_empty() {
            return;
        }
        let named = endpoint.topics.iter().filter_map(|topic| self.by_name.get(topic));
        endpoint.handlers =
            named.filter(|task| self.by_function[*task].wire.protocol == endpoint.protocol).copied().collect();
    }
}

/// Whether a decorator makes a task, with the name that it gives it.
fn marking(program: &Program, file: FileId, decorator: ExprId) -> Option<(&WireModel, Option<String>)> {
    let facts = &program.linked.file(file).facts;
    let (callee, call) = match facts.expr(decorator) {
        Expr::Call(call) => (facts.call(call).callee, Some(facts.call(call))),
        _ => (decorator, None),
    };
    let wire = program.evaluator(file).values(callee).iter().find_map(|value| match value {
        Value::External(model) | Value::Bound { method: model, .. } if model != ModelId::UNKNOWN => {
            program.catalogue().wire(model).filter(|wire| wire.role == WireRole::Tasks)
        }
        _ => None,
    })?;
    let given = call
        .zip(wire.topic.as_ref())
        .and_then(|(call, topic)| facts.argument(call, topic.argument.as_deref(), topic.position));
    let name = given.and_then(|given| match facts.expr(given) {
        Expr::Str(text) => Some(facts.text(text).to_owned()),
        _ => None,
    });
    Some((wire, name))
}

/// Whether a service runs a task: a worker that has its code, or one that runs whatever is in its queue.
pub fn takes(program: &Program, service: usize, protocol: &str, task: FunctionId) -> bool {
    let declared: &Service = &program.system.services[service];
    if declared.runs != Runs::Worker {
        return false;
    }
    let is_open =
        declared.entry == Entry::Queue && declared.command.as_deref().is_some_and(|command| command.contains(protocol));
    is_open || program.reaches[service].functions.contains(task.0 as usize)
}
