//! The report of the last run, given again while nothing has changed that it depends on.

use std::env;
use std::fs;
use std::path::Path;

use lagmap_cache::{Answer, Key};
use lagmap_report::Report;
use lagmap_source::FoundFile;

use crate::audit::AuditOptions;
use crate::cache_folder::CacheFolder;
use crate::records::Content;

/// Where the report of an audit may be kept: by the system and the options, for the state of everything that a report is made
/// from. `others` is the rest of that: what the configurations say, and what could not be found. `None` if something of it
/// cannot be known.
pub fn of(
    folder: &CacheFolder,
    root: &Path,
    options: &AuditOptions,
    others: &impl serde::Serialize,
    files: &[(FoundFile, Content)],
) -> Option<Answer> {
    // Every option is named, so that a new one cannot be forgotten. Threads change no report.
    let AuditOptions {
        select,
        ignore,
        exclude,
        startup_configs,
        catalogues,
        all_code,
        pedantic,
        per_path,
        severity,
        requests_per_second,
        min_impact_ms,
        profiles,
        probes,
        calibration,
        threads: _,
        cache: _,
    } = options;
    // What profiles measured is large, and hardly asked for twice.
    if !profiles.is_empty() || !probes.is_empty() {
        return None;
    }
    let asked = (select, ignore, exclude, startup_configs, catalogues, all_code, pedantic);
    let asked = format!("{:?}", (asked, per_path, severity, requests_per_second, min_impact_ms, calibration));
    let root = root.canonicalize().ok()?;
    let name = Key::of(&[asked.as_bytes(), b"\n", root.as_os_str().as_encoded_bytes()].concat());
    let mut state = Vec::new();
    // Another program gives other answers.
    state.extend(Key::of(program()?.as_bytes()).0);
    state.extend(Key::of(asked.as_bytes()).0);
    state.extend(Key::of(&serde_json::to_vec(others).ok()?).0);
    for (file, content) in files {
        state.extend(Key::of(file.path.as_bytes()).0);
        state.extend(content.state().0);
    }
    Some(Answer::new(&folder.path, &name, &Key::of(&state)))
}

/// What tells this program from another: its version, its file, and when that came to be. To hash it takes longer than to audit a
/// small system.
fn program() -> Option<String> {
    let path = env::current_exe().ok()?;
    let file = fs::metadata(&path).ok()?;
    let told = (env!("CARGO_PKG_VERSION"), path, file.len(), file.modified().ok()?);
    Some(format!("{told:?} {:?}", installed(&file)))
}

/// Which file it is, and when it was put there: neither can be set, as the time of its last change can.
#[cfg(unix)]
fn installed(file: &fs::Metadata) -> impl std::fmt::Debug {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino(), file.ctime(), file.ctime_nsec())
}

/// When it was put there.
#[cfg(not(unix))]
fn installed(file: &fs::Metadata) -> impl std::fmt::Debug {
    file.created().ok()
}

/// The report that was kept.
pub fn get(answer: &Answer) -> Option<Report> {
    serde_json::from_slice(&answer.get()?).ok()
}

/// Keeps a report. That it cannot be kept has been told where the facts cannot be kept either.
pub fn keep(answer: &Answer, report: &Report) {
    if let Ok(bytes) = serde_json::to_vec(report) {
        let _ = answer.put(&bytes);
    }
}
