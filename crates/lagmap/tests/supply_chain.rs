//! What comes in from others: every direct dependency has a reason in `docs/dependencies.md`, and every crate the lints of the
//! workspace.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manifests() -> Vec<(String, Table)> {
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let manifests = crates.map(|folder| {
        let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        (folder.file_name().unwrap().to_str().unwrap().to_owned(), text.parse().unwrap())
    });
    manifests.collect()
}

/// The names of all dependencies of a manifest that are not ours.
fn dependencies(manifest: &Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else { continue };
        if key.ends_with("dependencies") {
            found.extend(table.keys().filter(|name| !name.starts_with("lagmap")).cloned());
        } else if key == "target" {
            found.extend(table.values().filter_map(toml::Value::as_table).flat_map(dependencies));
        }
    }
    found
}

#[test]
fn every_dependency_has_a_reason() {
    let used: BTreeSet<String> = manifests().iter().flat_map(|(_, manifest)| dependencies(manifest)).collect();
    let document = fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let named = document.lines().filter_map(|line| {
        let (name, reason) = line.strip_prefix("| `")?.split_once("` | ")?;
        (reason.len() > 10).then(|| name.to_owned())
    });
    assert_eq!(named.collect::<BTreeSet<_>>(), used);
}

#[test]
fn every_crate_inherits_the_lints() {
    let workspace: Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(workspace["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for (name, manifest) in manifests() {
        assert_eq!(manifest.get("lints").and_then(|lints| lints["workspace"].as_bool()), Some(true), "{name}");
    }
}
