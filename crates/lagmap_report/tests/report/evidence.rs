//! Reports with profiles, and comparisons of reports.

use lagmap_report::{
    Basis, Comparison, HotFunction, Measured, MeasuredScope, MeasuredUnit, Millis, ProfileFile, ProfileShare,
    ProfileSummary, Report, Severity, Snapshot, comparison, json, markdown, terminal,
};
use serde_json::Value;

use crate::sample;

fn measured(share: f64) -> Measured {
    Measured {
        share,
        unit: MeasuredUnit::Ms,
        total: Millis(share * 5000.0),
        calls: Some(1200),
        ms_per_call: Some(Millis(2.8)),
        scope: MeasuredScope::Call,
        tools: vec!["cProfile".into()],
        repeats: None,
    }
}

/// The sample, with its last finding measured to be the hottest.
fn report() -> Report {
    let mut report = sample::report();
    let last = report.findings.len() - 1;
    report.findings[last].measured = Some(measured(0.62));
    report.findings.rotate_right(1);
    report.groups = lagmap_report::Group::collect(&report.findings);
    report.profile = Some(ProfileSummary {
        files: vec![ProfileFile { file: "a.pstats".into(), tool: "cProfile".into(), unit: MeasuredUnit::Ms }],
        shares: vec![ProfileShare {
            unit: MeasuredUnit::Ms,
            total: Millis(5000.0),
            audited: 0.97,
            explained: 0.625,
            hot: vec![HotFunction {
                function: "shop.text.\u{1b}tokens".into(),
                path: "shop/text.py".into(),
                line: 7,
                share: 0.0423,
                calls: Some(20),
            }],
        }],
    });
    report
}

fn text(render: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_was_measured_is_said_in_every_form() {
    let report = report();
    let terminal = text(|out| {
        terminal::render(&report, &lagmap_report::NoSource, &terminal::Options { frames: 1, ..Default::default() }, out)
    });
    let markdown = text(|out| markdown::render(&report, out));
    for page in [&terminal, &markdown] {
        for wanted in [
            "5 s measured (cProfile): 97 % in audited code, 62 % explained by findings",
            "62 % of the measured time, 1,200 calls of 2.8 ms each (cProfile)",
            "4.2 %",
            "20 calls",
        ] {
            let page = page.replace('\\', "");
            assert!(page.contains(wanted), "{wanted}\n{page}");
        }
        assert!(!page.contains('\u{1b}'));
    }
    // The hottest stands first, whatever its severity.
    assert_eq!(report.groups[0].findings[0], report.findings[0].fingerprint);
}

fn complaints(schema: &str, value: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn reports_with_profiles_follow_the_schema() {
    let value: Value = serde_json::from_str(&text(|out| json::render(&report(), out))).unwrap();
    let schema = include_str!("../../../../schema/report.json");
    assert_eq!(complaints(schema, &value), Vec::<String>::new());
    for place in ["/findings/0/measured/scope", "/profile/shares/0/unit", "/profile/shares/0/explained"] {
        let mut wrong = value.clone();
        *wrong.pointer_mut(place).unwrap() = Value::from("other");
        assert!(!complaints(schema, &wrong).is_empty(), "{place}");
    }
}

fn compare(before: &Report, after: &Report) -> Comparison {
    Comparison::of(&Snapshot::of(before).unwrap(), &Snapshot::of(after).unwrap())
}

#[test]
fn findings_are_new_fixed_changed_or_unchanged() {
    let before = sample::report();
    let mut after = report();
    let all = after.findings.len();
    let gone = after.findings.pop().unwrap();
    let mut added = gone.clone();
    (added.fingerprint, added.severity) = ("new".into(), Severity::High);
    after.findings.push(added);
    after.findings[1].impact.typical_ms = Some([Millis(1.0), Millis(2.0)]);
    after.findings[1].impact.basis = Basis::Measured;

    let found = compare(&before, &after);
    assert_eq!(found.new.iter().map(|finding| &*finding.fingerprint).collect::<Vec<_>>(), ["new"]);
    assert_eq!(found.fixed.iter().map(|finding| &*finding.fingerprint).collect::<Vec<_>>(), [&*gone.fingerprint]);
    assert_eq!((found.changed.len(), found.unchanged), (2, all - 3));
    assert_eq!(found.new_findings().at_or_above(Severity::High), 1);
    assert_eq!(found.new_findings().at_or_above(Severity::Critical), 0);

    let same = compare(&before, &before);
    assert_eq!((same.new.len(), same.fixed.len(), same.changed.len(), same.unchanged), (0, 0, 0, all));

    let value = text(|out| comparison::json::render(&found, out));
    let schema = include_str!("../../../../schema/comparison.json");
    assert_eq!(complaints(schema, &serde_json::from_str(&value).unwrap()), Vec::<String>::new());
    for page in [
        text(|out| comparison::terminal::render(&found, false, out)),
        text(|out| comparison::markdown::render(&found, out)),
    ] {
        let page = page.replace('\\', "");
        for wanted in ["1 new, 1 fixed", "1-2 ms (measured)", "62 % of what was measured", "5 s measured"] {
            assert!(page.contains(wanted), "{wanted}\n{page}");
        }
    }
}

#[test]
fn only_reports_can_be_compared() {
    assert!(Snapshot::read(b"{}").is_err());
    assert!(Snapshot::read(b"[1").is_err());
    let other = Snapshot::read(b"{\"schema_version\": 7, \"findings\": []}").unwrap_err();
    assert!(other.to_string().contains('7'), "{other}");
}
