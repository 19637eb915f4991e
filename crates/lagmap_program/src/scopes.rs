//! Scopes: which statements bind which name, and which of them a use can see.

use lagmap_facts::{
    ClassIndex, Expr, ExprId, FileFacts, FunctionFacts, FunctionIndex, ImportIndex, NameHash, OpKind, RegionId,
};

/// One statement that gives a name a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name.
    pub name: NameHash,
    /// Where in the text it has its value; parameters are at 0.
    pub offset: u32,
    /// The region it runs in.
    pub region: RegionId,
    /// What it binds the name to.
    pub source: Source,
    /// The place in an unpacked tuple: `a, b = value` gives `b` the index 1.
    pub item: Option<u8>,
    /// The place in a tuple at that place: `a, (b, c) = value` gives `c` the index 1.
    pub inner: Option<u8>,
}

/// What a name is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An imported thing.
    Import(ImportIndex),
    /// A function.
    Function(FunctionIndex),
    /// A class.
    Class(ClassIndex),
    /// A value.
    Value(ExprId),
    /// An item of what is iterated.
    Iteration(ExprId),
    /// What a context manager gives.
    Entered(ExprId),
    /// A parameter.
    Parameter(u32),
    /// An instance of an annotated or caught type.
    InstanceOf(ExprId),
    /// Something that is not followed.
    Opaque,
}

/// The bindings of all scopes of one file.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    bindings: Vec<Binding>,
    /// The names of the bindings, close together for the search.
    names: Vec<NameHash>,
    /// Where each scope's bindings start; sorted by name and offset inside.
    starts: Vec<u32>,
}

impl Scopes {
    /// Collects the bindings of a file.
    pub fn of(facts: &FileFacts) -> Self {
        let mut per_scope: Vec<Vec<Binding>> = vec![Vec::new(); facts.functions.len()];
        for index in 0..facts.functions.len() {
            collect(facts, FunctionIndex(index as u32), &mut per_scope);
        }
        let mut scopes = Self { starts: vec![0], ..Self::default() };
        for mut bindings in per_scope {
            bindings.sort_by_key(|binding| (binding.name, binding.offset));
            scopes.names.extend(bindings.iter().map(|binding| binding.name));
            scopes.bindings.append(&mut bindings);
            scopes.starts.push(scopes.bindings.len() as u32);
        }
        scopes
    }

    /// All bindings of a scope, sorted by name and offset.
    pub fn all(&self, scope: FunctionIndex) -> &[Binding] {
        let index = scope.0 as usize;
        &self.bindings[self.starts[index] as usize..self.starts[index + 1] as usize]
    }

    /// The bindings of one name in a scope, in order.
    pub fn named(&self, scope: FunctionIndex, name: NameHash) -> &[Binding] {
        let index = scope.0 as usize;
        let (first, end) = (self.starts[index] as usize, self.starts[index + 1] as usize);
        let names = &self.names[first..end];
        let start = names.partition_point(|own| *own < name);
        let len = names[start..].iter().take_while(|own| **own == name).count();
        &self.bindings[first + start..first + start + len]
    }

    /// The bindings of a name that a use at `offset` in `region` of the same scope can see: those before it up to the
    /// last that must have run, and those behind it that an enclosing loop brings round again.
    pub fn reaching(
        &self,
        facts: &FileFacts,
        scope: FunctionIndex,
        name: NameHash,
        offset: u32,
        region: RegionId,
    ) -> impl Iterator<Item = &Binding> {
        let named = self.named(scope, name);
        if named.len() < 2 {
            return named.iter();
        }
        let before = named.partition_point(|binding| binding.offset < offset);
        let encloses = |outer: RegionId| facts.enclosing(region).any(|(id, _)| id == outer);
        let certain = named[..before].iter().rposition(|binding| encloses(binding.region));
        let first = certain.unwrap_or(0);
        let carried = |binding: &Binding| {
            facts.enclosing(region).filter(|(_, region)| region.kind.is_loop()).any(|(looped, _)| {
                let inside = |other: RegionId| facts.enclosing(other).any(|(id, _)| id == looped);
                inside(binding.region) && !certain.is_some_and(|at| inside(named[at].region))
            })
        };
        let last = before + named[before..].iter().take_while(|binding| carried(binding)).count();
        named[first..last.max(first)].iter()
    }
}

