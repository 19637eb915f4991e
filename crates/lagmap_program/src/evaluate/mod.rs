//! Evaluation: what an expression may be, given what is known of the cells that it reads.

mod attributes;
mod calls;
mod containers;
mod decorators;
mod parameters;

use std::ops::Range;

use lagmap_facts::{BinaryOp, Expr, ExprId, FileFacts, FunctionIndex, ImportIndex, NameHash, RegionId, ScopeKind};
use lagmap_models::ModelId;
use rustc_hash::FxHashMap;

use crate::{
    Cell, FileId, Site, Value, Values,
    cells::Cells,
    linked::{Linked, ProgramFile},
    scopes::{Binding, Source},
};

pub use containers::{MOST_PLACES, place_key};

/// How deep expressions and the bindings that they name are followed.
const DEEPEST: u32 = 48;
/// How many imports of imports are followed.
pub const DEEPEST_IMPORT: u32 = 12;

/// Evaluates the expressions of one file.
pub struct Evaluator<'a> {
    linked: &'a Linked,
    cells: &'a Cells,
    file: FileId,
    unit: &'a ProgramFile,
    facts: &'a FileFacts,
    memo: Memo,
    /// The cells that were read, by [`Cell::mark`], with repetitions.
    reads: Vec<u32>,
    /// What the values that are being worked out rest on.
    footing: Footing,
    depth: u32,
}

/// Which cells a value rests on, as a set that may hold more than was put into it (one bit stands for many cells).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footing(u64);

impl Footing {
    /// On no cell: the value is always the same.
    pub const NONE: Self = Self(0);
    /// On the order in which expressions are evaluated, too: some value is asked for while it is being worked out, or lies too
    /// deep. Only evaluating again in the same order gives the same again.
    pub const ORDER: Self = Self(u64::MAX);

    /// On the cell with this [`Cell::mark`].
    pub const fn cell(mark: u32) -> Self {
        Self(1 << (mark % u64::BITS))
    }

    /// On what either rests on.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether some cell may be in both.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What is known of the expressions so far: densely for a run of them, sparsely for the others.
#[derive(Default)]
struct Memo {
    start: u32,
    /// For each expression of the run, its place in `known`, counted from 1; 0 if nothing is known of it.
    dense: Vec<u32>,
    known: Vec<Known>,
    sparse: FxHashMap<ExprId, Known>,
}

/// What is known of an expression.
type Known = (Values, Footing);

impl Memo {
    fn get(&self, id: ExprId) -> Option<&Known> {
        match self.dense.get(id.0.wrapping_sub(self.start) as usize) {
            Some(0) => None,
            Some(place) => self.known.get(*place as usize - 1),
            None => self.sparse.get(&id),
        }
    }

    fn set(&mut self, id: ExprId, known: Known) {
        match self.dense.get_mut(id.0.wrapping_sub(self.start) as usize) {
            Some(place @ 0) => {
                self.known.push(known);
                *place = self.known.len() as u32;
            }
            Some(place) => self.known[*place as usize - 1] = known,
            None => {
                self.sparse.insert(id, known);
            }
        }
    }
}

impl<'a> Evaluator<'a> {
    /// An evaluator for `file` over the present state of the cells.
    pub fn new(linked: &'a Linked, cells: &'a Cells, file: FileId) -> Self {
        let unit = linked.file(file);
        let facts = &unit.facts;
        let (memo, reads, footing) = (Memo::default(), Vec::new(), Footing::NONE);
        Self { linked, cells, file, unit, facts, memo, reads, footing, depth: 0 }
    }

    /// An evaluator that is to evaluate most expressions of `file`.
    pub fn of_all(linked: &'a Linked, cells: &'a Cells, file: FileId) -> Self {
        let mut evaluator = Self::new(linked, cells, file);
        evaluator.forget(0..evaluator.facts.exprs.len() as u32);
        evaluator
    }

    /// Forgets all values; the expressions in `next` are what is evaluated next.
    pub fn forget(&mut self, next: Range<u32>) {
        self.memo.start = next.start;
        self.memo.dense.clear();
        self.memo.dense.resize(next.len(), 0);
        self.memo.known.clear();
        self.memo.sparse.clear();
    }

    /// The cells that were read since the last time, by [`Cell::mark`], each once, with those of `kept`.
    pub fn take_reads(&mut self, kept: impl Iterator<Item = u32>) -> Box<[u32]> {
        self.reads.extend(kept);
        self.reads.sort_unstable();
        self.reads.dedup();
        let reads = self.reads.as_slice().into();
        self.reads.clear();
        reads
    }

