//! Lines and columns of a text.

use serde::{Deserialize, Serialize};

use crate::{Position, Span};

/// Where the lines of a text start, and where its characters are wider than a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineMap {
    /// Offset of each line's first byte; a line that holds nothing at the end of the text is left out.
    starts: Vec<u32>,
    /// Offset of each non-ASCII character, and how many bytes it has beyond one.
    wide: Vec<(u32, u8)>,
}

impl LineMap {
    /// The lines of a text. Ends of lines are those of Python: `\n`, `\r\n` and `\r`.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut map = Self::default();
        if !bytes.is_empty() {
            map.starts.push(0);
        }
        for (index, byte) in bytes.iter().enumerate() {
            let next = index + 1;
            let ends = *byte == b'\n' || *byte == b'\r' && bytes.get(next) != Some(&b'\n');
            if ends && next < bytes.len() {
                map.starts.push(next as u32);
            }
        }
        if !text.is_ascii() {
            let wide = text.char_indices().filter(|(_, character)| character.len_utf8() > 1);
            map.wide = wide.map(|(offset, character)| (offset as u32, character.len_utf8() as u8 - 1)).collect();
        }
        map
    }

    /// The line and column of a byte offset.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let first = self.wide.partition_point(|(at, _)| *at < start);
        let last = self.wide.partition_point(|(at, _)| *at < offset);
        let extra: u32 =
            self.wide.get(first..last).unwrap_or_default().iter().map(|(_, extra)| u32::from(*extra)).sum();
        Position { line: line as u32, column: offset.saturating_sub(start).saturating_sub(extra) + 1 }
    }

    /// How many lines there are; what follows the last end of line is none if it is empty.
    pub fn line_count(&self) -> u32 {
        self.starts.len() as u32
    }

    /// The text of a line, from 1, its end of line included; empty if there is no such line.
    pub fn line_span(&self, line: u32, text: &str) -> Span {
        let index = (line as usize).wrapping_sub(1);
        match self.starts.get(index) {
            Some(start) => Span::new(*start, self.starts.get(index + 1).copied().unwrap_or(text.len() as u32)),
            None => Span::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_lines_as_an_editor_does() {
        let counts = ["", "a", "a\n", "a\nb", "a\r\nb\r\n", "a\rb"].map(|text| LineMap::new(text).line_count());
        assert_eq!(counts, [0, 1, 1, 2, 2, 2]);
    }

    proptest! {
        #[test]
        fn positions_agree_with_a_naive_count(text in "[aé😀\n ]{0,40}") {
            let map = LineMap::new(&text);
            let (mut line, mut column) = (1, 1);
            for (offset, character) in text.char_indices() {
                prop_assert_eq!(map.position(offset as u32), Position { line, column });
                if character == '\n' { line += 1; column = 1 } else { column += 1 }
            }
        }
    }
}
