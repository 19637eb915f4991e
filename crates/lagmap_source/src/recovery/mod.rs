//! Recovery: the structure of files that do not parse.
//!
//! A broken file is part of the system all the same. First the text is mended where the place of an error shows how; every
//! mend keeps all offsets, and is kept only if the parser gets further with it. Statements that interrupt a block at a
//! lower indentation are parsed apart and put back where they stand. Then the tree is put in order: methods that lost their
//! indentation go back to their class, and statements that speak of `self` to the method before them.

mod apart;
mod brackets;
mod classes;
mod indentation;
mod interruption;
mod isolation;
mod logical;
mod part;
mod prose;
mod suites;

use std::cell::OnceCell;

use ruff_python_ast::{
    ModModule, PySourceType,
    token::{Token, TokenKind},
};
use ruff_python_parser::{LexicalErrorType, ParseErrorType, Parsed, parse_unchecked_source};
use ruff_text_size::Ranged;
use serde::{Deserialize, Serialize};

use self::{
    logical::{Logical, logical_lines},
    part::{Mended, faults},
};
use crate::{
    Span,
    depth::{is_too_deep, is_too_deep_to_parse},
};

/// Something that was mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The text concerned.
    pub span: Span,
    /// What was done, as a past participle: "surplus bracket ignored".
    pub what: String,
}

/// How many mends are tried. Each parses the file again; the files of real systems have one or two errors.
const MOST_ATTEMPTS: usize = 24;

/// How many are tried of the largest file.
const FEWEST_ATTEMPTS: usize = 4;

/// How many bytes are parsed again at most while there are more attempts than the fewest. Half of the time that recovery
/// took went into a few large files with many errors.
const MOST_BYTES: usize = 2 << 20;

/// How many errors are looked at that cannot be mended.
const MOST_GIVEN_UP: usize = 50;

/// A text on its way to being mended.
struct Draft {
    text: String,
    module: ModModule,
    tokens: Vec<Token>,
    /// In order.
    faults: Vec<Fault>,
    lines: OnceCell<Vec<Logical>>,
}

/// Where the parser stumbles.
#[derive(Clone, Copy)]
struct Fault {
    at: usize,
    /// It is the indentation that is wrong.
    indentation: bool,
    /// A string or bracket is not closed.
    open: bool,
}

/// A way to mend a text.
struct Proposal {
    text: String,
    spans: Vec<Span>,
    what: &'static str,
    /// The spans were taken out of the text, to be parsed by themselves.
    apart: bool,
    /// By how many faults it must make the text better at least.
    least: usize,
}

impl Draft {
    /// Its logical lines.
    fn lines(&self) -> &[Logical] {
        self.lines.get_or_init(|| logical_lines(&self.text, &self.tokens))
    }

    /// The logical line that starts at a fault, by index: the fault lies before its code or on its first character.
    fn line_starting_at(&self, at: usize) -> Option<usize> {
        let lines = self.lines();
        let index = lines.partition_point(|line| line.code < at);
        lines.get(index).filter(|line| line.start <= at).map(|_| index)
    }

    /// Whether a mend of the fault at an offset, which leaves `faults`, gets the parser further.
    fn is_improved(&self, faults: &[Fault], at: usize, least: usize) -> bool {
        let up_to = |faults: &[Fault]| faults.partition_point(|fault| fault.at <= at);
        up_to(faults) < up_to(&self.faults) && faults.len() + least <= self.faults.len()
    }
}

fn fault(error: &ruff_python_parser::ParseError) -> Fault {
    let indentation = matches!(
        error.error,
        ParseErrorType::UnexpectedIndentation | ParseErrorType::Lexical(LexicalErrorType::IndentationError)
    );
    let open = match &error.error {
        ParseErrorType::ExpectedToken { expected, .. } => {
            matches!(expected, TokenKind::Comma | TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace)
        }
        ParseErrorType::Lexical(error) => matches!(
            error,
            LexicalErrorType::UnclosedStringError
                | LexicalErrorType::StringError
                | LexicalErrorType::FStringError(_)
                | LexicalErrorType::Eof
        ),
        ParseErrorType::FStringError(_) => true,
        _ => false,
    };
    let at = if indentation { error.range().end() } else { error.range().start() };
    Fault { at: at.to_usize(), indentation, open }
}

/// The tree of a text that has syntax errors, of which `first` is the parse.
pub fn recover(text: &str, first: Parsed<ModModule>) -> (ModModule, Vec<Repair>) {
    let (tokens, faults) = (first.tokens().to_vec(), faults(&first));
    let mut mending = Mending {
        draft: Draft { text: text.to_owned(), module: first.into_syntax(), tokens, faults, lines: OnceCell::new() },
        repairs: Vec::new(),
        apart: Vec::new(),
        attempts: (MOST_BYTES / text.len().max(1)).clamp(FEWEST_ATTEMPTS, MOST_ATTEMPTS),
    };
    mending.run();
    let Mending { draft, mut repairs, apart, .. } = mending;
    let mut module = draft.module;
    for span in apart {
        apart::put_back(text, span, &mut module);
    }
    classes::put_in_order(text, &mut module, &mut repairs);
    (module, repairs)
}

struct Mending {
    draft: Draft,
    repairs: Vec<Repair>,
    apart: Vec<Span>,
    attempts: usize,
}

