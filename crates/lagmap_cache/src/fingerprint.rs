//! A hash of the code that facts depend on: the crates that parse and lower, this one, and the parser's version. The build
//! script runs it; facts that other code made have another version and are not looked at.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The crates that what is cached depends on, as folders beside this crate.
const CRATES: [&str; 3] = ["lagmap_cache", "lagmap_facts", "lagmap_source"];

/// Their source folders.
pub fn folders(own: &Path) -> Vec<PathBuf> {
    CRATES.iter().map(|name| own.join("..").join(name).join("src")).collect()
}

/// All files that count, in an order that does not depend on the file system.
pub fn sources(own: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![manifest(own)];
    let mut waiting = folders(own);
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The workspace's manifest, which pins the parser.
fn manifest(own: &Path) -> PathBuf {
    own.join("../../Cargo.toml")
}

/// The hash.
pub fn of(own: &Path) -> io::Result<u64> {
    let mut hash = Fnv::default();
    let manifest = manifest(own);
    for path in sources(own)? {
        let text = fs::read_to_string(&path)?;
        let parser = |line: &&str| path != manifest || line.starts_with("ruff_");
        for line in text.lines().filter(parser) {
            hash.add(line.as_bytes());
        }
        hash.add(&[0xff]);
    }
    Ok(hash.0)
}

/// FNV-1a: a build script should not wait for dependencies, and nobody attacks a build.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(b"\n") {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
