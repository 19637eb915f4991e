//! Forms for other programs: each is read by what reads such files, or held against its schema.

use lagmap_report::exchange::sarif::RuleHelp;
use lagmap_report::exchange::{csv as table, github, gitlab, junit, ndjson, sarif};
use lagmap_report::{Comparison, Report, Snapshot, comparison};
use serde_json::{Value, json};

use crate::sample;

fn text(render: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn as_sarif(report: &Report) -> Value {
    let names: std::collections::BTreeSet<&str> = report.findings.iter().map(|finding| &*finding.rule).collect();
    let rules: Vec<RuleHelp<'_>> = names
        .into_iter()
        .chain(["a-rule-that-found-nothing"])
        .map(|name| RuleHelp { name, summary: "What it finds.", document: "# Rule\n\nText.", bullets: &["A1"] })
        .collect();
    serde_json::from_str(&text(|out| sarif::render(report, &rules, out))).unwrap()
}

#[test]
fn sarif_follows_the_official_schema() {
    // One pattern of the schema as it is published is no regular expression but to JavaScript: its bracket is never opened.
    let published = include_str!("../schemas/sarif-2.1.0.json").replace("{2}]?$", "{2}?$");
    let schema: Value = serde_json::from_str(&published).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [sample::report(), sample::clean()] {
        let sarif = as_sarif(&report);
        let complaints: Vec<String> =
            validator.iter_errors(&sarif).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(complaints, Vec::<String>::new());
        let mut wrong = sarif;
        wrong["runs"][0]["results"] = json!([{ "level": "terrible" }]);
        assert!(!validator.is_valid(&wrong), "the schema refuses what is wrong");
    }
}

#[test]
fn sarif_tells_rules_paths_and_the_way_to_each_finding() {
    let report = sample::report();
    let sarif = as_sarif(&report);
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["id"] != "a-rule-that-found-nothing"));
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report.findings.len());
    for (result, finding) in results.iter().zip(&report.findings) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(result["partialFingerprints"]["lagmap/v1"], finding.fingerprint);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["region"]["startLine"], finding.line);
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"`|\\^".contains(&byte)), "{uri}");
        let steps = result["codeFlows"][0]["threadFlows"][0]["locations"].as_array().map_or(0, Vec::len);
        assert_eq!(steps, finding.trace.len());
    }
    assert_eq!(run["columnKind"], "unicodeCodePoints");
}

#[test]
fn annotations_are_one_line_each_with_all_that_github_escapes() {
    let mut report = sample::report();
    report.findings[0].message = "100 %\r\n::error::no".into();
    report.findings[0].path = "a,b:c.py".into();
    let page = text(|out| github::render(&report, out));
    assert_eq!(page.lines().count(), report.findings.len());
    assert!(
        page.lines().all(|line| line.starts_with("::error ")
            || line.starts_with("::warning ")
            || line.starts_with("::notice "))
    );
    let first = page.lines().next().unwrap();
    assert!(first.contains("file=a%2Cb%3Ac.py,line="), "{first}");
    assert!(first.contains("100 %25\\u{d}\\u{a}::error::no"), "{first}");
}

#[test]
fn gitlab_gets_what_its_documentation_asks_for() {
    let schema = json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "additionalProperties": false,
            "properties": {
                "description": { "type": "string", "minLength": 1 },
                "check_name": { "type": "string", "minLength": 1 },
                "fingerprint": { "type": "string", "minLength": 1 },
                "severity": { "enum": ["info", "minor", "major", "critical", "blocker"] },
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": { "type": "string", "pattern": "^[^/]" },
                        "lines": { "type": "object", "required": ["begin"], "properties": { "begin": { "type": "integer", "minimum": 1 } } }
                    }
                }
            }
        }
    });
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [sample::report(), sample::clean()] {
        let issues: Value = serde_json::from_str(&text(|out| gitlab::render(&report, out))).unwrap();
        assert!(validator.is_valid(&issues), "{issues:#}");
        assert_eq!(issues.as_array().unwrap().len(), report.findings.len());
        let mut prints: Vec<&str> =
            issues.as_array().unwrap().iter().filter_map(|i| i["fingerprint"].as_str()).collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), report.findings.len(), "GitLab drops issues that share a fingerprint");
    }
}

#[test]
fn junit_reads_back_with_a_failure_for_each_finding() {
    for report in [sample::report(), sample::clean()] {
        let page = text(|out| junit::render(&report, out));
        let read = quick_junit::Report::deserialize_from_str(&page).unwrap();
        assert_eq!(read.failures, report.findings.len());
        assert_eq!(read.tests, report.findings.len().max(1));
    }
}

#[test]
fn tables_read_back_and_hold_no_formula() {
    let mut report = sample::report();
    report.findings[0].message = "=HYPERLINK(\"http://x\")".into();
    report.findings[0].function = "@SUM".into();
    let page = text(|out| table::render(&report, out));
    let mut reader = csv::Reader::from_reader(page.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), report.findings.len());
    let at = |name: &str| columns.iter().position(|column| column == name).unwrap();
    assert_eq!(&rows[0][at("message")], "'=HYPERLINK(\"http://x\")");
    for (row, finding) in rows.iter().zip(&report.findings) {
        assert_eq!(row[at("line")], finding.line.to_string());
        assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{row:?}");
    }
}

#[test]
fn each_line_of_ndjson_is_a_finding() {
    let report = sample::report();
    let page = text(|out| ndjson::render(&report, out));
    let read: Vec<lagmap_report::Finding> = page.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, report.findings);
}

#[test]
fn no_form_carries_what_steers_a_terminal() {
    let report = sample::report();
    for page in [
        text(|out| github::render(&report, out)),
        text(|out| junit::render(&report, out)),
        text(|out| table::render(&report, out)),
        text(|out| gitlab::render(&report, out)),
        text(|out| ndjson::render(&report, out)),
    ] {
        assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}') || page.starts_with(['[', '{']), "{page}");
        assert!(!page.contains('\u{1b}'));
    }
}

#[test]
fn a_comment_is_never_longer_than_a_code_host_takes() {
    let before = sample::clean();
    let mut after = sample::report();
    let one = after.findings[0].clone();
    after.findings = (0..3000)
        .map(|number| {
            let mut finding = one.clone();
            finding.fingerprint = format!("{number}");
            finding
        })
        .collect();
    let found = Comparison::of(&Snapshot::of(&before).unwrap(), &Snapshot::of(&after).unwrap());
    let page = text(|out| comparison::comment::render(&found, out));
    assert!(page.starts_with(comparison::comment::MARKER));
    assert!(page.chars().count() < 65_000, "{}", page.chars().count());
    assert!(page.contains("3000 new"), "{}", &page[..200]);
    let listed = page.lines().filter(|line| line.starts_with("- **")).count();
    assert!(page.contains(&format!("… and {} more", 3000 - listed)));

    let back = Comparison::of(&Snapshot::of(&after).unwrap(), &Snapshot::of(&before).unwrap());
    let page = text(|out| comparison::comment::render(&back, out));
    assert!(page.chars().count() < 65_000);
    assert_eq!(page.matches("<details>").count(), page.matches("</details>").count());
}
