//! Shell scripts as statements: enough of the language to follow what a start-up script runs.
//!
//! Broken scripts give what stands before the fault. Nothing is run.

/// Deeper nesting is given up.
const MAX_DEPTH: u32 = 40;
/// Words of one script.
const MAX_TOKENS: usize = 100_000;

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// A simple command: its words, quotes and all.
    Command(Vec<String>),
    Case {
        word: String,
        arms: Vec<(Vec<String>, Vec<Self>)>,
    },
    If {
        branches: Vec<(Vec<Self>, Vec<Self>)>,
        otherwise: Vec<Self>,
    },
    Loop(Vec<Self>),
    Function(String, Vec<Self>),
    Group(Vec<Self>),
    /// Behind `&&`.
    IfSo(Box<Self>),
    /// Behind `||`.
    IfNot(Box<Self>),
}

/// The statements of a script.
pub(crate) fn parse(text: &str) -> Vec<Statement> {
    let mut parser = Parser { tokens: tokens(text), at: 0 };
    let mut statements = parser.list(&[], MAX_DEPTH);
    // A stray `fi` or `)` ends nothing.
    while parser.at < parser.tokens.len() {
        parser.at += 1;
        statements.extend(parser.list(&[], MAX_DEPTH));
    }
    statements
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `;`, `&`, `&&`, `||`, `|`, `;;`, `(`, `)` or the end of a line.
    Operator(&'static str),
}

fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    let mut documents: Vec<String> = Vec::new();
    while at < bytes.len() && found.len() < MAX_TOKENS {
        let rest = &text[at..];
        match bytes[at] {
            b'\n' => {
                at += 1;
                for end in documents.drain(..) {
                    at = behind_document(text, at, &end);
                }
                found.push(Token::Operator("\n"));
            }
            b' ' | b'\t' | b'\r' => at += 1,
            b'\\' if rest.starts_with("\\\n") => at += 2,
            b'\\' if rest.starts_with("\\\r\n") => at += 3,
            b'#' => at += rest.find('\n').unwrap_or(rest.len()),
            b'<' | b'>' => at = redirection(text, at, &mut documents),
            _ => {
                let operators = [";;", "&&", "||", ";", "&", "|", "(", ")"];
                if rest.starts_with("&>") {
                    at = redirection(text, at + 1, &mut documents);
                } else if let Some(operator) = operators.iter().find(|operator| rest.starts_with(**operator)) {
                    at += operator.len();
                    found.push(Token::Operator(operator));
                } else {
                    let end = word_end(text, at);
                    let word = &text[at..end];
                    at = end;
                    // `2>file`: a number at a redirection belongs to it.
                    let redirects = text[end..].starts_with(['<', '>']) && word.bytes().all(|b| b.is_ascii_digit());
                    if !redirects {
                        found.push(Token::Word(word.to_owned()));
                    }
                }
            }
        }
    }
    found
}

/// Behind a redirection and its target.
fn redirection(text: &str, mut at: usize, documents: &mut Vec<String>) -> usize {
    let rest = &text[at..];
    let is_document = rest.starts_with("<<") && !rest.starts_with("<<<");
    at += rest.len() - rest.trim_start_matches(['<', '>', '&', '|', '-']).len();
    at += text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len();
    // `<(command)` is a file that the command writes.
    let end = if text[at..].starts_with('(') { closing(text, at + 1, b')') } else { word_end(text, at) };
    if is_document {
        documents.push(text[at..end].trim_matches(['"', '\'', '\\']).to_owned());
    }
    end
}

fn behind_document(text: &str, mut at: usize, end: &str) -> usize {
    while at < text.len() {
        let rest = &text[at..];
        let line = rest.split_inclusive('\n').next().unwrap_or(rest);
        at += line.len();
        if line.trim() == end {
            break;
        }
    }
    at
}

/// Where the word that starts at a place ends.
fn word_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
            _ => at = part_end(text, at),
        }
    }
    at
}

