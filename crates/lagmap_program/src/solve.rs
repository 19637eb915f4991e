//! The solver: finds what variables, attributes, parameters, returns and containers hold, over all files.
//!
//! Works in rounds. In each, every file whose inputs changed is evaluated on its own and says what it adds to which cell;
//! the additions are then merged in file order. So the result does not depend on the number of threads.

use std::ops::Range;

use lagmap_facts::{BinaryOp, Expr, ExprId, FileFacts, FunctionFacts, FunctionIndex, NameHash, OpKind, ScopeKind};
use lagmap_models::ModelId;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::{
    Cell, ClassId, FileId, FunctionId, Value, Values,
    cells::{Additions, Cells},
    evaluate::{Evaluator, Footing, MOST_PLACES, place_key},
    language::Construct,
    linked::Linked,
    scopes::{Path, Source, unpack},
};

/// Rounds after which the solver stops even if cells still change. Each round carries a value over one more call,
/// attribute or container; longer chains than this lose it.
const MOST_ROUNDS: usize = 8;

/// How many strips a round evaluates one after the other: what one finds, the next ones of the same round see.
const STRIPS: usize = 8;
/// Fewer functions than this are not worth a strip of their own: the threads wait for each other behind each.
const SHORTEST_STRIP: usize = 512;

/// What evaluating some functions of one file gave.
struct Found {
    /// What it adds to the cells, by shard.
    additions: Additions,
    functions: Vec<Evaluated>,
}

/// What evaluating one function gave besides its additions to cells.
struct Evaluated {
    function: FunctionId,
    visit: LastVisit,
    /// What its calls may call, by their place among its calls; calls that were left out call what they did.
    callees: Vec<(u32, Values)>,
}

/// What is remembered of the last evaluation of a function.
#[derive(Default)]
struct LastVisit {
    /// The strip that it was in.
    strip: u32,
    /// The cells that it read, by [`Cell::mark`].
    reads: Box<[u32]>,
    /// What each of its parts rests on, in the order in which they are evaluated.
    parts: Box<[Footing]>,
    /// Its expressions that hold others.
    containers: Box<[ExprId]>,
}

/// What the solver found.
pub struct Solution {
    /// What all cells hold.
    pub cells: Cells,
    /// For each call of the program, what it may call.
    pub callees: Vec<Values>,
    /// How many rounds it took.
    pub rounds: usize,
}

/// Solves the whole program.
pub fn solve(linked: &Linked) -> Solution {
    let mut cells = Cells::new(linked);
    let count = linked.ids.function_count();
    let encloses = enclosing(linked);
    let mut visits: Vec<LastVisit> = Vec::new();
    visits.resize_with(count, LastVisit::default);
    let mut callees: Vec<Values> = vec![Values::unknown(); linked.ids.call_count()];
    let mut due: Vec<FunctionId> = (0..count as u32).map(FunctionId).collect();
    let mut changed = Changed::default();
    let mut strips = 0;
    let mut rounds = 0;
    while !due.is_empty() && rounds < MOST_ROUNDS {
        rounds += 1;
        // Values run both ways through the files: what is made is handed on, what is asked for is handed back.
        if rounds % 2 == 0 {
            due.reverse();
        }
        for strip in due.chunks(due.len().div_ceil(STRIPS).max(SHORTEST_STRIP)) {
            strips += 1;
            let batches: Vec<&[FunctionId]> = batches(linked, strip).collect();
            let state = State { linked, cells: &cells, encloses: &encloses, visits: &visits, changed: &changed };
            let found: Vec<Found> = batches.into_par_iter().map(|batch| evaluate(state, batch)).collect();
            let additions: Vec<&Additions> = found.iter().map(|found| &found.additions).collect();
            for mark in cells.add(&additions) {
                changed.add(mark, strips);
            }
            for found in found {
                for evaluated in found.functions {
                    let last = &mut visits[evaluated.function.0 as usize];
                    // Which expressions hold others is found the first time.
                    let containers = match rounds {
                        1 => evaluated.visit.containers,
                        _ => std::mem::take(&mut last.containers),
                    };
                    *last = LastVisit { strip: strips, containers, ..evaluated.visit };
                    let first = first_call(linked, evaluated.function);
                    for (place, values) in evaluated.callees {
                        callees[first + place as usize] = values;
                    }
                }
            }
        }
        let is_due = |index: &u32| {
            let last = &visits[*index as usize];
            last.reads.iter().any(|mark| changed.since(*mark, last.strip))
        };
        due = (0..count as u32).into_par_iter().filter(is_due).map(FunctionId).collect();
    }
    Solution { cells, callees, rounds }
}

