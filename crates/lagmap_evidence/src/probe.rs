//! What `lagmap probe` measured: calls, times and repeated arguments of the places that findings name.
//!
//! The probe itself is Python ([`PROBE`]); each process that it ran in leaves one file, and [`Probe::merge`] makes one of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::formats::{ProfileError, bounded_file};

/// The probe, a module of the standard library alone.
pub const PROBE: &str = include_str!("../probe/lagmap_probe.py");
/// What starts it in each interpreter that has its folder on the path.
pub const PROBE_START: &str = include_str!("../probe/sitecustomize.py");

/// The format that is read.
const FORMAT: u32 = 1;
/// Fewer calls say nothing of how often arguments repeat.
const FEWEST_CALLS: u64 = 10;
/// Results that are merged: each process leaves one.
const MOST_FILES: usize = 10_000;

/// The files to watch, as the probe reads them.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The audited folder, absolute.
    pub root: String,
    /// Places by the path of their file, relative to the root.
    pub files: BTreeMap<String, Vec<PlannedPlace>>,
}

/// A place that a finding names.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedPlace {
    /// The finding.
    pub fingerprint: String,
    /// First line, from 1.
    pub line: u32,
    /// First column in characters, from 1.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// The column behind the last character.
    pub end_column: u32,
    /// Whether arguments are told apart, to know what a cache would answer.
    pub keys: bool,
}

/// What the probe measured, in one process or in several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The version of the format.
    #[serde(rename = "lagmap_probe")]
    format: u32,
    /// The version of the interpreter.
    pub python: String,
    /// How long the processes ran, added up.
    pub elapsed_ms: f64,
    /// How many different arguments were remembered of each place.
    pub window: u32,
    /// How many processes there were.
    #[serde(default = "one")]
    pub processes: u32,
    /// What was watched.
    pub watches: Vec<Watch>,
}

const fn one() -> u32 {
    1
}

/// A watched call or function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// Which of both.
    pub kind: WatchKind,
    /// Its file, relative to the audited root.
    pub path: String,
    /// Its line.
    pub line: u32,
    /// The function's qualified name, or the last part of what is called.
    pub name: String,
    /// Fingerprints of the findings that it was watched for.
    pub findings: Vec<String>,
    /// How often it was called.
    pub calls: u64,
    /// How many of the calls were timed.
    pub timed: u64,
    /// How many of those raised.
    pub raised: u64,
    /// The time of those that were timed.
    pub total_ms: f64,
    /// The longest of them.
    pub longest_ms: f64,
    /// How many of them took less than 2^n nanoseconds, and not less than half of that, by n.
    pub histogram: Vec<u64>,
    /// Equal arguments, where they were told apart.
    pub keys: Option<Keys>,
    /// How long the processes ran that have it; as long as all if nothing is said.
    #[serde(default)]
    pub elapsed_ms: Option<f64>,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchKind {
    /// A call where it stands.
    Call,
    /// A function, whoever calls it.
    Function,
}

/// How often arguments were equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keys {
    /// Calls whose arguments could be hashed.
    pub hashed: u64,
    /// Those whose arguments were among the last different ones, with the same result.
    pub repeated: u64,
    /// Those whose arguments were, with another result.
    pub changed: u64,
    /// Calls whose arguments could not be hashed.
    pub unknown: u64,
    /// The time of those that were repeated.
    pub saved_ms: f64,
}

impl Probe {
    /// Whether a file says that it is one.
    pub(crate) fn matches(bytes: &[u8]) -> bool {
        let inside = bytes.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
        inside.is_some_and(|rest| rest.starts_with(b"\"lagmap_probe\""))
    }

