//! Lists every catalogue file below `models/`, so that adding one is all it takes to embed it.

use std::{env, fmt::Write as _, fs, io, path::Path};

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
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let models = Path::new(&root).join("models");
    let mut found = Vec::new();
    collect(&models, &mut found)?;
    found.sort();
    let mut list = String::from("&[\n");
    for path in &found {
        let shown = path.strip_prefix(&root).unwrap_or(path).trim_start_matches('/');
        writeln!(list, "    ({shown:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("embedded.rs"), list)
}
