//! Traces: who runs a function, in which contexts, what it runs and what that costs, as trees for people.

use lagmap_facts::RegionId;
use lagmap_models::RunContext;
use serde::Serialize;

use crate::{
    Context, ContextSet, Edge, EdgeKind, Effect, FunctionId, Place, Program, Recurrence, Route, Target,
    contexts::is_framework,
};

/// How much of the trees to show.
#[derive(Clone, Copy, Debug)]
pub struct TraceLimits {
    /// How many calls up and down.
    pub depth: usize,
    /// How many callers or calls of one function; the rest is counted.
    pub breadth: usize,
}

/// All that the program knows of how one function runs.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// Its dotted name.
    pub function: String,
    /// Its file.
    pub path: String,
    /// Its line.
    pub line: u32,
    /// Where and how often it runs: `per-request on the event loop`. Empty: nothing that starts reaches it.
    pub contexts: Vec<String>,
    /// What a caller waits for: per kind the costliest.
    pub costs: Vec<TraceCost>,
    /// Who runs it.
    pub callers: Vec<Caller>,
    /// How many callers are left out.
    pub more_callers: usize,
    /// What it runs, the costliest first.
    pub calls: Vec<Called>,
    /// How many calls are left out.
    pub more_calls: usize,
}

/// What something costs.
#[derive(Clone, Debug, Serialize)]
pub struct TraceCost {
    /// The kind of work: `network`, `disk`, as in catalogue files.
    pub kind: &'static str,
    /// Typical low and high time, in milliseconds.
    pub ms: [f64; 2],
    /// Not on every call: `first call`, `first call with each key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<&'static str>,
    /// The library call that does it.
    pub what: String,
    /// Where that is called, as `path:line`.
    pub at: String,
}

/// Who runs a function.
#[derive(Clone, Debug, Serialize)]
pub struct Caller {
    /// Its dotted name.
    pub function: String,
    /// The file of the call.
    pub path: String,
    /// Its line.
    pub line: u32,
    /// How it makes it run: `calls`, `gives to a thread`.
    pub how: String,
    /// Where and how often the place of the call runs.
    pub contexts: Vec<String>,
    /// Who runs the caller. Empty where the tree ends.
    pub callers: Vec<Caller>,
    /// How many of them are left out.
    pub more: usize,
}

/// What a function runs.
#[derive(Clone, Debug, Serialize)]
pub struct Called {
    /// Its dotted name.
    pub name: String,
    /// The file of the call.
    pub path: String,
    /// Its line.
    pub line: u32,
    /// How it is made to run.
    pub how: String,
    /// The call stands in so many loops of its function.
    pub loops: u8,
    /// What that costs: per kind the costliest.
    pub costs: Vec<TraceCost>,
    /// What it runs in turn. Empty where the tree ends, and for what costs nothing worth naming.
    pub calls: Vec<Called>,
    /// How many of them are left out.
    pub more: usize,
}

impl Program {
    /// The functions that a dotted name may mean: all of it, or as much of its end as tells it apart.
    pub fn functions_named(&self, name: &str) -> Vec<FunctionId> {
        let all = || (0..self.linked.ids.function_count()).map(|index| FunctionId(index as u32));
        let exact: Vec<FunctionId> = all().filter(|function| self.function_name(*function) == name).collect();
        if !exact.is_empty() {
            return exact;
        }
        let ends = |function: &FunctionId| {
            self.function_name(*function).strip_suffix(name).is_some_and(|start| start.ends_with('.'))
        };
        all().filter(ends).collect()
    }

    /// The trace of a function.
    pub fn trace(&self, function: FunctionId, limits: TraceLimits) -> Trace {
        let (unit, facts) = self.function(function);
        let (callers, more_callers) = self.callers_of(function, limits, &mut vec![function]);
        let (calls, more_calls) = self.called_by(function, limits, &mut vec![function]);
        Trace {
            function: self.function_name(function),
            path: unit.path.clone(),
            line: unit.lines.position(facts.name_span.start).line,
            contexts: labels(self.contexts.of(function)),
            costs: self.costs(self.effects.total(function)),
            callers,
            more_callers,
            calls,
            more_calls,
        }
    }

    fn callers_of(
        &self,
        function: FunctionId,
        limits: TraceLimits,
        path: &mut Vec<FunctionId>,
    ) -> (Vec<Caller>, usize) {
        if path.len() > limits.depth {
            return (Vec::new(), 0);
        }
        let mut edges: Vec<&Edge> = self.incoming(function).collect();
        edges.sort_by_key(|edge| (edge.site, edge.from));
        edges.dedup_by_key(|edge| (edge.site, edge.from, std::mem::discriminant(&edge.kind)));
        let more = edges.len().saturating_sub(limits.breadth);
        let mut found = Vec::new();
        for edge in edges.into_iter().take(limits.breadth) {
            let (place, line) = self.line_of(edge);
            let (mut callers, mut more) = (Vec::new(), 0);
            // Who registers something with a framework is not who runs it.
            if !path.contains(&edge.from) && !matches!(edge.kind, EdgeKind::Callback(context) if is_framework(context))
            {
                path.push(edge.from);
                (callers, more) = self.callers_of(edge.from, limits, path);
                path.pop();
            }
            found.push(Caller {
                function: self.function_name(edge.from),
                path: place,
                line,
                how: how(edge, self),
                contexts: labels(self.all_contexts_at(edge.from, edge.region)),
                callers,
                more,
            });
        }
        (found, more)
    }

