//! Collapsed stacks: a line a stack, frames parted by `;`, a number at its end. py-spy (`--format raw`) and Austin.

use super::ProfileError;
use crate::profile::{Calls, Format, Frame, Line, Profile, Unit};
use crate::tree::{Frames, TreeBuilder};

pub(super) fn read(text: &str) -> Result<Profile, ProfileError> {
    let mut frames = Frames::default();
    let mut tree = TreeBuilder::default();
    let (mut austin, mut unit, mut any) = (false, Unit::Samples, false);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if let Some(header) = line.strip_prefix('#') {
            match header.trim().split_once(": ") {
                Some(("austin", _)) => (austin, unit) = (true, Unit::Milliseconds),
                Some(("mode", "memory")) => unit = Unit::Bytes,
                _ => {}
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let Some((stack, weight)) = split(line, austin) else {
            // A text that is something else altogether is told from a profile that breaks off.
            return Err(if any {
                ProfileError::Malformed(format!("line {} does not end in a number", index + 1))
            } else {
                ProfileError::Unknown(None)
            });
        };
        any = true;
        // Austin counts microseconds.
        let weight = if unit == Unit::Milliseconds { weight / 1e3 } else { weight };
        let parts = stack.split(';').filter(|part| !(austin && is_thread(part)));
        let parts: Vec<u32> =
            parts.map(|part| frames.add(if austin { of_austin(part) } else { of_py_spy(part) })).collect();
        tree.stack(parts, weight)?;
    }
    if !any {
        return Err(ProfileError::Unknown(None));
    }
    let format = if austin { Format::Austin } else { Format::Collapsed };
    Ok(Profile { format, unit, frames: frames.finish(), calls: Calls::Tree(tree.finish()) })
}

/// The stack and the number of a line. With all its metrics Austin writes several; the first is the time. What it frees
/// is a negative number and counts as nothing.
fn split(line: &str, austin: bool) -> Option<(&str, f64)> {
    let (stack, number) = line.rsplit_once(' ')?;
    let number = if austin { number.split(',').next()? } else { number };
    let weight: i64 = number.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "no profile has 2^53 samples")]
    let weight = weight as f64;
    (austin || weight >= 0.0).then_some((stack, weight.max(0.0)))
}

/// `P123` and `T0:123`: the process and the thread, with the name of the interpreter.
fn is_thread(part: &str) -> bool {
    let mut letters = part.chars();
    matches!(letters.next(), Some('P' | 'T'))
        && part.len() > 1
        && letters.all(|letter| letter.is_ascii_hexdigit() || matches!(letter, ':' | 'x'))
}

/// `file:function:line`; the file may hold colons.
fn of_austin(part: &str) -> Frame {
    let parsed = part.rsplit_once(':').and_then(|(rest, line)| {
        let (file, function) = rest.rsplit_once(':')?;
        Some(Frame { function: function.to_owned(), file: file.to_owned(), line: Line::running(line.parse().ok()) })
    });
    parsed.unwrap_or_else(|| no_file(part))
}

/// `function (file:line)`, `function (file)`, or the name of a process or thread.
fn of_py_spy(part: &str) -> Frame {
    let parsed = part.strip_suffix(')').and_then(|rest| {
        let (function, place) = rest.rsplit_once(" (")?;
        let numbered = place.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<i64>().ok()?)));
        let (file, line) = numbered.map_or((place, None), |(file, line)| (file, Some(line)));
        Some(Frame { function: function.to_owned(), file: file.to_owned(), line: Line::running(line) })
    });
    parsed.unwrap_or_else(|| no_file(part))
}

fn no_file(part: &str) -> Frame {
    Frame { function: part.to_owned(), file: String::new(), line: Line::Unknown }
}
