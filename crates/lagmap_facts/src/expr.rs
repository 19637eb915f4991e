//! Expressions, as compact nodes of one arena a file.

use lagmap_source::Span;
use serde::{Deserialize, Serialize};

use crate::{FunctionIndex, Name, RegionId};

/// An expression of one file: an index into [`crate::FileFacts::exprs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExprId(pub u32);

impl ExprId {
    /// Stands for "no expression" where a node has optional parts.
    pub const NONE: Self = Self(u32::MAX);

    /// The expression, unless it is [`ExprId::NONE`].
    pub fn get(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

/// A call of one file: an index into [`crate::FileFacts::calls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId(pub u32);

/// A run of expressions in [`crate::FileFacts::lists`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExprList {
    /// Index of the first.
    pub start: u32,
    /// How many.
    pub len: u32,
}

/// One node: what it is, where it stands, and in which region it is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExprNode {
    /// What it is.
    pub expr: Expr,
    /// Where it stands.
    pub span: Span,
    /// The region it is evaluated in.
    pub region: RegionId,
}

/// An expression's shape. Children are always in the same file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// A variable.
    Name(Name),
    /// `value.attribute`.
    Attribute {
        /// The object.
        value: ExprId,
        /// The attribute's name.
        attribute: Name,
    },
    /// A call; its parts are in [`crate::FileFacts::calls`].
    Call(CallId),
    /// `value[index]`.
    Subscript {
        /// The container.
        value: ExprId,
        /// The key, index or [`Expr::Slice`].
        index: ExprId,
    },
    /// `lower:upper:step` inside a subscript; parts may be [`ExprId::NONE`].
    Slice {
        /// First index.
        lower: ExprId,
        /// Behind the last index.
        upper: ExprId,
        /// Step.
        step: ExprId,
    },
    /// A string literal (its text, cut at [`crate::MAX_LITERAL`] bytes).
    Str(Name),
    /// A bytes literal (its length).
    Bytes(u32),
    /// An integer literal; saturated when it does not fit.
    Int(i64),
    /// A float literal.
    Float(f64),
    /// `True` or `False`.
    Bool(bool),
    /// `None`.
    None,
    /// `...`.
    Ellipsis,
    /// An f-string: its literal parts as [`Expr::Str`] and its interpolated expressions, in order.
    FString(ExprList),
    /// `[a, b]`.
    List(ExprList),
    /// `(a, b)`.
    Tuple(ExprList),
    /// `{a, b}`.
    Set(ExprList),
    /// `{k: v}`: keys and values alternate; the key of `**other` is [`ExprId::NONE`].
    Dict(ExprList),
    /// One comparison; a chain `a < b < c` is an `and` of its links.
    Compare {
        /// The operator.
        op: CompareOp,
        /// Left side.
        left: ExprId,
        /// Right side.
        right: ExprId,
    },
    /// `a and b` / `a or b`. Operands behind the first are evaluated in a region that says on what condition.
    Boolean {
        /// `and` rather than `or`.
        and: bool,
        /// The operands.
        values: ExprList,
    },
    /// `left op right`.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Left side.
        left: ExprId,
        /// Right side.
        right: ExprId,
    },
    /// `not x`.
    Not(ExprId),
    /// `-x`, `+x`, `~x`.
    Unary(ExprId),
    /// `body if test else orelse`.
    IfElse {
        /// The condition.
        test: ExprId,
        /// Value when true.
        body: ExprId,
        /// Value when false.
        orelse: ExprId,
    },
    /// A lambda; its body is a function of its own.
    Lambda(FunctionIndex),
    /// `await value`.
    Await(ExprId),
    /// `yield value` (the value may be [`ExprId::NONE`]).
    Yield(ExprId),
    /// `yield from value`.
    YieldFrom(ExprId),
    /// A comprehension or generator expression. Its `for` clauses are [`crate::RegionKind::Comprehension`] regions around
    /// `element`, with an [`crate::OpKind::Iterate`] each.
    Comprehension {
        /// Which kind.
        kind: ComprehensionKind,
        /// The element (for a dict: its value).
        element: ExprId,
        /// A dict comprehension's key, else [`ExprId::NONE`].
        key: ExprId,
    },
    /// `*value`.
    Starred(ExprId),
    /// `target := value`.
    Named {
        /// The variable.
        target: ExprId,
        /// Its value.
        value: ExprId,
    },
    /// Anything else, and what error recovery made up.
    Other,
}

/// Kinds of comprehension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ComprehensionKind {
    List,
    Set,
    Dict,
    Generator,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Is,
    IsNot,
    In,
    NotIn,
}

/// Binary operators, in expressions and augmented assignments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mult,
    MatMult,
    Div,
    FloorDiv,
    Mod,
    Pow,
    LeftShift,
    RightShift,
    BitOr,
    BitXor,
    BitAnd,
}

/// The parts of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The call expression itself.
    pub expr: ExprId,
    /// What is called.
    pub callee: ExprId,
    /// Positional arguments; `*args` is an [`Expr::Starred`].
    pub arguments: ExprList,
    /// First of its keywords in [`crate::FileFacts::keywords`].
    pub keywords_start: u32,
    /// How many keywords.
    pub keywords_len: u32,
    /// How the result is used.
    pub result: ResultUse,
}

/// `name=value` in a call; `**value` has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyword {
    /// The keyword.
    pub name: Option<Name>,
    /// Its value.
    pub value: ExprId,
}

/// What becomes of the value of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResultUse {
    /// The call is a statement of its own; nobody keeps its value.
    Discarded,
    /// `await call()`, value used.
    Awaited,
    /// `await call()` as a statement.
    AwaitedDiscarded,
    /// `with call()` / `async with call()`.
    Entered,
    /// Anything else.
    Used,
}
