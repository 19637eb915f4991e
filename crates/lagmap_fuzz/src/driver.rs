//! Runs a target on its corpus and on mutations of it.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Target;
use crate::mutation::{Random, mutate};

/// An input that takes longer is as bad as one that panics.
const SLOWEST: Duration = Duration::from_secs(10);

/// A run of one target.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// Where the pseudo-random numbers start.
    pub seed: u64,
    /// Mutated inputs to try at most.
    pub executions: u64,
    /// Time to take at most; what is tried depends on the machine if this is the bound that is met.
    pub time: Duration,
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executions {
    /// Inputs tried, those of the corpus included.
    pub count: u64,
    /// Those that were wrong; they are in the folder of failures.
    pub failures: u64,
    /// The slowest.
    pub slowest: Duration,
}

/// The corpus of a target: what the repository keeps. That of cached facts is made here of the code to audit, since their format
/// changes with lagmap.
fn corpus(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let kept = if target.name == "cached_facts" { "audit" } else { target.name };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(kept);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    let mut inputs = paths.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
    if target.name == "cached_facts" {
        let records = inputs.iter().filter_map(|code| {
            let text = String::from_utf8_lossy(code).into_owned();
            lagmap_cache::Record::of(&text).ok()?.encode()
        });
        inputs = records.collect();
    }
    Ok(inputs)
}

impl Campaign {
    /// Runs a target; what fails is written to `failures`.
    ///
    /// # Errors
    /// If the corpus cannot be read or a failure not be written.
    pub fn run(&self, target: &Target, failures: &Path) -> io::Result<Executions> {
        let corpus = corpus(target)?;
        let mut random = Random::new(self.seed);
        let started = Instant::now();
        let mut done = Executions { count: 0, failures: 0, slowest: Duration::ZERO };
        for input in &corpus {
            try_one(target, input, failures, &mut done)?;
        }
        let last = self.executions + corpus.len() as u64;
        while done.count < last && started.elapsed() < self.time {
            try_one(target, &mutate(&mut random, &corpus), failures, &mut done)?;
        }
        Ok(done)
    }
}

fn try_one(target: &Target, input: &[u8], failures: &Path, done: &mut Executions) -> io::Result<()> {
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let took = started.elapsed();
    done.count += 1;
    done.slowest = done.slowest.max(took);
    if outcome.is_err() || took > SLOWEST {
        done.failures += 1;
        fs::create_dir_all(failures)?;
        let name = lagmap_cache::Key::of(input).0.iter().take(6).fold(String::new(), |mut name, byte| {
            // A string takes all text.
            let _ = write!(name, "{byte:02x}");
            name
        });
        fs::write(failures.join(format!("{}-{name}", target.name)), input)?;
    }
    Ok(())
}
