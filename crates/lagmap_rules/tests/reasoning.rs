//! The kinds of reasoning that real code asks for, each with a document of its own in `docs/reasoning`: all rules are run on
//! each of its cases and must report just the lines that end in `# flag: <rule-name>`.

mod common;

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use lagmap_documents::{Case, Document};
use libtest_mimic::{Arguments, Failed, Trial};

use common::{Line, audit};

/// The kinds, in the order in which the rules' specification lists them.
const KINDS: [&str; 11] = [
    "broken-files",
    "inheritance",
    "cost-of-construction",
    "products-of-retries",
    "typestate",
    "who-shrinks-it",
    "locks",
    "split-loops",
    "pacing-or-stall",
    "dead-code",
    "across-services",
];
const FOUND: &str = "Found by it";
const SILENT: &str = "Silent because of it";
/// The fewest cases of each section.
const FEWEST: usize = 2;

fn main() {
    let arguments = Arguments::from_args();
    let trials = KINDS.into_iter().map(|kind| Trial::test(kind, move || run(kind))).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(kind: &str) -> Result<(), Failed> {
    let pool = lagmap_source::pool(Some(1)).map_err(|error| error.to_string())?;
    pool.install(|| check_document(kind)).map_err(Failed::from)
}

fn check_document(kind: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/reasoning/{kind}.md"));
    let text = fs::read_to_string(&path).map_err(|error| format!("docs/reasoning/{kind}.md: {error}"))?;
    let cases = Document::parse(&text).cases;
    let mut problems = String::new();
    for section in [FOUND, SILENT] {
        let count = cases.iter().filter(|case| case.section == section).count();
        if count < FEWEST {
            writeln!(problems, "`{section}` has {count} cases, at least {FEWEST} are asked for").unwrap();
        }
    }
    if !cases.iter().any(|case| case.section == FOUND && case.files.len() > 1) {
        writeln!(problems, "no case of `{FOUND}` has more than one file").unwrap();
    }
    for case in &cases {
        check_case(case, &mut problems);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn check_case(case: &Case, problems: &mut String) {
    let mut wanted: BTreeSet<(Line, &str)> = BTreeSet::new();
    for expectation in case.expectations().iter().filter(|expectation| expectation.name == "flag") {
        for name in &expectation.values {
            if let Some(rule) = lagmap_rules::all().iter().find(|rule| rule.name == *name) {
                wanted.insert(((expectation.path.to_owned(), expectation.line), rule.name));
            } else {
                writeln!(problems, "{}: `{name}` is no rule", case.title).unwrap();
            }
        }
    }
    if wanted.is_empty() && case.section == FOUND {
        writeln!(problems, "{}: flags nothing, which its section does not say", case.title).unwrap();
    }
    let found = match audit(case, |_| true) {
        Ok(found) => found,
        Err(error) => return writeln!(problems, "{}: {error}", case.title).unwrap(),
    };
    let places: BTreeSet<(Line, &str)> = found.iter().map(|found| (found.line.clone(), found.rule)).collect();
    for ((path, line), rule) in wanted.difference(&places) {
        writeln!(problems, "{}: {path}:{line} must be reported by {rule} and is not", case.title).unwrap();
    }
    for found in &found {
        let (path, line) = &found.line;
        if !wanted.contains(&(found.line.clone(), found.rule)) {
            writeln!(problems, "{}: {path}:{line} must not be reported: {}: {}", case.title, found.rule, found.message)
                .unwrap();
        }
    }
}
