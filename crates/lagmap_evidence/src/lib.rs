//! What was measured: profiles of running systems, joined to the functions of the audited code, and what this machine takes for
//! what the catalogue assumes ([`Calibration`]).
//!
//! [`read`] makes one [`Profile`] of the bytes of any of the formats that Python's profilers write; the format is told from
//! the content. [`Join`] finds the audited function of each frame, and [`Measurement`] answers what rules and reports ask: what
//! share of the time a call takes, how long one call is, and which hot functions nothing explains.
//!
//! [`Probe`] is what lagmap's own probe counts and times, finding by finding.
//!
//! The crate knows nothing of programs, rules or reports: who asks names functions as [`FunctionPlace`] and calls as [`Site`].
//! Whatever a file holds, reading it ends in a profile or in an error: see `limits.rs` for the bounds.

mod calibration;
mod formats;
mod join;
mod json;
mod limits;
mod measurement;
mod names;
mod probe;
mod profile;
mod tree;

pub use calibration::{Calibration, CalibrationError, Machine, Operation, SCRIPT, Sampled};
pub use formats::{ProfileError, Recorded, read, read_file, read_recorded};
pub use join::{FunctionPlace, Join};
pub use limits::MAX_BYTES;
pub use measurement::{Callee, HotFunction, Measured, Measurement, Scope, Share, Site};
pub use probe::{Keys, PROBE, PROBE_START, Plan, PlannedPlace, Probe, Watch, WatchKind};
pub use profile::{Calls, Edge, Format, Frame, FunctionTimes, Line, Profile, Unit};
pub use tree::{CallTree, Node};
