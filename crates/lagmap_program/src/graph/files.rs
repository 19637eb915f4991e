//! What each file of a solved program gives to its graph.

use lagmap_facts::{CallId, Expr, ExprId, FunctionIndex, NameHash, RegionId};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::{EdgeKind, Graph, Route};
use crate::{
    ClassId, FileId, FunctionId, Site, Value, Values,
    effects::Recurrence,
    evaluate::Evaluator,
    linked::{Linked, MethodKind, method_kind},
    passing::{Forward, ParameterId},
    regions::{Surroundings, surroundings},
    solve::Solution,
    wrapping::Layer,
};

impl Graph {
    /// What each file of a solved program gives to its graph.
    pub fn files(linked: &Linked, solution: &Solution) -> Vec<FileGraph> {
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
pub struct FileGraph {
    pub(super) edges: Vec<RawEdge>,
    /// Its memoized functions.
    pub(super) kept: Vec<(FunctionId, Recurrence)>,
    /// The wrappers around its decorated functions.
    pub(super) layers: Vec<(FunctionId, Vec<Layer>)>,
    /// Calls that pass functions.
    pub(super) given: Vec<Given>,
    /// Calls that hand parameters on.
    pub(super) forwards: Vec<Forward>,
    /// Methods that a library calls because of their names.
    pub(super) hooks: Vec<FunctionId>,
    /// What is iterated and gives messages.
    pub(super) messages: Vec<ExprId>,
    /// What surrounds its regions.
    pub(super) surroundings: Vec<Surroundings>,
}

pub(super) struct RawEdge {
    pub(super) from: FunctionId,
    pub(super) to: RawTarget,
    pub(super) kind: EdgeKind,
    pub(super) site: Site,
    pub(super) region: RegionId,
    pub(super) route: Route,
    /// Through how many of the target's innermost wrappers it leads, if not through all.
    pub(super) innermost: Option<u8>,
    /// It counts only if a wrapper makes the target a coroutine function.
    pub(super) needs_async: bool,
    /// It runs what callers pass for this parameter.
    pub(super) runs: Option<ParameterId>,
}

impl RawEdge {
    pub(super) const fn new(from: FunctionId, to: RawTarget, kind: EdgeKind, site: Site, region: RegionId) -> Self {
        Self { from, to, kind, site, region, route: Route::Direct, innermost: None, needs_async: false, runs: None }
    }
}

#[derive(Clone, Copy)]
pub(super) enum RawTarget {
    Function(FunctionId),
    Virtual(ClassId, NameHash),
    Instance(ClassId),
}

impl RawTarget {
    /// The function that a value is.
    pub(super) fn of(linked: &Linked, value: Value) -> Option<Self> {
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
pub(super) struct Given {
    pub(super) from: FunctionId,
    pub(super) kind: EdgeKind,
    pub(super) site: Site,
    pub(super) region: RegionId,
    pub(super) targets: Values,
    pub(super) to: ParameterId,
}

pub(super) struct FileEdges<'a> {
    pub(super) linked: &'a Linked,
    pub(super) file: FileId,
    pub(super) callees: &'a Solution,
    pub(super) evaluator: Evaluator<'a>,
    pub(super) properties: &'a FxHashSet<NameHash>,
    pub(super) found: FileGraph,
}

impl FileEdges<'_> {
    fn collect(&mut self) {
        let facts = &self.linked.file(self.file).facts;
        for (index, _) in facts.calls.iter().enumerate() {
            self.call(CallId(index as u32));
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

    pub(super) fn push(&mut self, at: ExprId, to: RawTarget, kind: EdgeKind) {
        let facts = &self.linked.file(self.file).facts;
        let region = facts.exprs[at.0 as usize].region;
        let from = self.linked.ids.function(self.file, facts.region(region).function);
        let site = self.linked.ids.site(self.file, at);
        self.found.edges.push(RawEdge::new(from, to, kind, site, region));
    }

    /// An edge to what a value runs when it is called.
    pub(super) fn push_value(&mut self, at: ExprId, value: Value, kind: EdgeKind) {
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
}
