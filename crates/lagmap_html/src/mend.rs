//! How the findings of a rule are mended: a part of the rule's document.

use serde::Serialize;

/// The heading of that part.
const HEADING: &str = "## How to mend it";

/// A rule's name and document.
#[derive(Clone, Copy, Debug)]
pub struct RuleMend<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// Its document, as Markdown.
    pub document: &'a str,
}

/// What a document says on mending: a sentence and code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mend {
    /// The text before the code, without Markdown's marks for code.
    pub text: String,
    /// The code.
    pub code: String,
}

impl Mend {
    /// Takes the part from a document; empty if there is none.
    #[must_use]
    pub fn of(document: &str) -> Self {
        let Some((_, part)) = document.split_once(HEADING) else { return Self::default() };
        let part = part.split("\n## ").next().unwrap_or(part);
        let Some((text, code)) = part.split_once("```python") else {
            return Self { text: plain(part), code: String::new() };
        };
        let code = code.split_once('\n').map_or("", |(_, code)| code);
        let code = code.split("\n```").next().unwrap_or(code).trim_end();
        Self { text: plain(text), code: code.to_owned() }
    }
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_code_are_taken_from_the_right_part() {
        let document = "# a\n\n```python\nwrong\n```\n\n## How to mend it\n\nHand it to\n`to_thread`:\n\n```python\na = 1\n\nb = 2\n```\n\n## Measured\n\n```python\nwrong\n```\n";
        let mend = Mend::of(document);
        assert_eq!(mend, Mend { text: "Hand it to to_thread:".into(), code: "a = 1\n\nb = 2".into() });
        assert_eq!(Mend::of("# a\n\nNothing.\n"), Mend::default());
        assert_eq!(Mend::of("## How to mend it\n\nDelete it.\n").text, "Delete it.");
    }
}
