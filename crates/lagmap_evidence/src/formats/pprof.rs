//! The protobuf of pprof, as much of it as says who ran below whom; the fields are those of `profile.proto` of google/pprof.

use prost::Message;
use rustc_hash::FxHashMap;

use super::ProfileError;
use crate::profile::{Calls, Format, Frame, Line, Profile, Unit};
use crate::tree::{Frames, TreeBuilder};

#[derive(Clone, PartialEq, Message)]
struct Document {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, repeated, tag = "4")]
    line: Vec<LocationLine>,
}

#[derive(Clone, PartialEq, Message)]
struct LocationLine {
    #[prost(uint64, tag = "1")]
    function_id: u64,
    #[prost(int64, tag = "2")]
    line: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "4")]
    filename: i64,
}

/// Binary data that begins with a field of a profile; writers put the fields in any order. Text has no control characters but
/// those between its words.
pub(super) fn matches(bytes: &[u8]) -> bool {
    let is_binary = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    matches!(bytes, [0x0a | 0x12 | 0x1a | 0x22 | 0x2a | 0x32, ..]) && bytes.iter().take(256).any(is_binary)
}

/// A type of value with the factor that brings it to our units. The least is the most wanted: time on the wall shows waits too,
/// memory that is still in use shows what grows.
fn rank(kind: &str, unit: &str) -> (u8, Unit, f64) {
    let kind = kind.to_lowercase();
    let factor = match unit {
        "nanoseconds" | "ns" => Some(1e-6),
        "microseconds" | "us" | "μs" | "µs" => Some(1e-3),
        "milliseconds" | "ms" => Some(1.0),
        "seconds" | "s" => Some(1e3),
        _ => None,
    };
    match (factor, unit) {
        (Some(factor), _) if kind.contains("wall") => (0, Unit::Milliseconds, factor),
        (Some(factor), _) if kind.contains("cpu") => (1, Unit::Milliseconds, factor),
        (Some(factor), _) => (2, Unit::Milliseconds, factor),
        (None, "bytes" | "B") if kind.contains("alloc") => (4, Unit::Bytes, 1.0),
        (None, "bytes" | "B") => (3, Unit::Bytes, 1.0),
        _ => (5, Unit::Samples, 1.0),
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let document = Document::decode(bytes).map_err(|error| ProfileError::Malformed(error.to_string()))?;
    // The first text is empty in every profile, and no other message of that shape has such a table.
    if document.sample_type.is_empty() || document.string_table.first().is_none_or(|first| !first.is_empty()) {
        return Err(ProfileError::Unknown(None));
    }
    let text = |index: i64| {
        usize::try_from(index).ok().and_then(|index| document.string_table.get(index)).map_or("", String::as_str)
    };
    let ranks = document.sample_type.iter().map(|kind| rank(text(kind.kind), text(kind.unit)));
    let measured =
        |index: usize| document.sample.iter().any(|sample| sample.value.get(index).is_some_and(|value| *value > 0));
    let (column, (_, unit, factor)) = ranks
        .enumerate()
        .filter(|(index, _)| measured(*index))
        .min_by_key(|(index, (rank, _, _))| (*rank, *index))
        .ok_or(ProfileError::Empty)?;
    let functions: FxHashMap<u64, &Function> =
        document.function.iter().map(|function| (function.id, function)).collect();
    let locations: FxHashMap<u64, &Location> =
        document.location.iter().map(|location| (location.id, location)).collect();
    let mut frames = Frames::default();
    let mut tree = TreeBuilder::default();
    for sample in &document.sample {
        let value = sample.value.get(column).copied().unwrap_or(0);
        // The innermost location comes first, and within one the innermost of inlined functions.
        let known = sample.location_id.iter().rev().filter_map(|id| locations.get(id));
        let lines = known.flat_map(|location| location.line.iter().rev());
        let stack: Vec<u32> = lines
            .map(|line| {
                let function = functions.get(&line.function_id);
                let name = function.map_or("", |function| text(function.name));
                let file = function.map_or("", |function| text(function.filename));
                frames.add(Frame {
                    function: name.to_owned(),
                    file: file.to_owned(),
                    line: Line::running(Some(line.line)),
                })
            })
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a hundred days fit")]
        let weight = value.max(0) as f64 * factor;
        tree.stack(stack, weight)?;
    }
    Ok(Profile { format: Format::Pprof, unit, frames: frames.finish(), calls: Calls::Tree(tree.finish()) })
}
