//! The code of a finding as annotate-snippets wants it: windows of harmless lines, with the finding's site and the
//! steps of its path marked in them.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Snippet};

use crate::escape::push_visible;
use crate::model::Finding;
use crate::source::SourceProvider;

/// Steps of the path that are marked; a longer path is cut in its middle.
const STEPS: usize = 6;
/// A finding that spans more lines than these is marked at its first.
const LINES: u32 = 6;
/// Characters of a line that are kept: data files written as code have lines of megabytes.
const LINE_LENGTH: usize = 400;

/// A place in a file to be marked.
struct Mark {
    primary: bool,
    /// First line and column, from 1; without a column the whole line is meant.
    start: (u32, Option<u32>),
    end: (u32, Option<u32>),
    label: String,
}

/// The snippets of a finding, its own file first; empty where no source can be had. Also the number of steps left out.
pub(crate) fn snippets(
    finding: &Finding,
    sources: &dyn SourceProvider,
) -> (Vec<Snippet<'static, Annotation<'static>>>, usize) {
    let (files, left_out) = marks_by_file(finding);
    let snippets =
        files.into_iter().filter_map(|(path, marks)| Some(snippet(path, &sources.source(path)?, &marks))).collect();
    (snippets, left_out)
}

fn marks_by_file(finding: &Finding) -> (Vec<(&str, Vec<Mark>)>, usize) {
    let short = finding.end_line.saturating_sub(finding.line) < LINES;
    let end = if short { (finding.end_line, Some(finding.end_column)) } else { (finding.line, None) };
    let site = Mark { primary: true, start: (finding.line, Some(finding.column)), end, label: String::new() };
    let mut files = vec![(finding.path.as_str(), vec![site])];

    let (head, tail) = (STEPS / 2, finding.trace.len().saturating_sub(STEPS - STEPS / 2));
    for (index, step) in finding.trace.iter().enumerate() {
        if index >= head && index < tail {
            continue;
        }
        let label = format!("{}. {}", index + 1, crate::visible(&step.note));
        let known = files.iter().position(|(path, _)| *path == step.path);
        let file = known.unwrap_or_else(|| {
            files.push((&step.path, Vec::new()));
            files.len() - 1
        });
        let Some((_, marks)) = files.get_mut(file) else { continue };
        // Two labels at one line would only hide each other.
        match marks.iter_mut().find(|mark| mark.start.0 == step.line) {
            Some(mark) if mark.label.is_empty() => mark.label = label,
            Some(mark) => mark.label = format!("{}; {label}", mark.label),
            None => marks.push(Mark { primary: false, start: (step.line, None), end: (step.line, None), label }),
        }
    }
    (files, tail.saturating_sub(head))
}

/// One file with its marks. annotate-snippets folds the lines between marks that lie far apart.
fn snippet(path: &str, source: &str, marks: &[Mark]) -> Snippet<'static, Annotation<'static>> {
    let first = marks.iter().map(|mark| mark.start.0).min().unwrap_or(1).max(1);
    let last = marks.iter().map(|mark| mark.end.0).max().unwrap_or(1).max(first);
    let window = Window::of(source, first, last);
    let annotations: Vec<_> = marks.iter().map(|mark| window.annotation(mark)).collect();
    Snippet::source(window.text)
        .line_start(first as usize)
        .path(crate::visible(path).into_owned())
        .annotations(annotations)
}

/// Some lines of a file, escaped and cut; `lines` knows where each column of the file went.
struct Window {
    text: String,
    first: u32,
    lines: Vec<Line>,
}

struct Line {
    /// Offset in the window's text of each kept character of the line, and of the line's end.
    columns: Vec<usize>,
    /// Characters of indentation.
    indent: usize,
}

impl Window {
    fn of(source: &str, first: u32, last: u32) -> Self {
        let mut window = Self { text: String::new(), first, lines: Vec::new() };
        let skipped = first.saturating_sub(1) as usize;
        let wanted = last.saturating_sub(first) as usize + 1;
        for line in python_lines(source).skip(skipped).take(wanted) {
            window.push(line);
        }
        window
    }

    fn push(&mut self, line: &str) {
        if !self.lines.is_empty() {
            self.text.push('\n');
        }
        let mut columns = Vec::new();
        for c in line.chars().take(LINE_LENGTH) {
            columns.push(self.text.len());
            if c == '\t' { self.text.push_str("    ") } else { push_visible(&mut self.text, c) }
        }
        columns.push(self.text.len());
        let indent = line.chars().take(LINE_LENGTH).take_while(|c| c.is_whitespace()).count();
        self.lines.push(Line { columns, indent });
    }

    fn annotation(&self, mark: &Mark) -> Annotation<'static> {
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let start = self.offset(mark.start, |line| line.indent);
        let end = self.offset(mark.end, |line| line.columns.len() - 1).max(start);
        let span: Range<usize> = start..end;
        let annotation = kind.span(span);
        if mark.label.is_empty() { annotation } else { annotation.label(mark.label.clone()) }
    }

    /// Offset of a line and column; of the character that `otherwise` chooses where no column is given. What lies
    /// outside the window (a file that changed since it was audited) is moved to its end.
    fn offset(&self, (line, column): (u32, Option<u32>), otherwise: impl Fn(&Line) -> usize) -> usize {
        let Some(line) = self.lines.get(line.saturating_sub(self.first) as usize) else { return self.text.len() };
        let character = column.map_or_else(|| otherwise(line), |column| column.saturating_sub(1) as usize);
        line.columns.get(character).or(line.columns.last()).copied().unwrap_or(self.text.len())
    }
}

/// The lines of a file as Python counts them: ended by `\n`, `\r\n` or `\r`.
fn python_lines(source: &str) -> impl Iterator<Item = &str> {
    source.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_python_says() {
        assert_eq!(python_lines("a\nb\r\nc\rd").collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn columns_follow_escaped_characters() {
        let window = Window::of("one\nä\u{1b}b\tc\n", 2, 2);
        assert_eq!(window.text, "ä\\u{1b}b    c");
        let at = |column| &window.text[window.offset((2, Some(column)), |line| line.indent)..];
        assert_eq!([at(1), at(3), at(5), at(99)], ["ä\\u{1b}b    c", "b    c", "c", ""]);
    }

    #[test]
    fn places_outside_the_file_are_moved_to_its_end() {
        let window = Window::of("one\n", 7, 9);
        let mark = Mark { primary: true, start: (7, Some(3)), end: (9, None), label: String::new() };
        // Would panic in the renderer if the span were outside the text.
        let _ = window.annotation(&mark);
        assert_eq!(window.offset((8, None), |line| line.indent), 0);
    }
}
