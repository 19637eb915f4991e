//! Files of sections and `key = value` lines: supervisord, systemd, `setup.cfg`, uWSGI.

/// A `[section]` with its entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) line: u32,
    pub(crate) entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) line: u32,
}

impl Section {
    /// The last value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().rev().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// All values of a key.
    pub(crate) fn all<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s str> {
        self.entries.iter().filter(move |entry| entry.key == key).map(|entry| entry.value.as_str())
    }
}

/// The sections of a file, in order. A line that starts with white space, or follows one that ends in `\`, goes on with the
/// value before.
pub(crate) fn sections(text: &str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut goes_on = false;
    for (index, raw) in text.lines().enumerate() {
        let line = index as u32 + 1;
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            goes_on = false;
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name)
            && !raw.starts_with(char::is_whitespace)
            && !goes_on
        {
            found.push(Section { name: name.trim().to_owned(), line, entries: Vec::new() });
            continue;
        }
        let Some(section) = found.last_mut() else { continue };
        let (text, more) = match trimmed.strip_suffix('\\') {
            Some(text) => (text.trim_end(), true),
            None => (trimmed, false),
        };
        let continued = goes_on || raw.starts_with(char::is_whitespace);
        match (section.entries.last_mut(), text.split_once('=')) {
            (Some(entry), _) if continued => {
                entry.value.push(if goes_on { ' ' } else { '\n' });
                entry.value.push_str(text);
            }
            (_, Some((key, value))) => {
                let entry = Entry { key: key.trim().to_owned(), value: value.trim().to_owned(), line };
                section.entries.push(entry);
            }
            _ => {}
        }
        goes_on = more;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::sections;

    #[test]
    fn values_go_on_over_lines() {
        let read = sections("[a]\nx = 1\n  2\ny=3 \\\n4\n; no\n[b c]\nx==\n");
        assert_eq!(read[0].get("x"), Some("1\n2"));
        assert_eq!(read[0].get("y"), Some("3 4"));
        assert_eq!((read[1].name.as_str(), read[1].line, read[1].get("x")), ("b c", 7, Some("=")));
    }
}
