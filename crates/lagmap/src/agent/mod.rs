//! `lagmap mcp`: an audited system as tools for agents, over the Model Context Protocol on the standard streams.
//!
//! The system is audited when the first question comes, and again when something that an audit reads has changed. Answers are
//! bounded: lists come in pages, trees with a depth and a breadth. Nothing outside of the folder is read, and nothing is written.

mod audited;
mod tools;

use std::process::ExitCode;

use rmcp::ServiceExt;

use crate::arguments::McpArguments;
use crate::audit;
use crate::errors::Failure;
use audited::Audited;
use tools::Tools;

/// Serves until the agent closes the stream.
pub fn run(arguments: &McpArguments) -> Result<ExitCode, Failure> {
    audit::check_root(&arguments.path)?;
    let failed = |error: &dyn std::fmt::Display| Failure::new("cannot serve").because(error);
    let tools = Tools::new(Audited::new(&arguments.path)?);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let service = tools.serve(rmcp::transport::stdio()).await.map_err(|error| failed(&error))?;
        service.waiting().await.map_err(|error| failed(&error))
    })?;
    Ok(ExitCode::SUCCESS)
}