impl Mending {
    fn run(&mut self) {
        // Faults before this offset stay.
        let mut done = 0;
        let mut given_up = 0;
        while given_up < MOST_GIVEN_UP {
            let Some(fault) = self.draft.faults.iter().copied().find(|fault| fault.at >= done) else { break };
            if !self.mend(fault) {
                done = fault.at + 1;
                given_up += 1;
            }
        }
    }

    /// Tries the ways to mend a fault until one helps.
    fn mend(&mut self, fault: Fault) -> bool {
        let ways = [brackets::propose, interruption::propose, indentation::propose, prose::propose, isolation::propose];
        for propose in ways {
            let Some(proposal) = propose(&self.draft, fault) else { continue };
            let Some(attempts) = self.attempts.checked_sub(1) else { return false };
            self.attempts = attempts;
            let Some(mended) = Mended::parse(&self.draft, proposal.text) else { continue };
            if self.draft.is_improved(&mended.faults, fault.at, proposal.least) {
                mended.put_into(&mut self.draft);
                let repair = |span: &Span| Repair { span: *span, what: proposal.what.to_owned() };
                self.repairs.extend(proposal.spans.iter().map(repair));
                if proposal.apart {
                    self.apart.extend(proposal.spans);
                }
                return true;
            }
        }
        false
    }
}

/// Parses a mended text; none if its tree is too deep to handle.
fn parse_again(text: &str) -> Option<Parsed<ModModule>> {
    if is_too_deep_to_parse(text) {
        return None;
    }
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    if is_too_deep(parsed.tokens()) {
        // Dropping it would overflow the stack.
        std::mem::forget(parsed);
        return None;
    }
    Some(parsed)
}

/// A text with a range of it overwritten by spaces; ends of lines stay.
fn blanked(text: &str, start: usize, end: usize) -> Option<String> {
    let blank =
        text.get(start..end)?.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { byte as char } else { ' ' });
    let mut result = String::with_capacity(text.len());
    result.push_str(text.get(..start)?);
    result.extend(blank);
    result.push_str(text.get(end..)?);
    Some(result)
}

fn span(start: usize, end: usize) -> Span {
    Span::new(start as u32, end as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruff_python_ast::{Stmt, StmtClassDef};

    /// The classes of a text with their methods.
    fn classes(text: &str) -> Vec<(String, Vec<String>)> {
        let parsed = crate::pool(Some(1)).unwrap().install(|| crate::parse(text)).unwrap();
        let methods = |class: &StmtClassDef| {
            let functions = class.body.iter().filter_map(|statement| match statement {
                Stmt::FunctionDef(function) => Some(function.name.to_string()),
                _ => None,
            });
            (class.name.to_string(), functions.collect())
        };
        let classes = parsed.module.body.iter().filter_map(|statement| match statement {
            Stmt::ClassDef(class) => Some(methods(class)),
            _ => None,
        });
        classes.collect()
    }

    fn expect(text: &str, wanted: &[(&str, &[&str])]) {
        let wanted: Vec<(String, Vec<String>)> = wanted
            .iter()
            .map(|(class, methods)| ((*class).to_owned(), methods.iter().map(|name| (*name).to_owned()).collect()))
            .collect();
        assert_eq!(classes(text), wanted);
    }

    #[test]
    fn surplus_brackets_are_ignored() {
        let text = "import sys\nsys.path.insert(0, str(a))))\nclass A:\n    def f(self):\n        pass\n    def g(self):\n        x = [1]]\n        return x\n";
        expect(text, &[("A", &["f", "g"])]);
    }

    #[test]
    fn methods_at_column_zero_belong_to_the_class_before() {
        let text = "class A:\n    def f(self):\n        pass\n\ndef g(self):\n    return self.f()\n\ndef free():\n    pass\n\nx = (\n";
        expect(text, &[("A", &["f", "g"])]);
    }

    #[test]
    fn valid_files_are_left_alone() {
        expect("class A:\n    def f(self):\n        pass\n\ndef g(self):\n    pass\n", &[("A", &["f"])]);
    }

    #[test]
    fn a_try_without_except_keeps_what_follows() {
        let text = "try:\n    import a\n\nclass A:\n    def f(self):\n        try:\n            g()\n    def h(self):\n        pass\n";
        expect(text, &[("A", &["f", "h"])]);
    }

    #[test]
    fn a_try_that_lost_the_indentation_of_its_body_keeps_the_classes() {
        let text = "try:\nfrom a import b\nexcept ImportError as e:\n    print(e)\n\nclass A:\n    def f(self):\n        pass\n";
        expect(text, &[("A", &["f"])]);
    }

    proptest! {
        #[test]
        fn broken_code_never_panics(cut in 0_usize..200, with in "[\\]\\[(){}:'\"\\n a]{0,4}") {
            let text = "class A:\n    def f(self, x):\n        with open(x) as y:\n            return [z for z in y]\n\n    @classmethod\n    def g(cls):\n        try:\n            return cls.h(1)\n        finally:\n            pass\n";
            let cut = cut.min(text.len());
            let broken = format!("{}{with}{}", &text[..cut], &text[cut..]);
            let parsed = crate::pool(Some(1)).unwrap().install(|| crate::parse(&broken)).unwrap();
            for repair in &parsed.repairs {
                prop_assert!(repair.span.end as usize <= broken.len());
            }
        }
    }
}
