//! Values: what an expression may be, as far as the program and the catalogue tell.

use std::{hash::BuildHasher, ptr, slice};

use lagmap_facts::NameHash;
use lagmap_models::ModelId;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;
use triomphe::ThinArc;

use crate::{ClassId, FileId, FunctionId, PackageId, Site};

/// One thing that an expression may be. A value with a [`Site`] is one of the objects that are made at that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A module of the project.
    Module(FileId),
    /// A class of the project.
    Class(ClassId),
    /// A folder of the project that is a package without a file of its own.
    Package(PackageId),
    /// An instance of a class of the project.
    Instance {
        /// Its class.
        class: ClassId,
        /// Of just this class: seen being made. Otherwise it may be of any subclass (`self`, annotations).
        exact: bool,
    },
    /// A function or lambda of the project, unbound.
    Function(FunctionId),
    /// A method of the project, bound to an instance of `receiver`.
    Method {
        /// The method that `receiver` itself has.
        function: FunctionId,
        /// The class that the receiver is known to be.
        receiver: ClassId,
        /// The receiver is of just this class, so no subclass overrides the method.
        exact: bool,
    },
    /// `super()` in a method of this class.
    Super(ClassId),
    /// What a call of this generator function gives.
    Generator(FunctionId),
    /// What the caller passed for this parameter: only among what a function returns, where each call puts its own
    /// argument in its place.
    Argument(u32),
    /// A module, class or function of the catalogue.
    External(ModelId),
    /// An instance of a class of the catalogue, builtin containers included.
    Object {
        /// Its class.
        model: ModelId,
        /// Where it is made.
        site: Site,
    },
    /// A method of the catalogue, bound to the object made at `site`.
    Bound {
        /// The method.
        method: ModelId,
        /// Where its receiver is made.
        site: Site,
    },
}

/// The most objects that a set keeps; beyond it the set is cut and no longer precise.
const MOST_OBJECTS: usize = 12;
/// The most functions and classes that it keeps: tables of handlers that many classes share are long.
const MOST_CALLABLES: usize = 160;

impl Value {
    /// An instance of a class: beyond a number of them, a cell tells nothing of them any more.
    pub const fn is_object(&self) -> bool {
        matches!(self, Self::Object { .. } | Self::Instance { .. })
    }

    const fn most(self) -> usize {
        match self {
            Self::Function(_) | Self::Method { .. } | Self::Class(_) => MOST_CALLABLES,
            _ => MOST_OBJECTS,
        }
    }
}

/// What an expression may be: a small sorted set. Empty: nothing is known.
///
/// Nearly all sets have no or one value; longer ones are shared, so that a copy costs no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(Set);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Set {
    #[default]
    None,
    One(Value),
    Many(ThinArc<(), Value>),
}

/// Sets are kept by the million.
const _: () = assert!(size_of::<Values>() == 16);

/// A set that is being put together.
type Draft = SmallVec<[Value; 16]>;

fn add_to(draft: &mut Draft, value: Value) -> bool {
    match draft.binary_search(&value) {
        Ok(_) => false,
        Err(_) if draft.len() >= value.most() => false,
        Err(at) => {
            draft.insert(at, value);
            true
        }
    }
}

impl Values {
    /// Nothing is known.
    pub const fn unknown() -> Self {
        Self(Set::None)
    }

    /// Just one value.
    pub const fn one(value: Value) -> Self {
        Self(Set::One(value))
    }

    /// The values, in a fixed order.
    pub fn as_slice(&self) -> &[Value] {
        match &self.0 {
            Set::None => &[],
            Set::One(value) => slice::from_ref(value),
            Set::Many(values) => &values.slice,
        }
    }

    fn of(draft: &Draft) -> Self {
        match draft.as_slice() {
            [] => Self::unknown(),
            [one] => Self::one(*one),
            many => Self(Set::Many(ThinArc::from_header_and_slice((), many))),
        }
    }

