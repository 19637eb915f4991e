//! What must not change a report: the cache, the number of threads, the order and place of files, ends of lines, and files
//! that have nothing to do with it.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use lagmap::audit::{AuditOptions, CacheFolder, run_again, run_audit};
use lagmap::progress::Progress;
use lagmap::records::Memory;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use tempfile::TempDir;

/// The files of a tree, by path.
type Tree = BTreeMap<String, Vec<u8>>;

/// The example: services, broken files, many rules.
fn example() -> Tree {
    fn collect(root: &Path, folder: &Path, tree: &mut Tree) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("__pycache__") {
                continue;
            }
            if path.is_dir() {
                collect(root, &path, tree);
            } else {
                let inner = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                tree.insert(inner, fs::read(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/voice-assistant");
    let mut tree = Tree::new();
    collect(&root, &root, &mut tree);
    tree
}

fn is_python(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "py")
}

/// A tree on disk, its files made in a given order.
fn written(tree: &Tree, order: &[Index]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let mut paths: Vec<&String> = tree.keys().collect();
    for (index, to) in order.iter().enumerate() {
        let len = paths.len();
        paths.swap(index % len, to.index(len));
    }
    for path in paths {
        let target = root.path().join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, &tree[path]).unwrap();
    }
    root
}

fn options() -> AuditOptions {
    AuditOptions { pedantic: true, ..AuditOptions::default() }
}

fn report(root: &Path, options: &AuditOptions) -> Value {
    serde_json::to_value(run_audit(root, options, &Progress::start()).unwrap()).unwrap()
}

fn cached(folder: &Path) -> AuditOptions {
    AuditOptions { cache: Some(CacheFolder { path: folder.to_owned(), named: true }), ..options() }
}

/// An edit of one file.
#[derive(Clone, Debug)]
enum Edit {
    Delete,
    Empty,
    Cut(Index),
    Append(&'static str),
    Prepend(&'static str),
    CopyOf(Index),
}

fn edits() -> impl Strategy<Value = Vec<(Index, Edit)>> {
    let code = prop::sample::select(vec![
        "\n# a comment\n",
        "\nimport time\nasync def added():\n    time.sleep(3)\n",
        "\nclass Added:\n    def __init__(self): self.kept = []\n    def run(self):\n        while True: self.kept.append(input())\n",
        "\n)\n",
        "'''a docstring'''\n",
    ]);
    let edit = prop_oneof![
        Just(Edit::Delete),
        Just(Edit::Empty),
        any::<Index>().prop_map(Edit::Cut),
        code.clone().prop_map(Edit::Append),
        code.prop_map(Edit::Prepend),
        any::<Index>().prop_map(Edit::CopyOf),
    ];
    prop::collection::vec((any::<Index>(), edit), 1..4)
}

fn edited(mut tree: Tree, edits: &[(Index, Edit)]) -> Tree {
    for (at, edit) in edits {
        let paths: Vec<String> = tree.keys().filter(|path| is_python(path)).cloned().collect();
        let path = at.get(&paths).clone();
        let bytes = tree[&path].clone();
        let new = match edit {
            Edit::Delete => {
                tree.remove(&path);
                continue;
            }
            Edit::Empty => Vec::new(),
            Edit::Cut(end) => bytes[..end.index(bytes.len() + 1)].to_vec(),
            Edit::Append(code) => [&bytes, code.as_bytes()].concat(),
            Edit::Prepend(code) => [code.as_bytes(), &bytes].concat(),
            Edit::CopyOf(other) => tree[other.get(&paths)].clone(),
        };
        tree.insert(path, new);
    }
    tree
}

fn replace(root: &Path, old: &Tree, new: &Tree) {
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        fs::remove_file(root.join(path)).unwrap();
    }
    for (path, bytes) in new.iter().filter(|(path, bytes)| old.get(*path) != Some(*bytes)) {
        fs::write(root.join(path), bytes).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    fn what_is_cached_or_remembered_gives_the_same_report(rounds in prop::collection::vec(edits(), 1..4)) {
        let cache = tempfile::tempdir().unwrap();
        let mut tree = example();
        let root = written(&tree, &[]);
        let mut memory = Memory::default();
        for edits in &rounds {
            let plain = report(root.path(), &options());
            prop_assert_eq!(&report(root.path(), &cached(cache.path())), &plain);
            prop_assert_eq!(&report(root.path(), &cached(cache.path())), &plain);
            let again = run_again(root.path(), &options(), &Progress::start(), &mut memory).unwrap();
            prop_assert_eq!(&serde_json::to_value(again).unwrap(), &plain);
            let new = edited(tree.clone(), edits);
            replace(root.path(), &tree, &new);
            tree = new;
        }
    }

    #[test]
    fn threads_order_and_place_change_nothing(
        edits in edits(),
        order in prop::collection::vec(any::<Index>(), 28),
        threads in 1..9_usize,
    ) {
        let tree = edited(example(), &edits);
        let plain = report(written(&tree, &[]).path(), &options());
        let threads = AuditOptions { threads: NonZeroUsize::new(threads), ..options() };
        let elsewhere = written(&tree, &order);
        let renamed: PathBuf = elsewhere.path().join("a folder of another name é");
        fs::create_dir(&renamed).unwrap();
        for entry in fs::read_dir(elsewhere.path()).unwrap() {
            let path = entry.unwrap().path();
            if path != renamed {
                fs::rename(&path, renamed.join(path.file_name().unwrap())).unwrap();
            }
        }
        prop_assert_eq!(report(&renamed, &threads), plain);
    }

    #[test]
    fn ends_of_lines_change_nothing(edits in edits()) {
        let tree = edited(example(), &edits);
        let plain = report(written(&tree, &[]).path(), &options());
        let crlf = tree.iter().map(|(path, bytes)| {
            let text = String::from_utf8(bytes.clone()).unwrap().replace('\n', "\r\n");
            (path.clone(), if is_python(path) { text.into_bytes() } else { bytes.clone() })
        });
        prop_assert_eq!(report(written(&crlf.collect(), &[]).path(), &options()), plain);
    }

    #[test]
    fn a_file_that_has_nothing_to_do_with_it_changes_nothing_elsewhere(
        edits in edits(),
        code in prop::sample::select(vec![
            "", "x = 1\n", "def unrelated(a):\n    return a\n", "class Unrelated:\n    def run(self):\n        self.x = open('y')\n",
            "import json\nUNRELATED = json.loads('{}')\n", "def broken(:\n",
        ]),
    ) {
        let mut tree = edited(example(), &edits);
        let plain = report(written(&tree, &[]).path(), &options());
        tree.insert("zz_unrelated_folder/zz_unrelated.py".to_owned(), code.as_bytes().to_vec());
        let with = report(written(&tree, &[]).path(), &options());
        for part in ["findings", "services", "groups", "errors", "system_problems"] {
            prop_assert_eq!(&with[part], &plain[part]);
        }
    }
}
