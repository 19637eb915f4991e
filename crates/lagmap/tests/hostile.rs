//! Trees and surroundings that mean harm: the program says what is wrong, in a line a file, and audits the rest.
//! `docs/robustness.md` lists what each gives.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The slowest that an audit of these trees may be on a busy machine, not optimized.
const PATIENCE: Duration = Duration::from_mins(2);
/// Code with a finding.
const SLOW: &str = "import asyncio, time\nasync def main():\n    time.sleep(2)\nasyncio.run(main())\n";

fn tree(files: &[(&str, &[u8])]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    root
}

fn lagmap(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lagmap"));
    command.current_dir(root).env_remove("LAGMAP_CACHE_DIR").stdin(Stdio::null());
    command
}

/// Runs it to its end, which must be its own.
fn finished(mut command: Command) -> Output {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut error) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |from: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let stderr = std::thread::spawn(move || read(&mut error));
    let stdout = std::thread::spawn(move || read(&mut out));
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if started.elapsed() > PATIENCE => {
                child.kill().unwrap();
                panic!("it hangs");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let output = Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("panicked"), "{told}");
    output
}

/// The JSON report of a tree; nothing may go wrong on the way.
fn report(root: &Path) -> Value {
    let mut command = lagmap(root);
    command.args(["audit", "--no-cache", "--format=json"]);
    let output = finished(command);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stderr, b"");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The errors of a report, as `path: message`.
fn errors(report: &Value) -> Vec<String> {
    let errors = report["errors"].as_array().unwrap().iter();
    errors.map(|error| format!("{}: {}", error["path"].as_str().unwrap(), error["message"].as_str().unwrap())).collect()
}

fn files(report: &Value) -> u64 {
    report["summary"]["files"].as_u64().unwrap()
}