    /// Reads the results of one process, or of several that were merged.
    pub fn read(bytes: &[u8]) -> Result<Self, ProfileError> {
        let malformed = |why: &str| ProfileError::Malformed(why.to_owned());
        let probe: Self = serde_json::from_slice(bytes).map_err(|error| ProfileError::Malformed(error.to_string()))?;
        if probe.format != FORMAT {
            return Err(malformed("another version of lagmap wrote it; run `lagmap probe` again"));
        }
        let times = |watch: &Watch| {
            let own =
                [Some(watch.total_ms), Some(watch.longest_ms), watch.elapsed_ms, watch.keys.map(|it| it.saved_ms)];
            own.into_iter().flatten().all(is_time)
        };
        let counts = |watch: &Watch| {
            let keys = watch.keys.unwrap_or_default();
            watch.timed <= watch.calls
                && keys.repeated.saturating_add(keys.changed) <= keys.hashed
                && keys.hashed <= watch.timed
                && watch.histogram.len() <= 64
        };
        if !is_time(probe.elapsed_ms) || !probe.watches.iter().all(|watch| times(watch) && counts(watch)) {
            return Err(malformed("its counts contradict each other"));
        }
        Ok(probe)
    }

    /// Reads and merges what the processes of one run left in a folder; nothing if there is no file.
    pub fn read_folder(folder: &Path) -> Result<Option<Self>, ProfileError> {
        let mut paths: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        paths.sort();
        if paths.len() > MOST_FILES {
            return Err(ProfileError::TooLarge("more than 10,000 processes"));
        }
        let mut merged: Option<Self> = None;
        for path in paths {
            let one = Self::read(&bounded_file(&path)?)?;
            merged = Some(match merged {
                Some(sum) => sum.merge(one),
                None => one,
            });
        }
        Ok(merged)
    }

    /// This and what another process measured.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let mut sum = Self { watches: Vec::new(), ..self.clone() };
        sum.elapsed_ms += other.elapsed_ms;
        sum.processes = sum.processes.saturating_add(other.processes);
        sum.window = sum.window.max(other.window);
        let mut watches: BTreeMap<(String, u32, WatchKind, String, Vec<String>), Watch> = BTreeMap::new();
        for probe in [self, other] {
            for mut watch in probe.watches {
                watch.elapsed_ms = Some(watch.elapsed_ms.unwrap_or(probe.elapsed_ms));
                let key = (watch.path.clone(), watch.line, watch.kind, watch.name.clone(), watch.findings.clone());
                match watches.get_mut(&key) {
                    Some(known) => known.add(&watch),
                    None => drop(watches.insert(key, watch)),
                }
            }
        }
        sum.watches = watches.into_values().collect();
        sum
    }

    /// The results as a file.
    pub fn to_json(&self) -> Vec<u8> {
        // Names, numbers and lists alone: nothing of it can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What was watched for a finding.
    pub fn of<'a>(&'a self, finding: &'a str, kind: WatchKind) -> Option<&'a Watch> {
        let mut found = self.watches.iter();
        found.find(|watch| watch.kind == kind && watch.findings.iter().any(|one| one == finding))
    }

    /// The part of the wall time of its processes that a watch took.
    pub fn share(&self, watch: &Watch) -> f64 {
        let elapsed = watch.elapsed_ms.unwrap_or(self.elapsed_ms);
        if elapsed > 0.0 { (watch.whole_ms() / elapsed).clamp(0.0, 1.0) } else { 0.0 }
    }
}

fn is_time(time: f64) -> bool {
    time.is_finite() && time >= 0.0
}

