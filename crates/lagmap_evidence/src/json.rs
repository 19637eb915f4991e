//! JSON of any depth that a profiler writes, and of no more.

use serde::Deserialize;

use crate::formats::ProfileError;
use crate::limits::MAX_NESTING;

/// Stack for reading a document as deep as [`MAX_NESTING`] allows: reserved, not used, for usual ones.
const STACK: usize = 512 << 20;

/// Reads a document of which the type is known.
pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ProfileError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    reader.disable_recursion_limit();
    let value = T::deserialize(&mut reader).map_err(|error| ProfileError::Malformed(error.to_string()))?;
    reader.end().map_err(|error| ProfileError::Malformed(error.to_string()))?;
    Ok(value)
}

/// Does some work where the stack is large enough for documents that [`check_nesting`] lets pass.
pub(crate) fn on_large_stack<T: Send>(
    work: impl FnOnce() -> Result<T, ProfileError> + Send,
) -> Result<T, ProfileError> {
    std::thread::scope(|scope| {
        let started = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let thread = started.map_err(|error| ProfileError::Malformed(format!("no thread to read it: {error}")))?;
        thread.join().unwrap_or_else(|_| Err(ProfileError::Malformed("it cannot be read".to_owned())))
    })
}

/// Fails if brackets nest deeper than stacks can.
pub(crate) fn check_nesting(bytes: &[u8]) -> Result<(), ProfileError> {
    let (mut depth, mut text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match (text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => text = !text,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Err(ProfileError::TooLarge("its JSON nests deeper than any stack"));
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}
