//! Reads every catalogue file below `models/`, so that adding one is all it takes to embed it, and what is wrong with one is
//! seen when it is built.

use std::{env, fs, io, path::Path};

#[allow(dead_code, unreachable_pub)] // The crate uses more of it.
#[path = "src/schema.rs"]
mod schema;

use schema::CatalogueFile;

fn collect(folder: &Path, found: &mut Vec<String>) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            println!("cargo:rerun-if-changed={}", path.display());
            found.push(path.display().to_string());
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src/schema.rs");
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let models = Path::new(&root).join("models");
    let mut found = Vec::new();
    collect(&models, &mut found)?;
    found.sort();
    let mut files: Vec<(String, CatalogueFile)> = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path)?;
        let shown = path.strip_prefix(&root).unwrap_or(&path).trim_start_matches('/');
        let file = toml::from_str(&text).map_err(|error| io::Error::other(format!("{shown}: {error}")))?;
        files.push((shown.to_owned(), file));
    }
    let bytes = postcard::to_stdvec(&files).map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("catalogue.bin"), bytes)
}
