//! Plans: what the code of a function does that takes time, whichever service runs it. Services share most of their code, and
//! so do the requests of each: what does not depend on them is looked up once.

use std::{ops::Range, sync::OnceLock};

use lagmap_facts::{ExprId, RegionId, RegionKind, ResultUse};
use lagmap_models::{EffectKind, RunContext, WireRole};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::{dispatch, reading::is_on_self};
use crate::{CallSite, CallView, EdgeKind, FunctionId, Interval, Program, Recurrence, Site, Surroundings};

/// How often a loop over data is taken to go round, at least and at most.
const ROUNDS_OF_LOOP: (f64, f64) = (1.0, 10.0);

/// The plans of all functions, each made when first asked for.
pub struct Plans<'a> {
    program: &'a Program,
    /// The calls at which some service waits for another.
    waits: FxHashSet<CallSite>,
    made: Vec<OnceLock<Plan>>,
}

/// What a function does that takes time.
#[derive(Default)]
pub struct Plan {
    /// Its calls that take time or wait, in order.
    pub calls: Vec<PlannedCall>,
    /// Its regions.
    pub regions: Range<u32>,
    /// What each region does with the costs in it.
    pub parts: Vec<PlannedRegion>,
    /// A field of a message may decide what it does.
    pub asks: bool,
}

/// A call that takes time or waits.
pub struct PlannedCall {
    /// The call.
    pub site: CallSite,
    /// Where it stands.
    pub region: RegionId,
    /// It calls a method of `self` or `super()`.
    pub on_self: bool,
    /// When it waits for work.
    pub receives: Receives,
    /// What it does itself: how long, and if it sleeps, the argument that says how long.
    pub effects: SmallVec<[(Interval, Option<ExprId>); 1]>,
    /// The project functions that it runs and waits for.
    pub targets: SmallVec<[FunctionId; 2]>,
    /// Those that another thread or process runs for it while it waits.
    pub handed: SmallVec<[FunctionId; 1]>,
    /// A field of a message may pick from its targets.
    pub picks: bool,
}

/// When a call waits for work, which is no part of the work.
pub enum Receives {
    /// Never.
    Never,
    /// Always.
    Always,
    /// If the service listens on one of these objects.
    On(SmallVec<[Site; 1]>),
}

/// What becomes of the costs in a region.
pub struct PlannedRegion {
    /// The region around it, if it is of the same function.
    pub parent: Option<RegionId>,
    /// How they count there.
    pub kind: PlannedKind,
}

/// How the costs in a region count.
pub enum PlannedKind {
    /// As they are.
    Plain,
    /// Not at all: it runs after errors or only the first time.
    Rare,
    /// If a condition holds, or does not.
    If {
        /// The condition.
        test: ExprId,
        /// Whether it has to hold.
        holds: bool,
        /// A field of a message may decide it.
        asks: bool,
    },
    /// As one of several.
    Case {
        /// What decides.
        subject: ExprId,
    },
    /// Again and again.
    Loop {
        /// How often, at least and at most.
        rounds: (f64, f64),
    },
}

impl<'a> Plans<'a> {
    /// The plans of a program in which services wait at these calls.
    pub fn new(program: &'a Program, waits: FxHashSet<CallSite>) -> Self {
        let mut made = Vec::new();
        made.resize_with(program.linked.ids.function_count(), OnceLock::new);
        Self { program, waits, made }
    }

    /// The plan of a function.
    pub fn of(&self, function: FunctionId) -> &Plan {
        self.made[function.0 as usize].get_or_init(|| self.plan(function))
    }

