//! `lagmap probe` and `lagmap record`, as their users run them: a small service with a load whose repeated requests are known.

use std::fs;
use std::path::Path;
use std::process::Command as Process;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, starts_with};
use serde_json::Value;
use tempfile::TempDir;

/// Answers 200 questions from a queue; 60 different ones, so that 140 repeat; each is worked on twice.
const SERVICE: &str = r#"
import json, queue
from pathlib import Path

REQUESTS = queue.Queue()

def settings():
    with open(Path(__file__).with_name("settings.json")) as file:
        return json.load(file)

def expensive(text):
    total = 0
    for letter in text:
        for number in range(4000):
            total = (total * 31 + ord(letter) + number) % 1000003
    return total

def handle(text):
    language = settings()["language"]
    if expensive(text) > 0:
        return language, expensive(text)
    return language, 0

def serve():
    while True:
        handle(REQUESTS.get(timeout=1))

if __name__ == "__main__":
    for number in range(200):
        REQUESTS.put(f"text {number * 7 % 60}")
    try:
        serve()
    except queue.Empty:
        print("served")
"#;

fn system() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("service.py"), SERVICE).unwrap();
    fs::write(root.path().join("settings.json"), "{\"language\": \"en\"}").unwrap();
    let config = "services:\n  - name: Shouter\n    script_path: service.py\n    port: 7000\n";
    fs::write(root.path().join("startup_config.yaml"), config).unwrap();
    root
}

fn lagmap(root: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("lagmap")
        .unwrap()
        .current_dir(root)
        .env("XDG_CACHE_HOME", root.join("cache"))
        .env("TMPDIR", root.join("tmp"))
        .args(arguments)
        .assert()
}

fn finding<'a>(report: &'a Value, rule: &str) -> &'a Value {
    let mut findings = report["findings"].as_array().unwrap().iter();
    findings.find(|finding| finding["rule"] == rule).unwrap_or_else(|| panic!("no {rule} in {report:#}"))
}

fn has_python() -> bool {
    let script = "import sys; sys.exit(sys.version_info < (3, 8))";
    let found = Process::new("python3").args(["-c", script]).status().is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: there is no python3, 3.8 or newer");
    }
    found
}

#[test]
fn hit_rates_and_times_are_those_of_the_load() {
    if !has_python() {
        return;
    }
    let root = system();
    fs::create_dir(root.path().join("tmp")).unwrap();
    let run = ["probe", "--format", "json", "--save", "probe.json", "--no-calibration", "--services"];
    let done = lagmap(root.path(), &run).code(0).stderr(contains("served").and(contains("probe: ")));
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let settings = finding(&report, "config-read-per-request");
    // The file is another object each time; the function that reads it always gives the same.
    assert_eq!(settings["measured"]["calls"], 200, "{settings:#}");
    assert_eq!(settings["measured"]["repeats"]["scope"], "function");
    assert_eq!(settings["measured"]["repeats"]["share"], 0.995);
    assert_eq!(
        (settings["impact"]["basis"].as_str(), settings["caching"]["hit_rate_basis"].as_str()),
        (Some("measured"), Some("measured"))
    );
    let twice = finding(&report, "repeated-pure-call");
    let measured = &twice["measured"];
    assert_eq!(
        (measured["calls"].as_u64(), measured["repeats"]["share"].as_f64()),
        (Some(200), Some(0.7)),
        "{twice:#}"
    );
    assert!((0.2..50.0).contains(&measured["ms_per_call"].as_f64().unwrap()), "{measured}");
    assert_eq!(report["profile"]["files"][0]["tool"], "lagmap probe");
    // Nothing stays behind.
    assert_eq!(fs::read_dir(root.path().join("tmp")).unwrap().count(), 0);

    // The same from the file, also for people.
    lagmap(root.path(), &["audit", "--profile", "probe.json", "--format", "markdown", "--no-calibration"])
        .code(0)
        .stdout(
            contains("with arguments seen before in the last 1,000").or(contains("70% hit rate potential (measured)")),
        );
    let broken = fs::read_to_string(root.path().join("probe.json")).unwrap().replacen(
        "\"lagmap_probe\":1",
        "\"lagmap_probe\":7",
        1,
    );
    fs::write(root.path().join("other.json"), broken).unwrap();
    lagmap(root.path(), &["audit", "--profile", "other.json"]).code(2).stderr(starts_with(
        "error: cannot use the profile: other.json: it is broken: another version of lagmap wrote it",
    ));
}

/// What a cache of 1,000 entries has forgotten is no hit: 1,100 texts that come in turn are never among the last 1,000.
#[test]
fn what_was_seen_too_long_ago_is_not_repeated() {
    if !has_python() {
        return;
    }
    let root = system();
    fs::create_dir(root.path().join("tmp")).unwrap();
    let long = SERVICE.replace("range(200)", "range(2200)").replace("number * 7 % 60", "number % 1100");
    fs::write(root.path().join("service.py"), long.replace("range(4000)", "range(1500)")).unwrap();
    let done = lagmap(root.path(), &["probe", "--format", "json", "--no-calibration", "--services"]).code(0);
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let repeats = &finding(&report, "repeated-pure-call")["measured"]["repeats"];
    assert_eq!((repeats["calls"].as_u64(), repeats["share"].as_f64()), (Some(2200), Some(0.0)), "{repeats}");
}

