//! The thread that audits.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use lagmap_program::{FunctionId, Program, TraceLimits};
use lagmap_report::Report;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::audit::{self, AuditOptions};
use crate::cache_folder::CacheFolder;
use crate::commands::calibrate;
use crate::configuration::Configuration;
use crate::errors::Failure;
use crate::progress::Progress;
use crate::records::Memory;

/// Edits that follow each other faster are one.
const QUIET: Duration = Duration::from_millis(40);

/// What a trace says of the registration of a handler.
const HANDLER: &str = "registers as a handler";

/// What is to be audited: the texts of files that an editor holds, by path from the root.
pub(super) type Edited = FxHashMap<String, Vec<u8>>;

/// What an audit knows, for the editor.
pub(super) struct Found {
    /// The report.
    pub(super) report: Report,
    /// Functions of the files that the editor holds, by path.
    pub(super) functions: FxHashMap<String, Vec<Function>>,
    /// The texts that it is about.
    pub(super) edited: Edited,
}

/// How a function runs and what it costs.
pub(super) struct Function {
    /// Its dotted name.
    pub(super) name: String,
    /// The line of its `def`, from 1.
    pub(super) line: u32,
    /// A framework runs it for each request.
    pub(super) answers: bool,
    /// `per-request on the event loop`
    pub(super) contexts: Vec<String>,
    /// Kind, low and high time in milliseconds, what does it, where.
    pub(super) costs: Vec<(&'static str, [f64; 2], String, String)>,
}

/// How an audit ended.
pub(super) enum Audited {
    /// With a report.
    Done(Box<Found>),
    /// Not at all.
    Failed(String),
}

/// The thread, seen from outside.
pub(super) struct Auditor {
    wanted: Sender<Edited>,
    /// What it found, time and again.
    pub(super) done: Receiver<Audited>,
}

impl Auditor {
    /// Starts the thread for a folder; it ends with the auditor.
    pub(super) fn start(root: PathBuf) -> Self {
        let (wanted, asked) = unbounded::<Edited>();
        let (tell, done) = unbounded();
        thread::spawn(move || {
            let mut memory = Memory::default();
            while let Ok(mut edited) = asked.recv() {
                while let Ok(newer) = asked.recv_timeout(QUIET) {
                    edited = newer;
                }
                let audited = match audit(&root, &mut memory, edited) {
                    Ok(found) => Audited::Done(Box::new(found)),
                    Err(failure) => Audited::Failed(failure.to_string().trim_end().to_owned()),
                };
                if tell.send(audited).is_err() {
                    return;
                }
            }
        });
        Self { wanted, done }
    }

    /// Asks for an audit of the files as they are, with these texts in the place of what is on the disk.
    pub(super) fn ask(&self, edited: Edited) {
        // If the thread is gone, its channel says so where results are read.
        let _ = self.wanted.send(edited);
    }
}

fn audit(root: &Path, memory: &mut Memory, edited: Edited) -> Result<Found, Failure> {
    let configuration = Configuration::find(root, None)?;
    let arguments = crate::arguments::CacheArguments { no_cache: false, cache_dir: None };
    let cache = CacheFolder::find(&arguments, configuration.cache_dir.clone());
    let options = AuditOptions { cache, calibration: calibrate::of_user()?, ..AuditOptions::of(configuration)? };
    memory.edit(edited.clone());
    let open: FxHashSet<&str> = edited.keys().map(String::as_str).collect();
    let (report, functions) =
        audit::run_asking(root, &options, &Progress::none(), memory, |program| functions(program, &open))?;
    Ok(Found { report, functions, edited })
}

fn functions(program: &Program, open: &FxHashSet<&str>) -> FxHashMap<String, Vec<Function>> {
    let files = program.files().filter(|(_, unit)| open.contains(&*unit.path));
    files
        .map(|(file, unit)| {
            let known = program.functions(file).filter_map(|function| known(program, function)).collect();
            (unit.path.clone(), known)
        })
        .collect()
}

fn known(program: &Program, function: FunctionId) -> Option<Function> {
    // Of the function itself; of the trees around it only who registers it.
    let trace = program.trace(function, TraceLimits { depth: 1, breadth: 16 });
    let answers = trace.callers.iter().any(|caller| caller.how == HANDLER);
    if trace.contexts.is_empty() && trace.costs.is_empty() {
        return None;
    }
    let costs = trace.costs.into_iter().map(|cost| (cost.kind, cost.ms, cost.what, cost.at)).collect();
    Some(Function { name: trace.function, line: trace.line, answers, contexts: trace.contexts, costs })
}
