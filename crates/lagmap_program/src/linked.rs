//! Files with their names resolved: what the solver works on.

use std::collections::VecDeque;

use lagmap_facts::{
    ClassIndex, Expr, ExprId, FileFacts, FunctionFacts, FunctionIndex, ImportIndex, NameHash, OpKind, ScopeKind,
};
use lagmap_models::{Catalogue, ModelId};
use lagmap_source::{LineMap, Position};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::{
    ClassId, FileId, FunctionId, Value, Values,
    evaluate::{DEEPEST_IMPORT, Evaluator},
    ids::IdBases,
    language::Language,
    modules::{ImportTarget, Modules},
    name_set::NameSet,
    scopes::{Scopes, Source},
    search_path::search_path,
};

/// Why a file does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxFault {
    /// What the parser says.
    pub message: String,
    /// Where.
    pub position: Position,
}

/// A file as the program takes it.
pub struct SourceUnit {
    /// Its path relative to the audited root, with `/`.
    pub path: String,
    /// What it does.
    pub facts: FileFacts,
    /// Its lines.
    pub lines: LineMap,
    /// Its first syntax error.
    pub broken: Option<SyntaxFault>,
}

/// A file of the program.
pub struct ProgramFile {
    /// Its path relative to the audited root, with `/`.
    pub path: String,
    /// Its module's dotted name.
    pub module: String,
    /// What it does.
    pub facts: FileFacts,
    /// Its lines.
    pub lines: LineMap,
    /// Its first syntax error.
    pub broken: Option<SyntaxFault>,
    /// It holds tests.
    pub is_test: bool,
    /// Which names are bound where.
    pub scopes: Scopes,
    /// What each import means.
    pub imports: Vec<ImportTarget>,
}

/// All files, linked by name.
pub struct Linked {
    /// The files, sorted by path.
    pub files: Vec<ProgramFile>,
    /// Program-wide ids.
    pub ids: IdBases,
    /// The API catalogue.
    pub catalogue: Catalogue,
    /// The module table.
    pub modules: Modules,
    /// The class hierarchy.
    pub classes: Classes,
    /// Builtins that the solver itself understands.
    pub language: Language,
    /// What each import of each file gives.
    imported: Vec<Vec<StaticMember>>,
}

impl Linked {
    /// Links files. `search` holds folders, relative to the root, that configurations make importable.
    pub fn new(mut units: Vec<SourceUnit>, catalogue: Catalogue, search: &[String]) -> Self {
        units.sort_by(|a, b| a.path.cmp(&b.path));
        let scopes: Vec<Scopes> = units.par_iter().map(|unit| Scopes::of(&unit.facts)).collect();
        let searched = units.par_iter().zip(&scopes).map(|(unit, scopes)| search_path(&unit.path, &unit.facts, scopes));
        let searched = searched.collect();
        let paths: Vec<&str> = units.iter().map(|unit| unit.path.as_str()).collect();
        let modules = Modules::new(&paths, searched, search);
        let ids = IdBases::new(units.iter().map(|unit| &unit.facts));
        let files = units.into_par_iter().zip(scopes).enumerate().map(|(index, (unit, scopes))| {
            let file = FileId(index as u32);
            let imports = unit.facts.imports.iter();
            let imports =
                imports.map(|import| modules.resolve(file, &unit.path, &unit.facts, import, &catalogue)).collect();
            ProgramFile {
                is_test: is_test(&unit.path),
                module: modules.dotted(file),
                path: unit.path,
                facts: unit.facts,
                lines: unit.lines,
                broken: unit.broken,
                scopes,
                imports,
            }
        });
        let files: Vec<ProgramFile> = files.collect();
        let language = Language::of(&catalogue);
        let classes = Classes::default();
        let mut linked = Self { files, ids, catalogue, modules, classes, language, imported: Vec::new() };
        let imported = |unit: &ProgramFile| {
            unit.imports.iter().map(|target| linked.import_value(*target, DEEPEST_IMPORT, &mut Looked::new())).collect()
        };
        linked.imported = linked.files.par_iter().map(imported).collect();
        linked.classes = Classes::of(&linked);
        linked
    }

    /// A file.
    pub fn file(&self, id: FileId) -> &ProgramFile {
        &self.files[id.0 as usize]
    }

    /// The facts of a scope and of its file.
    pub fn function(&self, id: FunctionId) -> (&ProgramFile, &FunctionFacts) {
        let (file, index) = self.ids.of_function(id);
        let file = self.file(file);
        (file, file.facts.function(index))
    }

