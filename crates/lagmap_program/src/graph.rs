//! The call graph: who may run whom, how, and from where in the text.

use lagmap_facts::{Expr, ExprId, FunctionIndex, NameHash, OpKind, RegionId, RegionKind, ResultUse, ScopeKind};
use lagmap_models::{ModelId, RunContext};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::{
    Cell, ClassId, FileId, FunctionId, Site, Value, Values,
    branches::Branches,
    effects::{Recurrence, runs_here},
    evaluate::Evaluator,
    language::Construct,
    linked::{Linked, MethodKind, method_kind},
    modules::ImportTarget,
    passing::{Forward, ParameterId, Passing},
    regions::{Surroundings, surroundings},
    scopes::{Binding, Source},
    solve::Solution,
    wrapping::{Layer, Passage, Wrapping},
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

/// How many names, choices and partial functions are looked through for a parameter.
const DEEPEST_ALIAS: u32 = 4;

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
    /// What each file of a solved program gives to its graph.
    pub(crate) fn files(linked: &Linked, solution: &Solution) -> Vec<FileGraph> {
        let properties = property_names(linked);
        (0..linked.files.len())
            .into_par_iter()
            .map(|index| {
                let file = FileId(index as u32);
                let unit = linked.file(file);
                let mut builder = FileEdges {
                    linked,
                    file,
                    callees: solution,
                    evaluator: Evaluator::of_all(linked, &solution.cells, file),
                    properties: &properties,
                    found: FileGraph { surroundings: surroundings(&unit.facts, &unit.scopes), ..FileGraph::default() },
                };
                builder.collect();
                builder.found
            })
            .collect()
    }

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

    /// Finds the loops that wait for a message each time round: by a call that receives, or by one of a function that
    /// does little else (up to three calls deep).
    fn mark_service_loops(&mut self, linked: &Linked, solution: &Solution, messages: &[Vec<ExprId>]) {
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
                let site = linked.ids.call(file, lagmap_facts::CallId(index as u32));
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

    fn mark_inside(&mut self, file: FileId, facts: &lagmap_facts::FileFacts, looped: RegionId) {
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
fn is_answer(linked: &Linked, solution: &Solution, file: FileId, call: &lagmap_facts::Call) -> bool {
    let facts = &linked.file(file).facts;
    let callees = |id: u32| &solution.callees[linked.ids.call(file, lagmap_facts::CallId(id)).0 as usize];
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
        let other = facts.call(lagmap_facts::CallId(id));
        let is_register =
            matches!(facts.expr(other.callee), Expr::Attribute { attribute, .. } if facts.text(attribute) == "register");
        let first = facts.arguments(other).first().filter(|_| is_register && receiver(other).as_deref() == Some(&asked));
        first.and_then(|first| facts.dotted(*first))
    });
    let sockets: Vec<String> = registered.chain([asked.clone()]).collect();
    function.calls.clone().any(|id| {
        let other = facts.call(lagmap_facts::CallId(id));
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

/// Whether `class` is a proper subclass of the class that a method belongs to.
fn is_inherited_by(linked: &Linked, method: FunctionId, class: ClassId) -> bool {
    let (file, index) = linked.ids.of_function(method);
    let own = linked.file(file).facts.function(index).class.map(|own| linked.ids.class(file, own));
    own.is_some_and(|own| own != class && linked.classes.lookup_order(class).contains(&own))
}

/// The method that an expression stands in, if it calls a method of its own object.
fn on_own_object(linked: &Linked, from: FunctionId, site: Site) -> Option<FunctionId> {
    let (unit, function) = linked.function(from);
    let facts = &unit.facts;
    function.class.filter(|_| function.kind == ScopeKind::Function)?;
    let (_, id) = linked.ids.of_site(site);
    let callee = match facts.expr(id) {
        Expr::Call(call) => facts.call(call).callee,
        _ => id,
    };
    let Expr::Attribute { value, .. } = facts.expr(callee) else { return None };
    let Expr::Name(name) = facts.expr(value) else { return None };
    let receiver = function.parameters.first().filter(|_| method_kind(facts, function) != MethodKind::Static)?;
    (facts.names.hash(receiver.name) == facts.names.hash(name)).then_some(from)
}

/// Whether objects of a class run a method: no class overrides it for them, or one that does goes on to it.
fn runs_method(
    linked: &Linked,
    class: ClassId,
    method: FunctionId,
    name: NameHash,
    going_on: &mut FxHashMap<FunctionId, bool>,
) -> bool {
    let own = linked.classes.method(class, name);
    own.is_none_or(|own| own == method || *going_on.entry(own).or_insert_with(|| goes_on(linked, own, name)))
}

/// Whether a method calls one of the same name of another class: `super().run()`, `Base.run(self)`.
fn goes_on(linked: &Linked, method: FunctionId, name: NameHash) -> bool {
    let (unit, function) = linked.function(method);
    let facts = &unit.facts;
    function.calls.clone().any(|call| {
        let call = facts.call(lagmap_facts::CallId(call));
        matches!(facts.expr(call.callee), Expr::Attribute { attribute, .. } if facts.names.hash(attribute) == name)
    })
}

/// What calling a method of this name on an object of a class may run; `by` is the method that calls it on its own object.
fn dispatch(
    linked: &Linked,
    class: ClassId,
    name: NameHash,
    by: Option<FunctionId>,
    going_on: &mut FxHashMap<FunctionId, bool>,
) -> Dispatch {
    let classes = &linked.classes;
    let by = by.map(|by| {
        let (unit, facts) = linked.function(by);
        (by, unit.facts.names.hash(facts.name))
    });
    let mut options: Vec<(FunctionId, Vec<ClassId>)> = Vec::new();
    let mut places: FxHashMap<FunctionId, usize> = FxHashMap::default();
    for candidate in std::iter::once(&class).chain(classes.subclasses(class)) {
        if by.is_some_and(|(by, name)| !runs_method(linked, *candidate, by, name, going_on)) {
            continue;
        }
        let Some(method) = classes.method(*candidate, name) else { continue };
        let place = *places.entry(method).or_insert(options.len());
        match options.get_mut(place) {
            Some((_, of)) => of.push(*candidate),
            None => options.push((method, vec![*candidate])),
        }
    }
    // What is there only to be overridden is not what runs, if anything overrides it.
    if options.len() > 1 {
        options.retain(|(method, _)| !linked.is_abstract(*method));
    }
    let default = classes.method(class, name).filter(|method| options.iter().any(|(option, _)| option == method));
    Dispatch { default, falls_back: true, options }
}

fn property_names(linked: &Linked) -> FxHashSet<NameHash> {
    let mut names = FxHashSet::default();
    for unit in &linked.files {
        for function in &unit.facts.functions {
            if !function.decorators.is_empty() && method_kind(&unit.facts, function) == MethodKind::Property {
                names.insert(unit.facts.names.hash(function.name));
            }
        }
    }
    names
}

/// What one file contributes.
#[derive(Default)]
pub(crate) struct FileGraph {
    edges: Vec<RawEdge>,
    /// Its memoized functions.
    kept: Vec<(FunctionId, Recurrence)>,
    /// The wrappers around its decorated functions.
    layers: Vec<(FunctionId, Vec<Layer>)>,
    /// Calls that pass functions.
    given: Vec<Given>,
    /// Calls that hand parameters on.
    forwards: Vec<Forward>,
    /// Methods that a library calls because of their names.
    hooks: Vec<FunctionId>,
    /// What is iterated and gives messages.
    messages: Vec<ExprId>,
    /// What surrounds its regions.
    surroundings: Vec<Surroundings>,
}

struct RawEdge {
    from: FunctionId,
    to: RawTarget,
    kind: EdgeKind,
    site: Site,
    region: RegionId,
    route: Route,
    /// Through how many of the target's innermost wrappers it leads, if not through all.
    innermost: Option<u8>,
    /// It counts only if a wrapper makes the target a coroutine function.
    needs_async: bool,
    /// It runs what callers pass for this parameter.
    runs: Option<ParameterId>,
}

impl RawEdge {
    const fn new(from: FunctionId, to: RawTarget, kind: EdgeKind, site: Site, region: RegionId) -> Self {
        Self { from, to, kind, site, region, route: Route::Direct, innermost: None, needs_async: false, runs: None }
    }
}

#[derive(Clone, Copy)]
enum RawTarget {
    Function(FunctionId),
    Virtual(ClassId, NameHash),
    Instance(ClassId),
}

impl RawTarget {
    /// The function that a value is.
    fn of(linked: &Linked, value: Value) -> Option<Self> {
        Some(match value {
            // A coroutine or generator object that is handed on runs its function.
            Value::Function(function) | Value::Method { function, exact: true, .. } | Value::Generator(function) => {
                Self::Function(function)
            }
            Value::Method { function, receiver, exact: false } => {
                let (unit, method) = linked.function(function);
                Self::Virtual(receiver, unit.facts.names.hash(method.name))
            }
            _ => return None,
        })
    }
}

/// A call that passes functions for a parameter; they count only if that is run.
struct Given {
    from: FunctionId,
    kind: EdgeKind,
    site: Site,
    region: RegionId,
    targets: Values,
    to: ParameterId,
}

/// What is known of the virtual calls that were met.
#[derive(Default)]
struct Dispatching {
    numbers: FxHashMap<(ClassId, NameHash, bool, Option<FunctionId>), u32>,
    going_on: FxHashMap<FunctionId, bool>,
}

struct FileEdges<'a> {
    linked: &'a Linked,
    file: FileId,
    callees: &'a Solution,
    evaluator: Evaluator<'a>,
    properties: &'a FxHashSet<NameHash>,
    found: FileGraph,
}

impl FileEdges<'_> {
    fn collect(&mut self) {
        let facts = &self.linked.file(self.file).facts;
        for (index, _) in facts.calls.iter().enumerate() {
            self.call(lagmap_facts::CallId(index as u32));
        }
        for index in 0..facts.functions.len() {
            self.scope(FunctionIndex(index as u32));
        }
        for (index, node) in facts.exprs.iter().enumerate() {
            if let Expr::Attribute { value, attribute } = node.expr
                && self.properties.contains(&facts.names.hash(attribute))
            {
                self.property(ExprId(index as u32), value, facts.names.hash(attribute));
            }
        }
    }

    fn push(&mut self, at: ExprId, to: RawTarget, kind: EdgeKind) {
        let facts = &self.linked.file(self.file).facts;
        let region = facts.exprs[at.0 as usize].region;
        let from = self.linked.ids.function(self.file, facts.region(region).function);
        let site = self.linked.ids.site(self.file, at);
        self.found.edges.push(RawEdge::new(from, to, kind, site, region));
    }

    /// An edge to what a value runs when it is called.
    fn push_value(&mut self, at: ExprId, value: Value, kind: EdgeKind) {
        match value {
            Value::Class(class) => {
                self.push(at, RawTarget::Instance(class), EdgeKind::Construct(class));
                for name in ["__init__", "__new__", "__post_init__"] {
                    if let Some(function) = self.linked.classes.method(class, NameHash::of(name)) {
                        self.push(at, RawTarget::Function(function), EdgeKind::Construct(class));
                    }
                }
            }
            Value::Instance { class, .. } => {
                if let Some(function) = self.linked.classes.method(class, NameHash::of("__call__")) {
                    self.push(at, RawTarget::Function(function), kind);
                }
            }
            _ => {
                if let Some(target) = RawTarget::of(self.linked, value) {
                    self.push(at, target, kind);
                }
            }
        }
    }

    fn call(&mut self, id: lagmap_facts::CallId) {
        let facts = &self.linked.file(self.file).facts;
        let call = facts.call(id);
        let site = self.linked.ids.call(self.file, id);
        let callees = &self.callees.callees[site.0 as usize];
        let awaited = matches!(call.result, ResultUse::Awaited | ResultUse::AwaitedDiscarded);
        // Of a coroutine function and a plain one of the same name, only the first gives something to await.
        let some_async = awaited && callees.iter().any(|callee| self.is_async(callee));
        let mut known = false;
        let first = self.found.edges.len();
        let some_runs = callees.len() > 1 && callees.iter().any(|callee| !self.is_only_declared(callee));
        for callee in callees.iter() {
            if some_runs && self.is_only_declared(callee) {
                continue;
            }
            // A decorated one may have been made a coroutine function.
            let needs_async = awaited && !self.may_be_awaited(callee);
            if needs_async && !self.is_decorated(callee) || awaited && some_async && self.is_plain(callee) {
                continue;
            }
            let before = self.found.edges.len();
            match callee {
                Value::External(ModelId::UNKNOWN) => {}
                Value::External(model) | Value::Bound { method: model, .. } => {
                    known = true;
                    self.callbacks(call, model);
                }
                value => {
                    known = true;
                    self.push_value(call.expr, value, EdgeKind::Call { awaited });
                }
            }
            for edge in &mut self.found.edges[before..] {
                edge.needs_async = needs_async;
            }
        }
        if !known {
            self.handed_over(call);
        }
        self.mark_choice(call.callee, callees, first);
        self.pass(call, callees, awaited);
    }

    /// Marks the edges from `first` on as those of one of several callables, if they are.
    fn mark_choice(&mut self, callee: ExprId, callees: &Values, first: usize) {
        let parameters = self.parameters_of(callee, DEEPEST_ALIAS);
        if !self.is_choice(callee, callees, &parameters) {
            if self.is_iterated(callee) && self.found.edges.len() - first > 1 {
                for edge in &mut self.found.edges[first..] {
                    edge.route = Route::Kept;
                }
            }
            return;
        }
        let given: Vec<(ParameterId, Values, Values)> = parameters
            .into_iter()
            .map(|(function, place)| {
                let (_, index) = self.linked.ids.of_function(function);
                let facts = &self.linked.file(self.file).facts;
                let default = facts.function(index).parameters[place as usize].default;
                let default = if default == ExprId::NONE { Values::unknown() } else { self.evaluator.values(default) };
                ((function, place), self.evaluator.read(Cell::Parameter(function, place)), default)
            })
            .collect();
        let holds = |values: &Values, to: &RawTarget| {
            values.iter().any(|value| match (value, to) {
                (Value::Function(own) | Value::Method { function: own, .. }, RawTarget::Function(to)) => own == *to,
                (Value::Method { receiver, .. }, RawTarget::Virtual(class, _)) => receiver == *class,
                _ => false,
            })
        };
        for edge in &mut self.found.edges[first..] {
            edge.route = Route::Chosen;
            if !matches!(edge.kind, EdgeKind::Construct(_)) {
                let passed = |(_, values, default): &&(ParameterId, Values, Values)| {
                    holds(values, &edge.to) && !holds(default, &edge.to)
                };
                edge.runs = given.iter().find(passed).map(|(parameter, ..)| *parameter);
            }
        }
    }

    /// Whether a name is what a loop goes through.
    fn is_iterated(&self, id: ExprId) -> bool {
        let unit = self.linked.file(self.file);
        let facts = &unit.facts;
        let Expr::Name(name) = facts.expr(id) else { return false };
        let node = &facts.exprs[id.0 as usize];
        let (name, scope) = (facts.names.hash(name), facts.region(node.region).function);
        let mut bindings = unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
        bindings.any(|binding| matches!(binding.source, Source::Iteration(_)))
    }

    /// The parameters, of this function or those around it, that an expression may stand for.
    fn parameters_of(&self, id: ExprId, depth: u32) -> Vec<ParameterId> {
        let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
        let unit = self.linked.file(self.file);
        let facts = &unit.facts;
        let all = |parts: &[ExprId]| parts.iter().flat_map(|part| self.parameters_of(*part, depth)).collect();
        match facts.expr(id) {
            Expr::Name(name) => {
                let node = &facts.exprs[id.0 as usize];
                let (name, own) = (facts.names.hash(name), facts.region(node.region).function);
                let scopes = std::iter::successors(Some(own), |scope| facts.function(*scope).parent);
                let mut visible =
                    scopes.filter(|scope| *scope == own || facts.function(*scope).kind != ScopeKind::Class);
                let Some(scope) = visible.find(|scope| !unit.scopes.named(*scope, name).is_empty()) else {
                    return Vec::new();
                };
                let parameters = |binding: &Binding| match binding.source {
                    Source::Parameter(place) => vec![(self.linked.ids.function(self.file, scope), place)],
                    Source::Value(value) if binding.path.is_whole() => self.parameters_of(value, depth),
                    _ => Vec::new(),
                };
                if scope == own {
                    let bindings = unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
                    bindings.flat_map(parameters).collect()
                } else {
                    unit.scopes.named(scope, name).iter().flat_map(parameters).collect()
                }
            }
            Expr::IfElse { body, orelse, .. } => all(&[body, orelse]),
            Expr::Boolean { values, .. } => all(facts.list(values)),
            // `partial(task, x)` stands for `task`.
            Expr::Call(id) => {
                let call = facts.call(id);
                let callees = &self.callees.callees[self.linked.ids.call(self.file, id).0 as usize];
                let place = callees.iter().find_map(|callee| match callee {
                    Value::External(model) => match self.linked.language.of_model(model)? {
                        Construct::Argument(place) => Some(usize::from(place)),
                        _ => None,
                    },
                    _ => None,
                });
                let argument = place.and_then(|place| facts.arguments(call).get(place));
                argument.map(|argument| self.parameters_of(*argument, depth)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// What a call passes that can be run, to the functions that it calls.
    fn pass(&mut self, call: &lagmap_facts::Call, callees: &Values, awaited: bool) {
        let facts = &self.linked.file(self.file).facts;
        if facts.arguments(call).is_empty() && facts.keywords(call).is_empty() {
            return;
        }
        for callee in callees.iter() {
            let (function, skipped) = match callee {
                Value::Function(function) => (function, 0),
                Value::Method { function, .. } => (function, 1),
                Value::Class(class) => match self.linked.classes.method(class, NameHash::of("__init__")) {
                    Some(init) => (init, 1),
                    None => continue,
                },
                _ => continue,
            };
            let mut functions = vec![function];
            if let Value::Method { receiver, exact: false, .. } = callee {
                let (unit, method) = self.linked.function(function);
                let name = unit.facts.names.hash(method.name);
                let subclasses = self.linked.classes.subclasses(receiver).iter().take(64);
                functions.extend(subclasses.filter_map(|class| self.linked.classes.own_method(*class, name)));
            }
            for function in functions {
                for (place, argument) in self.linked.arguments(function, skipped, facts, call) {
                    self.pass_argument(call.expr, argument, (function, place), EdgeKind::Call { awaited });
                }
            }
        }
    }

    fn pass_argument(&mut self, at: ExprId, argument: ExprId, to: ParameterId, kind: EdgeKind) {
        let facts = &self.linked.file(self.file).facts;
        let can_run = matches!(
            facts.expr(argument),
            Expr::Name(_) | Expr::Attribute { .. } | Expr::Lambda(_) | Expr::Call(_) | Expr::Subscript { .. }
        );
        if !can_run {
            return;
        }
        let values = self.evaluator.values(argument);
        let targets = values.without(|value| !matches!(value, Value::Function(_) | Value::Method { .. }));
        if targets.is_empty() {
            return;
        }
        let region = facts.exprs[at.0 as usize].region;
        let from = self.linked.ids.function(self.file, facts.region(region).function);
        let site = self.linked.ids.site(self.file, at);
        let parameters = self.parameters_of(argument, DEEPEST_ALIAS);
        if !parameters.is_empty() {
            let call = Passage { from, to: to.0, kind, site, region };
            self.found.forwards.extend(parameters.into_iter().map(|parameter| Forward { parameter, call, to }));
            return;
        }
        self.found.given.push(Given { from, kind, site, region, targets, to });
    }

    /// Whether a call runs one of several callables that callers handed over or stored, under another name than their own.
    /// An entry of a table of handlers is no such choice: whoever looks one up means any of them.
    fn is_choice(&self, callee: ExprId, callees: &Values, parameters: &[ParameterId]) -> bool {
        let facts = &self.linked.file(self.file).facts;
        let is_callable = |value: &Value| {
            matches!(value, Value::Function(_) | Value::Method { .. } | Value::Class(_) | Value::Generator(_))
        };
        if callees.iter().filter(is_callable).count() < 2 {
            return false;
        }
        if !parameters.is_empty() {
            return true;
        }
        let Some(name) = facts.last_name(callee) else { return false };
        let name = facts.names.hash(name);
        if let Expr::Name(_) = facts.expr(callee) {
            let node = &facts.exprs[callee.0 as usize];
            let scope = facts.region(node.region).function;
            let scopes = &self.linked.file(self.file).scopes;
            if scopes.reaching(facts, scope, name, node.span.start, node.region).next().is_some() {
                return false;
            }
        }
        // The methods and functions of this name are what is meant; others were stored under it.
        let is_other = |value: &Value| match *value {
            Value::Function(function) | Value::Method { function, .. } => {
                let (unit, function) = self.linked.function(function);
                unit.facts.names.hash(function.name) != name
            }
            Value::Class(class) => {
                let (file, class) = self.linked.ids.of_class(class);
                let facts = &self.linked.file(file).facts;
                facts.names.hash(facts.class(class).name) != name
            }
            _ => false,
        };
        callees.iter().filter(is_other).count() >= 2
    }

    /// Arguments that a library runs.
    fn callbacks(&mut self, call: &lagmap_facts::Call, model: ModelId) {
        // `partial(f)` and the like only hand `f` on: what calls their result calls it.
        if matches!(self.linked.language.of_model(model), Some(Construct::Argument(_)))
            && !self
                .linked
                .catalogue
                .entry(model)
                .is_some_and(|entry| entry.is_async || entry.tags.iter().any(|tag| tag == "creates-task"))
        {
            return;
        }
        let facts = &self.linked.file(self.file).facts;
        let Some(entry) = self.linked.catalogue.entry(model) else { return };
        for run in &entry.runs {
            let Some(argument) = facts.argument(call, run.argument.as_deref(), run.position) else { continue };
            // A coroutine object in the arguments is a call, whose own edge says the same; its callee is what runs.
            let values = match facts.expr(argument) {
                Expr::Call(inner) => {
                    let mut values = self.evaluator.values(argument);
                    let callee = self.evaluator.values(facts.call(inner).callee);
                    values.extend(&callee.iter().filter(|value| self.is_async(*value)).collect());
                    values
                }
                _ => self.evaluator.values(argument),
            };
            let first = self.found.edges.len();
            for value in values.iter() {
                self.push_value(argument, value, EdgeKind::Callback(run.context));
            }
            self.mark_choice(argument, &values, first);
        }
    }

    /// Whether a value is a method that is there only to be overridden, and that no class overrides.
    fn is_only_declared(&self, callee: Value) -> bool {
        let Value::Method { function, receiver, .. } = callee else { return false };
        if !self.linked.is_abstract(function) {
            return false;
        }
        let (unit, method) = self.linked.function(function);
        let name = unit.facts.names.hash(method.name);
        let classes = &self.linked.classes;
        !classes.subclasses(receiver).iter().any(|class| classes.own_method(*class, name).is_some())
    }

    /// Whether the result of calling a value may be awaited: that of a plain function which returns nothing never is.
    fn may_be_awaited(&self, callee: Value) -> bool {
        let (Value::Function(function) | Value::Method { function, .. }) = callee else { return true };
        let (unit, function) = self.linked.function(function);
        // An abstract method returns nothing and is there to be overridden.
        let overridden = matches!(callee, Value::Method { exact: false, .. });
        let returns = |op: &lagmap_facts::Op| matches!(op.kind, OpKind::Return(value) if value != ExprId::NONE);
        function.is_async
            || overridden
            || function.kind != ScopeKind::Function
            || unit.facts.ops(function).iter().any(returns)
    }

    fn is_decorated(&self, callee: Value) -> bool {
        let (Value::Function(function) | Value::Method { function, .. }) = callee else { return false };
        !self.linked.function(function).1.decorators.is_empty()
    }

    /// A function that is no coroutine function, and whose caller cannot tell that it gives an awaitable.
    fn is_plain(&self, value: Value) -> bool {
        matches!(value, Value::Function(_) | Value::Method { .. }) && !self.is_async(value)
    }

    fn is_async(&self, value: Value) -> bool {
        match value {
            Value::Function(function) | Value::Method { function, .. } => self.linked.function(function).1.is_async,
            _ => false,
        }
    }

    /// Functions given to something unknown: it may call them.
    fn handed_over(&mut self, call: &lagmap_facts::Call) {
        let facts = &self.linked.file(self.file).facts;
        let keywords = facts.keywords(call).iter().map(|keyword| keyword.value);
        let arguments: Vec<ExprId> = facts.arguments(call).iter().copied().chain(keywords).collect();
        for argument in arguments {
            if !matches!(facts.expr(argument), Expr::Name(_) | Expr::Attribute { .. } | Expr::Lambda(_)) {
                continue;
            }
            let values = self.evaluator.values(argument);
            let first = self.found.edges.len();
            for value in values.iter() {
                if matches!(value, Value::Function(_) | Value::Method { .. }) {
                    self.push_value(argument, value, EdgeKind::HandedOver);
                }
            }
            self.mark_choice(argument, &values, first);
        }
    }

    fn scope(&mut self, index: FunctionIndex) {
        let unit = self.linked.file(self.file);
        let facts = &unit.facts;
        let function = facts.function(index);
        let from = self.linked.ids.function(self.file, index);
        for op in facts.ops(function) {
            let mut push = |to: RawTarget, kind: EdgeKind, at: ExprId| {
                let site = self.linked.ids.site(self.file, at);
                self.found.edges.push(RawEdge::new(from, to, kind, site, op.region));
            };
            // Imports and definitions are no expressions; the scope's first expression stands for their place.
            let here = ExprId(function.exprs.start);
            match op.kind {
                OpKind::Import(import) => {
                    let target = match unit.imports[import.0 as usize] {
                        ImportTarget::Module(file) => Some(file),
                        ImportTarget::Member(file, _, submodule) => {
                            if let Some(submodule) = submodule {
                                let body = self.linked.ids.function(submodule, FunctionIndex::MODULE);
                                push(RawTarget::Function(body), EdgeKind::Import, here);
                            }
                            Some(file)
                        }
                        _ => None,
                    };
                    if let Some(file) = target {
                        let body = self.linked.ids.function(file, FunctionIndex::MODULE);
                        push(RawTarget::Function(body), EdgeKind::Import, here);
                    }
                }
                OpKind::DefineClass(class) => {
                    let body = self.linked.ids.function(self.file, facts.class(class).body);
                    push(RawTarget::Function(body), EdgeKind::Define, here);
                    self.overridden(from, class, op.region, here);
                }
                OpKind::DefineFunction(inner) => self.decorated(from, inner, op.region),
                OpKind::Assign { target, value } => self.assigned(target, value),
                OpKind::Raise(exception) if exception != ExprId::NONE => self.raised(exception),
                OpKind::Enter { context, .. } => self.entered(context),
                OpKind::Iterate { iterable, .. } => self.iterated(iterable),
                _ => {}
            }
        }
    }

    /// Methods that a library calls on a subclass of one of its classes.
    fn overridden(&mut self, from: FunctionId, class: lagmap_facts::ClassIndex, region: RegionId, at: ExprId) {
        let facts = &self.linked.file(self.file).facts;
        let id = self.linked.ids.class(self.file, class);
        let site = self.linked.ids.site(self.file, at);
        let mut hooks: Vec<(String, RunContext)> =
            self.linked.classes.external_bases(id).flat_map(|base| self.hooks(base, 8)).collect();
        for family in self.linked.catalogue.families() {
            let ends = |base: &ExprId| {
                facts.last_name(*base).is_some_and(|name| facts.text(name).ends_with(&family.base_ends_with))
            };
            if facts.list(facts.class(class).bases).iter().any(ends) {
                let methods =
                    family.overrides.iter().flat_map(|hook| hook.methods.iter().map(|name| (name, hook.context)));
                hooks.extend(methods.map(|(name, context)| (name.clone(), context)));
            }
        }
        for (pattern, context) in hooks {
            for binding in self.linked.file(self.file).scopes.all(facts.class(class).body) {
                let Source::Function(method) = binding.source else { continue };
                let name = facts.text(facts.function(method).name);
                let fits = match pattern.as_str() {
                    "*" => !name.starts_with('_'),
                    _ => pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start)),
                };
                if fits {
                    let method = self.linked.ids.function(self.file, method);
                    self.found.hooks.push(method);
                    let to = RawTarget::Function(method);
                    let kind = EdgeKind::Callback(context);
                    self.found.edges.push(RawEdge::new(from, to, kind, site, region));
                }
            }
        }
    }

    fn hooks(&self, base: ModelId, depth: u32) -> Vec<(String, RunContext)> {
        let Some(entry) = self.linked.catalogue.entry(base) else { return Vec::new() };
        let mut found = Vec::new();
        for hook in &entry.overrides {
            found.extend(hook.methods.iter().map(|method| (method.clone(), hook.context)));
        }
        if depth > 0 {
            for parent in &entry.bases {
                if let Some(parent) = self.linked.catalogue.find(parent) {
                    found.extend(self.hooks(parent, depth - 1));
                }
            }
        }
        found
    }

    /// What decorators make of a function: entry points of frameworks, wrappers, and project decorators that run here.
    fn decorated(&mut self, from: FunctionId, index: FunctionIndex, region: RegionId) {
        let facts = &self.linked.file(self.file).facts;
        let own = facts.function(index);
        if own.decorators.is_empty() {
            return;
        }
        let function = self.linked.ids.function(self.file, index);
        let mut layers: Vec<Layer> = Vec::new();
        for decoration in self.evaluator.decorations(&own.decorators, Value::Function(function)) {
            let site = self.linked.ids.site(self.file, decoration.decorator);
            let factory = match facts.expr(decoration.decorator) {
                Expr::Call(call) => Some(facts.call(call).callee),
                _ => None,
            };
            for value in decoration.callables.iter() {
                self.push_value(decoration.decorator, value, EdgeKind::Call { awaited: false });
                if let Some(to) = self.evaluator.called_with(value) {
                    let node = &facts.exprs[decoration.decorator.0 as usize];
                    let from = self.linked.ids.function(self.file, facts.region(node.region).function);
                    let (kind, targets) = (EdgeKind::Call { awaited: false }, decoration.given.clone());
                    self.found.given.push(Given { from, kind, site, region: node.region, targets, to });
                }
            }
            // Frameworks know their decorators by name, with arguments or without.
            let named = factory.map_or_else(|| decoration.callables.clone(), |factory| self.evaluator.values(factory));
            for value in named.iter() {
                let (Value::External(model) | Value::Bound { method: model, .. }) = value else { continue };
                if self.linked.catalogue.has_tag(model, "memoizes") {
                    let keyed = own.class.is_some() || !own.parameters.is_empty();
                    let recurrence = if keyed { Recurrence::EachKey } else { Recurrence::FirstCall };
                    self.found.kept.push((function, recurrence));
                }
                let first = match facts.expr(decoration.decorator) {
                    Expr::Call(call) => facts.arguments(facts.call(call)).first().copied(),
                    _ => None,
                };
                let said = match first.map(|first| facts.expr(first)) {
                    Some(Expr::Str(text)) => facts.text(text),
                    _ => "",
                };
                let context = self
                    .linked
                    .catalogue
                    .entry(model)
                    .and_then(|entry| entry.decorates_named.get(said).copied().or(entry.decorates));
                // A decorator that only wraps leaves the function to be called by who calls it.
                if let Some(context) = context.filter(|context| *context != RunContext::Caller) {
                    let below = u8::try_from(layers.len()).unwrap_or(u8::MAX);
                    let (to, kind) = (RawTarget::Function(function), EdgeKind::Callback(context));
                    self.found
                        .edges
                        .push(RawEdge { innermost: Some(below), ..RawEdge::new(from, to, kind, site, region) });
                }
            }
            if decoration.gives != decoration.given {
                let runs = |values: &Values| values.iter().filter_map(|value| self.evaluator.runs(value)).collect();
                let given: SmallVec<[FunctionId; 1]> = runs(&decoration.given);
                let mut wrappers: SmallVec<[FunctionId; 1]> = runs(&decoration.gives);
                wrappers.retain(|wrapper| !given.contains(wrapper));
                if !wrappers.is_empty() {
                    let arguments = factory.map(|factory| self.callable_arguments(decoration.decorator, factory));
                    layers.push(Layer { wrappers, given, arguments: arguments.unwrap_or_default() });
                }
            }
        }
        if !layers.is_empty() {
            layers.reverse();
            self.found.layers.push((function, layers));
        }
    }

    /// The functions that a call passes to a factory, by parameter.
    fn callable_arguments(&mut self, call: ExprId, factory: ExprId) -> Vec<(ParameterId, FunctionId)> {
        let facts = &self.linked.file(self.file).facts;
        let Expr::Call(call) = facts.expr(call) else { return Vec::new() };
        let mut found = Vec::new();
        for value in self.evaluator.values(factory).iter() {
            let (function, skipped) = match value {
                Value::Function(function) => (function, 0),
                Value::Method { function, .. } => (function, 1),
                _ => continue,
            };
            for (place, argument) in self.linked.arguments(function, skipped, facts, facts.call(call)) {
                for value in self.evaluator.values(argument).iter() {
                    if let Value::Function(given) | Value::Method { function: given, .. } = value {
                        found.push(((function, place), given));
                    }
                }
            }
        }
        found
    }

    /// A function that is assigned to an attribute of a library's object, which calls it: `client.on_message = show`.
    fn assigned(&mut self, target: ExprId, value: ExprId) {
        let facts = &self.linked.file(self.file).facts;
        let Expr::Attribute { value: object, attribute } = facts.expr(target) else { return };
        let is_callable = matches!(facts.expr(value), Expr::Name(_) | Expr::Attribute { .. } | Expr::Lambda(_));
        if !is_callable {
            return;
        }
        let name = facts.names.hash(attribute);
        for object in self.evaluator.values(object).iter() {
            let Value::Object { model, .. } = object else { continue };
            let Some(member) = self.linked.catalogue.member(model, name) else { continue };
            let Some(context) = self.linked.catalogue.entry(member).and_then(|entry| entry.decorates) else { continue };
            for callable in self.evaluator.values(value).iter() {
                if matches!(callable, Value::Function(_) | Value::Method { .. }) {
                    self.push_value(value, callable, EdgeKind::Callback(context));
                }
            }
        }
    }

    /// `raise Error` makes one, as `raise Error()` does.
    fn raised(&mut self, exception: ExprId) {
        for value in self.evaluator.values(exception).iter() {
            if matches!(value, Value::Class(_)) {
                self.push_value(exception, value, EdgeKind::Call { awaited: false });
            }
        }
    }

    fn entered(&mut self, context: ExprId) {
        for value in self.evaluator.values(context).iter() {
            let Value::Instance { class, .. } = value else { continue };
            for name in ["__enter__", "__exit__", "__aenter__", "__aexit__"] {
                if let Some(function) = self.linked.classes.method(class, NameHash::of(name)) {
                    self.push(context, RawTarget::Function(function), EdgeKind::Implicit);
                }
            }
        }
    }

    fn iterated(&mut self, iterable: ExprId) {
        for value in self.evaluator.values(iterable).iter() {
            if let Value::Object { model, .. } = value {
                let next =
                    ["__iter__", "__aiter__"].map(|name| self.linked.catalogue.member(model, NameHash::of(name)));
                let mut entries = next.into_iter().flatten().filter_map(|next| self.linked.catalogue.entry(next));
                if entries.any(|entry| entry.receives) {
                    self.found.messages.push(iterable);
                }
            }
            let Value::Instance { class, .. } = value else { continue };
            for name in ["__iter__", "__next__", "__aiter__", "__anext__"] {
                if let Some(function) = self.linked.classes.method(class, NameHash::of(name)) {
                    self.push(iterable, RawTarget::Function(function), EdgeKind::Implicit);
                }
            }
        }
    }

    fn property(&mut self, at: ExprId, value: ExprId, name: NameHash) {
        for value in self.evaluator.values(value).iter() {
            let Value::Instance { class, .. } = value else { continue };
            let Some(function) = self.linked.classes.method(class, name) else { continue };
            let (unit, facts) = self.linked.function(function);
            if facts.kind == ScopeKind::Function && method_kind(&unit.facts, facts) == MethodKind::Property {
                self.push(at, RawTarget::Function(function), EdgeKind::Implicit);
            }
        }
    }
}