impl Watch {
    fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.timed = self.timed.saturating_add(other.timed);
        self.raised = self.raised.saturating_add(other.raised);
        self.total_ms += other.total_ms;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
        for (own, count) in self.histogram.iter_mut().zip(&other.histogram) {
            *own = own.saturating_add(*count);
        }
        self.elapsed_ms = self.elapsed_ms.zip(other.elapsed_ms).map(|(one, two)| one + two);
        if let (Some(own), Some(other)) = (&mut self.keys, other.keys) {
            own.hashed = own.hashed.saturating_add(other.hashed);
            own.repeated = own.repeated.saturating_add(other.repeated);
            own.changed = own.changed.saturating_add(other.changed);
            own.unknown = own.unknown.saturating_add(other.unknown);
            own.saved_ms += other.saved_ms;
        }
    }

    /// The mean of one call.
    pub fn mean_ms(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        (self.timed > 0).then(|| self.total_ms / self.timed as f64)
    }

    /// How often arguments were equal, where that can be said: there are ten calls, and the watch hardly rested. Of a few calls out of many the
    /// first ones find the memory empty, and what repeats over a longer distance is missed.
    pub fn repeats(&self) -> Option<Keys> {
        let keys = self.keys.filter(|keys| keys.hashed >= FEWEST_CALLS)?;
        (self.timed.saturating_mul(10) >= self.calls.saturating_mul(9)).then_some(keys)
    }

    /// The time of all calls: those that were not timed took as long as the others.
    pub fn whole_ms(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        self.mean_ms().map_or(0.0, |mean| mean * self.calls as f64)
    }
}

impl Keys {
    /// The part of the calls that a cache of as many entries as were remembered would have answered, and rightly. Calls whose arguments
    /// cannot be told apart are none.
    pub fn hit_rate(&self) -> Option<f64> {
        let all = self.hashed.saturating_add(self.unknown);
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        (all > 0).then(|| self.repeated as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#"{"lagmap_probe": 1, "python": "3.11.7", "elapsed_ms": 1000, "window": 1000, "watches": [
        {"kind": "call", "path": "a.py", "line": 3, "name": "loads", "findings": ["f"], "calls": 40, "timed": 20, "raised": 1,
         "total_ms": 100, "longest_ms": 9, "histogram": [0, 20],
         "keys": {"hashed": 19, "repeated": 12, "changed": 2, "unknown": 1, "saved_ms": 60}, "later": true}]}"#;

    #[test]
    fn calls_that_were_not_timed_count_as_the_others() {
        let probe = Probe::read(RESULT.as_bytes()).unwrap();
        let watch = probe.of("f", WatchKind::Call).unwrap();
        assert_eq!((watch.mean_ms(), watch.whole_ms(), probe.share(watch)), (Some(5.0), 200.0, 0.2));
        assert_eq!(watch.keys.unwrap().hit_rate(), Some(0.6));
        // Half of the calls were not looked at: that half may be the one that repeats.
        assert_eq!(watch.repeats(), None);
        let whole = Watch { calls: 20, ..watch.clone() };
        assert_eq!((whole.repeats(), Watch { calls: 23, ..whole.clone() }.repeats()), (whole.keys, None));
        assert!(probe.of("f", WatchKind::Function).is_none() && probe.of("g", WatchKind::Call).is_none());
    }

    #[test]
    fn processes_add_up_and_keep_doing_so() {
        let one = || Probe::read(RESULT.as_bytes()).unwrap();
        let mut idle = one();
        idle.watches.clear();
        let sum = one().merge(one()).merge(idle);
        assert_eq!((sum.processes, sum.elapsed_ms, sum.watches.len()), (3, 3000.0, 1));
        let watch = &sum.watches[0];
        assert_eq!((watch.calls, watch.timed, watch.histogram[1], watch.keys.unwrap().repeated), (80, 40, 40, 24));
        // A process that never had the file says nothing of its share.
        assert!((sum.share(watch) - 0.2).abs() < 1e-9);
        assert_eq!(Probe::read(&sum.to_json()).unwrap(), sum);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (from, to) in [
            ("\"lagmap_probe\": 1", "\"lagmap_probe\": 2"),
            ("\"timed\": 20", "\"timed\": 41"),
            ("\"repeated\": 12", "\"repeated\": 18"),
            ("\"total_ms\": 100", "\"total_ms\": -1"),
            ("\"elapsed_ms\": 1000", "\"elapsed_ms\": 1e999"),
            ("\"watches\"", "\"watch\""),
        ] {
            assert!(RESULT.contains(from) && Probe::read(RESULT.replacen(from, to, 1).as_bytes()).is_err(), "{from}");
        }
    }
}
