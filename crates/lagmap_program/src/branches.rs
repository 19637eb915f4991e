//! Branches: the parts of a function that a call of it cannot reach, by what it passes.
//!
//! `fetch("name")` never comes to what stands in `if name.startswith("oidc/"):`, and a call that leaves `wait=False` alone
//! never to what stands in `if wait:`. So neither effects nor contexts go through such a call to or from there.

use lagmap_facts::{
    Call, CompareOp, Expr, ExprId, FunctionFacts, FunctionIndex, NameHash, ParameterKind, RegionId, RegionKind,
    ScopeKind,
};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::{
    FileId, FunctionId, MethodKind, Source, Value,
    graph::{Edge, EdgeKind, Graph},
    linked::{Linked, ProgramFile, method_kind},
    solve::Solution,
};

/// The classes of the language that constants are instances of.
const PLAIN: [&str; 9] = ["bool", "int", "float", "str", "bytes", "list", "tuple", "set", "dict"];

/// How many names are looked through for a constant.
const DEEPEST: u32 = 3;

/// The regions of a target that an edge (index into [`Graph::edges`]) does not reach.
type LeftOut = ((u32, FunctionId), SmallVec<[RegionId; 2]>);

/// Which branches of functions which calls leave out.
#[derive(Debug, Default)]
pub struct Branches {
    /// The regions of each function that some call does not reach.
    left_out: FxHashMap<FunctionId, Vec<RegionId>>,
    /// Those that an edge (index into [`Graph::edges`]) does not reach in a target.
    by_edge: FxHashMap<(u32, FunctionId), SmallVec<[RegionId; 2]>>,
}

impl Branches {
    /// Finds what each call leaves out.
    pub(crate) fn of(linked: &Linked, solution: &Solution, graph: &Graph) -> Self {
        let guarded: FxHashMap<FunctionId, Vec<Guard>> = (0..linked.files.len())
            .into_par_iter()
            .flat_map_iter(|index| guarded(linked, FileId(index as u32)))
            .collect();
        let found: Vec<LeftOut> = graph
            .edges
            .par_iter()
            .enumerate()
            .filter(|(_, edge)| graph.way(edge).is_empty())
            .flat_map_iter(|(index, edge)| {
                let guarded = graph.targets(edge.to).filter_map(|target| Some((target, guarded.get(&target)?)));
                guarded.filter_map(move |(target, guards)| {
                    let passed = Passed::of(linked, solution, edge, target)?;
                    let out = guards.iter().filter(|guard| passed.says(guard.test) == Some(!guard.holds));
                    let out: SmallVec<[RegionId; 2]> = out.map(|guard| guard.region).collect();
                    (!out.is_empty()).then_some(((index as u32, target), out))
                })
            })
            .collect();
        let mut left_out: FxHashMap<FunctionId, FxHashSet<RegionId>> = FxHashMap::default();
        for ((_, function), regions) in &found {
            left_out.entry(*function).or_default().extend(regions);
        }
        let left_out = left_out.into_iter().map(|(function, regions)| {
            let mut regions: Vec<RegionId> = regions.into_iter().collect();
            regions.sort_unstable();
            (function, regions)
        });
        Self { left_out: left_out.collect(), by_edge: found.into_iter().collect() }
    }

    /// Whether some calls of a function leave out branches of it.
    pub fn has(&self, function: FunctionId) -> bool {
        self.left_out.contains_key(&function)
    }

    /// The branch that a place of a function stands in, of those that some calls leave out: the innermost.
    pub fn branch(&self, linked: &Linked, function: FunctionId, region: RegionId) -> Option<RegionId> {
        let regions = self.left_out.get(&function)?;
        let (file, _) = linked.ids.of_function(function);
        linked.file(file).facts.enclosing(region).map(|(id, _)| id).find(|id| regions.contains(id))
    }

