//! Rule documents are the tests: every case of every document must be found as its comments say, and nothing else.
//!
//! In the sections "Flagged" and "Not flagged" each third-level heading starts a case, a project of its own. A fenced block
//! ```` ```python file=a/b.py ```` is one of its files (`main.py` if it names none); lines that must be reported end in
//! `# flag: <rule-name>`.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use lagmap_models::Catalogue;
use lagmap_program::{Program, ProgramOptions, SourceUnit, SyntaxFault};
use lagmap_rules::{Confidence, Location, RuleInfo};
use libtest_mimic::{Arguments, Failed, Trial};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

/// The fewest flagged cases and look-alikes of a document.
const FEWEST: usize = 3;
const SECTIONS: [&str; 6] =
    ["What it finds", "Why it matters", "What it costs", "Flagged", "Not flagged", "How to mend it"];

struct Case {
    title: String,
    flagged: bool,
    files: Vec<(String, String)>,
}

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
    let (sections, cases) = parse(&document);

    let mut problems = String::new();
    for section in SECTIONS {
        if !sections.contains(section) {
            writeln!(problems, "the document has no section `{section}`").unwrap();
        }
    }
    for flagged in [true, false] {
        let count = cases.iter().filter(|case| case.flagged == flagged).count();
        if count < FEWEST {
            let kind = if flagged { "flagged cases" } else { "look-alikes" };
            writeln!(problems, "the document has {count} {kind}, at least {FEWEST} are asked for").unwrap();
        }
    }
    for case in &cases {
        check_case(rule, case, &mut problems);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn check_case(rule: &'static RuleInfo, case: &Case, problems: &mut String) {
    let mut wanted: BTreeSet<(String, u32)> = BTreeSet::new();
    for (path, text) in &case.files {
        for (line, number) in text.lines().zip(1..) {
            if let Some((_, name)) = line.split_once("# flag: ") {
                if name.trim() == rule.name {
                    wanted.insert((path.clone(), number));
                } else if lagmap_rules::all().iter().all(|known| known.name != name.trim()) {
                    writeln!(problems, "{}: `{}` is no rule", case.title, name.trim()).unwrap();
                }
            }
        }
    }
    if wanted.is_empty() == case.flagged {
        let what = if case.flagged { "flags nothing" } else { "flags something" };
        writeln!(problems, "{}: {what}, which its section does not say", case.title).unwrap();
    }
    let found = audit(rule, &case.files);
    let places: BTreeSet<(String, u32)> = found.iter().map(|(place, _)| place.clone()).collect();
    for (path, line) in wanted.difference(&places) {
        writeln!(problems, "{}: {path}:{line} must be reported and is not", case.title).unwrap();
    }
    for (place, message) in &found {
        if !wanted.contains(place) {
            writeln!(problems, "{}: {}:{} must not be reported: {message}", case.title, place.0, place.1).unwrap();
        }
    }
}

/// What the rule reports in a project: places and messages.
fn audit(rule: &'static RuleInfo, files: &[(String, String)]) -> Vec<((String, u32), String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for (path, text) in files {
        let target = folder.path().join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, text).unwrap();
        if Path::new(path).extension().is_some_and(|ending| ending == "py") {
            units.push(unit(path, text));
        }
    }
    let system = lagmap_system::load(folder.path(), &[], &lagmap_system::Options::default());
    let catalogue = Catalogue::load(&[]).unwrap();
    let program = Program::build(units, catalogue, system, ProgramOptions::default());
    let found = lagmap_rules::check(&program, |other| other.name == rule.name);
    let shown = found.into_iter().filter(|finding| finding.confidence > Confidence::Possible);
    let place = |finding: lagmap_rules::Finding| {
        let place = match &finding.location {
            Location::Code { file, span, .. } => {
                let (path, line) = lagmap_rules::place(&program, *file, *span);
                (path.to_owned(), line)
            }
            Location::Line { path, line, .. } => (path.clone(), *line),
        };
        (place, finding.message)
    };
    shown.map(place).collect()
}

fn unit(path: &str, text: &str) -> SourceUnit {
    let parsed = lagmap_source::parse(text).unwrap();
    let first = parsed.problems.first();
    let broken = first.map(|problem| SyntaxFault { message: problem.message.clone(), position: problem.position });
    let facts = lagmap_facts::lower(&parsed.module, text);
    SourceUnit { path: path.to_owned(), facts, lines: parsed.lines, broken }
}

/// The second-level headings of a document, and the cases of its two test sections.
fn parse(document: &str) -> (BTreeSet<String>, Vec<Case>) {
    let mut sections = BTreeSet::new();
    let mut cases: Vec<Case> = Vec::new();
    let mut section = String::new();
    let mut heading: Option<(HeadingLevel, String)> = None;
    let mut block: Option<(String, String)> = None;
    for event in Parser::new(document) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => heading = Some((level, String::new())),
            Event::End(TagEnd::Heading(_)) => match heading.take() {
                Some((HeadingLevel::H2, title)) => {
                    sections.insert(title.clone());
                    section = title;
                }
                Some((HeadingLevel::H3, title)) if section == "Flagged" || section == "Not flagged" => {
                    cases.push(Case { title, flagged: section == "Flagged", files: Vec::new() });
                }
                _ => {}
            },
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                block = Some((info.to_string(), String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((info, text)) = block.take()
                    && (section == "Flagged" || section == "Not flagged")
                    && let Some(case) = cases.last_mut()
                {
                    let named = info.split_whitespace().find_map(|part| part.strip_prefix("file="));
                    case.files.push((named.unwrap_or("main.py").to_owned(), text));
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, title)) = &mut heading {
                    title.push_str(&text);
                } else if let Some((_, code)) = &mut block {
                    code.push_str(&text);
                }
            }
            _ => {}
        }
    }
    (sections, cases)
}
