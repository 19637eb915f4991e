//! Regions: what surrounds a piece of code inside its function.

use lagmap_source::Span;
use serde::{Deserialize, Serialize};

use crate::{ExprId, FunctionIndex};

/// A region of one file: an index into [`crate::FileFacts::regions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RegionId(pub u32);

/// Code that runs under one condition, loop, `with` or `try` part, inside the region `parent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// The region around it; `None` for a function's body.
    pub parent: Option<RegionId>,
    /// The function it belongs to.
    pub function: FunctionIndex,
    /// What it is.
    pub kind: RegionKind,
    /// The text it covers.
    pub span: Span,
}

/// What a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegionKind {
    /// The whole body of a function, class or module.
    Body,
    /// The body of a `for`.
    For {
        /// What is iterated (evaluated outside).
        iterable: ExprId,
        /// `async for`.
        is_async: bool,
    },
    /// The body *and test* of a `while`.
    While {
        /// The condition; evaluated once an iteration, so it lies inside.
        test: ExprId,
    },
    /// A clause of a comprehension: what is evaluated once an item.
    Comprehension {
        /// What is iterated.
        iterable: ExprId,
        /// A generator expression (runs when consumed).
        lazy: bool,
    },
    /// Code that runs only if `test` is truthy (`holds`) or falsy (not `holds`): branches of `if`, operands of `and`/`or`,
    /// arms of a conditional expression, and the rest of a block behind `if test: return` (then `implied`).
    If {
        /// The condition.
        test: ExprId,
        /// Runs when it is truthy.
        holds: bool,
        /// Follows from an early exit rather than from a branch.
        implied: bool,
    },
    /// A `case` of a `match`.
    Case {
        /// What is matched.
        subject: ExprId,
        /// The guard, or [`ExprId::NONE`].
        guard: ExprId,
    },
    /// The body of one item of a `with`.
    With {
        /// The context manager.
        context: ExprId,
        /// `async with`.
        is_async: bool,
    },
    /// The body of a `try`.
    Try {
        /// It has at least one `except`.
        has_except: bool,
        /// It has a `finally`.
        has_finally: bool,
    },
    /// An `except` clause of the `try` whose body region is `of`.
    Except {
        /// The region of the `try` body.
        of: RegionId,
        /// The caught types, or [`ExprId::NONE`] for a bare `except`.
        caught: ExprId,
    },
    /// The `else` of a `try`.
    TryElse {
        /// The region of the `try` body.
        of: RegionId,
    },
    /// The `finally` of a `try`.
    Finally {
        /// The region of the `try` body.
        of: RegionId,
    },
    /// The `else` of a loop.
    LoopElse,
}

impl RegionKind {
    /// Whether code inside runs once an iteration.
    pub const fn is_loop(self) -> bool {
        matches!(self, Self::For { .. } | Self::While { .. } | Self::Comprehension { .. })
    }
}
