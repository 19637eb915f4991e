//! `lagmap lsp`: a language server on the standard streams.
//!
//! Two threads: this one answers the editor from what the last audit found, the other audits. An edit marks what is known as old;
//! the auditor takes the newest state of all edited files, reads and parses what changed, and links anew. Edits that come while it
//! works are one further audit.

mod auditor;
mod known;
mod lens;
mod positions;

use std::process::ExitCode;

use lsp_server::{Connection, ExtractError, Message, Notification, Request, RequestId, Response};
use lsp_types::notification::{
    DidChangeConfiguration, DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument,
    DidSaveTextDocument, Notification as _, PublishDiagnostics, ShowMessage,
};
use lsp_types::request::{
    CodeActionRequest, CodeLensRequest, ExecuteCommand, HoverRequest, RegisterCapability, Request as _,
};
use lsp_types::{
    CodeActionProviderCapability, CodeLensOptions, DidChangeWatchedFilesRegistrationOptions, ExecuteCommandOptions,
    FileSystemWatcher, GlobPattern, HoverProviderCapability, InitializeParams, MessageType, PositionEncodingKind,
    PublishDiagnosticsParams, Registration, RegistrationParams, SaveOptions, ServerCapabilities, ShowMessageParams,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::errors::{Failure, say};
use auditor::{Audited, Auditor};
use known::{Known, SHOW_TRACE};
use positions::{Encoding, folder_of};

/// Serves until the editor says that it is done.
pub fn run() -> Result<ExitCode, Failure> {
    let (connection, threads) = Connection::stdio();
    let done = serve(&connection);
    // The writing thread ends when nobody holds the connection.
    drop(connection);
    let failed = |error: &dyn std::fmt::Display| Failure::new("the language server ends").because(error);
    done.map_err(|error| failed(&error))?;
    threads.join().map_err(|error| failed(&error))?;
    Ok(ExitCode::SUCCESS)
}

type Error = Box<dyn std::error::Error + Send + Sync>;

fn serve(connection: &Connection) -> Result<(), Error> {
    let (id, parameters) = connection.initialize_start()?;
    let parameters: InitializeParams = serde_json::from_value(parameters)?;
    let encoding = Encoding::agreed(&parameters);
    let answer = serde_json::json!({
        "capabilities": capabilities(encoding),
        "serverInfo": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
    });
    connection.initialize_finish(id, answer)?;
    let Some(root) = folder_of(&parameters) else {
        say("lagmap lsp: the editor has no folder open; nothing is audited\n");
        return idle(connection);
    };
    let watches = parameters.capabilities.workspace.and_then(|workspace| workspace.did_change_watched_files);
    let server = Server { connection, known: Known::new(root.clone(), encoding) };
    if watches.and_then(|watches| watches.dynamic_registration) == Some(true) {
        server.watch_files()?;
    }
    server.serve(&Auditor::start(root))
}

/// Answers nothing until the editor says that it is done.
fn idle(connection: &Connection) -> Result<(), Error> {
    for message in &connection.receiver {
        if let Message::Request(request) = message {
            if connection.handle_shutdown(&request)? {
                return Ok(());
            }
            connection.sender.send(Response::new_ok(request.id, serde_json::Value::Null).into())?;
        }
    }
    Ok(())
}

fn capabilities(encoding: Encoding) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
            ..TextDocumentSyncOptions::default()
        })),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        code_action_provider: Some(CodeActionProviderCapability::Simple(true)),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: vec![SHOW_TRACE.to_owned()],
            ..ExecuteCommandOptions::default()
        }),
        ..ServerCapabilities::default()
    }
}

struct Server<'a> {
    connection: &'a Connection,
    known: Known,
}

