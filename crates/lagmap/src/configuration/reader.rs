//! From TOML to a [`Configuration`], with the line of everything that is wrong.

use std::path::Path;

use globset::{Glob, GlobBuilder};
use lagmap_report::Severity;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::configuration::{Configuration, PerPath};
use crate::errors::Failure;
use crate::known_rules::{self, Written};
use crate::suggestion::nearest;

/// All keys, in the order in which they are shown.
pub(crate) const KEYS: [&str; 13] = [
    "select",
    "ignore",
    "per-path",
    "severity",
    "fail-on",
    "exclude",
    "startup-configs",
    "catalogues",
    "all-code",
    "pedantic",
    "requests-per-second",
    "min-impact-ms",
    "cache-dir",
];

/// Reads a `lagmap.toml`.
pub(super) fn own(text: &str, path: &Path) -> Result<Configuration, Failure> {
    let reader = Reader { text, path };
    let table = reader.parse()?;
    reader.configuration(table.get_ref())
}

/// Reads `[tool.lagmap]` of a `pyproject.toml`; `None` if it has no such table.
pub(super) fn pyproject(text: &str, path: &Path) -> Result<Option<Configuration>, Failure> {
    let reader = Reader { text, path };
    // A broken file that does not speak of us is no reason to stop.
    if !text.contains("lagmap") {
        return Ok(None);
    }
    let table = reader.parse()?;
    let Some(tool) = table.get_ref().get("tool").and_then(|tool| tool.get_ref().as_table()) else { return Ok(None) };
    match tool.get("lagmap") {
        Some(ours) => reader.configuration(reader.table("tool.lagmap", ours)?).map(Some),
        None => Ok(None),
    }
}

