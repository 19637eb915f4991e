//! Traces of OpenTelemetry as OTLP JSON: one document, or one a line as the collector and the SDK's file exporter write them.
//!
//! Spans are joined to code by the attributes of the semantic conventions: `code.function.name`, `code.file.path`,
//! `code.line.number`, and their older names. A span without them is known by its name alone.

use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::Value;

use super::ProfileError;
use crate::limits::{MAX_DEPTH, MAX_NODES};
use crate::profile::{Calls, Format, Frame, Line, Profile, Unit};
use crate::tree::{Frames, TreeBuilder};

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "resourceSpans", alias = "resource_spans", default)]
    resources: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
struct ResourceSpans {
    #[serde(rename = "scopeSpans", alias = "scope_spans", alias = "instrumentationLibrarySpans", default)]
    scopes: Vec<ScopeSpans>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(default)]
    trace_id: String,
    #[serde(default, rename = "spanId")]
    id: String,
    #[serde(default)]
    parent_span_id: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    start_time_unix_nano: Nanoseconds,
    #[serde(default)]
    end_time_unix_nano: Nanoseconds,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

/// 64-bit numbers are texts in JSON; some writers write numbers.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Nanoseconds {
    Text(String),
    Number(u64),
    #[default]
    None,
}

impl Nanoseconds {
    fn value(&self) -> Option<u64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => Some(*number),
            Self::None => None,
        }
    }
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    #[serde(default)]
    value: Value,
}

pub(super) fn read(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    reader.disable_recursion_limit();
    let mut spans: Vec<Span> = Vec::new();
    while reader.end().is_err() {
        let document =
            Document::deserialize(&mut reader).map_err(|error| ProfileError::Malformed(error.to_string()))?;
        let scopes = document.resources.into_iter().flat_map(|resource| resource.scopes);
        spans.extend(scopes.flat_map(|scope| scope.spans));
        if spans.len() > MAX_NODES {
            return Err(ProfileError::TooLarge("it has more than 4,000,000 spans"));
        }
    }
    build(&spans)
}

fn build(spans: &[Span]) -> Result<Profile, ProfileError> {
    let by_id: FxHashMap<(&str, &str), usize> =
        spans.iter().enumerate().map(|(index, span)| ((&*span.trace_id, &*span.id), index)).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut roots = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        let parent = span.parent_span_id.as_deref().filter(|parent| !parent.is_empty());
        // The caller may be in another process, whose spans are in another file.
        match parent.and_then(|parent| by_id.get(&(&*span.trace_id, parent))) {
            Some(parent) => children[*parent].push(index),
            None => roots.push(index),
        }
    }
    let mut frames = Frames::default();
    let mut tree = TreeBuilder::default();
    // Spans that are their own ancestors are below no root: they are left out.
    let mut waiting: Vec<(usize, Option<u32>, usize)> = roots.into_iter().rev().map(|root| (root, None, 0)).collect();
    while let Some((index, parent, depth)) = waiting.pop() {
        if depth > MAX_DEPTH {
            return Err(ProfileError::TooLarge("a trace has more than 20,000 levels"));
        }
        let node = tree.node(parent, frames.add(frame(&spans[index])))?;
        // Callees that run at the same time take longer together than their caller.
        let below: f64 = children[index].iter().map(|child| duration(&spans[*child])).sum();
        tree.weigh(node, (duration(&spans[index]) - below).max(0.0))?;
        tree.count(node, 1);
        waiting.extend(children[index].iter().rev().map(|child| (*child, Some(node), depth + 1)));
    }
    let calls = Calls::Tree(tree.finish());
    Ok(Profile { format: Format::OpenTelemetry, unit: Unit::Milliseconds, frames: frames.finish(), calls })
}

fn duration(span: &Span) -> f64 {
    let (start, end) = (span.start_time_unix_nano.value(), span.end_time_unix_nano.value());
    let nanoseconds = start.zip(end).map_or(0, |(start, end)| end.saturating_sub(start));
    #[expect(clippy::cast_precision_loss, reason = "a hundred days fit")]
    let milliseconds = nanoseconds as f64 / 1e6;
    milliseconds
}

fn frame(span: &Span) -> Frame {
    let text = |names: [&str; 2]| {
        let found = span.attributes.iter().find(|attribute| names.contains(&&*attribute.key))?;
        found.value.get("stringValue")?.as_str().map(str::to_owned)
    };
    let line = span.attributes.iter().find(|attribute| matches!(&*attribute.key, "code.line.number" | "code.lineno"));
    let line = line.and_then(|attribute| match attribute.value.get("intValue")? {
        Value::String(text) => text.parse().ok(),
        number => number.as_i64(),
    });
    let function = text(["code.function.name", "code.function"]).unwrap_or_else(|| span.name.clone());
    let file = text(["code.file.path", "code.filepath"]).unwrap_or_default();
    Frame { function, file, line: Line::first(line) }
}