    /// Which functions are some of these, or stand in them.
    pub fn within(&self, functions: impl IntoIterator<Item = FunctionId>) -> Vec<bool> {
        let mut within = vec![false; self.ids.function_count()];
        for function in functions {
            within[function.0 as usize] = true;
        }
        for (index, unit) in self.files.iter().enumerate() {
            let first = self.ids.function(FileId(index as u32), FunctionIndex(0)).0 as usize;
            // Parents stand before their children.
            for (index, function) in unit.facts.functions.iter().enumerate() {
                if let Some(parent) = function.parent
                    && within[first + parent.0 as usize]
                {
                    within[first + index] = true;
                }
            }
        }
        within
    }

    /// The arguments that a call passes to a function, by the place of the parameter; the first `skipped` parameters are its
    /// receiver. What is passed by `*` or `**` is left out.
    pub fn arguments(
        &self,
        function: FunctionId,
        skipped: usize,
        facts: &FileFacts,
        call: &lagmap_facts::Call,
    ) -> SmallVec<[(u32, ExprId); 6]> {
        let mut found = SmallVec::new();
        if facts.arguments(call).is_empty() && facts.keywords(call).is_empty() {
            return found;
        }
        let (unit, callee) = self.function(function);
        let is_static = method_kind(&unit.facts, callee) == MethodKind::Static;
        let skipped = if is_static { 0 } else { skipped };
        for (index, argument) in facts.arguments(call).iter().enumerate() {
            let place = index + skipped;
            let parameter = callee.parameters.get(place);
            let is_plain = parameter.is_some_and(|parameter| parameter.kind == lagmap_facts::ParameterKind::Positional);
            if !is_plain || matches!(facts.expr(*argument), Expr::Starred(_)) {
                break;
            }
            found.push((place as u32, *argument));
        }
        for keyword in facts.keywords(call) {
            let Some(name) = keyword.name.map(|name| facts.names.hash(name)) else { continue };
            let place = callee.parameters.iter().position(|parameter| unit.facts.names.hash(parameter.name) == name);
            found.extend(place.map(|place| (place as u32, keyword.value)));
        }
        found
    }

    /// The fields that a class and its bases declare by annotation, those of the bases first.
    pub fn declared_fields(&self, class: ClassId) -> Vec<NameHash> {
        let mut fields: Vec<NameHash> = Vec::new();
        for class in self.classes.lookup_order(class).iter().rev() {
            let (file, index) = self.ids.of_class(*class);
            let facts = &self.file(file).facts;
            for op in facts.ops(facts.function(facts.class(index).body)) {
                if let OpKind::Annotate { target, .. } = op.kind
                    && let Expr::Name(name) = facts.expr(target)
                {
                    let name = facts.names.hash(name);
                    if !fields.contains(&name) {
                        fields.push(name);
                    }
                }
            }
        }
        fields
    }

    /// Whether a method is there only to be overridden: it is declared abstract, does nothing but raise
    /// `NotImplementedError`, or belongs to a protocol.
    pub fn is_abstract(&self, method: FunctionId) -> bool {
        let (unit, function) = self.function(method);
        let facts = &unit.facts;
        let ends =
            |id: ExprId, names: &[&str]| facts.last_name(id).is_some_and(|name| names.contains(&facts.text(name)));
        let declared = function.decorators.iter().any(|id| ends(*id, &["abstractmethod", "abstractproperty"]));
        let is_protocol = function.class.is_some_and(|class| {
            facts.list(facts.class(class).bases).iter().any(|base| ends(generic_origin(facts, *base), &["Protocol"]))
        });
        let mut ops = facts.ops(function).iter().filter(|op| !matches!(op.kind, OpKind::Expr(_))).map(|op| op.kind);
        let raises = match (ops.next(), ops.next()) {
            (Some(OpKind::Raise(error)), None) => {
                let error = match facts.expr(error) {
                    Expr::Call(call) => facts.call(call).callee,
                    _ => error,
                };
                ends(error, &["NotImplementedError"])
            }
            _ => false,
        };
        declared || is_protocol || raises
    }

    /// What a name of a module's or class's or function's scope means when read from elsewhere, without its variables:
    /// imports, functions and classes; `variable` is set if it is also assigned to.
    pub fn static_member(&self, file: FileId, scope: FunctionIndex, name: NameHash, depth: u32) -> StaticMember {
        self.member(file, scope, name, depth, &mut Looked::new())
    }

