//! Statements that were taken out of the text, parsed by themselves and put back.

use ruff_python_ast::{ModModule, Stmt, Suite};
use ruff_text_size::{Ranged, TextSize};

use super::{parse_again, suites::suites};
use crate::Span;

/// Parses a span of a text, which starts at the start of a line, and inserts its statements where they stand. Imports go to
/// the module: that is where whoever put them there wanted them.
pub fn put_back(text: &str, span: Span, module: &mut ModModule) {
    let (start, end) = (span.start as usize, span.end as usize);
    let Some(part) = text.get(start..end) else { return };
    // Blank up to the span, so that offsets stay.
    let mut alone = " ".repeat(start.saturating_sub(1));
    if start > 0 {
        alone.push('\n');
    }
    alone.push_str(part);
    let Some(parsed) = parse_again(&alone) else { return };
    let statements = parsed.into_suite();
    let at = TextSize::from(span.start);
    if statements.iter().all(is_import) {
        let index = module.body.partition_point(|statement| statement.start() < at);
        module.body.splice(index..index, statements);
    } else {
        insert(&mut module.body, at, statements, false);
    }
}

fn is_import(statement: &Stmt) -> bool {
    match statement {
        Stmt::Import(_) | Stmt::ImportFrom(_) => true,
        Stmt::Try(attempt) => attempt.body.iter().all(is_import),
        _ => false,
    }
}

fn insert(suite: &mut Suite, at: TextSize, statements: Suite, in_class: bool) {
    let index = suite.partition_point(|statement| statement.start() < at);
    let before = index.checked_sub(1).and_then(|before| suite.get_mut(before));
    match before {
        Some(outer) if outer.end() > at => {
            let is_class = outer.is_class_def_stmt();
            let started = |inner: &&mut Suite| inner.first().is_some_and(|first| first.start() < at);
            if let Some(inner) = suites(outer).into_iter().rfind(started) {
                return insert(inner, at, statements, is_class);
            }
            suite.splice(index..index, statements);
        }
        // Between two methods: the rest of the first.
        Some(Stmt::FunctionDef(method)) if in_class => method.body.extend(statements),
        _ => drop(suite.splice(index..index, statements)),
    }
}
