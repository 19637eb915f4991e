//! The tools.

use std::fs;

use lagmap_program::{Deed, TraceLimits};
use lagmap_report::{Finding, Severity, cost, visible};
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::audited::{Audited, Known};
use crate::errors::Failure;
use crate::known_rules;
use crate::suggestion::nearest;

/// What a page holds if nobody says how much.
const PAGE: usize = 20;
/// What it holds at most.
const MOST: usize = 100;
/// How far and wide trees go at most.
const DEEPEST: usize = 8;
const WIDEST: usize = 30;
/// Lines of code around a finding.
const AROUND: u32 = 4;
/// Larger files are told of without their code.
const MOST_BYTES: u64 = 16 << 20;
/// Events of one kind that a claim is answered with.
const EVENTS: usize = 40;

/// The tools over one system.
pub(super) struct Tools {
    audited: Audited,
    tool_router: ToolRouter<Self>,
}

/// Which findings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct ListFindings {
    /// Only findings at least this severe: "critical", "high", "medium" or "low".
    severity: Option<String>,
    /// Only findings of this rule.
    rule: Option<String>,
    /// Only findings that this service reaches.
    service: Option<String>,
    /// Only findings in files whose path holds this text.
    path: Option<String>,
    /// Only findings whose message, function, path or rule holds this text.
    text: Option<String>,
    /// How many to pass over: `next_offset` of the page before.
    offset: Option<usize>,
    /// How many to list, at most 100.
    limit: Option<usize>,
}

/// Which finding.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ExplainFinding {
    /// The finding's fingerprint, or so much of its start as tells it apart.
    fingerprint: String,
}

/// Which function.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct TraceFunction {
    /// The function, by its dotted name or so much of its end as tells it apart: "Client.get".
    function: String,
    /// How many calls up and down, at most 8; 3 otherwise.
    depth: Option<usize>,
    /// How many callers or calls of one function, at most 30; 8 otherwise.
    breadth: Option<usize>,
}

/// Which services.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct ListServices {
    /// How many to pass over: `next_offset` of the page before.
    offset: Option<usize>,
    /// How many to list, at most 100.
    limit: Option<usize>,
}

/// Which service.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct DescribeService {
    /// Its name.
    name: String,
}

/// What is claimed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CheckClaim {
    /// What is claimed of the subject.
    claim: Claim,
    /// A function ("pkg.mod.Class.method", or the end of that), or for the last three an attribute of a class ("Class.attribute").
    subject: String,
}

/// Claims that can be checked.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Claim {
    /// The function is called for each request or message.
    CalledPerRequest,
    /// The function runs on an event loop.
    RunsOnEventLoop,
    /// Something that starts reaches the function.
    IsReached,
    /// Something takes entries out of what the attribute holds, or replaces it.
    IsShrunk,
    /// Something puts entries into what the attribute holds.
    Grows,
    /// The attribute is assigned outside of constructors.
    IsReplaced,
}

#[tool_router]
impl Tools {
    pub(super) fn new(audited: Audited) -> Self {
        Self { audited, tool_router: Self::tool_router() }
    }

    /// Audits the system if it changed, and gives the counts and the causes that matter most.
    #[tool(annotations(read_only_hint = true))]
    fn audit(&self) -> CallToolResult {
        self.answer(|known| {
            let report = &known.report;
            let first = report.groups.iter().take(10).map(|group| {
                json!({
                    "title": group.title, "severity": group.severity, "rule": group.rule, "section": group.section,
                    "places": group.findings.len(), "services": group.services.len(), "worst": group.findings.first(),
                })
            });
            Ok(json!({
                "root": self.audited.root().display().to_string(), "summary": report.summary,
                "fix_first": first.collect::<Vec<_>>(),
                "unreadable_files": report.errors.len(), "files_with_syntax_errors": report.summary.files_with_syntax_errors,
            }))
        })
    }

