//! `config-read-per-request`.

use lagmap_facts::{Expr, ExprId};
use lagmap_program::{CallView, Frequency, Interval, Program, Value};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "config-read-per-request",
    bullets: &["G6"],
    section: Section::Caching,
    subsection: Subsection::Cache,
    title: "Configuration parsed again and again",
    summary: "A configuration file is read and parsed in a request handler or loop although its path never changes.",
    document: super::document!("caching/config-read-per-request"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("config-parse") {
        if !is_config_read(&call) {
            continue;
        }
        let contexts = call.contexts();
        let repeated = |frequency| matches!(frequency, Frequency::Request | Frequency::Background);
        let Some(context) = contexts.iter().find(|context| repeated(context.frequency)) else { continue };
        let Some((model, entry)) = call.model() else { continue };
        let [low, high] = entry.ms.unwrap_or([0.2, 20.0]);
        let path = program.catalogue().path(model);
        let message = format!("`{path}()` parses the same configuration file each time");
        let harm = Harm::Time {
            cost: Interval::new(low, high),
            worst: None,
            source: entry.source.clone().unwrap_or_else(|| "a configuration file of 1 to 100 KB".to_owned()),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(Confidence::at(&call, context))
                .suggest("Parse it once and keep the result (a module-level `functools.lru_cache` on the loader is enough); reload when the file's modification time changes"),
        );
    }
}

/// Whether a parse reads a file whose path the call does not get from its caller: a configuration rather than data.
pub fn is_config_read(call: &CallView<'_>) -> bool {
    let Some(first) = call.facts().arguments(call.call).first().copied() else { return false };
    call.has_tag("config-parse") && opened_path(call, first).is_some_and(|path| is_fixed(call, path))
}

/// The path with which the file that is parsed was opened.
fn opened_path(call: &CallView<'_>, file: ExprId) -> Option<ExprId> {
    call.values(file).iter().find_map(|value| {
        let Value::Object { site, .. } = value else { return None };
        let made = call.program.creation(site)?;
        let opens_file = made.models().any(|(model, _)| {
            made.program.catalogue().entry(model).is_some_and(|entry| entry.opens.as_deref() == Some("file"))
        });
        (opens_file && made.file == call.file && !wraps_open_file(&made)).then(|| made.facts().arguments(made.call).first().copied())?
    })
}

/// Whether what a call opens is a file that is open already: `GzipFile(fileobj=file)`.
pub fn wraps_open_file(call: &CallView<'_>) -> bool {
    call.has_tag("wraps") && call.argument(Some("fileobj"), None).is_some()
}

/// A literal, an upper-case constant or an attribute called after configuration.
fn is_fixed(call: &CallView<'_>, path: ExprId) -> bool {
    let facts = call.facts();
    let speaks_of_config = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["config", "setting", "conf_", ".env", "yaml", "ini", "toml"].iter().any(|word| text.contains(word))
    };
    match facts.expr(path) {
        Expr::Str(_) => true,
        Expr::Name(name) => {
            let text = facts.text(name);
            text.chars().all(|c| !c.is_lowercase()) || speaks_of_config(text)
        }
        Expr::Attribute { attribute, .. } => {
            let text = facts.text(attribute);
            text.chars().all(|c| !c.is_lowercase()) || speaks_of_config(text)
        }
        Expr::Call(inner) => {
            let inner = facts.call(inner);
            let arguments = facts.arguments(inner);
            arguments
                .iter()
                .any(|argument| matches!(facts.expr(*argument), Expr::Str(text) if speaks_of_config(facts.text(text))))
        }
        Expr::Binary { right, .. } => {
            matches!(facts.expr(right), Expr::Str(text) if speaks_of_config(facts.text(text)))
        }
        _ => false,
    }
}
