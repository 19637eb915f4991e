//! What the server knows: the editor's files, and what the last audit found in them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;

use lagmap_report::{Finding, Millis, Report, Severity, cost, interval, visible};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams,
    Command, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DidChangeTextDocumentParams,
    DidOpenTextDocumentParams, ExecuteCommandParams, Hover, HoverContents, HoverParams, Location, MarkupContent,
    MarkupKind, NumberOrString, Position, Range, TextEdit, Uri, WorkspaceEdit,
};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::auditor::{Edited, Found, Function};
use super::lens;
use super::positions::{Encoding, path_of, uri_of};
use crate::known_rules;

/// The command that gives the path of a finding as text.
pub(super) const SHOW_TRACE: &str = "lagmap.showTrace";
const SOURCE: &str = "lagmap";

/// A file that the editor holds.
struct Document {
    text: String,
    version: i32,
}

/// All that the server knows.
pub(super) struct Known {
    root: PathBuf,
    encoding: Encoding,
    documents: HashMap<String, Document>,
    report: Option<Report>,
    functions: FxHashMap<String, Vec<Function>>,
    /// Files for which the editor shows something.
    shown: Vec<String>,
}

impl Known {
    pub(super) fn new(root: PathBuf, encoding: Encoding) -> Self {
        let (documents, functions) = (HashMap::new(), FxHashMap::default());
        Self { root, encoding, documents, report: None, functions, shown: Vec::new() }
    }

