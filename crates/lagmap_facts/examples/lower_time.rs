//! Time and memory of lowering against parsing: `cargo run --release -p lagmap_facts --example lower_time -- DIR`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lagmap_facts::{FileFacts, check, dump, lower};
use ruff_python_ast::PySourceType;
use ruff_python_parser::parse_unchecked_source;

/// Deep trees need deep stacks; reserved, not used, where trees are flat.
const STACK: usize = 1 << 30;
/// Each file is taken this often and its best time counts.
const RUNS: usize = 3;

#[derive(Default)]
struct Totals {
    files: usize,
    lines: usize,
    parse: Duration,
    lower: Duration,
    bytes: usize,
    parts: [usize; 7],
    broken: usize,
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let Some(root) = arguments.next() else {
        eprintln!("usage: lower_time DIR [dump]");
        std::process::exit(2);
    };
    let with_dump = arguments.next().is_some();
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(move || measure(Path::new(&root), with_dump));
    let totals =
        worker.map_err(|error| error.to_string()).and_then(|worker| worker.join().map_err(|_| "panicked".to_owned()));
    match totals {
        Ok(totals) => report(&totals),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn measure(root: &Path, with_dump: bool) -> Totals {
    let mut totals = Totals::default();
    let mut queue = vec![root.to_path_buf()];
    while let Some(path) = queue.pop() {
        if path.is_dir() && !path.is_symlink() {
            queue.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else if path.extension().is_some_and(|extension| extension == "py") {
            file(&path, with_dump, &mut totals);
        }
    }
    totals
}

fn file(path: &PathBuf, with_dump: bool, totals: &mut Totals) {
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let (mut parse, mut lowering) = (Duration::MAX, Duration::MAX);
    let mut facts = FileFacts::default();
    for _ in 0..RUNS {
        let start = Instant::now();
        let parsed = parse_unchecked_source(&text, PySourceType::Python);
        parse = parse.min(start.elapsed());
        let start = Instant::now();
        facts = lower(parsed.syntax(), &text);
        lowering = lowering.min(start.elapsed());
    }
    if let Err(problem) = check(&facts) {
        println!("{}: {problem}", path.display());
        totals.broken += 1;
    }
    if with_dump {
        println!("{}", dump(&facts));
    }
    totals.files += 1;
    totals.lines += text.lines().count();
    totals.parse += parse;
    totals.lower += lowering;
    totals.bytes += size_of::<FileFacts>() + facts.heap_size();
    let parts = [
        facts.exprs.len(),
        facts.ops.len(),
        facts.calls.len(),
        facts.regions.len(),
        facts.lists.len(),
        facts.functions.len(),
        facts.names.len(),
    ];
    for (total, part) in totals.parts.iter_mut().zip(parts) {
        *total += part;
    }
}

#[allow(clippy::cast_precision_loss)] // Counts far below 2^52.
fn report(totals: &Totals) {
    let per_line = |amount: usize| amount as f64 / totals.lines.max(1) as f64;
    let [exprs, ops, calls, regions, lists, functions, names] = totals.parts.map(per_line);
    println!("{} files, {} lines, {} inconsistent", totals.files, totals.lines, totals.broken);
    println!("parse {:?}, lower {:?}", totals.parse, totals.lower);
    println!("lower / parse {:.3}", totals.lower.as_secs_f64() / totals.parse.as_secs_f64());
    println!("{:.1} bytes a line", per_line(totals.bytes));
    println!(
        "a line: {exprs:.2} expressions, {ops:.2} operations, {calls:.2} calls, {regions:.2} regions, {lists:.2} list \
         items, {functions:.3} scopes, {names:.2} names"
    );
}
