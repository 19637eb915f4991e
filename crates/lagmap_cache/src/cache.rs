//! The folder of packs: lookups, additions, merging, and what goes when it grows too large.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::clean::{self, Kept};
use crate::pack::{self, Pack, Writer};
use crate::{Key, Record};

/// The bytes that a cache may take: some ten systems of a million lines.
pub const LIMIT: u64 = 1 << 30;
/// More packs than this are merged: each is opened by each run.
const MOST_PACKS: usize = 8;
/// A pack is merged into a new one unless it is so many times larger: so each entry is copied a few times at most.
const MERGED_UP_TO: u64 = 2;

/// A cache in use by one run. Threads may share it, and so may other runs: packs are never changed, only added and removed.
pub struct Cache {
    /// The folder of all versions.
    root: PathBuf,
    /// The folder of this version.
    folder: PathBuf,
    limit: u64,
    /// Newest first.
    packs: Vec<Pack>,
    writing: Mutex<Writing>,
}

enum Writing {
    Nothing,
    Pack(Writer),
    Failed(io::Error),
}

impl Cache {
    /// The cache in a folder, which need not exist; of at most `limit` bytes ([`LIMIT`]).
    pub fn open(root: &Path, limit: u64) -> Self {
        let folder = root.join(clean::folder_name(crate::VERSION));
        let mut packs: Vec<Pack> = entries(&folder).iter().filter_map(|path| Pack::open(path)).collect();
        packs.sort_by(|a, b| (b.used, &a.path).cmp(&(a.used, &b.path)));
        Self { root: root.to_owned(), folder, limit, packs, writing: Mutex::new(Writing::Nothing) }
    }

    /// The record of some content, if it is there, undamaged and consistent.
    pub fn get(&self, key: &Key) -> Option<Record> {
        self.packs.iter().find_map(|pack| Record::decode(&pack.get(key)?))
    }

    /// Whether there is something for some content; it may turn out to be damaged.
    pub fn contains(&self, key: &Key) -> bool {
        self.packs.iter().any(|pack| pack.contains(key))
    }

    /// Keeps a record. What cannot be written is told by [`Self::finish`].
    pub fn put(&self, key: &Key, record: &Record) {
        let Some(bytes) = record.encode() else { return };
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Writing::Nothing = *writing {
            *writing = match self.start() {
                Ok(writer) => Writing::Pack(writer),
                Err(error) => Writing::Failed(error),
            };
        }
        if let Writing::Pack(writer) = &mut *writing
            // One run's files alone may be more than the cache may hold.
            && writer.size + bytes.len() as u64 <= self.limit
            && let Err(error) = writer.add(key, &bytes)
        {
            *writing = Writing::Failed(error);
        }
    }

    fn start(&self) -> io::Result<Writer> {
        fs::create_dir_all(&self.folder)?;
        clean::tag(&self.root)?;
        Writer::new(&self.folder)
    }

    /// Makes what was kept visible to other runs, and removes what was least recently used if there is too much.
    ///
    /// # Errors
    /// If the cache cannot be written to; it is as it was then.
    pub fn finish(self) -> io::Result<()> {
        for pack in &self.packs {
            pack.note_use();
        }
        let mut writer = match self.writing.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Writing::Nothing => return Ok(()),
            Writing::Failed(error) => return Err(error),
            Writing::Pack(writer) => writer,
        };
        let mut packs = self.packs;
        packs.sort_by_key(|pack| pack.size);
        let mut merged = Vec::new();
        for (index, pack) in packs.iter().enumerate() {
            let is_small = pack.size <= writer.size.saturating_mul(MERGED_UP_TO);
            let are_many = packs.len() - index + 1 > MOST_PACKS;
            if !(is_small || are_many) || writer.size + pack.size > self.limit {
                break;
            }
            for key in pack.keys() {
                if let Some(bytes) = pack.get(&key) {
                    writer.add(&key, &bytes)?;
                }
            }
            merged.push(pack.path.clone());
        }
        let written = writer.finish()?;
        // Another run may have merged the same ones; who removes them does not matter.
        for path in merged.into_iter().filter(|path| *path != written) {
            let _ = fs::remove_file(path);
        }
        evict(&self.root, self.limit, &written);
        Ok(())
    }
}

/// The packs of a folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(listed) = fs::read_dir(folder) else { return Vec::new() };
    let paths = listed.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.to_str().is_some_and(|path| path.ends_with(pack::ENDING))).collect()
}