    /// The branches of a function, in order.
    pub(crate) fn all(&self, function: FunctionId) -> &[RegionId] {
        self.left_out.get(&function).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether an edge comes to a branch of its target.
    pub fn reaches(&self, linked: &Linked, edge: u32, target: FunctionId, branch: Option<RegionId>) -> bool {
        let (Some(branch), Some(out)) = (branch, self.by_edge.get(&(edge, target))) else { return true };
        let (file, _) = linked.ids.of_function(target);
        !linked.file(file).facts.enclosing(branch).any(|(id, _)| out.contains(&id))
    }

    /// Whether an edge leaves out any branch of its target.
    pub(crate) fn leaves_out(&self, edge: u32, target: FunctionId) -> bool {
        self.by_edge.contains_key(&(edge, target))
    }
}

/// A region that runs only if a test of parameters holds, or does not hold.
struct Guard {
    region: RegionId,
    test: ExprId,
    holds: bool,
}

/// The functions of a file with conditions on their parameters. What a decorator may put in place of an argument is not seen.
fn guarded(linked: &Linked, file: FileId) -> Vec<(FunctionId, Vec<Guard>)> {
    let unit = linked.file(file);
    let facts = &unit.facts;
    let mut found: FxHashMap<FunctionIndex, Vec<Guard>> = FxHashMap::default();
    for (index, region) in facts.regions.iter().enumerate() {
        let RegionKind::If { test, holds, .. } = region.kind else { continue };
        let function = facts.function(region.function);
        if function.kind != ScopeKind::Function || !keeps_arguments(unit, function) {
            continue;
        }
        if mentions_parameter(unit, region.function, test) {
            found.entry(region.function).or_default().push(Guard { region: RegionId(index as u32), test, holds });
        }
    }
    let mut found: Vec<_> =
        found.into_iter().map(|(index, guards)| (linked.ids.function(file, index), guards)).collect();
    found.sort_by_key(|(function, _)| *function);
    found
}

/// Whether a call's arguments are what the function gets: no decorator of it is of unknown effect.
fn keeps_arguments(unit: &ProgramFile, function: &FunctionFacts) -> bool {
    function.decorators.iter().all(|decorator| {
        let name = unit.facts.last_name(*decorator).map(|name| unit.facts.text(name));
        matches!(
            name,
            Some(
                "staticmethod"
                    | "classmethod"
                    | "abstractmethod"
                    | "override"
                    | "contextmanager"
                    | "asynccontextmanager"
                    | "cache"
                    | "lru_cache"
            )
        )
    })
}

/// Whether a test looks at a parameter in one of the ways that [`Passed::says`] follows.
fn mentions_parameter(unit: &ProgramFile, scope: FunctionIndex, test: ExprId) -> bool {
    let facts = &unit.facts;
    match facts.expr(test) {
        Expr::Not(inner) => mentions_parameter(unit, scope, inner),
        Expr::Boolean { values, .. } => facts.list(values).iter().any(|part| mentions_parameter(unit, scope, *part)),
        Expr::Compare { left, right, .. } => {
            mentions_parameter(unit, scope, left) || mentions_parameter(unit, scope, right)
        }
        Expr::Call(call) => {
            let call = facts.call(call);
            match facts.expr(call.callee) {
                Expr::Attribute { value, .. } => mentions_parameter(unit, scope, value),
                _ => facts.arguments(call).first().is_some_and(|first| mentions_parameter(unit, scope, *first)),
            }
        }
        Expr::Name(_) => parameter(unit, scope, test).is_some(),
        _ => false,
    }
}

/// The parameter that a name still is where it stands.
fn parameter(unit: &ProgramFile, scope: FunctionIndex, id: ExprId) -> Option<u32> {
    let facts = &unit.facts;
    let Expr::Name(name) = facts.expr(id) else { return None };
    let (name, node) = (facts.names.hash(name), &facts.exprs[id.0 as usize]);
    if unit.scopes.is_augmented(scope, name) {
        return None;
    }
    let mut reaching = unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
    match (reaching.next()?.source, reaching.next()) {
        (Source::Parameter(place), None) => Some(place),
        _ => None,
    }
}

/// What is known of a value that is written in the code.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Constant<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// Something of a builtin type, and whether it is truthy if that is seen.
    Some(&'static str, Option<bool>),
}

impl Constant<'_> {
    fn truth(self) -> Option<bool> {
        match self {
            Self::None => Some(false),
            Self::Bool(value) => Some(value),
            Self::Int(value) => Some(value != 0),
            Self::Float(value) => Some(value != 0.0),
            Self::Text(text) => Some(!text.is_empty()),
            Self::Some(_, truth) => truth,
        }
    }

    const fn type_name(self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::Some(name, _) => name,
        }
    }

    /// Whether two are equal; nothing is said of numbers of different types.
    fn equals(self, other: Self) -> Option<bool> {
        let is_number = |name: &str| matches!(name, "bool" | "int" | "float");
        match (self, other) {
            (Self::Some(..), _) | (_, Self::Some(..)) => {
                let (own, other) = (self.type_name(), other.type_name());
                (own != other && !is_number(own) && (own == "NoneType" || other == "NoneType")).then_some(false)
            }
            _ if self.type_name() == other.type_name() => Some(self == other),
            _ if is_number(self.type_name()) && is_number(other.type_name()) => None,
            // A member of an enumeration of texts may stand on neither side: both are literals.
            _ => Some(false),
        }
    }
}

/// What one call passes to one function.
struct Passed<'a> {
    linked: &'a Linked,
    /// Where the call stands.
    caller: FileId,
    callee: FileId,
    scope: FunctionIndex,
    given: SmallVec<[(u32, ExprId); 6]>,
    /// The first so many parameters are the receiver.
    skipped: u32,
}

