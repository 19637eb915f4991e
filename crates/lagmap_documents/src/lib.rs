//! Documents whose code blocks are tests.
//!
//! Each third-level heading starts a case, a project of its own; the fenced blocks behind it are its files
//! (```` ```python file=a/b.py ````, `main.py` if none is named; `yaml file=startup_config.yaml` for services). What is expected
//! stands in comments at the ends of lines: `# name: value`.

use std::{fs, path::Path};

use lagmap_models::Catalogue;
use lagmap_program::{Program, ProgramOptions, SourceUnit, SyntaxFault};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

/// A document, taken apart.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Its second-level headings.
    pub sections: Vec<String>,
    /// Its cases.
    pub cases: Vec<Case>,
}

/// A project in a document.
#[derive(Clone, Debug)]
pub struct Case {
    /// The second-level heading that it stands under.
    pub section: String,
    /// Its own heading.
    pub title: String,
    /// Paths and texts of its files.
    pub files: Vec<(String, String)>,
}

/// An expectation at the end of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation<'a> {
    /// The file.
    pub path: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// What is said: `flag`, `calls`.
    pub name: &'a str,
    /// The values, as they stand between the commas.
    pub values: Vec<&'a str>,
}

impl Document {
    /// Takes a document apart. Cases without files, and all before the first third-level heading, are left out.
    pub fn parse(text: &str) -> Self {
        let mut document = Self::default();
        let mut section = String::new();
        let mut heading: Option<String> = None;
        let mut block: Option<(String, String)> = None;
        for event in Parser::new(text) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(level)) => match (level, heading.take()) {
                    (HeadingLevel::H2, Some(title)) => {
                        document.sections.push(title.clone());
                        section = title;
                    }
                    (HeadingLevel::H3, Some(title)) => {
                        document.cases.push(Case { section: section.clone(), title, files: Vec::new() });
                    }
                    _ => {}
                },
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    block = Some((info.to_string(), String::new()));
                }
                Event::End(TagEnd::CodeBlock) => {
                    if let (Some((info, text)), Some(case)) = (block.take(), document.cases.last_mut())
                        && case.section == section
                    {
                        let named = info.split_whitespace().find_map(|part| part.strip_prefix("file="));
                        case.files.push((named.unwrap_or("main.py").to_owned(), text));
                    }
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(title) = &mut heading {
                        title.push_str(&text);
                    } else if let Some((_, code)) = &mut block {
                        code.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        document.cases.retain(|case| !case.files.is_empty());
        document
    }
}

impl Case {
    /// What comments at the ends of its lines expect: `code  # name: value, value  # name: value`.
    pub fn expectations(&self) -> Vec<Expectation<'_>> {
        let mut found = Vec::new();
        for (path, text) in &self.files {
            for (line, number) in text.lines().zip(1..) {
                for comment in line.split("# ").skip(1) {
                    let Some((name, values)) = comment.split_once(": ") else { continue };
                    let values = values.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
                    found.push(Expectation { path, line: number, name, values });
                }
            }
        }
        found
    }

    /// Links its files to a program, as an audit does.
    pub fn program(&self) -> Result<Program, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut units = Vec::new();
        for (path, text) in &self.files {
            let target = folder.path().join(path);
            let parent = target.parent().unwrap_or(folder.path());
            fs::create_dir_all(parent).and_then(|()| fs::write(&target, text)).map_err(|error| error.to_string())?;
            if Path::new(path).extension().is_some_and(|ending| ending == "py") {
                units.push(unit(path, text)?);
            }
        }
        let system = lagmap_system::load(folder.path(), &[], &lagmap_system::Options::default());
        let catalogue = Catalogue::load(&[]).map_err(|error| error.to_string())?;
        Ok(Program::build(units, catalogue, system, ProgramOptions::default()))
    }
}

fn unit(path: &str, text: &str) -> Result<SourceUnit, String> {
    let parsed = lagmap_source::parse(text).map_err(|error| error.message)?;
    let first = parsed.problems.first();
    let broken = first.map(|problem| SyntaxFault { message: problem.message.clone(), position: problem.position });
    let facts = lagmap_facts::lower(&parsed.module, text);
    Ok(SourceUnit { path: path.to_owned(), facts, lines: parsed.lines, broken })
}

#[cfg(test)]
mod tests {
    use super::{Document, Expectation};

    #[test]
    fn cases_have_files_and_expectations() {
        let text = "# T\n\n## One\n\n### a `case`\nText.\n\n```python\nf()  # calls: main.f, main.g  # bound: never\n```\n\n```yaml \
                    file=x.yaml\na: 1\n```\n\n## Two\n\n### empty\n";
        let document = Document::parse(text);
        assert_eq!(document.sections, ["One", "Two"]);
        let [case] = document.cases.as_slice() else { panic!("{:?}", document.cases) };
        assert_eq!((case.section.as_str(), case.title.as_str()), ("One", "a case"));
        assert_eq!(case.files[1], ("x.yaml".to_owned(), "a: 1\n".to_owned()));
        let calls = Expectation { path: "main.py", line: 1, name: "calls", values: vec!["main.f", "main.g"] };
        assert_eq!(case.expectations()[0], calls);
        assert_eq!(case.expectations()[1].values, ["never"]);
    }
}
