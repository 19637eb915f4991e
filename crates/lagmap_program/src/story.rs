//! Stories: all that happens to what an attribute holds, whoever does it and under whatever name.

use lagmap_facts::NameHash;
use lagmap_source::Span;
use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::{Cell, ChangeKind, ClassId, FileId, FunctionId, Program, Site, trace::labels};

/// What is done to an attribute, or to the objects that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// A constructor assigns it.
    Makes,
    /// Something else assigns it.
    Replaces,
    /// Something is put into what it holds.
    Grows,
    /// Something is taken out of what it holds.
    Shrinks,
    /// A method that does neither.
    Uses,
}

/// One thing that happens to an attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Event {
    /// What.
    pub deed: Deed,
    /// How: `append`, `del x[key]`.
    pub how: String,
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The function that does it, by its dotted name.
    pub function: String,
    /// Where and how often that runs; empty if nothing that starts reaches it.
    pub contexts: Vec<String>,
}

/// All that happens to an attribute of a class.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// The class, by its dotted name.
    pub class: String,
    /// The attribute.
    pub attribute: String,
    /// What happens to it, by kind, file and line.
    pub events: Vec<Event>,
}

impl Program {
    /// The classes whose dotted name is this, or ends so.
    pub fn classes_named(&self, name: &str) -> Vec<ClassId> {
        let all = || (0..self.linked.ids.class_count()).map(|index| ClassId(index as u32));
        let exact: Vec<ClassId> = all().filter(|class| self.dotted_class_name(*class) == name).collect();
        if !exact.is_empty() {
            return exact;
        }
        let ends =
            |class: &ClassId| self.dotted_class_name(*class).strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
        all().filter(ends).collect()
    }

    /// The name of a class with that of its module.
    pub fn dotted_class_name(&self, class: ClassId) -> String {
        let (file, _) = self.linked.ids.of_class(class);
        let (module, name) = (&self.linked.file(file).module, self.class_name(class));
        if module.is_empty() { name } else { format!("{module}.{name}") }
    }

    /// All that happens to an attribute of a class, in the class, its bases and subclasses, and wherever what it holds goes.
    pub fn story(&self, class: ClassId, attribute: &str) -> Story {
        let name = NameHash::of(attribute);
        let classes = &self.linked.classes;
        let family = classes.lookup_order(class).iter().chain(classes.subclasses(class)).copied();
        let cells: FxHashSet<Cell> = family.chain([class]).map(|class| Cell::Attribute(class, name)).collect();
        let mut events = Vec::new();
        for write in cells.iter().filter_map(|cell| self.uses.writes.get(cell)).flatten() {
            let (unit, function) = self.function(write.function);
            let is_constructor = matches!(
                unit.facts.text(function.name),
                "__init__" | "__new__" | "__post_init__" | "__init_subclass__"
            );
            let deed = if is_constructor { Deed::Makes } else { Deed::Replaces };
            let how = if write.value.is_some() { "=" } else { "del" };
            events.push(self.event(deed, how.to_owned(), write.function, write.span));
        }
        let held = self.uses.holders.iter().filter(|(_, holders)| holders.iter().any(|cell| cells.contains(cell)));
        for site in held.map(|(site, _)| *site) {
            self.happens_to(site, &mut events);
        }
        events.sort();
        events.dedup();
        Story { class: self.dotted_class_name(class), attribute: attribute.to_owned(), events }
    }

    fn happens_to(&self, site: Site, events: &mut Vec<Event>) {
        for call in self.calls_on(site) {
            let Some((model, _)) = call.models().find(|(_, receiver)| *receiver == Some(site)) else { continue };
            let entry = self.catalogue().entry(model);
            let deed = match entry {
                Some(entry) if entry.shrinks => Deed::Shrinks,
                Some(entry) if entry.grows => Deed::Grows,
                _ => Deed::Uses,
            };
            let how = self.catalogue().name(model).to_owned();
            events.push(self.event(deed, how, call.function, call.span()));
        }
        for change in self.uses.changes.get(&site).into_iter().flatten() {
            let (deed, how) = match change.kind {
                ChangeKind::SetItem => (Deed::Grows, "[key] ="),
                ChangeKind::SetSlice => (Deed::Shrinks, "[a:b] ="),
                ChangeKind::DeleteItem => (Deed::Shrinks, "del [key]"),
                ChangeKind::Augment => (Deed::Grows, "+="),
                ChangeKind::SetAttribute(_) => (Deed::Uses, ".name ="),
            };
            events.push(self.event(deed, how.to_owned(), change.function, change.span));
        }
    }

    fn event(&self, deed: Deed, how: String, function: FunctionId, span: Span) -> Event {
        let (file, _) = self.linked.ids.of_function(function);
        Event {
            deed,
            how,
            path: self.linked.file(file).path.clone(),
            line: self.line(file, span),
            function: self.function_name(function),
            contexts: labels(self.contexts.of(function)),
        }
    }

    fn line(&self, file: FileId, span: Span) -> u32 {
        self.linked.file(file).lines.position(span.start).line
    }
}
