//! What profiles say of findings: their numbers take the place of assumed ones, and hot findings stand first.

use std::collections::BTreeSet;

use lagmap_evidence::{
    Callee, Format, FunctionPlace, Join, Keys, Measured, Measurement, Probe, Profile, Scope, Share, Site, Unit, Watch,
    WatchKind,
};
use lagmap_facts::{Expr, ScopeKind};
use lagmap_program::{CallView, FunctionId, Program, Value};
use lagmap_rules::{Harm, Location, Section};
use rustc_hash::FxHashMap;

use crate::judged::{Judged, rank};
use crate::severity::Severity;

/// What was measured of a finding, and what follows for its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredImpact {
    /// What was measured.
    pub measured: Measured,
    /// Typical low and high time of one operation in milliseconds, where calls were counted: the mean of one call, and, where that is
    /// more, of all calls in one run of the function around it.
    pub typical_ms: Option<[f64; 2]>,
    /// How often arguments were equal, where a probe told them apart.
    pub repeats: Option<Repeats>,
}

/// How often the arguments of a call, or of the function around it, were equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repeats {
    /// The counts.
    pub keys: Keys,
    /// How many different arguments were remembered.
    pub window: u32,
    /// Whose arguments.
    pub scope: Scope,
}

impl Repeats {
    /// The part of the calls that a cache would have answered.
    pub fn hit_rate(&self) -> f64 {
        self.keys.hit_rate().unwrap_or(0.0)
    }

    /// The mean time that it would have saved with each of them.
    pub fn saving_ms(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        (self.keys.repeated > 0).then(|| self.keys.saved_ms / self.keys.repeated as f64)
    }
}

/// Findings with a smaller share of the measured time keep their place.
const HOT: f64 = 0.01;

impl MeasuredImpact {
    /// Whether it takes a share of the measured time that is worth mentioning.
    pub fn is_hot(&self) -> bool {
        self.measured.unit != Unit::Bytes && self.measured.share >= HOT
    }

    fn of(measured: Measured, harm: &Harm) -> Self {
        let (Harm::Time { cost, .. } | Harm::Hang { cost, .. }) = harm else {
            return Self { measured, typical_ms: None, repeats: None };
        };
        let typical_ms = if measured.unit == Unit::Milliseconds { per_operation(&measured) } else { None };
        let typical_ms = match (typical_ms, measured.scope) {
            // The function around it takes less than was assumed of a part of it.
            (Some([_, whole]), Scope::Function) => {
                (whole < cost.high).then(|| [cost.low.min(whole), cost.high.min(whole)])
            }
            (own, _) => own,
        };
        Self { measured, typical_ms, repeats: None }
    }
}

fn per_operation(measured: &Measured) -> Option<[f64; 2]> {
    let one = measured.per_call()?;
    // A service's main loop is called once; what it does over its whole life is no operation.
    let runs = measured.function_calls.is_some_and(|calls| calls > 1);
    let all = measured.per_function_call().filter(|_| runs).unwrap_or(one);
    Some([one.min(all), one.max(all)])
}

/// The functions of a program as profiles may name them, with the profiles joined to them.
pub struct Measuring<'a> {
    program: &'a Program,
    places: FxHashMap<FunctionId, usize>,
    measurement: Measurement<'a>,
    probes: &'a [Probe],
}

/// The functions of a program as profiles may name them.
#[derive(Debug, Default)]
pub struct Places {
    functions: Vec<FunctionPlace>,
    ids: Vec<FunctionId>,
}

impl Places {
    /// All functions of a program.
    pub fn of(program: &Program) -> Self {
        let (mut functions, mut ids) = (Vec::new(), Vec::new());
        for (file, unit) in program.files() {
            for id in program.functions(file) {
                let (_, facts) = program.function(id);
                let name = match facts.kind {
                    ScopeKind::Module => String::new(),
                    ScopeKind::Function | ScopeKind::Lambda => unit.facts.text(facts.qualified_name).to_owned(),
                    ScopeKind::Class => continue,
                };
                let last_line = unit.lines.position(facts.span.end).line;
                let first_line = unit.lines.position(facts.span.start).line;
                functions.push(FunctionPlace { path: unit.path.clone(), name, first_line, last_line });
                ids.push(id);
            }
        }
        Self { functions, ids }
    }

    /// What profilers say of one of them: its name, file and line.
    pub fn place(&self, function: usize) -> (FunctionId, &FunctionPlace) {
        (self.ids[function], &self.functions[function])
    }
}

impl<'a> Measuring<'a> {
    /// Joins profiles, and what probes measured, to a program.
    pub fn new(program: &'a Program, places: &'a Places, profiles: &'a [Profile], probes: &'a [Probe]) -> Self {
        let measurement = Measurement::new(profiles, &Join::new(&places.functions));
        let places = places.ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        Self { program, places, measurement, probes }
    }