/// Removes packs of all versions, least recently used first, until the rest fits; and what killed runs left behind.
fn evict(root: &Path, limit: u64, newest: &Path) {
    let kept: Vec<Kept> = clean::kept(root);
    let mut total: u64 = kept.iter().filter(|file| !file.unfinished).map(|file| file.size).sum();
    let mut packs: Vec<&Kept> = kept.iter().filter(|file| !file.unfinished && file.path != newest).collect();
    packs.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    for pack in packs {
        if total <= limit {
            break;
        }
        if fs::remove_file(&pack.path).is_ok() {
            total -= pack.size;
        }
    }
    for left in kept.iter().filter(|file| file.unfinished && file.is_abandoned()) {
        let _ = fs::remove_file(&left.path);
    }
    clean::remove_empty_folders(root);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn record(text: &str) -> Record {
        lagmap_source::pool(Some(1)).unwrap().install(|| Record::of(text)).unwrap()
    }

    fn key(text: &str) -> Key {
        Key::of(text.as_bytes())
    }

    /// A run that looks each text up and keeps it where it is not there; how many were.
    fn run(root: &Path, limit: u64, texts: &[String]) -> usize {
        let cache = Cache::open(root, limit);
        let found = texts.iter().filter(|text| {
            let found = cache.get(&key(text));
            match &found {
                Some(found) => assert_eq!(*found, record(text)),
                None => cache.put(&key(text), &record(text)),
            }
            found.is_some()
        });
        let found = found.count();
        cache.finish().unwrap();
        found
    }

    fn texts(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|index| format!("x_{index} = f({index})\n")).collect()
    }

    fn packs(root: &Path) -> Vec<PathBuf> {
        entries(&root.join(clean::folder_name(crate::VERSION)))
    }

    #[test]
    fn what_was_kept_is_found_by_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(run(folder.path(), LIMIT, &texts(0..20)), 0);
        assert_eq!(run(folder.path(), LIMIT, &texts(0..20)), 20);
        assert_eq!(run(folder.path(), LIMIT, &texts(10..30)), 10);
        assert_eq!(run(folder.path(), LIMIT, &texts(0..30)), 30);
    }

    #[test]
    fn packs_stay_few() {
        let folder = tempfile::tempdir().unwrap();
        for index in 0..40 {
            run(folder.path(), LIMIT, &texts(index * 3..index * 3 + 3));
            assert!(packs(folder.path()).len() <= MOST_PACKS);
        }
        assert_eq!(run(folder.path(), LIMIT, &texts(0..120)), 120);
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), LIMIT, &texts(0..200));
        let size = fs::metadata(&packs(folder.path())[0]).unwrap().len();
        let old = packs(folder.path()).remove(0);
        let file = fs::File::options().append(true).open(&old).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(1000)).unwrap();
        // Too large to be merged within the bound: one of both must go.
        run(folder.path(), size * 3 / 2, &texts(200..400));
        assert!(!old.exists());
        assert_eq!(run(folder.path(), size * 3 / 2, &texts(200..400)), 200);
        assert_eq!(run(folder.path(), LIMIT, &texts(0..1)), 0);
    }

    #[test]
    fn a_run_larger_than_the_bound_keeps_what_fits() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), 20_000, &texts(0..400));
        let found = run(folder.path(), 20_000, &texts(0..400));
        assert!(found > 0 && found < 400);
    }

    #[test]
    fn damage_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), LIMIT, &texts(0..20));
        let path = packs(folder.path()).remove(0);
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(run(folder.path(), LIMIT, &texts(0..20)), 19);
        assert_eq!(run(folder.path(), LIMIT, &texts(0..20)), 20);
        // What is no pack at all.
        fs::write(folder.path().join(clean::folder_name(crate::VERSION)).join("foreign.pack"), "text").unwrap();
        assert_eq!(run(folder.path(), LIMIT, &texts(0..20)), 20);
    }

    #[test]
    fn a_record_of_other_content_under_a_right_checksum_is_still_consistent() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), LIMIT);
        let mut forged = record("x = f(1)\n");
        forged.facts.calls.clear();
        cache.put(&key("forged"), &forged);
        cache.finish().unwrap();
        assert_eq!(Cache::open(folder.path(), LIMIT).get(&key("forged")), None);
    }

    #[test]
    fn a_run_that_is_killed_leaves_nothing_that_counts() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), LIMIT);
        for text in texts(0..20) {
            cache.put(&key(&text), &record(&text));
        }
        // Neither finished nor cleaned up.
        std::mem::forget(cache);
        let unfinished = || clean::kept(folder.path()).into_iter().filter(|file| file.unfinished).count();
        assert_eq!((packs(folder.path()).len(), unfinished()), (0, 1));
        assert_eq!(run(folder.path(), LIMIT, &texts(0..20)), 0);
        // Another run may still be writing it, until it is old.
        assert_eq!(unfinished(), 1);
        let left = clean::kept(folder.path()).into_iter().find(|file| file.unfinished).unwrap();
        let file = fs::File::options().append(true).open(&left.path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(100_000)).unwrap();
        run(folder.path(), LIMIT, &texts(20..21));
        assert_eq!(unfinished(), 0);
    }

    #[test]
    fn runs_at_the_same_time_do_not_harm_each_other() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for start in 0..6 {
                let root = folder.path();
                scope.spawn(move || {
                    for turn in 0..5 {
                        run(root, LIMIT, &texts(start * 5 + turn..start * 5 + turn + 20));
                    }
                });
            }
        });
        run(folder.path(), LIMIT, &texts(0..50));
        assert_eq!(run(folder.path(), LIMIT, &texts(0..50)), 50);
    }

    #[test]
    fn other_versions_count_and_go_too() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join(clean::folder_name("0123456789abcdef"));
        fs::create_dir(&other).unwrap();
        let old = other.join("old.pack");
        fs::write(&old, vec![0; 100_000]).unwrap();
        let file = fs::File::options().append(true).open(&old).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(1000)).unwrap();
        run(folder.path(), 90_000, &texts(0..20));
        assert!(!old.exists() && !other.exists());
    }
}
