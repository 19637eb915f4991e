//! What `cProfile`, `profile` and `pstats` dump: a dict of `(file, line, name)` to `(primitive calls, calls, own time, total
//! time, callers)`, where callers are a dict of the same keys to `(calls, primitive calls, own time, total time)` or, by the
//! pure Python profiler, to the number of calls alone.

use super::ProfileError;
use super::marshal::{Reader, Value};
use crate::limits::MAX_NODES;
use crate::profile::{Calls, Edge, Format, Frame, FunctionTimes, Line, Profile, Unit};
use crate::tree::Frames;

/// A marshalled dict whose first key is a tuple, or that is empty: no JSON begins so.
pub(super) fn matches(bytes: &[u8]) -> bool {
    matches!(bytes, [0x7b | 0xfb, 0x28 | 0x29 | 0xa8 | 0xa9 | 0x30, ..])
}

pub(super) fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let Value::Dict(entries) = Reader::new(bytes).value()? else { return Err(shape()) };
    let mut frames = Frames::default();
    let mut functions: Vec<FunctionTimes> = Vec::new();
    let mut edges = Vec::new();
    for (key, value) in entries.iter() {
        let callee = frames.add(frame(key)?);
        let Value::Tuple(fields) = value else { return Err(shape()) };
        let [_, calls, own, total, callers] = &**fields else { return Err(shape()) };
        let times = FunctionTimes { calls: count(calls)?, own: milliseconds(own)?, total: milliseconds(total)? };
        put(&mut functions, callee, times);
        let Value::Dict(callers) = callers else { return Err(shape()) };
        for (key, value) in callers.iter() {
            let caller = frames.add(frame(key)?);
            let (calls, spent) = match value {
                Value::Tuple(fields) => match &**fields {
                    [calls, _, _, spent] => (count(calls)?, milliseconds(spent)?),
                    _ => return Err(shape()),
                },
                // Without times of its own, an edge has its part of the callee's by calls.
                calls => {
                    let calls = count(calls)?;
                    #[expect(clippy::cast_precision_loss, reason = "a proportion")]
                    let part = calls as f64 / times.calls.max(1) as f64;
                    (calls, times.total * part.min(1.0))
                }
            };
            if edges.len() >= MAX_NODES {
                return Err(ProfileError::TooLarge("it has more than 4,000,000 pairs of callers and callees"));
            }
            edges.push(Edge { caller, callee, calls, total: spent });
        }
    }
    let frames = frames.finish();
    functions.resize(frames.len(), FunctionTimes::default());
    Ok(Profile { format: Format::Pstats, unit: Unit::Milliseconds, frames, calls: Calls::Graph { functions, edges } })
}

fn put(functions: &mut Vec<FunctionTimes>, frame: u32, times: FunctionTimes) {
    let index = frame as usize;
    if functions.len() <= index {
        functions.resize(index + 1, FunctionTimes::default());
    }
    functions[index] = times;
}

fn frame(key: &Value) -> Result<Frame, ProfileError> {
    let Value::Tuple(fields) = key else { return Err(shape()) };
    let [Value::Text(file), Value::Integer(line), Value::Text(function)] = &**fields else { return Err(shape()) };
    // Built-in functions stand in a file called `~`.
    let file = if &**file == "~" { String::new() } else { file.to_string() };
    Ok(Frame { function: function.to_string(), file, line: Line::first(Some(*line)) })
}

fn count(value: &Value) -> Result<u64, ProfileError> {
    match value {
        Value::Integer(number) => u64::try_from(*number).map_err(|_| shape()),
        _ => Err(shape()),
    }
}

/// Seconds, which are whole numbers where nothing was measured. Clocks that were set back make negative ones.
fn milliseconds(value: &Value) -> Result<f64, ProfileError> {
    match value {
        Value::Float(seconds) if seconds.is_finite() => Ok((seconds * 1e3).max(0.0)),
        Value::Integer(seconds) => u32::try_from(*seconds).map(|seconds| f64::from(seconds) * 1e3).map_err(|_| shape()),
        _ => Err(shape()),
    }
}

fn shape() -> ProfileError {
    ProfileError::Malformed("it is no dump of `pstats`".to_owned())
}
