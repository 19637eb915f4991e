//! Values: what an expression may be, as far as the program and the catalogue tell.

use lagmap_facts::NameHash;
use lagmap_models::ModelId;
use smallvec::SmallVec;

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
    const fn most(self) -> usize {
        match self {
            Self::Function(_) | Self::Method { .. } | Self::Class(_) => MOST_CALLABLES,
            _ => MOST_OBJECTS,
        }
    }
}

/// What an expression may be: a small sorted set. Empty: nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    items: SmallVec<[Value; 2]>,
}

impl Values {
    /// Nothing is known.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Just one value.
    pub fn one(value: Value) -> Self {
        Self { items: SmallVec::from_slice(&[value]) }
    }

    /// Adds a value; says whether that changed anything.
    pub fn add(&mut self, value: Value) -> bool {
        match self.items.binary_search(&value) {
            Ok(_) => false,
            Err(_) if self.items.len() >= value.most() => false,
            Err(at) => {
                self.items.insert(at, value);
                true
            }
        }
    }

    /// Adds all of `other`; says whether that changed anything.
    pub fn extend(&mut self, other: &Self) -> bool {
        let mut changed = false;
        for value in &other.items {
            changed |= self.add(*value);
        }
        changed
    }

    /// The values, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = Value> + '_ {
        self.items.iter().copied()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.items.len()
    }
}

impl FromIterator<Value> for Values {
    fn from_iter<T: IntoIterator<Item = Value>>(values: T) -> Self {
        let mut set = Self::default();
        for value in values {
            set.add(value);
        }
        set
    }
}

/// A place that holds values across functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// A variable of a module, class body or enclosing function, read from elsewhere.
    Variable(FunctionId, NameHash),
    /// What a function returns.
    Return(FunctionId),
    /// What a generator yields.
    Yield(FunctionId),
    /// What callers pass for a parameter.
    Parameter(FunctionId, u32),
    /// An attribute of the instances of a class.
    Attribute(ClassId, NameHash),
    /// What the container made at a place holds.
    Element(Site),
}
