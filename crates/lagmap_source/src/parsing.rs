//! Text to syntax tree.

use ruff_python_ast::{ModModule, PySourceType};
use ruff_text_size::Ranged;
use serde::{Deserialize, Serialize};

use crate::{
    FileError, LineMap, Position, Span, Suppression,
    depth::{is_too_deep, is_too_deep_to_parse},
    recovery::{Repair, recover},
    suppression::suppressions,
};

/// What keeps Python from taking a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntaxProblem {
    /// What the parser says.
    pub message: String,
    /// Where.
    pub position: Position,
    /// The text concerned.
    pub span: Span,
}

/// A parsed file.
pub struct ParsedFile {
    /// The tree; of a broken file what could be recovered, with the offsets of the text as it was.
    pub module: ModModule,
    /// Its syntax errors, none if Python takes it.
    pub problems: Vec<SyntaxProblem>,
    /// What was mended to get the tree.
    pub repairs: Vec<Repair>,
    /// Its lines.
    pub lines: LineMap,
    /// Its suppression comments.
    pub suppressions: Vec<Suppression>,
}

/// Parses a text. Fails only for trees that are too deep to handle; the caller's stack must be one of [`crate::pool`]'s.
pub fn parse(text: &str) -> Result<ParsedFile, FileError> {
    if is_too_deep_to_parse(text) {
        return Err(too_deep());
    }
    let parsed = ruff_python_parser::parse_unchecked_source(text, PySourceType::Python);
    if is_too_deep(parsed.tokens()) {
        // Dropping the tree is what would overflow the stack; the memory is given up instead.
        std::mem::forget(parsed);
        return Err(too_deep());
    }
    let lines = LineMap::new(text);
    let problem = |error: &ruff_python_parser::ParseError| {
        let span = Span::new(error.range().start().to_u32(), error.range().end().to_u32());
        let at = text.get(span.start as usize..).and_then(|rest| rest.chars().next());
        let message = match (error.error.to_string(), at) {
            (message, Some(bracket @ (')' | ']' | '}'))) if message == "Expected a statement" => {
                format!("unmatched `{bracket}`")
            }
            (message, _) => message,
        };
        // What is wrong at the end of a line stands in the same column whatever ends lines.
        let before = text.get(..span.start as usize).unwrap_or_default();
        let is_longer = at == Some('\n') && before.ends_with('\r') || at.is_none() && before.ends_with("\r\n");
        let place = span.start - u32::from(is_longer);
        SyntaxProblem { message, position: lines.position(place), span }
    };
    let problems: Vec<SyntaxProblem> = parsed.errors().iter().map(problem).collect();
    let suppressions = suppressions(text, parsed.tokens(), &lines);
    let (module, repairs) =
        if problems.is_empty() { (parsed.into_syntax(), Vec::new()) } else { recover(text, parsed) };
    Ok(ParsedFile { module, problems, repairs, lines, suppressions })
}

fn too_deep() -> FileError {
    let message = "nested too deeply to analyse (more than 40,000 levels)".to_owned();
    FileError { path: String::new(), message, line: None }
}

#[cfg(test)]
mod tests {
    use ruff_python_ast::{
        Expr, Stmt,
        visitor::{Visitor, walk_expr, walk_stmt},
    };

    use super::*;

