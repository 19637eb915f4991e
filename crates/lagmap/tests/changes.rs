//! What a change brings: `--diff`, comments and forms for code hosts, with real repositories.

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

const API: &str = "\
from fastapi import FastAPI

from shop.store import prices

app = FastAPI()


@app.get(\"/prices\")
async def list_prices():
    return prices()
";
const STORE: &str = "\
PRICES = {\"tea\": 3}


def prices():
    return PRICES
";
/// Blocks whoever calls it: the handler, in another file, is where the effect is.
const SLOW_STORE: &str = "\
import requests


def prices():
    return requests.get(\"http://prices.example\", timeout=5).json()
";

fn git(root: &Path, arguments: &[&str]) {
    let done = Process::new("git")
        .arg("-C")
        .arg(root)
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A repository with one commit, in which the system stands in a folder of its own.
fn repository() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("back end/shop");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("api.py"), API).unwrap();
    fs::write(folder.join("store.py"), STORE).unwrap();
    fs::write(folder.join("__init__.py"), "").unwrap();
    fs::write(root.path().join("logo.png"), [0, 1, 2]).unwrap();
    git(root.path(), &["init", "--quiet"]);
    git(root.path(), &["add", "--all"]);
    git(root.path(), &["commit", "--quiet", "--message", "first"]);
    root
}

fn lagmap(root: &Path, arguments: &[&str]) -> Assert {
    Command::cargo_bin("lagmap")
        .unwrap()
        .current_dir(root)
        .env_remove("CLICOLOR_FORCE")
        .env("LAGMAP_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"))
        .env("XDG_CACHE_HOME", root.join("cache"))
        .args(arguments)
        .assert()
}

fn out(assert: &Assert) -> Value {
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

#[test]
fn a_change_in_one_file_brings_a_finding_in_another() {
    let root = repository();
    let diff = ["audit", "back end", "--diff", "HEAD", "--format"];
    let unchanged = out(&lagmap(root.path(), &[&diff[..], &["json"]].concat()).code(0));
    assert_eq!(unchanged["new"].as_array().unwrap().len(), 0);

    fs::write(root.path().join("back end/shop/store.py"), SLOW_STORE).unwrap();
    let found = out(&lagmap(root.path(), &[&diff[..], &["json"]].concat()).code(0));
    let new: Vec<&str> = found["new"].as_array().unwrap().iter().filter_map(|new| new["rule"].as_str()).collect();
    assert!(new.contains(&"blocking-call-on-event-loop"), "{found:#}");

    lagmap(root.path(), &[&diff[..], &["comment", "--fail-on", "high"]].concat())
        .code(1)
        .stdout(contains("<!-- lagmap -->").and(contains("`blocking-call-on-event-loop`")));
    // What a code host shows has paths from the repository's root.
    lagmap(root.path(), &[&diff[..], &["github"]].concat()).stdout(contains("file=back end/shop/"));
    let sarif = out(&lagmap(root.path(), &[&diff[..], &["sarif"]].concat()));
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(place.as_str().unwrap().starts_with("back%20end/shop/"), "{place}");

    // Committed, it is what was there before.
    git(root.path(), &["commit", "--quiet", "--all", "--message", "second"]);
    let committed = out(&lagmap(root.path(), &[&diff[..], &["json"]].concat()).code(0));
    assert_eq!(committed["new"].as_array().unwrap().len(), 0);
    let since = out(&lagmap(root.path(), &["audit", "back end", "--diff", "HEAD~1", "--format", "json"]));
    assert!(!since["new"].as_array().unwrap().is_empty());
}

#[test]
fn the_repository_stays_as_it_is() {
    let root = repository();
    let index = fs::read(root.path().join(".git/index")).unwrap();
    fs::write(root.path().join("back end/shop/store.py"), SLOW_STORE).unwrap();
    fs::write(root.path().join("back end/shop/new.py"), "import time\n").unwrap();
    lagmap(root.path(), &["audit", "--diff", "HEAD", "--format", "json"]).code(0);
    assert_eq!(fs::read(root.path().join(".git/index")).unwrap(), index);
    assert_eq!(fs::read_to_string(root.path().join("back end/shop/store.py")).unwrap(), SLOW_STORE);
}

#[test]
fn what_cannot_be_compared_is_told_with_its_mend() {
    let root = repository();
    for wrong in ["no-such-branch", "--output=x", "HEAD:logo.png"] {
        lagmap(root.path(), &["audit", &format!("--diff={wrong}")])
            .code(2)
            .stderr(contains("there is no such revision").and(contains("help: ")));
    }
    assert!(!root.path().join("x").exists());
    let bare = tempfile::tempdir().unwrap();
    Command::cargo_bin("lagmap")
        .unwrap()
        .env("GIT_CEILING_DIRECTORIES", bare.path().parent().unwrap())
        .args(["audit", "--no-cache", "--diff", "HEAD"])
        .arg(bare.path())
        .assert()
        .code(2)
        .stderr(contains("not a git repository").and(contains("--baseline")));
    lagmap(root.path(), &["audit", "--format", "comment"]).code(2).stderr(contains("--diff"));
}

#[test]
fn two_reports_give_what_is_new_in_every_form() {
    let root = repository();
    lagmap(root.path(), &["audit", "--format", "json", "--output", "old.json"]).code(0);
    fs::write(root.path().join("back end/shop/store.py"), SLOW_STORE).unwrap();
    lagmap(root.path(), &["audit", "--format", "json", "--output", "new.json"]).code(0);
    for (format, wanted) in [
        ("sarif", "blocking-call-on-event-loop"),
        ("github", "::error file="),
        ("gitlab", "\"check_name\": \"blocking-call-on-event-loop\""),
        ("junit", "<testsuites"),
        ("csv", "blocking-call-on-event-loop"),
        ("ndjson", "\"rule\":\"blocking-call-on-event-loop\""),
        ("comment", "#### New"),
    ] {
        lagmap(root.path(), &["compare", "old.json", "new.json", "--format", format]).code(0).stdout(contains(wanted));
        let same = lagmap(root.path(), &["compare", "new.json", "new.json", "--format", format]).code(0);
        assert!(!String::from_utf8_lossy(&same.get_output().stdout).contains("blocking-call"), "{format}");
    }
}