fn run(program: &str, arguments: &[&OsStr]) -> bool {
    Command::new(program).args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn links_neither_loop_nor_lead_out() {
    let outside = tree(&[("secret.py", SLOW.as_bytes())]);
    let root = tree(&[("a/b.py", b"x = 1\n")]);
    symlink("..", root.path().join("a/up")).unwrap();
    symlink("self.py", root.path().join("self.py")).unwrap();
    symlink("pong.py", root.path().join("ping.py")).unwrap();
    symlink("ping.py", root.path().join("pong.py")).unwrap();
    symlink(outside.path(), root.path().join("out")).unwrap();
    symlink(outside.path().join("secret.py"), root.path().join("secret.py")).unwrap();
    symlink("/dev/zero", root.path().join("zero.py")).unwrap();
    let report = report(root.path());
    assert_eq!(files(&report), 1);
    let out = |path: &str| format!("{path}: a link that leads out of the audited folder");
    assert_eq!(errors(&report), [out("secret.py"), out("zero.py")]);
    assert!(!report.to_string().contains("sleep"));
}

#[test]
fn pipes_sockets_and_devices_are_not_opened() {
    let root = tree(&[("a.py", b"x = 1\n")]);
    let path = |name: &str| root.path().join(name);
    assert!(run("mkfifo", &[path("pipe.py").as_os_str(), path("startup_config.yaml").as_os_str()]));
    assert!(run("mkfifo", &[path("lagmap.toml").as_os_str(), path("pyproject.toml").as_os_str()]));
    let _socket = std::os::unix::net::UnixListener::bind(path("socket.py")).unwrap();
    // Only the superuser may make devices.
    let device = run("mknod", &[path("zero.py").as_os_str(), OsStr::new("c"), OsStr::new("1"), OsStr::new("5")]);
    let report = report(root.path());
    assert_eq!(files(&report), 1);
    let told = errors(&report);
    for name in ["pipe.py", "socket.py"].into_iter().chain(device.then_some("zero.py")) {
        assert!(told.contains(&format!("{name}: not a regular file")), "{told:?}");
    }
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_audited() {
    use std::os::unix::fs::PermissionsExt;
    let root = tree(&[("a.py", SLOW.as_bytes()), ("shut.py", b"x = 1\n"), ("shut/b.py", b"x = 1\n")]);
    for name in ["shut.py", "shut"] {
        fs::set_permissions(root.path().join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    // To the superuser nothing is closed.
    let closed = fs::File::open(root.path().join("shut.py")).is_err();
    let report = report(root.path());
    fs::set_permissions(root.path().join("shut"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(errors(&report).len(), if closed { 2 } else { 0 });
    assert!(report["findings"].as_array().unwrap().iter().any(|finding| finding["path"] == "a.py"));
}

#[test]
fn huge_files_are_refused_and_long_ones_read() {
    let root = tree(&[("long.py", "x = 1\n".repeat(2_000_000).as_bytes()), ("huge.py", b"")]);
    // Sparse: it takes no room.
    fs::File::options().write(true).open(root.path().join("huge.py")).unwrap().set_len(1 << 30).unwrap();
    let report = report(root.path());
    assert_eq!(report["summary"]["lines"], 2_000_000);
    assert_eq!(errors(&report), ["huge.py: 1073741824 bytes, more than the 16 MiB that are read of a file"]);
}

/// A construct `levels` deep: what opens it, what stands inside, what closes it.
fn deep(open: &str, inside: &str, close: &str, levels: usize) -> String {
    format!("{}{inside}{}\n", open.repeat(levels), close.repeat(levels))
}

/// Blocks one in the other, each with a line in front and behind.
fn blocks(head: &str, tail: Option<&str>, levels: usize) -> String {
    let mut text = String::new();
    for level in 0..levels {
        text.extend([&" ".repeat(level), head, "\n"]);
    }
    text.extend([&" ".repeat(levels), "pass\n"]);
    if let Some(tail) = tail {
        for level in (0..levels).rev() {
            text.extend([&" ".repeat(level), tail, " pass\n"]);
        }
    }
    text
}

#[test]
fn nesting_of_every_kind_neither_crashes_nor_hangs() {
    const DEEP: usize = 10_000;
    // The time that these take grows with the square of their depth.
    const SLOW_WHEN_DEEP: [&str; 5] = ["comprehensions", "elements", "generators", "clauses", "targets"];
    let expressions = [
        ("parentheses", "x = ", "(", "1", ")"),
        ("lists", "x = ", "[", "", "]"),
        ("sets", "x = ", "{1,", "2", "}"),
        ("dicts", "x = ", "{1: ", "2", "}"),
        ("tuples", "x = ", "(1, ", "2", ")"),
        ("calls", "x = ", "f(", "", ")"),
        ("keywords", "x = ", "f(a=", "1", ")"),
        ("called", "x = f", "()", "", ""),
        ("attributes", "x = a", ".b", "", ""),
        ("indices", "x = a", "[0]", "", ""),
        ("subscripts", "x = ", "a[", "0", "]"),
        ("slices", "x = ", "a[1:", "0", ":2]"),
        ("signs", "x = ", "-", "1", ""),
        ("negations", "x = ", "not ", "1", ""),
        ("sums", "x = ", "1 + ", "1", ""),
        ("powers", "x = ", "2 ** ", "1", ""),
        ("comparisons", "x = ", "1 < ", "1", ""),
        ("compared", "x = ", "1 < (", "1", ")"),
        ("ands", "x = ", "a and ", "b", ""),
        ("and_ors", "x = ", "a and (b or ", "c", ")"),
        ("choices", "x = ", "1 if a else ", "2", ""),
        ("conditions", "x = ", "1 if ", "a", " else 2"),
        ("lambdas", "x = ", "lambda: ", "1", ""),
        ("defaults", "x = ", "lambda a=", "1", ": 1"),
        ("awaits", "async def f(): ", "await ", "x", ""),
        ("yields", "def f(): x = ", "(yield ", "1", ")"),
        ("stars", "x = ", "[*", "a", "]"),
        ("walruses", "x = ", "(y := ", "1", ")"),
        ("comprehensions", "x = ", "[a for a in ", "b", "]"),
        ("elements", "x = ", "[", "a", " for a in b]"),
        ("generators", "x = ", "f(", "a", " for a in b)"),
        ("clauses", "x = [a ", "for a in b ", "", ""),
        ("filters", "x = [a for a in b ", "if a ", "", ""),
        ("strings", "x = ", "'a' ", "", ""),
        ("decorators", "", "@d\n", "def f(): pass", ""),
        ("decorations", "@", "d(", "e", ")\n"),
        ("bases", "class A(", "b(", "", ")"),
        ("annotations", "x: ", "a[", "int", "]"),
        ("texts", "x: '", "list[", "int", "]"),
        ("targets", "for ", "(a, ", "b", ")"),
        ("chains", "", "x = ", "1", ""),
        ("deletions", "del ", "(a, ", "b", ")"),
        ("dotted", "import a", ".a", "", ""),
        ("relative", "from ", ".", "", " import a"),
        ("members", "from a import (", "a, ", "a", ""),
        ("patterns", "match x:\n case ", "[", "a", "]: pass"),
        ("classes", "match x:\n case ", "A(b=", "c", ")"),
        ("mappings", "match x:\n case ", "{1: ", "c", "}"),
        ("alternatives", "match x:\n case ", "1 | ", "2", ": pass"),
        ("parameters", "def f(", "a, ", "b", ""),
        ("bounds", "def f[T: ", "a[", "b", "]"),
        ("aliases", "type A = ", "a[", "b", "]"),
        ("statements", "", "x; ", "x", ""),
        ("with_items", "with ", "a as b, ", "c", ": pass"),
        ("open_brackets", "x = ", "f([{", "", ""),
        ("format_strings", "x = ", "f'{", "", "}'"),
    ];
    let mut texts: Vec<(String, String)> = expressions
        .iter()
        .map(|(name, before, open, inside, close)| {
            let levels = if SLOW_WHEN_DEEP.contains(name) { DEEP / 10 } else { DEEP };
            ((*name).to_owned(), format!("{before}{}", deep(open, inside, close, levels)))
        })
        .collect();
    let statements = [
        ("if a:", None),
        ("if a:", Some("else:")),
        ("for x in y:", None),
        ("while a:", Some("else:")),
        ("with a as b:", None),
        ("try:", Some("except E as e:")),
        ("try:", Some("finally:")),
        ("def f(a):", None),
        ("async def f(a):", None),
        ("class A:", None),
        ("match a:", None),
    ];
    for (index, (head, tail)) in statements.iter().enumerate() {
        // Deeper ones are larger than a file may be.
        texts.push((format!("block_{index}"), blocks(head, *tail, 3_500)));
    }
    texts.push(("too_deep".to_owned(), blocks("if a:", None, DEEP)));
    texts.push(("elifs".to_owned(), format!("if a: pass\n{}", "elif a: pass\n".repeat(DEEP))));
    texts.push(("handlers".to_owned(), format!("try: pass\n{}", "except E: pass\n".repeat(DEEP))));
    texts.push(("cases".to_owned(), format!("match a:\n{}", " case 1: pass\n".repeat(DEEP))));
    let root = tree(&[]);
    for (name, text) in &texts {
        fs::write(root.path().join(format!("{name}.py")), text).unwrap();
    }
    let report = report(root.path());
    assert_eq!(files(&report) as usize + errors(&report).len(), texts.len());
    assert_eq!(errors(&report), ["too_deep.py: 50065005 bytes, more than the 16 MiB that are read of a file"]);
}

#[test]
fn imports_that_lead_to_each_other_are_followed_once() {
    use std::fmt::Write;

    // Each name is imported from itself and from all others, by name and by star, in every module, many times over.
    let modules: Vec<String> = (0..12).map(|number| format!("m{number}")).collect();
    let mut text = String::new();
    for module in &modules {
        for name in ["x", "y"] {
            write!(text, "try:\n    from {module} import {name}\nexcept ImportError:\n    from {module} import {name} as {name}\n")
                .unwrap();
        }
    }
    for module in &modules {
        writeln!(text, "from {module} import *").unwrap();
    }
    text.push_str("x.y()\nz()\n");
    let mut tree_files: Vec<(String, String)> =
        modules.iter().map(|module| (format!("{module}.py"), text.clone())).collect();
    tree_files.push(("main.py".into(), format!("from m0 import slow\n{SLOW}")));
    let files: Vec<(&str, &[u8])> = tree_files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    let report = report(tree(&files).path());
    assert_eq!(report["summary"]["files"], 13);
    assert_eq!(report["findings"][0]["path"], "main.py");
}

#[test]
fn odd_names_are_escaped_in_every_output() {
    let root = tree(&[
        ("\u{1b}[31mred.py", SLOW.as_bytes()),
        ("new\nline\r.py", SLOW.as_bytes()),
        ("\u{202e}right\u{9b}.py", SLOW.as_bytes()),
        ("said.py", b"import asyncio\nasync def main():\n    open('\\x1b[31m\\n\\x07').read()\nasyncio.run(main())\n"),
        ("startup_config.yaml", b"services:\n  - name: \"\\e[31mS\\n\"\n    script_path: \"\\e[31mred.py\"\n"),
    ]);
    fs::write(root.path().join(OsStr::from_bytes(b"\xff\xfe.py")), SLOW).unwrap();
    for arguments in [
        &["audit", "--format=json"][..],
        &["audit", "--format=terminal", "--limit=100"],
        &["audit", "--format=markdown"],
        &["services"],
        &["services", "--format=json"],
        &["call-graph"],
        &["call-graph", "--format=dot"],
        &["trace", "main"],
        &["trace", "main", "--format=json"],
        &["audit", "\u{1b}[31mnowhere"],
    ] {
        let mut command = lagmap(root.path());
        command.args(arguments).arg("--no-cache");
        let output = finished(command);
        for bytes in [output.stdout, output.stderr] {
            let text = String::from_utf8(bytes).unwrap();
            let odd = text.chars().find(|c| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c));
            assert_eq!(odd, None, "{arguments:?}: {text}");
        }
    }
}

#[test]
fn bytes_that_are_no_python_are_told() {
    let root = tree(&[
        ("latin1.py", b"x = '\xe9'\n"),
        ("declared.py", b"# coding: latin-1\nx = '\xe9'\n"),
        ("nul.py", b"x = 1\n\x00\n"),
        ("utf16.py", b"\xff\xfex\x00=\x001\x00"),
        ("unknown.py", b"# coding: klingon\n"),
        (
            "two.py",
            b"print 'x'\nexec code in ns\ntry:\n    raise E, 'm'\nexcept E, e:\n    print >>f, `e`, 0777, ur'x'\n",
        ),
        ("random.py", &(0..=255).rev().collect::<Vec<u8>>()),
        ("empty.py", b""),
        ("slow.py", SLOW.as_bytes()),
    ]);
    let report = report(root.path());
    let told = errors(&report);
    assert_eq!(files(&report), 4, "{told:?}");
    for error in [
        "latin1.py: not valid UTF-8 at byte 5",
        "nul.py: a NUL byte at byte 6",
        "unknown.py: unknown encoding `klingon`",
        "utf16.py: UTF-16, which Python does not read as source",
    ] {
        assert!(told.iter().any(|told| told == error), "{told:?}");
    }
    assert_eq!(report["summary"]["files_with_syntax_errors"], 1);
}

#[test]
fn files_that_come_go_and_change_meanwhile_do_no_harm() {
    let root = tree(&[("slow.py", SLOW.as_bytes())]);
    let folder = root.path().to_owned();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let churn = std::thread::spawn(move || {
        let mut turn = 0_usize;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            turn += 1;
            let own = folder.join(format!("d{}", turn % 40));
            let _ = fs::create_dir(&own);
            let _ = fs::write(own.join("a.py"), SLOW.repeat(turn % 7));
            let _ = fs::remove_dir_all(folder.join(format!("d{}", (turn + 20) % 40)));
        }
    });
    let deadline = Instant::now() + Duration::from_secs(3);
    while Instant::now() < deadline {
        assert!(files(&report(root.path())) >= 1);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    churn.join().unwrap();
}

#[test]
fn bombs_in_configurations_end_in_a_line() {
    let laughs = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        let inner = format!("*a{}, ", level - 1).repeat(9);
        text + &format!("a{level}: &a{level} [{inner}]\n")
    });
    let bomb = format!("{laughs}services:\n  - *a29\n  - {{name: S, script_path: slow.py}}\n");
    let root = tree(&[("startup_config.yaml", bomb.as_bytes()), ("slow.py", SLOW.as_bytes())]);
    fs::create_dir(root.path().join("deep")).unwrap();
    fs::write(root.path().join("deep/startup_config.yaml"), "[".repeat(200_000)).unwrap();
    let report = report(root.path());
    assert!(report["summary"]["services"].as_u64().unwrap() <= 1);
    assert!(errors(&report).iter().any(|error| error.starts_with("deep/startup_config.yaml: ")));
}

#[test]
fn scripts_outside_of_the_root_are_named_and_never_read() {
    let outside = tree(&[("root/a.py", b""), ("secret.py", SLOW.as_bytes())]);
    let root = outside.path().join("root");
    let absolute = outside.path().join("secret.py");
    let config = format!(
        "services:\n  - {{name: A, script_path: ../secret.py}}\n  - {{name: B, script_path: {}}}\n  \
         - {{name: C, script_path: a/../../secret.py}}\n",
        absolute.display()
    );
    fs::write(root.join("startup_config.yaml"), config).unwrap();
    let report = report(&root);
    let kinds = report["system_problems"].as_array().unwrap().iter();
    assert_eq!(kinds.filter(|problem| problem["kind"] == "script-outside-root").count(), 3);
    let findings = report["findings"].as_array().unwrap();
    // That they cannot start is all that is found.
    assert!(findings.iter().all(|finding| finding["rule"] == "service-cannot-start"), "{findings:?}");
    assert_eq!((files(&report), findings.len()), (1, 3));
}

#[test]
fn a_full_disk_and_a_closed_folder_are_told_and_leave_nothing() {
    let root = tree(&[("slow.py", SLOW.as_bytes())]);
    for target in ["/dev/full", "/proc/report.json", "missing/report.json", "."] {
        let mut command = lagmap(root.path());
        command.args(["audit", "--no-cache", "--output", target]);
        let output = finished(command);
        assert_eq!(output.status.code(), Some(2), "{target}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: cannot write the report: "), "{target}");
    }
    let mut command = lagmap(root.path());
    command.args(["audit", "--no-cache"]).stdout(fs::File::options().write(true).open("/dev/full").unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: cannot write to the standard output"));
    // A limit on the size of files is a disk that gets full in the middle of a file.
    fs::write(root.path().join("report.json"), "old").unwrap();
    let mut command = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" audit --no-cache --format json --output report.json";
    command.current_dir(root.path()).args(["-c", script, env!("CARGO_BIN_EXE_lagmap")]);
    assert_eq!(finished(command).status.code(), Some(2));
    assert_eq!(fs::read(root.path().join("report.json")).unwrap(), b"old");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}

#[test]
fn a_cache_that_cannot_be_written_only_warns() {
    let root = tree(&[("slow.py", SLOW.as_bytes()), ("file", b"")]);
    for folder in ["file", "file/below", "/proc/lagmap", "/dev/null"] {
        let mut command = lagmap(root.path());
        command.args(["audit", "--format=json", "--cache-dir", folder]);
        let output = finished(command);
        assert_eq!(output.status.code(), Some(0), "{folder}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("warning: cannot write the cache: "), "{folder}");
        assert_eq!(files(&serde_json::from_slice(&output.stdout).unwrap()), 1);
    }
    // Where nobody asked for a cache, nobody wants to hear of it.
    let mut command = lagmap(root.path());
    command.args(["audit", "--format=json"]).env("XDG_CACHE_HOME", "/proc").env("HOME", "/proc");
    assert_eq!(finished(command).stderr, b"");
    // A disk that gets full in the middle of a pack.
    let many = tree(&[]);
    for index in 0..300 {
        fs::write(many.path().join(format!("m{index}.py")), format!("{SLOW}\nx{index} = {index}\n")).unwrap();
    }
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$0\" audit --cache-dir cache --select busy-waiting";
    let mut command = Command::new("sh");
    command.current_dir(many.path()).args(["-c", script, env!("CARGO_BIN_EXE_lagmap")]);
    let output = finished(command);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("warning: cannot write the cache: "));
    assert_eq!(in_cache(&many.path().join("cache")), 0);
}

/// Files in the folders of a cache, reports aside.
fn in_cache(cache: &Path) -> usize {
    let folders = fs::read_dir(cache).into_iter().flatten().filter_map(|entry| fs::read_dir(entry.ok()?.path()).ok());
    let files = folders.flatten().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_none_or(|ending| ending != "answer")).count()
}

/// A tree that takes a while.
fn long_tree() -> TempDir {
    let root = tree(&[]);
    for index in 0..400 {
        let text = format!("{SLOW}\nx = [{index}]\n{}", "def f(a):\n    return f(a)\n".repeat(20));
        fs::write(root.path().join(format!("m{index}.py")), text).unwrap();
    }
    root
}

fn signal(child: &Child, name: &str) {
    // It may have ended by itself meanwhile.
    run("kill", &[OsStr::new(name), OsStr::new(&child.id().to_string())]);
}

#[test]
fn an_interrupted_audit_writes_all_or_nothing() {
    let root = long_tree();
    let whole = report(root.path());
    for delay in [0, 20, 60, 120, 250, 500, 1000] {
        let path = root.path().join("report.json");
        let mut command = lagmap(root.path());
        command.args(["audit", "--no-cache", "--format=json", "--output", "report.json"]);
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        signal(&child, "-INT");
        let status = child.wait().unwrap();
        // Ended by the signal, as shells expect it, or before it came.
        assert!(status.code().is_none_or(|code| code == 0), "{status}");
        if path.exists() {
            assert!(serde_json::from_slice::<Value>(&fs::read(&path).unwrap()).unwrap() == whole);
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn a_run_killed_while_it_writes_the_cache_harms_no_other() {
    let root = long_tree();
    let whole = report(root.path());
    let cached = |command: &mut Command| {
        command.args(["audit", "--format=json", "--cache-dir", "cache"]);
    };
    for delay in [10, 30, 50, 80, 120, 200, 400] {
        let mut command = lagmap(root.path());
        cached(&mut command);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        signal(&child, "-KILL");
        child.wait().unwrap();
    }
    for _ in 0..2 {
        let mut command = lagmap(root.path());
        cached(&mut command);
        assert!(serde_json::from_slice::<Value>(&finished(command).stdout).unwrap() == whole);
    }
}

#[test]
fn no_cache_neither_reads_nor_writes_it() {
    let root = tree(&[("slow.py", SLOW.as_bytes())]);
    let cache = root.path().join("cache");
    let audit = |arguments: &[&str]| {
        let mut command = lagmap(root.path());
        command.arg("audit").args(arguments).env("XDG_CACHE_HOME", root.path().join("usual"));
        finished(command).stdout
    };
    let first = audit(&["--no-cache", "--format=json"]);
    assert!(!cache.exists() && !root.path().join("usual").exists());
    assert_eq!(audit(&["--format=json"]), first);
    assert_eq!(in_cache(&root.path().join("usual/lagmap")), 1);
    fs::write(root.path().join("lagmap.toml"), "cache-dir = 'cache'\n").unwrap();
    assert_eq!(audit(&["--format=json"]), first);
    assert_eq!(in_cache(&cache), 1);
    let mut command = lagmap(root.path());
    command.arg("clean");
    let told = String::from_utf8(finished(command).stdout).unwrap();
    assert!(told.starts_with("2 files removed, ") && !cache.exists(), "{told}");
}

/// Waits until a file holds a report that fulfils a condition.
fn wait_for(path: &PathBuf, wanted: impl Fn(&Value) -> bool) {
    let started = Instant::now();
    loop {
        let report = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        if report.as_ref().is_some_and(&wanted) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{report:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn watching_audits_again_on_each_change() {
    let root = tree(&[("slow.py", SLOW.as_bytes()), ("other.py", b"x = 1\n")]);
    let path = root.path().join("report");
    let mut command = lagmap(root.path());
    command.args(["audit", "--watch", "--no-cache", "--format=json", "--output", "report"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let findings = |report: &Value| report["findings"].as_array().unwrap().len();
    wait_for(&path, |report| findings(report) == 1);
    fs::write(root.path().join("slow.py"), SLOW.replace("time.sleep(2)", "await asyncio.sleep(2)")).unwrap();
    wait_for(&path, |report| findings(report) == 0);
    // A broken configuration ends nothing.
    fs::write(root.path().join("lagmap.toml"), "wrong = 1\n").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    fs::remove_file(root.path().join("lagmap.toml")).unwrap();
    fs::create_dir(root.path().join("more")).unwrap();
    fs::write(root.path().join("more/slow.py"), SLOW).unwrap();
    wait_for(&path, |report| findings(report) == 1 && files(report) == 3);
    child.kill().unwrap();
    child.wait().unwrap();
}
