//! Growth: containers that live long and are added to, and who takes things out again.

use lagmap_facts::{Expr, ExprId, RegionId, ScopeKind};
use lagmap_source::Span;

use crate::{CallView, Cell, Change, ChangeKind, FunctionId, Program, Site, Value, Values};

/// A statement that adds to a container which nothing shrinks.
#[derive(Clone, Debug)]
pub struct Growth {
    /// How the code calls the container.
    pub name: String,
    /// The scope that adds.
    pub function: FunctionId,
    /// Where in it.
    pub region: RegionId,
    /// The text.
    pub span: Span,
    /// Entries are added under keys, so it only grows with new keys.
    pub keyed: bool,
}

impl Program {
    /// Every live statement that adds to a long-lived container that nothing shrinks, caps, clears or replaces, the whole
    /// program considered. Containers that are only filled under keys of a fixed set are left out.
    pub fn growing_containers(&self) -> Vec<Growth> {
        let mut sites: Vec<Site> = self.uses.holders.keys().copied().filter(|site| self.is_container(*site)).collect();
        sites.sort_unstable();
        let mut found = Vec::new();
        for site in sites {
            if self.is_long_lived(site, 2) && !self.is_bounded(site) && !self.is_shrunk(site, 2) {
                self.additions(site, &mut found);
            }
        }
        found.sort_by_key(|growth: &Growth| (growth.function, growth.span));
        found.dedup_by_key(|growth| (growth.function, growth.span));
        found
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
            Cell::Variable(scope, _) => matches!(self.function(*scope).1.kind, ScopeKind::Module | ScopeKind::Class),
            Cell::Attribute(class, _) => {
                let mut family = std::iter::once(*class).chain(self.linked.classes.subclasses(*class).iter().copied());
                family.any(|class| self.made_in(class).any(|frequency| !frequency.is_repeated()))
            }
            Cell::Element(outer) => depth > 0 && *outer != site && self.is_long_lived(*outer, depth - 1),
            _ => false,
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
    fn is_shrunk(&self, site: Site, depth: u32) -> bool {
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
            || self.holders(site).iter().any(|cell| match cell {
                Cell::Attribute(..) | Cell::Variable(..) => {
                    self.is_replaced(*cell) || depth > 0 && self.is_other_shrunk(*cell, site, depth)
                }
                Cell::Element(outer) => depth > 0 && *outer != site && self.is_shrunk(*outer, depth - 1),
                // Given away: who gets it may do anything with it, but that is seen by its site.
                _ => false,
            })
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
            let first_time = self.graph.around(self.linked.ids.of_function(write.function).0, write.region).once;
            !(sets_up || first_time || function.kind != ScopeKind::Function && function.kind != ScopeKind::Lambda)
        })
    }

    fn additions(&self, site: Site, found: &mut Vec<Growth>) {
        for call in self.calls_on(site) {
            let adds = call.models().any(|(model, receiver)| {
                receiver == Some(site) && self.catalogue().entry(model).is_some_and(|entry| entry.grows)
            });
            if adds && self.is_live(call.function) {
                self.addition(&call, found);
            }
        }
        for change in self.uses.changes.get(&site).map(Vec::as_slice).unwrap_or_default() {
            if self.is_live(change.function) {
                self.item_addition(change, found);
            }
        }
    }

    fn addition(&self, call: &CallView<'_>, found: &mut Vec<Growth>) {
        let facts = call.facts();
        let Expr::Attribute { value, attribute } = facts.expr(call.call.callee) else { return };
        let method = facts.text(attribute);
        let keyed = matches!(method, "add" | "setdefault" | "update");
        let first = facts.arguments(call.call).first().copied();
        // `update` and `add` say nothing of how many different things come; only keys that are new each time count.
        if keyed && !first.is_some_and(|key| method != "update" && self.is_open_key(call, key)) {
            return;
        }
        let name = facts.dotted(value).unwrap_or_else(|| "the container".to_owned());
        found.push(Growth { name, function: call.function, region: call.region, span: call.span(), keyed });
    }

    fn item_addition(&self, change: &Change, found: &mut Vec<Growth>) {
        let (file, target) = self.linked.ids.of_site(change.target);
        let facts = &self.linked.file(file).facts;
        let Expr::Subscript { value, index } = facts.expr(target) else { return };
        if change.kind != ChangeKind::SetItem || !self.is_open(file, index, 3) {
            return;
        }
        let name = facts.dotted(value).unwrap_or_else(|| "the container".to_owned());
        found.push(Growth { name, function: change.function, region: change.region, span: change.span, keyed: true });
    }

    fn is_open_key(&self, call: &CallView<'_>, key: ExprId) -> bool {
        self.is_open(call.file, key, 3)
    }

    /// Whether a key, or what its local name is bound to, is new each time.
    fn is_open(&self, file: crate::FileId, key: ExprId, depth: u32) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        if is_new_each_time(facts, key) {
            return true;
        }
        let (Expr::Name(name), Some(depth)) = (facts.expr(key), depth.checked_sub(1)) else { return false };
        let node = &facts.exprs[key.0 as usize];
        let scope = facts.region(node.region).function;
        let mut bindings = unit.scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region);
        bindings.any(|binding| match binding.source {
            crate::Source::Value(value) if binding.item.is_none() => self.is_open(file, value, depth),
            _ => false,
        })
    }

    /// A list among these values that is known to grow with data, given as where it is made.
    pub fn growing_list(&self, values: &Values) -> Option<Site> {
        values.iter().find_map(|value| match value {
            Value::Object { model, site } if model == self.catalogue().list() && self.is_growing(site) => Some(site),
            _ => None,
        })
    }

    /// Whether a list's length depends on data: it is added to in a loop or per message, or is made from other data.
    pub fn is_growing(&self, site: Site) -> bool {
        let (file, id) = self.linked.ids.of_site(site);
        let from_data = match self.linked.file(file).facts.expr(id) {
            Expr::Comprehension { .. } => true,
            // A literal of this many items is a table to look things up in.
            Expr::List(list) => list.len > 8,
            _ => false,
        };
        from_data
            || self.calls_on(site).any(|call| {
                let grows = call.models().any(|(model, receiver)| {
                    receiver == Some(site) && self.catalogue().entry(model).is_some_and(|entry| entry.grows)
                });
                let persists =
                    self.holders(site).iter().any(|cell| matches!(cell, Cell::Attribute(..) | Cell::Variable(..)));
                grows
                    && (call.around().loops > 0
                        || persists && call.contexts().any(|context| context.frequency.is_repeated()))
            })
    }
}

