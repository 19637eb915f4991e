//! Places: files as URIs, columns as the editor counts them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use lsp_types::{InitializeParams, Position, PositionEncodingKind, Range, TextDocumentContentChangeEvent, Uri};
use url::Url;

/// What an editor counts in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units, which every editor can.
    Utf16,
}

impl Encoding {
    /// What the editor and we both can, bytes if it may be.
    pub(super) fn agreed(parameters: &InitializeParams) -> Self {
        let general = parameters.capabilities.general.as_ref();
        let offered = general.and_then(|general| general.position_encodings.as_deref()).unwrap_or_default();
        if offered.contains(&PositionEncodingKind::UTF8) { Self::Utf8 } else { Self::Utf16 }
    }

    /// How much of a line a character takes.
    fn units(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        }
    }

    /// A line and a column in characters, both from 1, as the editor counts them.
    pub(super) fn position(self, text: &str, line: u32, column: u32) -> Position {
        let line = line.saturating_sub(1);
        let before = text.lines().nth(line as usize).unwrap_or_default().chars();
        let units: usize = before.take(column.saturating_sub(1) as usize).map(|c| self.units(c)).sum();
        Position::new(line, units as u32)
    }

    /// The byte of a text that a position means; its end for one behind it.
    fn offset(self, text: &str, position: Position) -> usize {
        let mut start = 0;
        for _ in 0..position.line {
            match text[start..].find('\n') {
                Some(end) => start += end + 1,
                None => return text.len(),
            }
        }
        let mut left = position.character as usize;
        for (at, character) in text[start..].char_indices() {
            if left < self.units(character) || matches!(character, '\n' | '\r') {
                return start + at;
            }
            left -= self.units(character);
        }
        text.len()
    }

    /// Changes a text as the editor did.
    pub(super) fn change(self, text: &mut String, change: TextDocumentContentChangeEvent) {
        match change.range {
            Some(Range { start, end }) => {
                let (start, end) = (self.offset(text, start), self.offset(text, end));
                text.replace_range(start..end.max(start), &change.text);
            }
            None => *text = change.text,
        }
    }
}

/// The folder that the editor has open.
#[expect(deprecated, reason = "editors that know no folders of a workspace name their one folder so")]
pub(super) fn folder_of(parameters: &InitializeParams) -> Option<PathBuf> {
    let folders = parameters.workspace_folders.as_deref().unwrap_or_default();
    let uri = folders.first().map(|folder| &folder.uri).or(parameters.root_uri.as_ref());
    let path = uri.and_then(path_of).or_else(|| parameters.root_path.as_ref().map(PathBuf::from))?;
    path.canonicalize().ok().filter(|path| path.is_dir())
}

/// The file of a URI.
pub(super) fn path_of(uri: &Uri) -> Option<PathBuf> {
    Url::parse(uri.as_str()).ok()?.to_file_path().ok()
}

/// The URI of a file.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    Uri::from_str(Url::from_file_path(path).ok()?.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(encoding: Encoding, text: &str, from: (u32, u32), to: (u32, u32), new: &str) -> String {
        let mut text = text.to_owned();
        let range = Some(Range::new(Position::new(from.0, from.1), Position::new(to.0, to.1)));
        encoding.change(&mut text, TextDocumentContentChangeEvent { range, range_length: None, text: new.to_owned() });
        text
    }

    #[test]
    fn edits_change_what_the_editor_means() {
        let text = "ä = '𝄞'\r\nb = 2\n";
        assert_eq!(changed(Encoding::Utf16, text, (0, 5), (0, 7), "x"), "ä = 'x'\r\nb = 2\n");
        assert_eq!(changed(Encoding::Utf8, text, (0, 6), (0, 10), "x"), "ä = 'x'\r\nb = 2\n");
        assert_eq!(changed(Encoding::Utf16, text, (1, 4), (1, 5), "3"), "ä = '𝄞'\r\nb = 3\n");
        // Behind the end of a line, and of the text.
        assert_eq!(changed(Encoding::Utf16, text, (0, 99), (0, 99), ";"), "ä = '𝄞';\r\nb = 2\n");
        assert_eq!(changed(Encoding::Utf16, text, (9, 0), (9, 9), "c"), "ä = '𝄞'\r\nb = 2\nc");
    }

    #[test]
    fn columns_are_counted_as_agreed() {
        let text = "x = '𝄞'; y";
        assert_eq!(Encoding::Utf16.position(text, 1, 10), Position::new(0, 10));
        assert_eq!(Encoding::Utf8.position(text, 1, 10), Position::new(0, 12));
        assert_eq!(Encoding::Utf16.position(text, 1, 5), Position::new(0, 4));
    }

    #[cfg(unix)]
    #[test]
    fn files_have_uris_and_back() {
        let path = Path::new("/a b/ä#%.py");
        let uri = uri_of(path).unwrap();
        assert_eq!(path_of(&uri).as_deref(), Some(path));
    }
}
