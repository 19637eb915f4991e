//! `lagmap audit --watch`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use notify::event::ModifyKind;
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::arguments::AuditArguments;
use crate::audit;
use crate::commands;
use crate::errors::{Failure, say};
use crate::records::Memory;

/// Changes that follow each other faster are one: editors write in several steps, and version control many files.
const QUIET: Duration = Duration::from_millis(100);
/// What an audit reads besides what says what is started, by ending.
const ENDINGS: [&str; 3] = ["py", "pyw", "toml"];
/// What it reads, by name.
const NAMES: [&str; 2] = [".gitignore", ".ignore"];

type Change = notify::Result<Event>;

/// Audits, waits for a change, and audits again; ends only when it cannot see changes any more.
pub fn run(arguments: &AuditArguments) -> Result<ExitCode, Failure> {
    let root = &arguments.path;
    let failed = |error: notify::Error| Failure::new("cannot watch").at(root).because(error);
    let (sender, changes) = mpsc::channel();
    let tell = move |change: Change| {
        // Nobody listens any more when the program ends.
        let _ = sender.send(change);
    };
    let mut watcher = RecommendedWatcher::new(tell, Config::default().with_follow_symlinks(false)).map_err(failed)?;
    watcher.watch(root, RecursiveMode::Recursive).map_err(failed)?;
    let mut memory = Memory::default();
    loop {
        let round = |options: &_, progress: &_| audit::run_again(root, options, progress, &mut memory);
        // A broken configuration may be mended while we watch.
        if let Err(failure) = commands::audit::once(arguments, round) {
            failure.tell();
        }
        say("watching for changes\n");
        wait(arguments.output.as_deref(), &changes).map_err(failed)?;
    }
}

/// Waits until something that an audit reads has changed, and nothing more has for a while.
fn wait(output: Option<&Path>, changes: &Receiver<Change>) -> notify::Result<()> {
    let ended = || notify::Error::generic("no more changes are told");
    while !matters(output, &changes.recv().map_err(|_| ended())??) {}
    let mut until = Instant::now() + QUIET;
    // Whoever reads the tree meanwhile does not keep us from our work.
    while let Ok(change) = changes.recv_timeout(until.saturating_duration_since(Instant::now())) {
        if matters(output, &change?) {
            until = Instant::now() + QUIET;
        }
    }
    Ok(())
}

/// Whether an audit may read something that changed. Its own report, `output`, is nothing that it reads.
pub fn matters(output: Option<&Path>, event: &Event) -> bool {
    let changed = !matches!(event.kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)));
    let is_read = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if output.and_then(Path::file_name).is_some_and(|output| output == name) {
            return false;
        }
        let ending = path.extension().and_then(|ending| ending.to_str());
        // A folder that comes, goes or is renamed brings or takes what is in it.
        let is_folder = ending.is_none() && !name.starts_with('.') && !path.is_file();
        is_folder
            || NAMES.contains(&name)
            || ending.is_some_and(|ending| ENDINGS.contains(&ending))
            || lagmap_system::may_declare(name)
    };
    // The system lost count of what changed.
    event.need_rescan() || changed && event.paths.iter().any(is_read)
}

#[cfg(test)]
mod tests {
    use notify::event::CreateKind;

    use super::*;

    #[test]
    fn only_what_an_audit_reads_wakes_it() {
        let event = |kind, path: &str| Event::new(kind).add_path(PathBuf::from(path));
        let write = EventKind::Modify(ModifyKind::Any);
        let read = [
            "a.py",
            "deploy/startup_config.yaml",
            ".gitignore",
            "pyproject.toml",
            "folder",
            "Dockerfile.web",
            "a.service",
        ];
        for path in read.map(|path| format!("/r/{path}")) {
            let path = path.as_str();
            assert!(matters(None, &event(write, path)), "{path}");
        }
        for path in ["/r/report.md", "/r/a.pyc", "/r/.lagmap-x1y2", "/r/out"] {
            assert!(!matters(Some(Path::new("r/out")), &event(write, path)), "{path}");
        }
        let read = EventKind::Access(notify::event::AccessKind::Any);
        assert!(!matters(None, &event(read, "/r/a.py")));
        assert!(matters(None, &event(EventKind::Create(CreateKind::Any), "/r/a.py")));
    }
}