/// Whether a key is one that has hardly been seen before: an identifier, a time, a hash or a text of a request, as its name
/// or making says. Names of services, models and states come from fixed sets.
fn is_new_each_time(facts: &lagmap_facts::FileFacts, key: ExprId) -> bool {
    const OPEN: [&str; 22] = [
        "request_id",
        "req_id",
        "task_id",
        "message_id",
        "msg_id",
        "session_id",
        "conversation_id",
        "job_id",
        "trace_id",
        "correlation_id",
        "event_id",
        "interaction_id",
        "hash",
        "cache_key",
        "digest",
        "timestamp",
        "prompt",
        "query",
        "text",
        "url",
        "uuid",
        "token",
    ];
    let speaks = |text: &str| {
        let text = text.to_ascii_lowercase();
        OPEN.iter().any(|word| text == *word || text.ends_with(word))
    };
    match facts.expr(key) {
        Expr::Name(name) => speaks(facts.text(name)),
        Expr::Attribute { attribute, .. } => speaks(facts.text(attribute)),
        Expr::Subscript { index, .. } => matches!(facts.expr(index), Expr::Str(text) if speaks(facts.text(text))),
        Expr::Call(call) => {
            let call = facts.call(call);
            let by_name = match facts.expr(call.callee) {
                Expr::Attribute { attribute, .. } => {
                    matches!(facts.text(attribute), "uuid4" | "uuid1" | "time" | "time_ns" | "hexdigest" | "isoformat")
                }
                Expr::Name(name) => matches!(facts.text(name), "uuid4" | "time" | "hash"),
                _ => false,
            };
            let converted = matches!(facts.expr(call.callee), Expr::Name(name) if facts.text(name) == "str")
                && facts.arguments(call).iter().any(|argument| is_new_each_time(facts, *argument));
            by_name || converted
        }
        Expr::FString(parts) => facts.list(parts).iter().any(|part| is_new_each_time(facts, *part)),
        Expr::Tuple(parts) => facts.list(parts).iter().any(|part| is_new_each_time(facts, *part)),
        Expr::Binary { left, right, .. } => is_new_each_time(facts, left) || is_new_each_time(facts, right),
        _ => false,
    }
}
