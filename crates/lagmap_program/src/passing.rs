//! Passing: functions that run what they are given.
//!
//! `run(task)` calls whatever its callers pass, so a plain edge from it would lead from every caller to everything that anybody
//! passes. Instead each call that passes something gets an edge of its own to that, which remembers the way: the loops and
//! guards on it, the thread or loop that it is handed to, and the functions that only hand it on.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    FunctionId,
    graph::{Edge, Target},
    linked::Linked,
    wrapping::{LONGEST, Passage, ways_inside},
};

/// A parameter of a function, by its place.
pub type ParameterId = (FunctionId, u32);

/// The ways of one parameter that are told apart: a job may be called, scheduled or handed to a thread by its kind.
const MOST_WAYS: usize = 3;

/// A call that hands a parameter of the function that it stands in on to another.
#[derive(Clone, Copy, Debug)]
pub struct Forward {
    /// The parameter that is handed on.
    pub parameter: ParameterId,
    /// The call; its target is of no interest.
    pub call: Passage,
    /// The parameter that it is handed to.
    pub to: ParameterId,
}

/// By which ways parameters run.
#[derive(Debug, Default)]
pub struct Passing {
    ways: FxHashMap<ParameterId, Vec<Vec<Passage>>>,
}

impl Passing {
    /// Takes the edges that run parameters out of all edges, and keeps by which ways each parameter runs. An edge in a function
    /// that is not seen to run inside of the parameter's own stays.
    pub(crate) fn take_runs(
        linked: &Linked,
        edges: &mut Vec<(Edge, Option<ParameterId>)>,
        forwards: &[Forward],
        inner: &mut Vec<Edge>,
    ) -> Self {
        let mut passing = Self::default();
        let outer: FxHashSet<FunctionId> = edges
            .iter()
            .filter_map(|(edge, parameter)| parameter.filter(|(function, _)| *function != edge.from))
            .map(|(function, _)| function)
            .collect();
        let inside = ways_inside(linked, edges.iter().map(|(edge, _)| edge), &outer);
        edges.retain(|(edge, parameter)| {
            let (Some(parameter), Target::Function(_) | Target::Dispatch(_)) = (parameter, edge.to) else {
                return true;
            };
            let Some(mut way) = crate::wrapping::way(&inside, parameter.0, edge.from) else { return true };
            way.push(Passage::of(edge, parameter.0));
            passing.add(*parameter, way);
            inner.push(*edge);
            false
        });
        // Functions that hand on, and those that hand on to these.
        for _ in 0..LONGEST {
            let mut found = Vec::new();
            for forward in forwards {
                for way in passing.of(forward.to) {
                    if way.len() < LONGEST && way.iter().all(|passage| passage.from != forward.call.from) {
                        let call = Passage { to: forward.to.0, ..forward.call };
                        found.push((forward.parameter, [vec![call], way.clone()].concat()));
                    }
                }
            }
            let mut changed = false;
            for (parameter, way) in found {
                changed |= passing.add(parameter, way);
            }
            if !changed {
                break;
            }
        }
        passing
    }

    fn add(&mut self, parameter: ParameterId, way: Vec<Passage>) -> bool {
        let ways = self.ways.entry(parameter).or_default();
        let same =
            |other: &Vec<Passage>| other.iter().map(|passage| passage.site).eq(way.iter().map(|passage| passage.site));
        if ways.len() >= MOST_WAYS || ways.iter().any(same) {
            return false;
        }
        ways.push(way);
        true
    }

    /// The ways by which what is passed for a parameter runs.
    pub(crate) fn of(&self, parameter: ParameterId) -> &[Vec<Passage>] {
        self.ways.get(&parameter).map(Vec::as_slice).unwrap_or_default()
    }
}
