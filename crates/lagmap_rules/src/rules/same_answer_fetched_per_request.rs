//! `same-answer-fetched-per-request`.

use lagmap_facts::ExprId;
use lagmap_program::{CallView, Context, Frequency, Interval, Program, words};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "same-answer-fetched-per-request",
    bullets: &["G2", "G4", "G3", "G7"],
    section: Section::Caching,
    subsection: Subsection::Cache,
    title: "Answer that rarely changes fetched each time",
    summary: "Each request asks a service, database or model a constant question whose answer rarely changes.",
    document: super::document!("caching/same-answer-fetched-per-request"),
    check,
};

/// What the address of an answer that changes with releases and configurations, not with requests, speaks of.
const SLOW_WORDS: [&str; 30] = [
    "models", "voices", "languages", "schema", "schemas", "openapi", "swagger", "config", "configuration", "settings",
    "token", "jwks", "certs", "well-known", "capabilities", "services", "catalog", "catalogue", "version", "versions",
    "manifest", "metadata", "categories", "countries", "currencies", "timezones", "plans", "features", "flags", "keys",
];

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("fetches") {
        if let Some(address) = constant_address(&call) {
            let message = format!("`{}()` asks for `{address}` on each request", call.path());
            findings.extend(finding(rule, &call, message, "Keep the answer for some minutes (a time-to-live cache, or the `ETag` of the answer) and fetch it again when that is over"));
        }
    }
    for call in program.calls_tagged("query").filter(|call| request(call).is_some()) {
        if let Some(table) = constant_table(&call) {
            let message = format!("`{}()` reads `{table}`, which nothing in the project writes, on each request", call.path());
            findings.extend(finding(rule, &call, message, "Read the rows once and keep them; read them again after some minutes or on a signal that they have changed"));
        }
    }
    for call in program.calls_tagged("same-for-same") {
        if input(&call).and_then(|text| program.fixed_text(call.file, text)).is_some_and(|text| !text.is_empty()) {
            let message = format!("`{}()` computes the same result of a constant input each time", call.path());
            findings.extend(finding(rule, &call, message, "Compute it once at start-up and keep it"));
        }
    }
}

/// The context in which a call runs per request.
fn request(call: &CallView<'_>) -> Option<Context> {
    call.contexts().iter().find(|context| context.frequency == Frequency::Request)
}

/// What a deterministic call works on.
pub fn input(call: &CallView<'_>) -> Option<ExprId> {
    ["text", "input", "prompt", "query", "sentences"]
        .into_iter()
        .find_map(|name| call.argument(Some(name), None))
        .or_else(|| call.facts().arguments(call.call).first().copied())
}

fn finding(rule: &'static RuleInfo, call: &CallView<'_>, message: String, cure: &str) -> Option<Finding> {
    let program = call.program;
    let context = request(call)?;
    if call.around().handler || program.is_kept_on_the_way(call, context) {
        return None;
    }
    // What is only asked for where it has not come from elsewhere is mostly not asked for.
    let steps = program.path_to(call.function, context);
    let mut on_the_way = steps.iter().filter_map(|step| program.creation(step.site)).chain([*call]);
    if on_the_way.any(|step| step.is_made_as_fallback()) {
        return None;
    }
    let (_, entry) = call.model()?;
    let [low, high] = entry.ms.unwrap_or([1.0, 100.0]);
    let harm = Harm::Time {
        cost: Interval::new(low, high),
        worst: None,
        source: format!("{}; 95 % of the answers could come from memory (assumed)", entry.source.clone().unwrap_or_default()),
    };
    Some(Finding::at_call(rule, call, message, harm).in_context(context, call).confidence(Confidence::Likely).suggest(cure))
}

/// The constant path of an address that speaks of what rarely changes.
fn constant_address(call: &CallView<'_>) -> Option<String> {
    let program = call.program;
    let facts = call.facts();
    let address = call.argument(Some("url"), Some(0))?;
    let text = program.fixed_text(call.file, address)?;
    let is_given = facts.keywords(call.call).iter().any(|keyword| {
        let name = keyword.name.map(|name| facts.text(name)).unwrap_or_default();
        matches!(name, "params" | "json" | "data" | "content" | "") && program.fixed_text(call.file, keyword.value).is_none()
    });
    let path = text.split("://").last().unwrap_or_default();
    let path = path.find('/').map_or("", |start| &path[start..]).to_ascii_lowercase();
    let slow = path.split(['/', '.', '?', '=', '&', '_']).any(|part| SLOW_WORDS.contains(&part));
    (slow && !is_given).then_some(path)
}

/// The table of a constant `SELECT` without parameters, if nothing in the program writes it.
fn constant_table(call: &CallView<'_>) -> Option<String> {
    let program = call.program;
    let arguments = call.facts().arguments(call.call);
    let [statement] = arguments else { return None };
    if !call.facts().keywords(call.call).is_empty() {
        return None;
    }
    let text = program.fixed_text(call.file, *statement)?.to_ascii_lowercase();
    let said: Vec<&str> = words(&text).collect();
    let changes = ["now", "random", "current_timestamp", "current_date", "returning", "update", "nextval", "sqlite_master", "information_schema"];
    if said.first() != Some(&"select") || text.contains('?') || text.contains('%') || text.contains(" :")
        || said.iter().any(|word| changes.contains(word))
    {
        return None;
    }
    let tables: Vec<&str> = said.windows(2).filter(|pair| matches!(pair[0], "from" | "join")).map(|pair| pair[1]).collect();
    let own = |table: &&str| table.contains('.') || table.starts_with("pg_") || program.is_table_written(table);
    (!tables.is_empty() && !tables.iter().any(own)).then(|| tables[0].to_owned())
}