    /// What all that was evaluated since the last time rests on.
    pub fn take_footing(&mut self) -> Footing {
        std::mem::take(&mut self.footing)
    }

    /// What an expression may be.
    pub fn values(&mut self, id: ExprId) -> Values {
        if let Some((known, footing)) = self.memo.get(id) {
            self.footing = self.footing.and(*footing);
            return known.clone();
        }
        if self.depth >= DEEPEST {
            self.footing = Footing::ORDER;
            return Values::unknown();
        }
        // A value that depends on itself adds nothing to itself.
        self.memo.set(id, (Values::unknown(), Footing::ORDER));
        let outer = self.take_footing();
        self.depth += 1;
        let values = self.evaluate(id);
        self.depth -= 1;
        self.memo.set(id, (values.clone(), self.footing));
        self.footing = self.footing.and(outer);
        values
    }

    fn site(&self, id: ExprId) -> Site {
        self.linked.ids.site(self.file, id)
    }

    /// What a cell holds.
    pub fn read(&mut self, cell: Cell) -> Values {
        let mark = cell.mark();
        self.footing = self.footing.and(Footing::cell(mark));
        // Many a cell is read twice in a row.
        if self.reads.last() != Some(&mark) {
            self.reads.push(mark);
        }
        self.cells.get(cell).cloned().unwrap_or_default()
    }

    fn object(&self, model: ModelId, id: ExprId) -> Values {
        Values::one(Value::Object { model, site: self.site(id) })
    }

    fn evaluate(&mut self, id: ExprId) -> Values {
        let catalogue = &self.linked.catalogue;
        match self.facts.expr(id) {
            Expr::Name(name) => {
                let node = &self.facts.exprs[id.0 as usize];
                let (name, start, region) = (self.facts.names.hash(name), node.span.start, node.region);
                let scope = self.facts.region(region).function;
                match self.unit.scopes.narrowed(self.facts, scope, name, start, region) {
                    Some(classes) => {
                        let found = self.name(name, start, region);
                        self.narrow(&found, classes)
                    }
                    None => self.name(name, start, region),
                }
            }
            Expr::Attribute { value, attribute } => {
                let hash = self.facts.names.hash(attribute);
                let mut found = Values::unknown();
                for value in self.values(value).iter() {
                    found.extend(&self.attribute(value, hash, id));
                }
                found
            }
            Expr::Call(call) => self.call(id, call),
            Expr::Subscript { value, index } if matches!(self.facts.expr(index), Expr::Slice { .. }) => {
                self.slice(value, id)
            }
            Expr::Subscript { value, index } => self.entries(value, index),
            Expr::Str(_) | Expr::FString(_) => self.object(catalogue.text(), id),
            Expr::Bytes(_) => self.object(catalogue.bytes(), id),
            Expr::List(_) => self.object(catalogue.list(), id),
            Expr::Tuple(_) => self.object(catalogue.tuple(), id),
            Expr::Set(_) => self.object(catalogue.set(), id),
            Expr::Dict(_) => self.object(catalogue.dict(), id),
            Expr::Comprehension { kind, .. } => {
                use lagmap_facts::ComprehensionKind as Kind;
                let model = match kind {
                    Kind::List | Kind::Generator => catalogue.list(),
                    Kind::Set => catalogue.set(),
                    Kind::Dict => catalogue.dict(),
                };
                self.object(model, id)
            }
            Expr::Boolean { values, .. } => {
                let mut found = Values::unknown();
                for part in self.facts.list(values) {
                    found.extend(&self.values(*part));
                }
                found
            }
            Expr::IfElse { body, orelse, .. } => {
                let mut found = self.values(body);
                found.extend(&self.values(orelse));
                found
            }
            Expr::Binary { left, right, op } => {
                let mut sides = self.values(left);
                sides.extend(&self.values(right));
                let found = sides.iter().find(|value| {
                    op != BinaryOp::Div && matches!(value, Value::Object { model, .. } if self.is_builtin(*model))
                });
                // Operators of a library's objects (paths, arrays) mostly give another of the same class.
                let found = found.or_else(|| {
                    let mut sides = sides.iter();
                    sides.find(|value| matches!(value, Value::Object { model, .. } if !self.is_builtin(*model)))
                });
                match found {
                    Some(Value::Object { model, .. }) => self.object(model, id),
                    _ => Values::unknown(),
                }
            }
            Expr::Lambda(index) => Values::one(Value::Function(self.linked.ids.function(self.file, index))),
            Expr::Await(value) | Expr::Starred(value) => self.values(value),
            Expr::Named { value, .. } => self.values(value),
            _ => Values::unknown(),
        }
    }

