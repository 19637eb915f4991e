//! Files and trees made to crash, hang or mislead the reader.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use lagmap_system::{Options, ProblemKind, System, load};
use proptest::prelude::*;
use tempfile::TempDir;

const CONFIG: &str = "startup_config.yaml";

fn load_text(text: &[u8]) -> System {
    let tree = TempDir::new().expect("a temporary folder");
    fs::write(tree.path().join(CONFIG), text).expect("a file");
    fs::write(tree.path().join("a.py"), "").expect("a file");
    load(tree.path(), &[], &Options::default())
}

/// Far above what the worst of these files takes, far below what any of them could take unbounded.
fn within_seconds(work: impl FnOnce() -> System) -> System {
    let start = Instant::now();
    let system = work();
    assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
    system
}

fn message(system: &System) -> &str {
    system.errors.first().map_or("", |error| &error.message)
}

#[test]
fn nested_aliases_cost_nothing_while_nobody_unfolds_them() {
    let mut text = String::from("a0: &a0 [lol, lol]\n");
    for level in 1..60 {
        let below = format!("*a{}", level - 1);
        let _ = writeln!(text, "a{level}: &a{level} [{}]", vec![below; 9].join(", "));
    }
    text.push_str("services:\n  last: {script: a.py}\n");
    let system = within_seconds(|| load_text(text.as_bytes()));
    assert_eq!(system.errors.len(), 1, "{:?}", system.errors);
    assert!(message(&system).contains("unfolds to more than"), "{:?}", system.errors);
}

#[test]
fn a_bomb_of_services_stops_at_the_limit() {
    let mut text = String::from("a0: &a0 [{name: x, script: a.py}]\n");
    for level in 1..30 {
        let below = format!("*a{}", level - 1);
        let _ = writeln!(text, "a{level}: &a{level} [{}]", vec![below; 9].join(", "));
    }
    let system = within_seconds(|| load_text(text.as_bytes()));
    assert_eq!(system.services.len(), 1, "one name, one script: one service");
    assert!(message(&system).contains("unfolds to more than"), "{:?}", system.errors);
}

#[test]
fn an_alias_to_its_own_parent_ends() {
    let system =
        within_seconds(|| load_text(b"services: &s\n  api: {script: a.py}\n  again: *s\n  merged: {<<: *s}\n"));
    assert_eq!(system.services.len(), 1, "{system:?}");
}

#[test]
fn deep_nesting_is_refused_with_its_line() {
    let mut block = String::from("services: {api: {script: a.py}}\n");
    // Indentation makes 10,000 levels of this form larger than any accepted file.
    for level in 0..2_000 {
        let _ = writeln!(block, "{}k:", " ".repeat(level));
    }
    let flow = format!("services: {{api: {{script: a.py}}}}\nx: {}", "[".repeat(10_000));
    let maps = format!("services: {{api: {{script: a.py}}}}\nx: {}", "{a: ".repeat(10_000));
    let dashes = format!("services: {{api: {{script: a.py}}}}\nx:\n  {}", "- ".repeat(10_000));
    let questions = format!("services: {{api: {{script: a.py}}}}\nx:\n  {}", "? ".repeat(10_000));
    for text in [&flow, &maps, &dashes, &questions, &block] {
        let start: String = text.chars().take(60).collect();
        let system = within_seconds(|| load_text(text.as_bytes()));
        assert_eq!(system.errors.len(), 1, "{start}: {:?}", system.errors);
        assert!(system.errors[0].line.is_some(), "{start}: {:?}", system.errors);
        assert_eq!(system.services.len(), 1, "what stood before it is kept: {start}");
    }
}

#[test]
fn four_mebibytes_of_brackets_end_soon() {
    for unit in [
        "[", "{", "{a: ", "- ", "? ", "a: ", "&a ", "*a ", "!", "'", "\"\\", "#", "%", "\t", "|\n", "[]: ", "---\n[\n",
        "- - ",
    ] {
        let text = unit.repeat(4 * 1024 * 1024 / unit.len() - 1);
        let start = Instant::now();
        let _ = load_text(text.as_bytes());
        assert!(start.elapsed() < Duration::from_secs(10), "{unit:?} took {:?}", start.elapsed());
    }
}

#[test]
fn an_oversized_file_is_refused() {
    let system = load_text(&vec![b' '; 4 * 1024 * 1024 + 1]);
    assert_eq!(message(&system), "larger than 4 MiB");
    assert!(system.services.is_empty());
}

#[test]
fn wrong_bytes_are_an_error_and_the_rest_is_read() {
    let system = load_text(b"# caf\xe9\nservices: {api: {script: a.py}}\n");
    assert_eq!(system.services.len(), 1);
    assert_eq!(message(&system), "not valid UTF-8 at byte 5");
    assert_eq!(system.errors[0].line, Some(1));
}

