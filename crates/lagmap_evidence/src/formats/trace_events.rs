//! Trace events as Chrome and Perfetto read them: viztracer writes one for each call of a function.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::ProfileError;
use crate::json;
use crate::limits::MAX_DEPTH;
use crate::profile::{Calls, Format, Frame, Line, Profile, Unit};
use crate::tree::{Frames, TreeBuilder};

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "traceEvents")]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    ph: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    ts: Option<f64>,
    #[serde(default)]
    dur: Option<f64>,
    #[serde(borrow, default)]
    pid: Option<Id<'a>>,
    #[serde(borrow, default)]
    tid: Option<Id<'a>>,
}

/// Processes and threads are numbers or names.
#[derive(Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(untagged)]
enum Id<'a> {
    Number(i64),
    #[serde(borrow)]
    Name(Cow<'a, str>),
}

/// One call: when it began, when it ended, and its frame.
struct Span {
    start: f64,
    end: f64,
    frame: u32,
}

pub(super) fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
    of_events(json::read::<Document<'_>>(bytes)?.events)
}

/// The same without the object around it.
pub(super) fn bare(bytes: &[u8]) -> Result<Profile, ProfileError> {
    of_events(json::read(bytes)?)
}

fn of_events(events: Vec<Event<'_>>) -> Result<Profile, ProfileError> {
    let mut frames = Frames::default();
    let mut threads: BTreeMap<(Option<Id<'_>>, Option<Id<'_>>), Thread> = BTreeMap::new();
    for event in events {
        let Some(start) = event.ts.filter(|start| start.is_finite()) else { continue };
        let thread = threads.entry((event.pid, event.tid)).or_default();
        match (&*event.ph, event.name, event.dur) {
            ("X", Some(name), Some(duration)) if duration.is_finite() && duration >= 0.0 => {
                thread.spans.push(Span { start, end: start + duration, frame: frames.add(of_name(&name)) });
            }
            ("B", Some(name), _) => thread.open.push((start, frames.add(of_name(&name)))),
            ("E", ..) => {
                if let Some((begun, frame)) = thread.open.pop() {
                    thread.spans.push(Span { start: begun, end: start.max(begun), frame });
                }
            }
            _ => {}
        }
    }
    let mut tree = TreeBuilder::default();
    for thread in threads.into_values() {
        nest(thread.spans, &mut tree)?;
    }
    let calls = Calls::Tree(tree.finish());
    Ok(Profile { format: Format::TraceEvents, unit: Unit::Milliseconds, frames: frames.finish(), calls })
}

#[derive(Default)]
struct Thread {
    spans: Vec<Span>,
    /// Begun and not yet ended.
    open: Vec<(f64, u32)>,
}

/// Rounded times make a callee end a nanosecond after its caller.
const SLACK: f64 = 0.002;

/// Calls of one thread: what lies within another was called by it.
fn nest(mut spans: Vec<Span>, tree: &mut TreeBuilder) -> Result<(), ProfileError> {
    spans.sort_by(|a, b| a.start.total_cmp(&b.start).then(b.end.total_cmp(&a.end)));
    // Of what is open: its node, its end, and the time that its callees take.
    let mut open: Vec<(u32, Span, f64)> = Vec::new();
    let close = |(node, span, below): (u32, Span, f64), tree: &mut TreeBuilder| {
        tree.weigh(node, (span.end - span.start - below).max(0.0) / 1e3)
    };
    for span in spans {
        while let Some(done) = open.pop_if(|(_, outer, _)| outer.end + SLACK < span.end || outer.end <= span.start) {
            close(done, tree)?;
        }
        if open.len() >= MAX_DEPTH {
            return Err(ProfileError::TooLarge("a stack has more than 20,000 frames"));
        }
        let node = tree.node(open.last().map(|(node, ..)| *node), span.frame)?;
        tree.count(node, 1);
        if let Some((_, _, below)) = open.last_mut() {
            *below += span.end - span.start;
        }
        open.push((node, span, 0.0));
    }
    open.into_iter().rev().try_for_each(|done| close(done, tree))
}

/// `function (file:line)` for Python code; anything else is a name alone.
fn of_name(name: &str) -> Frame {
    let parsed = name.strip_suffix(')').and_then(|rest| {
        let (function, place) = rest.rsplit_once(" (")?;
        let (file, line) = place.rsplit_once(':')?;
        let line = Line::first(Some(line.parse().ok()?));
        Some(Frame { function: function.to_owned(), file: file.to_owned(), line })
    });
    parsed.unwrap_or_else(|| Frame { function: name.to_owned(), file: String::new(), line: Line::Unknown })
}
