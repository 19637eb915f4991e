//! The statement lists of a statement.

use ruff_python_ast::{ExceptHandler, Stmt, Suite};

/// The statement lists right inside of a statement, in the order of the text.
pub fn suites(statement: &mut Stmt) -> Vec<&mut Suite> {
    match statement {
        Stmt::FunctionDef(function) => vec![&mut function.body],
        Stmt::ClassDef(class) => vec![&mut class.body],
        Stmt::With(with) => vec![&mut with.body],
        Stmt::For(looped) => vec![&mut looped.body, &mut looped.orelse],
        Stmt::While(looped) => vec![&mut looped.body, &mut looped.orelse],
        Stmt::If(branch) => {
            let clauses = branch.elif_else_clauses.iter_mut().map(|clause| &mut clause.body);
            std::iter::once(&mut branch.body).chain(clauses).collect()
        }
        Stmt::Match(choice) => choice.cases.iter_mut().map(|case| &mut case.body).collect(),
        Stmt::Try(attempt) => {
            let handlers = attempt.handlers.iter_mut().map(|handler| {
                let ExceptHandler::ExceptHandler(handler) = handler;
                &mut handler.body
            });
            let first = std::iter::once(&mut attempt.body).chain(handlers);
            first.chain([&mut attempt.orelse, &mut attempt.finalbody]).collect()
        }
        _ => Vec::new(),
    }
}
