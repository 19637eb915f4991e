//! Connecting: what the files of a program gave becomes one graph.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{
    Dispatch, Edge, EdgeKind, Graph, Route, Target,
    dispatching::{Dispatching, dispatch, is_inherited_by, on_own_object},
    files::{FileGraph, Given, RawEdge, RawTarget},
};
use crate::{
    FunctionId, Site,
    branches::Branches,
    linked::Linked,
    passing::{Forward, ParameterId, Passing},
    solve::Solution,
    wrapping::{Passage, Wrapping},
};

impl Graph {
    /// Builds the graph of a solved program.
    pub(crate) fn new(linked: &Linked, solution: &Solution, found: Vec<FileGraph>) -> Self {
        let mut graph = Self::default();
        let mut layers = FxHashMap::default();
        let (mut raws, mut given, mut forwards, mut messages) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for file in found {
            graph.kept.extend(file.kept);
            graph.hooks.extend(file.hooks);
            messages.push(file.messages);
            graph.surroundings.push(file.surroundings);
            layers.extend(file.layers);
            raws.extend(file.edges);
            given.extend(file.given);
            forwards.extend(file.forwards);
        }
        graph.connect(linked, raws, given, &forwards, Wrapping::new(layers));
        graph.edges.par_sort_by_key(|edge| (edge.from, edge.site));
        let count = linked.ids.function_count();
        let mut starts = vec![0_u32; count + 1];
        for edge in &graph.edges {
            starts[edge.from.0 as usize + 1] += 1;
        }
        for index in 0..count {
            starts[index + 1] += starts[index];
        }
        graph.starts = starts;
        graph.mark_service_loops(linked, solution, &messages);
        graph.branches = Branches::of(linked, solution, &graph);
        graph
    }

    /// Makes edges of what the files gave: resolves virtual calls, and leads calls of decorated functions through their
    /// wrappers and calls that pass functions to these.
    fn connect(
        &mut self,
        linked: &Linked,
        raws: Vec<RawEdge>,
        given: Vec<Given>,
        forwards: &[Forward],
        mut wrapping: Wrapping,
    ) {
        let mut dispatching = Dispatching::default();
        let mut edges = Vec::with_capacity(raws.len());
        // Edges of framework decorators lead through the wrappers below them only.
        let mut innermost: FxHashMap<(FunctionId, Site), u8> = FxHashMap::default();
        for raw in raws {
            let to = self.resolve(linked, &mut dispatching, raw.from, raw.site, raw.to);
            let awaits = |function| wrapping.around(function).iter().flat_map(|layer| &layer.wrappers);
            if raw.needs_async
                && !matches!(to, Target::Function(to) if awaits(to).any(|wrapper| linked.function(*wrapper).1.is_async))
            {
                continue;
            }
            if let (Some(count), Target::Function(function)) = (raw.innermost, to) {
                innermost.insert((function, raw.site), count);
            }
            let RawEdge { from, kind, site, region, route, runs, .. } = raw;
            edges.push((Edge { from, to, kind, site, region, route }, runs));
        }
        self.inner = wrapping.take_inner(linked, &mut edges);
        wrapping.take_captured(linked, &mut edges, &mut self.inner);
        let passing = Passing::take_runs(linked, &mut edges, forwards, &mut self.inner);
        let left = |(edge, runs): (Edge, Option<ParameterId>)| match runs {
            Some(_) => Edge { route: Route::Captured, ..edge },
            None => edge,
        };
        let mut edges: Vec<Edge> = edges.into_iter().map(left).collect();
        for given in given {
            self.pass(linked, &mut dispatching, &given, passing.of(given.to), &mut edges);
        }
        let mut around: FxHashMap<u32, Option<u32>> = FxHashMap::default();
        for edge in edges {
            match edge.to {
                Target::Function(function) if !matches!(edge.kind, EdgeKind::Import | EdgeKind::Define) => {
                    let count = innermost.get(&(function, edge.site)).map_or(usize::MAX, |count| usize::from(*count));
                    self.edges.extend(wrapping.edges(linked, edge, function, count, &mut self.routes));
                }
                Target::Dispatch(number) => {
                    let wrappers = *around.entry(number).or_insert_with(|| {
                        let wrappers = wrapping.dispatch(&self.dispatches[number as usize])?;
                        self.dispatches.push(wrappers);
                        Some(self.dispatches.len() as u32 - 1)
                    });
                    self.edges.extend(wrappers.map(|wrappers| Edge { to: Target::Dispatch(wrappers), ..edge }));
                    self.edges.push(edge);
                }
                _ => self.edges.push(edge),
            }
        }
    }

    /// What a target of a file's edge is in the whole program.
    fn resolve(
        &mut self,
        linked: &Linked,
        dispatching: &mut Dispatching,
        from: FunctionId,
        site: Site,
        to: RawTarget,
    ) -> Target {
        let (class, name) = match to {
            RawTarget::Function(function) => return Target::Function(function),
            RawTarget::Instance(class) => return Target::Instance(class),
            RawTarget::Virtual(class, name) => (class, name),
        };
        let next = self.dispatches.len() as u32;
        let falls_back = !is_inherited_by(linked, from, class);
        let by = on_own_object(linked, from, site).filter(|_| !linked.classes.subclasses(class).is_empty());
        let number = *dispatching.numbers.entry((class, name, falls_back, by)).or_insert(next);
        if number == next {
            let dispatch = dispatch(linked, class, name, by, &mut dispatching.going_on);
            self.dispatches.push(Dispatch { falls_back, ..dispatch });
        }
        match self.dispatches[number as usize].options.as_slice() {
            [(only, _)] if falls_back => Target::Function(*only),
            _ => Target::Dispatch(number),
        }
    }

    /// Makes edges of what a call passes, one for each of the ways by which it is run.
    fn pass(
        &mut self,
        linked: &Linked,
        dispatching: &mut Dispatching,
        given: &Given,
        ways: &[Vec<Passage>],
        edges: &mut Vec<Edge>,
    ) {
        if ways.is_empty() {
            return;
        }
        let Given { from, kind, site, region, .. } = *given;
        let targets: Vec<Target> = given
            .targets
            .iter()
            .filter_map(|value| RawTarget::of(linked, value))
            .map(|target| self.resolve(linked, dispatching, from, site, target))
            .collect();
        // Of a coroutine function and a plain one that may be passed, an await means the first.
        let is_async = |to: &Target| matches!(to, Target::Function(function) if linked.function(*function).1.is_async);
        let some_async = targets.iter().any(is_async);
        for to in targets {
            for way in ways {
                let awaited = way.last().is_some_and(|last| matches!(last.kind, EdgeKind::Call { awaited: true }));
                if awaited && some_async && !is_async(&to) {
                    continue;
                }
                self.routes.push(way.as_slice().into());
                let route = Route::Wrapped(self.routes.len() as u32 - 1);
                edges.push(Edge { from, to, kind, site, region, route });
            }
        }
    }
}