/// The marks of the cells that changed, with the strip of functions that changed each last.
#[derive(Default)]
struct Changed {
    marks: FxHashMap<u32, u32>,
    /// The last strip that changed a mark with these low bits: rules nearly all others out without a look into the map.
    last: Vec<u32>,
}

impl Changed {
    const BITS: u32 = 18;

    const fn place(mark: u32) -> usize {
        (mark & ((1 << Self::BITS) - 1)) as usize
    }

    fn add(&mut self, mark: u32, strip: u32) {
        if self.last.is_empty() {
            self.last = vec![0; 1 << Self::BITS];
        }
        self.last[Self::place(mark)] = strip;
        self.marks.insert(mark, strip);
    }

    /// Whether a cell changed in a strip or after it.
    fn since(&self, mark: u32, strip: u32) -> bool {
        self.last.get(Self::place(mark)).is_some_and(|last| *last >= strip)
            && self.marks.get(&mark).is_some_and(|last| *last >= strip)
    }
}

/// Where the callees of a function's calls start.
fn first_call(linked: &Linked, function: FunctionId) -> usize {
    let (file, _) = linked.ids.of_function(function);
    let first = linked.function(function).1.calls.start;
    linked.ids.call(file, lagmap_facts::CallId(first)).0 as usize
}

/// Functions that one thread evaluates at a time: some of one file.
fn batches<'a>(linked: &'a Linked, due: &'a [FunctionId]) -> impl Iterator<Item = &'a [FunctionId]> {
    let file = |function: &FunctionId| linked.ids.of_function(*function).0;
    due.chunk_by(move |a, b| file(a) == file(b)).flat_map(|of_file| of_file.chunks(128))
}

/// Which functions are around others.
fn enclosing(linked: &Linked) -> Vec<bool> {
    let mut encloses = vec![false; linked.ids.function_count()];
    for (index, unit) in linked.files.iter().enumerate() {
        let first = linked.ids.function(FileId(index as u32), FunctionIndex::MODULE).0 as usize;
        for parent in unit.facts.functions.iter().filter_map(|function| function.parent) {
            encloses[first + parent.0 as usize] = true;
        }
    }
    encloses
}

/// What the solver knows when a strip of functions is evaluated.
#[derive(Clone, Copy)]
struct State<'a> {
    linked: &'a Linked,
    cells: &'a Cells,
    encloses: &'a [bool],
    visits: &'a [LastVisit],
    changed: &'a Changed,
}

/// The literals, comprehensions, slices and sums among some expressions.
fn containers(facts: &FileFacts, exprs: Range<u32>) -> Box<[ExprId]> {
    let holds = |id: &ExprId| match facts.expr(*id) {
        Expr::Set(_) | Expr::Dict(_) | Expr::Tuple(_) | Expr::List(_) | Expr::Comprehension { .. } => true,
        Expr::Subscript { index, .. } => matches!(facts.expr(index), Expr::Slice { .. }),
        Expr::Binary { op, .. } => op == BinaryOp::Add,
        _ => false,
    };
    exprs.map(ExprId).filter(holds).collect()
}

