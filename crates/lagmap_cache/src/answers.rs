//! Answers: what the last run of a kind gave, to be given again while nothing that it depends on has changed.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::pack::{self, Pack, Writer};
use crate::{Key, clean};

/// The answer to one question, kept in a file of its own that the next one replaces.
pub struct Answer {
    root: PathBuf,
    path: PathBuf,
    key: Key,
}

impl Answer {
    /// The answer to the question `name` (a system and what is asked of it), as far as it depends on `state` (all files,
    /// configurations, the program itself), in the cache at `root`.
    pub fn new(root: &Path, name: &Key, state: &Key) -> Self {
        let file = name.0.iter().take(8).fold(String::new(), |mut file, byte| {
            // A string takes all text.
            let _ = write!(file, "{byte:02x}");
            file
        });
        let path = root.join(clean::folder_name(crate::VERSION)).join(file + pack::ANSWER);
        Self { root: root.to_owned(), path, key: *state }
    }

    /// The answer, if it was kept for just this state and is undamaged.
    pub fn get(&self) -> Option<Vec<u8>> {
        let pack = Pack::open(&self.path)?;
        let answer = pack.get(&self.key)?;
        pack.note_use();
        Some(answer)
    }

    /// Keeps an answer in place of the last one.
    ///
    /// # Errors
    /// If the cache cannot be written to.
    pub fn put(&self, answer: &[u8]) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        clean::tag(&self.root)?;
        let mut writer = Writer::new(folder)?;
        writer.add(&self.key, answer)?;
        writer.finish_as(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_its_state_only() {
        let folder = tempfile::tempdir().unwrap();
        let [name, other, before, after] = ["a", "b", "1", "2"].map(|text| Key::of(text.as_bytes()));
        let answer = |name, state| Answer::new(folder.path(), name, state);
        assert_eq!(answer(&name, &before).get(), None);
        answer(&name, &before).put(b"yes").unwrap();
        assert_eq!(answer(&name, &before).get().as_deref(), Some(&b"yes"[..]));
        assert_eq!(answer(&name, &after).get(), None);
        assert_eq!(answer(&other, &before).get(), None);
        answer(&name, &after).put(b"no").unwrap();
        assert_eq!(answer(&name, &before).get(), None);
        assert_eq!(answer(&name, &after).get().as_deref(), Some(&b"no"[..]));
        assert_eq!(clean::clean(folder.path()).unwrap().files, 1);
    }
}
