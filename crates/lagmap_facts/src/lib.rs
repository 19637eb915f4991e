//! One pass over one file's syntax tree gives its facts; after it the tree is dropped.
//!
//! Facts are a compact, self-contained and serializable form of what a file does: an arena of expressions, and per scope
//! a list of operations, each in a region that says under which loop, condition, `with` or `try` it runs. They know
//! nothing of paths, of other files or of the syntax tree's types.

mod check;
mod dump;
mod expr;
mod file;
mod lower;
mod names;
mod op;
mod region;
mod scope;

pub use check::{Inconsistency, check};
pub use dump::dump;
pub use expr::{
    BinaryOp, Call, CallId, CompareOp, ComprehensionKind, Expr, ExprId, ExprList, ExprNode, Keyword, ResultUse,
};
pub use file::{FileFacts, MAX_LITERAL};
pub use lower::lower;
pub use names::{Name, NameHash, Names, NamesBuilder};
pub use op::{Op, OpKind};
pub use region::{Region, RegionId, RegionKind};
pub use scope::{
    ClassFacts, ClassIndex, FunctionFacts, FunctionIndex, Import, ImportIndex, Parameter, ParameterKind, ScopeKind,
};