    /// The same; `looked` are the names that were looked up on the way, each of which counts once however many imports lead there.
    fn member(
        &self,
        file: FileId,
        scope: FunctionIndex,
        name: NameHash,
        depth: u32,
        looked: &mut Looked,
    ) -> StaticMember {
        let mut found = StaticMember::default();
        let Some(depth) = depth.checked_sub(1) else { return found };
        let unit = self.file(file);
        let place = looked.iter().position(|(known, _)| *known == (file, scope, name));
        if let Some(place) = place {
            // An import that leads back to itself gives nothing.
            found.bound = looked[place].1 == Some(true);
            return found;
        }
        let place = looked.len();
        looked.push(((file, scope, name), None));
        for binding in unit.scopes.named(scope, name) {
            found.bound = true;
            match binding.source {
                Source::Function(index) => {
                    found.values.add(Value::Function(self.ids.function(file, index)));
                    // Decorators may make it an object of theirs.
                    if !unit.facts.function(index).decorators.is_empty() {
                        found.variables.push((self.ids.function(file, scope), name));
                    }
                }
                Source::Class(index) => {
                    found.values.add(Value::Class(self.ids.class(file, index)));
                }
                Source::Import(index) => match self.imported.get(file.0 as usize) {
                    Some(imported) => found.merge(&imported[index.0 as usize]),
                    None => found.merge(&self.import_value(unit.imports[index.0 as usize], depth, looked)),
                },
                Source::Opaque => {}
                _ => found.variables.push((self.ids.function(file, scope), name)),
            }
        }
        if !found.bound && scope == FunctionIndex::MODULE {
            self.star_member(file, name, depth, looked, &mut found);
        }
        looked[place].1 = Some(found.bound);
        found
    }

    fn star_member(&self, file: FileId, name: NameHash, depth: u32, looked: &mut Looked, found: &mut StaticMember) {
        let unit = self.file(file);
        for binding in unit.scopes.named(FunctionIndex::MODULE, NameHash::of("*")) {
            let Source::Import(index) = binding.source else { continue };
            match unit.imports[index.0 as usize] {
                ImportTarget::Module(target) => {
                    let inner = self.member(target, FunctionIndex::MODULE, name, depth, looked);
                    found.merge(&inner);
                }
                ImportTarget::External(model) => {
                    if let Some(child) = self.catalogue.child(model, name) {
                        found.bound = true;
                        found.values.add(Value::External(child));
                    }
                }
                _ => {}
            }
        }
    }

    /// What an import gives.
    pub fn imported(&self, file: FileId, import: ImportIndex) -> &StaticMember {
        &self.imported[file.0 as usize][import.0 as usize]
    }

    fn import_value(&self, target: ImportTarget, depth: u32, looked: &mut Looked) -> StaticMember {
        let mut found = StaticMember { bound: true, ..StaticMember::default() };
        match target {
            ImportTarget::Module(file) => {
                found.values.add(Value::Module(file));
            }
            ImportTarget::Package(package) => {
                found.values.add(Value::Package(package));
            }
            ImportTarget::External(model) => {
                found.values.add(Value::External(model));
            }
            ImportTarget::Member(file, name, submodule) => {
                let member = self.member(file, FunctionIndex::MODULE, name, depth, looked);
                if member.bound {
                    return member;
                }
                if let Some(submodule) = submodule {
                    found.values.add(Value::Module(submodule));
                }
            }
        }
        found
    }
}

/// Names that were looked up, with their scopes, and whether they are bound, once that is known.
type Looked = SmallVec<[((FileId, FunctionIndex, NameHash), Option<bool>); 8]>;

/// What a name means when it is read from another scope.
#[derive(Clone, Debug, Default)]
pub struct StaticMember {
    /// Functions, classes and modules it is bound to.
    pub values: Values,
    /// Variables (scope and name) it stands for.
    pub variables: SmallVec<[(FunctionId, NameHash); 1]>,
    /// The name is bound at all.
    pub bound: bool,
}

impl StaticMember {
    fn merge(&mut self, other: &Self) {
        self.values.extend(&other.values);
        self.variables.extend_from_slice(&other.variables);
        self.bound |= other.bound;
    }
}

