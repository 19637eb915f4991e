//! Dispatching: which methods a virtual call may run.

use lagmap_facts::{CallId, Expr, NameHash, ScopeKind};
use rustc_hash::FxHashMap;

use super::Dispatch;
use crate::{
    ClassId, FunctionId, Site,
    linked::{Linked, MethodKind, method_kind},
};

/// What is known of the virtual calls that were met.
#[derive(Default)]
pub(super) struct Dispatching {
    pub(super) numbers: FxHashMap<(ClassId, NameHash, bool, Option<FunctionId>), u32>,
    pub(super) going_on: FxHashMap<FunctionId, bool>,
}

/// Whether `class` is a proper subclass of the class that a method belongs to.
pub(super) fn is_inherited_by(linked: &Linked, method: FunctionId, class: ClassId) -> bool {
    let (file, index) = linked.ids.of_function(method);
    let own = linked.file(file).facts.function(index).class.map(|own| linked.ids.class(file, own));
    own.is_some_and(|own| own != class && linked.classes.lookup_order(class).contains(&own))
}

/// The method that an expression stands in, if it calls a method of its own object.
pub(super) fn on_own_object(linked: &Linked, from: FunctionId, site: Site) -> Option<FunctionId> {
    let (unit, function) = linked.function(from);
    let facts = &unit.facts;
    function.class.filter(|_| function.kind == ScopeKind::Function)?;
    let (_, id) = linked.ids.of_site(site);
    let callee = match facts.expr(id) {
        Expr::Call(call) => facts.call(call).callee,
        _ => id,
    };
    let Expr::Attribute { value, .. } = facts.expr(callee) else { return None };
    let Expr::Name(name) = facts.expr(value) else { return None };
    let receiver = function.parameters.first().filter(|_| method_kind(facts, function) != MethodKind::Static)?;
    (facts.names.hash(receiver.name) == facts.names.hash(name)).then_some(from)
}

/// Whether objects of a class run a method: no class overrides it for them, or one that does goes on to it.
fn runs_method(
    linked: &Linked,
    class: ClassId,
    method: FunctionId,
    name: NameHash,
    going_on: &mut FxHashMap<FunctionId, bool>,
) -> bool {
    let own = linked.classes.method(class, name);
    own.is_none_or(|own| own == method || *going_on.entry(own).or_insert_with(|| goes_on(linked, own, name)))
}

/// Whether a method calls one of the same name of another class: `super().run()`, `Base.run(self)`.
fn goes_on(linked: &Linked, method: FunctionId, name: NameHash) -> bool {
    let (unit, function) = linked.function(method);
    let facts = &unit.facts;
    function.calls.clone().any(|call| {
        let call = facts.call(CallId(call));
        matches!(facts.expr(call.callee), Expr::Attribute { attribute, .. } if facts.names.hash(attribute) == name)
    })
}

/// What calling a method of this name on an object of a class may run; `by` is the method that calls it on its own object.
pub(super) fn dispatch(
    linked: &Linked,
    class: ClassId,
    name: NameHash,
    by: Option<FunctionId>,
    going_on: &mut FxHashMap<FunctionId, bool>,
) -> Dispatch {
    let classes = &linked.classes;
    let by = by.map(|by| {
        let (unit, facts) = linked.function(by);
        (by, unit.facts.names.hash(facts.name))
    });
    let mut options: Vec<(FunctionId, Vec<ClassId>)> = Vec::new();
    let mut places: FxHashMap<FunctionId, usize> = FxHashMap::default();
    for candidate in std::iter::once(&class).chain(classes.subclasses(class)) {
        if by.is_some_and(|(by, name)| !runs_method(linked, *candidate, by, name, going_on)) {
            continue;
        }
        let Some(method) = classes.method(*candidate, name) else { continue };
        let place = *places.entry(method).or_insert(options.len());
        match options.get_mut(place) {
            Some((_, of)) => of.push(*candidate),
            None => options.push((method, vec![*candidate])),
        }
    }
    // What is there only to be overridden is not what runs, if anything overrides it.
    if options.len() > 1 {
        options.retain(|(method, _)| !linked.is_abstract(*method));
    }
    let default = classes.method(class, name).filter(|method| options.iter().any(|(option, _)| option == method));
    Dispatch { default, falls_back: true, options }
}