    /// The path of a file from the root, as reports write it; nothing for files outside.
    fn path(&self, uri: &Uri) -> Option<String> {
        let path = path_of(uri)?;
        // The editor may name the folder by a link.
        let path = path.canonicalize().unwrap_or(path);
        let parts = path.strip_prefix(&self.root).ok()?.components();
        Some(parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
    }

    pub(super) fn open(&mut self, opened: DidOpenTextDocumentParams) -> bool {
        let document = opened.text_document;
        let Some(path) = self.path(&document.uri) else { return false };
        self.documents.insert(path, Document { text: document.text, version: document.version });
        true
    }

    pub(super) fn change(&mut self, changed: DidChangeTextDocumentParams) -> bool {
        let Some(path) = self.path(&changed.text_document.uri) else { return false };
        let Some(document) = self.documents.get_mut(&path) else { return false };
        for change in changed.content_changes {
            self.encoding.change(&mut document.text, change);
        }
        document.version = changed.text_document.version;
        true
    }

    pub(super) fn close(&mut self, uri: &Uri) -> bool {
        self.path(uri).is_some_and(|path| self.documents.remove(&path).is_some())
    }

    /// The texts that stand for what is on the disk.
    pub(super) fn edited(&self) -> Edited {
        self.documents.iter().map(|(path, document)| (path.clone(), document.text.clone().into_bytes())).collect()
    }

    /// Takes what an audit found; what the editor is to show for each file, nothing where it shows too much.
    pub(super) fn take(&mut self, found: Found) -> Vec<(Uri, Vec<Diagnostic>, Option<i32>)> {
        let Found { report, functions, edited } = found;
        let mut by_path: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &report.findings {
            by_path.entry(&finding.path).or_default().push(finding);
        }
        let texts = Texts { known: self, edited: &edited, read: std::cell::RefCell::default() };
        let shown = by_path.iter().filter_map(|(path, findings)| {
            let uri = uri_of(&self.root.join(path))?;
            let diagnostics = findings.iter().map(|finding| self.diagnostic(finding, &texts)).collect();
            // Only if the text is still the one that was audited.
            let document = self.documents.get(*path);
            let version = document
                .filter(|document| edited.get(*path).is_some_and(|text| text == document.text.as_bytes()))
                .map(|document| document.version);
            Some((uri, diagnostics, version))
        });
        let mut told: Vec<_> = shown.collect();
        let gone = self.shown.iter().filter(|path| !by_path.contains_key(path.as_str()));
        told.extend(gone.filter_map(|path| Some((uri_of(&self.root.join(path))?, Vec::new(), None))));
        drop(texts);
        self.shown = by_path.keys().map(ToString::to_string).collect();
        self.functions = functions;
        self.report = Some(report);
        told
    }

    fn diagnostic(&self, finding: &Finding, texts: &Texts<'_>) -> Diagnostic {
        let text = texts.of(&finding.path);
        let start = self.encoding.position(&text, finding.line, finding.column);
        let end = self.encoding.position(&text, finding.end_line, finding.end_column);
        let steps = finding.trace.iter().filter_map(|step| {
            let position = Position::new(step.line.saturating_sub(1), 0);
            let location = Location::new(uri_of(&self.root.join(&step.path))?, Range::new(position, position));
            Some(DiagnosticRelatedInformation { location, message: visible(&step.note).into_owned() })
        });
        let cost = cost(&finding.impact);
        let cost = if cost.is_empty() { String::new() } else { format!("\n{cost}") };
        Diagnostic {
            range: Range::new(start, end),
            severity: Some(match finding.severity {
                Severity::Critical | Severity::High => DiagnosticSeverity::WARNING,
                Severity::Medium => DiagnosticSeverity::INFORMATION,
                Severity::Low => DiagnosticSeverity::HINT,
            }),
            code: Some(NumberOrString::String(finding.rule.clone())),
            source: Some(SOURCE.to_owned()),
            message: format!("{}{cost}\n{}", visible(&finding.message), visible(&finding.suggestion)),
            related_information: Some(steps.collect::<Vec<_>>()).filter(|steps| !steps.is_empty()),
            data: Some(json!({ "fingerprint": finding.fingerprint })),
            ..Diagnostic::default()
        }
    }

    /// Findings at a place of a file: those whose lines it is in.
    fn at(&self, path: &str, lines: std::ops::RangeInclusive<u32>) -> impl Iterator<Item = &Finding> {
        let findings = self.report.iter().flat_map(|report| &report.findings);
        findings.filter(move |finding| {
            finding.path == path && finding.line <= lines.end() + 1 && finding.end_line > *lines.start()
        })
    }

    /// What is said of the place under the mouse: findings, and how the function runs whose `def` it is.
    pub(super) fn hover(&self, parameters: &HoverParams) -> Option<Hover> {
        let place = &parameters.text_document_position_params;
        let path = self.path(&place.text_document.uri)?;
        let line = place.position.line;
        let mut parts: Vec<String> = self.at(&path, line..=line).map(hover_of).collect();
        let functions = self.functions.get(&path).into_iter().flatten();
        parts.extend(functions.filter(|function| function.line == line + 1).map(runs));
        if parts.is_empty() {
            return None;
        }
        let value = parts.join("\n\n---\n\n");
        Some(Hover {
            contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
            range: None,
        })
    }

    pub(super) fn lenses(&self, parameters: &CodeLensParams) -> Option<Vec<CodeLens>> {
        let path = self.path(&parameters.text_document.uri)?;
        let functions = self.functions.get(&path).map(Vec::as_slice).unwrap_or_default();
        let lenses = lens::of(&self.report.as_ref()?.services, functions, &path).into_iter().map(|(line, title)| {
            let position = Position::new(line.saturating_sub(1), 0);
            let command = Some(Command { title, command: String::new(), arguments: None });
            CodeLens { range: Range::new(position, position), command, data: None }
        });
        Some(lenses.collect())
    }

    /// What can be done about the findings of some lines: suppress one, show its path.
    pub(super) fn actions(&self, parameters: &CodeActionParams) -> Option<CodeActionResponse> {
        let uri = &parameters.text_document.uri;
        let path = self.path(uri)?;
        let text = self.documents.get(&path)?.text.as_str();
        let lines = parameters.range.start.line..=parameters.range.end.line;
        let mut actions = Vec::new();
        for finding in self.at(&path, lines) {
            let line = finding.line.saturating_sub(1);
            let code = text.lines().nth(line as usize).unwrap_or_default();
            let indent: String = code.chars().take_while(|c| c.is_whitespace()).collect();
            let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
            let start = Position::new(line, 0);
            let new_text = format!("{indent}# lagmap: ignore[{}]{end}", finding.rule);
            #[expect(clippy::mutable_key_type, reason = "the protocol's type of edits has such keys")]
            let changes = HashMap::from([(uri.clone(), vec![TextEdit { range: Range::new(start, start), new_text }])]);
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: format!("Suppress {} here", finding.rule),
                kind: Some(CodeActionKind::QUICKFIX),
                edit: Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }),
                ..CodeAction::default()
            }));
            if !finding.trace.is_empty() {
                let command = Command {
                    title: format!("Show how the code gets to {}", finding.rule),
                    command: SHOW_TRACE.to_owned(),
                    arguments: Some(vec![json!(finding.fingerprint)]),
                };
                actions.push(CodeActionOrCommand::Command(command));
            }
        }
        Some(actions)
    }

    /// Runs a command: the path of a finding as text.
    pub(super) fn run(&self, parameters: &ExecuteCommandParams) -> Option<Value> {
        if parameters.command != SHOW_TRACE {
            return None;
        }
        let print = parameters.arguments.first()?.as_str()?;
        let finding = self.report.as_ref()?.findings.iter().find(|finding| finding.fingerprint == print)?;
        let steps = finding.trace.iter().map(|step| {
            format!("{}:{} {}: {}", visible(&step.path), step.line, visible(&step.function), visible(&step.note))
        });
        let lines: Vec<String> = std::iter::once(visible(&finding.message).into_owned()).chain(steps).collect();
        Some(json!(lines.join("\n")))
    }
}