/// The class hierarchy, over all files.
#[derive(Debug, Default)]
pub struct Classes {
    bases: Vec<Vec<ClassId>>,
    external_bases: Vec<Vec<ModelId>>,
    orders: Vec<Vec<ClassId>>,
    subclasses: Vec<Vec<ClassId>>,
    methods: FxHashMap<(ClassId, NameHash), FunctionId>,
    /// The names that the body of each class binds.
    bound: Vec<NameSet>,
    /// The names of the methods of each class and its ancestors.
    method_names: Vec<NameSet>,
}

/// Hierarchies deeper than this are cut; the deepest in wide use (Django's, homeassistant's) stay below 15.
const DEEPEST_HIERARCHY: u32 = 24;

impl Classes {
    fn of(linked: &Linked) -> Self {
        let count = linked.ids.class_count();
        let mut classes = Self { bases: vec![Vec::new(); count], ..Self::default() };
        classes.external_bases = vec![Vec::new(); count];
        classes.subclasses = vec![Vec::new(); count];
        let empty = crate::cells::Cells::default();
        let per_file: Vec<Vec<(ClassId, Values)>> = (0..linked.files.len())
            .into_par_iter()
            .map(|index| {
                let file = FileId(index as u32);
                let facts = &linked.file(file).facts;
                let mut evaluator = Evaluator::new(linked, &empty, file);
                let mut found = Vec::new();
                for (index, class) in facts.classes.iter().enumerate() {
                    let id = linked.ids.class(file, ClassIndex(index as u32));
                    for base in facts.list(class.bases) {
                        let base = generic_origin(facts, *base);
                        found.push((id, evaluator.values(base)));
                    }
                }
                found
            })
            .collect();
        for (id, values) in per_file.into_iter().flatten() {
            for value in values.iter() {
                match value {
                    Value::Class(base) if base != id => classes.bases[id.0 as usize].push(base),
                    Value::External(model) => classes.external_bases[id.0 as usize].push(model),
                    _ => {}
                }
            }
        }
        let mut known = vec![None; count];
        classes.orders =
            (0..count).map(|index| classes.order(ClassId(index as u32), DEEPEST_HIERARCHY, &mut known)).collect();
        for index in 0..count {
            let class = ClassId(index as u32);
            for ancestor in &classes.orders[index][1..] {
                classes.subclasses[ancestor.0 as usize].push(class);
            }
        }
        classes.collect_methods(linked);
        let own = classes.method_names.clone();
        for (names, order) in classes.method_names.iter_mut().zip(&classes.orders) {
            for ancestor in order {
                names.add_all(&own[ancestor.0 as usize]);
            }
        }
        classes
    }

    fn collect_methods(&mut self, linked: &Linked) {
        for (index, unit) in linked.files.iter().enumerate() {
            let file = FileId(index as u32);
            for (index, class) in unit.facts.classes.iter().enumerate() {
                let id = linked.ids.class(file, ClassIndex(index as u32));
                let (mut bound, mut method_names) = (NameSet::default(), NameSet::default());
                for binding in unit.scopes.all(class.body) {
                    bound.add(binding.name);
                    if let Source::Function(function) = binding.source {
                        method_names.add(binding.name);
                        // The last definition of a name is the one that counts; a property's setter follows its getter
                        // under the same name and is not what a read calls.
                        let key = (id, binding.name);
                        if !(self.methods.contains_key(&key) && is_accessor(&unit.facts, function)) {
                            self.methods.insert(key, linked.ids.function(file, function));
                        }
                    }
                }
                self.bound.push(bound);
                self.method_names.push(method_names);
            }
        }
    }

    /// The class and its ancestors in Python's method resolution order (C3), worked out once for each class. Bases that have
    /// none, which Python would not accept, come depth first; a class that inherits from itself does so once.
    fn order(&self, class: ClassId, depth: u32, known: &mut [Option<Vec<ClassId>>]) -> Vec<ClassId> {
        if let Some(order) = &known[class.0 as usize] {
            return order.clone();
        }
        let mut order = vec![class];
        known[class.0 as usize] = Some(order.clone());
        let bases = if depth > 0 { self.bases[class.0 as usize].as_slice() } else { &[] };
        let mut queues: Vec<VecDeque<ClassId>> =
            bases.iter().map(|base| self.order(*base, depth - 1, known).into()).collect();
        queues.push(bases.iter().copied().collect());
        while queues.iter().any(|queue| !queue.is_empty()) {
            let is_last = |head: ClassId| queues.iter().all(|queue| !queue.iter().skip(1).any(|other| *other == head));
            let heads = || queues.iter().filter_map(|queue| queue.front().copied());
            let Some(next) = heads().find(|head| is_last(*head)).or_else(|| heads().next()) else { break };
            for queue in &mut queues {
                queue.retain(|other| *other != next);
            }
            if next != class {
                order.push(next);
            }
        }
        known[class.0 as usize] = Some(order.clone());
        order
    }