impl Server<'_> {
    fn serve(mut self, auditor: &Auditor) -> Result<(), Error> {
        auditor.ask(self.known.edited());
        loop {
            crossbeam_channel::select! {
                recv(self.connection.receiver) -> message => {
                    let Ok(message) = message else { return Ok(()) };
                    match message {
                        Message::Request(request) => {
                            if self.connection.handle_shutdown(&request)? {
                                return Ok(());
                            }
                            let response = self.answer(request);
                            self.connection.sender.send(response.into())?;
                        }
                        Message::Notification(notification) => {
                            if self.note(notification) {
                                auditor.ask(self.known.edited());
                            }
                        }
                        Message::Response(_) => {}
                    }
                }
                recv(auditor.done) -> audited => {
                    let Ok(audited) = audited else { return Ok(()) };
                    self.take(audited)?;
                }
            }
        }
    }

    /// Tells the editor what an audit found, and what it found no more.
    fn take(&mut self, audited: Audited) -> Result<(), Error> {
        match audited {
            Audited::Done(found) => {
                for (uri, diagnostics, version) in self.known.take(*found) {
                    self.tell::<PublishDiagnostics>(PublishDiagnosticsParams { uri, diagnostics, version })?;
                }
                Ok(())
            }
            Audited::Failed(message) => {
                self.tell::<ShowMessage>(ShowMessageParams { typ: MessageType::ERROR, message })
            }
        }
    }

    fn tell<N: lsp_types::notification::Notification>(&self, parameters: N::Params) -> Result<(), Error> {
        let notification = Notification::new(N::METHOD.to_owned(), parameters);
        Ok(self.connection.sender.send(notification.into())?)
    }

    fn watch_files(&self) -> Result<(), Error> {
        let watcher =
            |pattern: &str| FileSystemWatcher { glob_pattern: GlobPattern::String(pattern.to_owned()), kind: None };
        let patterns = ["**/*.py", "**/*.{toml,yaml,yml,cfg,conf,ini,service}", "**/{Dockerfile,Procfile,Makefile}*"];
        let options = DidChangeWatchedFilesRegistrationOptions { watchers: patterns.map(watcher).to_vec() };
        let registration = Registration {
            id: "lagmap-files".to_owned(),
            method: DidChangeWatchedFiles::METHOD.to_owned(),
            register_options: Some(serde_json::to_value(options)?),
        };
        let parameters = RegistrationParams { registrations: vec![registration] };
        let id = RequestId::from("lagmap-files".to_owned());
        let request = Request::new(id, RegisterCapability::METHOD.to_owned(), parameters);
        Ok(self.connection.sender.send(request.into())?)
    }

    fn answer(&self, request: Request) -> Response {
        let request = match on::<HoverRequest>(request, |parameters| self.known.hover(&parameters)) {
            Ok(response) => return response,
            Err(request) => request,
        };
        let request = match on::<CodeLensRequest>(request, |parameters| self.known.lenses(&parameters)) {
            Ok(response) => return response,
            Err(request) => request,
        };
        let request = match on::<CodeActionRequest>(request, |parameters| self.known.actions(&parameters)) {
            Ok(response) => return response,
            Err(request) => request,
        };
        let run = |parameters: lsp_types::ExecuteCommandParams| self.known.run(&parameters);
        match on::<ExecuteCommand>(request, run) {
            Ok(response) => response,
            Err(request) => {
                let message = format!("lagmap does not answer {}", request.method);
                Response::new_err(request.id, lsp_server::ErrorCode::MethodNotFound as i32, message)
            }
        }
    }

    /// Notes what the editor tells; whether there is something to audit.
    fn note(&mut self, notification: Notification) -> bool {
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => read(notification).is_some_and(|opened| self.known.open(opened)),
            DidChangeTextDocument::METHOD => read(notification).is_some_and(|changed| self.known.change(changed)),
            DidCloseTextDocument::METHOD => {
                read(notification).is_some_and(|closed: lsp_types::DidCloseTextDocumentParams| {
                    let uri: Uri = closed.text_document.uri;
                    self.known.close(&uri)
                })
            }
            DidSaveTextDocument::METHOD | DidChangeWatchedFiles::METHOD | DidChangeConfiguration::METHOD => true,
            _ => false,
        }
    }
}

fn read<T: DeserializeOwned>(notification: Notification) -> Option<T> {
    serde_json::from_value(notification.params).ok()
}

/// Answers a request of one kind; gives back one of another kind.
fn on<R: lsp_types::request::Request>(
    request: Request,
    answer: impl FnOnce(R::Params) -> R::Result,
) -> Result<Response, Request>
where
    R::Result: Serialize,
{
    match request.extract::<R::Params>(R::METHOD) {
        Ok((id, parameters)) => Ok(Response::new_ok(id, answer(parameters))),
        Err(ExtractError::MethodMismatch(request)) => Err(request),
        Err(ExtractError::JsonError { method, error }) => {
            let message = format!("{method}: {error}");
            // The request is gone with its number; editors send such never.
            Ok(Response::new_err(RequestId::from(0), lsp_server::ErrorCode::InvalidParams as i32, message))
        }
    }
}
