//! Scopes: which statements bind which name, and which of them a use can see.

use std::slice;

use lagmap_facts::{
    ClassIndex, Expr, ExprId, FileFacts, FunctionFacts, FunctionIndex, ImportIndex, NameHash, OpKind, RegionId,
    RegionKind,
};
use rustc_hash::{FxHashMap, FxHashSet};

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
    /// Which part of it.
    pub path: Path,
}

/// Which part of an unpacked value a name is given: an index for each level of nesting, from the end if it is negative.
/// `a, (b, *c, d) = value` gives `d` the path 1, -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path([i8; Self::DEEPEST]);

impl Path {
    /// How deep unpacking is followed.
    const DEEPEST: usize = 4;
    const END: i8 = i8::MIN;
    /// All of the value.
    pub const WHOLE: Self = Self([Self::END; Self::DEEPEST]);

    /// The indices, outermost first.
    pub fn indices(&self) -> &[i8] {
        let len = self.0.iter().position(|index| *index == Self::END).unwrap_or(Self::DEEPEST);
        &self.0[..len]
    }

    /// All of the value, not a part.
    pub const fn is_whole(self) -> bool {
        self.0[0] == Self::END
    }

    /// The part at `index` of this part; `None` if it lies deeper or further out than is followed.
    fn part(self, index: isize) -> Option<Self> {
        let len = self.indices().len();
        let index = i8::try_from(index).ok().filter(|index| *index != Self::END)?;
        let mut parts = self.0;
        *parts.get_mut(len)? = index;
        Some(Self(parts))
    }
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
    /// A list of what a starred target takes: `rest` of `a, *rest = values`.
    Rest(ExprId),
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
    /// Names that `+=` and the like change, which bind nothing anew.
    augmented: FxHashSet<(FunctionIndex, NameHash)>,
    /// The annotations of assigned values.
    annotations: FxHashMap<ExprId, ExprId>,
    /// Names whose class a condition around a region says, with the classes.
    narrowed: FxHashMap<RegionId, Vec<(NameHash, ExprId)>>,
    /// All names of `narrowed`.
    narrowed_names: FxHashSet<NameHash>,
}

