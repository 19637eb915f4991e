//! A report with something of everything, hostile names among it, and the sources that its code frames need.

use std::borrow::Cow;

use lagmap_report::{
    Basis, Caching, Confidence, EffectKind, Finding, FindingCounts, Frequency, Group, Impact, Millis, Pool, ReadError,
    Report, SCHEMA_VERSION, Section, Service, Severity, SourceProvider, Subsection, Summary, SyntaxError,
    SystemProblem, Tool, TraceStep, UnusedSuppression,
};

const API: &str = "\
import asyncio
from shop.settings import load_settings

class Api:
    async def handle(self, request):
        settings = load_settings()
        return await self.reply(settings, request)
";

const SETTINGS: &str = "\
import json

def load_settings():
    # One level down.


    return read_file(\"settings.json\")

def read_file(path):
    with open(path) as file:
\t\treturn json.load(file)
";

/// The files of the sample.
pub struct Sources;

impl SourceProvider for Sources {
    fn source(&self, path: &str) -> Option<Cow<'_, str>> {
        match path {
            "shop/api.py" => Some(API.into()),
            "shop/settings.py" => Some(SETTINGS.into()),
            "evil/\u{1b}[31mred`name|<b>.py" => Some("x = '\u{1b}]0;title\u{7}' # \u{202e}\n".into()),
            _ => None,
        }
    }
}

/// A report with findings in every section and in every severity.
pub fn report() -> Report {
    let findings = findings();
    Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "lagmap".into(), version: "0.1.0".into() },
        summary: Summary {
            files: 740,
            files_with_syntax_errors: 2,
            lines: 224_232,
            services: 4,
            findings: FindingCounts::of(&findings),
            negligible: 12,
        },
        services: services(),
        groups: Group::collect(&findings),
        findings,
        errors: vec![
            ReadError { path: "data/latin.py".into(), message: "not valid UTF-8 at byte 17".into(), line: None },
            ReadError { path: "deep.py".into(), message: "nested more than 1,000 deep".into(), line: Some(3) },
        ],
        system_problems: vec![SystemProblem {
            kind: "port-conflict".into(),
            message: "`Api` and `Billing` both listen on port 7000".into(),
            path: "config/startup.yaml".into(),
            line: Some(12),
            services: vec!["Api".into(), "Billing".into()],
        }],
        suppressions_unused: vec![UnusedSuppression {
            path: "shop/api.py".into(),
            line: 2,
            rule: "client-per-request".into(),
        }],
        syntax_errors: vec![SyntaxError {
            path: "shop/billing.py".into(),
            line: 21,
            message: "Expected `,`, found `)`".into(),
        }],
        peers: vec![],
        profile: None,
    }
}

/// A report of a system in which nothing is wrong.
pub fn clean() -> Report {
    let summary = Summary { files: 1, files_with_syntax_errors: 0, lines: 12, services: 0, ..Summary::default() };
    Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "lagmap".into(), version: "0.1.0".into() },
        summary,
        services: vec![],
        findings: vec![],
        errors: vec![],
        groups: vec![],
        system_problems: vec![],
        suppressions_unused: vec![],
        syntax_errors: vec![],
        peers: vec![],
        profile: None,
    }
}

fn services() -> Vec<Service> {
    let service = |name: &str, script: &str, problem: Option<&str>| Service {
        name: name.into(),
        group: Some("shop".into()),
        config: "config/startup.yaml".into(),
        script: script.into(),
        port: Some(7000),
        dependencies: vec![],
        files: 3,
        findings: 2,
        starts: problem.is_none(),
        problem: problem.map(Into::into),
        handlers: vec![],
        wires_in: vec![],
        wires_out: vec![],
        runs: None,
        source: None,
        command: None,
        also_in: vec![],
        startup: None,
    };
    vec![
        service("Api", "shop/api.py", None),
        service("Billing", "shop/billing.py", Some("syntax error at line 21: Expected `,`, found `)`")),
        Service {
            group: None,
            port: None,
            dependencies: vec!["Api".into()],
            ..service("Mailer", "shop/mail.py", None)
        },
        service("Stock", "shop/stock.py", None),
    ]
}