    fn on_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        crate::pool(Some(1)).unwrap().install(work)
    }

    /// Visits as passes over the tree do, with some locals a level.
    #[derive(Default)]
    struct Nodes(usize);

    impl Visitor<'_> for Nodes {
        fn visit_stmt(&mut self, statement: &Stmt) {
            self.0 += 1;
            walk_stmt(self, statement);
        }

        fn visit_expr(&mut self, expression: &Expr) {
            self.0 += 1;
            walk_expr(self, expression);
        }
    }

    #[test]
    fn faults_stand_where_they_do_whatever_ends_lines() {
        let place = |text: &str| {
            let problems = on_pool(|| parse(text).map(|parsed| parsed.problems)).unwrap();
            problems.first().map(|problem| problem.position)
        };
        for text in ["try:\n    f(a)\n", "x = [1, 2\ny = 3\n", "def f(:\n    pass\n", "if x\n", "class A:\n", "x = (\n"]
        {
            assert!(place(text).is_some(), "{text:?}");
            assert_eq!(place(&text.replace('\n', "\r\n")), place(text), "{text:?}");
        }
    }

    /// Parses, visits and drops; how many nodes and problems there are.
    fn handled(text: &str) -> Result<(usize, usize), String> {
        on_pool(|| {
            let parsed = parse(text).map_err(|error| error.message)?;
            let mut nodes = Nodes::default();
            nodes.visit_body(&parsed.module.body);
            Ok((nodes.0, parsed.problems.len()))
        })
    }

    #[test]
    fn problems_carry_their_place() {
        let parsed = on_pool(|| parse("x = 1\nimport sys)\n")).unwrap();
        assert_eq!(parsed.problems[0].position, Position { line: 2, column: 11 });
        let surplus = on_pool(|| parse("f(g(1))))\n")).unwrap();
        assert_eq!(surplus.problems[0].message, "unmatched `)`");
        assert!(on_pool(|| parse("x = 1\n")).unwrap().problems.is_empty());
    }

    #[test]
    fn trees_that_are_too_deep_are_refused() {
        let deep = [
            format!("x = {}1\n", "1 + ".repeat(100_000)),
            format!("x = a{}\n", ".b".repeat(100_000)),
            format!("x = a{}\n", "()".repeat(100_000)),
            format!("x = {}1\n", "-".repeat(100_000)),
            format!("x = {}1\n", "not ".repeat(100_000)),
            format!("x = {}1\n", "1 ** ".repeat(100_000)),
            format!("x = {}1\n", "1 if 1 else ".repeat(100_000)),
            format!("x = [{}1]\n", "lambda a, b: ".repeat(100_000)),
            format!("x = [{}1]\n", "lambda a=".repeat(100_000)),
            // These hit the parser before there is a tree.
            "(".repeat(4_000_000),
            "f(')', ".repeat(1_000_000),
            "[{".repeat(2_000_000),
            "async ".repeat(1_000_000),
            "f'{".repeat(1_000_000),
        ];
        for text in deep {
            let error = handled(&text).unwrap_err();
            assert!(error.contains("too deeply"), "{error}");
        }
    }

    /// Blocks one in the other.
    fn nested(head: &str, levels: usize) -> String {
        let lines: Vec<String> = (0..levels).map(|level| " ".repeat(level) + head).collect();
        format!("{}\n{}pass\n", lines.join("\n"), " ".repeat(levels))
    }

    #[test]
    fn deep_trees_neither_crash_nor_hang() {
        let fine = [
            format!("x = {}{}\n", "(".repeat(19_000), ")".repeat(19_000)),
            format!("x = {}{}\n", "[".repeat(39_000), "]".repeat(39_000)),
            format!("x = {}1{}\n", "{1: ".repeat(19_000), "}".repeat(19_000)),
            format!("x = {}1{}\n", "f(".repeat(39_000), ")".repeat(39_000)),
            format!("x = {}1\n", "lambda: ".repeat(19_000)),
            format!("x = {}1\n", "1 + ".repeat(39_000)),
            format!("x = {}1\n", "-".repeat(39_000)),
            format!("x = {}1\n", "1 if 1 else ".repeat(19_000)),
            format!("x = a{}\n", ".b".repeat(39_000)),
            format!("x = a{}\n", "[0]".repeat(19_000)),
            format!("x = {}1{}\n", "f'{".repeat(9_000), "}'".repeat(9_000)),
            nested("if a:", 5_500),
            nested("def f():", 5_500),
            nested("class A:", 5_500),
        ];
        for text in fine {
            assert_eq!(handled(&text).map(|(_, problems)| problems), Ok(0), "{}", &text[..20]);
        }
    }

    #[test]
    fn long_files_are_not_deep() {
        let fine = [
            format!("x = [{}]\n", "-1, ".repeat(100_000)),
            format!("x = [{}]\n", "{'a': [1, (2)]}, ".repeat(50_000)),
            format!("{}\n", "f(a.b); ".repeat(50_000)),
            "f(-a.b)[0] = c\n".repeat(50_000),
            format!("if a:\n  b\n{}", "elif a:\n  b\n".repeat(10_000)),
        ];
        for text in fine {
            let (nodes, problems) = handled(&text).unwrap();
            assert!(nodes > 10_000 && problems == 0);
        }
    }
}
