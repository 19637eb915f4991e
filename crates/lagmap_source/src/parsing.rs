//! Text to syntax tree.

use ruff_python_ast::{ModModule, PySourceType};
use ruff_text_size::Ranged;
use serde::{Deserialize, Serialize};

use crate::{
    FileError, LineMap, Position, Span, Suppression,
    depth::is_too_deep,
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
    let lines = LineMap::new(text);
    let parsed = ruff_python_parser::parse_unchecked_source(text, PySourceType::Python);
    if is_too_deep(parsed.tokens()) {
        // Dropping the tree is what would overflow the stack; the memory is given up instead.
        std::mem::forget(parsed);
        let message = "nested too deeply to analyse (more than 40,000 levels)".to_owned();
        return Err(FileError { path: String::new(), message, line: None });
    }
    let problem = |error: &ruff_python_parser::ParseError| {
        let span = Span::new(error.range().start().to_u32(), error.range().end().to_u32());
        let at = text.get(span.start as usize..).and_then(|rest| rest.chars().next());
        let message = match (error.error.to_string(), at) {
            (message, Some(bracket @ (')' | ']' | '}'))) if message == "Expected a statement" => {
                format!("unmatched `{bracket}`")
            }
            (message, _) => message,
        };
        SyntaxProblem { message, position: lines.position(span.start), span }
    };
    let problems: Vec<SyntaxProblem> = parsed.errors().iter().map(problem).collect();
    let suppressions = suppressions(text, &lines);
    let (module, repairs) =
        if problems.is_empty() { (parsed.into_syntax(), Vec::new()) } else { recover(text, parsed) };
    Ok(ParsedFile { module, problems, repairs, lines, suppressions })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        crate::pool(Some(1)).unwrap().install(work)
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
    fn deep_trees_neither_crash_nor_hang() {
        let deep = [
            format!("x = {}1\n", "1 + ".repeat(100_000)),
            format!("x = a{}\n", ".b".repeat(100_000)),
            format!("x = {}1\n", "-".repeat(100_000)),
        ];
        for text in deep {
            assert!(on_pool(|| parse(&text).err()).is_some_and(|error| error.message.contains("deeply")));
        }
        let fine = [
            format!("x = {}{}\n", "(".repeat(10_000), ")".repeat(10_000)),
            format!("x = {}{}\n", "[".repeat(10_000), "]".repeat(10_000)),
            format!("x = {}1\n", "lambda: ".repeat(10_000)),
            format!("x = a{}\n", "[0]".repeat(10_000)),
            format!("x = [{}]\n", "-1, ".repeat(100_000)),
            format!("if a:\n  b\n{}", "elif a:\n  b\n".repeat(10_000)),
        ];
        for text in fine {
            assert_eq!(on_pool(|| parse(&text).map(|parsed| parsed.problems.len())), Ok(0));
        }
    }
}
