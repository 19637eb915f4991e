//! Uses: what happens to each object over its whole life, in whatever function and under whatever name.

use lagmap_facts::{Expr, ExprId, FunctionIndex, NameHash, OpKind, RegionId};
use lagmap_models::ModelId;
use lagmap_source::Span;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::{CallSite, Cell, FileId, FunctionId, Site, Value, evaluate::Evaluator, linked::Linked, solve::Solution};

/// Something that is done to an object other than calling its methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is done.
    pub kind: ChangeKind,
    /// The scope that does it.
    pub function: FunctionId,
    /// Where in the scope.
    pub region: RegionId,
    /// The statement.
    pub span: Span,
    /// The target expression.
    pub target: Site,
}

/// Kinds of [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// `object[key] = value`.
    SetItem,
    /// `object[a:b] = values`.
    SetSlice,
    /// `del object[key]`.
    DeleteItem,
    /// `object += value`.
    Augment,
    /// `object.name = value`, for an object of a library.
    SetAttribute(NameHash),
}

/// An assignment to an attribute of a project class or to a module's variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// The scope that assigns.
    pub function: FunctionId,
    /// Where in the scope.
    pub region: RegionId,
    /// The statement.
    pub span: Span,
    /// The assigned value; `None` for `del`.
    pub value: Option<Site>,
}

/// The uses of all objects.
#[derive(Debug, Default)]
pub struct Uses {
    /// Method calls by receiver.
    pub calls: FxHashMap<Site, Vec<CallSite>>,
    /// Other changes by object.
    pub changes: FxHashMap<Site, Vec<Change>>,
    /// Assignments by attribute or module variable.
    pub writes: FxHashMap<Cell, Vec<Write>>,
    /// The `with` bodies that an object is the context manager of.
    pub entered: FxHashMap<Site, Vec<(FunctionId, RegionId)>>,
    /// The attributes, variables, parameters, returns and containers that hold an object.
    pub holders: FxHashMap<Site, Vec<Cell>>,
    /// Library calls by what is called.
    pub by_model: FxHashMap<ModelId, Vec<CallSite>>,
}

#[derive(Default)]
struct FileUses {
    changes: Vec<(Site, Change)>,
    writes: Vec<(Cell, Write)>,
    entered: Vec<(Site, (FunctionId, RegionId))>,
}

impl Uses {
    /// Collects the uses in a program.
    pub fn of(linked: &Linked, solution: &Solution) -> Self {
        let per_file: Vec<FileUses> = (0..linked.files.len())
            .into_par_iter()
            .map(|index| file_uses(linked, solution, FileId(index as u32)))
            .collect();
        let mut uses = Self::default();
        for file in per_file {
            for (site, change) in file.changes {
                uses.changes.entry(site).or_default().push(change);
            }
            for (site, body) in file.entered {
                uses.entered.entry(site).or_default().push(body);
            }
            for (cell, write) in file.writes {
                uses.writes.entry(cell).or_default().push(write);
            }
        }
        for (index, callees) in solution.callees.iter().enumerate() {
            let call = CallSite(index as u32);
            for callee in callees.iter() {
                match callee {
                    Value::Bound { method, site } => {
                        uses.calls.entry(site).or_default().push(call);
                        uses.by_model.entry(method).or_default().push(call);
                    }
                    Value::External(model) if model != ModelId::UNKNOWN => {
                        uses.by_model.entry(model).or_default().push(call);
                    }
                    _ => {}
                }
            }
        }
        // A call of the same entry on several objects is one call.
        for calls in uses.by_model.values_mut() {
            calls.dedup();
        }
        for (cell, values) in solution.cells.iter() {
            for value in values.iter() {
                if let Value::Object { site, .. } = value {
                    uses.holders.entry(site).or_default().push(cell);
                }
            }
        }
        for cells in uses.holders.values_mut() {
            cells.sort_unstable();
        }
        uses
    }
}

fn file_uses(linked: &Linked, solution: &Solution, file: FileId) -> FileUses {
    let facts = &linked.file(file).facts;
    let mut evaluator = Evaluator::of_all(linked, &solution.cells, file);
    let mut found = FileUses::default();
    for (index, function) in facts.functions.iter().enumerate() {
        let id = linked.ids.function(file, FunctionIndex(index as u32));
        for op in facts.ops(function) {
            let mut visit = Visit { linked, file, evaluator: &mut evaluator, found: &mut found, function: id, op };
            match op.kind {
                OpKind::Assign { target, value } | OpKind::Annotate { target, value, .. } if value != ExprId::NONE => {
                    visit.assigned(target, Some(value));
                }
                OpKind::Augment { target, .. } => visit.augmented(target),
                OpKind::Delete(target) => visit.deleted(target),
                OpKind::Enter { context, body, .. } => visit.entered(context, body),
                _ => {}
            }
        }
    }
    found
}