    /// Lists findings, worst first, a page at a time.
    #[tool(annotations(read_only_hint = true))]
    fn list_findings(&self, Parameters(wanted): Parameters<ListFindings>) -> CallToolResult {
        self.answer(|known| {
            let least = match &wanted.severity {
                Some(name) => Severity::named(name).ok_or_else(|| {
                    Failure::new(format!("no severity is called `{name}`")).help("critical, high, medium or low")
                })?,
                None => Severity::Low,
            };
            if let Some(rule) = &wanted.rule {
                known_rules::find(rule, &known_rules::Written { by: "`rule`", place: None })?;
            }
            if let Some(service) = &wanted.service {
                service_named(known, service)?;
            }
            let text = wanted.text.as_deref().map(str::to_lowercase);
            let fits = |finding: &&Finding| {
                finding.severity <= least
                    && wanted.rule.as_ref().is_none_or(|rule| *rule == finding.rule)
                    && wanted.service.as_ref().is_none_or(|service| finding.services.contains(service))
                    && wanted.path.as_ref().is_none_or(|path| finding.path.contains(path.as_str()))
                    && text.as_ref().is_none_or(|text| {
                        [&finding.message, &finding.function, &finding.path, &finding.rule]
                            .iter()
                            .any(|field| field.to_lowercase().contains(text.as_str()))
                    })
            };
            let found: Vec<Value> = known.report.findings.iter().filter(fits).map(short).collect();
            Ok(page("findings", found, wanted.offset, wanted.limit))
        })
    }

    /// Tells all of one finding: the code, the calls that lead there, the cost and its source, how to mend it.
    #[tool(annotations(read_only_hint = true))]
    fn explain_finding(&self, Parameters(wanted): Parameters<ExplainFinding>) -> CallToolResult {
        self.answer(|known| {
            let all = &known.report.findings;
            let print = wanted.fingerprint.trim();
            let found: Vec<&Finding> = all.iter().filter(|finding| !print.is_empty() && finding.fingerprint.starts_with(print)).collect();
            let [finding] = *found.as_slice() else {
                let what = if found.is_empty() { "no finding has" } else { "several findings have" };
                let failure = Failure::new(format!("{what} the fingerprint `{print}`"));
                return Err(failure.help("list_findings tells the fingerprints of what is found now"));
            };
            let rule = known_rules::all().into_iter().find(|rule| rule.name == finding.rule);
            let steps = finding.trace.iter().map(|step| {
                json!({ "path": step.path, "line": step.line, "function": step.function, "note": step.note,
                        "code": self.code(&step.path, step.line, 0) })
            });
            Ok(json!({
                "finding": short(finding), "confidence": finding.confidence, "function": finding.function, "impact": finding.impact,
                "measured": finding.measured, "services": finding.services, "waits_behind": finding.waits_behind,
                "code": self.code(&finding.path, finding.line, AROUND), "trace": steps.collect::<Vec<_>>(),
                "suggestion": finding.suggestion,
                "rule": rule.map(|rule| json!({ "name": rule.name, "finds": rule.summary, "document": rule.document })),
            }))
        })
    }

    /// Tells who runs a function, where and how often, what it runs and what that costs, as trees.
    #[tool(annotations(read_only_hint = true))]
    fn trace_function(&self, Parameters(wanted): Parameters<TraceFunction>) -> CallToolResult {
        self.answer(|known| {
            let limits = TraceLimits {
                depth: wanted.depth.unwrap_or(3).min(DEEPEST),
                breadth: wanted.breadth.unwrap_or(8).min(WIDEST),
            };
            let function = function_named(known, &wanted.function)?;
            Ok(json!(known.program.trace(function, limits)))
        })
    }

    /// Lists the services: what they are, whether they start, what their slowest request costs, how much was found in them.
    #[tool(annotations(read_only_hint = true))]
    fn list_services(&self, Parameters(wanted): Parameters<ListServices>) -> CallToolResult {
        self.answer(|known| {
            let service = |service: &lagmap_report::Service| {
                let slowest = service.handlers.iter().max_by(|a, b| a.typical_ms[1].0.total_cmp(&b.typical_ms[1].0));
                json!({
                    "name": service.name, "script": service.script, "port": service.port, "starts": service.starts,
                    "problem": service.problem, "findings": service.findings, "handlers": service.handlers.len(),
                    "slowest_request": slowest.map(|handler| json!({ "request": handler.request, "function": handler.function, "typical_ms": handler.typical_ms })),
                })
            };
            Ok(page("services", known.report.services.iter().map(service).collect(), wanted.offset, wanted.limit))
        })
    }

