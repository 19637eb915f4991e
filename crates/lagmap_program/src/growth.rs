//! Growth: containers that live long and are added to, and who takes things out again.

use lagmap_facts::{Expr, ExprId, NameHash, OpKind, RegionId, ScopeKind};
use lagmap_source::Span;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    CallSite, CallView, Cell, Change, ChangeKind, ContextSet, FunctionId, Program, Recurrence, Site, Value,
    guards::guards,
};

/// A statement that adds to a container which nothing shrinks.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The container, by where it is made.
    pub container: Site,
    /// How the code calls the container.
    pub name: String,
    /// The scope that adds.
    pub function: FunctionId,
    /// Where in it; outside of the question whether a key is there already, which each new key answers anew.
    pub region: RegionId,
    /// The text.
    pub span: Span,
    /// Entries are added under keys, so it only grows with new keys.
    pub keyed: bool,
    /// A module or class holds it, so there is one of it however many objects its users make.
    pub shared: bool,
}

impl Growth {
    /// The first expression of the statement that adds.
    pub fn statement(&self, program: &Program) -> Site {
        let (file, _) = program.linked.ids.of_function(self.function);
        let (unit, scope) = program.function(self.function);
        let inside = |id: &u32| self.span.contains(unit.facts.exprs[*id as usize].span);
        program.linked.ids.site(file, ExprId(scope.exprs.clone().find(inside).unwrap_or(scope.exprs.start)))
    }
}

/// What functions do to containers that they are given: `heapq.heappush(heap, item)`.
#[derive(Default)]
struct Handled {
    added: FxHashMap<Site, Vec<CallSite>>,
    taken: FxHashSet<Site>,
}

impl Program {
    /// Every live statement that adds to a long-lived container that nothing shrinks, caps, clears or replaces, the whole
    /// program considered. Containers that are only filled under keys of a fixed set are left out.
    pub fn growing_containers(&self) -> Vec<Growth> {
        let handled = self.handled();
        let stays = |site: &Site| {
            !self.is_constant_made(*site)
                && self.is_long_lived(*site, 2)
                && self.is_container(*site)
                && !self.is_bounded(*site)
                && !self.is_shrunk(*site, 2, &handled)
        };
        let held: Vec<Site> = self.uses.holders.keys().copied().collect();
        let mut sites: Vec<Site> = held.into_par_iter().filter(stays).collect();
        sites.sort_unstable();
        let mut found = Vec::new();
        let mut unfilled = Vec::new();
        for site in sites {
            let before = found.len();
            self.additions(site, &handled, &mut found);
            if found.len() == before && self.grows_when_read(site) {
                unfilled.push(site);
            }
        }
        self.reads(&unfilled, &mut found);
        found.sort_by_key(|growth: &Growth| (growth.function, growth.span));
        found.dedup_by_key(|growth| (growth.function, growth.span));
        found
    }