    fn called_by(&self, function: FunctionId, limits: TraceLimits, path: &mut Vec<FunctionId>) -> (Vec<Called>, usize) {
        if path.len() > limits.depth {
            return (Vec::new(), 0);
        }
        let mut found: Vec<(Option<FunctionId>, Called)> = Vec::new();
        for effect in self.effects.own(function) {
            let call = self.call(effect.source);
            found.push((
                None,
                Called {
                    name: self.catalogue().path(effect.model),
                    path: call.unit.path.clone(),
                    line: call.unit.lines.position(call.span().start).line,
                    how: "calls".to_owned(),
                    loops: call.around().loops,
                    costs: self.costs(&[Effect { recurrence: call.around().recurrence, ..*effect }]),
                    calls: Vec::new(),
                    more: 0,
                },
            ));
        }
        for edge in self.graph.from(function) {
            if matches!(edge.kind, EdgeKind::Import | EdgeKind::Define) || matches!(edge.to, Target::Instance(_)) {
                continue;
            }
            let (place, line) = self.line_of(edge);
            for target in self.targets(edge.to) {
                let name = self.function_name(target);
                if found.iter().any(|(_, called)| (called.line, &called.name) == (line, &name)) {
                    continue;
                }
                let called = Called {
                    name,
                    path: place.clone(),
                    line,
                    how: how(edge, self),
                    loops: self.around_edge(function, edge.region).loops,
                    costs: self.costs(self.effects.total(target)),
                    calls: Vec::new(),
                    more: 0,
                };
                found.push((Some(target), called));
            }
        }
        let costliest = |called: &Called| called.costs.iter().map(|cost| cost.ms[1]).fold(0.0, f64::max);
        found.sort_by(|(_, a), (_, b)| costliest(b).total_cmp(&costliest(a)).then(a.line.cmp(&b.line)));
        let more = found.len().saturating_sub(limits.breadth);
        found.truncate(limits.breadth);
        for (target, called) in &mut found {
            if let Some(target) = target.filter(|target| !called.costs.is_empty() && !path.contains(target)) {
                path.push(target);
                (called.calls, called.more) = self.called_by(target, limits, path);
                path.pop();
            }
        }
        (found.into_iter().map(|(_, called)| called).collect(), more)
    }

    fn around_edge(&self, function: FunctionId, region: RegionId) -> crate::Surroundings {
        self.around(self.linked.ids.of_function(function).0, region)
    }

    fn line_of(&self, edge: &Edge) -> (String, u32) {
        let (unit, _, span) = self.place(edge.site);
        (unit.path.clone(), unit.lines.position(span.start).line)
    }

    fn costs(&self, effects: &[Effect]) -> Vec<TraceCost> {
        let mut costs: Vec<TraceCost> = effects
            .iter()
            .map(|effect| {
                let call = self.call(effect.source);
                let line = call.unit.lines.position(call.span().start).line;
                TraceCost {
                    kind: effect.kind.label(),
                    ms: [effect.cost.low, effect.cost.high],
                    recurrence: match effect.recurrence {
                        Recurrence::EveryCall => None,
                        Recurrence::EachKey => Some("first call with each key"),
                        Recurrence::FirstCall => Some("first call"),
                    },
                    what: self.catalogue().path(effect.model),
                    at: format!("{}:{line}", call.unit.path),
                }
            })
            .collect();
        costs.sort_by(|a, b| b.ms[1].total_cmp(&a.ms[1]));
        costs
    }
}

pub(crate) fn labels(contexts: ContextSet) -> Vec<String> {
    contexts.iter().map(Context::label).collect()
}

impl Context {
    /// What it is called: `per-request on the event loop`.
    pub fn label(self) -> String {
        let place = match self.place {
            Place::Main => "on the main thread",
            Place::EventLoop => "on the event loop",
            Place::Worker => "in a thread",
            Place::Process => "in a process",
        };
        format!("{} {place}", self.frequency.label())
    }
}

/// How an edge makes its target run.
fn how(edge: &Edge, program: &Program) -> String {
    let how = match edge.kind {
        EdgeKind::Call { .. } => "calls",
        EdgeKind::Construct(class) => return format!("makes a {}", program.class_name(class)),
        EdgeKind::HandedOver => "hands over",
        EdgeKind::Import => "imports",
        EdgeKind::Define => "defines",
        EdgeKind::Implicit => "uses",
        EdgeKind::Callback(context) => match context {
            RunContext::Caller => "has called",
            RunContext::EventLoop => "gives to the event loop",
            RunContext::Handler | RunContext::LoopHandler => "registers as a handler",
            RunContext::Task => "registers as a task",
            RunContext::Thread => "gives to a thread",
            RunContext::Process => "gives to a process",
            RunContext::Periodic => "schedules",
            RunContext::Startup => "registers for the start",
            RunContext::Shutdown => "registers for the end",
            RunContext::Script => "registers as a command",
            RunContext::Test => "registers as a test",
        },
    };
    match edge.route {
        Route::Direct | Route::Kept => how.to_owned(),
        Route::Chosen | Route::Captured => format!("{how} (one of several)"),
        Route::Wrapped(_) => {
            let wrappers = program.graph.way(edge).iter().map(|passage| program.short_name(passage.from));
            format!("{how} (through {})", wrappers.collect::<Vec<_>>().join(", "))
        }
    }
}