    /// Tells all of one service: its handlers with their cost, whom it calls and who calls it, how it starts, its findings.
    #[tool(annotations(read_only_hint = true))]
    fn describe_service(&self, Parameters(wanted): Parameters<DescribeService>) -> CallToolResult {
        self.answer(|known| {
            let service = service_named(known, &wanted.name)?;
            let findings = known.report.findings.iter().filter(|finding| finding.services.contains(&service.name));
            let findings: Vec<Value> = findings.map(short).collect();
            let total = findings.len();
            let mut told = json!(service);
            for list in ["handlers", "wires_in", "wires_out"] {
                if let Some(list) = told.get_mut(list).and_then(Value::as_array_mut) {
                    list.truncate(MOST);
                }
            }
            let first: Vec<Value> = findings.into_iter().take(PAGE).collect();
            Ok(json!({ "service": told, "findings": first, "findings_in_all": total }))
        })
    }

    /// Checks a claim about the code and gives the evidence: places, with where and how often they run.
    #[tool(annotations(read_only_hint = true))]
    fn check_claim(&self, Parameters(wanted): Parameters<CheckClaim>) -> CallToolResult {
        self.answer(|known| match wanted.claim {
            Claim::CalledPerRequest | Claim::RunsOnEventLoop | Claim::IsReached => {
                let function = function_named(known, &wanted.subject)?;
                let trace = known.program.trace(function, TraceLimits { depth: DEEPEST, breadth: 2 });
                let word = match wanted.claim {
                    Claim::CalledPerRequest => "per-request",
                    Claim::RunsOnEventLoop => "on the event loop",
                    _ => "",
                };
                let holds: Vec<&String> = trace.contexts.iter().filter(|context| context.contains(word)).collect();
                Ok(json!({
                    "holds": !holds.is_empty(), "subject": trace.function, "path": trace.path, "line": trace.line,
                    "contexts": trace.contexts, "called_by": trace.callers,
                    "note": "no context means that nothing which starts reaches it, as far as can be seen",
                }))
            }
            Claim::IsShrunk | Claim::Grows | Claim::IsReplaced => {
                let (class, attribute) = attribute_named(known, &wanted.subject)?;
                let story = known.program.story(class, attribute);
                let deeds: &[Deed] = match wanted.claim {
                    Claim::IsShrunk => &[Deed::Shrinks, Deed::Replaces],
                    Claim::Grows => &[Deed::Grows],
                    _ => &[Deed::Replaces],
                };
                let (evidence, others): (Vec<_>, Vec<_>) =
                    story.events.into_iter().partition(|event| deeds.contains(&event.deed));
                let (for_it, beside) = (evidence.len(), others.len());
                Ok(json!({
                    "holds": for_it > 0, "subject": format!("{}.{}", story.class, story.attribute),
                    "evidence": evidence.into_iter().take(EVENTS).collect::<Vec<_>>(), "evidence_in_all": for_it,
                    "other_events": others.into_iter().take(EVENTS).collect::<Vec<_>>(), "other_events_in_all": beside,
                }))
            }
        })
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        env!("CARGO_PKG_NAME").clone_into(&mut info.server_info.name);
        env!("CARGO_PKG_VERSION").clone_into(&mut info.server_info.version);
        info.instructions = Some(
            "Says what makes this Python system slow, leak or stall. Begin with `audit`; `list_findings` pages through what was found, \
             `explain_finding` gives code, path, cost and mend; `check_claim` tests what you suspect before you say it. Times are typical \
             ones per operation; `basis` says whether they are assumed, calibrated or measured."
                .to_owned(),
        );
        info
    }
}

impl Tools {
    /// An answer, or an error that says what to do.
    fn answer(&self, question: impl FnOnce(&Known) -> Result<Value, Failure>) -> CallToolResult {
        match self.audited.now().and_then(|known| question(&known)) {
            Ok(value) => CallToolResult::structured(value),
            Err(failure) => CallToolResult::structured_error(json!({ "error": failure.to_string().trim_end() })),
        }
    }

