//! Where code frames get their text from.

use std::borrow::Cow;

/// Gives the text of audited files to renderers that show code.
pub trait SourceProvider {
    /// The decoded text of a file, by its path in the report; `None` where it cannot be had, and then no code is shown.
    fn source(&self, path: &str) -> Option<Cow<'_, str>>;
}

/// Knows no file: reports are rendered without code.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSource;

impl SourceProvider for NoSource {
    fn source(&self, _path: &str) -> Option<Cow<'_, str>> {
        None
    }
}