fn evaluate(state: State<'_>, batch: &[FunctionId]) -> Found {
    let State { linked, cells, encloses, visits, changed } = state;
    let (file, _) = linked.ids.of_function(batch[0]);
    let facts = &linked.file(file).facts;
    let mut visit = FileVisit {
        linked,
        file,
        cells,
        evaluator: Evaluator::new(linked, cells, file),
        additions: Additions::default(),
        last: &[],
        changed: Footing::NONE,
        parts: Vec::new(),
        kept: Footing::NONE,
    };
    let mut functions = Vec::with_capacity(batch.len());
    for id in batch {
        let (_, index) = linked.ids.of_function(*id);
        let function = facts.function(index);
        let last = &visits[id.0 as usize];
        let now_different = last.reads.iter().filter(|mark| changed.since(**mark, last.strip));
        visit.last = &last.parts;
        visit.changed = now_different.fold(Footing::NONE, |all, mark| all.and(Footing::cell(*mark)));
        visit.kept = Footing::NONE;
        visit.parts.clear();
        visit.evaluator.forget(function.exprs.clone());
        visit.function(index, encloses[id.0 as usize]);
        let is_new = last.strip == 0;
        let containers: Box<[ExprId]> = if is_new { containers(facts, function.exprs.clone()) } else { Box::default() };
        for container in if is_new { &containers } else { &last.containers } {
            visit.part(|visit| visit.container(*container));
        }
        let mut callees = Vec::new();
        for (place, call) in (0..).zip(&facts.calls[function.calls.start as usize..function.calls.end as usize]) {
            visit.part(|visit| {
                let values = visit.evaluator.values(call.callee);
                visit.arguments(call, &values);
                callees.push((place, values));
            });
        }
        let kept = last.reads.iter().copied().filter(|mark| Footing::cell(*mark).meets(visit.kept));
        let reads = visit.evaluator.take_reads(kept);
        let parts = visit.parts.as_slice().into();
        functions.push(Evaluated { function: *id, visit: LastVisit { strip: 0, reads, parts, containers }, callees });
    }
    Found { additions: visit.additions, functions }
}

struct FileVisit<'a> {
    linked: &'a Linked,
    file: FileId,
    cells: &'a Cells,
    evaluator: Evaluator<'a>,
    additions: Additions,
    /// What the parts of the function rested on when it was evaluated last; empty if it never was.
    last: &'a [Footing],
    /// The cells that it read then and that have changed since.
    changed: Footing,
    /// What its parts rest on now, as far as they are evaluated.
    parts: Vec<Footing>,
    /// What those rest on that were left out.
    kept: Footing,
}

