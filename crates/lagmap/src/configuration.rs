//! The configuration: `lagmap.toml`, or `[tool.lagmap]` in `pyproject.toml`.

mod reader;

pub(crate) use reader::KEYS;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use globset::Glob;
use lagmap_report::Severity;

use crate::errors::Failure;

/// A configuration is written by hand; more than this is no configuration.
const MAX_BYTES: u64 = 1 << 20;

/// What a configuration says.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// The folder that it stands in: relative paths are meant from there.
    pub folder: PathBuf,
    /// The file itself, if there is one.
    pub file: Option<PathBuf>,
    /// The line of each key that it has, from 1.
    pub lines: BTreeMap<String, usize>,
    /// Rules to run; all if empty.
    pub select: Vec<String>,
    /// Rules not to run.
    pub ignore: Vec<String>,
    /// Exit with 1 if anything as severe is found.
    pub fail_on: Option<Severity>,
    /// Files that are not audited.
    pub exclude: Vec<Glob>,
    /// Start-up configurations, relative to the audited root; they are found if empty.
    pub startup_configs: Vec<String>,
    /// Catalogue files of the user.
    pub catalogues: Vec<PathBuf>,
    /// Report on code that nothing reaches, too.
    pub all_code: bool,
    /// Report what is merely possible, too.
    pub pedantic: bool,
    /// How many requests each service is taken to send a second to each service that it waits for.
    pub requests_per_second: Option<f64>,
    /// Findings that typically cost less are left out, in milliseconds; `None`: [`lagmap_impact::NOTICED_MS`].
    pub min_impact_ms: Option<f64>,
    /// Rules not to run on some files.
    pub per_path: Vec<PerPath>,
    /// Severities that replace the estimated ones.
    pub severity: BTreeMap<String, Severity>,
    /// Where the cache is.
    pub cache_dir: Option<PathBuf>,
}

/// Rules not to run on some files.
#[derive(Clone, Debug)]
pub struct PerPath {
    /// The files.
    pub files: Glob,
    /// The rules.
    pub ignore: Vec<String>,
}

impl Configuration {
    /// The configuration of an audit: the file that was asked for, else the nearest one up from `root`, else none.
    pub fn find(root: &Path, asked_for: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = asked_for {
            let text = read(path).map_err(|error| {
                let failure = Failure::new("cannot read the configuration").at(path).because(error);
                failure.help("`--config` takes a lagmap.toml or a pyproject.toml")
            })?;
            let parsed =
                if is_pyproject(path) { reader::pyproject(&text, path)? } else { Some(reader::own(&text, path)?) };
            return parsed.ok_or_else(|| {
                let failure = Failure::new("cannot use the configuration").at(path);
                failure.because("it has no table `[tool.lagmap]`").help("add one, or name another file")
            });
        }
        let Ok(root) = root.canonicalize() else { return Ok(Self::default()) };
        for folder in root.ancestors() {
            if let Some(found) = in_folder(folder)? {
                return Ok(found);
            }
        }
        Ok(Self::default())
    }
}

fn in_folder(folder: &Path) -> Result<Option<Configuration>, Failure> {
    for (name, own) in [("lagmap.toml", true), ("pyproject.toml", false)] {
        let path = folder.join(name);
        // A pipe or a folder of that name is nobody's configuration.
        if !path.is_file() {
            continue;
        }
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if own => {
                return Err(Failure::new("cannot read the configuration").at(&path).because(error));
            }
            // Others' files are not ours to complain about.
            Err(_) => continue,
        };
        let found = if own { Some(reader::own(&text, &path)?) } else { reader::pyproject(&text, &path)? };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn is_pyproject(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "pyproject.toml")
}

/// A small text file.
pub fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}