#[expect(clippy::too_many_lines, reason = "a list of data")]
fn findings() -> Vec<Finding> {
    let base = Finding {
        fingerprint: "0000000000000001".into(),
        rule: "blocking-call-on-event-loop".into(),
        bullet: "A1".into(),
        section: Section::Hotspots,
        severity: Severity::Critical,
        confidence: Confidence::Certain,
        message: "`Api.handle` runs on the event loop and calls `load_settings`, which reads a file".into(),
        path: "shop/api.py".into(),
        line: 6,
        column: 20,
        end_line: 6,
        end_column: 35,
        function: "shop.api.Api.handle".into(),
        trace: vec![
            step("shop/api.py", 6, "shop.api.Api.handle", "calls load_settings"),
            step("shop/settings.py", 7, "shop.settings.load_settings", "calls read_file"),
            step("shop/settings.py", 11, "shop.settings.read_file", "reads a file: json.load()"),
        ],
        impact: Impact {
            typical_ms: Some([Millis(200.0), Millis(1500.0)]),
            worst_ms: Some(Millis(60_000.0)),
            bytes_per_event: None,
            frequency: Frequency::PerRequest,
            basis: Basis::Assumed,
            source: "disk read of a large file".into(),
            unbounded: false,
        },
        services: vec!["Api".into(), "Stock".into()],
        waits_behind: vec![],
        suggestion: "Read it once at start-up, or `await asyncio.to_thread(load_settings)`.".into(),
        subsection: Subsection::Async,
        cause: "json.load".into(),
        title: "Blocking file read on the event loop".into(),
        effect: Some(EffectKind::Disk),
        caching: None,
        pool: None,
        cure: Some("settings = await asyncio.to_thread(load_settings)\n".into()),
        measured: None,
    };
    let place = |print: &str, path: &str, line: u32, service: &str| Finding {
        fingerprint: print.into(),
        path: path.into(),
        line,
        end_line: line,
        services: vec![service.into()],
        ..base.clone()
    };
    let cheap = Impact {
        typical_ms: Some([Millis(0.25), Millis(4.0)]),
        worst_ms: None,
        bytes_per_event: None,
        frequency: Frequency::PerIteration,
        basis: Basis::Measured,
        source: String::new(),
        unbounded: false,
    };
    let hang = Impact { typical_ms: None, unbounded: true, ..base.impact.clone() };
    let grows = Impact { typical_ms: None, worst_ms: None, bytes_per_event: Some(2048), ..base.impact.clone() };
    vec![
        base.clone(),
        place("0000000000000002", "shop/stock.py", 40, "Stock"),
        Finding {
            rule: "receive-without-timeout".into(),
            bullet: "A5".into(),
            severity: Severity::High,
            message: "`socket.recv` waits for ever when the peer is gone".into(),
            title: "ZMQ receive that can wait for ever".into(),
            impact: hang,
            trace: vec![],
            subsection: Subsection::None,
            effect: Some(EffectKind::Message),
            cure: None,
            measured: None,
            pool: None,
            ..place("0000000000000003", "shop/mail.py", 9, "Mailer")
        },
        Finding {
            rule: "evil-name".into(),
            severity: Severity::Low,
            confidence: Confidence::Likely,
            column: 1,
            end_column: 3,
            message: "<script>alert(1)</script> | `a\u{1b}[0m` and a lone ` and __dunder__".into(),
            function: "evil.`f`".into(),
            title: "Name with *stars* and \u{1b}[1mescapes".into(),
            services: vec![],
            impact: cheap.clone(),
            trace: vec![],
            subsection: Subsection::None,
            cure: Some("x = '''\n```\n'''".into()),
            measured: None,
            ..place("0000000000000004", "evil/\u{1b}[31mred`name|<b>.py", 1, "Api")
        },
        Finding {
            rule: "unbounded-cache".into(),
            bullet: "B4".into(),
            section: Section::Memory,
            subsection: Subsection::MemoryLeak,
            severity: Severity::Medium,
            message: "`self.seen` gains an entry per request and nothing takes one out".into(),
            title: "Cache without limit".into(),
            suggestion: "Use `cachetools.TTLCache(maxsize=10_000, ttl=600)`.".into(),
            impact: grows,
            trace: vec![],
            effect: None,
            cure: None,
            measured: None,
            ..place("0000000000000005", "shop/mail.py", 30, "Mailer")
        },
        Finding {
            rule: "list-membership".into(),
            bullet: "D1".into(),
            section: Section::Cpu,
            subsection: Subsection::None,
            severity: Severity::Low,
            message: "`order in orders` scans a list for each order".into(),
            title: "List searched in a loop".into(),
            suggestion: "Keep a set of the ids.".into(),
            impact: cheap,
            trace: vec![],
            effect: None,
            cure: None,
            measured: None,
            ..place("0000000000000006", "shop/stock.py", 80, "Stock")
        },
        Finding {
            rule: "client-per-request".into(),
            bullet: "F2".into(),
            section: Section::Pooling,
            subsection: Subsection::ConnectionPool,
            severity: Severity::Medium,
            message: "A new HTTP client is made for each request".into(),
            title: "HTTP client per request".into(),
            suggestion: "Keep one `httpx.AsyncClient` on the service (10 connections).".into(),
            trace: vec![],
            effect: Some(EffectKind::Network),
            cure: None,
            measured: None,
            pool: Some(Pool { kind: "HTTP client".into(), size: 10, reason: "coroutines share one loop".into() }),
            ..place("0000000000000007", "shop/stock.py", 90, "Stock")
        },
        Finding {
            rule: "repeated-translation".into(),
            bullet: "G7".into(),
            section: Section::Caching,
            subsection: Subsection::Cache,
            severity: Severity::High,
            message: "The same text is translated on each request".into(),
            title: "Translation of the same text".into(),
            suggestion: "Cache translations by text and language.".into(),
            trace: vec![],
            effect: None,
            caching: Some(Caching {
                hit_rate: 0.8,
                hit_rate_basis: Basis::Assumed,
                saving_ms: [Millis(200.0), Millis(500.0)],
                strategy: "in-process LRU of 1,024 entries, keyed by text and language".into(),
            }),
            cure: None,
            measured: None,
            ..place("0000000000000008", "shop/mail.py", 50, "Mailer")
        },
    ]
}

fn step(path: &str, line: u32, function: &str, note: &str) -> TraceStep {
    TraceStep { path: path.into(), line, function: function.into(), note: note.into() }
}