impl FileVisit<'_> {
    /// Evaluates the next part of a function, unless it would find what it found the last time. A function has the same parts
    /// each time.
    fn part(&mut self, evaluate: impl FnOnce(&mut Self)) {
        let footing = match self.last.get(self.parts.len()) {
            Some(last) if !last.meets(self.changed) => {
                self.kept = self.kept.and(*last);
                *last
            }
            _ => {
                evaluate(self);
                self.evaluator.take_footing()
            }
        };
        self.parts.push(footing);
    }

    fn add(&mut self, cell: Cell, values: Values) {
        if self.cells.takes(cell, &values) {
            self.additions[self.cells.shard(cell)].push((cell, values));
        }
    }

    /// Drops texts and bytes: they are everywhere, and nothing is looked up on them across functions.
    fn worth_keeping(&self, values: &Values) -> Values {
        let catalogue = &self.linked.catalogue;
        let plain = [catalogue.text(), catalogue.bytes()];
        let is_plain = |value: &Value| match value {
            Value::Object { model, .. } => plain.contains(model),
            Value::External(model) => *model == ModelId::UNKNOWN,
            _ => false,
        };
        values.without(is_plain)
    }

    fn function(&mut self, index: FunctionIndex, encloses: bool) {
        let unit = self.linked.file(self.file);
        let facts = &unit.facts;
        let function = facts.function(index);
        let id = self.linked.ids.function(self.file, index);
        if encloses || matches!(function.kind, ScopeKind::Module | ScopeKind::Class) {
            for binding in unit.scopes.all(index) {
                let is_static = matches!(binding.source, Source::Import(_) | Source::Function(_) | Source::Class(_));
                if !is_static {
                    self.part(|visit| {
                        let values = visit.evaluator.bound(index, binding);
                        visit.add(Cell::Variable(id, binding.name), values);
                    });
                }
            }
        }
        for parameter in function.parameters.iter().filter(|parameter| parameter.annotation != ExprId::NONE) {
            self.part(|visit| visit.annotation(parameter.annotation));
        }
        if function.returns != ExprId::NONE && !function.is_generator {
            self.part(|visit| {
                let values = visit.evaluator.annotated(function.returns);
                visit.annotation(function.returns);
                visit.add(Cell::Declared(id), values);
            });
        }
        for op in facts.ops(function) {
            if !matches!(op.kind, OpKind::Expr(_) | OpKind::Call(_)) {
                self.part(|visit| visit.op(id, op.kind));
            }
        }
        if function.is_generator {
            self.part(|visit| visit.yields(id, function.exprs.clone()));
        }
    }

    fn op(&mut self, id: FunctionId, op: OpKind) {
        let facts = &self.linked.file(self.file).facts;
        match op {
            OpKind::Assign { target, value } => self.assign(target, value),
            OpKind::Annotate { target, annotation, value } => {
                self.annotation(annotation);
                if value != ExprId::NONE {
                    self.assign(target, value);
                    self.declared(annotation, value);
                }
                if matches!(facts.expr(target), Expr::Attribute { .. }) {
                    let values = self.evaluator.annotated(annotation);
                    self.store(target, &values);
                }
            }
            OpKind::Iterate { target, iterable } if matches!(facts.expr(target), Expr::Attribute { .. }) => {
                let values = self.evaluator.items(iterable);
                self.store(target, &values);
            }
            OpKind::DefineFunction(inner) => {
                let decorated = Value::Function(self.linked.ids.function(self.file, inner));
                self.decorated(&facts.function(inner).decorators, decorated);
                self.made_object(id, facts.function(inner));
            }
            OpKind::DefineClass(class) => {
                let decorated = Value::Class(self.linked.ids.class(self.file, class));
                self.decorated(&facts.class(class).decorators, decorated);
            }
            OpKind::Delete(target) => self.deleted(target),
            OpKind::Return(value) if value != ExprId::NONE => {
                let values = self.evaluator.returned_value(value);
                self.add(Cell::Return(id), values);
            }
            _ => {}
        }
    }

    /// A function that a decorator of a library makes an object.
    fn made_object(&mut self, scope: FunctionId, function: &FunctionFacts) {
        let facts = &self.linked.file(self.file).facts;
        for decorator in &function.decorators {
            let callee = match facts.expr(*decorator) {
                Expr::Call(call) => facts.call(call).callee,
                _ => *decorator,
            };
            for value in self.evaluator.values(callee).iter() {
                if let Value::External(model) | Value::Bound { method: model, .. } = value
                    && let Some(made) = self.linked.catalogue.makes(model)
                {
                    let site = self.linked.ids.site(self.file, *decorator);
                    let object = Values::one(Value::Object { model: made, site });
                    self.add(Cell::Variable(scope, facts.names.hash(function.name)), object);
                }
            }
        }
    }

    /// Hands what decorators stand on to their parameters.
    fn decorated(&mut self, decorators: &[ExprId], decorated: Value) {
        for decoration in self.evaluator.decorations(decorators, decorated) {
            for callable in decoration.callables.iter() {
                if let Some((function, place)) = self.evaluator.called_with(callable) {
                    self.add(Cell::Parameter(function, place), decoration.given.clone());
                }
            }
            // What the next one is given will be known in a later round.
            if decoration.is_guess {
                break;
            }
        }
    }

    fn yields(&mut self, id: FunctionId, exprs: Range<u32>) {
        let facts = &self.linked.file(self.file).facts;
        for index in exprs {
            match facts.exprs[index as usize].expr {
                Expr::Yield(value) if value != ExprId::NONE => {
                    let values = self.evaluator.values(value);
                    self.add(Cell::Yield(id), values);
                }
                Expr::YieldFrom(value) => {
                    let values = self.evaluator.items(value);
                    self.add(Cell::Yield(id), values);
                }
                _ => {}
            }
        }
    }

    /// A container that is assigned to an annotated name holds what the annotation says.
    fn declared(&mut self, annotation: ExprId, value: ExprId) {
        let Some(elements) = self.evaluator.annotated_element(annotation).filter(|elements| !elements.is_empty())
        else {
            return;
        };
        for container in self.evaluator.values(value).iter() {
            if let Value::Object { site, .. } = container {
                self.add(Cell::Element(site), elements.clone());
            }
        }
    }

    /// A container annotation says what its container holds.
    fn annotation(&mut self, annotation: ExprId) {
        let facts = &self.linked.file(self.file).facts;
        match facts.expr(annotation) {
            Expr::Binary { left, right, .. } => {
                self.annotation(left);
                self.annotation(right);
            }
            Expr::Subscript { value, index } => {
                let site = self.linked.ids.site(self.file, annotation);
                let wrapper = facts.last_name(value).map_or("", |name| facts.text(name));
                let parts = match facts.expr(index) {
                    Expr::Tuple(list) => facts.list(list),
                    _ => std::slice::from_ref(&index),
                };
                for part in parts {
                    self.annotation(*part);
                }
                let is_fixed = !parts.iter().any(|part| matches!(facts.expr(*part), Expr::Ellipsis));
                if wrapper.eq_ignore_ascii_case("tuple") && is_fixed {
                    for (place, part) in parts.iter().enumerate() {
                        let held = self.evaluator.annotated(*part);
                        self.hold(site, place_key(place), held);
                    }
                } else if wrapper.eq_ignore_ascii_case("tuple") {
                    let held = self.evaluator.annotated(parts[0]);
                    self.add(Cell::Element(site), held);
                } else if let Some(elements) = self.evaluator.annotated_element(annotation) {
                    self.add(Cell::Element(site), elements);
                }
            }
            _ => {}
        }
    }

    fn assign(&mut self, target: ExprId, value: ExprId) {
        let facts = &self.linked.file(self.file).facts;
        match facts.expr(target) {
            Expr::Attribute { .. } | Expr::Subscript { .. } => {
                let values = self.evaluator.values(value);
                self.store(target, &values);
            }
            Expr::Tuple(_) | Expr::List(_) => {
                unpack(facts, target, Some(Path::WHOLE), &mut |part, path| self.unpacked(part, value, path));
            }
            _ => {}
        }
    }

    /// Stores a part of an unpacked value in an attribute, a container, or the list that a starred target makes.
    fn unpacked(&mut self, part: ExprId, value: ExprId, path: Option<Path>) {
        let facts = &self.linked.file(self.file).facts;
        match facts.expr(part) {
            Expr::Attribute { .. } | Expr::Subscript { .. } => {
                let values = path.map(|path| self.evaluator.part(value, path.indices()));
                self.store(part, &values.unwrap_or_default());
            }
            Expr::Starred(_) => {
                let held = self.evaluator.items(value);
                let held = self.worth_keeping(&held);
                self.add(Cell::Element(self.linked.ids.site(self.file, part)), held);
            }
            _ => {}
        }
    }

    fn store(&mut self, target: ExprId, values: &Values) {
        let facts = &self.linked.file(self.file).facts;
        match facts.expr(target) {
            Expr::Attribute { value, attribute } => {
                self.store_attribute(value, facts.names.hash(attribute), values);
            }
            Expr::Subscript { value, index } => {
                let kept = self.worth_keeping(values);
                if !kept.is_empty() {
                    let key = self.evaluator.key(index);
                    for container in self.evaluator.values(value).iter() {
                        if let Value::Object { site, .. } = container {
                            self.hold(site, key, kept.clone());
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn store_attribute(&mut self, object: ExprId, name: NameHash, values: &Values) {
        for owner in self.evaluator.values(object).iter() {
            let cell = match owner {
                Value::Instance { class, .. } | Value::Class(class) => Cell::Attribute(class, name),
                Value::Module(file) => Cell::Variable(self.linked.ids.function(file, FunctionIndex::MODULE), name),
                _ => continue,
            };
            self.add(cell, values.clone());
        }
    }

    /// Puts something into a container, under a constant key or an unknown one.
    fn hold(&mut self, container: crate::Site, key: Option<NameHash>, values: Values) {
        match key {
            Some(key) => {
                self.add(Cell::Entry(container, key), values.clone());
                self.add(Cell::Keyed(container), values);
            }
            None => self.add(Cell::Element(container), values),
        }
    }

    /// What a literal, comprehension, slice or sum holds.
    fn container(&mut self, id: ExprId) {
        let facts = &self.linked.file(self.file).facts;
        let parts = match facts.expr(id) {
            Expr::Set(list) => facts.list(list),
            Expr::Dict(list) => return self.entries(id, facts.list(list)),
            // Parts keep their places; what stands behind a starred part has none.
            Expr::Tuple(list) | Expr::List(list) => {
                let parts = facts.list(list);
                let is_starred = |part: &&ExprId| matches!(facts.expr(**part), Expr::Starred(_));
                let fixed = parts.iter().take_while(|part| !is_starred(part)).count().min(MOST_PLACES);
                let site = self.linked.ids.site(self.file, id);
                for (place, part) in parts[..fixed].iter().enumerate() {
                    let held = self.evaluator.values(*part);
                    let held = self.worth_keeping(&held);
                    if !held.is_empty() {
                        self.hold(site, place_key(place), held);
                    }
                }
                &parts[fixed..]
            }
            Expr::Subscript { value, index } => return self.slice(id, value, index),
            Expr::Comprehension { element, .. } => &[element],
            Expr::Binary { left, right, .. } => {
                if self.evaluator.is_sequence(id) {
                    let mut held = self.evaluator.items(left);
                    held.extend(&self.evaluator.items(right));
                    let held = self.worth_keeping(&held);
                    self.add(Cell::Element(self.linked.ids.site(self.file, id)), held);
                }
                return;
            }
            _ => return,
        };
        let mut held = Values::unknown();
        // Literal tables of data hold texts and numbers; beyond this many entries nothing new is learnt.
        for part in parts.iter().take(256) {
            if let Expr::Starred(inner) = facts.expr(*part) {
                held.extend(&self.evaluator.items(inner));
            } else if !matches!(facts.expr(*part), Expr::Str(_) | Expr::Int(_) | Expr::Float(_) | Expr::Bool(_)) {
                held.extend(&self.evaluator.values(*part));
            }
        }
        let held = self.worth_keeping(&held);
        if !held.is_empty() {
            self.add(Cell::Element(self.linked.ids.site(self.file, id)), held);
        }
    }

    /// What a slice holds: with constant bounds, what stood in its places.
    fn slice(&mut self, slice: ExprId, sequence: ExprId, bounds: ExprId) {
        let facts = &self.linked.file(self.file).facts;
        let own = self.linked.ids.site(self.file, slice);
        let bound = |id: ExprId, default: usize| match facts.expr(id) {
            _ if id == ExprId::NONE => Some(default),
            Expr::Int(place) => usize::try_from(place).ok(),
            _ => None,
        };
        let places = match facts.expr(bounds) {
            Expr::Slice { lower, upper, step: ExprId::NONE } => bound(lower, 0).zip(bound(upper, MOST_PLACES)),
            _ => None,
        };
        for sequence in self.evaluator.values(sequence).iter() {
            let Value::Object { site, .. } = sequence else { continue };
            let Some((start, end)) = places else {
                let held = self.evaluator.held(site);
                self.add(Cell::Element(own), held);
                continue;
            };
            let held = self.evaluator.read(Cell::Element(site));
            self.add(Cell::Element(own), held);
            for place in start..end.min(MOST_PLACES) {
                let Some(key) = place_key(place) else { break };
                let held = self.evaluator.read(Cell::Entry(site, key));
                self.hold(own, place_key(place - start), held);
            }
        }
    }

    /// What a literal dict holds: keys and values in turn.
    fn entries(&mut self, dict: ExprId, list: &[ExprId]) {
        let facts = &self.linked.file(self.file).facts;
        let site = self.linked.ids.site(self.file, dict);
        for pair in list.chunks_exact(2).take(256) {
            let (key, value) = (pair[0], pair[1]);
            if matches!(facts.expr(value), Expr::Str(_) | Expr::Int(_) | Expr::Float(_) | Expr::Bool(_) | Expr::None) {
                continue;
            }
            let held = self.evaluator.values(value);
            let held = self.worth_keeping(&held);
            if !held.is_empty() {
                let key = if key == ExprId::NONE { None } else { self.evaluator.key(key) };
                self.hold(site, key, held);
            }
        }
    }

    /// What a call hands to parameters and containers.
    fn arguments(&mut self, call: &lagmap_facts::Call, callees: &Values) {
        let facts = &self.linked.file(self.file).facts;
        for callee in callees.iter() {
            match callee {
                Value::Class(class) => {
                    let init = lagmap_facts::NameHash::of("__init__");
                    match self.linked.classes.method(class, init) {
                        Some(function) => self.parameters(function, 1, call),
                        None => self.fields(class, call),
                    }
                }
                Value::Function(function) => self.parameters(function, 0, call),
                Value::Method { function, receiver, exact } => {
                    self.parameters(function, 1, call);
                    if !exact {
                        let name = self.linked.function(function);
                        let name = name.0.facts.names.hash(name.1.name);
                        let overriding = self.linked.classes.subclasses(receiver).iter().take(64);
                        let overriding: Vec<FunctionId> =
                            overriding.filter_map(|class| self.linked.classes.own_method(*class, name)).collect();
                        for function in overriding {
                            self.parameters(function, 1, call);
                        }
                    }
                }
                Value::Bound { method, site } => self.put(method, site, call),
                Value::External(model) => {
                    if self.linked.language.of_model(model) == Some(Construct::Setattr) {
                        self.set_attribute(call);
                    }
                    // Copies and iteration results: `list(x)`, `deque(x)`; objects that yield a known class.
                    let entry = self.linked.catalogue.entry(model);
                    let own = self.linked.ids.site(self.file, call.expr);
                    if let Some(yielded) = self.linked.catalogue.yields(model) {
                        let object = Value::Object { model: yielded, site: own };
                        self.add(Cell::Element(own), Values::one(object));
                    }
                    if self.linked.language.of_model(model) == Some(Construct::Products)
                        && let Some(function) = facts.arguments(call).first()
                    {
                        let held = self.evaluator.given_by(*function);
                        let held = self.worth_keeping(&held);
                        self.add(Cell::Element(own), held);
                    }
                    if entry.is_some()
                        && let Some(first) = facts.arguments(call).first()
                        && matches!(
                            self.linked.catalogue.name(model),
                            "list" | "set" | "tuple" | "sorted" | "reversed" | "deque" | "dict" | "filter"
                        )
                    {
                        let at = if self.linked.catalogue.name(model) == "filter" {
                            facts.arguments(call).get(1)
                        } else {
                            Some(first)
                        };
                        if let Some(at) = at {
                            let held = self.evaluator.items(*at);
                            let held = self.worth_keeping(&held);
                            self.add(Cell::Element(own), held);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Hands arguments to the attributes of a class that declares its fields and has its constructor made: by keyword, or in
    /// the order of the declarations, those of base classes first.
    fn fields(&mut self, class: ClassId, call: &lagmap_facts::Call) {
        let facts = &self.linked.file(self.file).facts;
        let mut given: Vec<(NameHash, ExprId)> = Vec::new();
        let arguments = facts.arguments(call);
        if !arguments.is_empty() {
            let declared = self.linked.declared_fields(class);
            given.extend(declared.into_iter().zip(arguments.iter().copied()));
        }
        for keyword in facts.keywords(call) {
            given.extend(keyword.name.map(|name| (facts.names.hash(name), keyword.value)));
        }
        for (name, value) in given {
            let values = self.evaluator.values(value);
            let values = self.worth_keeping(&values);
            self.add(Cell::Attribute(class, name), values);
        }
    }

    /// `setattr(object, "name", value)`.
    fn set_attribute(&mut self, call: &lagmap_facts::Call) {
        let facts = &self.linked.file(self.file).facts;
        let [object, name, value] = facts.arguments(call) else { return };
        let Expr::Str(name) = facts.expr(*name) else { return };
        let values = self.evaluator.values(*value);
        self.store_attribute(*object, facts.names.hash(name), &values);
    }

    /// A method that puts its argument into its receiver.
    fn put(&mut self, method: ModelId, site: crate::Site, call: &lagmap_facts::Call) {
        let facts = &self.linked.file(self.file).facts;
        let arguments = facts.arguments(call);
        if let Some(yielded) = self.linked.catalogue.yields(method) {
            let own = self.linked.ids.site(self.file, call.expr);
            self.add(Cell::Element(own), Values::one(Value::Object { model: yielded, site: own }));
        }
        let name = self.linked.catalogue.name(method);
        let key = match (name, arguments.first()) {
            ("setdefault", Some(key)) => self.evaluator.key(*key),
            _ => None,
        };
        // What moves the items of a list leaves none at a place that is known; a dict's keys stay.
        let catalogue = &self.linked.catalogue;
        let is_list = catalogue.canonical(catalogue.parent(method)) == catalogue.list();
        if is_list && matches!(name, "insert" | "pop" | "remove" | "sort" | "reverse") {
            self.scatter(site);
        }
        let held = match name {
            "append" | "add" | "appendleft" | "put" | "put_nowait" => {
                arguments.first().map(|item| self.evaluator.values(*item))
            }
            "insert" | "setdefault" => arguments.get(1).map(|item| self.evaluator.values(*item)),
            "extend" | "update" => arguments.first().map(|items| self.evaluator.items(*items)),
            _ => None,
        };
        if let Some(held) = held {
            let held = self.worth_keeping(&held);
            if !held.is_empty() {
                self.hold(site, key, held);
            }
        }
    }

    /// `del items[0]` moves the rest of a list.
    fn deleted(&mut self, target: ExprId) {
        let Expr::Subscript { value, .. } = self.linked.file(self.file).facts.expr(target) else { return };
        for container in self.evaluator.values(value).iter() {
            if let Value::Object { model, site } = container
                && model == self.linked.catalogue.list()
            {
                self.scatter(site);
            }
        }
    }

    /// Forgets at which places a list holds what.
    fn scatter(&mut self, list: crate::Site) {
        let held = self.evaluator.read(Cell::Keyed(list));
        self.add(Cell::Element(list), held);
    }

    /// Hands arguments to the parameters of a project function, of which the first `skipped` are its receiver.
    fn parameters(&mut self, function: FunctionId, skipped: usize, call: &lagmap_facts::Call) {
        let facts = &self.linked.file(self.file).facts;
        for (place, argument) in self.linked.arguments(function, skipped, facts, call) {
            let values = self.evaluator.values(argument);
            let values = self.worth_keeping(&values);
            self.add(Cell::Parameter(function, place), values);
        }
    }
}
