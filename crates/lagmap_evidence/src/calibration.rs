//! What `lagmap calibrate` measured on this machine, in the place of what the catalogue assumes.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The script that measures, for the user's own interpreter. It takes the seconds that it may take and modules to import, and
/// prints a calibration.
pub const SCRIPT: &str = include_str!("../calibrate/measure.py");

/// The version of the document that this crate reads.
const FORMAT: u32 = 1;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Calibration {
    format: u32,
    /// Where it was measured.
    pub machine: Machine,
    /// Operations by name.
    pub operations: BTreeMap<String, Operation>,
    /// Imports of modules, each in a process of its own.
    #[serde(default)]
    pub imports: BTreeMap<String, Sampled>,
    /// What could not be measured, and why.
    #[serde(default)]
    pub skipped: BTreeMap<String, String>,
}

/// Where something was measured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Machine {
    /// The version of Python.
    pub python: String,
    /// The operating system.
    pub system: String,
    /// The kind of processor.
    pub processor: String,
}

/// An operation, with a small and perhaps a large input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Operation {
    /// One or two sizes.
    pub sizes: Vec<Sampled>,
}

/// Times of one operation, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Sampled {
    /// The median.
    pub median_ms: f64,
    /// The lowest decile.
    pub low_ms: f64,
    /// The highest decile.
    pub high_ms: f64,
    /// How many samples.
    pub samples: u64,
}

impl Sampled {
    fn is_sound(&self) -> bool {
        let times = [self.low_ms, self.median_ms, self.high_ms];
        self.samples > 0 && times.iter().all(|time| time.is_finite() && *time >= 0.0) && times.is_sorted()
    }
}

/// Why a document is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// It is none.
    #[error("it is no calibration: {0}")]
    Format(#[from] serde_json::Error),
    /// It is one of another version.
    #[error("it has format {0}; this lagmap reads format {FORMAT}")]
    Version(u32),
    /// Its numbers cannot be.
    #[error("the times of `{0}` cannot be")]
    Numbers(String),
}

impl Calibration {
    /// Reads what the script printed.
    pub fn read(bytes: &[u8]) -> Result<Self, CalibrationError> {
        let calibration: Self = serde_json::from_slice(bytes)?;
        if calibration.format != FORMAT {
            return Err(CalibrationError::Version(calibration.format));
        }
        let operations = calibration.operations.iter().map(|(name, operation)| (name, operation.sizes.as_slice()));
        let imports = calibration.imports.iter().map(|(name, sampled)| (name, std::slice::from_ref(sampled)));
        for (name, sizes) in operations.chain(imports) {
            if sizes.is_empty() || !sizes.iter().all(Sampled::is_sound) {
                return Err(CalibrationError::Numbers(name.clone()));
            }
        }
        Ok(calibration)
    }

    /// Typical low and high time of an operation: from a small to a large input where the size decides, else between the deciles.
    pub fn interval(&self, operation: &str) -> Option<[f64; 2]> {
        match self.operations.get(operation)?.sizes.as_slice() {
            [one] => Some([one.low_ms, one.high_ms]),
            [small, .., large] => Some([small.median_ms.min(large.median_ms), small.median_ms.max(large.median_ms)]),
            [] => None,
        }
    }

    /// How it was measured, in a few words.
    pub fn provenance(&self, operation: &str) -> Option<String> {
        let sizes = &self.operations.get(operation)?.sizes;
        let samples: u64 = sizes.iter().map(|size| size.samples).sum();
        let what = if sizes.len() > 1 { "medians with a small and a large input" } else { "the deciles" };
        Some(format!("{operation}: {what} of {samples} samples, Python {}", self.machine.python))
    }
}

#[cfg(test)]
mod tests {
    use super::Calibration;

    const GOOD: &str = r#"{"format": 1, "machine": {"python": "3.11", "system": "Linux", "processor": "x86_64"}, "operations": {
        "fsync": {"sizes": [{"median_ms": 2, "low_ms": 1, "high_ms": 9, "samples": 40}]},
        "json-loads": {"sizes": [{"median_ms": 0.01, "low_ms": 0.009, "high_ms": 0.02, "samples": 200},
                                 {"median_ms": 9, "low_ms": 8, "high_ms": 12, "samples": 30}]}}}"#;

    #[test]
    fn intervals_go_from_small_to_large_or_between_deciles() {
        let calibration = Calibration::read(GOOD.as_bytes()).unwrap();
        assert_eq!(calibration.interval("fsync"), Some([1.0, 9.0]));
        assert_eq!(calibration.interval("json-loads"), Some([0.01, 9.0]));
        assert_eq!(calibration.interval("other"), None);
        let said = calibration.provenance("json-loads").unwrap();
        assert_eq!(said, "json-loads: medians with a small and a large input of 230 samples, Python 3.11");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (from, to) in
            [("\"format\": 1", "\"format\": 2"), ("\"low_ms\": 1,", "\"low_ms\": 3,"), ("{\"format\"", "[")]
        {
            assert!(Calibration::read(GOOD.replacen(from, to, 1).as_bytes()).is_err(), "{from}");
        }
    }
}
