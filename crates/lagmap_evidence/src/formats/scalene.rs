//! Scalene's JSON: shares of the elapsed time by line and, in newer versions, by stack.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::ProfileError;
use crate::json;
use crate::profile::{Calls, Format, Frame, Line, Profile, Unit};
use crate::tree::{Frames, TreeBuilder};

#[derive(Deserialize)]
struct Document {
    elapsed_time_sec: f64,
    #[serde(default)]
    stacks: Vec<(Vec<String>, Value)>,
    files: BTreeMap<String, ScaleneFile>,
}

#[derive(Deserialize)]
struct ScaleneFile {
    #[serde(default)]
    lines: Vec<ScaleneLine>,
}

#[derive(Deserialize)]
struct ScaleneLine {
    lineno: i64,
    #[serde(default)]
    n_cpu_percent_python: f64,
    #[serde(default)]
    n_cpu_percent_c: f64,
    #[serde(default)]
    n_sys_percent: f64,
}

pub(super) fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let document: Document = json::read(bytes)?;
    let elapsed = document.elapsed_time_sec * 1e3;
    let mut frames = Frames::default();
    let mut tree = TreeBuilder::default();
    let weights: Vec<f64> = document.stacks.iter().map(|(_, numbers)| part(numbers)).collect();
    let whole: f64 = weights.iter().sum();
    if whole > 0.0 {
        // The numbers are parts of the whole; Scalene has called them by several names.
        for ((stack, _), weight) in document.stacks.iter().zip(weights) {
            let stack: Vec<u32> = stack.iter().map(|part| frames.add(of_stack(part))).collect();
            tree.stack(stack, elapsed * weight / whole)?;
        }
    } else {
        for (file, found) in &document.files {
            for line in &found.lines {
                let percent = line.n_cpu_percent_python + line.n_cpu_percent_c + line.n_sys_percent;
                let (file, line) = (file.clone(), Line::running(Some(line.lineno)));
                let frame = frames.add(Frame { function: String::new(), file, line });
                tree.stack([frame], elapsed * percent / 100.0)?;
            }
        }
    }
    let calls = Calls::Tree(tree.finish());
    Ok(Profile { format: Format::Scalene, unit: Unit::Milliseconds, frames: frames.finish(), calls })
}

/// The weight of a stack: its share of the samples of processor time.
fn part(numbers: &Value) -> f64 {
    numbers.get("cpu_samples").and_then(Value::as_f64).filter(|part| *part >= 0.0).unwrap_or(0.0)
}

/// `file function:line;`; the file may hold spaces.
fn of_stack(part: &str) -> Frame {
    let part = part.trim_end_matches(';');
    let parsed = part.rsplit_once(':').and_then(|(rest, line)| {
        let (file, function) = rest.rsplit_once(' ')?;
        Some(Frame { function: function.to_owned(), file: file.to_owned(), line: Line::running(line.parse().ok()) })
    });
    parsed.unwrap_or_else(|| Frame { function: part.to_owned(), file: String::new(), line: Line::Unknown })
}
