//! Rule documents are the tests: every case of every document must be found as its comments say, and nothing else.
//!
//! In the sections "Flagged" and "Not flagged" each third-level heading starts a case, a project of its own. A fenced block
//! ```` ```python file=a/b.py ```` is one of its files (`main.py` if it names none); lines that must be reported end in
//! `# flag: <rule-name>`.

mod common;

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use lagmap_documents::{Case, Document};
use lagmap_rules::RuleInfo;
use libtest_mimic::{Arguments, Failed, Trial};

use common::{Line, audit};

/// The fewest flagged cases and look-alikes of a document.
const FEWEST: usize = 3;
const FLAGGED: &str = "Flagged";
const NOT_FLAGGED: &str = "Not flagged";
const SECTIONS: [&str; 6] =
    ["What it finds", "Why it matters", "What it costs", FLAGGED, NOT_FLAGGED, "How to mend it"];

fn main() {
    let arguments = Arguments::from_args();
    let trials = lagmap_rules::all().iter().map(|rule| Trial::test(rule.name, move || run(rule))).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(rule: &'static RuleInfo) -> Result<(), Failed> {
    let pool = lagmap_source::pool(Some(1)).map_err(|error| error.to_string())?;
    pool.install(|| check_document(rule)).map_err(Failed::from)
}

/// The document of a rule as it is on disk now, so that a change of it needs no rebuild to be tried.
fn read(rule: &str) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let categories = fs::read_dir(&folder).map_err(|error| error.to_string())?.flatten();
    let found = categories.map(|category| category.path().join(format!("{rule}.md"))).find(|path| path.is_file());
    let path = found.ok_or_else(|| format!("rules/*/{rule}.md does not exist"))?;
    fs::read_to_string(path).map_err(|error| error.to_string())
}

fn check_document(rule: &'static RuleInfo) -> Result<(), String> {
    let document = read(rule.name)?;
    let Document { sections, mut cases } = Document::parse(&document);
    cases.retain(|case| case.section == FLAGGED || case.section == NOT_FLAGGED);

    let mut problems = String::new();
    for section in SECTIONS {
        if !sections.iter().any(|own| own == section) {
            writeln!(problems, "the document has no section `{section}`").unwrap();
        }
    }
    for (section, kind) in [(FLAGGED, "flagged cases"), (NOT_FLAGGED, "look-alikes")] {
        let count = cases.iter().filter(|case| case.section == section).count();
        if count < FEWEST {
            writeln!(problems, "the document has {count} {kind}, at least {FEWEST} are asked for").unwrap();
        }
    }
    for case in &cases {
        check_case(rule, case, &mut problems);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn check_case(rule: &'static RuleInfo, case: &Case, problems: &mut String) {
    let mut wanted: BTreeSet<Line> = BTreeSet::new();
    for expectation in case.expectations().iter().filter(|expectation| expectation.name == "flag") {
        for name in &expectation.values {
            if *name == rule.name {
                wanted.insert((expectation.path.to_owned(), expectation.line));
            } else if lagmap_rules::all().iter().all(|known| known.name != *name) {
                writeln!(problems, "{}: `{name}` is no rule", case.title).unwrap();
            }
        }
    }
    if wanted.is_empty() == (case.section == FLAGGED) {
        let what = if wanted.is_empty() { "flags nothing" } else { "flags something" };
        writeln!(problems, "{}: {what}, which its section does not say", case.title).unwrap();
    }
    let found = match audit(case, |other| other.name == rule.name) {
        Ok(found) => found,
        Err(error) => return writeln!(problems, "{}: {error}", case.title).unwrap(),
    };
    let places: BTreeSet<Line> = found.iter().map(|found| found.line.clone()).collect();
    for (path, line) in wanted.difference(&places) {
        writeln!(problems, "{}: {path}:{line} must be reported and is not", case.title).unwrap();
    }
    for found in &found {
        let (path, line) = &found.line;
        if !wanted.contains(&found.line) {
            writeln!(problems, "{}: {path}:{line} must not be reported: {}", case.title, found.message).unwrap();
        }
    }
}
