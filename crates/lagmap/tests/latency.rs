//! Starts services of `examples/voice-assistant`, measures how long their requests take, and compares the order with that of
//! the times that an audit predicts.
//!
//! Needs Python with `pyzmq`: the interpreter named by `LAGMAP_PYTHON`, else `python3`. Without it the test says so and ends.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The least rank correlation, 0.88 where nothing else runs. Three of the nine waits lie within 2 ms of each other: whatever order a
/// busy machine gives them, 0.76 is left.
const LEAST: f64 = 0.75;
/// The fewest kinds of request.
const FEWEST: usize = 6;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/voice-assistant")
}

/// What services and requests take, in milliseconds.
type Times = Vec<((String, String), f64)>;

/// The typical high end of each handler's time, which severity and ranking follow, too: the low end is often that of a request
/// which is refused at once.
fn predicted() -> Times {
    let output = assert_cmd::Command::cargo_bin("lagmap")
        .unwrap()
        .args(["services", "--format", "json"])
        .arg(example())
        .output()
        .unwrap();
    assert!(output.status.success());
    let services: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut found = Vec::new();
    for service in services.as_array().unwrap() {
        for handler in service["handlers"].as_array().unwrap() {
            let Some(request) = handler["request"].as_str() else { continue };
            let ms = handler["typical_ms"][1].as_f64().unwrap();
            let name = service["name"].as_str().unwrap();
            found.push(((name.to_owned(), request.to_owned()), ms));
        }
    }
    found
}

fn measured(python: &str, state: &Path) -> Times {
    let output = Command::new(python)
        .arg("measure.py")
        .current_dir(example())
        .env("HEARTH_STATE", state)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines.map(|line| ((text(&line["service"]), text(&line["request"])), line["ms"].as_f64().unwrap())).collect()
}

/// The rank of each number; equal ones share theirs.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let rank = |number: &f64| {
        let below = numbers.iter().filter(|other| *other < number).count();
        let equal = numbers.iter().filter(|other| other.total_cmp(number).is_eq()).count();
        f64::from(u32::try_from(2 * below + equal + 1).unwrap()) / 2.0
    };
    numbers.iter().map(rank).collect()
}

/// The correlation of two lists' ranks (Spearman).
fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = |list: &[f64]| list.iter().sum::<f64>() / f64::from(u32::try_from(list.len()).unwrap());
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let product: f64 = a.iter().zip(&b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    let spread = |list: &[f64], mean: f64| list.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>();
    product / (spread(&a, mean_a) * spread(&b, mean_b)).sqrt()
}

#[test]
fn ranks_correlate_as_spearman_says() {
    assert!((rank_correlation(&[1.0, 2.0, 3.0], &[10.0, 20.0, 90.0]) - 1.0).abs() < 1e-9);
    assert!((rank_correlation(&[1.0, 2.0, 3.0], &[9.0, 2.0, 1.0]) + 1.0).abs() < 1e-9);
    assert_eq!(ranks(&[5.0, 1.0, 5.0]), [2.5, 1.0, 2.5]);
}

#[test]
fn requests_take_as_long_as_predicted_in_order() {
    let python = std::env::var("LAGMAP_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_zmq = Command::new(&python).args(["-c", "import zmq"]).output().is_ok_and(|output| output.status.success());
    if !has_zmq {
        println!(
            "skipped: {python} has no pyzmq (python3 -m venv env && env/bin/pip install pyzmq; LAGMAP_PYTHON=env/bin/python)"
        );
        return;
    }
    let state = tempfile::tempdir().unwrap();
    let (predicted, measured) = (predicted(), measured(&python, state.path()));
    assert!(measured.len() >= FEWEST, "{measured:?}");
    let mut rows: Vec<(&(String, String), f64, f64)> = Vec::new();
    for (request, ms) in &measured {
        let own = predicted.iter().find(|(known, _)| known == request);
        let (_, expected) = own.unwrap_or_else(|| panic!("no time is predicted for {request:?}"));
        rows.push((request, *expected, *ms));
    }
    rows.sort_by(|a, b| a.2.total_cmp(&b.2));
    println!("| service | request | predicted ms | measured ms |\n|---|---|---|---|");
    for ((service, request), expected, ms) in &rows {
        println!("| {service} | {request} | {expected:.1} | {ms:.1} |");
    }
    let (expected, ms): (Vec<f64>, Vec<f64>) = rows.iter().map(|(_, expected, ms)| (*expected, *ms)).unzip();
    let correlation = rank_correlation(&expected, &ms);
    println!("rank correlation (Spearman): {correlation:.2}");
    assert!(correlation >= LEAST, "rank correlation {correlation:.2}, at least {LEAST} is asked for");
}
