//! Which files in a cache folder are the cache's own, and how to remove them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::pack;

/// The start of the names of the folders that hold packs, one a version.
const FOLDER: &str = "facts-";
/// An unfinished pack that nobody wrote to for so long was left behind by a run that was killed.
const ABANDONED: Duration = Duration::from_hours(1);
/// Tells backup programs to leave the folder out (<https://bford.info/cachedir/>).
const TAG: (&str, &str) = (
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n# The cache of lagmap; `lagmap clean` empties it.\n",
);

/// A file of the cache.
pub struct Kept {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size: u64,
    /// When it was last used.
    pub used: SystemTime,
    /// It is being written, or was by a run that was killed.
    pub unfinished: bool,
}

impl Kept {
    /// Whether whoever was writing it must be gone.
    pub fn is_abandoned(&self) -> bool {
        self.used.elapsed().is_ok_and(|age| age > ABANDONED)
    }
}

/// What [`clean`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// The name of the folder of a version.
pub fn folder_name(version: &str) -> String {
    format!("{FOLDER}{version}")
}

/// The folders of all versions. Links are none.
fn folders(root: &Path) -> Vec<PathBuf> {
    let Ok(listed) = fs::read_dir(root) else { return Vec::new() };
    let own = listed.filter_map(Result::ok).filter(|entry| {
        let name = entry.file_name();
        let version = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        let is_version = |version: &str| version.len() == 16 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        version.is_some_and(is_version) && entry.file_type().is_ok_and(|kind| kind.is_dir())
    });
    let mut folders: Vec<PathBuf> = own.map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

/// The files of the cache in a folder; whatever else lies there is none of ours.
pub fn kept(root: &Path) -> Vec<Kept> {
    let mut kept = Vec::new();
    for folder in folders(root) {
        let Ok(listed) = fs::read_dir(folder) else { continue };
        for entry in listed.filter_map(Result::ok) {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let unfinished = name.starts_with(pack::UNFINISHED);
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() && (unfinished || name.ends_with(pack::ENDING) || name.ends_with(pack::ANSWER)) {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                kept.push(Kept { path: entry.path(), size: metadata.len(), used, unfinished });
            }
        }
    }
    kept
}

/// Marks the folder as a cache.
pub fn tag(root: &Path) -> io::Result<()> {
    let path = root.join(TAG.0);
    if path.exists() { Ok(()) } else { fs::write(path, TAG.1) }
}

/// Removes the folders of versions that hold nothing any more.
pub fn remove_empty_folders(root: &Path) {
    for folder in folders(root) {
        // Fails for those that hold something.
        let _ = fs::remove_dir(folder);
    }
}

/// Removes everything that the cache keeps in a folder, and the folder if nothing else is in it.
///
/// # Errors
/// The first file that cannot be removed.
pub fn clean(root: &Path) -> io::Result<Cleaned> {
    let mut cleaned = Cleaned::default();
    for file in kept(root) {
        match fs::remove_file(&file.path) {
            Ok(()) => {
                cleaned.files += 1;
                cleaned.bytes += file.size;
            }
            // Another run was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    remove_empty_folders(root);
    let tag = root.join(TAG.0);
    if fs::read(&tag).is_ok_and(|text| text == TAG.1.as_bytes()) {
        fs::remove_file(tag)?;
    }
    // Fails where the user keeps something else there.
    let _ = fs::remove_dir(root);
    Ok(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_caches_own_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("cache");
        let own = root.join("facts-0123456789abcdef");
        fs::create_dir_all(&own).unwrap();
        tag(&root).unwrap();
        for name in ["a.pack", ".unfinished-x"] {
            fs::write(own.join(name), "1234").unwrap();
        }
        assert_eq!(clean(&root).unwrap(), Cleaned { files: 2, bytes: 8 });
        assert!(!root.exists());
        assert_eq!(clean(&root).unwrap(), Cleaned::default());
        for (folder, name) in [("", "mine.pack"), ("facts-mine", "a.pack"), ("facts-0123456789abcdef", "notes.txt")] {
            fs::create_dir_all(root.join(folder)).unwrap();
            fs::write(root.join(folder).join(name), "").unwrap();
        }
        assert_eq!(clean(&root).unwrap(), Cleaned::default());
        assert!(root.join("facts-0123456789abcdef/notes.txt").exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join("a.pack"), "").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("facts-0123456789abcdef")).unwrap();
        clean(folder.path()).unwrap();
        assert!(elsewhere.path().join("a.pack").exists());
    }
}