    fn is_builtin(&self, model: ModelId) -> bool {
        let catalogue = &self.linked.catalogue;
        [catalogue.text(), catalogue.bytes(), catalogue.list(), catalogue.tuple(), catalogue.dict(), catalogue.set()]
            .contains(&model)
    }

    /// What a name is in a region at an offset.
    fn name(&mut self, name: NameHash, offset: u32, region: RegionId) -> Values {
        let own = self.facts.region(region).function;
        let mut scope = own;
        loop {
            let function = self.facts.function(scope);
            let declared_global =
                scope == own && function.globals.iter().any(|global| self.facts.names.hash(*global) == name);
            // Names of a class body are not seen from the functions inside it.
            let visible = scope == own || function.kind != ScopeKind::Class;
            if visible && !declared_global {
                if scope == own {
                    let mut bindings = self.unit.scopes.reaching(self.facts, scope, name, offset, region);
                    if let Some(first) = bindings.next() {
                        let mut found = self.bound(scope, first);
                        for binding in bindings {
                            found.extend(&self.bound(scope, binding));
                        }
                        return found;
                    }
                    if scope == FunctionIndex::MODULE
                        && let Some(found) = self.member(self.file, scope, name)
                    {
                        return found;
                    }
                } else if let Some(found) = self.member(self.file, scope, name) {
                    return found;
                }
            }
            match function.parent {
                Some(_) if declared_global => scope = FunctionIndex::MODULE,
                Some(parent) => scope = parent,
                None => break,
            }
            if declared_global {
                if let Some(found) = self.member(self.file, scope, name) {
                    return found;
                }
                break;
            }
        }
        self.linked.catalogue.builtin(name).map(|model| Values::one(Value::External(model))).unwrap_or_default()
    }

    /// A name of another scope: what it is statically, and what its variable holds. `None` if it is not bound there.
    fn member(&mut self, file: FileId, scope: FunctionIndex, name: NameHash) -> Option<Values> {
        let linked = self.linked;
        let unit = linked.file(file);
        // Nearly all names are bound once.
        if let [binding] = unit.scopes.named(scope, name) {
            return Some(match binding.source {
                Source::Class(index) => Values::one(Value::Class(linked.ids.class(file, index))),
                Source::Function(index) if unit.facts.function(index).decorators.is_empty() => {
                    Values::one(Value::Function(linked.ids.function(file, index)))
                }
                Source::Function(index) => {
                    let mut values = Values::one(Value::Function(linked.ids.function(file, index)));
                    values.extend(&self.read(Cell::Variable(linked.ids.function(file, scope), name)));
                    values
                }
                Source::Import(index) => self.imported(file, index),
                Source::Opaque => Values::unknown(),
                _ => self.read(Cell::Variable(linked.ids.function(file, scope), name)),
            });
        }
        let found = self.linked.static_member(file, scope, name, DEEPEST_IMPORT);
        if !found.bound {
            return None;
        }
        let mut values = found.values;
        for (scope, name) in found.variables {
            values.extend(&self.read(Cell::Variable(scope, name)));
        }
        Some(values)
    }

    /// What an import gives.
    fn imported(&mut self, file: FileId, import: ImportIndex) -> Values {
        let found = self.linked.imported(file, import);
        let mut values = found.values.clone();
        for (scope, name) in &found.variables {
            values.extend(&self.read(Cell::Variable(*scope, *name)));
        }
        values
    }

    /// What one binding gives its name.
    pub fn bound(&mut self, scope: FunctionIndex, binding: &Binding) -> Values {
        match binding.source {
            Source::Import(index) => self.imported(self.file, index),
            Source::Function(index) => {
                let mut found = Values::one(Value::Function(self.linked.ids.function(self.file, index)));
                if !self.facts.function(index).decorators.is_empty() {
                    let scope = self.linked.ids.function(self.file, scope);
                    found.extend(&self.read(Cell::Variable(scope, binding.name)));
                }
                found
            }
            Source::Class(index) => Values::one(Value::Class(self.linked.ids.class(self.file, index))),
            Source::Value(value) => {
                let found = self.part(value, binding.path.indices());
                if !found.is_empty() {
                    return found;
                }
                self.unit.scopes.annotation_of(value).map(|annotation| self.annotated(annotation)).unwrap_or_default()
            }
            Source::Rest(starred) => self.object(self.linked.catalogue.list(), starred),
            Source::Iteration(iterable) => self.part_of_each(iterable, binding.path.indices()),
            Source::Entered(context) => self.entered(context),
            Source::Parameter(index) => self.parameter(scope, index),
            Source::InstanceOf(annotation) => self.annotated(annotation),
            Source::Opaque => Values::unknown(),
        }
    }
}
