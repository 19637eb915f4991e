//! The published schema describes what is written, and nothing else.

use crate::sample;
use jsonschema::Validator;
use lagmap_report::{Millis, Report, json};
use serde_json::{Value, json};

fn validator() -> Validator {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../schema/report.json")).expect("the schema is JSON");
    assert!(jsonschema::meta::is_valid(&schema), "the schema is no valid JSON Schema");
    jsonschema::validator_for(&schema).expect("the schema compiles")
}

fn value(report: &Report) -> Value {
    let mut out = Vec::new();
    json::render(report, &mut out).expect("writing into memory cannot fail");
    serde_json::from_slice(&out).expect("the report is JSON")
}

fn complaints(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn reports_are_valid() {
    let validator = validator();
    let mut report = sample::report();
    report.findings[0].impact.worst_ms = Some(Millis(0.5));
    assert_eq!(complaints(&validator, &value(&report)), Vec::<String>::new());
    assert_eq!(complaints(&validator, &value(&sample::clean())), Vec::<String>::new());
}

#[test]
fn other_documents_are_not() {
    let validator = validator();
    let good = value(&sample::report());
    let broken: [(&str, Value); 6] = [
        ("/schema_version", json!(2)),
        ("/findings/0/severity", json!("urgent")),
        ("/findings/0/line", json!(0)),
        ("/findings/0/bullet", json!("H1")),
        ("/findings/0/path", json!("/absolute.py")),
        ("/findings/0/impact/typical_ms", json!([1])),
    ];
    for (place, wrong) in broken {
        let mut report = good.clone();
        *report.pointer_mut(place).expect("the sample has the field") = wrong;
        assert!(!validator.is_valid(&report), "{place}");
    }
}

/// Every object of the sample, with a field more and with each of its fields taken away, is refused: so the schema
/// names every field that is written, and asks for it.
#[test]
fn every_field_is_named_and_required() {
    let validator = validator();
    let good = value(&sample::report());
    let mut objects = Vec::new();
    find_objects(&good, String::new(), &mut objects);
    assert!(objects.len() > 20);
    for place in objects {
        let fields: Vec<String> =
            good.pointer(&place).and_then(Value::as_object).expect("an object").keys().cloned().collect();
        let mut more = good.clone();
        more.pointer_mut(&place).and_then(Value::as_object_mut).expect("an object").insert("more".into(), json!(1));
        assert!(!validator.is_valid(&more), "a field more at {place:?}");
        for field in fields {
            let mut less = good.clone();
            less.pointer_mut(&place).and_then(Value::as_object_mut).expect("an object").remove(&field);
            assert!(!validator.is_valid(&less), "no {field} at {place:?}");
        }
    }
}

fn find_objects(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                find_objects(field, format!("{place}/{name}"), found);
            }
            found.push(place);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_objects(item, format!("{place}/{index}"), found);
            }
        }
        _ => {}
    }
}