impl<'a> Passed<'a> {
    /// `None` where the arguments of the function cannot be seen.
    fn of(linked: &'a Linked, solution: &Solution, edge: &Edge, target: FunctionId) -> Option<Self> {
        if !matches!(edge.kind, EdgeKind::Call { .. } | EdgeKind::Construct(_)) {
            return None;
        }
        let (caller, id) = linked.ids.of_site(edge.site);
        let facts = &linked.file(caller).facts;
        let Expr::Call(id) = facts.expr(id) else { return None };
        let call = facts.call(id);
        let (callee, scope) = linked.ids.of_function(target);
        let (unit, function) = linked.function(target);
        let open = facts.keywords(call).iter().any(|keyword| keyword.name.is_none())
            || facts.arguments(call).iter().any(|argument| matches!(facts.expr(*argument), Expr::Starred(_)));
        if open || !is_called_by_name(linked, edge, facts, call, unit, function) {
            return None;
        }
        let method = function.class.is_some() && method_kind(&unit.facts, function) != MethodKind::Static;
        // `Class.method(object)` passes the receiver like any other.
        let callees = solution.callees[linked.ids.call(caller, id).0 as usize].iter();
        if method && callees.into_iter().any(|value| value == Value::Function(target)) {
            return None;
        }
        let skipped = u32::from(method);
        let given = linked.arguments(target, skipped as usize, facts, call);
        Some(Self { linked, caller, callee, scope, given, skipped })
    }

    /// What a test of the callee comes to; `None` if that is not seen.
    fn says(&self, test: ExprId) -> Option<bool> {
        let unit = self.linked.file(self.callee);
        let facts = &unit.facts;
        match facts.expr(test) {
            Expr::Not(inner) => self.says(inner).map(|holds| !holds),
            // One part decides an `and` that is false and an `or` that is true; else all must be known.
            Expr::Boolean { and, values } => {
                let mut all = true;
                for part in facts.list(values) {
                    match self.says(*part) {
                        Some(holds) if holds != and => return Some(holds),
                        Some(_) => {}
                        None => all = false,
                    }
                }
                all.then_some(and)
            }
            Expr::Compare { op, left, right } => self.compare(op, left, right),
            Expr::Call(call) => self.asks(facts.call(call)),
            _ => self.constant(test)?.truth(),
        }
    }

    fn compare(&self, op: CompareOp, left: ExprId, right: ExprId) -> Option<bool> {
        let facts = &self.linked.file(self.callee).facts;
        let left = self.constant(left)?;
        match op {
            CompareOp::In | CompareOp::NotIn => {
                let (Expr::List(list) | Expr::Tuple(list) | Expr::Set(list)) = facts.expr(right) else { return None };
                let mut found = Some(false);
                for item in facts.list(list) {
                    match self.constant(*item).and_then(|item| left.equals(item)) {
                        Some(true) => return Some(op == CompareOp::In),
                        Some(false) => {}
                        None => found = None,
                    }
                }
                found.map(|found| found == (op == CompareOp::In))
            }
            CompareOp::Equal => left.equals(self.constant(right)?),
            CompareOp::NotEqual => left.equals(self.constant(right)?).map(|equal| !equal),
            // Identity is sure of `None` and flags only.
            CompareOp::Is | CompareOp::IsNot => {
                let right = self.constant(right)?;
                let is_single = |value| matches!(value, Constant::None | Constant::Bool(_));
                let same = if is_single(left) && is_single(right) {
                    left == right
                } else if is_single(left) || is_single(right) {
                    false
                } else {
                    return None;
                };
                Some(same == (op == CompareOp::Is))
            }
            _ => None,
        }
    }

    /// `name.startswith("x")`, `isinstance(name, str)`.
    fn asks(&self, call: &Call) -> Option<bool> {
        let facts = &self.linked.file(self.callee).facts;
        let arguments = facts.arguments(call);
        match (facts.expr(call.callee), arguments) {
            (Expr::Attribute { value, attribute }, [wanted]) => {
                let Constant::Text(text) = self.constant(value)? else { return None };
                // A long text is cut.
                if text.len() >= lagmap_facts::MAX_LITERAL {
                    return None;
                }
                let wanted = match facts.expr(*wanted) {
                    Expr::Tuple(list) => facts.list(list),
                    _ => std::slice::from_ref(wanted),
                };
                let parts = wanted.iter().map(|part| match facts.expr(*part) {
                    Expr::Str(part) => Some(facts.text(part)),
                    _ => None,
                });
                let parts: Vec<&str> = parts.collect::<Option<_>>()?;
                match facts.text(attribute) {
                    "startswith" => Some(parts.iter().any(|part| text.starts_with(part))),
                    "endswith" => Some(parts.iter().any(|part| text.ends_with(part))),
                    _ => None,
                }
            }
            (Expr::Name(name), [value, classes]) if facts.text(name) == "isinstance" => {
                let own = self.constant(*value)?.type_name();
                let classes = match facts.expr(*classes) {
                    Expr::Tuple(list) => facts.list(list),
                    _ => std::slice::from_ref(classes),
                };
                let names = classes.iter().map(|class| match facts.expr(*class) {
                    Expr::Name(name) => Some(facts.text(name)).filter(|name| PLAIN.contains(name)),
                    _ => None,
                });
                let names: Vec<&str> = names.collect::<Option<_>>()?;
                Some(names.contains(&own) || own == "bool" && names.contains(&"int"))
            }
            _ => None,
        }
    }

