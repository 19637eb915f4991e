//! Starting: how long each service takes until it is up, and the chain of services that the whole system waits for.
//!
//! What counts is what the entry of a service does once, on its way to serving, and waits for: library calls with a cost in
//! functions that run at its start or while its modules are imported, on its main thread or event loop. Each call counts once,
//! loops of unknown length as one round; what only happens after an error does not count, nor what threads do beside it.
//! Services start in the order of their dependencies, each when all that it needs is up.

use lagmap_facts::{RegionId, RegionKind};
use lagmap_models::EffectKind;
use lagmap_system::{ServiceId, needs, start_order};
use rayon::prelude::*;

use crate::{
    FunctionId, Interval, Program, Step,
    contexts::{Context, Contexts, Frequency, Place},
    effects::Effect,
    entered::Entered,
    reach::active,
};

/// The delays that are kept of each service, the longest first.
const MOST_DELAYS: usize = 5;
/// Shorter ones delay nothing that anybody would notice, in milliseconds.
const SHORTEST_DELAY: f64 = 5.0;

/// How the system starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Startup {
    /// Each service, in the order of [`lagmap_system::System::services`].
    pub services: Vec<ServiceStart>,
    /// The chain that the last service to be up waits for, in the order in which it starts. Empty if nothing takes time.
    pub critical_path: Vec<ServiceId>,
}

/// How one service starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceStart {
    /// How long it takes, once all that it needs is up.
    pub own: Interval,
    /// When it is up, from the start of the system.
    pub up: Interval,
    /// The service that it waits for longest.
    pub waits_for: Option<ServiceId>,
    /// What takes the time, the longest first.
    pub delays: Vec<Delay>,
}

/// Something that a service does at its start and waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Delay {
    /// What kind of work.
    pub kind: EffectKind,
    /// How long it takes.
    pub cost: Interval,
    /// The call, and what it does.
    pub step: Step,
    /// How the service gets there.
    pub path: Vec<Step>,
}

impl Program {
    /// How the system starts.
    pub fn startup(&self) -> Startup {
        let mut services: Vec<ServiceStart> =
            (0..self.system.services.len()).into_par_iter().map(|index| self.service_start(index)).collect();
        let needs = needs(&self.system);
        for group in start_order(&self.system) {
            for &id in &group {
                // What waits for each other in a circle has no first; it waits for those outside.
                let outside = needs.get(id.index()).into_iter().flatten().filter(|need| !group.contains(need));
                let last = outside.copied().max_by(|a, b| {
                    let up = |id: &ServiceId| services.get(id.index()).map_or(0.0, |start| start.up.high);
                    up(a).total_cmp(&up(b)).then(b.cmp(a))
                });
                let before = last.and_then(|id| services.get(id.index())).map_or(Interval::default(), |start| start.up);
                if let Some(start) = services.get_mut(id.index()) {
                    start.waits_for = last;
                    start.up = before.plus(start.own);
                }
            }
        }
        let critical_path = critical_path(&services);
        Startup { services, critical_path }
    }

    fn service_start(&self, index: usize) -> ServiceStart {
        let Some(service) = self.system.services.get(index) else { return ServiceStart::default() };
        let entered = Entered::of(&self.linked, service);
        let Some(reach) = self.reaches.get(index) else { return ServiceStart::default() };
        // What other services make is not here: virtual calls go to the classes that this one makes.
        let dispatches = 0..self.graph.dispatches.len() as u32;
        let live: Vec<Vec<FunctionId>> =
            dispatches.map(|dispatch| active(&self.graph, dispatch, &reach.classes)).collect();
        let contexts = Contexts::spread_where(
            &self.linked,
            &self.graph,
            &entered.entries,
            &entered.scripts,
            &live,
            |context, edge| is_before_serving(context) && !self.is_left_for_the_end(edge.from, edge.region),
        );
        let waits = f64::from(service.waits_ms);
        let mut start = ServiceStart { own: Interval::new(waits, waits), ..ServiceStart::default() };
        let mut delays: Vec<(Delay, FunctionId, Context)> = Vec::new();
        for index in 0..self.linked.ids.function_count() {
            let function = FunctionId(index as u32);
            if contexts.of(function).is_empty() {
                continue;
            }
            for effect in self.effects.own(function).iter().filter(|effect| delays_start(effect)) {
                let call = self.call(effect.source);
                let around = call.around();
                let branch = self.graph.branches.branch(&self.linked, function, call.region);
                let found = contexts
                    .within(contexts.of_branch(function, branch), around)
                    .iter()
                    .find(|context| is_before_serving(*context));
                if found.is_none() || around.handler || self.is_left_for_the_end(function, call.region) {
                    continue;
                }
                start.own = start.own.plus(effect.cost);
                let Some(context) = contexts.of(function).iter().find(|context| is_before_serving(*context)) else {
                    continue;
                };
                if effect.cost.high >= SHORTEST_DELAY {
                    let step = Step { site: call.expr(), note: self.effect_note(effect.kind, effect.model) };
                    let delay = Delay { kind: effect.kind, cost: effect.cost, step, path: Vec::new() };
                    delays.push((delay, function, context));
                }
            }
        }
        delays.sort_by(|(a, ..), (b, ..)| {
            b.cost
                .high
                .total_cmp(&a.cost.high)
                .then(b.cost.low.total_cmp(&a.cost.low))
                .then(a.step.site.cmp(&b.step.site))
        });
        delays.truncate(MOST_DELAYS);
        start.delays = delays
            .into_iter()
            .map(|(delay, function, context)| Delay { path: self.path_in(&contexts, function, context), ..delay })
            .collect();
        start
    }
}

impl Program {
    /// Whether code in a region runs only after an error, or when all is over.
    fn is_left_for_the_end(&self, function: FunctionId, region: RegionId) -> bool {
        let (file, _) = self.linked.ids.of_function(function);
        let mut around = self.linked.file(file).facts.enclosing(region);
        around.any(|(_, region)| matches!(region.kind, RegionKind::Finally { .. } | RegionKind::Except { .. }))
    }
}

/// Whether code in a context runs before the service is up, and is waited for.
const fn is_before_serving(context: Context) -> bool {
    matches!(context.frequency, Frequency::Startup | Frequency::Import | Frequency::Script)
        && matches!(context.place, Place::Main | Place::EventLoop)
}

/// Whether an effect holds a start up. Waiting for threads, locks and messages is what a service does once it is up.
const fn delays_start(effect: &Effect) -> bool {
    !matches!(effect.kind, EffectKind::Wait | EffectKind::Lock | EffectKind::Message)
}

fn critical_path(services: &[ServiceStart]) -> Vec<ServiceId> {
    let last = (0..services.len()).max_by(|a, b| services[*a].up.high.total_cmp(&services[*b].up.high).then(b.cmp(a)));
    let Some(last) = last.filter(|last| services[*last].up.high > 0.0) else { return Vec::new() };
    let mut path = vec![ServiceId(last as u32)];
    while let Some(before) = path.last().and_then(|id| services.get(id.index())).and_then(|start| start.waits_for) {
        // Each step leads to an earlier group of the start order, so this ends.
        path.push(before);
    }
    path.reverse();
    path
}
