//! Operations: what a function does, in the order in which it is written.

use lagmap_source::Span;
use serde::{Deserialize, Serialize};

use crate::{BinaryOp, CallId, ClassIndex, ExprId, FunctionIndex, ImportIndex, RegionId};

/// One operation of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// What it does.
    pub kind: OpKind,
    /// The region it runs in.
    pub region: RegionId,
    /// The text of the statement (or of the expression, for calls).
    pub span: Span,
}

/// What an operation does. Every call is an operation of its own, before the operation that uses its value; expressions
/// that only compute are found through [`crate::FunctionFacts::exprs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpKind {
    /// A call, wherever in an expression it stands.
    Call(CallId),
    /// `target = value`; `a = b = v` gives two. A tuple target is left whole: `a, b = v`.
    Assign {
        /// A name, attribute, subscript, tuple, list or starred expression.
        target: ExprId,
        /// The value.
        value: ExprId,
    },
    /// `target: annotation = value`; value may be [`ExprId::NONE`].
    Annotate {
        /// A name, attribute or subscript.
        target: ExprId,
        /// The annotation, string annotations parsed.
        annotation: ExprId,
        /// The value, if any.
        value: ExprId,
    },
    /// `target op= value`.
    Augment {
        /// A name, attribute or subscript.
        target: ExprId,
        /// The operator.
        op: BinaryOp,
        /// The value.
        value: ExprId,
    },
    /// `for target in iterable` (of a statement or comprehension); the op lies in the loop's own region.
    Iterate {
        /// What each item is bound to.
        target: ExprId,
        /// What is iterated.
        iterable: ExprId,
    },
    /// `with context as target`; the op lies in the region around the `with`.
    Enter {
        /// The context manager.
        context: ExprId,
        /// The `as` target or [`ExprId::NONE`].
        target: ExprId,
        /// `async with`.
        is_async: bool,
        /// The region of the body.
        body: RegionId,
    },
    /// `except caught as name`: binds `target` (a name expression) in the handler's region.
    Catch {
        /// The bound name.
        target: ExprId,
        /// The caught types.
        caught: ExprId,
    },
    /// A name bound by a `case` pattern.
    Capture {
        /// The bound name.
        target: ExprId,
        /// The subject of the `match`.
        subject: ExprId,
        /// The class that a class pattern names, if the name is bound to all of what fits it; else [`ExprId::NONE`].
        class: ExprId,
    },
    /// An expression statement.
    Expr(ExprId),
    /// `return value` (value may be [`ExprId::NONE`]).
    Return(ExprId),
    /// `raise exception` (may be [`ExprId::NONE`]).
    Raise(ExprId),
    /// `del target`, one each.
    Delete(ExprId),
    /// `assert test`.
    Assert(ExprId),
    /// An import statement's one name.
    Import(ImportIndex),
    /// A nested `def`.
    DefineFunction(FunctionIndex),
    /// A nested `class`.
    DefineClass(ClassIndex),
    /// `break`.
    Break,
    /// `continue`.
    Continue,
}
