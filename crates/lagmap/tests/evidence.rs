//! Profiles in, comparisons out, as their users run them.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, starts_with};
use serde_json::Value;
use tempfile::TempDir;

fn lagmap(root: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("lagmap")
        .unwrap()
        .current_dir(root)
        .env_remove("CLICOLOR_FORCE")
        .env("XDG_CACHE_HOME", root.join("cache"))
        .args(arguments)
        .assert()
}

/// The files that profilers wrote of the workload.
fn profiles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lagmap_evidence/tests/profiles")
}

/// The workload as a service that a start-up configuration names: it gets its requests from a socket. Lines stay where they are.
fn workload() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("app")).unwrap();
    for file in ["__init__.py", "codec.py", "main.py", "store.py"] {
        fs::copy(profiles().join("workload/app").join(file), root.path().join("app").join(file)).unwrap();
    }
    let main = fs::read_to_string(root.path().join("app/main.py")).unwrap();
    let service = main
        .replace("import sys\n", "import sys, zmq\n")
        .replace("        total = 0\n", "        socket = zmq.Context().socket(zmq.REP)\n")
        .replace("for number in range(requests):", "while True:")
        .replace("total += handle(store, number)", "total = handle(store, socket.recv())");
    fs::write(root.path().join("app/main.py"), service).unwrap();
    fs::write(
        root.path().join("startup_config.yaml"),
        "services:\n  - name: Shop\n    script_path: app/main.py\n    port: 7000\n",
    )
    .unwrap();
    root
}

fn json(root: &Path, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["audit", "--format", "json", "--pedantic"].iter().chain(arguments).copied().collect();
    serde_json::from_slice(&lagmap(root, &arguments).code(0).get_output().stdout).unwrap()
}

#[test]
fn profiles_are_joined_and_summed_up() {
    let root = workload();
    let plain = json(root.path(), &[]);
    assert!(plain.get("profile").is_none());
    assert!(plain["findings"].as_array().unwrap().iter().all(|finding| finding.get("measured").is_none()));

    let file = profiles().join("cprofile.pstats");
    let report = json(root.path(), &["--profile", file.to_str().unwrap()]);
    let share = &report["profile"]["shares"][0];
    assert_eq!(
        (share["unit"].as_str(), report["profile"]["files"][0]["tool"].as_str()),
        (Some("ms"), Some("cProfile"))
    );
    assert!(share["audited"].as_f64().unwrap() > 0.5, "{share}");
    let hot: Vec<&str> = share["hot"].as_array().unwrap().iter().map(|hot| hot["function"].as_str().unwrap()).collect();
    assert!(hot.contains(&"app.codec.tokenize") && hot.contains(&"app.store.ask_neighbour"), "{hot:?}");
    // 20 requests opened 20 connections: what was measured takes the place of what was assumed, and the severity follows.
    let of_rule = |report: &Value, rule: &str| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["rule"] == rule).unwrap().clone()
    };
    let of = |report: &Value| of_rule(report, "client-per-request");
    assert_eq!(
        (of(&plain)["severity"].as_str(), of(&plain)["impact"]["basis"].as_str()),
        (Some("low"), Some("assumed"))
    );
    let finding = of(&report);
    let (measured, impact) = (&finding["measured"], &finding["impact"]);
    assert_eq!((finding["severity"].as_str(), impact["basis"].as_str()), (Some("low"), Some("measured")));
    assert_eq!((measured["calls"].as_u64(), measured["scope"].as_str()), (Some(20), Some("call")));
    assert_eq!(measured["ms_per_call"], impact["typical_ms"][0]);
    assert!(share["explained"].as_f64().unwrap() > measured["share"].as_f64().unwrap());

    // A sampler counts no calls: the time of one stays as assumed, its share is said, by the line that ran.
    let file = profiles().join("py-spy.speedscope.json");
    let rule = "config-read-per-request";
    let sampled = of_rule(&json(root.path(), &["--profile", file.to_str().unwrap()]), rule);
    assert_eq!(sampled["impact"], of_rule(&plain, rule)["impact"]);
    assert_eq!((sampled["measured"]["calls"].as_u64(), sampled["measured"]["scope"].as_str()), (None, Some("call")));

    let file = profiles().join("cprofile.pstats");
    lagmap(root.path(), &["audit", "--profile", file.to_str().unwrap()])
        .code(0)
        .stdout(contains("measured (cProfile): "))
        .stdout(contains("hot, and explained by no finding:"));
    lagmap(root.path(), &["audit", "--format", "markdown", "--profile", file.to_str().unwrap()])
        .code(0)
        .stdout(contains("## What was measured"));
}

