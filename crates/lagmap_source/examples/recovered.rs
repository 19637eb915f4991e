//! Measures recovery: how many of the definitions that the lines of broken files show are in the recovered tree, and how
//! many methods stand in a class. Takes folders or files; prints the parser's own result next to the recovered one.
//! With `--verbose` also what is missing.

use std::path::{Path, PathBuf};

use ruff_python_ast::{
    ModModule, PySourceType, Stmt,
    visitor::{Visitor, walk_stmt},
};
use ruff_text_size::Ranged;

/// A definition that a line shows.
struct Line {
    number: usize,
    name_at: usize,
    name: String,
    takes_self: bool,
}

fn definitions(text: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let code = line.trim_start();
        let after = ["async def ", "def ", "class "].iter().find_map(|word| code.strip_prefix(word));
        if let Some(after) = after {
            let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let rest = &after[name.len()..];
            if !name.is_empty() && rest.starts_with(['(', ':', '[', ' ']) && rest.contains([':', '(']) {
                let takes_self = rest.strip_prefix("(self").is_some_and(|end| end.starts_with([',', ')', ' ', ':']));
                found.push(Line { number: number + 1, name_at: at + line.len() - after.len(), name, takes_self });
            }
        }
        at += line.len();
    }
    found
}

/// Offsets of the names of definitions, and of those among them that are methods.
#[derive(Default)]
struct Found {
    all: Vec<usize>,
    methods: Vec<usize>,
    in_class: bool,
}

impl<'a> Visitor<'a> for Found {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let outer = self.in_class;
        match statement {
            Stmt::FunctionDef(function) => {
                self.all.push(function.name.start().to_usize());
                if outer {
                    self.methods.push(function.name.start().to_usize());
                }
                self.in_class = false;
            }
            Stmt::ClassDef(class) => {
                self.all.push(class.name.start().to_usize());
                self.in_class = true;
            }
            _ => {}
        }
        walk_stmt(self, statement);
        self.in_class = outer;
    }
}

fn found(module: &ModModule) -> Found {
    let mut found = Found::default();
    found.visit_body(&module.body);
    found
}

#[derive(Default, Clone, Copy)]
struct Count {
    definitions: usize,
    methods: usize,
}

fn count(lines: &[Line], found: &Found, shown: Option<&Path>) -> Count {
    let mut count = Count::default();
    for line in lines {
        let known = found.all.contains(&line.name_at);
        count.definitions += usize::from(known);
        let method = line.takes_self && found.methods.contains(&line.name_at);
        count.methods += usize::from(method);
        if let Some(path) = shown
            && (!known || line.takes_self && !method)
        {
            let what = if known { "not in a class" } else { "missing" };
            println!("  {}:{} {} {what}", path.display(), line.number, line.name);
        }
    }
    count
}

fn python_files(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            if !entry.path().is_symlink() {
                python_files(&entry.path(), files);
            }
        }
    } else if path.extension().is_some_and(|extension| extension == "py") {
        files.push(path.to_owned());
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files = Vec::new();
    let mut verbose = false;
    for argument in std::env::args().skip(1) {
        if argument == "--verbose" {
            verbose = true;
        } else {
            python_files(Path::new(&argument), &mut files);
        }
    }
    files.sort();
    let (mut all, mut before, mut after, mut broken) = (Count::default(), Count::default(), Count::default(), 0);
    let add = |total: &mut Count, count: Count| {
        total.definitions += count.definitions;
        total.methods += count.methods;
    };
    let pool = lagmap_source::pool(Some(1))?;
    let started = std::time::Instant::now();
    for path in files {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let parsed = pool.install(|| lagmap_source::parse(&text));
        let Ok(parsed) = parsed else { continue };
        if parsed.problems.is_empty() {
            continue;
        }
        broken += 1;
        let lines = definitions(&text);
        let own = ruff_python_parser::parse_unchecked_source(&text, PySourceType::Python);
        let shown = verbose.then_some(path.as_path());
        add(&mut all, Count { definitions: lines.len(), methods: lines.iter().filter(|line| line.takes_self).count() });
        add(&mut before, count(&lines, &found(own.syntax()), None));
        add(&mut after, count(&lines, &found(&parsed.module), shown));
    }
    println!("{broken} broken files, {:.1} s", started.elapsed().as_secs_f64());
    println!("             in the lines  parser's own  recovered");
    println!("definitions  {:>12}  {:>12}  {:>9}", all.definitions, before.definitions, after.definitions);
    println!("in a class   {:>12}  {:>12}  {:>9}", all.methods, before.methods, after.methods);
    Ok(())
}