impl Scopes {
    /// Collects the bindings of a file.
    pub fn of(facts: &FileFacts) -> Self {
        let mut per_scope: Vec<Vec<Binding>> = vec![Vec::new(); facts.functions.len()];
        for index in 0..facts.functions.len() {
            collect(facts, FunctionIndex(index as u32), &mut per_scope);
        }
        let narrowed = narrowed(facts);
        let mut scopes = Self {
            starts: vec![0],
            augmented: augmented(facts),
            annotations: annotations(facts),
            narrowed_names: narrowed.values().flatten().map(|(name, _)| *name).collect(),
            narrowed,
            ..Self::default()
        };
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

    /// The value that a variable has all the time: nothing else is ever assigned to it.
    pub fn only_value(&self, scope: FunctionIndex, name: NameHash) -> Option<ExprId> {
        match self.named(scope, name) {
            [Binding { source: Source::Value(value), path: Path::WHOLE, .. }] => {
                Some(*value).filter(|_| !self.augmented.contains(&(scope, name)))
            }
            _ => None,
        }
    }

    /// Whether `+=` or the like changes a variable.
    pub fn is_augmented(&self, scope: FunctionIndex, name: NameHash) -> bool {
        self.augmented.contains(&(scope, name))
    }

    /// The annotation of an assigned value.
    pub fn annotation_of(&self, value: ExprId) -> Option<ExprId> {
        self.annotations.get(&value).copied()
    }

    /// The classes (an expression, as `isinstance` takes it) that a name is known to be an instance of at `offset` in `region`:
    /// the innermost condition says so, and the name is not bound again behind it.
    pub fn narrowed(
        &self,
        facts: &FileFacts,
        scope: FunctionIndex,
        name: NameHash,
        offset: u32,
        region: RegionId,
    ) -> Option<ExprId> {
        if !self.narrowed_names.contains(&name) {
            return None;
        }
        facts.enclosing(region).find_map(|(id, region)| {
            let (_, classes) = self.narrowed.get(&id)?.iter().find(|(own, _)| *own == name)?;
            let again = |binding: &Binding| (region.span.start..offset).contains(&binding.offset);
            (!self.named(scope, name).iter().any(again)).then_some(*classes)
        })
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
    ) -> slice::Iter<'_, Binding> {
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

fn annotations(facts: &FileFacts) -> FxHashMap<ExprId, ExprId> {
    let annotated = facts.ops.iter().filter_map(|op| match op.kind {
        OpKind::Annotate { annotation, value, .. } if value != ExprId::NONE => Some((value, annotation)),
        _ => None,
    });
    annotated.collect()
}

/// The names that `if isinstance(name, classes)` and the like tell the class of, by the region that they tell it for.
fn narrowed(facts: &FileFacts) -> FxHashMap<RegionId, Vec<(NameHash, ExprId)>> {
    let mut found: FxHashMap<RegionId, Vec<(NameHash, ExprId)>> = FxHashMap::default();
    for (index, region) in facts.regions.iter().enumerate() {
        let RegionKind::If { test, holds: true, .. } = region.kind else { continue };
        let parts = match facts.expr(test) {
            Expr::Boolean { and: true, values } => facts.list(values),
            _ => slice::from_ref(&test),
        };
        for part in parts {
            let Expr::Call(call) = facts.expr(*part) else { continue };
            let call = facts.call(call);
            let Expr::Name(callee) = facts.expr(call.callee) else { continue };
            if let ([subject, classes], "isinstance") = (facts.arguments(call), facts.text(callee))
                && let Expr::Name(name) = facts.expr(*subject)
            {
                found.entry(RegionId(index as u32)).or_default().push((facts.names.hash(name), *classes));
            }
        }
    }
    found
}

fn augmented(facts: &FileFacts) -> FxHashSet<(FunctionIndex, NameHash)> {
    let mut found = FxHashSet::default();
    for op in &facts.ops {
        if let OpKind::Augment { target, .. } = op.kind
            && let Expr::Name(name) = facts.expr(target)
        {
            let (scope, name) = (facts.region(op.region).function, facts.names.hash(name));
            found.insert((owner(facts, facts.function(scope), scope, name), name));
        }
    }
    found
}

fn collect(facts: &FileFacts, scope: FunctionIndex, per_scope: &mut [Vec<Binding>]) {
    let function = facts.function(scope);
    for (index, parameter) in function.parameters.iter().enumerate() {
        per_scope[scope.0 as usize].push(Binding {
            name: facts.names.hash(parameter.name),
            offset: 0,
            region: function.body,
            source: Source::Parameter(index as u32),
            path: Path::WHOLE,
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
            OpKind::Capture { target, class: ExprId::NONE, .. } => bind(target, Source::Opaque),
            OpKind::Capture { target, class, .. } => bind(target, Source::InstanceOf(class)),
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

/// Binds the names of a target.
fn bind(
    facts: &FileFacts,
    function: &FunctionFacts,
    scope: FunctionIndex,
    region: RegionId,
    target: ExprId,
    source: Source,
    per_scope: &mut [Vec<Binding>],
) {
    // What is on the right is evaluated before the name is bound: `frame = frame.append(row)` reads the old one.
    let evaluated = match source {
        Source::Value(value) | Source::Iteration(value) | Source::Entered(value) => facts.span(value).end,
        _ => 0,
    };
    unpack(facts, target, Some(Path::WHOLE), &mut |part, path| {
        let (named, source, path) = match (facts.expr(part), path) {
            (Expr::Starred(rest), _) => (rest, Source::Rest(part), Path::WHOLE),
            (_, Some(path)) => (part, source, path),
            (_, None) => (part, Source::Opaque, Path::WHOLE),
        };
        let Expr::Name(name) = facts.expr(named) else { return };
        let name = facts.names.hash(name);
        let owner = owner(facts, function, scope, name);
        let offset = facts.span(named).start.max(evaluated);
        per_scope[owner.0 as usize].push(Binding { name, offset, region, source, path });
    });
}

/// Gives each single target that a target unpacks into (a name, an attribute, an entry, a starred one) with the part of the
/// value that is meant for it; `None` if that lies deeper than is followed.
pub fn unpack(facts: &FileFacts, target: ExprId, path: Option<Path>, give: &mut impl FnMut(ExprId, Option<Path>)) {
    let (Expr::Tuple(list) | Expr::List(list)) = facts.expr(target) else { return give(target, path) };
    let parts = facts.list(list);
    let starred = parts.iter().position(|part| matches!(facts.expr(*part), Expr::Starred(_)));
    for (index, part) in parts.iter().enumerate() {
        let from_end = starred.is_some_and(|starred| index > starred);
        let index = index.cast_signed() - if from_end { parts.len().cast_signed() } else { 0 };
        unpack(facts, *part, path.and_then(|path| path.part(index)), give);
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
    per_scope[owner.0 as usize].push(Binding { name, offset, region, source, path: Path::WHOLE });
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
