//! Lines and columns of a text.

use serde::{Deserialize, Serialize};

use crate::{Position, Span};

/// Where the lines of a text start, and where its characters are wider than a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineMap {
    /// Offset of each line's first byte; a line that holds nothing at the end of the text is left out.
    starts: Vec<u32>,
    /// Runs of non-ASCII characters of one width, by offset.
    wide: Vec<Wide>,
}

/// Characters of the same width that stand side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Wide {
    start: u32,
    end: u32,
    /// Bytes of each.
    width: u32,
    /// Bytes beyond one a character in all runs before.
    before: u32,
}

impl Wide {
    /// Bytes beyond one a character from the start of the text up to an offset in or behind the run.
    fn beyond(self, offset: u32) -> u32 {
        self.before + (offset.min(self.end) - self.start) / self.width * (self.width - 1)
    }
}

impl LineMap {
    /// The lines of a text. Ends of lines are those of Python: `\n`, `\r\n` and `\r`.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut map = Self::default();
        if !bytes.is_empty() {
            map.starts.push(0);
        }
        // Lines of code have some forty bytes.
        map.starts.reserve(bytes.len() / 40);
        for index in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            let next = index + 1;
            let ends = bytes[index] == b'\n' || bytes.get(next) != Some(&b'\n');
            if ends && next < bytes.len() {
                map.starts.push(next as u32);
            }
        }
        map.starts.shrink_to_fit();
        if !text.is_ascii() {
            for (offset, lead) in bytes.iter().enumerate() {
                // The first byte of a character says how many there are.
                let width = match lead {
                    ..0xc0 => continue,
                    ..0xe0 => 2,
                    ..0xf0 => 3,
                    _ => 4,
                };
                map.add_wide(offset as u32, width);
            }
        }
        map
    }

    fn add_wide(&mut self, start: u32, width: u32) {
        let end = start + width;
        match self.wide.last_mut() {
            Some(last) if last.end == start && last.width == width => last.end = end,
            last => {
                let before = last.map_or(0, |last| last.beyond(start));
                self.wide.push(Wide { start, end, width, before });
            }
        }
    }

    /// The line and column of a byte offset.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let characters = self.characters(offset).saturating_sub(self.characters(start));
        Position { line: line as u32, column: characters.saturating_add(1) }
    }

    /// How many characters stand before a byte offset.
    fn characters(&self, offset: u32) -> u32 {
        let behind = self.wide.partition_point(|run| run.start < offset);
        let last = behind.checked_sub(1).and_then(|index| self.wide.get(index));
        offset - last.map_or(0, |run| run.beyond(offset))
    }

    /// Whether this may be the map of some text: one that is, can be asked anything without a panic.
    pub fn is_consistent(&self) -> bool {
        let mut before = 0_u32;
        let mut last = 0;
        let runs_hold = self.wide.iter().all(|run| {
            let fits = (2..=4).contains(&run.width)
                && run.start >= last
                && run.end > run.start
                && (run.end - run.start).is_multiple_of(run.width)
                && run.before == before;
            if fits {
                last = run.end;
                before = run.beyond(run.end);
            }
            fits
        });
        runs_hold && self.starts.first().is_none_or(|first| *first == 0) && self.starts.is_sorted()
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

    #[test]
    fn maps_of_no_text_are_told() {
        let map = LineMap::new("aé√😀\nb");
        let damages: [fn(&mut LineMap); 6] = [
            |map| map.starts.reverse(),
            |map| map.wide[0].width = 0,
            |map| map.wide[1].before = 9,
            |map| map.wide[1].end = 1,
            |map| map.wide[2].start = 0,
            |map| map.wide[2].end -= 1,
        ];
        for (index, damage) in damages.into_iter().enumerate() {
            let mut map = map.clone();
            damage(&mut map);
            assert!(!map.is_consistent(), "damage {index} goes unseen");
        }
    }

    proptest! {
        #[test]
        fn positions_agree_with_a_naive_count(text in "[aé√😀\n\r ]{0,40}") {
            let map = LineMap::new(&text);
            prop_assert!(map.is_consistent());
            let (mut line, mut column) = (1, 1);
            for (offset, character) in text.char_indices() {
                prop_assert_eq!(map.position(offset as u32), Position { line, column });
                let is_end = character == '\n' || character == '\r' && !text[offset + 1..].starts_with('\n');
                if is_end { line += 1; column = 1 } else { column += 1 }
            }
            let ends_open = column > 1;
            prop_assert_eq!(map.line_count(), if ends_open { line } else { line - 1 });
            for line in 1..=map.line_count() {
                let span = map.line_span(line, &text);
                prop_assert_eq!(map.position(span.start), Position { line, column: 1 });
            }
        }
    }
}
