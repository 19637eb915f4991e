//! What was measured, in words.

use crate::escape::visible;
use crate::model::{HotFunction, Measured, MeasuredScope, MeasuredUnit, Millis, ProfileShare, ProfileSummary, Repeats};
use crate::quantity::{bytes, count, duration, thousands};

/// Functions that no finding explains and that people are shown; the JSON report holds them all.
pub(crate) const HOT: usize = 10;

/// "34 % of the measured time, 1,200 calls of 2.8 ms each (cProfile)".
pub fn of_finding(measured: &Measured) -> String {
    let calls = match (measured.calls, measured.ms_per_call) {
        (Some(calls), Some(time)) => format!(", {} of {} each", count(calls as usize, "call", "calls"), duration(time)),
        _ => String::new(),
    };
    let repeats = measured.repeats.map(|repeats| format!(", {}", of_repeats(&repeats))).unwrap_or_default();
    let scope = if measured.scope == MeasuredScope::Function { " in the whole function" } else { "" };
    let tools: Vec<_> = measured.tools.iter().map(|tool| visible(tool)).collect();
    format!("{} of the {}{calls}{scope}{repeats} ({})", percent(measured.share), what(measured.unit), tools.join(", "))
}

/// "81 % with arguments seen before in the last 1,000".
fn of_repeats(repeats: &Repeats) -> String {
    let whose = if repeats.scope == MeasuredScope::Function { " of the function around it" } else { "" };
    let changed = match repeats.changed {
        changed if changed >= 0.0005 => format!(" and {} with another result", percent(changed)),
        _ => String::new(),
    };
    let window = thousands(repeats.window as usize);
    format!("{} with arguments{whose} seen before in the last {window}{changed}", percent(repeats.share))
}

/// "34 % of the measured time" for headlines; nothing where it is less than a hundredth.
pub(crate) fn in_headline(measured: &Measured) -> Option<String> {
    (measured.share >= 0.01).then(|| format!("{} of the {}", percent(measured.share), what(measured.unit)))
}

/// "3.2 s were measured (cProfile, py-spy): 97 % in audited code, 62 % explained by findings".
pub(crate) fn of_share(share: &ProfileShare, summary: &ProfileSummary) -> String {
    let mut tools: Vec<&str> =
        summary.files.iter().filter(|file| file.unit == share.unit).map(|file| &*file.tool).collect();
    tools.sort_unstable();
    tools.dedup();
    format!(
        "{} measured ({}): {} in audited code, {} explained by findings",
        amount(share.unit, share.total),
        visible(&tools.join(", ")),
        percent(share.audited),
        percent(share.explained),
    )
}

/// "12 % app.codec.tokenize, 20 calls".
pub(crate) fn of_hot(hot: &HotFunction) -> (String, String) {
    let calls = hot.calls.map(|calls| format!(", {}", count(calls as usize, "call", "calls"))).unwrap_or_default();
    (percent(hot.share), calls)
}

fn what(unit: MeasuredUnit) -> &'static str {
    match unit {
        MeasuredUnit::Ms => "measured time",
        MeasuredUnit::Samples => "samples",
        MeasuredUnit::Bytes => "measured memory",
    }
}

fn amount(unit: MeasuredUnit, total: Millis) -> String {
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "a cast from float saturates")]
    let whole = total.0 as u64;
    match unit {
        MeasuredUnit::Ms => duration(total),
        MeasuredUnit::Samples => format!("{} samples", thousands(whole as usize)),
        MeasuredUnit::Bytes => bytes(whole),
    }
}

/// A share with the digits that it deserves.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent > 0.0 && percent < 0.1 => "less than 0.1 %".to_owned(),
        _ if percent < 10.0 => format!("{percent:.1} %").replace(".0 %", " %"),
        _ => format!("{percent:.0} %"),
    }
}