    /// Lines of a file of the system, with their numbers.
    fn code(&self, path: &str, line: u32, around: u32) -> Option<String> {
        let file = self.audited.root().join(path).canonicalize().ok()?;
        let is_small = fs::metadata(&file).is_ok_and(|found| found.is_file() && found.len() <= MOST_BYTES);
        if !file.starts_with(self.audited.root()) || !is_small {
            return None;
        }
        let text = String::from_utf8_lossy(&fs::read(file).ok()?).into_owned();
        let first = line.saturating_sub(around).max(1);
        let count = (line.saturating_add(around) - first + 1) as usize;
        let lines = (1_u32..).zip(text.lines()).skip(first as usize - 1).take(count);
        Some(lines.map(|(number, text)| format!("{number:5} {}", visible(text))).collect::<Vec<_>>().join("\n"))
    }
}

/// A finding in a few words.
fn short(finding: &Finding) -> Value {
    json!({
        "fingerprint": finding.fingerprint, "severity": finding.severity, "rule": finding.rule, "message": finding.message,
        "path": finding.path, "line": finding.line, "function": finding.function, "cost": cost(&finding.impact),
        "basis": finding.impact.basis, "services": finding.services.iter().take(5).collect::<Vec<_>>(),
        "services_in_all": finding.services.len(),
    })
}

/// A part of a list, with where the next one begins.
fn page(name: &str, all: Vec<Value>, offset: Option<usize>, limit: Option<usize>) -> Value {
    let (offset, limit) = (offset.unwrap_or(0), limit.unwrap_or(PAGE).clamp(1, MOST));
    let total = all.len();
    let shown: Vec<Value> = all.into_iter().skip(offset).take(limit).collect();
    let next = offset.saturating_add(shown.len());
    json!({ name: shown, "total": total, "next_offset": (next < total).then_some(next) })
}

fn service_named<'a>(known: &'a Known, name: &str) -> Result<&'a lagmap_report::Service, Failure> {
    let all = &known.report.services;
    all.iter().find(|service| service.name == name).ok_or_else(|| {
        let failure = Failure::new(format!("no service is called `{name}`"));
        match nearest(name, all.iter().map(|service| service.name.as_str())) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help("list_services tells their names"),
        }
    })
}

fn function_named(known: &Known, name: &str) -> Result<lagmap_program::FunctionId, Failure> {
    let found = known.program.functions_named(name);
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(unknown_function(known, name)),
        many => {
            let names: Vec<String> =
                many.iter().take(10).map(|function| known.program.function_name(*function)).collect();
            Err(Failure::new(format!("{} functions are called `{name}`", many.len()))
                .help(format!("say more of the name: {}", names.join(", "))))
        }
    }
}

fn unknown_function(known: &Known, name: &str) -> Failure {
    let program = &known.program;
    let all: Vec<String> = program
        .files()
        .flat_map(|(file, _)| program.functions(file))
        .map(|function| program.function_name(function))
        .collect();
    let last = name.rsplit('.').next().unwrap_or(name);
    let near = nearest(last, all.iter().filter_map(|name| name.rsplit('.').next()));
    let failure = Failure::new(format!("no function is called `{name}`"));
    match near.and_then(|near| all.iter().find(|name| name.rsplit('.').next() == Some(near))) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help("list_findings and trace_function tell names of functions"),
    }
}

fn attribute_named<'a>(known: &Known, name: &'a str) -> Result<(lagmap_program::ClassId, &'a str), Failure> {
    let Some((class, attribute)) = name.rsplit_once('.') else {
        return Err(Failure::new(format!("`{name}` is no attribute of a class")).help("say it as `Class.attribute`"));
    };
    match known.program.classes_named(class).as_slice() {
        [only] => Ok((*only, attribute)),
        [] => Err(Failure::new(format!("no class is called `{class}`"))
            .help("say it as `Class.attribute`, or `module.Class.attribute`")),
        many => {
            let names: Vec<String> =
                many.iter().take(10).map(|class| known.program.dotted_class_name(*class)).collect();
            Err(Failure::new(format!("{} classes are called `{class}`", many.len()))
                .help(format!("say more of the name: {}", names.join(", "))))
        }
    }
}
