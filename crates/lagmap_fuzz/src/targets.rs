//! The targets: each way by which bytes that nobody trusts get in.

use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use lagmap::configuration::Configuration;
use lagmap_cache::{Cache, Key, LIMIT, Record};
use lagmap_models::Catalogue;
use lagmap_program::{Program, ProgramOptions, SourceUnit, SyntaxFault};
use lagmap_system::System;
use tempfile::TempDir;

/// One way in.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, also that of its corpus.
    pub name: &'static str,
    /// Takes any bytes; panics if something is wrong.
    pub run: fn(&[u8]),
    /// Mutations to try in the tests: a few seconds each.
    pub executions: u64,
}

/// All of them.
pub const TARGETS: [Target; 5] = [
    Target { name: "audit", run: |data| on_deep_stack(|| audit(data)), executions: 300 },
    Target { name: "system", run: system, executions: 500 },
    Target { name: "catalogue", run: |data| on_deep_stack(|| catalogue(data)), executions: 30 },
    Target { name: "configuration", run: configuration, executions: 500 },
    Target { name: "cached_facts", run: |data| on_deep_stack(|| cached_facts(data)), executions: 1000 },
];

/// Runs the target of a name, for `fuzz/`.
pub fn run(name: &str, data: &[u8]) {
    if let Some(target) = TARGETS.iter().find(|target| target.name == name) {
        (target.run)(data);
    }
}

/// The catalogue that comes along, while no program has it: to load it takes longer than most inputs.
static CATALOGUE: Mutex<Option<Catalogue>> = Mutex::new(None);
static POOL: LazyLock<rayon::ThreadPool> =
    LazyLock::new(|| lagmap_source::pool(Some(1)).expect("a thread can be started"));
/// A folder that one input at a time is written to.
static FOLDER: LazyLock<Mutex<TempDir>> =
    LazyLock::new(|| Mutex::new(tempfile::tempdir().expect("there is room for temporary files")));

fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    POOL.install(work)
}

fn in_folder<T>(work: impl FnOnce(&Path) -> T) -> T {
    work(FOLDER.lock().unwrap_or_else(PoisonError::into_inner).path())
}

/// Starts the next file of a program: a line that is a comment with the path.
const FILE: &[u8] = b"\n# file: ";

/// Source code of one or several files: decoded, parsed, lowered, linked, judged by all rules.
fn audit(data: &[u8]) {
    let mut units = Vec::new();
    for (index, bytes) in split(data).into_iter().enumerate() {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
        let named = bytes.get(..end).and_then(|line| std::str::from_utf8(line).ok()).filter(|_| index > 0);
        let path = named
            .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "py"))
            .map_or_else(|| format!("m{index}.py"), str::to_owned);
        let Ok(text) = lagmap_source::decode(&path, bytes.to_vec()) else { continue };
        let Ok(record) = Record::of(&text) else { continue };
        lagmap_facts::check(&record.facts).expect("facts hold together");
        assert!(record.lines.is_consistent(), "lines hold together");
        let again = record.encode().and_then(|bytes| Record::decode(&bytes));
        assert!(again.as_ref() == Some(&record), "a record comes back from the cache as it was");
        units.push(unit(path, record));
    }
    build_usual(units);
}

fn build_usual(units: Vec<SourceUnit>) {
    let catalogue = || CATALOGUE.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = catalogue().take();
    let own = kept.unwrap_or_else(|| Catalogue::load(&[]).expect("the catalogue that comes along is whole"));
    let back = build(units, own);
    *catalogue() = Some(back);
}

fn split(data: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(FILE.len()).position(|window| window == FILE) {
        parts.push(&rest[..at]);
        rest = &rest[at + FILE.len()..];
    }
    parts.push(rest);
    parts
}

fn unit(path: String, record: Record) -> SourceUnit {
    let broken = record.fault.map(|fault| SyntaxFault { message: fault.message, position: fault.position });
    SourceUnit { path, facts: record.facts, lines: record.lines, broken }
}

/// Builds a program, judges it and gives its catalogue back.
fn build(units: Vec<SourceUnit>, catalogue: Catalogue) -> Catalogue {
    let options = ProgramOptions { all_code: true, ..ProgramOptions::default() };
    let program = Program::build(units, catalogue, System::default(), options);
    lagmap_impact::judge(&program, lagmap_rules::check(&program, |_| true));
    program.linked.catalogue
}

/// A start-up configuration (YAML, of which JSON is a part).
fn system(data: &[u8]) {
    in_folder(|folder| {
        let root = folder.join("system");
        fs::create_dir_all(root.join("app")).expect("a folder can be made");
        fs::write(root.join("app/main.py"), "").expect("a file can be written");
        fs::write(root.join("startup_config.yaml"), data).expect("a file can be written");
        let load = || lagmap_system::load(&root, &[], &lagmap_system::Options::default());
        let system = load();
        assert!(system == load(), "a configuration means the same twice");
        for service in &system.services {
            let script = service.script.as_deref().unwrap_or("app/main.py");
            assert!(!script.starts_with('/') && !script.split('/').any(|part| part == ".."), "scripts stay inside");
        }
    });
}

/// A catalogue file of the user, used on code that calls what it names.
fn catalogue(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(catalogue) = Catalogue::load(&[("user.toml".to_owned(), text.to_owned())]) else { return };
    let code = "import lib\nc = lib.Client()\nasync def f():\n    lib.wait(1)\n    c.get()\n    with lib.open() as g: g.get()\n";
    let record = Record::of(code).expect("the code is not deep");
    build(vec![unit("main.py".to_owned(), record)], catalogue);
}

/// A configuration file of lagmap.
fn configuration(data: &[u8]) {
    in_folder(|folder| {
        for name in ["lagmap.toml", "pyproject.toml"] {
            let path = folder.join(name);
            fs::write(&path, data).expect("a file can be written");
            if let Err(failure) = Configuration::find(folder, Some(&path)) {
                assert!(failure.to_string().starts_with("error: "), "a failure says so");
            }
        }
    });
}

/// A record of the cache with a right checksum, and a pack of the cache.
fn cached_facts(data: &[u8]) {
    if let Some(record) = Record::decode(data) {
        lagmap_facts::dump(&record.facts);
        build_usual(vec![unit("main.py".to_owned(), record)]);
    }
    in_folder(|folder| {
        let root = folder.join("cache");
        let packs = root.join(format!("facts-{}", lagmap_cache::VERSION));
        fs::create_dir_all(&packs).expect("a folder can be made");
        fs::write(packs.join("a.pack"), data).expect("a file can be written");
        assert!(Cache::open(&root, LIMIT).get(&Key::of(b"anything")).is_none(), "nothing was kept under this key");
    });
}
