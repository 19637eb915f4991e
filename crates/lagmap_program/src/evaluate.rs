//! Evaluation: what an expression may be, given what is known of the cells that it reads.

use std::{ops::Range, slice};

use lagmap_facts::{Expr, ExprId, FileFacts, FunctionIndex, NameHash, Parameter, RegionId, RegionKind, ScopeKind};
use lagmap_models::ModelId;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::{
    Cell, ClassId, FileId, FunctionId, Site, Value, Values,
    language::Construct,
    linked::{Linked, MethodKind, ProgramFile, method_kind},
    scopes::{Binding, Source},
    solve::Cells,
};

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
    depth: u32,
}

/// What is known of the expressions so far: densely for a run of them, sparsely for the others.
#[derive(Default)]
struct Memo {
    start: u32,
    dense: Vec<Option<Values>>,
    sparse: FxHashMap<ExprId, Values>,
}

impl Memo {
    fn get(&self, id: ExprId) -> Option<&Values> {
        match self.dense.get(id.0.wrapping_sub(self.start) as usize) {
            Some(known) => known.as_ref(),
            None => self.sparse.get(&id),
        }
    }

    fn set(&mut self, id: ExprId, values: Values) {
        match self.dense.get_mut(id.0.wrapping_sub(self.start) as usize) {
            Some(known) => *known = Some(values),
            None => {
                self.sparse.insert(id, values);
            }
        }
    }
}

impl<'a> Evaluator<'a> {
    /// An evaluator for `file` over the present state of the cells.
    pub fn new(linked: &'a Linked, cells: &'a Cells, file: FileId) -> Self {
        let unit = linked.file(file);
        let facts = &unit.facts;
        Self { linked, cells, file, unit, facts, memo: Memo::default(), reads: Vec::new(), depth: 0 }
    }

    /// An evaluator that is to evaluate most expressions of `file`.
    pub fn of_all(linked: &'a Linked, cells: &'a Cells, file: FileId) -> Self {
        let mut evaluator = Self::new(linked, cells, file);
        evaluator.forget(0..evaluator.facts.exprs.len() as u32);
        evaluator
    }

    /// Forgets all values and gives the cells that were read since the last time, each once; the expressions in
    /// `next` are what is evaluated next.
    pub fn forget(&mut self, next: Range<u32>) -> Box<[u32]> {
        self.memo.start = next.start;
        self.memo.dense.clear();
        self.memo.dense.resize(next.len(), None);
        self.memo.sparse.clear();
        self.reads.sort_unstable();
        self.reads.dedup();
        let reads = self.reads.as_slice().into();
        self.reads.clear();
        reads
    }

    /// What an expression may be.
    pub fn values(&mut self, id: ExprId) -> Values {
        if let Some(known) = self.memo.get(id) {
            return known.clone();
        }
        if self.depth >= DEEPEST {
            return Values::unknown();
        }
        // A value that depends on itself adds nothing to itself.
        self.memo.set(id, Values::unknown());
        self.depth += 1;
        let values = self.evaluate(id);
        self.depth -= 1;
        self.memo.set(id, values.clone());
        values
    }

    fn site(&self, id: ExprId) -> Site {
        self.linked.ids.site(self.file, id)
    }

