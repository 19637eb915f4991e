//! memray's reports for programs: `memray stats --json` and `memray transform csv`.

use serde::Deserialize;

use super::ProfileError;
use crate::json;
use crate::profile::{Calls, Format, Frame, Line, Profile, Unit};
use crate::tree::{Frames, TreeBuilder};

#[derive(Deserialize)]
struct Stats {
    #[serde(default)]
    total_bytes_allocated: u64,
    top_allocations_by_size: Vec<Top>,
}

#[derive(Deserialize)]
struct Top {
    location: String,
    size: u64,
}

/// The largest places, and all the rest as one frame without a name.
pub(super) fn stats(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let stats: Stats = json::read(bytes)?;
    let mut frames = Frames::default();
    let mut tree = TreeBuilder::default();
    let mut listed = 0_u64;
    for top in &stats.top_allocations_by_size {
        listed = listed.saturating_add(top.size);
        tree.stack([frames.add(of_location(&top.location))], weight(top.size))?;
    }
    let rest = Frame { function: String::new(), file: String::new(), line: Line::Unknown };
    tree.stack([frames.add(rest)], weight(stats.total_bytes_allocated.saturating_sub(listed)))?;
    Ok(profile(Format::MemrayStats, frames, tree))
}

/// `function:file:line`; the file may hold colons.
fn of_location(location: &str) -> Frame {
    let parsed = location.split_once(':').and_then(|(function, rest)| {
        let (file, line) = rest.rsplit_once(':')?;
        Some(Frame { function: function.to_owned(), file: file.to_owned(), line: Line::running(line.parse().ok()) })
    });
    parsed.unwrap_or_else(|| Frame { function: location.to_owned(), file: String::new(), line: Line::Unknown })
}

const COLUMNS: [&str; 6] = ["allocator", "num_allocations", "size", "tid", "thread_name", "stack_trace"];

/// Whether a text begins with the heading of memray's table.
pub(super) fn is_csv(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim_end().split(',').eq(COLUMNS))
}

/// A row an allocation, its stack from the innermost frame outwards: `function;file;line|…`.
pub(super) fn csv(text: &str) -> Result<Profile, ProfileError> {
    let broken = |error: &dyn std::fmt::Display| ProfileError::Malformed(error.to_string());
    let mut frames = Frames::default();
    let mut tree = TreeBuilder::default();
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.map_err(|error| broken(&error))?;
        let size: u64 =
            row.get(2).unwrap_or_default().parse().map_err(|error: std::num::ParseIntError| broken(&error))?;
        let stack = row.get(5).unwrap_or_default();
        let parts = stack.split('|').rev().filter(|part| !part.is_empty());
        let stack: Vec<u32> = parts.map(|part| frames.add(of_row(part))).collect();
        tree.stack(stack, weight(size))?;
    }
    Ok(profile(Format::MemrayCsv, frames, tree))
}

fn of_row(part: &str) -> Frame {
    let mut fields = part.split(';');
    let (function, file) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let line = Line::running(fields.next().and_then(|line| line.parse().ok()));
    Frame { function: function.to_owned(), file: file.to_owned(), line }
}

fn weight(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no machine has 2^53 bytes")]
    let weight = bytes as f64;
    weight
}

fn profile(format: Format, frames: Frames, tree: TreeBuilder) -> Profile {
    Profile { format, unit: Unit::Bytes, frames: frames.finish(), calls: Calls::Tree(tree.finish()) }
}
