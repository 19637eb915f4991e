//! Methods and their statements that lost their indentation go back to their class.

use std::collections::HashSet;

use ruff_python_ast::{
    Expr, ModModule, Stmt, StmtClassDef, StmtFunctionDef, Suite,
    visitor::{Visitor, walk_expr, walk_stmt},
};
use ruff_text_size::{Ranged, TextSize};

use super::{Repair, logical, suites::suites};
use crate::Span;

/// Puts functions with `self` at module level into the class before them, and statements that speak of `self` into the
/// method before them.
pub fn put_in_order(text: &str, module: &mut ModModule, repairs: &mut Vec<Repair>) {
    let mut order = Order { text, repairs };
    let mut kept = Suite::with_capacity(module.body.len());
    let mut last: Option<(usize, Level)> = None;
    for mut statement in std::mem::take(&mut module.body) {
        if let Stmt::ClassDef(class) = &statement {
            last = Some((kept.len(), order.level(class)));
        } else if let Some((index, level)) = &mut last
            && let Some(Stmt::ClassDef(class)) = kept.get_mut(*index)
            && order.place(&mut statement, class, level).is_some()
        {
            continue;
        }
        kept.push(statement);
    }
    module.body = kept;
}

struct Order<'a> {
    text: &'a str,
    repairs: &'a mut Vec<Repair>,
}

/// The column at which the methods of a class stand.
struct Level {
    outer: usize,
    /// None while no method of it is known.
    known: Option<usize>,
}

impl Level {
    /// Whether a column is this level. If none is known, the first that is deeper than the class becomes it.
    fn is(&mut self, column: usize) -> bool {
        column > self.outer && *self.known.get_or_insert(column) == column
    }
}

/// A statement found its place in a class.
struct Placed;

impl Order<'_> {
    /// Moves a statement that stands behind a class, or the methods inside of it, into the class.
    fn place(&mut self, statement: &mut Stmt, class: &mut StmtClassDef, level: &mut Level) -> Option<Placed> {
        let mut inner = Suite::new();
        self.methods_inside(statement, level, &mut inner);
        let is_lost = match &*statement {
            Stmt::FunctionDef(function) => is_method(function),
            _ => false,
        };
        if is_lost {
            self.note(statement, "method put back into its class");
            class.body.push(take(statement));
            class.body.extend(inner);
            return Some(Placed);
        }
        let placed = match class.body.last_mut() {
            Some(Stmt::FunctionDef(method)) if is_method(method) && speaks_of_self(statement) => {
                self.note(statement, "statement put back into its method");
                method.body.push(take(statement));
                Some(Placed)
            }
            _ => None,
        };
        class.body.extend(inner);
        placed
    }

    /// Where a class's methods stand.
    fn level(&self, class: &StmtClassDef) -> Level {
        let outer = self.column(class.start());
        let functions = class.body.iter().filter(|statement| statement.is_function_def_stmt());
        let known = functions.map(|function| self.column(function.start())).find(|level| *level > outer);
        Level { outer, known }
    }

    fn column(&self, at: TextSize) -> usize {
        /// Nothing sensible is indented more.
        const WIDEST: usize = 1_000;
        let before = self.text.get(..at.to_usize()).unwrap_or_default();
        let near = before.bytes().rev().take(WIDEST).take_while(|byte| !matches!(byte, b'\n' | b'\r')).count();
        logical::column(before.get(before.len() - near..).unwrap_or_default())
    }

    /// Takes the methods out of the blocks of a statement that stand at the level of the class's methods: the statement
    /// lost its indentation, and what follows it did not.
    fn methods_inside(&mut self, statement: &mut Stmt, level: &mut Level, taken: &mut Suite) {
        // A function that speaks of another by its name defines it for itself.
        let own = if statement.is_function_def_stmt() { names(statement) } else { HashSet::new() };
        for suite in suites(statement) {
            for mut inner in std::mem::take(suite) {
                let is_lost = match &inner {
                    Stmt::FunctionDef(function) => {
                        is_method(function)
                            && !own.contains(function.name.as_str())
                            && level.is(self.column(function.start()))
                    }
                    _ => false,
                };
                if is_lost {
                    self.note(&inner, "method put back into its class");
                    taken.push(inner);
                } else {
                    if !matches!(inner, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
                        self.methods_inside(&mut inner, level, taken);
                    }
                    suite.push(inner);
                }
            }
        }
    }

    fn note(&mut self, statement: &Stmt, what: &str) {
        let span = Span::new(statement.start().to_u32(), statement.end().to_u32());
        self.repairs.push(Repair { span, what: what.to_owned() });
    }
}

fn take(statement: &mut Stmt) -> Stmt {
    let empty =
        ruff_python_ast::StmtPass { node_index: ruff_python_ast::AtomicNodeIndex::NONE, range: statement.range() };
    std::mem::replace(statement, Stmt::Pass(empty))
}

/// A function whose first parameter is `self`, or `cls` below a decorator.
fn is_method(function: &StmtFunctionDef) -> bool {
    let first = function.parameters.posonlyargs.first().or_else(|| function.parameters.args.first());
    match first.map(|parameter| parameter.parameter.name.as_str()) {
        Some("self") => true,
        Some("cls") => !function.decorator_list.is_empty(),
        _ => false,
    }
}

/// The names that a statement reads.
fn names(statement: &Stmt) -> HashSet<String> {
    struct Names(HashSet<String>);
    impl<'a> Visitor<'a> for Names {
        fn visit_expr(&mut self, expression: &'a Expr) {
            if let Expr::Name(name) = expression {
                self.0.insert(name.id.to_string());
            }
            walk_expr(self, expression);
        }
    }
    let mut names = Names(HashSet::new());
    walk_stmt(&mut names, statement);
    names.0
}

fn speaks_of_self(statement: &Stmt) -> bool {
    struct Search(bool);
    impl<'a> Visitor<'a> for Search {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            // What functions and classes inside do is their own.
            if !self.0 && !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
                walk_stmt(self, statement);
            }
        }
        fn visit_expr(&mut self, expression: &'a Expr) {
            self.0 |= matches!(expression, Expr::Name(name) if name.id.as_str() == "self");
            if !self.0 {
                walk_expr(self, expression);
            }
        }
    }
    let mut search = Search(false);
    search.visit_stmt(statement);
    search.0
}
