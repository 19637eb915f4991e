//! A comparison as the comment on a pull request, of bounded size.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Changed, Comparison, SnapshotFinding, counted, headline, numbers};
use crate::escape::{code_span, prose};

/// By this a bot finds the comment that it wrote before.
pub const MARKER: &str = "<!-- lagmap -->";
/// GitHub refuses comments of more than 65,536 characters; GitLab's limit is higher.
const MOST_CHARACTERS: usize = 60_000;
/// Room for the end of a list and the headings of those behind it.
const ROOM: usize = 600;

/// Writes the comment: what is new in the open, what is fixed or has other numbers folded.
pub fn render(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    let mut page = format!("{MARKER}\n### lagmap: {}\n\n", headline(comparison));
    // Writing into a string cannot fail.
    let _ =
        writeln!(page, "{} before, {} now.", counted(comparison.before.findings), counted(comparison.after.findings));
    let worse: Vec<String> = comparison.changed.iter().map(change).collect();
    let new: Vec<String> = comparison.new.iter().map(finding).collect();
    let fixed: Vec<String> = comparison.fixed.iter().map(finding).collect();
    list(&mut page, "New", &new, false);
    list(&mut page, "With other numbers", &worse, true);
    list(&mut page, "Fixed", &fixed, true);
    out.write_all(page.as_bytes())
}

/// A list, cut where the comment would become too long.
fn list(page: &mut String, title: &str, lines: &[String], folded: bool) {
    if lines.is_empty() {
        return;
    }
    let (open, close) = if folded {
        (format!("\n<details><summary>{title}: {}</summary>\n\n", lines.len()), "\n</details>\n")
    } else {
        (format!("\n#### {title}\n\n"), "")
    };
    page.push_str(&open);
    let mut length = page.chars().count();
    for (written, line) in lines.iter().enumerate() {
        length += line.chars().count();
        if length > MOST_CHARACTERS - ROOM {
            let _ = writeln!(page, "- … and {} more", lines.len() - written);
            break;
        }
        page.push_str(line);
    }
    page.push_str(close);
}

fn finding(finding: &SnapshotFinding) -> String {
    let place = code_span(&format!("{}:{}", finding.path, finding.line));
    let (severity, rule) = (finding.severity.name(), code_span(&finding.rule));
    format!("- **{severity}** {place} {} {} ({rule})\n", prose(&finding.message), prose(&numbers(finding)))
}

fn change(changed: &Changed) -> String {
    let was = format!("was {}, {}", changed.before.severity.name(), numbers(&changed.before));
    format!("{}; {}\n", finding(&changed.after).trim_end(), prose(&was))
}
