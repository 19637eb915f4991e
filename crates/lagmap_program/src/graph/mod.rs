//! The call graph: who may run whom, how, and from where in the text.

mod calls;
mod connecting;
mod definitions;
mod dispatching;
mod files;
mod service_loops;

use lagmap_facts::RegionId;
use lagmap_models::RunContext;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    ClassId, FileId, FunctionId, Site,
    branches::Branches,
    effects::{Recurrence, runs_here},
    regions::Surroundings,
    wrapping::Passage,
};

/// One way in which a function makes another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The scope whose code it is in.
    pub from: FunctionId,
    /// What runs.
    pub to: Target,
    /// How.
    pub kind: EdgeKind,
    /// The expression that does it: the call, or the name of what is imported or defined.
    pub site: Site,
    /// Where in `from`.
    pub region: RegionId,
    /// By which way.
    pub route: Route,
}

/// By which way an edge leads to its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// At once.
    #[default]
    Direct,
    /// To one of several callables that were stored or handed over, of which a given caller runs only its own.
    Chosen,
    /// To one of several callables that a loop runs in turn: each is run, but which object keeps which is not known.
    Kept,
    /// To one of several callables that closures were made for: which one it is, only the maker of the closure knows.
    Captured,
    /// Through the wrappers that decorators put around the target, or through functions that run what they are given: index into
    /// [`Graph::routes`].
    Wrapped(u32),
}

/// What an edge leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A function.
    Function(FunctionId),
    /// A method of an object whose class is only known to be among some: index into [`Graph::dispatches`].
    Dispatch(u32),
    /// Nothing but an instance.
    Instance(ClassId),
}

/// How an edge makes its target run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// Called, or awaited.
    Call {
        /// The result is awaited on the spot.
        awaited: bool,
    },
    /// Called, as the constructor of this class.
    Construct(ClassId),
    /// Handed over to a library that runs it in this context.
    Callback(RunContext),
    /// Handed over to something unknown, which may call it.
    HandedOver,
    /// Imported.
    Import,
    /// A class body, run where it is defined.
    Define,
    /// Called by the language: properties, context managers, iteration.
    Implicit,
}

/// A method call whose receiver may be of several classes.
#[derive(Clone, Debug, Default)]
pub struct Dispatch {
    /// The method that the static class has.
    pub default: Option<FunctionId>,
    /// The static class's method is meant even if no instance of the family is seen being made. Not so for a method that
    /// came through a container of a base class: it is there only if its own class is made.
    pub falls_back: bool,
    /// Each method it may be, with the classes whose instances have it.
    pub options: Vec<(FunctionId, Vec<ClassId>)>,
}

/// A table of handlers with more entries than this is an executor of anything.
const MOST_HANDLERS: usize = 64;
/// A call that may run more functions than this is a bus: which of them a given caller runs is not known, so what they do
/// is not said of all callers.
const MOST_TARGETS: usize = 12;

/// The call graph.
#[derive(Debug, Default)]
pub struct Graph {
    /// All edges, by `from`, then by place.
    pub edges: Vec<Edge>,
    starts: Vec<u32>,
    /// Virtual calls.
    pub dispatches: Vec<Dispatch>,
    /// Per file, what surrounds each region.
    pub surroundings: Vec<Vec<Surroundings>>,
    /// Ways through wrappers and through functions that run what they are given.
    pub routes: Vec<Box<[Passage]>>,
    /// Calls by wrappers of what they were made for, and by functions of what they are given, which no edge of
    /// [`Self::edges`] stands for: whoever calls the decorated function, or passes another, has an edge of its own, by a
    /// [`Route::Wrapped`].
    pub inner: Vec<Edge>,
    /// Methods that a library calls because of their names.
    pub hooks: FxHashSet<FunctionId>,
    /// Functions whose results a decorator keeps: without arguments they run once, else once for each key.
    pub kept: FxHashMap<FunctionId, Recurrence>,
    /// What calls leave out of the functions they call.
    pub branches: Branches,
}

impl Graph {
    /// The way through other functions by which an edge leads.
    pub fn way(&self, edge: &Edge) -> &[Passage] {
        match edge.route {
            Route::Wrapped(index) => &self.routes[index as usize],
            Route::Direct | Route::Chosen | Route::Kept | Route::Captured => &[],
        }
    }

    /// Whether an edge is one of very many of the same call: a bus, of which a given caller runs only some.
    pub fn is_broadcast(&self, edge: &Edge) -> bool {
        // So it is with a method that very many classes override.
        self.targets(edge.to).nth(MOST_TARGETS).is_some() || self.is_one_of(edge, MOST_TARGETS)
    }

    /// Whether more than `most` edges lead from the call of an edge to callables that were stored.
    fn is_one_of(&self, edge: &Edge, most: usize) -> bool {
        let edges = self.from(edge.from);
        // Fewer than that altogether: nearly all functions.
        if edges.len() <= most {
            return false;
        }
        let first = edges.partition_point(|other| other.site < edge.site);
        edges.get(first + most).is_some_and(|other| other.site == edge.site)
    }

    /// Whether an edge is one of hundreds: an executor that runs whatever it is given, of which nobody knows how often it is
    /// given a certain one.
    pub fn is_executor(&self, edge: &Edge) -> bool {
        self.is_one_of(edge, MOST_HANDLERS)
    }

    /// Whether an edge is a path to show.
    pub const fn is_path(edge: &Edge) -> bool {
        matches!(edge.route, Route::Direct | Route::Wrapped(_))
    }

    /// Whether an edge leads to one of several callables of which a given caller runs only its own.
    pub const fn is_chosen(edge: &Edge) -> bool {
        matches!(edge.route, Route::Chosen | Route::Captured)
    }

    /// Whether what an edge runs is part of the caller's own time.
    pub fn runs_here(&self, edge: &Edge) -> bool {
        runs_here(edge.kind) && self.way(edge).iter().all(|passage| runs_here(passage.kind))
    }

    /// The edges out of a function.
    pub fn from(&self, function: FunctionId) -> &[Edge] {
        let index = function.0 as usize;
        &self.edges[self.starts[index] as usize..self.starts[index + 1] as usize]
    }

    /// The index in [`Self::edges`] of the first edge out of a function.
    pub fn first_edge(&self, function: FunctionId) -> usize {
        self.starts[function.0 as usize] as usize
    }

    /// What surrounds a region.
    pub fn around(&self, file: FileId, region: RegionId) -> Surroundings {
        self.surroundings[file.0 as usize][region.0 as usize]
    }

    /// Every function that an edge may lead to.
    pub fn targets(&self, to: Target) -> impl Iterator<Item = FunctionId> + '_ {
        let (one, many) = match to {
            Target::Function(function) => (Some(function), None),
            Target::Dispatch(index) => (None, Some(&self.dispatches[index as usize].options)),
            Target::Instance(_) => (None, None),
        };
        one.into_iter().chain(many.into_iter().flatten().map(|(function, _)| *function))
    }
}