    /// Gives findings what was measured of them, and puts them in their new order.
    pub fn apply(&self, judged: &mut [Judged]) {
        for judged in &mut *judged {
            let Some(impact) = self.probed(judged).or_else(|| self.profiled(judged)) else { continue };
            if let Some([_, high]) = impact.typical_ms {
                let severity = Severity::of_milliseconds(high);
                let hangs = matches!(judged.finding.harm, Harm::Hang { .. });
                judged.severity = if hangs { severity.min(Severity::High) } else { severity };
            }
            judged.measured = Some(impact);
        }
        rank(judged);
    }

    /// What profiles say of a finding.
    fn profiled(&self, judged: &Judged) -> Option<MeasuredImpact> {
        let measured = self.measurement.at(&self.site(judged)?, is_about_memory(judged))?;
        Some(MeasuredImpact::of(measured, &judged.finding.harm))
    }

    /// What probes say of it: they watched for it alone, and counted every call.
    fn probed(&self, judged: &Judged) -> Option<MeasuredImpact> {
        if is_about_memory(judged) {
            return None;
        }
        let of = |kind| {
            let watches = self.probes.iter().filter_map(|probe| Some((probe, probe.of(&judged.fingerprint, kind)?)));
            watches.max_by_key(|(_, watch)| watch.timed)
        };
        let (call, function) = (of(WatchKind::Call), of(WatchKind::Function));
        // A function that ran, but never to the call, says nothing of it.
        if call.or(function)?.1.timed == 0 {
            return None;
        }
        let (probe, watch) = call.or(function)?;
        let measured = Measured {
            unit: Unit::Milliseconds,
            total: watch.whole_ms(),
            share: probe.share(watch),
            calls: Some(watch.calls),
            function_calls: function.map(|(_, watch)| watch.calls),
            scope: if call.is_some() { Scope::Call } else { Scope::Function },
            formats: BTreeSet::from([Format::Probe]),
        };
        let repeats = |found: Option<(&Probe, &Watch)>, scope| {
            let (probe, watch) = found?;
            Some(Repeats { keys: watch.repeats()?, window: probe.window, scope })
        };
        // A cache may stand at the call or around the function: where it answers more.
        let both = [repeats(function, Scope::Function), repeats(call, Scope::Call)];
        let repeats = both.into_iter().flatten().max_by(|a, b| a.hit_rate().total_cmp(&b.hit_rate()));
        Some(MeasuredImpact { repeats, ..MeasuredImpact::of(measured, &judged.finding.harm) })
    }

    /// How much of what was measured some findings explain, by unit.
    pub fn shares<'j>(&self, judged: impl IntoIterator<Item = &'j Judged>) -> Vec<Share> {
        let judged: Vec<&Judged> = judged.into_iter().collect();
        let share = |unit| {
            let memory = unit == Unit::Bytes;
            let about = judged.iter().filter(|judged| is_about_memory(judged) == memory);
            let sites: Vec<Site> = about.filter_map(|judged| self.site(judged)).collect();
            self.measurement.share(&sites, unit)
        };
        [Unit::Milliseconds, Unit::Samples, Unit::Bytes].into_iter().filter_map(share).collect()
    }

    /// Where a finding stands, as profiles know it.
    fn site(&self, judged: &Judged) -> Option<Site> {
        let Location::Code { function, span, .. } = &judged.finding.location else { return None };
        let call = self.program.calls(*function).find(|call| call.span() == *span);
        Some(Site {
            function: *self.places.get(function)?,
            lines: (judged.start.0, judged.end.0),
            callee: call.and_then(|call| self.callee(&call)),
        })
    }

    fn callee(&self, call: &CallView<'_>) -> Option<Callee> {
        let own = |value| match value {
            Value::Function(function) | Value::Method { function, .. } => self.places.get(&function).copied(),
            _ => None,
        };
        let mut functions = call.callees().filter_map(own);
        if let (Some(only), None) = (functions.next(), functions.next()) {
            return Some(Callee::Function(only));
        }
        let facts = call.facts();
        match facts.expr(call.call.callee) {
            Expr::Name(name) | Expr::Attribute { attribute: name, .. } => {
                Some(Callee::Named(facts.text(name).to_owned()))
            }
            _ => None,
        }
    }
}

/// Whether a finding is about memory, which only profiles of memory measure.
fn is_about_memory(judged: &Judged) -> bool {
    judged.finding.rule.section == Section::Memory
        || matches!(judged.finding.harm, Harm::Growth { .. } | Harm::Leak { .. })
}
