//! SARIF 2.1.0: code scanning of GitHub, Azure DevOps, editors.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Value, json};
use serde_sarif::sarif::{
    ArtifactLocation, CodeFlow, Location, LogicalLocation, Message, MultiformatMessageString, PhysicalLocation,
    PropertyBag, Region, ReportingConfiguration, ReportingDescriptor, Result as SarifResult, ResultLevel, Run, Sarif,
    ThreadFlow, ThreadFlowLocation, Tool, ToolComponent,
};

use super::{cost, sentences, uri};
use crate::escape::{prose, visible};
use crate::model::{Finding, Report, Severity, TraceStep};

/// Paths are relative to this, which is the audited root.
const ROOT: &str = "%SRCROOT%";
/// Fingerprints have this name; it changes when they are made in another way.
const FINGERPRINT: &str = "lagmap/v1";
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// What a consumer shows of a rule.
#[derive(Clone, Copy, Debug)]
pub struct RuleHelp<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it finds, in a sentence.
    pub summary: &'a str,
    /// Its document, as Markdown.
    pub document: &'a str,
    /// Bullets of the brief that it serves.
    pub bullets: &'a [&'a str],
}

/// Writes the findings, worst first, with the help of their rules.
pub fn render(report: &Report, rules: &[RuleHelp<'_>], out: &mut dyn Write) -> io::Result<()> {
    let named: BTreeSet<&str> = report.findings.iter().map(|finding| &*finding.rule).collect();
    let rules: Vec<RuleHelp<'_>> = rules.iter().filter(|rule| named.contains(rule.name)).copied().collect();
    let places: BTreeMap<&str, i64> = rules.iter().map(|rule| rule.name).zip(0..).collect();
    let results: Vec<SarifResult> = report.findings.iter().map(|finding| result(finding, &places)).collect();
    let driver = ToolComponent::builder()
        .name(&*report.tool.name)
        .semantic_version(&*report.tool.version)
        .information_uri("https://github.com/lagmap/lagmap")
        .rules(rules.iter().map(descriptor).collect::<Vec<_>>())
        .build();
    let root = ArtifactLocation::builder()
        .description(Message::builder().text("The folder that was audited.").build())
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .results(results)
        .column_kind("unicodeCodePoints")
        .original_uri_base_ids(BTreeMap::from([(ROOT.to_owned(), root)]))
        .build();
    let sarif = Sarif::builder().schema(SCHEMA).version("2.1.0").runs(vec![run]).build();
    serde_json::to_writer_pretty(&mut *out, &sarif)?;
    out.write_all(b"\n")
}

fn descriptor(rule: &RuleHelp<'_>) -> ReportingDescriptor {
    let text = |text: &str| MultiformatMessageString::builder().text(text).build();
    let help = MultiformatMessageString::builder().text(rule.summary).markdown(rule.document).build();
    ReportingDescriptor::builder()
        .id(rule.name)
        .name(rule.name)
        .short_description(text(rule.summary))
        .full_description(text(rule.summary))
        .help(help)
        .default_configuration(ReportingConfiguration::builder().level("warning").build())
        .properties(properties(rule.bullets, BTreeMap::new()))
        .build()
}

fn properties(bullets: &[&str], others: BTreeMap<String, Value>) -> PropertyBag {
    let mut tags = vec!["performance".to_owned()];
    tags.extend(bullets.iter().map(|bullet| format!("brief/{bullet}")));
    PropertyBag::builder().tags(tags).additional_properties(others).build()
}

fn result(finding: &Finding, rules: &BTreeMap<&str, i64>) -> SarifResult {
    let level = match finding.severity {
        Severity::Critical | Severity::High => ResultLevel::Error,
        Severity::Medium => ResultLevel::Warning,
        Severity::Low => ResultLevel::Note,
    };
    let lines = sentences(finding);
    let mut markdown = lines.iter().map(|line| prose(line)).collect::<Vec<_>>().join("\n\n");
    if let Some(cure) = &finding.cure {
        markdown.push_str("\n\n");
        markdown.push_str(&crate::escape::code_block(cure, ""));
    }
    let region = Region::builder()
        .start_line(finding.line)
        .start_column(finding.column)
        .end_line(finding.end_line)
        .end_column(finding.end_column)
        .build();
    let mut others = BTreeMap::from([
        ("severity".to_owned(), json!(finding.severity)),
        ("confidence".to_owned(), json!(finding.confidence)),
        ("impact".to_owned(), json!(finding.impact)),
        ("services".to_owned(), json!(finding.services)),
        ("waitsBehind".to_owned(), json!(finding.waits_behind)),
    ]);
    others.extend(cost(finding).map(|cost| ("cost".to_owned(), json!(cost))));
    let mut result = SarifResult::builder()
        .rule_id(&*finding.rule)
        .level(level)
        .message(Message::builder().text(lines.join("\n")).markdown(markdown).build())
        .locations(vec![location(&finding.path, region, &finding.function, None)])
        .partial_fingerprints(BTreeMap::from([(FINGERPRINT.to_owned(), finding.fingerprint.clone())]))
        .properties(properties(&[&finding.bullet], others))
        .build();
    result.rule_index = rules.get(&*finding.rule).copied();
    result.code_flows = (!finding.trace.is_empty()).then(|| vec![code_flow(&finding.trace)]);
    result
}

fn code_flow(trace: &[TraceStep]) -> CodeFlow {
    let step = |(order, step): (i64, &TraceStep)| {
        let region = Region::builder().start_line(step.line).build();
        ThreadFlowLocation::builder()
            .location(location(&step.path, region, &step.function, Some(&step.note)))
            .execution_order(order)
            .build()
    };
    let locations: Vec<ThreadFlowLocation> = (0..).zip(trace).map(step).collect();
    CodeFlow::builder().thread_flows(vec![ThreadFlow::builder().locations(locations).build()]).build()
}

fn location(path: &str, region: Region, function: &str, note: Option<&str>) -> Location {
    let artifact = ArtifactLocation::builder().uri(uri(path)).uri_base_id(ROOT).build();
    let physical = PhysicalLocation::builder().artifact_location(artifact).region(region).build();
    let logical = LogicalLocation::builder().fully_qualified_name(visible(function)).kind("function").build();
    let mut location = Location::builder().physical_location(physical).logical_locations(vec![logical]).build();
    location.message = note.map(|note| Message::builder().text(visible(note)).build());
    location
}