    /// What an expression of the callee is: a literal, or a parameter for which a constant is passed.
    fn constant(&self, id: ExprId) -> Option<Constant<'a>> {
        let unit = self.linked.file(self.callee);
        if !matches!(unit.facts.expr(id), Expr::Name(_)) {
            return literal(unit, id);
        }
        let Some(place) = parameter(unit, self.scope, id) else {
            return constant(unit, id, DEEPEST);
        };
        let parameter = &unit.facts.function(self.scope).parameters[place as usize];
        if place < self.skipped || matches!(parameter.kind, ParameterKind::Variadic | ParameterKind::VariadicKeyword) {
            return None;
        }
        match self.given.iter().find(|(own, _)| *own == place) {
            Some((_, given)) => constant(self.linked.file(self.caller), *given, DEEPEST),
            None => constant(unit, parameter.default.get()?, DEEPEST),
        }
    }
}

/// Whether a call names what it calls: what a name of another thing holds may have arguments of its own (`partial`).
fn is_called_by_name(
    linked: &Linked,
    edge: &Edge,
    facts: &lagmap_facts::FileFacts,
    call: &Call,
    unit: &ProgramFile,
    function: &FunctionFacts,
) -> bool {
    let Some(name) = facts.last_name(call.callee).map(|name| facts.text(name)) else { return false };
    match edge.kind {
        EdgeKind::Construct(class) => {
            let (file, class) = linked.ids.of_class(class);
            let made = &linked.file(file).facts;
            name == made.text(made.class(class).name) || name == "cls"
        }
        _ => name == unit.facts.text(function.name),
    }
}

/// What an expression is by itself.
fn literal(unit: &ProgramFile, id: ExprId) -> Option<Constant<'_>> {
    let facts = &unit.facts;
    Some(match facts.expr(id) {
        Expr::None => Constant::None,
        Expr::Bool(value) => Constant::Bool(value),
        Expr::Int(value) => Constant::Int(value),
        Expr::Float(value) => Constant::Float(value),
        Expr::Str(text) => Constant::Text(facts.text(text)),
        Expr::Bytes(_) => Constant::Some("bytes", None),
        Expr::FString(_) => Constant::Some("str", None),
        Expr::List(list) => Constant::Some("list", size(facts, list)),
        Expr::Tuple(list) => Constant::Some("tuple", size(facts, list)),
        Expr::Set(list) => Constant::Some("set", size(facts, list)),
        Expr::Dict(list) => Constant::Some("dict", size(facts, list)),
        Expr::Lambda(_) => Constant::Some("function", Some(true)),
        _ => return None,
    })
}

/// Whether a display holds anything; what is unpacked into it may be empty.
fn size(facts: &lagmap_facts::FileFacts, list: lagmap_facts::ExprList) -> Option<bool> {
    let parts = facts.list(list);
    let open = |part: &ExprId| *part == ExprId::NONE || matches!(facts.expr(*part), Expr::Starred(_));
    if parts.iter().any(open) { None } else { Some(!parts.is_empty()) }
}

/// What an expression is where nothing but a literal is ever assigned to its name.
fn constant(unit: &ProgramFile, id: ExprId, depth: u32) -> Option<Constant<'_>> {
    let facts = &unit.facts;
    let Expr::Name(name) = facts.expr(id) else { return literal(unit, id) };
    let depth = depth.checked_sub(1)?;
    let name: NameHash = facts.names.hash(name);
    let own = facts.region(facts.exprs[id.0 as usize].region).function;
    let mut scopes = std::iter::successors(Some(own), |index| facts.function(*index).parent);
    let visible = |index: FunctionIndex| index == own || facts.function(index).kind != ScopeKind::Class;
    let scope = scopes.find(|index| visible(*index) && !unit.scopes.named(*index, name).is_empty())?;
    let value = unit.scopes.only_value(scope, name)?;
    match constant(unit, value, depth)? {
        // What is in a container may be changed behind the assignment.
        Constant::Some(name @ ("list" | "set" | "dict"), _) => Some(Constant::Some(name, None)),
        other => Some(other),
    }
}