    fn handled(&self) -> Handled {
        let mut handled = Handled::default();
        let first = |call: &CallView<'_>| -> Vec<Site> {
            let first = call.facts().arguments(call.call).first().map(|first| call.values(*first)).unwrap_or_default();
            let sites = first.iter().filter_map(|value| match value {
                Value::Object { site, .. } => Some(site),
                _ => None,
            });
            sites.collect()
        };
        for call in self.calls_tagged("adds-to-argument") {
            for site in first(&call) {
                handled.added.entry(site).or_default().push(call.site);
            }
        }
        for call in self.calls_tagged("takes-from-argument") {
            handled.taken.extend(first(&call));
        }
        handled
    }

    /// Made by a text, bytes or a tuple: most of what attributes hold, and nothing that can grow.
    fn is_constant_made(&self, site: Site) -> bool {
        let (file, id) = self.linked.ids.of_site(site);
        let made = self.linked.file(file).facts.expr(id);
        matches!(made, Expr::Str(_) | Expr::FString(_) | Expr::Bytes(_) | Expr::Tuple(_))
    }

    fn is_container(&self, site: Site) -> bool {
        let catalogue = self.catalogue();
        let kinds = [catalogue.list(), catalogue.dict(), catalogue.set()];
        let deque = catalogue.find("collections.deque");
        self.values(site).iter().any(|value| match value {
            Value::Object { model, site: own } if own == site => {
                kinds.iter().chain(&deque).any(|kind| catalogue.is_subclass(model, *kind))
            }
            _ => false,
        })
    }

    /// Held by a module, a class, or an attribute of objects that are not made per request.
    fn is_long_lived(&self, site: Site, depth: u32) -> bool {
        self.holders(site).iter().any(|cell| match cell {
            Cell::Variable(scope, _) => self.is_one_for_all(*scope, site),
            Cell::Attribute(class, _) => {
                let family = || std::iter::once(*class).chain(self.linked.classes.subclasses(*class).iter().copied());
                // Of a class that is also made per request, itself or as a subclass, the instance that grows is rarely the
                // one that stays.
                let mut made = family().flat_map(|class| self.made_in(class)).peekable();
                made.peek().is_some()
                    && made.all(|frequency| !frequency.recurs())
                    && !family().any(|class| self.is_made_for_one_call(class))
            }
            Cell::Element(outer) | Cell::Keyed(outer) => {
                depth > 0 && *outer != site && self.is_long_lived(*outer, depth - 1)
            }
            _ => false,
        })
    }

    /// Where it is not known how often a class's objects are made anew, an object that only serves one call of one of its
    /// methods goes with that call: `Turn(prompt).run()`.
    fn is_made_for_one_call(&self, class: crate::ClassId) -> bool {
        let mut made = self.constructions(class).filter(|edge| {
            let lazy = |context: crate::Context| context.frequency == crate::Frequency::Lazy;
            self.contexts_at(edge.from, edge.region).any(lazy)
        });
        made.any(|edge| {
            let (file, made) = self.linked.ids.of_site(edge.site);
            let (unit, scope) = (self.linked.file(file), self.function(edge.from).1);
            let mut exprs = scope.exprs.clone().map(|id| unit.facts.exprs[id as usize].expr);
            exprs.any(|expr| matches!(expr, Expr::Attribute { value, .. } if value == made))
        })
    }

    /// Made with a bound: `deque(maxlen=...)`.
    fn is_bounded(&self, site: Site) -> bool {
        self.creation(site).is_some_and(|made| {
            let bound = made.argument(Some("maxlen"), None).or_else(|| made.argument(None, Some(1)));
            bound.is_some_and(|bound| !matches!(made.facts().expr(bound), Expr::None))
        })
    }

    /// Something takes entries out of it, or replaces it, or does so with a container around it.
    fn is_shrunk(&self, site: Site, depth: u32, handled: &Handled) -> bool {
        let by_call = self.calls_on(site).any(|call| {
            call.models().any(|(model, receiver)| {
                receiver == Some(site) && self.catalogue().entry(model).is_some_and(|entry| entry.shrinks)
            })
        });
        let changes = self.uses.changes.get(&site).map(Vec::as_slice).unwrap_or_default();
        let by_change =
            changes.iter().any(|change| matches!(change.kind, ChangeKind::DeleteItem | ChangeKind::SetSlice));
        by_call
            || by_change
            || handled.taken.contains(&site)
            || self.holders(site).iter().any(|cell| match cell {
                Cell::Entry(..) => self.is_replaced(*cell),
                Cell::Attribute(..) | Cell::Variable(..) => {
                    self.is_replaced(*cell)
                        || self.of_class_variable(*cell).is_some_and(|cell| self.is_replaced(cell))
                        || depth > 0 && self.is_other_shrunk(*cell, site, depth)
                }
                Cell::Element(outer) | Cell::Keyed(outer) => {
                    depth > 0
                        && *outer != site
                        && (self.cuts_entries(*outer) || self.is_shrunk(*outer, depth - 1, handled))
                }
                // Given away: who gets it may do anything with it, but that is seen by its site.
                _ => false,
            })
    }

    /// The attribute by which objects reach a variable of their class.
    fn of_class_variable(&self, cell: Cell) -> Option<Cell> {
        let Cell::Variable(scope, name) = cell else { return None };
        let (file, index) = self.linked.ids.of_function(scope);
        let classes = &self.linked.file(file).facts.classes;
        let class = classes.iter().position(|class| class.body == index)?;
        Some(Cell::Attribute(self.linked.ids.class(file, lagmap_facts::ClassIndex(class as u32)), name))
    }

    /// Entries of a container are replaced by their own last part: `times[name] = times[name][-100:]`.
    fn cuts_entries(&self, outer: Site) -> bool {
        let changes = self.uses.changes.get(&outer).map(Vec::as_slice).unwrap_or_default();
        changes.iter().filter(|change| change.kind == ChangeKind::SetItem).any(|change| {
            let (unit, scope) = self.function(change.function);
            let facts = &unit.facts;
            facts.ops(scope).iter().any(|op| match op.kind {
                OpKind::Assign { target, value } if op.span == change.span => match facts.expr(value) {
                    Expr::Subscript { value, index } => {
                        matches!(facts.expr(index), Expr::Slice { .. }) && facts.is_same(target, value)
                    }
                    _ => false,
                },
                _ => false,
            })
        })
    }

    /// Whether a function fills a container that it has made itself, under its local name: what it adds ends with its call.
    fn is_filled_where_made(&self, site: Site, function: FunctionId, region: RegionId, container: ExprId) -> bool {
        let (file, _) = self.linked.ids.of_function(function);
        let (unit, scope) = self.function(function);
        self.place(site).1 == function
            && scope.kind == ScopeKind::Function
            && !self.around(file, region).forever
            && matches!(unit.facts.expr(container), Expr::Name(name) if !scope.globals.contains(&name))
    }

    /// Whether a container has a bound or something takes entries out of it.
    pub(crate) fn is_cut(&self, site: Site) -> bool {
        self.is_bounded(site) || self.is_shrunk(site, 1, &Handled::default())
    }

    /// Another object that the same attribute holds at other times is shrunk.
    fn is_other_shrunk(&self, cell: Cell, site: Site, depth: u32) -> bool {
        let Some(values) = self.solution.cells.get(cell) else { return false };
        values.iter().any(|value| match value {
            Value::Object { site: other, .. } => other != site && depth > 0 && self.is_shrunk_itself(other),
            _ => false,
        })
    }

    fn is_shrunk_itself(&self, site: Site) -> bool {
        self.calls_on(site).any(|call| {
            call.models().any(|(model, receiver)| {
                receiver == Some(site) && self.catalogue().entry(model).is_some_and(|entry| entry.shrinks)
            })
        })
    }

    /// An attribute or variable is assigned outside of the constructor or module body that sets it up.
    fn is_replaced(&self, cell: Cell) -> bool {
        let cells: Vec<Cell> = match cell {
            Cell::Attribute(class, name) => {
                let classes = &self.linked.classes;
                let family = classes.lookup_order(class).iter().chain(classes.subclasses(class));
                family.map(|class| Cell::Attribute(*class, name)).collect()
            }
            other => vec![other],
        };
        cells.iter().filter_map(|cell| self.uses.writes.get(cell)).flatten().any(|write| {
            let (unit, function) = self.function(write.function);
            let name = unit.facts.text(function.name);
            let sets_up =
                matches!(name, "__init__" | "__new__" | "__post_init__" | "setup" | "initialize" | "__setstate__");
            let first_time = self.graph.around(self.linked.ids.of_function(write.function).0, write.region).recurrence
                != Recurrence::EveryCall;
            !(sets_up || first_time || function.kind != ScopeKind::Function && function.kind != ScopeKind::Lambda)
        })
    }

    fn additions(&self, site: Site, handled: &Handled, found: &mut Vec<Growth>) {
        let shared = self.is_shared(site);
        for call in self.calls_on(site) {
            let adds = call.models().any(|(model, receiver)| {
                receiver == Some(site) && self.catalogue().entry(model).is_some_and(|entry| entry.grows)
            });
            if adds && self.is_live(call.function) {
                found.extend(self.addition(&call, site, shared));
            }
        }
        for call in handled.added.get(&site).map(Vec::as_slice).unwrap_or_default() {
            let call = self.call(*call);
            let container = call.facts().arguments(call.call).first();
            found.extend(container.and_then(|container| self.growth(&call, site, *container, None, shared)));
        }
        for change in self.uses.changes.get(&site).map(Vec::as_slice).unwrap_or_default() {
            if self.is_live(change.function) {
                found.extend(self.item_addition(change, site, shared));
            }
        }
    }

    /// A module or class holds it, itself or inside of another container.
    fn is_shared(&self, site: Site) -> bool {
        self.holders(site).iter().any(|cell| match cell {
            Cell::Variable(scope, _) => self.is_one_for_all(*scope, site),
            _ => false,
        })
    }

    /// A variable of a module or class holds it, and no machinery of the class gives each object a copy of its own.
    fn is_one_for_all(&self, scope: FunctionId, site: Site) -> bool {
        let (file, index) = self.linked.ids.of_function(scope);
        match self.function(scope).1.kind {
            ScopeKind::Module => true,
            ScopeKind::Class => {
                let unit = self.linked.file(file);
                let (made_in, value) = self.linked.ids.of_site(site);
                let is_field = made_in == file && unit.scopes.annotation_of(value).is_some();
                let class = unit.facts.classes.iter().position(|class| class.body == index);
                !is_field
                    || class.is_none_or(|class| {
                        !self.copies_defaults(self.linked.ids.class(file, lagmap_facts::ClassIndex(class as u32)))
                    })
            }
            _ => false,
        }
    }

    /// Whether a class, or one that it inherits from, is one of a library that copies the defaults of annotated fields for
    /// each object, or may be.
    fn copies_defaults(&self, class: crate::ClassId) -> bool {
        let classes = &self.linked.classes;
        classes.has_unknown_base(&self.linked, class)
            || classes.external_bases(class).any(|base| self.catalogue().has_tag(base, "copies-defaults"))
    }

    fn addition(&self, call: &CallView<'_>, site: Site, shared: bool) -> Option<Growth> {
        let facts = call.facts();
        let Expr::Attribute { value, attribute } = facts.expr(call.call.callee) else { return None };
        if self.is_filled_where_made(site, call.function, call.region, value) {
            return None;
        }
        let first = facts.arguments(call.call).first().copied();
        // `update` says nothing of how many different things come.
        let key = match facts.text(attribute) {
            "update" => return None,
            "add" | "setdefault" => Some(first?),
            _ => None,
        };
        self.growth(call, site, value, key, shared)
    }

    /// A call that adds to `container`; under keys, only those that are new each time count.
    fn growth(
        &self,
        call: &CallView<'_>,
        site: Site,
        container: ExprId,
        key: Option<ExprId>,
        shared: bool,
    ) -> Option<Growth> {
        let facts = call.facts();
        let name = facts.dotted(container).unwrap_or_else(|| "the container".to_owned());
        let guards = guards(facts, call.region, &name);
        // `if item not in items: items.append(item)`: each different item once.
        let key = key.or_else(|| facts.arguments(call.call).first().copied().filter(|_| guards.absent));
        if guards.capped || guards.present || key.is_some_and(|key| !self.is_open_key(call.file, key, 3)) {
            return None;
        }
        let keyed = key.is_some();
        let region = if keyed { self.unguarded(call.file, call.region) } else { call.region };
        Some(Growth { container: site, name, function: call.function, region, span: call.span(), keyed, shared })
    }

    fn item_addition(&self, change: &Change, site: Site, shared: bool) -> Option<Growth> {
        let (file, target) = self.linked.ids.of_site(change.target);
        let facts = &self.linked.file(file).facts;
        let Expr::Subscript { value, index } = facts.expr(target) else { return None };
        if change.kind != ChangeKind::SetItem
            || !self.is_open_key(file, index, 3)
            || self.is_filled_where_made(site, change.function, change.region, value)
        {
            return None;
        }
        let name = facts.dotted(value).unwrap_or_else(|| "the container".to_owned());
        let guards = guards(facts, change.region, &name);
        let region = self.unguarded(file, change.region);
        (!guards.capped && !guards.present).then_some(Growth {
            container: site,
            name,
            function: change.function,
            region,
            span: change.span,
            keyed: true,
            shared,
        })
    }

    /// The region around a place that is not "only the first time": for a cache, each new key is one.
    fn unguarded(&self, file: crate::FileId, region: RegionId) -> RegionId {
        let facts = &self.linked.file(file).facts;
        let outside = facts
            .enclosing(region)
            .map(|(id, _)| id)
            .find(|id| self.around(file, *id).recurrence == Recurrence::EveryCall);
        outside.unwrap_or(region)
    }

    /// Reading a missing key adds it: `defaultdict`.
    fn grows_when_read(&self, site: Site) -> bool {
        let item = NameHash::of("__getitem__");
        self.values(site).iter().any(|value| match value {
            Value::Object { model, site: own } if own == site => {
                let read = self.catalogue().member(model, item);
                read.and_then(|read| self.catalogue().entry(read)).is_some_and(|entry| entry.grows)
            }
            _ => false,
        })
    }

    /// The first place that reads each of these containers under a key that is new each time.
    fn reads(&self, sites: &[Site], found: &mut Vec<Growth>) {
        let mut due: FxHashSet<Site> = sites.iter().copied().collect();
        let held = sites.iter().flat_map(|site| self.holders(*site)).filter_map(|cell| match cell {
            Cell::Variable(_, name) | Cell::Attribute(_, name) => Some(*name),
            _ => None,
        });
        let names: FxHashSet<NameHash> = held.collect();
        let changes = sites.iter().filter_map(|site| self.uses.changes.get(site)).flatten();
        let written: FxHashSet<Site> = changes.map(|change| change.target).collect();
        for (file, unit) in self.files().filter(|(_, unit)| !unit.is_test && !sites.is_empty()) {
            let facts = &unit.facts;
            let mut evaluator = None;
            for (index, node) in facts.exprs.iter().enumerate() {
                let Expr::Subscript { value, index: key } = node.expr else { continue };
                let id = ExprId(index as u32);
                let is_read =
                    facts.last_name(value).map(|name| facts.names.hash(name)).is_some_and(|name| names.contains(&name))
                        && !written.contains(&self.linked.ids.site(file, id))
                        && self.is_open_key(file, key, 3);
                let function = self.linked.ids.function(file, facts.region(node.region).function);
                if !is_read || !self.is_live(function) {
                    continue;
                }
                let name = facts.dotted(value).unwrap_or_else(|| "the container".to_owned());
                if guards(facts, node.region, &name).present {
                    continue;
                }
                let evaluator = evaluator.get_or_insert_with(|| self.evaluator(file));
                let site = evaluator.values(value).iter().find_map(|value| match value {
                    Value::Object { site, .. } if due.contains(&site) => Some(site),
                    _ => None,
                });
                let Some(site) = site else { continue };
                due.remove(&site);
                let region = self.unguarded(file, node.region);
                let shared = self.is_shared(site);
                found.push(Growth { container: site, name, function, region, span: node.span, keyed: true, shared });
            }
        }
    }

    /// The contexts in which a container grows from message to message, or, with what a library's users pass, for ever.
    pub fn growth_contexts(&self, growth: &Growth) -> ContextSet {
        use crate::Frequency::{Background, Library, Request};
        let contexts = self.contexts_at(growth.function, growth.region);
        let counts = |frequency| match frequency {
            Request | Background => true,
            Library => growth.keyed && growth.shared,
            _ => false,
        };
        contexts.iter().filter(|context| counts(context.frequency)).collect()
    }
}
