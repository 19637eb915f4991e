//! Service loops: loops that wait for a message each time round.

use lagmap_facts::{Call, CallId, Expr, ExprId, FileFacts, RegionId, RegionKind};
use rustc_hash::FxHashSet;

use super::{EdgeKind, Graph};
use crate::{FileId, FunctionId, Value, Values, linked::Linked, solve::Solution};

impl Graph {
    /// Finds the loops that wait for a message each time round: by a call that receives, or by one of a function that
    /// does little else (up to three calls deep).
    pub(super) fn mark_service_loops(&mut self, linked: &Linked, solution: &Solution, messages: &[Vec<ExprId>]) {
        let receives = |values: &Values| {
            values.iter().any(|value| match value {
                Value::External(model) | Value::Bound { method: model, .. } => {
                    linked.catalogue.entry(model).is_some_and(|entry| entry.receives)
                }
                _ => false,
            })
        };
        let mut receivers: FxHashSet<FunctionId> = FxHashSet::default();
        // Places that receive: file and region.
        let mut places: Vec<(FileId, RegionId, FunctionId)> = Vec::new();
        for (index, unit) in linked.files.iter().enumerate() {
            let file = FileId(index as u32);
            for (index, call) in unit.facts.calls.iter().enumerate() {
                let site = linked.ids.call(file, CallId(index as u32));
                if receives(&solution.callees[site.0 as usize]) && !is_answer(linked, solution, file, call) {
                    let region = unit.facts.exprs[call.expr.0 as usize].region;
                    let function = linked.ids.function(file, unit.facts.region(region).function);
                    places.push((file, region, function));
                }
            }
        }
        for _ in 0..3 {
            let before = receivers.len();
            for (file, region, function) in &places {
                if self.around(*file, *region).loops == 0 {
                    receivers.insert(*function);
                }
            }
            if receivers.len() == before {
                break;
            }
            places.extend(self.edges.iter().filter_map(|edge| {
                let is_call = matches!(edge.kind, EdgeKind::Call { .. });
                let hit = is_call && self.targets(edge.to).any(|target| receivers.contains(&target));
                hit.then(|| (linked.ids.of_function(edge.from).0, edge.region, edge.from))
            }));
        }
        for (index, unit) in linked.files.iter().enumerate() {
            let file = FileId(index as u32);
            for (index, region) in unit.facts.regions.iter().enumerate() {
                // `for message in consumer.listen()`.
                let RegionKind::For { iterable, .. } = region.kind else { continue };
                let is_call = match unit.facts.expr(iterable) {
                    Expr::Call(call) => receives(&solution.callees[linked.ids.call(file, call).0 as usize]),
                    _ => false,
                };
                if is_call || messages[file.0 as usize].contains(&iterable) {
                    self.mark_inside(file, &unit.facts, RegionId(index as u32));
                }
            }
        }
        for (file, region, _) in places {
            let facts = &linked.file(file).facts;
            // The innermost loop around the receive that runs for ever.
            let around = facts.enclosing(region).find(|(id, region)| match region.kind {
                RegionKind::While { .. } => self.surroundings[file.0 as usize][id.0 as usize].forever,
                _ => false,
            });
            if let Some((looped, _)) = around {
                self.mark_inside(file, facts, looped);
            }
        }
    }

    fn mark_inside(&mut self, file: FileId, facts: &FileFacts, looped: RegionId) {
        let marks = &mut self.surroundings[file.0 as usize];
        marks[looped.0 as usize].service = true;
        // Parents stand before their children.
        for index in looped.0 as usize + 1..marks.len() {
            if let Some(parent) = facts.regions[index].parent
                && marks[parent.0 as usize].service
            {
                marks[index].service = true;
            }
        }
    }
}

/// Whether what a call receives answers what the function has just sent on the same object: it asks, it does not serve.
fn is_answer(linked: &Linked, solution: &Solution, file: FileId, call: &Call) -> bool {
    let facts = &linked.file(file).facts;
    let callees = |id: u32| &solution.callees[linked.ids.call(file, CallId(id)).0 as usize];
    let region = facts.exprs[call.expr.0 as usize].region;
    let function = facts.function(facts.region(region).function);
    let looped = |region| facts.enclosing(region).find(|(_, region)| region.kind.is_loop()).map(|(id, _)| id);
    let (own, start) = (looped(region), facts.span(call.expr).start);
    let receiver = |call: &lagmap_facts::Call| match facts.expr(call.callee) {
        Expr::Attribute { value, .. } => facts.dotted(value),
        _ => None,
    };
    let Some(asked) = receiver(call) else { return false };
    // A poller is asked for those that are registered with it.
    let registered = function.calls.clone().filter_map(|id| {
        let other = facts.call(CallId(id));
        let is_register =
            matches!(facts.expr(other.callee), Expr::Attribute { attribute, .. } if facts.text(attribute) == "register");
        let first = facts.arguments(other).first().filter(|_| is_register && receiver(other).as_deref() == Some(&asked));
        first.and_then(|first| facts.dotted(*first))
    });
    let sockets: Vec<String> = registered.chain([asked.clone()]).collect();
    function.calls.clone().any(|id| {
        let other = facts.call(CallId(id));
        let region = facts.exprs[other.expr.0 as usize].region;
        facts.span(other.expr).end <= start
            && looped(region) == own
            && receiver(other).is_some_and(|other| sockets.contains(&other))
            && callees(id).iter().any(|value| match value {
                Value::Bound { method, .. } => linked.catalogue.name(method).starts_with("send"),
                _ => false,
            })
    })
}