    /// What a cell holds.
    pub fn read(&mut self, cell: Cell) -> Values {
        self.reads.push(cell.mark());
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
                self.name(self.facts.names.hash(name), node.span.start, node.region)
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
            Expr::Binary { left, right, .. } => {
                let mut sides = self.values(left);
                sides.extend(&self.values(right));
                let found =
                    sides.iter().find(|value| matches!(value, Value::Object { model, .. } if self.is_builtin(*model)));
                // Operators of a library's objects (paths, arrays) mostly give another of the same class.
                let found = found.or_else(|| sides.iter().find(|value| matches!(value, Value::Object { .. })));
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
                    let bindings: SmallVec<[Binding; 4]> =
                        self.unit.scopes.reaching(self.facts, scope, name, offset, region).copied().collect();
                    if !bindings.is_empty() {
                        let mut found = Values::unknown();
                        for binding in bindings {
                            found.extend(&self.bound(scope, &binding));
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

    /// What one binding gives its name.
    pub fn bound(&mut self, scope: FunctionIndex, binding: &Binding) -> Values {
        match binding.source {
            Source::Import(index) => {
                let linked = self.linked;
                let found = linked.imported(self.file, index);
                let mut values = found.values.clone();
                for (scope, name) in &found.variables {
                    values.extend(&self.read(Cell::Variable(*scope, *name)));
                }
                values
            }
            Source::Function(index) => Values::one(Value::Function(self.linked.ids.function(self.file, index))),
            Source::Class(index) => Values::one(Value::Class(self.linked.ids.class(self.file, index))),
            Source::Value(value) => self.part(value, binding.path.indices()),
            Source::Rest(starred) => self.object(self.linked.catalogue.list(), starred),
            Source::Iteration(iterable) => self.part_of_each(iterable, binding.path.indices()),
            Source::Entered(context) => self.entered(context),
            Source::Parameter(index) => self.parameter(scope, index),
            Source::InstanceOf(annotation) => self.annotated(annotation),
            Source::Opaque => Values::unknown(),
        }
    }

    /// A part of a value that is unpacked.
    pub fn part(&mut self, value: ExprId, path: &[i8]) -> Values {
        let Some((first, inner)) = path.split_first() else { return self.values(value) };
        if let Expr::Tuple(list) | Expr::List(list) = self.facts.expr(value) {
            let parts = self.facts.list(list);
            let at = if *first < 0 { parts.len().cast_signed() } else { 0 } + isize::from(*first);
            let starred = |part: &ExprId| matches!(self.facts.expr(*part), Expr::Starred(_));
            if !parts.iter().any(starred) {
                let part = usize::try_from(at).ok().and_then(|at| parts.get(at));
                return part.map(|part| self.part(*part, inner)).unwrap_or_default();
            }
        }
        let values = self.values(value);
        self.parts_at(values, path)
    }

    /// What tuples hold at a place, and what that holds in turn.
    fn parts_at(&mut self, tuples: Values, path: &[i8]) -> Values {
        let Some((first, inner)) = path.split_first() else { return tuples };
        let key = usize::try_from(*first).ok().and_then(place_key);
        let mut found = Values::unknown();
        for tuple in tuples.iter() {
            match tuple {
                Value::Object { site, .. } => found.extend(&self.held_at(site, key)),
                other => found.extend(&self.elements(other)),
            };
        }
        self.parts_at(found, inner)
    }

    /// A part of each item of what is iterated: `enumerate`, `zip` and `items` are seen through.
    fn part_of_each(&mut self, iterable: ExprId, path: &[i8]) -> Values {
        let Some((first, inner)) = path.split_first() else { return self.items(iterable) };
        let source = match self.facts.expr(iterable) {
            Expr::Call(call) => {
                let call = self.facts.call(call);
                let arguments = self.facts.arguments(call);
                match self.facts.expr(call.callee) {
                    Expr::Name(name) if self.facts.text(name) == "enumerate" => {
                        Some(arguments.first().copied().filter(|_| *first == 1))
                    }
                    Expr::Name(name) if self.facts.text(name) == "zip" => {
                        Some(usize::try_from(*first).ok().and_then(|at| arguments.get(at).copied()))
                    }
                    Expr::Attribute { attribute, value } if self.facts.text(attribute) == "items" => {
                        Some(Some(value).filter(|_| *first == 1))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some(source) = source {
            return source.map(|source| self.part_of_each(source, inner)).unwrap_or_default();
        }
        // Items of literal tuples keep their places: `for name, cls in [("a", A), ("b", B)]`.
        if let Expr::List(list) | Expr::Tuple(list) = self.facts.expr(iterable) {
            let mut found = Values::unknown();
            for part in self.facts.list(list) {
                found.extend(&self.part(*part, path));
            }
            return found;
        }
        let items = self.items(iterable);
        self.parts_at(items, path)
    }

    /// What iterating over or indexing an expression gives.
    pub fn items(&mut self, iterable: ExprId) -> Values {
        let mut found = Values::unknown();
        for value in self.values(iterable).iter() {
            found.extend(&self.elements(value));
        }
        found
    }

    /// A slice of a list or tuple is another of its kind; what it holds, the solver knows.
    fn slice(&mut self, sequence: ExprId, id: ExprId) -> Values {
        let catalogue = &self.linked.catalogue;
        let (list, tuple) = (catalogue.list(), catalogue.tuple());
        let site = self.site(id);
        let part = |value| match value {
            Value::Object { model, .. } if model == list || model == tuple => Some(Value::Object { model, site }),
            _ => None,
        };
        let found: Values = self.values(sequence).iter().filter_map(part).collect();
        if found.is_empty() { self.items(sequence) } else { found }
    }

    /// What indexing an expression gives.
    fn entries(&mut self, container: ExprId, index: ExprId) -> Values {
        let containers = self.values(container);
        if containers.is_empty() {
            return containers;
        }
        let key = self.key(index);
        let mut found = Values::unknown();
        for value in containers.iter() {
            match value {
                Value::Object { site, .. } => found.extend(&self.held_at(site, key)),
                other => found.extend(&self.elements(other)),
            };
        }
        found
    }

    /// What a container holds.
    pub fn held(&mut self, site: Site) -> Values {
        let mut found = self.read(Cell::Element(site));
        found.extend(&self.read(Cell::Keyed(site)));
        found
    }

    /// What a container holds under a key; under any, if the key is not known.
    fn held_at(&mut self, site: Site, key: Option<NameHash>) -> Values {
        let Some(key) = key else { return self.held(site) };
        let mut found = self.read(Cell::Element(site));
        found.extend(&self.read(Cell::Entry(site, key)));
        found
    }

    /// The constant text or small number that an index or key always is, as the key of what a container holds under it.
    pub fn key(&mut self, index: ExprId) -> Option<NameHash> {
        let (file, literal) = self.constant(index)?;
        let facts = &self.linked.file(file).facts;
        match facts.expr(literal) {
            Expr::Str(text) => Some(facts.names.hash(text)),
            Expr::Int(place) => usize::try_from(place).ok().and_then(place_key),
            _ => None,
        }
    }

    /// The literal that an expression always is: one itself, or a name or attribute that nothing else is assigned to.
    /// Parameters and attributes of objects may be others as well.
    fn constant(&mut self, id: ExprId) -> Option<(FileId, ExprId)> {
        let of_variable = |linked: &Linked, scope: FunctionId, name: NameHash| {
            let (file, scope) = linked.ids.of_function(scope);
            let unit = linked.file(file);
            let value = unit.scopes.only_value(scope, name)?;
            matches!(unit.facts.expr(value), Expr::Str(_) | Expr::Int(_)).then_some((file, value))
        };
        match self.facts.expr(id) {
            Expr::Str(_) | Expr::Int(_) => Some((self.file, id)),
            Expr::Name(name) => {
                let name = self.facts.names.hash(name);
                let own = self.facts.region(self.facts.exprs[id.0 as usize].region).function;
                let scopes = std::iter::successors(Some(own), |scope| self.facts.function(*scope).parent);
                let mut visible =
                    scopes.filter(|scope| *scope == own || self.facts.function(*scope).kind != ScopeKind::Class);
                let scope = visible.find(|scope| !self.unit.scopes.named(*scope, name).is_empty())?;
                if let [Binding { source: Source::Import(index), .. }] = self.unit.scopes.named(scope, name) {
                    let [(scope, name)] = self.linked.imported(self.file, *index).variables.as_slice() else {
                        return None;
                    };
                    return of_variable(self.linked, *scope, *name);
                }
                of_variable(self.linked, self.linked.ids.function(self.file, scope), name)
            }
            Expr::Attribute { value, attribute } => {
                let name = self.facts.names.hash(attribute);
                let scope = match self.values(value).as_slice() {
                    [Value::Module(file)] => self.linked.ids.function(*file, FunctionIndex::MODULE),
                    [Value::Class(class)] => {
                        let (file, class) = self.linked.ids.of_class(*class);
                        self.linked.ids.function(file, self.linked.file(file).facts.class(class).body)
                    }
                    _ => return None,
                };
                of_variable(self.linked, scope, name)
            }
            _ => None,
        }
    }

    fn elements(&mut self, value: Value) -> Values {
        match value {
            Value::Object { site, .. } => self.held(site),
            Value::Generator(function) => self.read(Cell::Yield(function)),
            Value::Instance { class, .. } => {
                let methods = ["__iter__", "__getitem__", "__next__", "__aiter__", "__anext__"];
                let mut found = Values::unknown();
                for method in methods {
                    let Some(function) = self.linked.classes.method(class, NameHash::of(method)) else { continue };
                    for returned in self.returned(function).iter() {
                        match returned {
                            Value::Object { site, .. } if method.ends_with("iter__") => {
                                found.extend(&self.held(site));
                            }
                            Value::Generator(function) => {
                                found.extend(&self.read(Cell::Yield(function)));
                            }
                            other => {
                                found.add(other);
                            }
                        }
                    }
                }
                found
            }
            _ => Values::unknown(),
        }
    }

    /// What `with context as x` gives.
    fn entered(&mut self, context: ExprId) -> Values {
        let mut found = Values::unknown();
        let values = self.values(context);
        let is_async = self.is_entered_async(context);
        let names = if is_async { ["__aenter__", "__enter__"] } else { ["__enter__", "__aenter__"] };
        let enters = |value: &Value, name: &str| match value {
            Value::Instance { class, .. } => self.linked.classes.method(*class, NameHash::of(name)),
            _ => None,
        };
        // What cannot be entered this way is not what is entered, if something else can.
        let some_fit = values.iter().any(|value| enters(&value, names[0]).is_some());
        for value in values.iter() {
            match value {
                Value::Instance { .. } => {
                    let fits = enters(&value, names[0]);
                    if some_fit && fits.is_none() {
                        continue;
                    }
                    let enter = fits.or_else(|| enters(&value, names[1]));
                    // Nearly all give themselves.
                    let given = enter.map(|enter| self.read(Cell::Return(enter))).unwrap_or_default();
                    if given.is_empty() {
                        found.add(value);
                    } else {
                        found.extend(&given);
                    }
                }
                Value::Generator(function) => {
                    found.extend(&self.read(Cell::Yield(function)));
                }
                Value::Object { model, site } => {
                    let enter = ["__enter__", "__aenter__"]
                        .iter()
                        .find_map(|name| self.linked.catalogue.member(model, NameHash::of(name)));
                    match enter.and_then(|enter| self.linked.catalogue.returns(enter)) {
                        Some(model) => found.add(Value::Object { model, site }),
                        None => found.add(value),
                    };
                }
                other => {
                    found.add(other);
                }
            }
        }
        found
    }

    /// Whether a context manager is entered by `async with`.
    fn is_entered_async(&self, context: ExprId) -> bool {
        let region = self.facts.exprs[context.0 as usize].region;
        let function = self.facts.function(self.facts.region(region).function);
        function.regions.clone().any(|id| {
            matches!(self.facts.region(RegionId(id)).kind, RegionKind::With { context: own, is_async: true } if own == context)
        })
    }

    /// What a `return` gives: a parameter that is handed back stands for the argument of each call.
    pub fn returned_value(&mut self, id: ExprId) -> Values {
        match self.facts.expr(id) {
            Expr::Name(name) => {
                let node = &self.facts.exprs[id.0 as usize];
                let (name, region) = (self.facts.names.hash(name), node.region);
                let scope = self.facts.region(region).function;
                let bindings: SmallVec<[Binding; 4]> =
                    self.unit.scopes.reaching(self.facts, scope, name, node.span.start, region).copied().collect();
                let is_parameter = |binding: &Binding| matches!(binding.source, Source::Parameter(_));
                if !bindings.iter().any(is_parameter) {
                    return self.values(id);
                }
                let mut found = Values::unknown();
                for binding in bindings {
                    match binding.source {
                        Source::Parameter(index) => found.extend(&self.handed_back(scope, index)),
                        _ => found.extend(&self.bound(scope, &binding)),
                    };
                }
                found
            }
            Expr::Boolean { values, .. } => {
                let mut found = Values::unknown();
                for part in self.facts.list(values) {
                    found.extend(&self.returned_value(*part));
                }
                found
            }
            Expr::IfElse { body, orelse, .. } => {
                let mut found = self.returned_value(body);
                found.extend(&self.returned_value(orelse));
                found
            }
            _ => self.values(id),
        }
    }

    /// A parameter that its function gives back.
    fn handed_back(&mut self, scope: FunctionIndex, index: u32) -> Values {
        if let Some(receiver) = self.receiver(scope, index) {
            return receiver;
        }
        let parameter = self.facts.function(scope).parameters[index as usize];
        let mut found = self.declared(&parameter);
        found.add(Value::Argument(index));
        found
    }

    /// What the first parameter of a method is.
    fn receiver(&self, scope: FunctionIndex, index: u32) -> Option<Values> {
        let function = self.facts.function(scope);
        let class = function.class.filter(|_| index == 0 && function.kind == ScopeKind::Function)?;
        let class = self.linked.ids.class(self.file, class);
        match method_kind(self.facts, function) {
            MethodKind::Static => None,
            MethodKind::Class => Some(Values::one(Value::Class(class))),
            MethodKind::Plain | MethodKind::Property => Some(Values::one(Value::Instance { class, exact: false })),
        }
    }

    /// What the annotation and the default of a parameter say.
    fn declared(&mut self, parameter: &Parameter) -> Values {
        let mut found = Values::unknown();
        if parameter.annotation != ExprId::NONE {
            found.extend(&self.annotated(parameter.annotation));
        }
        if parameter.default != ExprId::NONE {
            found.extend(&self.values(parameter.default));
        }
        found
    }

    fn parameter(&mut self, scope: FunctionIndex, index: u32) -> Values {
        if let Some(receiver) = self.receiver(scope, index) {
            return receiver;
        }
        let id = self.linked.ids.function(self.file, scope);
        let parameter = self.facts.function(scope).parameters[index as usize];
        let mut found = self.read(Cell::Parameter(id, index));
        found.extend(&self.declared(&parameter));
        found
    }

    /// Instances of the types that an annotation names.
    pub fn annotated(&mut self, annotation: ExprId) -> Values {
        match self.facts.expr(annotation) {
            Expr::Subscript { value, index } => {
                let wrapper = match self.facts.expr(value) {
                    Expr::Name(name) => self.facts.text(name),
                    Expr::Attribute { attribute, .. } => self.facts.text(attribute),
                    _ => "",
                };
                match wrapper {
                    "Optional" | "Union" | "Annotated" | "Final" | "ClassVar" | "Awaitable" => self.annotated(index),
                    "Type" | "type" => self.values(index),
                    "List" | "Sequence" | "Iterable" | "Iterator" => {
                        self.object(self.linked.catalogue.list(), annotation)
                    }
                    "Dict" | "Mapping" | "MutableMapping" => self.object(self.linked.catalogue.dict(), annotation),
                    "Set" => self.object(self.linked.catalogue.set(), annotation),
                    _ => self.annotated(value),
                }
            }
            Expr::Tuple(list) => {
                let mut found = Values::unknown();
                for part in self.facts.list(list) {
                    found.extend(&self.annotated(*part));
                }
                found
            }
            Expr::Binary { left, right, .. } => {
                let mut found = self.annotated(left);
                found.extend(&self.annotated(right));
                found
            }
            Expr::Name(_) | Expr::Attribute { .. } => {
                let site = self.site(annotation);
                let catalogue = &self.linked.catalogue;
                let instance = |value| match value {
                    Value::Class(class) => Some(Value::Instance { class, exact: false }),
                    Value::External(model) if catalogue.entry(model).is_some_and(|entry| entry.class) => {
                        Some(Value::Object { model: catalogue.canonical(model), site })
                    }
                    _ => None,
                };
                self.values(annotation).iter().filter_map(instance).collect()
            }
            _ => Values::unknown(),
        }
    }

    /// The element annotation of a container annotation: `T` of `list[T]`, `V` of `dict[K, V]`.
    pub fn annotated_element(&mut self, annotation: ExprId) -> Option<Values> {
        let Expr::Subscript { index, .. } = self.facts.expr(annotation) else { return None };
        let element = match self.facts.expr(index) {
            Expr::Tuple(list) => *self.facts.list(list).last()?,
            _ => index,
        };
        Some(self.annotated(element))
    }

    /// An attribute of one value.
    pub fn attribute(&mut self, value: Value, name: NameHash, at: ExprId) -> Values {
        let classes = &self.linked.classes;
        let catalogue = &self.linked.catalogue;
        match value {
            Value::Module(file) => {
                let found = self.member(file, FunctionIndex::MODULE, name);
                found.or_else(|| self.submodule(value, at)).unwrap_or_default()
            }
            Value::Package(_) => self.submodule(value, at).unwrap_or_default(),
            Value::Class(class) => {
                if let Some(function) = classes.method(class, name) {
                    let (unit, facts) = self.linked.function(function);
                    if method_kind(&unit.facts, facts) == MethodKind::Class {
                        return Values::one(Value::Method { function, receiver: class, exact: true });
                    }
                    return Values::one(Value::Function(function));
                }
                self.data_attribute(class, name, false)
            }
            Value::Instance { class, exact } => {
                if let Some(function) = classes.method(class, name) {
                    let (unit, facts) = self.linked.function(function);
                    return match method_kind(&unit.facts, facts) {
                        MethodKind::Property => self.read(Cell::Return(function)),
                        MethodKind::Static => Values::one(Value::Function(function)),
                        _ => Values::one(Value::Method { function, receiver: class, exact }),
                    };
                }
                let found = self.data_attribute(class, name, !exact);
                if found.is_empty() {
                    return self.inherited(class, name, at);
                }
                found
            }
            Value::Super(class) => {
                let next = classes.lookup_order(class).iter().skip(1);
                let method = next.clone().find_map(|class| classes.own_method(*class, name));
                if let Some(function) = method {
                    return Values::one(Value::Method { function, receiver: class, exact: true });
                }
                self.inherited(class, name, at)
            }
            Value::External(model) => {
                let Some(child) = catalogue.child(model, name).or_else(|| catalogue.member(model, name)) else {
                    return Values::one(Value::External(ModelId::UNKNOWN));
                };
                self.external_attribute(child, at)
            }
            Value::Object { model, site } => match catalogue.member(model, name) {
                Some(member) if catalogue.has_tag(member, "attribute") => self.external_attribute(member, at),
                Some(method) => Values::one(Value::Bound { method, site }),
                None => Values::unknown(),
            },
            _ => Values::unknown(),
        }
    }

    fn external_attribute(&self, member: ModelId, at: ExprId) -> Values {
        let catalogue = &self.linked.catalogue;
        match catalogue.returns(member) {
            Some(model) if catalogue.has_tag(member, "attribute") => self.object(model, at),
            _ => Values::one(Value::External(member)),
        }
    }

    /// A method that a class of the project has from a base class of the catalogue.
    fn inherited(&self, class: ClassId, name: NameHash, at: ExprId) -> Values {
        let catalogue = &self.linked.catalogue;
        let site = self.site(at);
        let found = self.linked.classes.external_bases(class).find_map(|base| catalogue.member(base, name));
        found.map(|method| Values::one(Value::Bound { method, site })).unwrap_or_default()
    }

    /// A data attribute: what the methods of the class and its ancestors assign, and its class variables.
    fn data_attribute(&mut self, class: ClassId, name: NameHash, with_subclasses: bool) -> Values {
        let mut found = Values::unknown();
        let linked = self.linked;
        // While the hierarchy is being found, a class has itself alone.
        let order = linked.classes.lookup_order(class);
        for class in if order.is_empty() { slice::from_ref(&class) } else { order } {
            found.extend(&self.own_attribute(*class, name));
        }
        if found.is_empty() && with_subclasses {
            // An attribute that a base class uses and its subclasses set.
            for class in linked.classes.subclasses(class).iter().take(32) {
                found.extend(&self.own_attribute(*class, name));
            }
        }
        found
    }

    fn own_attribute(&mut self, class: ClassId, name: NameHash) -> Values {
        let mut found = self.read(Cell::Attribute(class, name));
        let (file, index) = self.linked.ids.of_class(class);
        let body = self.linked.file(file).facts.class(index).body;
        if let Some(values) = self.member(file, body, name) {
            found.extend(&values);
        }
        found
    }

    fn submodule(&self, of: Value, at: ExprId) -> Option<Values> {
        use crate::modules::ImportTarget;
        let Expr::Attribute { attribute, .. } = self.facts.expr(at) else { return None };
        let of = match of {
            Value::Module(file) => ImportTarget::Module(file),
            Value::Package(package) => ImportTarget::Package(package),
            _ => return None,
        };
        match self.linked.modules.submodule(of, self.facts.text(attribute))? {
            ImportTarget::Module(file) => Some(Values::one(Value::Module(file))),
            ImportTarget::Package(package) => Some(Values::one(Value::Package(package))),
            _ => None,
        }
    }

    fn returned(&mut self, function: FunctionId) -> Values {
        let (_, facts) = self.linked.function(function);
        if facts.is_generator { Values::one(Value::Generator(function)) } else { self.read(Cell::Return(function)) }
    }

    /// What a call of a function gives, with its own arguments for the parameters that are handed back. The first `skipped`
    /// parameters are the receiver.
    fn returned_to(&mut self, function: FunctionId, skipped: u32, call: &lagmap_facts::Call) -> Values {
        let returned = self.returned(function);
        if !returned.iter().any(|value| matches!(value, Value::Argument(_))) {
            return returned;
        }
        let mut found = Values::unknown();
        for value in returned.iter() {
            match value {
                Value::Argument(place) => {
                    if let Some(argument) = self.argument_of(function, skipped, place, call) {
                        found.extend(&self.values(argument));
                    }
                }
                other => {
                    found.add(other);
                }
            }
        }
        found
    }

    /// The argument that a call passes for a parameter.
    fn argument_of(&self, function: FunctionId, skipped: u32, place: u32, call: &lagmap_facts::Call) -> Option<ExprId> {
        let (unit, callee) = self.linked.function(function);
        let skipped = if method_kind(&unit.facts, callee) == MethodKind::Static { 0 } else { skipped };
        let name = unit.facts.names.hash(callee.parameters[place as usize].name);
        let mut keywords = self.facts.keywords(call).iter();
        let by_name = keywords.find(|keyword| keyword.name.is_some_and(|own| self.facts.names.hash(own) == name));
        let by_place = || {
            let arguments = self.facts.arguments(call);
            let at = place.checked_sub(skipped)? as usize;
            let starred = arguments.iter().take(at + 1).any(|id| matches!(self.facts.expr(*id), Expr::Starred(_)));
            arguments.get(at).copied().filter(|_| !starred)
        };
        by_name.map(|keyword| keyword.value).or_else(by_place)
    }

    /// What the functions that an expression may be give, whatever they are called with.
    pub fn given_by(&mut self, functions: ExprId) -> Values {
        let mut found = Values::unknown();
        for value in self.values(functions).iter() {
            match value {
                Value::Function(function) | Value::Method { function, .. } => {
                    let returned = self.returned(function);
                    found.extend(&returned.iter().filter(|value| !matches!(value, Value::Argument(_))).collect());
                }
                Value::Class(class) => {
                    found.add(Value::Instance { class, exact: true });
                }
                _ => {}
            }
        }
        found
    }

    fn call(&mut self, id: ExprId, call: lagmap_facts::CallId) -> Values {
        let call = *self.facts.call(call);
        let mut found = Values::unknown();
        for callee in self.values(call.callee).iter() {
            match callee {
                Value::Class(class) => {
                    found.add(Value::Instance { class, exact: true });
                }
                Value::Function(function) => {
                    found.extend(&self.returned_to(function, 0, &call));
                }
                Value::Method { function, .. } => {
                    found.extend(&self.returned_to(function, 1, &call));
                }
                Value::Instance { class, .. } => {
                    if let Some(function) = self.linked.classes.method(class, NameHash::of("__call__")) {
                        found.extend(&self.returned_to(function, 1, &call));
                    }
                }
                Value::External(model) => {
                    found.extend(&self.external_call(model, id, &call));
                }
                Value::Bound { method, site } => {
                    found.extend(&self.bound_call(method, site, id));
                }
                _ => {}
            }
        }
        found
    }

    fn external_call(&mut self, model: ModelId, id: ExprId, call: &lagmap_facts::Call) -> Values {
        let catalogue = &self.linked.catalogue;
        let first = self.facts.arguments(call).first().copied();
        // The language's own functions that give back what they are given.
        match self.linked.language.of_model(model) {
            Some(Construct::Super) => {
                let region = self.facts.exprs[id.0 as usize].region;
                let mut scope = Some(self.facts.region(region).function);
                while let Some(index) = scope {
                    let function = self.facts.function(index);
                    if let Some(class) = function.class {
                        return Values::one(Value::Super(self.linked.ids.class(self.file, class)));
                    }
                    scope = function.parent;
                }
                return Values::unknown();
            }
            Some(Construct::Getattr) => return self.dynamic_attribute(call, id),
            Some(Construct::Type) => {
                let class = |value| match value {
                    Value::Instance { class, .. } => Some(Value::Class(class)),
                    _ => None,
                };
                return first.map(|first| self.values(first).iter().filter_map(class).collect()).unwrap_or_default();
            }
            Some(Construct::Item) => return first.map(|first| self.items(first)).unwrap_or_default(),
            Some(Construct::Argument(at)) => {
                let argument = self.facts.arguments(call).get(usize::from(at)).copied();
                let mut found = argument.map(|argument| self.values(argument)).unwrap_or_default();
                if let Some(model) = catalogue.returns(model) {
                    found.add(Value::Object { model, site: self.site(id) });
                }
                return found;
            }
            None => {}
        }
        if catalogue.entry(model).is_some_and(|entry| entry.class) {
            return self.object(catalogue.canonical(model), id);
        }
        match catalogue.returns(model) {
            Some(returned) => self.object(returned, id),
            None => Values::unknown(),
        }
    }

    fn bound_call(&mut self, method: ModelId, site: Site, id: ExprId) -> Values {
        let catalogue = &self.linked.catalogue;
        let mut found = match catalogue.entry(method).and_then(|entry| entry.returns.as_deref()) {
            Some("self") => Values::one(Value::Object { model: catalogue.parent(method), site }),
            _ => catalogue.returns(method).map(|model| self.object(model, id)).unwrap_or_default(),
        };
        match catalogue.name(method) {
            // A view of a dict holds what the dict holds.
            "values" | "items" | "copy" => {
                found = Values::one(Value::Object { model: catalogue.list(), site });
            }
            "get" | "pop" | "setdefault" | "__getitem__" => {
                let arguments = match self.facts.expr(id) {
                    Expr::Call(call) => self.facts.arguments(self.facts.call(call)),
                    _ => &[],
                };
                let key = arguments.first().and_then(|key| self.key(*key));
                found.extend(&self.held_at(site, key));
                if let Some(default) = arguments.get(1) {
                    found.extend(&self.values(*default));
                }
            }
            "popleft" | "get_nowait" | "popitem" => {
                found.extend(&self.held(site));
            }
            _ => {}
        }
        found
    }

    /// `getattr(object, name)`: a literal name is that attribute; a formatted one is every method that fits its literal
    /// beginning and end.
    fn dynamic_attribute(&mut self, call: &lagmap_facts::Call, id: ExprId) -> Values {
        let arguments = self.facts.arguments(call);
        let (Some(object), Some(name)) = (arguments.first().copied(), arguments.get(1).copied()) else {
            return Values::unknown();
        };
        let mut found = Values::unknown();
        let objects = self.values(object);
        match self.facts.expr(name) {
            Expr::Str(text) => {
                let hash = self.facts.names.hash(text);
                for value in objects.iter() {
                    found.extend(&self.attribute(value, hash, id));
                }
            }
            Expr::FString(parts) | Expr::List(parts) => {
                let parts = self.facts.list(parts);
                let literal = |part: Option<&ExprId>| match part.map(|part| self.facts.expr(*part)) {
                    Some(Expr::Str(text)) => self.facts.text(text),
                    _ => "",
                };
                let (start, end) = (literal(parts.first()), literal(parts.last()));
                found.extend(&self.methods_like(&objects, start, if parts.len() > 1 { end } else { "" }));
            }
            Expr::Binary { left, op: lagmap_facts::BinaryOp::Add, .. } => {
                if let Expr::Str(text) = self.facts.expr(left) {
                    found.extend(&self.methods_like(&objects, self.facts.text(text), ""));
                }
            }
            _ => {}
        }
        if let Some(default) = arguments.get(2) {
            found.extend(&self.values(*default));
        }
        found
    }

    fn methods_like(&self, objects: &Values, start: &str, end: &str) -> Values {
        let mut found = Values::unknown();
        if start.is_empty() && end.is_empty() {
            return found;
        }
        for value in objects.iter() {
            let Value::Instance { class: receiver, exact } = value else { continue };
            for class in self.linked.classes.lookup_order(receiver) {
                let (file, index) = self.linked.ids.of_class(*class);
                let unit = self.linked.file(file);
                for binding in unit.scopes.all(unit.facts.class(index).body) {
                    let Source::Function(function) = binding.source else { continue };
                    let name = unit.facts.text(unit.facts.function(function).name);
                    if name.starts_with(start) && name.ends_with(end) && name.len() > start.len() + end.len() {
                        let function = self.linked.ids.function(file, function);
                        found.add(Value::Method { function, receiver, exact });
                    }
                }
            }
        }
        found
    }
}

/// How many places of a list or tuple are told apart.
pub const MOST_PLACES: usize = 10;

/// The key of a place in a list or tuple; different from that of any text.
pub fn place_key(place: usize) -> Option<NameHash> {
    const PLACES: [&str; MOST_PLACES] =
        ["\0", "\x001", "\x002", "\x003", "\x004", "\x005", "\x006", "\x007", "\x008", "\x009"];
    PLACES.get(place).map(|place| NameHash::of(place))
}
