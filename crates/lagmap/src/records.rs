//! Where the records of files come from: memory, the cache, or the files themselves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lagmap_cache::{Cache, Key, Record};
use lagmap_source::{FileError, FoundFile};
use rustc_hash::FxHashMap;

use crate::cache_folder::CacheFolder;

/// Records that a watching audit keeps between two rounds.
#[derive(Default)]
pub struct Memory {
    records: Mutex<FxHashMap<Key, Record>>,
    /// What an editor holds of files and has not saved yet, by path from the root.
    edited: FxHashMap<String, Vec<u8>>,
}

impl Memory {
    /// Keeps a record.
    pub fn keep(&mut self, key: Key, record: Record) {
        self.records.get_mut().unwrap_or_else(PoisonError::into_inner).insert(key, record);
    }

    /// From now on, these texts stand for the files of these paths, relative to the root.
    pub fn edit(&mut self, edited: FxHashMap<String, Vec<u8>>) {
        self.edited = edited;
    }

    /// What an editor holds of a file.
    fn edited(&self, path: &str) -> Option<Vec<u8>> {
        self.edited.get(path).cloned()
    }

    /// Takes a record out: each is used by one audit at a time.
    fn take(&self, key: &Key) -> Option<Record> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }

    fn contains(&self, key: &Key) -> bool {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// Forgets what was not taken since: files that are gone.
    pub fn clear(&mut self) {
        self.records.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// What a file holds.
pub enum Content {
    /// Not looked at yet: nobody asks for it before its record is made.
    Unread,
    /// Read.
    Read {
        /// Its key.
        key: Key,
        /// Its bytes, if its record must be made from them.
        bytes: Option<Vec<u8>>,
    },
    /// It cannot be read.
    Unreadable(FileError),
}

impl Content {
    /// What stands for it in the state of a system.
    pub fn state(&self) -> Key {
        match self {
            Self::Unread => Key::of(b"unread"),
            Self::Read { key, .. } => *key,
            Self::Unreadable(error) => Key::of(format!("unreadable: {error}").as_bytes()),
        }
    }
}

/// The records of one audit.
pub struct Records<'a> {
    memory: Option<&'a Memory>,
    cache: Option<Cache>,
    /// A file was read again, and may have been another by then.
    doubt: Arc<AtomicBool>,
}

impl<'a> Records<'a> {
    /// Records from memory and from a cache, where there are such.
    pub fn new(memory: Option<&'a Memory>, folder: Option<&CacheFolder>) -> Self {
        let doubt = Arc::default();
        Self { memory, doubt, cache: folder.map(|folder| Cache::open(&folder.path, lagmap_cache::LIMIT)) }
    }

    /// Set as soon as a record was made from other content than [`Self::content`] told.
    pub fn doubt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.doubt)
    }

    /// What a file holds. Its bytes are kept only where its record must be made from them.
    pub fn content(&self, file: &FoundFile) -> Content {
        if self.memory.is_none() && self.cache.is_none() {
            return Content::Unread;
        }
        match self.bytes(file) {
            Ok(bytes) => {
                let key = Key::of(&bytes);
                let known = self.memory.is_some_and(|memory| memory.contains(&key))
                    || self.cache.as_ref().is_some_and(|cache| cache.contains(&key));
                Content::Read { key, bytes: (!known).then_some(bytes) }
            }
            Err(error) => Content::Unreadable(error),
        }
    }

    /// The bytes of a file: those that an editor holds, else its own.
    fn bytes(&self, file: &FoundFile) -> Result<Vec<u8>, FileError> {
        match self.memory.and_then(|memory| memory.edited(&file.path)) {
            Some(bytes) => Ok(bytes),
            None => lagmap_source::read_bytes(file),
        }
    }

    /// The record of a file, and the key of its content if records are kept.
    pub fn of(&self, file: &FoundFile, content: Content) -> Result<(Record, Option<Key>), FileError> {
        let (mut key, bytes) = match content {
            Content::Unread => return Ok((made(&file.path, lagmap_source::read_bytes(file)?)?, None)),
            Content::Unreadable(error) => return Err(error),
            Content::Read { key, bytes } => (key, bytes),
        };
        if bytes.is_none() {
            if let Some(record) = self.memory.and_then(|memory| memory.take(&key)) {
                return Ok((record, Some(key)));
            }
            if let Some(record) = self.cache.as_ref().and_then(|cache| cache.get(&key)) {
                return Ok((record, Some(key)));
            }
        }
        let bytes = if let Some(bytes) = bytes {
            bytes
        } else {
            // What is kept is damaged, or was taken for a file of the same content; this one may have changed since.
            let bytes = self.bytes(file)?;
            if Key::of(&bytes) != key {
                self.doubt.store(true, Ordering::Relaxed);
                key = Key::of(&bytes);
            }
            bytes
        };
        let record = made(&file.path, bytes)?;
        if let Some(cache) = &self.cache {
            cache.put(&key, &record);
        }
        Ok((record, Some(key)))
    }

    /// The cache, to be finished beside the rest of the audit.
    pub fn detach(self) -> Option<Cache> {
        self.cache
    }
}

fn made(path: &str, bytes: Vec<u8>) -> Result<Record, FileError> {
    let text = lagmap_source::decode(path, bytes)?;
    Record::of(&text).map_err(|error| FileError { path: path.to_owned(), ..error })
}
