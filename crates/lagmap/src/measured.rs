//! What profiles say, as the report's own values.

use std::collections::HashSet;

use lagmap_evidence::{Format, Probe, Profile, Scope, Share, Unit};
use lagmap_impact::{Judged, MeasuredImpact, Measuring, Places};
use lagmap_program::Program;
use lagmap_report::{
    Finding, HotFunction, Measured, MeasuredScope, MeasuredUnit, Millis, ProfileFile, ProfileShare, ProfileSummary,
    Repeats,
};

use crate::audit::{NamedProbe, NamedProfile};

/// The profiles of an audit, joined to its program. Without profiles it does nothing.
pub struct Evidence<'a> {
    program: &'a Program,
    files: Vec<ProfileFile>,
    profiles: Vec<Profile>,
    probes: Vec<Probe>,
    places: Places,
}

impl<'a> Evidence<'a> {
    /// The evidence of some profiles and probes.
    pub fn of(program: &'a Program, profiles: &[NamedProfile], probes: &[NamedProbe]) -> Self {
        let file = |named: &NamedProfile| ProfileFile {
            file: named.file.clone(),
            tool: named.profile.format.name().to_owned(),
            unit: unit(named.profile.unit),
        };
        let probed = probes.iter().map(|named| ProfileFile {
            file: named.file.clone(),
            tool: Format::Probe.name().to_owned(),
            unit: MeasuredUnit::Ms,
        });
        Self {
            program,
            files: profiles.iter().map(file).chain(probed).collect(),
            probes: probes.iter().map(|named| named.probe.clone()).collect(),
            profiles: profiles.iter().map(|named| named.profile.clone()).collect(),
            places: if profiles.is_empty() { Places::default() } else { Places::of(program) },
        }
    }

    /// Gives findings what was measured of them.
    pub fn apply(&self, judged: &mut [Judged]) {
        if !self.files.is_empty() {
            self.measuring().apply(judged);
        }
    }

    fn measuring(&self) -> Measuring<'_> {
        Measuring::new(self.program, &self.places, &self.profiles, &self.probes)
    }

    /// How much of what was measured the findings explain that are shown.
    pub fn summary(&self, judged: &[Judged], shown: &[Finding]) -> Option<ProfileSummary> {
        if self.files.is_empty() {
            return None;
        }
        let shown: HashSet<&str> = shown.iter().map(|finding| &*finding.fingerprint).collect();
        let judged = judged.iter().filter(|judged| shown.contains(&*judged.fingerprint));
        let shares = self.measuring().shares(judged).iter().map(|share| self.share(share)).collect();
        Some(ProfileSummary { files: self.files.clone(), shares })
    }

    fn share(&self, share: &Share) -> ProfileShare {
        let hot = share.hot.iter().map(|hot| {
            let (id, place) = self.places.place(hot.function);
            HotFunction {
                function: self.program.function_name(id),
                path: place.path.clone(),
                line: place.first_line,
                share: rounded(hot.share),
                calls: hot.calls,
            }
        });
        ProfileShare {
            unit: unit(share.unit),
            total: Millis(share.whole),
            audited: rounded(share.audited),
            explained: rounded(share.explained),
            hot: hot.collect(),
        }
    }
}

/// What was measured of a finding.
pub fn measured(impact: &MeasuredImpact) -> Measured {
    let measured = &impact.measured;
    Measured {
        share: rounded(measured.share),
        unit: unit(measured.unit),
        total: Millis(measured.total),
        calls: measured.calls,
        ms_per_call: measured.per_call().filter(|_| measured.unit == Unit::Milliseconds).map(Millis),
        scope: scope(measured.scope),
        tools: measured.formats.iter().map(|format| format.name().to_owned()).collect(),
        repeats: impact.repeats.map(|repeats| {
            let keys = repeats.keys;
            let calls = keys.hashed.saturating_add(keys.unknown);
            #[expect(clippy::cast_precision_loss, reason = "a share")]
            let changed = rounded(keys.changed as f64 / calls.max(1) as f64);
            let (share, window, scope) = (rounded(repeats.hit_rate()), repeats.window, scope(repeats.scope));
            Repeats { calls, share, changed, window, scope }
        }),
    }
}

const fn scope(scope: Scope) -> MeasuredScope {
    match scope {
        Scope::Call => MeasuredScope::Call,
        Scope::Function => MeasuredScope::Function,
    }
}

/// Where a measured time comes from, in a few words.
pub fn source(impact: &MeasuredImpact) -> String {
    let tools: Vec<&str> = impact.measured.formats.iter().map(|format| format.name()).collect();
    let tools = tools.join(", ");
    match (impact.measured.scope, impact.measured.calls) {
        (Scope::Call, Some(calls)) => {
            format!("mean of {calls} calls, alone and in one run of the function, by {tools}")
        }
        (_, Some(calls)) => format!("at most the mean of {calls} calls of the function that it stands in, by {tools}"),
        _ => tools,
    }
}

/// A share as a report needs it: no profile tells a millionth.
fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

const fn unit(unit: Unit) -> MeasuredUnit {
    match unit {
        Unit::Milliseconds => MeasuredUnit::Ms,
        Unit::Samples => MeasuredUnit::Samples,
        Unit::Bytes => MeasuredUnit::Bytes,
    }
}