#[test]
fn control_characters_reach_no_message() {
    let system =
        load_text(b"services: {\"a\\e[31m\": {script: \"b\\e[0m.py\", dependencies: [\"c\\r\"], port: \"\\a\"}}\n");
    let kinds: Vec<ProblemKind> = system.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::MissingScript, ProblemKind::InvalidPort, ProblemKind::UnknownDependency]);
    for problem in &system.problems {
        assert!(!problem.message.contains(char::is_control), "{:?}", problem.message);
    }
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_out_of_the_root_is_named_and_not_followed() {
        let outside = TempDir::new().expect("a temporary folder");
        fs::write(outside.path().join("secret.py"), "").expect("a file");
        let tree = TempDir::new().expect("a temporary folder");
        symlink(outside.path().join("secret.py"), tree.path().join("link.py")).expect("a link");
        symlink(outside.path(), tree.path().join("folder")).expect("a link");
        let text = "services:\n  a: {script: link.py}\n  b: {script: folder/secret.py}\n";
        fs::write(tree.path().join(CONFIG), text).expect("a file");
        let system = load(tree.path(), &[], &Options::default());
        assert!(system.services.iter().all(|service| service.script.is_none()), "{:?}", system.services);
        let kinds: Vec<ProblemKind> = system.problems.iter().map(|problem| problem.kind).collect();
        assert_eq!(kinds, [ProblemKind::ScriptOutsideRoot; 2]);
    }

    #[test]
    fn a_link_inside_the_root_means_the_file_it_leads_to() {
        let tree = TempDir::new().expect("a temporary folder");
        fs::write(tree.path().join("real.py"), "").expect("a file");
        symlink("real.py", tree.path().join("link.py")).expect("a link");
        let text = "services:\n  a: {script: link.py}\n  b: {script: real.py}\n";
        fs::write(tree.path().join(CONFIG), text).expect("a file");
        let system = load(tree.path(), &[], &Options::default());
        assert_eq!(system.services[0].script.as_deref(), Some("real.py"));
        assert_eq!(system.problems.len(), 1);
        assert_eq!(system.problems[0].kind, ProblemKind::SharedScript);
    }

    #[test]
    fn linked_configurations_and_link_loops_are_left_out_of_the_search() {
        let outside = TempDir::new().expect("a temporary folder");
        fs::write(outside.path().join(CONFIG), "services: {a: {script: a.py}}\n").expect("a file");
        let tree = TempDir::new().expect("a temporary folder");
        symlink(tree.path(), tree.path().join("loop")).expect("a link");
        symlink(outside.path().join(CONFIG), tree.path().join(CONFIG)).expect("a link");
        let system = load(tree.path(), &[], &Options::default());
        assert_eq!(system, System::default());
        let named = load(tree.path(), &[CONFIG.to_owned()], &Options::default());
        assert_eq!(message(&named), "lies outside the audited root");
        assert!(named.services.is_empty());
    }

    #[test]
    fn named_pipes_are_never_opened() {
        let tree = TempDir::new().expect("a temporary folder");
        for (folder, pipe) in [("a", ".gitignore"), ("b", CONFIG), ("c", "run.py")] {
            fs::create_dir(tree.path().join(folder)).expect("a folder");
            let made = std::process::Command::new("mkfifo").arg(tree.path().join(folder).join(pipe)).status();
            assert!(made.is_ok_and(|status| status.success()), "mkfifo");
        }
        fs::write(tree.path().join("c").join(CONFIG), "services: {a: {script: c/run.py}}\n").expect("a file");
        let system = within_seconds(|| load(tree.path(), &[], &Options::default()));
        assert_eq!(system.configs.len(), 1);
        assert_eq!(system.problems[0].kind, ProblemKind::MissingScript);
        let named = load(tree.path(), &[format!("b/{CONFIG}")], &Options::default());
        assert_eq!(message(&named), "no such file");
    }
}

/// Text that is often YAML, with the words and signs that mean something here.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "services",
        "script",
        "name",
        "port",
        "a.py",
        "../a.py",
        "dependencies",
        "enabled",
        "false",
        "<<",
        "&a",
        "*a",
        "${A:-1}",
        "$((",
        "))",
        "${",
        "}",
        "+",
        "*",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "[",
        "]",
        ", ",
        "\t",
        "'",
        "\"",
        "|",
        ">",
        "#",
        "---\n",
        "...\n",
        "!!int",
        "%",
        "? ",
        "é",
        "\u{feff}",
        "\u{0}",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_a_panic_and_the_same_twice(text in prop_oneof![yaml_like(), ".{0,200}"]) {
        let tree = TempDir::new().expect("a temporary folder");
        fs::write(tree.path().join(CONFIG), &text).expect("a file");
        fs::write(tree.path().join("a.py"), "").expect("a file");
        let first = load(tree.path(), &[], &Options::default());
        prop_assert_eq!(&first, &load(tree.path(), &[], &Options::default()));
        for service in &first.services {
            prop_assert!(service.script.as_deref().is_none_or(|script| script == "a.py"));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let system = load_text(&bytes);
        prop_assert_eq!(system.configs.len(), 1);
    }
}
