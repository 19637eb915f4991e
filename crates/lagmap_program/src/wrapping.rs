//! Wrappers: what decorators of the program put around functions.
//!
//! A wrapper calls whatever it was made for, so a plain edge from it would lead to every function that its decorator stands
//! on. Instead each call of a decorated function gets an edge of its own to that function, which remembers the way through
//! the wrapper: its loops and guards, and the thread or loop that it hands the function to.

use std::{collections::VecDeque, iter};

use lagmap_facts::RegionId;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::{
    FunctionId, Site,
    graph::{Dispatch, Edge, EdgeKind, Route, Target},
    linked::Linked,
    passing::ParameterId,
};

/// How many functions that stand inside of a wrapper one way through it leads over.
pub const LONGEST: usize = 4;

/// A wrapper around a function.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// The functions that run instead: one, or one of several.
    pub wrappers: SmallVec<[FunctionId; 1]>,
    /// What they were made for: the function, or the next wrapper.
    pub given: SmallVec<[FunctionId; 1]>,
    /// What else the factory of the decorator was given that can be run, by parameter.
    pub arguments: Vec<(ParameterId, FunctionId)>,
}

/// A step of the way through a wrapper: a call in it, or in a function inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The function whose code does it.
    pub from: FunctionId,
    /// What it runs.
    pub to: FunctionId,
    /// How.
    pub kind: EdgeKind,
    /// The expression that does it.
    pub site: Site,
    /// Where in `from`.
    pub region: RegionId,
}

/// The wrappers of a program.
#[derive(Debug, Default)]
pub struct Wrapping {
    /// The wrappers around each decorated function, the outermost first.
    layers: FxHashMap<FunctionId, Vec<Layer>>,
    /// Wrappers with what they were made for.
    pairs: FxHashSet<(FunctionId, FunctionId)>,
    given: FxHashSet<FunctionId>,
    /// The way through each wrapper to what it was made for.
    ways: FxHashMap<FunctionId, Vec<Passage>>,
    /// The ways through wrappers to what the factories of their decorators were given.
    captured: FxHashMap<(FunctionId, ParameterId), Vec<Passage>>,
}

impl Wrapping {
    pub(crate) fn new(layers: FxHashMap<FunctionId, Vec<Layer>>) -> Self {
        let mut wrapping = Self { layers, ..Self::default() };
        for layer in wrapping.layers.values().flatten() {
            wrapping.given.extend(&layer.given);
            wrapping
                .pairs
                .extend(layer.wrappers.iter().flat_map(|wrapper| layer.given.iter().map(|given| (*wrapper, *given))));
        }
        wrapping
    }

    /// The wrappers around a function, the outermost first.
    pub fn around(&self, function: FunctionId) -> &[Layer] {
        self.layers.get(&function).map(Vec::as_slice).unwrap_or_default()
    }

    /// The wrapper that an edge stands in, if it leads from it to what it was made for.
    fn wrapper_of(&self, linked: &Linked, edge: &Edge) -> Option<FunctionId> {
        let Target::Function(to) = edge.to else { return None };
        if !self.given.contains(&to) {
            return None;
        }
        scopes(linked, edge.from).find(|scope| self.pairs.contains(&(*scope, to)))
    }

    /// Takes the edges from wrappers to what they were made for out of all edges, and keeps the ways through the wrappers.
    pub(crate) fn take_inner<T>(&mut self, linked: &Linked, edges: &mut Vec<(Edge, T)>) -> Vec<Edge> {
        let (mut inner, mut found) = (Vec::new(), Vec::new());
        if self.pairs.is_empty() {
            return inner;
        }
        let within = linked.within(self.pairs.iter().map(|(wrapper, _)| *wrapper));
        edges.retain(|(edge, _)| {
            let wrapper = if within[edge.from.0 as usize] { self.wrapper_of(linked, edge) } else { None };
            if let Some(wrapper) = wrapper {
                found.push((wrapper, *edge));
                inner.push(*edge);
            }
            wrapper.is_none()
        });
        let wrappers: FxHashSet<FunctionId> = found.iter().map(|(wrapper, _)| *wrapper).collect();
        let inside = ways_inside(linked, edges.iter().map(|(edge, _)| edge), &wrappers);
        for (wrapper, edge) in &found {
            let Target::Function(to) = edge.to else { continue };
            if self.ways.contains_key(wrapper) {
                continue;
            }
            let mut way = way(&inside, *wrapper, edge.from).unwrap_or_default();
            way.push(Passage::of(edge, to));
            self.ways.insert(*wrapper, way);
        }
        inner
    }

    /// Takes the edges from wrappers to what the factories of their decorators were given out of all edges, and keeps the ways.
    pub(crate) fn take_captured(
        &mut self,
        linked: &Linked,
        edges: &mut Vec<(Edge, Option<ParameterId>)>,
        inner: &mut Vec<Edge>,
    ) {
        let factories: FxHashSet<ParameterId> = self
            .layers
            .values()
            .flatten()
            .flat_map(|layer| layer.arguments.iter().map(|(parameter, _)| *parameter))
            .collect();
        if factories.is_empty() {
            return;
        }
        let wrappers: FxHashSet<FunctionId> = self.pairs.iter().map(|(wrapper, _)| *wrapper).collect();
        let inside = ways_inside(linked, edges.iter().map(|(edge, _)| edge), &wrappers);
        edges.retain(|(edge, parameter)| {
            let Some(parameter) = parameter.filter(|parameter| factories.contains(parameter)) else { return true };
            let Some(wrapper) = scopes(linked, edge.from).find(|scope| wrappers.contains(scope)) else { return true };
            let Some(mut way) = way(&inside, wrapper, edge.from) else { return true };
            way.push(Passage::of(edge, wrapper));
            self.captured.entry((wrapper, parameter)).or_insert(way);
            inner.push(*edge);
            false
        });
    }

