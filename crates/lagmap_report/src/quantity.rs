//! Numbers as people read them.

use crate::escape::visible;
use crate::model::{Basis, EffectKind, Finding, Frequency, Impact, Millis};

/// A whole number with its thousands marked: 224,232.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number and its noun: "1 file", "2,000 files".
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// A duration with the unit that keeps it short.
pub(crate) fn duration(time: Millis) -> String {
    let (number, unit) = scaled(time);
    format!("{number} {unit}")
}

/// An interval of durations; the unit is said once where both ends share it.
pub fn interval([low, high]: [Millis; 2]) -> String {
    let ((low, low_unit), (high, high_unit)) = (scaled(low), scaled(high));
    match (low == high, low_unit == high_unit) {
        (true, true) => format!("{high} {high_unit}"),
        (_, true) => format!("{low}-{high} {high_unit}"),
        _ => format!("{low} {low_unit} to {high} {high_unit}"),
    }
}

fn scaled(Millis(time): Millis) -> (String, &'static str) {
    const SECOND: f64 = 1e3;
    const MINUTE: f64 = 60.0 * SECOND;
    const HOUR: f64 = 60.0 * MINUTE;
    // The bounds keep a rounded number from reaching the next unit: 999.7 ms is 1 s.
    match time {
        t if t >= 2.0 * HOUR => (decimal(t / HOUR), "h"),
        t if t >= 2.0 * MINUTE => (decimal(t / MINUTE), "min"),
        t if t >= 999.5 => (decimal(t / SECOND), "s"),
        t if t >= 1.0 || t == 0.0 => (decimal(t), "ms"),
        t => (decimal(t * 1e3), "µs"),
    }
}

/// At most one digit behind the point, and none from ten on.
fn decimal(number: f64) -> String {
    if number >= 9.95 {
        format!("{number:.0}")
    } else {
        let text = format!("{number:.1}");
        text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
    }
}

/// An amount of memory.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if number < 1024 {
        return format!("{number} bytes");
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let mut size = number as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if size < 1000.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{} {unit}", decimal(size))
}

/// What one operation costs, without saying where the number is from: "200-800 ms per request, at worst 1 min".
/// Empty where nothing is known.
pub fn cost(impact: &Impact) -> String {
    let often = frequency(impact.frequency);
    let mut parts = Vec::new();
    if let Some(typical) = impact.typical_ms {
        parts.push(format!("{} {often}", interval(typical)));
    }
    if let Some(kept) = impact.bytes_per_event {
        parts.push(format!("{} kept {often}", bytes(kept)));
    }
    if impact.unbounded {
        parts.push("may wait for ever".to_owned());
    } else if let Some(worst) = impact.worst_ms {
        parts.push(format!("at worst {}", duration(worst)));
    }
    parts.join(", ")
}

/// How a number was come by, and where: "assumed: …".
pub(crate) fn provenance(impact: &Impact) -> String {
    let basis = basis(impact.basis);
    if impact.source.is_empty() { basis.to_owned() } else { format!("{basis}: {}", visible(&impact.source)) }
}

/// The kind of a number, in a word.
pub(crate) fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Assumed => "assumed",
        Basis::Calibrated => "calibrated",
        Basis::Measured => "measured",
    }
}

fn frequency(frequency: Frequency) -> &'static str {
    match frequency {
        Frequency::Once => "once",
        Frequency::PerStart => "at each start",
        Frequency::PerRequest => "per request",
        Frequency::PerIteration => "per iteration",
        Frequency::PerCall => "per call",
    }
}

/// Whose problem it is: the service's name, "15 services", or the number of places where no service reaches it.
pub(crate) fn reach(services: &[String], places: usize) -> Option<String> {
    match services {
        [] if places > 1 => Some(format!("{} places", thousands(places))),
        [] => None,
        [only] => Some(only.clone()),
        many => Some(format!("{} services", thousands(many.len()))),
    }
}

/// The advice for `number` blocking operations of one kind; empty for none.
pub(crate) fn async_advice(effect: EffectKind, number: usize) -> Option<String> {
    let (verb, one, many, rest) = match effect {
        EffectKind::Disk => ("Convert", "synchronous file operation", "synchronous file operations", "to async"),
        EffectKind::Network => ("Convert", "synchronous network call", "synchronous network calls", "to async"),
        EffectKind::Database => ("Convert", "synchronous database call", "synchronous database calls", "to async"),
        EffectKind::Message => ("Convert", "blocking message operation", "blocking message operations", "to async"),
        EffectKind::Sleep => ("Replace", "blocking sleep", "blocking sleeps", "with `asyncio.sleep`"),
        EffectKind::Process => ("Convert", "synchronous subprocess", "synchronous subprocesses", "to async"),
        EffectKind::Lock => ("Replace", "blocking lock", "blocking locks", "with an asyncio lock"),
        EffectKind::Wait => ("Move", "blocking wait", "blocking waits", "off it"),
        EffectKind::ModelLoad => ("Move", "model load", "model loads", "into a worker"),
        EffectKind::Inference => ("Move", "model run", "model runs", "into a worker"),
        EffectKind::Cpu => ("Move", "long computation", "long computations", "into a worker process"),
    };
    (number > 0).then(|| format!("{verb} {} reached on the event loop {rest}", count(number, one, many)))
}

/// The interval of all the findings' typical times: least low to greatest high.
pub(crate) fn spread(findings: &[&Finding]) -> Option<[Millis; 2]> {
    findings.iter().filter_map(|finding| finding.impact.typical_ms).reduce(|[low, high], [other_low, other_high]| {
        [if other_low < low { other_low } else { low }, if other_high > high { other_high } else { high }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_unit_that_keeps_them_short() {
        let texts = [0.0, 0.25, 1.0, 99.96, 999.7, 1500.0, 119_000.0, 180_000.0, 7_200_000.0]
            .map(|time| duration(Millis(time)));
        assert_eq!(texts, ["0 ms", "250 µs", "1 ms", "100 ms", "1 s", "1.5 s", "119 s", "3 min", "2 h"]);
    }

    #[test]
    fn intervals_say_the_unit_once() {
        assert_eq!(interval([Millis(200.0), Millis(800.0)]), "200-800 ms");
        assert_eq!(interval([Millis(500.0), Millis(3000.0)]), "500 ms to 3 s");
        assert_eq!(interval([Millis(5.0), Millis(5.0)]), "5 ms");
    }

    #[test]
    fn sizes_and_counts() {
        assert_eq!([900, 2048, 3 << 20, 5 << 40].map(bytes), ["900 bytes", "2 KiB", "3 MiB", "5 TiB"]);
        assert_eq!(thousands(224_232), "224,232");
        assert_eq!(thousands(100), "100");
        assert_eq!(count(1, "file", "files"), "1 file");
    }
}
