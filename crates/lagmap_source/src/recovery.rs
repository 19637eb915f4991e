//! Recovery: the structure of files that do not parse.
//!
//! A broken file is part of the system all the same. First the text is mended where that is certain and keeps every offset
//! (a surplus closing bracket becomes a space); then the tree that the parser recovered is put in order: methods that lost
//! their indentation go back to their class, and statements that speak of `self` to the method before them.

use ruff_python_ast::{
    Expr, ModModule, PySourceType, Stmt, StmtClassDef, StmtFunctionDef, Suite,
    visitor::{Visitor, walk_expr},
};
use ruff_python_parser::{Parsed, parse_unchecked_source};
use ruff_text_size::Ranged;
use serde::{Deserialize, Serialize};

use crate::Span;

/// Something that was mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The text concerned.
    pub span: Span,
    /// What was done, as a past participle: "surplus bracket ignored".
    pub what: String,
}

/// Each round parses the file again.
const MOST_ROUNDS: usize = 12;

/// The tree of a text that has syntax errors, of which `first` is the parse.
pub fn recover(text: &str, first: Parsed<ModModule>) -> (ModModule, Vec<Repair>) {
    let mut repairs = Vec::new();
    let mut parsed = first;
    let mut mended = text.to_owned();
    for _ in 0..MOST_ROUNDS {
        let Some(at) = first_error(&parsed) else { break };
        let Some((candidate, repair)) = without_surplus_bracket(&mended, at) else { break };
        let again = parse_unchecked_source(&candidate, PySourceType::Python);
        // A repair is right if the parser gets further than before.
        if first_error(&again).is_some_and(|next| next <= at) {
            break;
        }
        repairs.push(repair);
        (parsed, mended) = (again, candidate);
    }
    let mut module = parsed.into_syntax();
    let mut order = Order { text, repairs: &mut repairs };
    order.module(&mut module.body);
    (module, repairs)
}

fn first_error(parsed: &Parsed<ModModule>) -> Option<usize> {
    parsed.errors().iter().map(|error| error.range().start().to_usize()).min()
}

/// The text with the closing bracket at (or right before) an error blanked.
fn without_surplus_bracket(text: &str, at: usize) -> Option<(String, Repair)> {
    let is_closing = |index: &usize| text.as_bytes().get(*index).is_some_and(|byte| b")]}".contains(byte));
    let index = [at, at.wrapping_sub(1)].into_iter().find(is_closing)?;
    let mut candidate = text.to_owned();
    candidate.replace_range(index..=index, " ");
    let span = Span::new(index as u32, index as u32 + 1);
    Some((candidate, Repair { span, what: "surplus closing bracket ignored".to_owned() }))
}

struct Order<'a> {
    text: &'a str,
    repairs: &'a mut Vec<Repair>,
}

impl Order<'_> {
    fn module(&mut self, body: &mut Suite) {
        let mut kept = Suite::with_capacity(body.len());
        for mut statement in std::mem::take(body) {
            let last_class = kept.iter_mut().rev().find_map(|statement| match statement {
                Stmt::ClassDef(class) => Some(class),
                _ => None,
            });
            match (&mut statement, last_class) {
                (Stmt::FunctionDef(function), Some(class)) if is_method(function) => {
                    self.note(function.range(), "method put back into its class");
                    class.body.push(statement);
                }
                (Stmt::ClassDef(class), _) => {
                    self.class(class);
                    kept.push(statement);
                }
                (_, Some(class)) => {
                    self.blocks(&mut statement, &mut class.body);
                    match class.body.last_mut() {
                        Some(Stmt::FunctionDef(method)) if is_method(method) && speaks_of_self(&statement) => {
                            self.note(statement.range(), "statement put back into its method");
                            method.body.push(statement);
                        }
                        _ => kept.push(statement),
                    }
                }
                (_, None) => kept.push(statement),
            }
        }
        for statement in &mut kept {
            if let Stmt::ClassDef(class) = statement {
                self.class(class);
            }
        }
        *body = kept;
    }

    /// Methods that the parser took for functions inside of the method before them.
    fn class(&mut self, class: &mut StmtClassDef) {
        let mut index = 0;
        while index < class.body.len() {
            let mut inner = Suite::new();
            if let Stmt::FunctionDef(method) = &mut class.body[index]
                && is_method(method)
            {
                self.take_methods(&mut method.body, &mut inner);
            }
            for (offset, method) in inner.into_iter().enumerate() {
                class.body.insert(index + 1 + offset, method);
            }
            index += 1;
        }
    }

    /// Methods inside of the blocks of a stray statement.
    fn blocks(&mut self, statement: &mut Stmt, class: &mut Suite) {
        match statement {
            Stmt::If(branch) => {
                self.take_methods(&mut branch.body, class);
                for clause in &mut branch.elif_else_clauses {
                    self.take_methods(&mut clause.body, class);
                }
            }
            Stmt::Try(attempt) => {
                for body in [&mut attempt.body, &mut attempt.orelse, &mut attempt.finalbody] {
                    self.take_methods(body, class);
                }
                for handler in &mut attempt.handlers {
                    let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                    self.take_methods(&mut handler.body, class);
                }
            }
            Stmt::With(with) => self.take_methods(&mut with.body, class),
            Stmt::For(looped) => self.take_methods(&mut looped.body, class),
            Stmt::While(looped) => self.take_methods(&mut looped.body, class),
            Stmt::FunctionDef(function) => self.take_methods(&mut function.body, class),
            _ => {}
        }
    }

    fn take_methods(&mut self, body: &mut Suite, taken: &mut Suite) {
        for mut statement in std::mem::take(body) {
            match &statement {
                Stmt::FunctionDef(function) if is_method(function) && self.is_used_on_self(function) => {
                    self.note(function.range(), "method put back into its class");
                    taken.push(statement);
                }
                _ => {
                    if !matches!(statement, Stmt::FunctionDef(_)) {
                        self.blocks(&mut statement, taken);
                    }
                    body.push(statement);
                }
            }
        }
    }

    /// A closure is called by its name; a method by `self.` or not at all.
    fn is_used_on_self(&self, function: &StmtFunctionDef) -> bool {
        let name = function.name.as_str();
        let mut uses = self.text.match_indices(name).filter(|(at, _)| {
            let before = &self.text[..*at];
            let after = self.text[at + name.len()..].chars().next();
            let whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
                && !after.is_some_and(|c| c.is_alphanumeric() || c == '_');
            whole && !before.trim_end().ends_with("def")
        });
        uses.all(|(at, _)| self.text[..at].ends_with('.') || !self.text[at + name.len()..].starts_with('('))
    }

    fn note(&mut self, range: ruff_text_size::TextRange, what: &str) {
        let span = Span::new(range.start().to_u32(), range.end().to_u32());
        self.repairs.push(Repair { span, what: what.to_owned() });
    }
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

fn speaks_of_self(statement: &Stmt) -> bool {
    struct Search(bool);
    impl<'a> Visitor<'a> for Search {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            // What functions and classes inside do is their own.
            if !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
                ruff_python_ast::visitor::walk_stmt(self, statement);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
