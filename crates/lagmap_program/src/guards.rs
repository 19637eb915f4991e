//! Guards: what the conditions around a piece of code say of a container.

use lagmap_facts::{CompareOp, Expr, ExprId, FileFacts, RegionId, RegionKind};

/// What is known of a container where a piece of code runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// It is shorter than something.
    pub capped: bool,
    /// A key or item is not in it yet.
    pub absent: bool,
    /// A key or item is in it.
    pub present: bool,
}

/// What the conditions around a region say of the container that the code calls `container` (`self.cache`).
pub fn guards(facts: &FileFacts, region: RegionId, container: &str) -> Guards {
    let mut found = Guards::default();
    for (_, region) in facts.enclosing(region) {
        if let RegionKind::If { test, holds, .. } = region.kind {
            condition(facts, test, holds, container, &mut found);
        }
    }
    found
}

fn condition(facts: &FileFacts, test: ExprId, holds: bool, container: &str, found: &mut Guards) {
    match facts.expr(test) {
        Expr::Not(inner) => condition(facts, inner, !holds, container, found),
        // All parts of a true `and` are true, all of a false `or` false.
        Expr::Boolean { and, values } if and == holds => {
            for part in facts.list(values) {
                condition(facts, *part, holds, container, found);
            }
        }
        Expr::Compare { op, left, right } => {
            use CompareOp::{Greater, GreaterEqual, In, Less, LessEqual, NotIn};
            let is = |id: ExprId| facts.dotted(id).as_deref() == Some(container);
            match (op, holds) {
                (Less | LessEqual, true) | (Greater | GreaterEqual, false) => {
                    found.capped |= is_length(facts, left, is);
                }
                (Greater | GreaterEqual, true) | (Less | LessEqual, false) => {
                    found.capped |= is_length(facts, right, is);
                }
                (NotIn, true) | (In, false) => found.absent |= is(right),
                (In, true) | (NotIn, false) => found.present |= is(right),
                _ => {}
            }
        }
        _ => {}
    }
}

/// `len(container)`.
fn is_length(facts: &FileFacts, id: ExprId, is: impl Fn(ExprId) -> bool) -> bool {
    let Expr::Call(call) = facts.expr(id) else { return false };
    let call = facts.call(call);
    facts.dotted(call.callee).as_deref() == Some("len") && facts.arguments(call).iter().any(|argument| is(*argument))
}