/// The texts of files, for columns: what was audited, else what is on the disk.
struct Texts<'a> {
    known: &'a Known,
    edited: &'a Edited,
    read: std::cell::RefCell<HashMap<String, std::rc::Rc<str>>>,
}

impl Texts<'_> {
    fn of(&self, path: &str) -> std::rc::Rc<str> {
        if let Some(text) = self.read.borrow().get(path) {
            return text.clone();
        }
        let bytes = self.edited.get(path).cloned();
        let bytes = bytes.or_else(|| fs::read(self.known.root.join(path)).ok()).unwrap_or_default();
        let text: std::rc::Rc<str> = String::from_utf8_lossy(&bytes).into();
        self.read.borrow_mut().insert(path.to_owned(), text.clone());
        text
    }
}

/// A finding, with what its rule is about.
fn hover_of(finding: &Finding) -> String {
    let rules = known_rules::all();
    let summary = rules.iter().find(|rule| rule.name == finding.rule).map_or("", |rule| rule.summary);
    let mut lines = vec![
        format!("**{}** ({})", finding.rule, finding.severity.name()),
        visible(&finding.message).into_owned(),
        format!("*{summary}*"),
    ];
    let cost = cost(&finding.impact);
    if !cost.is_empty() {
        lines.push(format!("Cost: {cost}; {}", visible(&finding.impact.source)));
    }
    if !finding.services.is_empty() {
        lines.push(format!("Services: {}", visible(&finding.services.join(", "))));
    }
    lines.push(format!("Mend: {}", visible(&finding.suggestion)));
    lines.push(format!("`lagmap explain {}`", finding.rule));
    lines.join("\n\n")
}

/// "`shop.api.handle` runs per-request on the event loop" and what it waits for.
fn runs(function: &Function) -> String {
    let contexts = if function.contexts.is_empty() {
        "nothing that starts reaches it".to_owned()
    } else {
        format!("runs {}", function.contexts.join(", "))
    };
    let mut lines = vec![format!("`{}` {contexts}", visible(&function.name))];
    for (kind, [low, high], what, at) in &function.costs {
        let time = interval([Millis(*low), Millis(*high)]);
        lines.push(format!("- {kind}: typical {time}, `{}` at {}", visible(what), visible(at)));
    }
    lines.join("\n")
}
