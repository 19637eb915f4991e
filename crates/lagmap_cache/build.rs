//! The version of what is cached: a hash of the code that makes it. Nobody can forget to raise it.

use std::{env, io, path::PathBuf};

#[path = "src/fingerprint.rs"]
mod fingerprint;

fn main() -> io::Result<()> {
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| io::Error::other("run by cargo"))?);
    for source in fingerprint::sources(&own)? {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    for folder in fingerprint::folders(&own) {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    println!("cargo::rustc-env=LAGMAP_CACHE_VERSION={:016x}", fingerprint::of(&own)?);
    Ok(())
}
