//! One format a file; which it is, the content says.

mod collapsed;
mod marshal;
mod memray;
mod opentelemetry;
mod pprof;
mod pstats;
mod pyinstrument;
mod scalene;
mod speedscope;
mod trace_events;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::json;
use crate::limits::MAX_BYTES;
use crate::probe::Probe;
use crate::profile::Profile;

/// Why a file is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It is none of the formats.
    #[error("it is no profile that lagmap knows{}", .0.map(|hint| format!(": {hint}")).unwrap_or_default())]
    Unknown(Option<&'static str>),
    /// It is one, but broken.
    #[error("it is broken: {0}")]
    Malformed(String),
    /// It is larger than any profile needs to be.
    #[error("it is too large: {0}")]
    TooLarge(&'static str),
    /// Nothing was measured.
    #[error("it holds no measurement")]
    Empty,
}

const TOO_MANY_BYTES: ProfileError = ProfileError::TooLarge("more than 256 MiB");

/// What a file may hold.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// What a profiler wrote.
    Profile(Profile),
    /// What lagmap's own probe wrote.
    Probe(Probe),
}

/// Reads a profile, or what the probe measured, from a file.
pub fn read_recorded(path: &Path) -> Result<Recorded, ProfileError> {
    let bytes = bounded_file(path)?;
    if Probe::matches(&bytes) { Probe::read(&bytes).map(Recorded::Probe) } else { read(&bytes).map(Recorded::Profile) }
}

/// Reads a profile from a file.
pub fn read_file(path: &Path) -> Result<Profile, ProfileError> {
    read(&bounded_file(path)?)
}

/// The bytes of a file that is not too large.
pub(crate) fn bounded_file(path: &Path) -> Result<Vec<u8>, ProfileError> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    // Opening a pipe would wait for whoever writes to it; that it is one can be told only now.
    if found.is_dir() {
        return Err(io::Error::other("it is a folder").into());
    }
    if found.len() > MAX_BYTES {
        return Err(TOO_MANY_BYTES);
    }
    bounded(file)
}

fn bounded(source: impl Read) -> Result<Vec<u8>, ProfileError> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES { Err(TOO_MANY_BYTES) } else { Ok(bytes) }
}

/// Reads a profile of any known format.
pub fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let unpacked = unpack(bytes)?;
    let profile = recognize(unpacked.as_deref().unwrap_or(bytes))?;
    if profile.whole() > 0.0 { Ok(profile) } else { Err(ProfileError::Empty) }
}

/// What gzip (pprof's own packing) or zstd (Datadog's) packed.
fn unpack(bytes: &[u8]) -> Result<Option<Vec<u8>>, ProfileError> {
    let unpacked = match bytes {
        [0x1f, 0x8b, ..] => bounded(MultiGzDecoder::new(bytes)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => match StreamingDecoder::new(bytes) {
            Ok(decoder) => bounded(decoder),
            Err(error) => Err(ProfileError::Malformed(error.to_string())),
        },
        _ => return Ok(None),
    };
    match unpacked {
        Err(ProfileError::Unreadable(error)) => Err(ProfileError::Malformed(error.to_string())),
        other => other.map(Some),
    }
}

fn recognize(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    match text {
        _ if pstats::matches(bytes) => pstats::read(bytes),
        [b'{' | b'[', ..] => json::on_large_stack(|| of_json(text)),
        _ if pprof::matches(bytes) => pprof::read(bytes),
        _ if bytes.starts_with(b"MOJ") => {
            Err(ProfileError::Unknown(Some("it is Austin's binary form; `mojo2austin` turns it into text")))
        }
        [b'<', ..] => Err(ProfileError::Unknown(Some(
            "it is a page for people; ask the profiler for its JSON, CSV or collapsed form",
        ))),
        _ => match std::str::from_utf8(text) {
            Ok(text) if memray::is_csv(text) => memray::csv(text),
            Ok(text) => collapsed::read(text),
            Err(_) => Err(ProfileError::Unknown(None)),
        },
    }
}

/// The fields by which the JSON formats differ.
#[derive(Deserialize)]
struct Marks {
    shared: Option<IgnoredAny>,
    profiles: Option<IgnoredAny>,
    root_frame: Option<IgnoredAny>,
    elapsed_time_sec: Option<IgnoredAny>,
    files: Option<IgnoredAny>,
    top_allocations_by_size: Option<IgnoredAny>,
    #[serde(rename = "traceEvents")]
    trace_events: Option<IgnoredAny>,
    #[serde(rename = "resourceSpans", alias = "resource_spans")]
    resource_spans: Option<IgnoredAny>,
}

fn of_json(bytes: &[u8]) -> Result<Profile, ProfileError> {
    json::check_nesting(bytes)?;
    if bytes.starts_with(b"[") {
        return trace_events::bare(bytes);
    }
    // The collector of OpenTelemetry writes one document a line: only the first is looked at here.
    let mut first = serde_json::Deserializer::from_slice(bytes);
    first.disable_recursion_limit();
    let marks = Marks::deserialize(&mut first).map_err(|error| ProfileError::Malformed(error.to_string()))?;
    match marks {
        Marks { shared: Some(_), profiles: Some(_), .. } => speedscope::read(bytes),
        Marks { root_frame: Some(_), .. } => pyinstrument::read(bytes),
        Marks { elapsed_time_sec: Some(_), files: Some(_), .. } => scalene::read(bytes),
        Marks { top_allocations_by_size: Some(_), .. } => memray::stats(bytes),
        Marks { trace_events: Some(_), .. } => trace_events::read(bytes),
        Marks { resource_spans: Some(_), .. } => opentelemetry::read(bytes),
        _ => Err(ProfileError::Unknown(Some(
            "its JSON is none of speedscope, pyinstrument, Scalene, memray, trace events, OTLP",
        ))),
    }
}
