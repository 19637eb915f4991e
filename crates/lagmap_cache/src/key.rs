//! What entries are found by.

/// The BLAKE3 hash of a file's bytes. Audited code is not trusted, so the hash must be one that nobody can make collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; Key::LEN]);

impl Key {
    /// Bytes of a key.
    pub const LEN: usize = 32;

    /// The key of some content.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}
