//! The system that is asked about: audited when somebody asks, and again when it has changed since.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lagmap_program::Program;
use lagmap_report::Report;
use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher};

use crate::audit::{self, AuditOptions};
use crate::cache_folder::CacheFolder;
use crate::commands::{calibrate, watch};
use crate::configuration::Configuration;
use crate::errors::Failure;
use crate::progress::Progress;

/// What an audit knows.
pub(super) struct Known {
    pub(super) report: Report,
    pub(super) program: Program,
}

/// A system that is audited when somebody asks.
pub(super) struct Audited {
    root: PathBuf,
    known: Mutex<Option<Arc<Known>>>,
    /// Something has changed since.
    changed: Arc<AtomicBool>,
    /// Tells of changes; nobody where the system cannot: then every question audits anew.
    watcher: Option<RecommendedWatcher>,
}

impl Audited {
    /// The system in a folder. Nothing is read yet.
    pub(super) fn new(root: &Path) -> Result<Self, Failure> {
        let root = root.canonicalize().map_err(|error| Failure::new("cannot audit").at(root).because(error))?;
        let changed = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&changed);
        let note = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| watch::matters(None, &event)) {
                flag.store(true, Ordering::Release);
            }
        };
        let mut watcher = RecommendedWatcher::new(note, Config::default().with_follow_symlinks(false)).ok();
        if watcher.as_mut().is_some_and(|watcher| watcher.watch(&root, RecursiveMode::Recursive).is_err()) {
            watcher = None;
        }
        Ok(Self { root, known: Mutex::default(), changed, watcher })
    }

    /// The folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What is known of the system as it is now.
    pub(super) fn now(&self) -> Result<Arc<Known>, Failure> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = self.watcher.is_none() || self.changed.swap(false, Ordering::AcqRel);
        if let (Some(known), false) = (&*known, is_old) {
            return Ok(Arc::clone(known));
        }
        match self.audit() {
            Ok(new) => {
                let new = Arc::new(new);
                *known = Some(Arc::clone(&new));
                Ok(new)
            }
            Err(failure) => {
                // What could not be done now may be possible next time.
                self.changed.store(true, Ordering::Release);
                Err(failure)
            }
        }
    }

    fn audit(&self) -> Result<Known, Failure> {
        let configuration = Configuration::find(&self.root, None)?;
        let arguments = crate::arguments::CacheArguments { no_cache: false, cache_dir: None };
        let cache = CacheFolder::find(&arguments, configuration.cache_dir.clone());
        let options = AuditOptions { cache, calibration: calibrate::of_user()?, ..AuditOptions::of(configuration)? };
        let (report, program) = audit::run_keeping(&self.root, &options, &Progress::none())?;
        Ok(Known { report, program })
    }
}