#[test]
fn what_is_no_profile_is_an_error() {
    let root = workload();
    lagmap(root.path(), &["audit", "--profile", "app/main.py"])
        .code(2)
        .stderr(starts_with("error: cannot use the profile: app/main.py: it is no profile that lagmap knows"))
        .stderr(contains("help: lagmap reads py-spy"));
    lagmap(root.path(), &["audit", "--profile", "none.json"]).code(2).stderr(contains("none.json"));
}

#[test]
fn comparisons_count_only_what_is_new() {
    let root = workload();
    fs::write(root.path().join("app/slow.py"), "import time\n").unwrap();
    lagmap(root.path(), &["audit", "--format", "json", "--output", "old.json"]).code(0);
    lagmap(root.path(), &["audit", "--baseline", "old.json", "--fail-on", "low"])
        .code(0)
        .stdout(starts_with("0 new, 0 fixed, "));

    // A model that each message loads anew.
    fs::write(
        root.path().join("app/main.py"),
        "import zmq\nfrom transformers import pipeline\n\n\ndef serve():\n    socket = zmq.Context().socket(zmq.REP)\n    \
         socket.bind('tcp://*:7000')\n    while True:\n        text = socket.recv_string()\n        \
         model = pipeline('text-classification')\n        socket.send_json(model(text))\n\n\n\
         if __name__ == '__main__':\n    serve()\n",
    )
    .unwrap();
    lagmap(root.path(), &["audit", "--baseline", "old.json", "--fail-on", "critical"])
        .code(1)
        .stdout(contains("model-load-per-request").and(contains("\nnew\n")));
    lagmap(root.path(), &["audit", "--format", "json", "--output", "new.json"]).code(0);
    let compared = lagmap(root.path(), &["compare", "old.json", "new.json", "--format", "json"]).code(0);
    let value: Value = serde_json::from_slice(&compared.get_output().stdout).unwrap();
    assert!(value["new"].as_array().unwrap().iter().any(|finding| finding["rule"] == "model-load-per-request"));
    lagmap(root.path(), &["compare", "new.json", "old.json", "--fail-on", "critical"])
        .code(0)
        .stdout(contains("\nfixed\n"));
    lagmap(root.path(), &["compare", "old.json", "new.json", "--fail-on", "critical", "--format", "markdown"])
        .code(1)
        .stdout(starts_with("# Performance: "));
    lagmap(root.path(), &["compare", "app/main.py", "new.json"])
        .code(2)
        .stderr(contains("it is no JSON report of lagmap").and(contains("help: write one with")));
    lagmap(root.path(), &["audit", "--baseline", "none.json"]).code(2).stderr(contains("none.json"));
}

#[cfg(target_os = "linux")]
#[test]
fn calibration_takes_the_place_of_assumptions() {
    let root = workload();
    let impact = |report: &Value, rule: &str| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["rule"] == rule).unwrap()["impact"].clone()
    };
    let plain = json(root.path(), &[]);
    let sampled = |name: &str, low: f64, high: f64| {
        format!(
            "\"{name}\": {{\"sizes\": [{{\"median_ms\": {low}, \"low_ms\": {low}, \"high_ms\": {high}, \"samples\": 50}}]}}"
        )
    };
    // What `lagmap calibrate` saves in the user's cache folder is used unasked.
    let folder = root.path().join("cache/lagmap");
    fs::create_dir_all(&folder).unwrap();
    let machine = "\"machine\": {\"python\": \"3.11.7\", \"system\": \"Linux\", \"processor\": \"x86_64\"}";
    let calibration =
        format!("{{\"format\": 1, {machine}, \"operations\": {{{}}}}}", sampled("json-load", 200.0, 300.0));
    fs::write(folder.join("calibration.json"), calibration).unwrap();
    let report = json(root.path(), &[]);
    let config = impact(&report, "config-read-per-request");
    assert_eq!((config["basis"].as_str(), config["typical_ms"][1].as_f64()), (Some("calibrated"), Some(300.0)));
    assert!(config["source"].as_str().unwrap().starts_with("measured on this machine: json-load: "), "{config}");
    assert_eq!(impact(&report, "client-per-request"), impact(&plain, "client-per-request"));
    assert_eq!(json(root.path(), &["--no-calibration"]), plain);

    fs::write(folder.join("calibration.json"), "{}").unwrap();
    lagmap(root.path(), &["audit"])
        .code(2)
        .stderr(contains("cannot use the calibration").and(contains("--no-calibration")));
    lagmap(root.path(), &["calibrate", "--python", "no-such-python"]).code(2).stderr(contains("no-such-python"));
}
