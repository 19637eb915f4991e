//! Keeps the facts of files by their content, so that what did not change is not parsed again.
//!
//! A [`Record`] is all that an audit takes from one file, whatever its path; [`Cache`] keeps records in a folder that many
//! runs may share at once. Nothing in that folder is trusted: each entry carries a checksum, and a record that is not
//! consistent in itself is made anew.

mod answers;
mod cache;
mod clean;
#[cfg(test)]
mod fingerprint;
mod key;
mod pack;
mod record;

pub use answers::Answer;
pub use cache::{Cache, LIMIT};
pub use clean::{Cleaned, clean};
pub use key::Key;
pub use record::{Fault, Record};

/// The version of what is cached: a hash of the code that makes it (`build.rs`).
pub const VERSION: &str = env!("LAGMAP_CACHE_VERSION");

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use crate::fingerprint;

    #[test]
    fn the_version_follows_the_code_that_makes_facts() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(format!("{:016x}", fingerprint::of(own).unwrap()), crate::VERSION);
        // The same in a copy, until a line of it changes.
        let copy = tempfile::tempdir().unwrap();
        let crates = copy.path().join("crates");
        for path in fingerprint::sources(own).unwrap() {
            let path = path.canonicalize().unwrap();
            let inner = path.strip_prefix(own.join("../..").canonicalize().unwrap()).unwrap();
            fs::create_dir_all(copy.path().join(inner).parent().unwrap()).unwrap();
            fs::copy(&path, copy.path().join(inner)).unwrap();
        }
        let version = || format!("{:016x}", fingerprint::of(&crates.join("lagmap_cache")).unwrap());
        assert_eq!(version(), crate::VERSION);
        for changed in ["crates/lagmap_facts/src/expr.rs", "crates/lagmap_source/src/parsing.rs"] {
            let before = version();
            let path = copy.path().join(changed);
            fs::write(&path, fs::read_to_string(&path).unwrap() + "// more\n").unwrap();
            assert_ne!(version(), before, "{changed}");
        }
        let before = version();
        let manifest = copy.path().join("Cargo.toml");
        fs::write(&manifest, fs::read_to_string(&manifest).unwrap() + "other = \"1\"\n").unwrap();
        assert_eq!(version(), before);
        fs::write(&manifest, fs::read_to_string(&manifest).unwrap() + "ruff_new = \"1\"\n").unwrap();
        assert_ne!(version(), before);
    }
}
