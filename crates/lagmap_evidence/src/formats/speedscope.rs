//! speedscope's own file format: py-spy, memray, pyinstrument and others write it.

use std::borrow::Cow;

use serde::Deserialize;

use super::ProfileError;
use crate::json;
use crate::profile::{Calls, Format, Frame, Line, Profile, Unit};
use crate::tree::{Frames, TreeBuilder};

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    shared: Shared<'a>,
    #[serde(borrow)]
    profiles: Vec<Part<'a>>,
    #[serde(borrow, default)]
    exporter: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Shared<'a> {
    #[serde(borrow)]
    frames: Vec<SharedFrame<'a>>,
}

#[derive(Deserialize)]
struct SharedFrame<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    file: Option<Cow<'a, str>>,
    #[serde(default)]
    line: Option<i64>,
}

/// One thread. Which fields there are depends on `type`.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    unit: Cow<'a, str>,
    #[serde(default)]
    samples: Vec<Vec<u32>>,
    #[serde(default)]
    weights: Vec<f64>,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: EventKind,
    frame: u32,
    at: f64,
}

#[derive(Deserialize, PartialEq)]
enum EventKind {
    #[serde(rename = "O")]
    Open,
    #[serde(rename = "C")]
    Close,
}

/// A unit with the factor that brings it to ours.
fn unit(name: &str) -> (Unit, f64) {
    match name {
        "nanoseconds" => (Unit::Milliseconds, 1e-6),
        "microseconds" => (Unit::Milliseconds, 1e-3),
        "milliseconds" => (Unit::Milliseconds, 1.0),
        "seconds" => (Unit::Milliseconds, 1e3),
        "bytes" => (Unit::Bytes, 1.0),
        _ => (Unit::Samples, 1.0),
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let document: Document<'_> = json::read(bytes)?;
    // memray writes the number of allocations beside their bytes; only one of them can be the weight.
    let units = document.profiles.iter().map(|part| unit(&part.unit).0);
    let chosen = units.min_by_key(|unit| match unit {
        Unit::Milliseconds => 0,
        Unit::Bytes => 1,
        Unit::Samples => 2,
    });
    let chosen = chosen.ok_or(ProfileError::Empty)?;
    // pyinstrument merges the lines of a function and writes its first.
    let first_lines = document.exporter.is_some_and(|exporter| exporter.contains("pyinstrument"));
    let mut frames = Frames::default();
    let numbers: Vec<u32> = document
        .shared
        .frames
        .into_iter()
        .map(|frame| {
            let line = if first_lines { Line::first(frame.line) } else { Line::running(frame.line) };
            let file = frame.file.unwrap_or_default().into_owned();
            frames.add(Frame { function: frame.name.into_owned(), file, line })
        })
        .collect();
    let number = |frame: u32| {
        let known = numbers.get(frame as usize).copied();
        known.ok_or_else(|| ProfileError::Malformed(format!("frame {frame} of {} does not exist", numbers.len())))
    };
    let mut tree = TreeBuilder::default();
    for part in &document.profiles {
        let (unit, factor) = unit(&part.unit);
        if unit != chosen {
            continue;
        }
        if part.samples.len() != part.weights.len() {
            return Err(ProfileError::Malformed("samples and weights differ in number".to_owned()));
        }
        for (sample, weight) in part.samples.iter().zip(&part.weights) {
            let stack: Vec<u32> = sample.iter().map(|frame| number(*frame)).collect::<Result<_, _>>()?;
            tree.stack(stack, weight * factor)?;
        }
        events(&part.events, number, factor, &mut tree)?;
    }
    Ok(Profile { format: Format::Speedscope, unit: chosen, frames: frames.finish(), calls: Calls::Tree(tree.finish()) })
}

/// What opens and closes: the time between two events belongs to what is open between them.
fn events(
    events: &[Event],
    number: impl Fn(u32) -> Result<u32, ProfileError>,
    factor: f64,
    tree: &mut TreeBuilder,
) -> Result<(), ProfileError> {
    let mut open: Vec<u32> = Vec::new();
    let mut before: Option<f64> = None;
    for event in events {
        if let (Some(top), Some(before)) = (open.last(), before) {
            tree.weigh(*top, ((event.at - before) * factor).max(0.0))?;
        }
        before = Some(event.at);
        if event.kind == EventKind::Open {
            if open.len() >= crate::limits::MAX_DEPTH {
                return Err(ProfileError::TooLarge("a stack has more than 20,000 frames"));
            }
            open.push(tree.node(open.last().copied(), number(event.frame)?)?);
        } else if open.pop().is_none() {
            return Err(ProfileError::Malformed("more frames close than open".to_owned()));
        }
    }
    Ok(())
}
