//! Severity, ranking and identity of findings, from what they cost and whom they hit.
//!
//! Takes what rules say and the program they said it of; knows nothing of how it is shown.

mod judged;
mod measured;
mod severity;

pub use judged::{Judged, judge};
pub use measured::{MeasuredImpact, Measuring, Places, Repeats};
pub use severity::{NOTICED_MS, Severity, is_negligible};