    /// The outermost wrappers of the methods that a virtual call may run.
    pub(crate) fn dispatch(&self, methods: &Dispatch) -> Option<Dispatch> {
        let mut options = Vec::new();
        for (method, classes) in &methods.options {
            let outermost = self.around(*method).first();
            let wrappers = outermost.into_iter().flat_map(|layer| &layer.wrappers);
            options.extend(wrappers.map(|wrapper| (*wrapper, classes.clone())));
        }
        (!options.is_empty()).then_some(Dispatch { default: None, falls_back: false, options })
    }

    /// The edges that a call of a decorated function stands for, through so many of its innermost wrappers.
    pub(crate) fn edges(
        &self,
        linked: &Linked,
        edge: Edge,
        function: FunctionId,
        innermost: usize,
        routes: &mut Vec<Box<[Passage]>>,
    ) -> Vec<Edge> {
        let layers = self.around(function);
        let layers = &layers[layers.len() - innermost.min(layers.len())..];
        let mut found = Vec::with_capacity(layers.len() + 1);
        let mut way: Vec<Passage> = Vec::new();
        let before: Box<[Passage]> = match edge.route {
            Route::Wrapped(index) => routes[index as usize].clone(),
            Route::Direct | Route::Chosen | Route::Kept | Route::Captured => Box::default(),
        };
        let mut through = |to: FunctionId, way: &[Passage]| {
            let route = if way.is_empty() {
                edge.route
            } else {
                routes.push([&before, way].concat().into());
                Route::Wrapped(routes.len() as u32 - 1)
            };
            found.push(Edge { to: Target::Function(to), route, ..edge });
        };
        for (index, layer) in layers.iter().enumerate() {
            for wrapper in &layer.wrappers {
                through(*wrapper, &way);
                for (parameter, given) in &layer.arguments {
                    if let Some(captured) = self.captured.get(&(*wrapper, *parameter)) {
                        through(*given, &[way.as_slice(), captured].concat());
                    }
                }
            }
            let next = layers.get(index + 1).and_then(|next| next.wrappers.first()).copied().unwrap_or(function);
            // A wrapper that is not seen calling what it was made for is taken to do so where it is called itself.
            match layer.wrappers.iter().find_map(|wrapper| self.ways.get(wrapper)) {
                Some(passages) => {
                    way.extend(passages);
                    if let Some(last) = way.last_mut() {
                        last.to = next;
                    }
                }
                None => way.clear(),
            }
        }
        // What is given a coroutine function besides a plain one runs it where a loop runs.
        let is_async = |function: FunctionId| linked.function(function).1.is_async;
        let mut arguments = layers.iter().flat_map(|layer| &layer.arguments);
        let runs_other = is_async(edge.from) && !is_async(function) && arguments.any(|(_, given)| is_async(*given));
        if !runs_other {
            through(function, &way);
        }
        found
    }
}

/// A function and those that it stands in, from the inside out.
fn scopes(linked: &Linked, function: FunctionId) -> impl Iterator<Item = FunctionId> {
    let (file, index) = linked.ids.of_function(function);
    let facts = &linked.file(file).facts;
    iter::successors(Some(index), |index| facts.function(*index).parent)
        .map(move |index| linked.ids.function(file, index))
}

/// The edges inside of some functions: from one scope in them to another.
pub(crate) fn ways_inside<'a>(
    linked: &Linked,
    edges: impl Iterator<Item = &'a Edge>,
    functions: &FxHashSet<FunctionId>,
) -> FxHashMap<FunctionId, Vec<Passage>> {
    let mut inside: FxHashMap<FunctionId, Vec<Passage>> = FxHashMap::default();
    if functions.is_empty() {
        return inside;
    }
    let within = linked.within(functions.iter().copied());
    for edge in edges {
        if let Target::Function(to) = edge.to
            && within[edge.from.0 as usize]
            && within[to.0 as usize]
        {
            inside.entry(edge.from).or_default().push(Passage::of(edge, to));
        }
    }
    inside
}

impl Passage {
    pub(crate) const fn of(edge: &Edge, to: FunctionId) -> Self {
        Self { from: edge.from, to, kind: edge.kind, site: edge.site, region: edge.region }
    }
}

/// The shortest way from a wrapper to a function inside of it.
pub(crate) fn way(
    edges: &FxHashMap<FunctionId, Vec<Passage>>,
    wrapper: FunctionId,
    inner: FunctionId,
) -> Option<Vec<Passage>> {
    if wrapper == inner {
        return Some(Vec::new());
    }
    let mut due: VecDeque<Vec<Passage>> = VecDeque::from([Vec::new()]);
    while let Some(way) = due.pop_front() {
        let at = way.last().map_or(wrapper, |passage| passage.to);
        for passage in edges.get(&at).map(Vec::as_slice).unwrap_or_default() {
            if way.iter().any(|before| before.from == passage.to) {
                continue;
            }
            let mut longer = way.clone();
            longer.push(*passage);
            if passage.to == inner {
                return Some(longer);
            }
            if longer.len() < LONGEST {
                due.push_back(longer);
            }
        }
    }
    None
}
