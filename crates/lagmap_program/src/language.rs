//! Builtin functions whose meaning is part of the language, not of a library's cost: they hand on what they are given.

use lagmap_models::{Catalogue, ModelId};
use rustc_hash::FxHashMap;

/// What a builtin does with values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Construct {
    /// `super()`.
    Super,
    /// `getattr(object, name)`.
    Getattr,
    /// `setattr(object, name, value)`.
    Setattr,
    /// `type(object)`.
    Type,
    /// `field(default=value)` or `field(default_factory=callable)`.
    Field,
    /// A container of what calling its first argument gives.
    Products,
    /// Gives an item of its first argument.
    Item,
    /// Gives its argument at this position, or something that stands for it.
    Argument(u8),
}

const CONSTRUCTS: &[(&str, Construct)] = &[
    ("builtins.super", Construct::Super),
    ("builtins.getattr", Construct::Getattr),
    ("builtins.setattr", Construct::Setattr),
    ("builtins.type", Construct::Type),
    ("dataclasses.field", Construct::Field),
    ("builtins.map", Construct::Products),
    ("collections.defaultdict", Construct::Products),
    ("builtins.next", Construct::Item),
    ("builtins.min", Construct::Item),
    ("builtins.max", Construct::Item),
    ("builtins.anext", Construct::Item),
    ("builtins.iter", Construct::Argument(0)),
    ("functools.partial", Construct::Argument(0)),
    ("functools.partialmethod", Construct::Argument(0)),
    ("copy.copy", Construct::Argument(0)),
    ("typing.cast", Construct::Argument(1)),
    ("asyncio.create_task", Construct::Argument(0)),
    ("asyncio.ensure_future", Construct::Argument(0)),
    ("asyncio.shield", Construct::Argument(0)),
    ("asyncio.wait_for", Construct::Argument(0)),
    ("weakref.ref", Construct::Argument(0)),
    ("weakref.proxy", Construct::Argument(0)),
    ("contextlib.closing", Construct::Argument(0)),
];

/// The builtins above by their place in the catalogue.
#[derive(Clone, Debug, Default)]
pub struct Language {
    constructs: FxHashMap<ModelId, Construct>,
}

impl Language {
    /// Looks them up in a catalogue; one that the catalogue lacks is not understood.
    pub fn of(catalogue: &Catalogue) -> Self {
        let found = CONSTRUCTS.iter().filter_map(|(path, construct)| Some((catalogue.find(path)?, *construct)));
        Self { constructs: found.collect() }
    }

    /// What the builtin at `id` does, if it is one of them.
    pub fn of_model(&self, id: ModelId) -> Option<Construct> {
        self.constructs.get(&id).copied()
    }
}