fn collect(facts: &FileFacts, scope: FunctionIndex, per_scope: &mut [Vec<Binding>]) {
    let function = facts.function(scope);
    for (index, parameter) in function.parameters.iter().enumerate() {
        per_scope[scope.0 as usize].push(Binding {
            name: facts.names.hash(parameter.name),
            offset: 0,
            region: function.body,
            source: Source::Parameter(index as u32),
            item: None,
            inner: None,
        });
    }
    for op in facts.ops(function) {
        let mut bind =
            |target: ExprId, source: Source| bind(facts, function, scope, op.region, target, source, per_scope);
        match op.kind {
            OpKind::Assign { target, value } => bind(target, Source::Value(value)),
            OpKind::Annotate { target, annotation, value } => {
                bind(target, if value == ExprId::NONE { Source::InstanceOf(annotation) } else { Source::Value(value) });
            }
            OpKind::Iterate { target, iterable } => bind(target, Source::Iteration(iterable)),
            OpKind::Enter { context, target, .. } if target != ExprId::NONE => bind(target, Source::Entered(context)),
            OpKind::Catch { target, caught } => bind(target, Source::InstanceOf(caught)),
            OpKind::Capture { target, .. } => bind(target, Source::Opaque),
            OpKind::Import(index) => {
                let import = &facts.imports[index.0 as usize];
                let name = facts.names.hash(import.binds);
                let source = Source::Import(index);
                push(facts, function, scope, per_scope, name, op.span.start, op.region, source);
            }
            OpKind::DefineFunction(index) => {
                let name = facts.names.hash(facts.function(index).name);
                push(facts, function, scope, per_scope, name, op.span.start, op.region, Source::Function(index));
            }
            OpKind::DefineClass(index) => {
                let name = facts.names.hash(facts.class(index).name);
                push(facts, function, scope, per_scope, name, op.span.start, op.region, Source::Class(index));
            }
            _ => {}
        }
    }
    for id in function.exprs.clone() {
        if let Expr::Named { target, value } = facts.exprs[id as usize].expr {
            let region = facts.exprs[id as usize].region;
            bind(facts, function, scope, region, target, Source::Value(value), per_scope);
        }
    }
}

/// Binds the names of a target, unpacking one level.
fn bind(
    facts: &FileFacts,
    function: &FunctionFacts,
    scope: FunctionIndex,
    region: RegionId,
    target: ExprId,
    source: Source,
    per_scope: &mut [Vec<Binding>],
) {
    let mut add = |target: ExprId, source: Source, item: Option<u8>, inner: Option<u8>| {
        let Expr::Name(name) = facts.expr(target) else { return };
        let hash = facts.names.hash(name);
        let owner = owner(facts, function, scope, hash);
        let start = facts.span(target).start;
        // What is on the right is evaluated before the name is bound: `frame = frame.append(row)` reads the old one.
        let offset = match source {
            Source::Value(value) | Source::Iteration(value) | Source::Entered(value) => {
                facts.span(value).end.max(start)
            }
            _ => start,
        };
        let binding = Binding { name: hash, offset, region, source, item, inner };
        per_scope[owner.0 as usize].push(binding);
    };
    match facts.expr(target) {
        Expr::Tuple(list) | Expr::List(list) => {
            for (index, part) in facts.list(list).iter().enumerate() {
                let item = u8::try_from(index).ok();
                match facts.expr(*part) {
                    Expr::Tuple(inner) | Expr::List(inner) => {
                        for (index, nested) in facts.list(inner).iter().enumerate() {
                            add(*nested, source, item, u8::try_from(index).ok());
                        }
                    }
                    Expr::Starred(rest) => add(rest, Source::Opaque, None, None),
                    _ => add(*part, source, item, None),
                }
            }
        }
        Expr::Starred(rest) => add(rest, Source::Opaque, None, None),
        _ => add(target, source, None, None),
    }
}

#[allow(clippy::too_many_arguments)] // The parts of one binding; a struct would be built for this call alone.
fn push(
    facts: &FileFacts,
    function: &FunctionFacts,
    scope: FunctionIndex,
    per_scope: &mut [Vec<Binding>],
    name: NameHash,
    offset: u32,
    region: RegionId,
    source: Source,
) {
    let owner = owner(facts, function, scope, name);
    per_scope[owner.0 as usize].push(Binding { name, offset, region, source, item: None, inner: None });
}

/// The scope that a name assigned in `scope` belongs to, `global` and `nonlocal` obeyed.
fn owner(facts: &FileFacts, function: &FunctionFacts, scope: FunctionIndex, name: NameHash) -> FunctionIndex {
    if function.globals.iter().any(|global| facts.names.hash(*global) == name) {
        return FunctionIndex::MODULE;
    }
    if function.nonlocals.iter().any(|nonlocal| facts.names.hash(*nonlocal) == name) {
        return function.parent.unwrap_or(scope);
    }
    scope
}
