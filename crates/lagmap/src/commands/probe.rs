//! `lagmap probe`

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use lagmap_evidence::{PROBE, PROBE_START, Plan, PlannedPlace, Probe};
use lagmap_report::{EffectKind, Frequency, Report};

use crate::arguments::ProbeArguments;
use crate::audit::{self, AuditOptions, NamedProbe};
use crate::children::{Children, Interrupt, Manner};
use crate::commands::{self, record};
use crate::errors::{Failure, say, warn};
use crate::output;
use crate::started::{self, Started};

/// Places that are watched; findings stand in their order, so that the worst are among them.
const MOST_PLACES: usize = 1000;

/// Audits, runs with the probe what was asked for, and audits again with what it measured.
pub fn run(arguments: &ProbeArguments) -> Result<ExitCode, Failure> {
    record::check(&arguments.audit)?;
    commands::audit::once(&arguments.audit, |options, progress| {
        let root = &arguments.audit.path;
        // What is taken to cost little is worth a measurement, too.
        let mut options = AuditOptions { min_impact_ms: Some(0.0), ..options.clone() };
        let started = started::of(root, &arguments.start, &options)?;
        let plan = plan(root, &audit::run_audit(root, &options, progress)?)?;
        progress.pause();
        let probe = measure(arguments, &plan, &started)?;
        let file = match &arguments.save {
            Some(path) => {
                output::save(path, &probe.to_json())?;
                path.display().to_string()
            }
            None => "this run".to_owned(),
        };
        options.probes.push(NamedProbe { file, probe });
        audit::run_audit(root, &options, progress)
    })
}

/// What findings name, as the probe is told.
fn plan(root: &Path, report: &Report) -> Result<Plan, Failure> {
    let failed = || Failure::new("cannot watch the code").at(root);
    let root = root.canonicalize().map_err(|error| failed().because(error))?;
    let root = root.to_str().ok_or_else(|| failed().because("its name is no Unicode"))?.to_owned();
    let mut files: BTreeMap<String, Vec<PlannedPlace>> = BTreeMap::new();
    let timed = report.findings.iter().filter(|finding| {
        finding.impact.typical_ms.is_some() && Path::new(&finding.path).extension().is_some_and(|ending| ending == "py")
    });
    for finding in timed.take(MOST_PLACES) {
        // What is done for each request with the same input need not be: rules say it of some, the probe finds out of all.
        let waits = matches!(
            finding.effect,
            Some(EffectKind::Sleep | EffectKind::Wait | EffectKind::Lock | EffectKind::Message)
        );
        let often = matches!(finding.impact.frequency, Frequency::PerRequest | Frequency::PerCall);
        files.entry(finding.path.clone()).or_default().push(PlannedPlace {
            fingerprint: finding.fingerprint.clone(),
            line: finding.line,
            column: finding.column,
            end_line: finding.end_line,
            end_column: finding.end_column,
            keys: finding.caching.is_some() || often && !waits,
        });
    }
    if files.is_empty() {
        let failure = Failure::new("there is nothing to watch").because("no finding is about time");
        return Err(failure.help("`--all-code` and `--pedantic` find more"));
    }
    Ok(Plan { root, files })
}

fn measure(arguments: &ProbeArguments, plan: &Plan, started: &[Started]) -> Result<Probe, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new("cannot probe").because(error);
    let folder = tempfile::Builder::new().prefix("lagmap-probe-").tempdir().map_err(|error| failed(&error))?;
    let results = folder.path().join("results");
    let code = folder.path().join("code");
    let prepared = || -> std::io::Result<()> {
        fs::create_dir(&results)?;
        fs::create_dir(&code)?;
        fs::write(code.join("lagmap_probe.py"), PROBE)?;
        fs::write(code.join("sitecustomize.py"), PROBE_START)?;
        fs::write(folder.path().join("plan.json"), serde_json::to_vec(plan)?)
    };
    prepared().map_err(|error| failed(&error))?;
    let mut children = Children::new(Interrupt::note().map_err(|error| failed(&error))?, Manner::All);
    for one in started {
        let mut command = Command::new(&one.program);
        command.args(&one.arguments).env("LAGMAP_PROBE", folder.path());
        if let Some(path) = one.python_path(std::slice::from_ref(&code)) {
            command.env("PYTHONPATH", path);
        }
        if let Some(folder) = &one.folder {
            command.current_dir(folder);
        }
        children.start(&one.name, &mut command).map_err(|error| record::cannot_start(one, &error))?;
    }
    let limit = arguments.start.seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let ended = children.wait(limit).map_err(|error| failed(&error))?;
    for one in ended.iter().filter(|ended| ended.well == Some(false)) {
        warn(&Failure::new("it ended with an error").because(&one.name));
    }
    let probe = Probe::read_folder(&results).map_err(|error| failed(&error))?;
    let probe = probe.filter(|probe| probe.watches.iter().any(|watch| watch.calls > 0)).ok_or_else(|| {
        let failure = failed(&"nothing ran that a finding names");
        failure.help("the command must start Python (3.8 or newer, not with -I, -E or -S) on the audited files, and needs a load")
    })?;
    let called = probe.watches.iter().filter(|watch| watch.calls > 0).count();
    say(&format!("probe: {called} of {} watched places ran, in {} processes\n", probe.watches.len(), probe.processes));
    Ok(probe)
}
