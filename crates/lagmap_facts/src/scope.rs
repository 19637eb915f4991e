//! Functions, classes and imports of one file.

use std::ops::Range;

use lagmap_source::Span;
use serde::{Deserialize, Serialize};

use crate::{ExprId, ExprList, Name, RegionId};

/// A function of one file: an index into [`crate::FileFacts::functions`]. Index 0 is the module's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FunctionIndex(pub u32);

impl FunctionIndex {
    /// The module's body.
    pub const MODULE: Self = Self(0);
}

/// A class of one file: an index into [`crate::FileFacts::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassIndex(pub u32);

/// An imported name of one file: an index into [`crate::FileFacts::imports`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ImportIndex(pub u32);

/// A piece of code with a scope of its own: a module's body, a class's body, a function or a lambda.
///
/// The nodes of one function lie side by side in the file's arenas; those of functions nested in it lie elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionFacts {
    /// What it is.
    pub kind: ScopeKind,
    /// Its own name (`<lambda>` for a lambda, `<module>` for a module).
    pub name: Name,
    /// Its name inside the module, as Python's `__qualname__` without `<locals>`: `Class.method`, `outer.inner`.
    pub qualified_name: Name,
    /// The scope it stands in, `None` for the module.
    pub parent: Option<FunctionIndex>,
    /// The class whose body it stands in, for a method; the class itself, for a class's body.
    pub class: Option<ClassIndex>,
    /// `async def`.
    pub is_async: bool,
    /// It holds a `yield` of its own.
    pub is_generator: bool,
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// Decorators, outermost first; evaluated in `parent`.
    pub decorators: Vec<ExprId>,
    /// The return annotation, or [`ExprId::NONE`].
    pub returns: ExprId,
    /// Names declared `global`.
    pub globals: Vec<Name>,
    /// Names declared `nonlocal`.
    pub nonlocals: Vec<Name>,
    /// Its text, decorators excluded.
    pub span: Span,
    /// The text of its name in the `def`.
    pub name_span: Span,
    /// The region of its body.
    pub body: RegionId,
    /// Its operations, in [`crate::FileFacts::ops`].
    pub ops: Range<u32>,
    /// Its expressions, in [`crate::FileFacts::exprs`].
    pub exprs: Range<u32>,
    /// Its calls, in [`crate::FileFacts::calls`].
    pub calls: Range<u32>,
    /// Its regions, in [`crate::FileFacts::regions`].
    pub regions: Range<u32>,
}

/// Kinds of scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ScopeKind {
    Module,
    Class,
    Function,
    Lambda,
}

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its annotation or [`ExprId::NONE`]; evaluated in the enclosing scope.
    pub annotation: ExprId,
    /// Its default or [`ExprId::NONE`]; evaluated in the enclosing scope.
    pub default: ExprId,
    /// How it is passed.
    pub kind: ParameterKind,
}

/// How a parameter is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ParameterKind {
    Positional,
    KeywordOnly,
    Variadic,
    VariadicKeyword,
}

/// A class of one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassFacts {
    /// Its own name.
    pub name: Name,
    /// Its name inside the module.
    pub qualified_name: Name,
    /// The scope it stands in.
    pub parent: FunctionIndex,
    /// Its body, a scope of kind [`ScopeKind::Class`].
    pub body: FunctionIndex,
    /// Base classes, evaluated in `parent`.
    pub bases: ExprList,
    /// `metaclass=` and other keywords: first in [`crate::FileFacts::keywords`].
    pub keywords_start: u32,
    /// How many keywords.
    pub keywords_len: u32,
    /// Decorators, outermost first.
    pub decorators: Vec<ExprId>,
    /// Its text.
    pub span: Span,
    /// The text of its name.
    pub name_span: Span,
}

/// One imported name. `import a.b` binds `a`; `import a.b as c` binds `c` to `a.b`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Leading dots of a relative import.
    pub level: u32,
    /// The dotted module as written, without dots in front: `a.b`; empty for `from . import x`.
    pub module: Name,
    /// What is imported from it: a name, `*`, or `None` for a plain `import`.
    pub member: Option<Name>,
    /// The name that it binds (for `*`: `*`).
    pub binds: Name,
    /// A plain `import a.b` with `as`: binds the last part, not the first.
    pub aliased: bool,
    /// The region it runs in.
    pub region: RegionId,
    /// Where it stands.
    pub span: Span,
}