struct Visit<'a, 'b> {
    linked: &'a Linked,
    file: FileId,
    evaluator: &'b mut Evaluator<'a>,
    found: &'b mut FileUses,
    function: FunctionId,
    op: &'a lagmap_facts::Op,
}

impl Visit<'_, '_> {
    fn change(&mut self, object: ExprId, target: ExprId, kind: ChangeKind) {
        for value in self.evaluator.values(object).iter() {
            if let Value::Object { site, .. } = value {
                let target = self.linked.ids.site(self.file, target);
                let (function, region, span) = (self.function, self.op.region, self.op.span);
                self.found.changes.push((site, Change { kind, function, region, span, target }));
            }
        }
    }

    fn entered(&mut self, context: ExprId, body: RegionId) {
        for value in self.evaluator.values(context).iter() {
            if let Value::Object { site, .. } = value {
                self.found.entered.push((site, (self.function, body)));
            }
        }
    }

    fn write(&mut self, cell: Cell, value: Option<ExprId>) {
        let value = value.map(|value| self.linked.ids.site(self.file, value));
        let write = Write { function: self.function, region: self.op.region, span: self.op.span, value };
        self.found.writes.push((cell, write));
    }

    fn assigned(&mut self, target: ExprId, value: Option<ExprId>) {
        let facts = &self.linked.file(self.file).facts;
        match facts.expr(target) {
            Expr::Subscript { value: object, index } => {
                let slice = matches!(facts.expr(index), Expr::Slice { .. });
                self.change(object, target, if slice { ChangeKind::SetSlice } else { ChangeKind::SetItem });
                if let Some(key) = self.evaluator.key(index) {
                    for container in self.evaluator.values(object).iter() {
                        if let Value::Object { site, .. } = container {
                            self.write(Cell::Entry(site, key), value);
                        }
                    }
                }
            }
            Expr::Attribute { value: object, attribute } => {
                let name = facts.names.hash(attribute);
                self.change(object, target, ChangeKind::SetAttribute(name));
                for owner in self.evaluator.values(object).iter() {
                    match owner {
                        Value::Instance { class, .. } | Value::Class(class) => {
                            self.write(Cell::Attribute(class, name), value);
                        }
                        Value::Module(file) => {
                            let body = self.linked.ids.function(file, FunctionIndex::MODULE);
                            self.write(Cell::Variable(body, name), value);
                        }
                        _ => {}
                    }
                }
            }
            Expr::Name(name) => {
                let (_, function) = self.linked.function(self.function);
                let name_hash = facts.names.hash(name);
                if function.globals.contains(&name) || function.parent.is_none() {
                    let body = self.linked.ids.function(self.file, FunctionIndex::MODULE);
                    self.write(Cell::Variable(body, name_hash), value);
                } else if function.kind == lagmap_facts::ScopeKind::Class {
                    self.write(Cell::Variable(self.function, name_hash), value);
                }
            }
            Expr::Tuple(targets) | Expr::List(targets) => {
                for target in facts.list(targets) {
                    self.assigned(*target, value);
                }
            }
            _ => {}
        }
    }

    fn augmented(&mut self, target: ExprId) {
        self.change(target, target, ChangeKind::Augment);
        let facts = &self.linked.file(self.file).facts;
        if let Expr::Subscript { value: object, .. } = facts.expr(target) {
            self.change(object, target, ChangeKind::SetItem);
        }
    }

    fn deleted(&mut self, target: ExprId) {
        let facts = &self.linked.file(self.file).facts;
        match facts.expr(target) {
            Expr::Subscript { value: object, .. } => self.change(object, target, ChangeKind::DeleteItem),
            Expr::Attribute { value: object, attribute } => {
                let name = facts.names.hash(attribute);
                for owner in self.evaluator.values(object).iter() {
                    if let Value::Instance { class, .. } = owner {
                        self.write(Cell::Attribute(class, name), None);
                    }
                }
            }
            _ => {}
        }
    }
}
