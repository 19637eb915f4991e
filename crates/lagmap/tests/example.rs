//! Holds the audit of `examples/voice-assistant` to its `EXPECTED.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use serde_json::Value;

type Place = (String, String, u64);

struct Row {
    place: Place,
    services: BTreeSet<String>,
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/voice-assistant")
}

/// The rows of the table below a heading, their anchors turned into lines.
fn rows(heading: &str) -> Vec<Row> {
    let text = fs::read_to_string(example().join("EXPECTED.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with(heading));
    let table = section.unwrap_or_else(|| panic!("EXPECTED.md has no section `{heading}`")).lines();
    let cells = table.filter(|line| line.starts_with("| ") && !line.starts_with("| rule"));
    cells
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let anchor = cells[2].trim_matches('`').trim();
            let source = fs::read_to_string(example().join(cells[1])).unwrap();
            let lines: Vec<u64> =
                source.lines().zip(1..).filter(|(line, _)| line.contains(anchor)).map(|(_, number)| number).collect();
            assert_eq!(lines.len(), 1, "`{anchor}` must stand on one line of {}", cells[1]);
            let services = cells.get(3).map(|names| names.split(',').map(|name| name.trim().to_owned()).collect());
            Row { place: (cells[0].to_owned(), cells[1].to_owned(), lines[0]), services: services.unwrap_or_default() }
        })
        .collect()
}

fn found() -> BTreeMap<Place, BTreeSet<String>> {
    let mut audit = Command::cargo_bin("lagmap").unwrap();
    let output = audit.args(["audit", "--format", "json"]).arg(example()).output().unwrap();
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter().map(|finding| {
        let place = (text(&finding["rule"]), text(&finding["path"]), finding["line"].as_u64().unwrap());
        (place, finding["services"].as_array().unwrap().iter().map(text).collect())
    });
    findings.collect()
}

#[test]
fn what_must_be_found_is_found_and_nothing_else() {
    let found = found();
    let mut problems = Vec::new();
    let mut known: BTreeSet<Place> = BTreeSet::new();
    for row in rows("Must be found") {
        match found.get(&row.place) {
            None => problems.push(format!("missed: {:?}", row.place)),
            Some(services) if *services != row.services => {
                problems.push(format!("{:?} hits {services:?}, not {:?}", row.place, row.services));
            }
            Some(_) => {}
        }
        known.insert(row.place);
    }
    for row in rows("Must stay silent") {
        if found.contains_key(&row.place) {
            problems.push(format!("a look-alike is reported: {:?}", row.place));
        }
    }
    known.extend(rows("May be").into_iter().map(|row| row.place));
    for place in found.keys().filter(|place| !known.contains(*place)) {
        problems.push(format!("not in EXPECTED.md: {place:?}"));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_is_not_found_yet_is_still_not_found() {
    let found = found();
    let now: Vec<Place> =
        rows("Not found yet").into_iter().map(|row| row.place).filter(|place| found.contains_key(place)).collect();
    assert!(now.is_empty(), "found at last; move to \"Must be found\": {now:?}");
}
