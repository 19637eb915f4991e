//! `lagmap record`

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use lagmap_evidence::{ProfileError, read_file};

use crate::arguments::{AuditArguments, RecordArguments};
use crate::audit::{self, AuditOptions, NamedProfile};
use crate::children::{Children, Interrupt, Manner};
use crate::commands;
use crate::errors::{Failure, say, warn};
use crate::started::{self, Started};

/// Past its time py-spy ends by itself, if nobody is left to end it.
const GRACE: u32 = 30;
/// Of what py-spy has to say.
const MAX_WORDS: u64 = 1 << 20;

/// One run of py-spy.
struct Run {
    name: String,
    file: PathBuf,
    words: PathBuf,
    command: Command,
}

/// Records what was asked for, and audits with it.
pub fn run(arguments: &RecordArguments) -> Result<ExitCode, Failure> {
    check(&arguments.audit)?;
    check_py_spy(&arguments.py_spy)?;
    commands::audit::once(&arguments.audit, |options, progress| {
        let root = &arguments.audit.path;
        let mut options: AuditOptions = options.clone();
        let started =
            if arguments.pid.is_empty() { started::of(root, &arguments.start, &options)? } else { Vec::new() };
        progress.pause();
        options.profiles.extend(record(arguments, &started)?);
        audit::run_audit(root, &options, progress)
    })
}

/// Fails where an audit's arguments make no sense beside a run.
pub fn check(arguments: &AuditArguments) -> Result<(), Failure> {
    audit::check_root(&arguments.path)?;
    if arguments.watch {
        let failure = Failure::new("cannot watch").because("what is measured is measured once");
        return Err(failure.help("keep the profile with `--save`, and give it to `lagmap audit --watch --profile`"));
    }
    Ok(())
}

/// Why a program cannot be started.
pub fn cannot_start(one: &Started, error: &io::Error) -> Failure {
    let failure = Failure::new("cannot start").at(&one.program).because(error);
    failure.help("`--python` names the interpreter of services; a command behind `--` is found as a shell finds it")
}

fn check_py_spy(program: &Path) -> Result<(), Failure> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let why = match command.status() {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => format!("`--version` ended with {status}"),
        Err(error) => error.to_string(),
    };
    let failure = Failure::new("cannot use py-spy").at(program).because(why);
    Err(failure.help("`pip install py-spy` installs it, `--py-spy FILE` names it; `lagmap probe` needs nothing"))
}

fn record(arguments: &RecordArguments, started: &[Started]) -> Result<Vec<NamedProfile>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new("cannot record").because(error);
    let folder = tempfile::Builder::new().prefix("lagmap-record-").tempdir().map_err(|error| failed(&error))?;
    let mut runs = runs(arguments, started, folder.path());
    let mut children = Children::new(Interrupt::note().map_err(|error| failed(&error))?, Manner::Below);
    for run in &mut runs {
        let words = fs::File::create(&run.words).map_err(|error| failed(&error))?;
        // What the program itself says there goes to the same place; of interest is why py-spy fails.
        run.command.stderr(words);
        children.start(&run.name, &mut run.command).map_err(|error| failed(&error))?;
    }
    let limit = arguments.start.seconds.map(|seconds| Duration::from_secs(seconds.into()));
    children.wait(limit).map_err(|error| failed(&error))?;
    let mut profiles = Vec::new();
    let mut trouble = None;
    for run in &runs {
        match read_file(&run.file) {
            Ok(profile) => {
                let file = keep(arguments.save.as_deref(), run)?;
                profiles.push(NamedProfile { file, profile });
            }
            Err(ProfileError::Empty) => {
                warn(&Failure::new("py-spy saw nothing run").at(Path::new(&run.name)));
            }
            Err(error) => {
                let failure = no_profile(run, &error);
                warn(&failure);
                trouble = Some(failure);
            }
        }
    }
    match (profiles.is_empty(), trouble) {
        (true, Some(trouble)) => Err(trouble),
        (true, None) => Err(failed(&"all that ran waited all the time").help("give it a load while it is recorded")),
        (false, _) => {
            say(&format!("record: {} of {} processes left a profile\n", profiles.len(), runs.len()));
            Ok(profiles)
        }
    }
}

/// Where a profile is from now on.
fn keep(folder: Option<&Path>, run: &Run) -> Result<String, Failure> {
    let Some(folder) = folder else { return Ok(format!("this run: {}", run.name)) };
    let failed = |error: io::Error| Failure::new("cannot keep the profile").at(folder).because(error);
    let name = run.file.file_name().unwrap_or(run.file.as_os_str());
    fs::create_dir_all(folder).and_then(|()| fs::copy(&run.file, folder.join(name))).map_err(failed)?;
    Ok(folder.join(name).display().to_string())
}

/// Says why there is none, in py-spy's own words.
fn no_profile(run: &Run, error: &ProfileError) -> Failure {
    let mut words = String::new();
    if let Ok(file) = fs::File::open(&run.words) {
        let _ = file.take(MAX_WORDS).read_to_string(&mut words);
    }
    let denied = words.contains("ermission denied") || words.contains("not permitted");
    let said = words.lines().rev().find(|line| line.starts_with("Error")).map(ToOwned::to_owned);
    let failure = Failure::new("py-spy recorded nothing").at(Path::new(&run.name));
    let failure = failure.because(said.unwrap_or_else(|| error.to_string()));
    failure.help(if denied {
        "it may not look into the process: run it as root, in containers with `--cap-add SYS_PTRACE`; `lagmap probe` needs no such right"
    } else {
        "is it Python, and does it run longer than a moment?"
    })
}

fn runs(arguments: &RecordArguments, started: &[Started], folder: &Path) -> Vec<Run> {
    let attached = arguments.pid.iter().map(|pid| (format!("pid {pid}"), None, Some(*pid)));
    let commands = started.iter().map(|one| (one.name.clone(), Some(one), None));
    let mut runs = Vec::new();
    for (index, (name, started, pid)) in attached.chain(commands).enumerate() {
        let plain: String =
            name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        let file = folder.join(format!("{}-{}.speedscope.json", index + 1, plain.trim_matches('-')));
        let mut command = Command::new(&arguments.py_spy);
        command.args(["record", "--format", "speedscope", "--full-filenames", "--subprocesses", "--rate"]);
        command.arg(arguments.rate.to_string()).arg("--output").arg(&file);
        if let Some(seconds) = arguments.start.seconds {
            command.arg("--duration").arg(seconds.saturating_add(GRACE).to_string());
        }
        if let Some(pid) = pid {
            command.arg("--pid").arg(pid.to_string());
        }
        if let Some(one) = started {
            // Only what is below py-spy may it look into where nothing else is allowed: it starts the program itself.
            command.arg("--").arg(found(&one.program)).args(&one.arguments);
            if let Some(path) = one.python_path(&[]) {
                command.env("PYTHONPATH", path);
            }
            if let Some(folder) = &one.folder {
                command.current_dir(folder);
            }
        }
        runs.push(Run { name, words: file.with_extension("txt"), file, command });
    }
    runs
}

/// A program by a path that holds from another folder, too.
fn found(program: &Path) -> PathBuf {
    if program.components().count() > 1 && program.is_relative() {
        env::current_dir().map_or_else(|_| program.to_owned(), |here| here.join(program))
    } else {
        program.to_owned()
    }
}
