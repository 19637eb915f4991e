//! What containers hold, by constant key or place where that is known: indexing, slicing, unpacking, iteration, `with`.

use std::iter;

use lagmap_facts::{Expr, ExprId, FunctionIndex, NameHash, RegionId, RegionKind, ScopeKind};

use super::Evaluator;
use crate::{
    Cell, FileId, FunctionId, Site, Value, Values,
    linked::Linked,
    scopes::{Binding, Source},
};

impl Evaluator<'_> {
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
    pub(super) fn parts_at(&mut self, tuples: Values, path: &[i8]) -> Values {
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
    pub(super) fn part_of_each(&mut self, iterable: ExprId, path: &[i8]) -> Values {
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

    /// Whether an expression makes a list or tuple.
    pub fn is_sequence(&mut self, id: ExprId) -> bool {
        let (list, tuple) = (self.linked.catalogue.list(), self.linked.catalogue.tuple());
        let site = self.site(id);
        self.values(id)
            .iter()
            .any(|value| value == Value::Object { model: list, site } || value == Value::Object { model: tuple, site })
    }

    /// A slice of a list or tuple is another of its kind; what it holds, the solver knows.
    pub(super) fn slice(&mut self, sequence: ExprId, id: ExprId) -> Values {
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
    pub(super) fn entries(&mut self, container: ExprId, index: ExprId) -> Values {
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
    pub(super) fn held_at(&mut self, site: Site, key: Option<NameHash>) -> Values {
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
    pub(super) fn constant(&mut self, id: ExprId) -> Option<(FileId, ExprId)> {
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
                let scopes = iter::successors(Some(own), |scope| self.facts.function(*scope).parent);
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

    pub(super) fn elements(&mut self, value: Value) -> Values {
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
    pub(super) fn entered(&mut self, context: ExprId) -> Values {
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
                    let given = enter.map(|enter| self.given_back(enter)).unwrap_or_default();
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
    pub(super) fn is_entered_async(&self, context: ExprId) -> bool {
        let region = self.facts.exprs[context.0 as usize].region;
        let function = self.facts.function(self.facts.region(region).function);
        function.regions.clone().any(|id| {
            matches!(self.facts.region(RegionId(id)).kind, RegionKind::With { context: own, is_async: true } if own == context)
        })
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
