//! Interned text of one file, with hashes that mean the same in every file.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A text (identifier, dotted path or string literal) of one file: an index into its [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name(pub u32);

/// A 64-bit hash of a text, the same in every file and on every machine.
///
/// Names of different files are compared by it, so that linking needs no global string table. With a million
/// different names the chance of any collision is about 3 in 100 million; a collision can only merge two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NameHash(pub u64);

impl NameHash {
    /// The hash of `text` (FNV-1a over its bytes, then a finalizer that spreads the bits).
    pub const fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut i = 0;
        while i < bytes.len() {
            hash ^= bytes[i] as u64;
            hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
            i += 1;
        }
        hash ^= hash >> 32;
        hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash ^= hash >> 32;
        Self(hash)
    }
}

/// The text table of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    text: String,
    ends: Vec<u32>,
    hashes: Vec<NameHash>,
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.text, &self.ends).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Names {
    /// Hashes are made anew: wrong ones would tie names to others of other files.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (text, ends) = <(String, Vec<u32>)>::deserialize(deserializer)?;
        let mut start = 0;
        let hash = |end: &u32| {
            let own = text.get(start..*end as usize)?;
            start = *end as usize;
            Some(NameHash::of(own))
        };
        let hashes = ends.iter().map(hash).collect::<Option<Vec<_>>>();
        let hashes = hashes.ok_or_else(|| D::Error::custom("the ends of names do not fit their text"))?;
        Ok(Self { text, ends, hashes })
    }
}

impl Names {
    /// The text of `name`.
    pub fn text(&self, name: Name) -> &str {
        let index = name.0 as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.text[start..self.ends[index] as usize]
    }

    /// The hash of `name`.
    pub fn hash(&self, name: Name) -> NameHash {
        self.hashes[name.0 as usize]
    }

    /// How many different texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether every name has a text and a hash.
    pub(crate) fn is_consistent(&self) -> bool {
        let fits = |end: &u32| self.text.is_char_boundary(*end as usize);
        self.ends.len() == self.hashes.len() && self.ends.is_sorted() && self.ends.iter().all(fits)
    }

    /// Bytes held on the heap.
    pub fn heap_size(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>() + self.hashes.capacity() * size_of::<NameHash>()
    }
}

/// Builds a [`Names`] table: each different text once.
#[derive(Default)]
pub struct NamesBuilder {
    names: Names,
    by_hash: FxHashMap<NameHash, Name>,
}

impl NamesBuilder {
    /// An empty table with room for `names` texts of together `bytes` bytes.
    pub fn with_capacity(names: usize, bytes: usize) -> Self {
        Self {
            names: Names {
                text: String::with_capacity(bytes),
                ends: Vec::with_capacity(names),
                hashes: Vec::with_capacity(names),
            },
            by_hash: FxHashMap::with_capacity_and_hasher(names, rustc_hash::FxBuildHasher),
        }
    }

    /// The name for `text`, made if new.
    pub fn intern(&mut self, text: &str) -> Name {
        let hash = NameHash::of(text);
        *self.by_hash.entry(hash).or_insert_with(|| {
            let name = Name(self.names.ends.len() as u32);
            self.names.text.push_str(text);
            self.names.ends.push(self.names.text.len() as u32);
            self.names.hashes.push(hash);
            name
        })
    }

    /// The text of a name that this table made.
    pub fn text(&self, name: Name) -> &str {
        self.names.text(name)
    }

    /// The finished table, without spare room.
    pub fn finish(mut self) -> Names {
        self.names.text.shrink_to_fit();
        self.names.ends.shrink_to_fit();
        self.names.hashes.shrink_to_fit();
        self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_a_name_and_keep_their_text() {
        let mut builder = NamesBuilder::default();
        let (a, b, empty) = (builder.intern("recv"), builder.intern("send"), builder.intern(""));
        assert_eq!(builder.intern("recv"), a);
        let names = builder.finish();
        assert_eq!((names.text(a), names.text(b), names.text(empty)), ("recv", "send", ""));
        assert_eq!(names.hash(a), NameHash::of("recv"));
        assert_eq!(names.len(), 3);
    }
}
