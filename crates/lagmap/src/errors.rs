//! Why a command could not be done, and the one place that says so.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use lagmap_report::visible;

/// The exit code of a command that could not be done.
const FAILED: u8 = 2;

/// Why a command could not be done.
#[derive(Debug)]
pub struct Failure {
    what: String,
    place: Option<String>,
    why: Option<String>,
    help: Option<String>,
}

impl Failure {
    /// A failure of `what`: "cannot read the configuration".
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: None, why: None, help: None }
    }

    /// It concerns this file.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.place = Some(path.display().to_string());
        self
    }

    /// It concerns this line, from 1, of the file said before.
    #[must_use]
    pub fn line(mut self, line: usize) -> Self {
        self.place = self.place.map(|place| format!("{place}:{line}"));
        self
    }

    /// The reason.
    #[must_use]
    pub fn because(mut self, why: impl fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// How to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says it on the standard error stream and gives the exit code.
    pub fn exit(&self) -> ExitCode {
        self.tell();
        ExitCode::from(FAILED)
    }

    /// Says it on the standard error stream.
    pub fn tell(&self) {
        say(&self.to_string());
    }
}

/// Says something on the standard error stream. If that is closed there is nobody to tell.
pub fn say(text: &str) {
    let _ = io::Write::write_all(&mut io::stderr(), text.as_bytes());
}

/// Says that something went wrong which does not stop the command.
pub fn warn(failure: &Failure) {
    say(&failure.to_string().replacen("error: ", "warning: ", 1));
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [Some(&self.what), self.place.as_ref(), self.why.as_ref()];
        let parts: Vec<_> = parts.into_iter().flatten().map(|part| visible(part)).collect();
        writeln!(f, "error: {}", parts.join(": "))?;
        match &self.help {
            Some(help) => writeln!(f, "help: {}", visible(help)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_where_why_and_the_mend_without_control_characters() {
        let failure = Failure::new("cannot read")
            .at(Path::new("a\u{1b}[31m.toml"))
            .line(3)
            .because("no such\nfile")
            .help("make it");
        assert_eq!(failure.to_string(), "error: cannot read: a\\u{1b}[31m.toml:3: no such\\u{a}file\nhelp: make it\n");
    }
}
