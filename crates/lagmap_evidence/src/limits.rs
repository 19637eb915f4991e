//! Bounds for what is read: a profile is a file that somebody else's program wrote.

/// Bytes of a profile, packed and unpacked. A trace of viztracer's default million events is 150 MB.
pub const MAX_BYTES: u64 = 256 << 20;
/// Nodes of a call tree, or functions and edges of a call graph. py-spy's largest files have some ten thousand.
pub(crate) const MAX_NODES: usize = 4_000_000;
/// Frames of one stack: Python's own limit is 1,000, and programs that raise it rarely go beyond this.
pub(crate) const MAX_DEPTH: usize = 20_000;
/// Nested brackets of a JSON document: pyinstrument takes two for each frame.
pub(crate) const MAX_NESTING: usize = 2 * MAX_DEPTH;
