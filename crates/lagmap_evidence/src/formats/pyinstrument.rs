//! `pyinstrument --renderer json`: a tree of frames with the time in each and below.

use serde::Deserialize;

use super::ProfileError;
use crate::json;
use crate::limits::MAX_DEPTH;
use crate::profile::{Calls, Format, Frame, Line, Profile, Unit};
use crate::tree::{Frames, TreeBuilder};

#[derive(Deserialize)]
struct Session {
    root_frame: Option<Timed>,
}

#[derive(Deserialize)]
struct Timed {
    function: String,
    #[serde(default)]
    file_path: Option<String>,
    #[serde(default)]
    line_no: Option<i64>,
    time: f64,
    #[serde(default)]
    children: Vec<Timed>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let session: Session = json::read(bytes)?;
    let root = session.root_frame.ok_or(ProfileError::Empty)?;
    let mut frames = Frames::default();
    let mut tree = TreeBuilder::default();
    let mut waiting = vec![(root, None, 0_usize)];
    while let Some((timed, parent, depth)) = waiting.pop() {
        if depth > MAX_DEPTH {
            return Err(ProfileError::TooLarge("a stack has more than 20,000 frames"));
        }
        // `[self]` and `[await]` are the time of the frame that they stand in.
        let synthetic = timed.file_path.is_none() && timed.function.starts_with('[');
        let node = match parent {
            Some(parent) if synthetic => parent,
            _ => {
                let file = timed.file_path.unwrap_or_default();
                let line = Line::first(timed.line_no);
                tree.node(parent, frames.add(Frame { function: timed.function, file, line }))?
            }
        };
        let below: f64 = timed.children.iter().map(|child| child.time).sum();
        // Rounded to microseconds, the parts may add up to more than the whole.
        tree.weigh(node, (timed.time - below).max(0.0) * 1e3)?;
        waiting.extend(timed.children.into_iter().rev().map(|child| (child, Some(node), depth + 1)));
    }
    let calls = Calls::Tree(tree.finish());
    Ok(Profile { format: Format::Pyinstrument, unit: Unit::Milliseconds, frames: frames.finish(), calls })
}