/// Where the quoted text, expansion or character at a place ends.
fn part_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    match bytes[at] {
        b'\\' => (at + 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8)).min(text.len()),
        b'\'' => text[at + 1..].find('\'').map_or(text.len(), |end| at + end + 2),
        b'"' => closing_quote(text, at + 1),
        b'`' => text[at + 1..].find('`').map_or(text.len(), |end| at + end + 2),
        b'$' if bytes.get(at + 1) == Some(&b'(') => closing(text, at + 2, b')'),
        b'$' if bytes.get(at + 1) == Some(&b'{') => closing(text, at + 2, b'}'),
        _ => at + text[at..].chars().next().map_or(1, char::len_utf8),
    }
}

fn closing_quote(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at = part_end(text, at),
            b'$' if matches!(bytes.get(at + 1), Some(b'(')) => at = closing(text, at + 2, b')'),
            b'$' if matches!(bytes.get(at + 1), Some(b'{')) => at = closing(text, at + 2, b'}'),
            _ => at += 1,
        }
    }
    text.len()
}

/// Behind the bracket that closes one already open; brackets in quotes do not count. Without recursion.
fn closing(text: &str, mut at: usize, close: u8) -> usize {
    let bytes = text.as_bytes();
    let open = if close == b')' { b'(' } else { b'{' };
    let mut depth = 1_u32;
    while let Some(&byte) = bytes.get(at) {
        if byte == close {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        } else if byte == open {
            depth += 1;
        } else if byte == b'\\' {
            at += 1;
        } else if byte == b'\'' && close == b')' {
            at += text.get(at + 1..).and_then(|rest| rest.find('\'')).map_or(0, |end| end + 1);
        }
        at += 1;
    }
    text.len()
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found == word)
    }

    fn is_operator(&self, operator: &str) -> bool {
        matches!(self.peek(), Some(Token::Operator(found)) if *found == operator)
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let is_it = self.is_word(word);
        self.at += usize::from(is_it);
        is_it
    }

    /// Skips what parts statements; the last operator that is no end of a line.
    fn skip_separators(&mut self) -> &'static str {
        let mut last = ";";
        while let Some(Token::Operator(operator)) = self.peek() {
            if matches!(*operator, "(" | ")" | ";;") {
                break;
            }
            if *operator != "\n" {
                last = operator;
            }
            self.at += 1;
        }
        last
    }

    /// Statements up to one of the words, a `)` or a `;;`.
    fn list(&mut self, ends: &[&str], depth: u32) -> Vec<Statement> {
        let mut found = Vec::new();
        let Some(depth) = depth.checked_sub(1) else {
            self.at = self.tokens.len();
            return found;
        };
        loop {
            let joint = self.skip_separators();
            match self.peek() {
                None => return found,
                Some(Token::Operator(")" | ";;")) => return found,
                Some(Token::Word(word)) if ends.contains(&word.as_str()) => return found,
                Some(Token::Word(word)) if matches!(word.as_str(), "fi" | "done" | "esac" | "}") => return found,
                _ => {
                    let statement = self.statement(depth).map(|statement| match joint {
                        "&&" => Statement::IfSo(Box::new(statement)),
                        "||" => Statement::IfNot(Box::new(statement)),
                        _ => statement,
                    });
                    found.extend(statement);
                }
            }
        }
    }

    fn statement(&mut self, depth: u32) -> Option<Statement> {
        let word = match self.peek()? {
            Token::Operator("(") => {
                self.at += 1;
                let body = self.list(&[], depth);
                self.at += usize::from(self.is_operator(")"));
                return Some(Statement::Group(body));
            }
            Token::Operator(_) => {
                self.at += 1;
                return None;
            }
            Token::Word(word) => word.clone(),
        };
        match word.as_str() {
            "{" => {
                self.at += 1;
                let body = self.list(&["}"], depth);
                self.skip_word("}");
                Some(Statement::Group(body))
            }
            "!" => {
                self.at += 1;
                None
            }
            "if" => Some(self.if_statement(depth)),
            "case" => Some(self.case_statement(depth)),
            "while" | "until" | "for" | "select" => {
                self.at += 1;
                let _head = self.list(&["do"], depth);
                self.skip_word("do");
                let body = self.list(&["done"], depth);
                self.skip_word("done");
                Some(Statement::Loop(body))
            }
            "function" => {
                self.at += 1;
                let Some(Token::Word(name)) = self.peek().cloned() else { return None };
                self.at += 1;
                Some(self.function(&name, depth))
            }
            _ => {
                self.at += 1;
                if self.is_operator("(") && matches!(self.tokens.get(self.at + 1), Some(Token::Operator(")"))) {
                    return Some(self.function(&word, depth));
                }
                let mut words = vec![word];
                while let Some(Token::Word(word)) = self.peek() {
                    words.push(word.clone());
                    self.at += 1;
                }
                // `NAME=(a b)`: an array.
                if self.is_operator("(") {
                    let _array = self.statement(depth);
                }
                Some(Statement::Command(words))
            }
        }
    }

    fn function(&mut self, name: &str, depth: u32) -> Statement {
        if self.is_operator("(") {
            self.at += 1;
            self.at += usize::from(self.is_operator(")"));
        }
        self.skip_separators();
        let body = depth.checked_sub(1).and_then(|depth| self.statement(depth)).into_iter().collect();
        Statement::Function(name.to_owned(), body)
    }

    fn if_statement(&mut self, depth: u32) -> Statement {
        let (mut branches, mut otherwise) = (Vec::new(), Vec::new());
        while self.skip_word("if") || self.skip_word("elif") {
            let condition = self.list(&["then"], depth);
            self.skip_word("then");
            branches.push((condition, self.list(&["elif", "else", "fi"], depth)));
        }
        if self.skip_word("else") {
            otherwise = self.list(&["fi"], depth);
        }
        self.skip_word("fi");
        Statement::If { branches, otherwise }
    }

    fn case_statement(&mut self, depth: u32) -> Statement {
        self.skip_word("case");
        let word = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            _ => String::new(),
        };
        self.at += 1;
        self.skip_separators();
        self.skip_word("in");
        let mut arms = Vec::new();
        loop {
            self.skip_separators();
            self.at += usize::from(self.is_operator("("));
            if self.peek().is_none() || self.skip_word("esac") {
                return Statement::Case { word, arms };
            }
            let mut patterns = Vec::new();
            while let Some(token) = self.peek().filter(|token| **token != Token::Operator(")")) {
                if let Token::Word(pattern) = token {
                    patterns.push(pattern.clone());
                }
                self.at += 1;
            }
            self.at += 1;
            arms.push((patterns, self.list(&["esac"], depth)));
            self.at += usize::from(self.is_operator(";;"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Statement {
        Statement::Command(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn commands_quotes_and_redirections() {
        let found = parse("set -e # x\nA=\"b c\" cmd 'd;e' $(f; g) >&2 2>/dev/null && x &\ncat <<EOF\nno; no\nEOF\ny");
        assert_eq!(
            found,
            [
                command(&["set", "-e"]),
                command(&["A=\"b c\"", "cmd", "'d;e'", "$(f; g)"]),
                Statement::IfSo(Box::new(command(&["x"]))),
                command(&["cat"]),
                command(&["y"]),
            ]
        );
    }

    #[test]
    fn structure() {
        let found = parse(
            "f() {\n  a\n}\ncase \"$1\" in\n  x|y) b ;;\n  *)\n c\nesac\nif [ -z \"$A\" ]; then d; elif e; then g; else h; fi\nfor i in 1 2; do k; done\n(l)\nm",
        );
        let [
            Statement::Function(name, _),
            Statement::Case { word, arms },
            Statement::If { branches, otherwise },
            Statement::Loop(body),
            Statement::Group(_),
            last,
        ] = &found[..]
        else {
            panic!("{found:?}")
        };
        assert_eq!((name.as_str(), word.as_str()), ("f", "\"$1\""));
        assert_eq!(arms[0], (vec!["x".to_owned(), "y".to_owned()], vec![command(&["b"])]));
        assert_eq!(arms[1].1, [command(&["c"])]);
        assert_eq!((branches.len(), otherwise.len()), (2, 1));
        assert_eq!(body, &[command(&["k"])]);
        assert_eq!(last, &command(&["m"]));
    }

    #[test]
    fn whatever_is_broken_ends() {
        for unit in [
            "(",
            "{ ",
            "if ",
            "case ",
            "case x in ",
            "$(",
            "${",
            "\"",
            "'",
            "`",
            "<<",
            "\\",
            "fi\n",
            ")",
            ";;",
            "f() ",
            "é",
            "<(",
        ] {
            let _ = parse(&unit.repeat(20_000));
        }
    }
}
