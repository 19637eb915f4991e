//! A pack: one file that holds many entries, written once and never changed.
//!
//! ```text
//! magic · entries one behind the other · index (key, offset, length, checksum: one each) · checksum of the index ·
//! number of entries · magic
//! ```

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use rustc_hash::FxHashMap;
use tempfile::NamedTempFile;

use crate::Key;

/// First and last bytes of a pack.
const MAGIC: [u8; 8] = *b"lagmap\x00\x01";
/// Bytes of a checksum: 128 bits of BLAKE3.
const CHECK: usize = 16;
/// Bytes of one line of the index.
const LINE: usize = Key::LEN + 8 + 8 + CHECK;
/// Bytes behind the index.
const TAIL: usize = CHECK + 8 + MAGIC.len();
/// No entry is larger: the facts of the largest file that is read take some 200 MB.
const LARGEST: u64 = 1 << 30;
/// The end of a pack's name.
pub const ENDING: &str = ".pack";
/// The end of the name of a pack that holds one answer.
pub const ANSWER: &str = ".answer";
/// The start of the name of a pack that is being written.
pub const UNFINISHED: &str = ".unfinished-";

#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    len: u64,
    check: [u8; CHECK],
}

fn check(bytes: &[u8]) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECK]);
    check
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A pack that can be read.
pub struct Pack {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size: u64,
    /// When it was last used.
    pub used: SystemTime,
    file: File,
    places: FxHashMap<Key, Place>,
    touched: AtomicBool,
}

impl Pack {
    /// Opens a pack; `None` if it is none, or a damaged one.
    pub fn open(path: &Path) -> Option<Self> {
        // Opening a named pipe would wait for a writer.
        if !path.symlink_metadata().ok()?.is_file() {
            return None;
        }
        let file = File::open(path).ok()?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let size = metadata.len();
        let tail_at = size.checked_sub(TAIL as u64)?;
        let tail = read(&file, tail_at, TAIL)?;
        let (index_check, rest) = tail.split_at_checked(CHECK)?;
        let (count, magic) = rest.split_at_checked(8)?;
        let index_len = number(count).checked_mul(LINE as u64)?;
        let index_at = tail_at.checked_sub(index_len).filter(|at| *at >= MAGIC.len() as u64)?;
        if magic != MAGIC || read(&file, 0, MAGIC.len())? != MAGIC {
            return None;
        }
        let index = read(&file, index_at, usize::try_from(index_len).ok()?)?;
        if check(&index) != index_check {
            return None;
        }
        let mut places = FxHashMap::default();
        for line in index.chunks_exact(LINE) {
            let (key, rest) = line.split_first_chunk()?;
            let (offset, rest) = rest.split_at_checked(8)?;
            let (len, check) = rest.split_at_checked(8)?;
            let place = Place { offset: number(offset), len: number(len), check: check.try_into().ok()? };
            let end = place.offset.checked_add(place.len)?;
            if end > index_at || place.len > LARGEST {
                return None;
            }
            places.insert(Key(*key), place);
        }
        let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Some(Self { path: path.to_owned(), size, used, file, places, touched: AtomicBool::new(false) })
    }

    /// An entry, if it is there and undamaged.
    pub fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let place = self.places.get(key)?;
        let bytes = read(&self.file, place.offset, usize::try_from(place.len).ok()?)?;
        self.touched.store(true, Ordering::Relaxed);
        (check(&bytes) == place.check).then_some(bytes)
    }

    /// Whether there is an entry; it counts as used.
    pub fn contains(&self, key: &Key) -> bool {
        let contains = self.places.contains_key(key);
        if contains {
            self.touched.store(true, Ordering::Relaxed);
        }
        contains
    }

    /// The keys of all entries, in the order in which they lie.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<(u64, Key)> = self.places.iter().map(|(key, place)| (place.offset, *key)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Notes, for others to see, that its entries were of use now.
    pub fn note_use(&self) {
        if self.touched.load(Ordering::Relaxed) {
            // A folder that may not be written to keeps the old time.
            let _ = self.file.set_modified(SystemTime::now());
        }
    }
}

#[cfg(unix)]
fn read(file: &File, offset: u64, len: usize) -> Option<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

#[cfg(windows)]
fn read(file: &File, offset: u64, len: usize) -> Option<Vec<u8>> {
    use std::os::windows::fs::FileExt;
    let mut bytes = vec![0; len];
    let mut done = 0;
    while done < len {
        let count = file.seek_read(&mut bytes[done..], offset + done as u64).ok().filter(|count| *count > 0)?;
        done += count;
    }
    Some(bytes)
}

/// A pack in the making: a file with a name that no reader looks at, until it is whole.
pub struct Writer {
    file: BufWriter<NamedTempFile>,
    /// Bytes so far.
    pub size: u64,
    index: Vec<u8>,
    known: rustc_hash::FxHashSet<Key>,
}

impl Writer {
    /// Starts a pack in a folder.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(&MAGIC)?;
        Ok(Self { file, size: MAGIC.len() as u64, index: Vec::new(), known: rustc_hash::FxHashSet::default() })
    }

    /// Adds an entry, unless it is there.
    pub fn add(&mut self, key: &Key, bytes: &[u8]) -> io::Result<()> {
        if !self.known.insert(*key) {
            return Ok(());
        }
        self.file.write_all(bytes)?;
        self.index.extend(key.0);
        self.index.extend(self.size.to_le_bytes());
        self.index.extend((bytes.len() as u64).to_le_bytes());
        self.index.extend(check(bytes));
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Finishes the pack under a new name: only now it gets one that readers know.
    pub fn finish(self) -> io::Result<PathBuf> {
        let path = self.file.get_ref().path();
        // The random part of the temporary name makes the name unique among runs.
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let path = path.with_file_name(format!("{}{ENDING}", name.trim_start_matches(UNFINISHED)));
        self.finish_as(&path)?;
        Ok(path)
    }

    /// Finishes the pack under a name, in place of what has it.
    pub fn finish_as(mut self, path: &Path) -> io::Result<()> {
        self.file.write_all(&self.index)?;
        self.file.write_all(&check(&self.index))?;
        self.file.write_all(&((self.index.len() / LINE) as u64).to_le_bytes())?;
        self.file.write_all(&MAGIC)?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn pack(folder: &Path) -> PathBuf {
        let mut writer = Writer::new(folder).unwrap();
        for text in ["one", "two", "", "one"] {
            writer.add(&Key::of(text.as_bytes()), text.as_bytes()).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn entries_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let pack = Pack::open(&pack(folder.path())).unwrap();
        for text in ["one", "two", ""] {
            assert_eq!(pack.get(&Key::of(text.as_bytes())).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(pack.get(&Key::of(b"three")), None);
        assert_eq!(pack.keys(), ["one", "two", ""].map(|text| Key::of(text.as_bytes())));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_damaged_byte_and_every_cut_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = pack(folder.path());
        let whole = fs::read(&path).unwrap();
        let right = |path: &Path| {
            let Some(pack) = Pack::open(path) else { return 0 };
            let found = ["one", "two", ""].iter().filter(|text| {
                let found = pack.get(&Key::of(text.as_bytes()));
                // What comes back is what was written, or nothing.
                assert!(found.as_deref().is_none_or(|bytes| bytes == text.as_bytes()));
                found.is_some()
            });
            found.count()
        };
        assert_eq!(right(&path), 3);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, &damaged).unwrap();
            assert!(right(&path) < 3, "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(right(&path), 0, "cut at {at}");
        }
    }
}