#[test]
fn what_cannot_be_run_says_why() {
    let root = system();
    fs::create_dir(root.path().join("tmp")).unwrap();
    let cases: [(&[&str], &str, &str); 6] = [
        (&["probe"], "nothing is to be run", "say a command behind `--`"),
        (&["probe", "--service", "Other"], "no such service: Other", "declare: Shouter"),
        (&["probe", "--", "./none"], "cannot start: ./none", "found as a shell finds it"),
        (&["probe", "--", "true"], "nothing ran that a finding names", "needs a load"),
        (&["probe", "--watch", "--services"], "cannot watch", "--save"),
        (&["record", "--py-spy", "./none", "--services"], "cannot use py-spy: ./none", "pip install py-spy"),
    ];
    for (arguments, why, mend) in cases {
        lagmap(root.path(), arguments).code(2).stderr(contains(why).and(contains("help: ")).and(contains(mend)));
    }
    assert_eq!(fs::read_dir(root.path().join("tmp")).unwrap().count(), 0);
}

/// Where `LAGMAP_PY_SPY` names py-spy and the system lets it look.
#[test]
fn a_service_is_recorded_under_py_spy() {
    let Some(py_spy) = std::env::var_os("LAGMAP_PY_SPY") else {
        eprintln!("skipped: `LAGMAP_PY_SPY` names no py-spy");
        return;
    };
    let py_spy = py_spy.to_str().unwrap();
    let root = system();
    fs::create_dir(root.path().join("tmp")).unwrap();
    let run = ["record", "--format", "json", "--py-spy", py_spy, "--save", "kept", "--seconds", "20", "--services"];
    let done = lagmap(root.path(), &run);
    let output = done.get_output();
    let words = String::from_utf8_lossy(&output.stderr);
    if words.contains("may not look into the process") {
        eprintln!("skipped: py-spy may not look into processes here");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{words}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let twice = finding(&report, "repeated-pure-call");
    assert!((0.2..0.8).contains(&twice["measured"]["share"].as_f64().unwrap()), "{twice:#}");
    assert_eq!(fs::read_dir(root.path().join("kept")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(root.path().join("tmp")).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_what_was_started_and_the_audit_goes_on() {
    if !has_python() {
        return;
    }
    let root = system();
    let endless = SERVICE.replace("range(200)", "range(20_000)");
    fs::write(root.path().join("service.py"), endless).unwrap();
    fs::create_dir(root.path().join("tmp")).unwrap();
    let begun = Instant::now();
    let mut child = Process::new(assert_cmd::cargo::cargo_bin("lagmap"));
    child.args(["probe", "--format", "json", "--output", "report.json", "--services"]);
    child
        .current_dir(root.path())
        .env("XDG_CACHE_HOME", root.path().join("cache"))
        .env("TMPDIR", root.path().join("tmp"));
    let mut child = child.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let told = Process::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(told.success());
    assert!(child.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(20));
    let report: Value = serde_json::from_slice(&fs::read(root.path().join("report.json")).unwrap()).unwrap();
    assert!(finding(&report, "repeated-pure-call")["measured"]["calls"].as_u64().unwrap() > 20);
    assert_eq!(fs::read_dir(root.path().join("tmp")).unwrap().count(), 0);
}

/// The example's services, started and asked by `load.py`, which knows how many of its requests are repeated.
#[test]
fn hit_rates_of_the_example_are_those_of_its_load() {
    let Some(python) = std::env::var_os("LAGMAP_PYTHON") else {
        eprintln!("skipped: `LAGMAP_PYTHON` names no interpreter with pyzmq");
        return;
    };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/voice-assistant").canonicalize().unwrap();
    let (root, load) = (tempfile::tempdir().unwrap(), example.join("load.py"));
    fs::create_dir(root.path().join("tmp")).unwrap();
    let command = [python.to_str().unwrap(), load.to_str().unwrap(), "--requests", "400"];
    let run = ["probe", example.to_str().unwrap(), "--no-cache", "--no-calibration", "--format", "json", "--"];
    let done = Command::cargo_bin("lagmap")
        .unwrap()
        .current_dir(root.path())
        .env("TMPDIR", root.path().join("tmp"))
        .env("HEARTH_STATE", root.path().join("state"))
        .args(run.iter().chain(&command))
        .timeout(Duration::from_mins(2))
        .assert()
        .code(0);
    let words = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    let known = words.lines().find_map(|line| line.strip_prefix("load: ")).unwrap_or_else(|| panic!("{words}"));
    let known: Value = serde_json::from_str(known).unwrap();
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    for (kind, rule, path) in [
        ("correct", "repeated-pure-call", "hub/services/intent_parser.py"),
        ("volume", "config-read-per-request", "hearth/settings.py"),
        ("parse", "regex-compiled-per-request", "hearth/texts.py"),
    ] {
        let of = |finding: &&Value| finding["rule"] == rule && finding["path"] == path;
        let finding = report["findings"].as_array().unwrap().iter().find(of).unwrap();
        let repeats = &finding["measured"]["repeats"];
        assert_eq!(repeats["calls"], known[kind]["calls"], "{kind}: {finding:#}");
        let (measured, known) = (repeats["share"].as_f64().unwrap(), known[kind]["share"].as_f64().unwrap());
        assert!((measured - known).abs() < 1e-6, "{kind}: {measured} for {known}");
    }
}