    fn plan(&self, function: FunctionId) -> Plan {
        let calls: Vec<PlannedCall> = self.program.calls(function).filter_map(|call| self.call(&call)).collect();
        if calls.is_empty() {
            return Plan::default();
        }
        let (file, index) = self.program.linked.ids.of_function(function);
        let facts = &self.program.linked.file(file).facts;
        let regions = facts.function(index).regions.clone();
        let part = |id: u32| {
            let region = facts.region(RegionId(id));
            let parent = region.parent.filter(|parent| regions.contains(&parent.0));
            let around = |region| self.program.around(file, region);
            let is_rare = parent.is_some_and(|parent| {
                around(RegionId(id)).recurrence != Recurrence::EveryCall
                    && around(parent).recurrence == Recurrence::EveryCall
            });
            let kind = match region.kind {
                RegionKind::Except { .. } => PlannedKind::Rare,
                _ if is_rare => PlannedKind::Rare,
                RegionKind::If { test, holds, .. } => {
                    PlannedKind::If { test, holds, asks: dispatch::asks(self.program, file, test) }
                }
                RegionKind::Case { subject, .. } => PlannedKind::Case { subject },
                kind if kind.is_loop() => {
                    let own = around(RegionId(id));
                    let is_data = !matches!(kind, RegionKind::While { .. }) || !own.forever;
                    // Of loops within loops the outermost counts: the inner ones mostly share its items among them.
                    let nested = parent.is_some_and(|parent| loops(around(parent)));
                    let rounds = if own.retried || nested || !is_data { (1.0, 1.0) } else { ROUNDS_OF_LOOP };
                    PlannedKind::Loop { rounds }
                }
                _ => PlannedKind::Plain,
            };
            PlannedRegion { parent, kind }
        };
        let parts: Vec<PlannedRegion> = regions.clone().map(part).collect();
        let asks = calls.iter().any(|call| call.picks)
            || parts.iter().any(|part| matches!(part.kind, PlannedKind::If { asks: true, .. }));
        Plan { calls, regions, parts, asks }
    }

    fn call(&self, call: &CallView<'_>) -> Option<PlannedCall> {
        let program = self.program;
        let effects: SmallVec<_> = call
            .own_effects()
            .map(|effect| {
                let argument = call.facts().arguments(call.call).first().copied();
                (effect.cost, argument.filter(|_| effect.kind == EffectKind::Sleep && call.has_tag("sleep")))
            })
            .collect();
        let mut targets: SmallVec<[FunctionId; 2]> = program.callees(call.site).into();
        let is_async = |target: &FunctionId| program.function(*target).1.is_async;
        if targets.iter().any(is_async) && !is_awaited(program, call) {
            targets.retain(|target| !is_async(target));
        }
        let handed = handed_over(program, call);
        if effects.is_empty() && targets.is_empty() && handed.is_empty() && !self.waits.contains(&call.site) {
            return None;
        }
        let picks = !targets.is_empty() && dispatch::table(program, call).is_some();
        Some(PlannedCall {
            site: call.site,
            region: call.region,
            on_self: is_on_self(call.facts(), call.id),
            receives: receives(program, call),
            effects,
            targets,
            handed,
            picks,
        })
    }
}

fn receives(program: &Program, call: &CallView<'_>) -> Receives {
    let catalogue = program.catalogue();
    let mut objects = SmallVec::new();
    for (model, object) in call.models() {
        if !catalogue.entry(model).is_some_and(|entry| entry.receives) {
            continue;
        }
        if catalogue.wire(model).is_none_or(|wire| wire.role != WireRole::Receives) {
            return Receives::Always;
        }
        objects.extend(object);
    }
    if objects.is_empty() { Receives::Never } else { Receives::On(objects) }
}

/// What another thread or process does for a call that waits for it: `await asyncio.to_thread(work)`.
fn handed_over(program: &Program, call: &CallView<'_>) -> SmallVec<[FunctionId; 1]> {
    let mut found = SmallVec::new();
    if !matches!(call.call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded) {
        return found;
    }
    let (facts, span) = (call.facts(), call.span());
    for edge in program.graph.from(call.function) {
        if matches!(edge.kind, EdgeKind::Callback(RunContext::Thread | RunContext::Process)) {
            let (_, id) = program.linked.ids.of_site(edge.site);
            if span.contains(facts.span(id)) {
                found.extend(program.targets(edge.to));
            }
        }
    }
    found
}

/// Whether a call of a coroutine function is waited for: by `await`, or by what it is handed to.
fn is_awaited(program: &Program, call: &CallView<'_>) -> bool {
    if matches!(call.call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded | ResultUse::Entered) {
        return true;
    }
    let span = call.span();
    program.calls(call.function).any(|other| {
        let name = other.facts().last_name(other.call.callee).map(|name| other.facts().text(name)).unwrap_or_default();
        let waits = matches!(name, "gather" | "wait_for" | "wait" | "shield" | "run" | "run_until_complete");
        waits && other.site != call.site && other.span().contains(span)
    }) || program
        .graph
        .from(call.function)
        .iter()
        .any(|edge| edge.site == call.expr() && matches!(edge.kind, EdgeKind::Call { awaited: true }))
}

/// Whether code stands in a loop over data already: one that neither tries again nor goes on for ever.
const fn loops(around: Surroundings) -> bool {
    around.loops > 1 || around.loops == 1 && !around.forever && !around.retried
}