    /// Whether all of `other` are here.
    pub fn contains_all(&self, other: &Self) -> bool {
        if let (Set::Many(own), Set::Many(others)) = (&self.0, &other.0)
            && ptr::eq(&raw const own.slice, &raw const others.slice)
        {
            return true;
        }
        let (own, others) = (self.as_slice(), other.as_slice());
        if others.len() <= 2 {
            return others.iter().all(|value| own.binary_search(value).is_ok());
        }
        // Both are sorted.
        let mut rest = own.iter();
        others.iter().all(|value| rest.by_ref().find(|own| *own >= value) == Some(value))
    }

    /// Adds a value; says whether that changed anything.
    pub fn add(&mut self, value: Value) -> bool {
        self.extend(&Self::one(value))
    }

    /// Adds all of `other`; says whether that changed anything.
    pub fn extend(&mut self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (_, Set::None) => return false,
            (Set::None, _) => {
                self.clone_from(other);
                return true;
            }
            (Set::One(own), Set::One(value)) if own == value => return false,
            _ if self.contains_all(other) => return false,
            _ => {}
        }
        let mut draft = Draft::from_slice(self.as_slice());
        let mut changed = false;
        for value in other.as_slice() {
            changed |= add_to(&mut draft, *value);
        }
        if changed {
            *self = Self::of(&draft);
        }
        changed
    }

    /// Adds what a cell is given; says whether that changed anything. A cell of more objects than are worth telling apart
    /// holds just anything: it keeps its callables and tells nothing of objects any more.
    pub fn collect(&mut self, other: &Self, full: &mut bool) -> bool {
        if *full {
            return self.extend(&other.without(Value::is_object));
        }
        let objects = self.as_slice().iter().filter(|value| value.is_object()).count();
        let more = other.as_slice().iter().filter(|value| value.is_object() && !self.contains(**value));
        if objects + more.count() <= MOST_OBJECTS {
            return self.extend(other);
        }
        *full = true;
        *self = self.iter().chain(other.iter()).filter(|value| !value.is_object()).collect();
        true
    }

    /// The values that are not so.
    #[must_use]
    pub fn without(&self, is_so: impl Fn(&Value) -> bool) -> Self {
        if self.as_slice().iter().any(&is_so) {
            self.iter().filter(|value| !is_so(value)).collect()
        } else {
            self.clone()
        }
    }

    /// Whether this value is here.
    pub fn contains(&self, value: Value) -> bool {
        self.as_slice().binary_search(&value).is_ok()
    }

    /// The values, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = Value> + '_ {
        self.as_slice().iter().copied()
    }

    /// Whether nothing is known.
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, Set::None)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }
}

impl FromIterator<Value> for Values {
    fn from_iter<T: IntoIterator<Item = Value>>(values: T) -> Self {
        let mut draft = Draft::new();
        for value in values {
            add_to(&mut draft, value);
        }
        Self::of(&draft)
    }
}

/// A place that holds values across functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// A variable of a module, class body or enclosing function, read from elsewhere.
    Variable(FunctionId, NameHash),
    /// What a function's `return` statements give.
    Return(FunctionId),
    /// What a function's annotation says that it returns.
    Declared(FunctionId),
    /// What a generator yields.
    Yield(FunctionId),
    /// What callers pass for a parameter.
    Parameter(FunctionId, u32),
    /// An attribute of the instances of a class.
    Attribute(ClassId, NameHash),
    /// What the container made at a place holds under keys that are not known.
    Element(Site),
    /// What it holds under one constant key.
    Entry(Site, NameHash),
    /// What it holds under any of its constant keys.
    Keyed(Site),
}

impl Cell {
    /// A short hash, to tell quickly who reads a cell that changed.
    pub fn mark(self) -> u32 {
        let hash = FxBuildHasher.hash_one(self);
        (hash ^ (hash >> 32)) as u32
    }
}