    /// The class itself and its ancestors in the project, in the order in which members are looked up.
    pub fn lookup_order(&self, class: ClassId) -> &[ClassId] {
        self.orders.get(class.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// All descendants of a class.
    pub fn subclasses(&self, class: ClassId) -> &[ClassId] {
        self.subclasses.get(class.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether a class or one of its ancestors has a base that is neither of the program nor of the catalogue.
    pub fn has_unknown_base(&self, linked: &Linked, class: ClassId) -> bool {
        self.lookup_order(class).iter().any(|class| {
            let (file, index) = linked.ids.of_class(*class);
            let given = linked.file(file).facts.class(index).bases.len as usize;
            let external = &self.external_bases[class.0 as usize];
            given > self.bases[class.0 as usize].len() + external.len() || external.contains(&ModelId::UNKNOWN)
        })
    }

    /// Catalogue classes among the bases of a class or of its ancestors.
    pub fn external_bases(&self, class: ClassId) -> impl Iterator<Item = ModelId> + '_ {
        let own = |class: &ClassId| self.external_bases.get(class.0 as usize).into_iter().flatten().copied();
        self.lookup_order(class).iter().flat_map(own)
    }

    /// The method that instances of a class have under a name.
    pub fn method(&self, class: ClassId, name: NameHash) -> Option<FunctionId> {
        if !self.method_names.get(class.0 as usize).is_some_and(|names| names.may_hold(name)) {
            return None;
        }
        self.lookup_order(class).iter().find_map(|class| self.own_method(*class, name))
    }

    /// Whether the body of a class may bind a name; if not, it does not.
    pub fn may_bind(&self, class: ClassId, name: NameHash) -> bool {
        // While the hierarchy is being found, nothing is known of bodies.
        self.bound.get(class.0 as usize).is_none_or(|names| names.may_hold(name))
    }

    /// The method that a class itself defines.
    pub fn own_method(&self, class: ClassId, name: NameHash) -> Option<FunctionId> {
        self.methods.get(&(class, name)).copied()
    }
}

/// `Base[T]` means `Base` where classes are listed.
fn generic_origin(facts: &FileFacts, base: ExprId) -> ExprId {
    match facts.expr(base) {
        Expr::Subscript { value, .. } => value,
        _ => base,
    }
}

/// Whether a method is a property's setter or deleter.
fn is_accessor(facts: &FileFacts, function: FunctionIndex) -> bool {
    facts.function(function).decorators.iter().any(|decorator| match facts.expr(*decorator) {
        Expr::Attribute { attribute, .. } => matches!(facts.text(attribute), "setter" | "deleter"),
        _ => false,
    })
}

/// Whether a path is that of a test, by the conventions of pytest and unittest.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let folders = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    name.starts_with("test_")
        || name.ends_with("_test.py")
        || matches!(name, "conftest.py" | "tests.py" | "test.py")
        || folders.split('/').any(|folder| matches!(folder, "tests" | "test" | "testing"))
}

/// How a function may be called, from its decorators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    /// An ordinary function or method.
    Plain,
    /// Reading the attribute calls it.
    Property,
    /// No receiver.
    Static,
    /// The class as receiver.
    Class,
}

/// How a function may be called.
pub fn method_kind(facts: &FileFacts, function: &FunctionFacts) -> MethodKind {
    if function.kind != ScopeKind::Function {
        return MethodKind::Plain;
    }
    for decorator in &function.decorators {
        let name = match facts.expr(*decorator) {
            Expr::Name(name) => facts.text(name),
            Expr::Attribute { attribute, .. } => facts.text(attribute),
            _ => continue,
        };
        match name {
            "property" | "cached_property" | "abstractproperty" | "hybrid_property" | "getter" => {
                return MethodKind::Property;
            }
            "staticmethod" => return MethodKind::Static,
            "classmethod" => return MethodKind::Class,
            _ => {}
        }
    }
    MethodKind::Plain
}