type Value<'i> = Spanned<DeValue<'i>>;

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl<'a> Reader<'a> {
    fn parse(&self) -> Result<Spanned<DeTable<'a>>, Failure> {
        DeTable::parse(self.text).map_err(|error| {
            let failure = Failure::new("cannot read the configuration").at(self.path);
            let failure = match error.span() {
                Some(span) => failure.line(self.line(span.start)),
                None => failure,
            };
            failure.because(error.message())
        })
    }

    fn configuration(&self, table: &DeTable<'_>) -> Result<Configuration, Failure> {
        let mut read = Configuration::default();
        self.path.parent().unwrap_or(Path::new("")).clone_into(&mut read.folder);
        read.file = Some(self.path.to_owned());
        for (key, value) in table {
            read.lines.insert(key.get_ref().to_string(), self.line(key.span().start));
            match key.get_ref().as_ref() {
                "select" => read.select = self.rules("select", value)?,
                "ignore" => read.ignore = self.rules("ignore", value)?,
                "fail-on" => read.fail_on = Some(self.severity("fail-on", value)?),
                "exclude" => read.exclude = self.globs("exclude", value)?,
                "startup-configs" => read.startup_configs = self.texts("startup-configs", value)?,
                "catalogues" => {
                    let files = self.texts("catalogues", value)?;
                    read.catalogues = files.into_iter().map(|file| read.folder.join(file)).collect();
                }
                "cache-dir" => {
                    let folder =
                        value.get_ref().as_str().ok_or_else(|| self.expected("cache-dir", "a folder", value))?;
                    read.cache_dir = Some(read.folder.join(folder));
                }
                "all-code" => read.all_code = self.switch("all-code", value)?,
                "pedantic" => read.pedantic = self.switch("pedantic", value)?,
                "min-impact-ms" => {
                    read.min_impact_ms = Some(self.number("min-impact-ms", "a number from 0", value, |ms| ms >= 0.0)?);
                }
                "requests-per-second" => {
                    read.requests_per_second =
                        Some(self.number("requests-per-second", "a number above 0", value, |rate| rate > 0.0)?);
                }
                "per-path" => read.per_path = self.per_path(value)?,
                "severity" => {
                    for (rule, severity) in self.table("severity", value)? {
                        self.known_rule("severity", rule.get_ref(), rule.span().start)?;
                        read.severity.insert(rule.get_ref().to_string(), self.severity("severity", severity)?);
                    }
                }
                unknown => return Err(self.unknown_key(unknown, key.span().start)),
            }
        }
        Ok(read)
    }

    fn unknown_key(&self, key: &str, offset: usize) -> Failure {
        let failure = self.wrong(offset).because(format!("unknown key `{key}`"));
        match nearest(key, KEYS) {
            Some(meant) => failure.help(format!("did you mean `{meant}`?")),
            None => failure.help(format!("the keys are {}", KEYS.join(", "))),
        }
    }

    fn per_path(&self, value: &Value<'_>) -> Result<Vec<PerPath>, Failure> {
        let entries = self.table("per-path", value)?.iter();
        entries
            .map(|(pattern, rules)| {
                let files = self.glob(pattern.get_ref(), pattern.span().start)?;
                Ok(PerPath { files, ignore: self.rules("per-path", rules)? })
            })
            .collect()
    }

    fn table<'v, 'i>(&self, key: &str, value: &'v Value<'i>) -> Result<&'v DeTable<'i>, Failure> {
        value.get_ref().as_table().ok_or_else(|| self.expected(key, "a table", value))
    }

    fn switch(&self, key: &str, value: &Value<'_>) -> Result<bool, Failure> {
        value.get_ref().as_bool().ok_or_else(|| self.expected(key, "true or false", value))
    }

    fn number(&self, key: &str, what: &str, value: &Value<'_>, fits: impl Fn(f64) -> bool) -> Result<f64, Failure> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite() && fits(*number)).ok_or_else(|| self.expected(key, what, value))
    }

    fn severity(&self, key: &str, value: &Value<'_>) -> Result<Severity, Failure> {
        let named = value.get_ref().as_str().and_then(Severity::named);
        named.ok_or_else(|| self.expected(key, "\"critical\", \"high\", \"medium\" or \"low\"", value))
    }

    fn items<'v>(&self, key: &str, value: &'v Value<'_>) -> Result<Vec<(&'v str, usize)>, Failure> {
        let wrong = |value| self.expected(key, "a list of strings", value);
        let list = value.get_ref().as_array().ok_or_else(|| wrong(value))?;
        list.iter().map(|item| Ok((item.get_ref().as_str().ok_or_else(|| wrong(item))?, item.span().start))).collect()
    }

    fn texts(&self, key: &str, value: &Value<'_>) -> Result<Vec<String>, Failure> {
        Ok(self.items(key, value)?.into_iter().map(|(text, _)| text.to_owned()).collect())
    }

    fn rules(&self, key: &str, value: &Value<'_>) -> Result<Vec<String>, Failure> {
        let items = self.items(key, value)?;
        for (name, offset) in &items {
            self.known_rule(key, name, *offset)?;
        }
        Ok(items.into_iter().map(|(name, _)| name.to_owned()).collect())
    }

    fn known_rule(&self, key: &str, name: &str, offset: usize) -> Result<(), Failure> {
        let written = Written { by: &format!("`{key}`"), place: Some((self.path, self.line(offset))) };
        known_rules::find(name, &written).map(|_| ())
    }

    fn globs(&self, key: &str, value: &Value<'_>) -> Result<Vec<Glob>, Failure> {
        self.items(key, value)?.into_iter().map(|(pattern, offset)| self.glob(pattern, offset)).collect()
    }

    fn glob(&self, pattern: &str, offset: usize) -> Result<Glob, Failure> {
        let built = GlobBuilder::new(pattern).literal_separator(true).build();
        built.map_err(|error| {
            let failure = self.wrong(offset).because(error);
            failure.help("a pattern is a path relative to the audited root, with `*`, `**`, `?` and `{a,b}`")
        })
    }

    fn expected(&self, key: &str, wanted: &str, value: &Value<'_>) -> Failure {
        self.wrong(value.span().start).because(format!("`{key}` must be {wanted}"))
    }

    fn wrong(&self, offset: usize) -> Failure {
        Failure::new("wrong configuration").at(self.path).line(self.line(offset))
    }

    /// The line, from 1, of a byte of the text.
    fn line(&self, offset: usize) -> usize {
        self.text.char_indices().take_while(|(place, _)| *place < offset).filter(|(_, c)| *c == '\n').count() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Configuration, String> {
        own(text, Path::new("dir/lagmap.toml")).map_err(|failure| failure.to_string())
    }

    #[test]
    fn every_key_is_read() {
        let configuration = read(
            "fail-on = 'high'\nexclude = ['build/**']\nstartup-configs = ['a.yaml']\ncatalogues = ['mine.toml']\n\
             cache-dir = 'kept'\nall-code = true\npedantic = true\nmin-impact-ms = 0\nrequests-per-second = 2.5\nselect = []\nignore = []\n[per-path]\n'tests/*.py' = []\n[severity]\n",
        )
        .unwrap();
        assert_eq!(configuration.fail_on, Some(Severity::High));
        assert!(configuration.exclude[0].compile_matcher().is_match("build/lib/a.py"));
        assert_eq!(configuration.startup_configs, ["a.yaml"]);
        assert_eq!(configuration.catalogues, [Path::new("dir/mine.toml")]);
        assert_eq!(configuration.cache_dir.as_deref(), Some(Path::new("dir/kept")));
        assert!(configuration.all_code && configuration.pedantic);
        assert_eq!((configuration.requests_per_second, configuration.min_impact_ms), (Some(2.5), Some(0.0)));
        assert_eq!(configuration.per_path[0].files.glob(), "tests/*.py");
        assert!(!configuration.per_path[0].files.compile_matcher().is_match("tests/deep/a.py"));
    }

    #[test]
    fn wrong_values_are_told_with_their_line() {
        for (text, told) in [
            ("\npedantic = 1", "dir/lagmap.toml:2: `pedantic` must be true or false"),
            ("exclude = ['a',\n 3]", "dir/lagmap.toml:2: `exclude` must be a list of strings"),
            ("fail-on = 'urgent'", "dir/lagmap.toml:1: `fail-on` must be \"critical\""),
            ("exclude = ['a[']", "dir/lagmap.toml:1: error parsing glob"),
            ("a = 1\na = 2", "dir/lagmap.toml:2: duplicate key"),
            ("[severity]\n\nno-such-rule = 'low'", "dir/lagmap.toml:3: there is no rule `no-such-rule`"),
            ("min-impact-ms = -1", "`min-impact-ms` must be a number from 0"),
            ("requests-per-second = 0", "`requests-per-second` must be a number above 0"),
            ("cache-dir = 3", "`cache-dir` must be a folder"),
            ("per-path = 3", "`per-path` must be a table"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(told), "{message}");
        }
    }

    #[test]
    fn a_pyproject_counts_only_with_our_table() {
        let path = Path::new("pyproject.toml");
        assert!(pyproject("[tool.other]\nx = 1", path).unwrap().is_none());
        assert!(pyproject("this is [broken", path).unwrap().is_none());
        assert!(pyproject("[tool.lagmap]\npedantic = true", path).unwrap().is_some_and(|read| read.pedantic));
        let told = pyproject("[project]\nname = 'x'\n[tool.lagmap]\npedantik = true", path).unwrap_err().to_string();
        assert_eq!(
            told,
            "error: wrong configuration: pyproject.toml:4: unknown key `pedantik`\nhelp: did you mean `pedantic`?\n"
        );
    }
}
