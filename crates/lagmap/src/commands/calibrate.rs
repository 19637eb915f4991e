//! `lagmap calibrate`

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lagmap_evidence::{Calibration, SCRIPT};
use lagmap_program::Program;
use lagmap_report::{Millis, interval, visible};

use crate::arguments::CalibrateArguments;
use crate::audit::{self, AuditOptions};
use crate::cache_folder::users_folder;
use crate::configuration::Configuration;
use crate::errors::Failure;
use crate::output;
use crate::progress::Progress;

/// Past its own limit the script is given this long to end: the operation at hand, and an import that hangs.
const GRACE: Duration = Duration::from_mins(1);
/// Modules that are handed to the script, in the order of their names; its time limit ends them earlier.
const MOST_MODULES: usize = 200;
/// What the script prints is some 20 KB.
const MAX_BYTES: u64 = 16 << 20;

/// Measures, saves, and says what was measured.
pub fn run(arguments: &CalibrateArguments) -> Result<ExitCode, Failure> {
    let target = match &arguments.output {
        Some(path) => path.clone(),
        None => default_file().ok_or_else(|| {
            Failure::new("cannot tell where to save the calibration").help("name a file with `--output`")
        })?,
    };
    let progress = Progress::start();
    let modules = match &arguments.path {
        Some(path) => imported(path, &progress)?,
        None => Vec::new(),
    };
    progress.part("measuring", None);
    let text = measure(&arguments.python, arguments.seconds, &modules)?;
    let broken = |error| Failure::new("cannot use what the interpreter measured").at(&arguments.python).because(error);
    let calibration = Calibration::read(&text).map_err(broken)?;
    drop(progress);
    if let Some(folder) = target.parent() {
        let failed = |error| Failure::new("cannot make the folder").at(folder).because(error);
        fs::create_dir_all(folder).map_err(failed)?;
    }
    output::save(&target, &text)?;
    output::print(shown(&calibration, &target).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Where calibrations are kept.
pub fn default_file() -> Option<PathBuf> {
    Some(users_folder()?.join("calibration.json"))
}

/// The calibration that the user made, if there is one.
pub fn of_user() -> Result<Option<Calibration>, Failure> {
    default_file().filter(|path| path.is_file()).map(|path| read(&path)).transpose()
}

/// The calibration of a file.
pub fn read(path: &Path) -> Result<Calibration, Failure> {
    let failed = || Failure::new("cannot use the calibration").at(path);
    let help = "`lagmap calibrate` makes a new one; `--no-calibration` does without";
    let text = File::open(path).and_then(bounded).map_err(|error| failed().because(error).help(help))?;
    Calibration::read(&text).map_err(|error| failed().because(error).help(help))
}

fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    source.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES { Err(io::Error::other("it is larger than 16 MiB")) } else { Ok(text) }
}

/// Modules outside of the system that its files import, sorted.
fn imported(root: &Path, progress: &Progress) -> Result<Vec<String>, Failure> {
    audit::check_root(root)?;
    let options = AuditOptions::of(Configuration::find(root, None)?)?;
    audit::ask(root, &options, progress, |program: &Program| {
        let mut names = BTreeSet::new();
        let own: BTreeSet<&str> = program.files().map(|(_, unit)| first_part(&unit.module)).collect();
        for (_, unit) in program.files() {
            for import in unit.facts.imports.iter().filter(|import| import.level == 0) {
                let name = first_part(unit.facts.text(import.module));
                if !own.contains(name) && is_name(name) {
                    names.insert(name.to_owned());
                }
            }
        }
        names.into_iter().take(MOST_MODULES).collect()
    })
}

fn first_part(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// What the code imports is handed to an interpreter: nothing but a name may be.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn measure(python: &Path, seconds: u32, modules: &[String]) -> Result<Vec<u8>, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        let failure = Failure::new("cannot measure").at(python).because(why);
        failure.help("`--python` names the interpreter that runs the system")
    };
    let folder = tempfile::tempdir().map_err(|error| failed(&error))?;
    let script = folder.path().join("measure.py");
    fs::write(&script, SCRIPT).map_err(|error| failed(&error))?;
    let mut command = Command::new(python);
    command.arg(&script).arg(seconds.to_string()).args(modules).current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    // Both are read while it runs: a pipe that is full would stop it.
    let out = thread::spawn(move || out.map(bounded));
    let errors = thread::spawn(move || errors.map(bounded));
    let done = wait(&mut child, Duration::from_secs(seconds.into()) + GRACE).map_err(|error| failed(&error))?;
    let text = |reader: thread::JoinHandle<Option<io::Result<Vec<u8>>>>| {
        reader.join().ok().flatten().and_then(Result::ok).unwrap_or_default()
    };
    let (out, errors) = (text(out), text(errors));
    match done {
        Some(true) => Ok(out),
        Some(false) => {
            let errors = String::from_utf8_lossy(&errors);
            Err(failed(&errors.lines().last().unwrap_or("it ended with an error")))
        }
        None => Err(failed(&"it did not end in time")),
    }
}

/// Whether a process ended well; `None` if it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<bool>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn shown(calibration: &Calibration, target: &Path) -> String {
    let times = |low: f64, median: f64, high: f64, samples: u64| {
        vec![interval([Millis(median); 2]), interval([Millis(low), Millis(high)]), samples.to_string()]
    };
    let mut rows = Vec::new();
    for (name, operation) in &calibration.operations {
        for (index, size) in operation.sizes.iter().enumerate() {
            let name = match (operation.sizes.len(), index) {
                (1, _) => name.clone(),
                (_, 0) => format!("{name}, small"),
                _ => format!("{name}, large"),
            };
            rows.push([vec![name], times(size.low_ms, size.median_ms, size.high_ms, size.samples)].concat());
        }
    }
    for (name, import) in &calibration.imports {
        rows.push(
            [vec![format!("import {name}")], times(import.low_ms, import.median_ms, import.high_ms, import.samples)]
                .concat(),
        );
    }
    let table = output::table(&["OPERATION", "MEDIAN", "SPREAD", "SAMPLES"], &rows);
    let skipped = calibration.skipped.iter();
    let skipped = skipped.map(|(name, why)| format!("not measured: {}: {}\n", visible(name), visible(why)));
    let target = target.display().to_string();
    let saved = format!("saved: {}\naudits use it from now on; `--no-calibration` does without\n", visible(&target));
    [table, skipped.collect(), saved].concat()
}
