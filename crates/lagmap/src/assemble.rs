//! Judged findings and services as the report's own values.

use lagmap_facts::FunctionIndex;
use lagmap_impact::Judged;
use lagmap_models::CALIBRATED;
use lagmap_program::{FileId, Frequency as Often, Interval, Program, Startup, Step};
use lagmap_report::{
    Basis, Caching, Confidence, EffectKind, Finding, Frequency, Impact, Millis, Peer, Pool, Section, Service,
    ServiceStartup, StartupDelay, Subsection, TraceStep,
};
use lagmap_rules::Harm;
use lagmap_system::{ServiceId, SourceKind};
use rustc_hash::FxHashMap;

use crate::measured;
use crate::wired;

/// A finding as the report has it.
pub fn finding(program: &Program, judged: &Judged) -> Finding {
    let found = &judged.finding;
    let rule = found.rule;
    let impact = impact(judged);
    Finding {
        fingerprint: judged.fingerprint.clone(),
        rule: rule.name.to_owned(),
        bullet: rule.bullets.first().copied().unwrap_or_default().to_owned(),
        section: section(rule.section),
        severity: judged.severity,
        confidence: match found.confidence {
            lagmap_rules::Confidence::Certain => Confidence::Certain,
            lagmap_rules::Confidence::Likely => Confidence::Likely,
            lagmap_rules::Confidence::Possible => Confidence::Possible,
        },
        message: found.message.clone(),
        path: judged.path.clone(),
        line: judged.start.0,
        column: judged.start.1,
        end_line: judged.end.0,
        end_column: judged.end.1,
        function: judged.function.clone(),
        trace: found.trace.iter().map(|step| trace_step(program, step)).collect(),
        caching: caching(judged, &impact),
        impact,
        services: judged.services.clone(),
        waits_behind: judged.waits_behind.clone(),
        suggestion: found.suggestion.clone(),
        subsection: subsection(rule.subsection),
        cause: found.cause.clone(),
        title: rule.title.to_owned(),
        effect: found.details.effect.map(effect),
        pool: found.details.pool.as_ref().map(|pool| Pool {
            kind: pool.kind.clone(),
            size: pool.size,
            reason: pool.reason.to_owned(),
        }),
        cure: None,
        measured: judged.measured.as_ref().map(measured::measured),
    }
}

fn trace_step(program: &Program, step: &Step) -> TraceStep {
    let (unit, function, span) = program.place(step.site);
    TraceStep {
        path: unit.path.clone(),
        line: unit.lines.position(span.start).line,
        function: program.function_name(function),
        note: step.note.clone(),
    }
}

fn impact(judged: &Judged) -> Impact {
    let found = &judged.finding;
    let frequency = match found.context.map(|context| context.frequency) {
        Some(Often::Request | Often::Occasional) => Frequency::PerRequest,
        Some(Often::Background) => Frequency::PerIteration,
        Some(Often::Library) => Frequency::PerCall,
        Some(Often::Lazy | Often::Script | Often::Shutdown | Often::Test) => Frequency::Once,
        Some(Often::Startup | Often::Import) | None => Frequency::PerStart,
    };
    let mut impact = Impact {
        typical_ms: None,
        worst_ms: None,
        bytes_per_event: None,
        frequency,
        basis: Basis::Assumed,
        source: String::new(),
        unbounded: false,
    };
    match &found.harm {
        Harm::Time { cost, worst, source } => {
            impact.typical_ms = Some([Millis(cost.low), Millis(cost.high)]);
            impact.worst_ms = worst.map(Millis);
            impact.source.clone_from(source);
        }
        Harm::Hang { cost, source } => {
            impact.typical_ms = Some([Millis(cost.low), Millis(cost.high)]);
            impact.unbounded = true;
            impact.source.clone_from(source);
        }
        Harm::Growth { bytes } => {
            // Whole bytes from a small positive number.
            #[allow(clippy::cast_sign_loss)]
            let high = bytes.high.max(0.0) as u64;
            impact.bytes_per_event = Some(high);
            impact.source.clone_from(&bytes.source);
        }
        Harm::Leak { what, collected } => {
            let until = if *collected { "until nothing refers to it any more" } else { "until the process ends" };
            impact.source = format!("one {what} each time, {until}");
        }
        Harm::Lost => "the work is lost rather than slow".clone_into(&mut impact.source),
        Harm::Failure => "the service does not run at all".clone_into(&mut impact.source),
    }
    // A cost keeps the words of its source through all rules.
    if impact.source.contains(CALIBRATED) {
        impact.basis = Basis::Calibrated;
    }
    if let Some((measured, [low, high])) = judged.measured.as_ref().and_then(|it| Some((it, it.typical_ms?))) {
        impact.typical_ms = Some([Millis(low), Millis(high)]);
        impact.worst_ms = impact.worst_ms.filter(|worst| worst.0 > high);
        impact.basis = Basis::Measured;
        impact.source = measured::source(measured);
    }
    impact
}

/// The part of calls with a fixed input that a cache answers (assumed).
const USUAL_HIT_RATE: f64 = 0.95;

/// The kind of work, in the report's words.
const fn effect(kind: lagmap_models::EffectKind) -> EffectKind {
    use lagmap_models::EffectKind as Kind;
    match kind {
        Kind::Sleep => EffectKind::Sleep,
        Kind::Network => EffectKind::Network,
        Kind::Database => EffectKind::Database,
        Kind::Disk => EffectKind::Disk,
        Kind::Process => EffectKind::Process,
        Kind::Lock => EffectKind::Lock,
        Kind::Wait => EffectKind::Wait,
        Kind::Message => EffectKind::Message,
        Kind::ModelLoad => EffectKind::ModelLoad,
        Kind::Inference => EffectKind::Inference,
        Kind::Cpu => EffectKind::Cpu,
    }
}

/// What a cache would give: the share of equal inputs is not known before it is measured.
fn caching(judged: &Judged, impact: &Impact) -> Option<Caching> {
    let lagmap_rules::Section::Caching = judged.finding.rule.section else { return None };
    let [low, high] = impact.typical_ms?;
    // A fixed input hits but for the first time and after changes; a repeated call's twin always hits.
    if let Some(repeats) = judged.measured.as_ref().and_then(|measured| measured.repeats) {
        let saving = repeats.saving_ms().map_or(impact.typical_ms?, |saving| [Millis(saving); 2]);
        return Some(Caching {
            hit_rate: repeats.hit_rate(),
            hit_rate_basis: Basis::Measured,
            saving_ms: saving,
            strategy: judged.finding.suggestion.clone(),
        });
    }
    Some(Caching {
        hit_rate: judged.finding.details.hit_rate.unwrap_or(USUAL_HIT_RATE),
        hit_rate_basis: Basis::Assumed,
        saving_ms: [low, high],
        strategy: judged.finding.suggestion.clone(),
    })
}

const fn section(section: lagmap_rules::Section) -> Section {
    match section {
        lagmap_rules::Section::Hotspots => Section::Hotspots,
        lagmap_rules::Section::Memory => Section::Memory,
        lagmap_rules::Section::Cpu => Section::Cpu,
        lagmap_rules::Section::Pooling => Section::Pooling,
        lagmap_rules::Section::Caching => Section::Caching,
    }
}

const fn subsection(subsection: lagmap_rules::Subsection) -> Subsection {
    match subsection {
        lagmap_rules::Subsection::None => Subsection::None,
        lagmap_rules::Subsection::MemoryLeak => Subsection::MemoryLeak,
        lagmap_rules::Subsection::MemoryPattern => Subsection::MemoryPattern,
        lagmap_rules::Subsection::Algorithm => Subsection::Algorithm,
        lagmap_rules::Subsection::Async => Subsection::Async,
        lagmap_rules::Subsection::ConnectionPool => Subsection::ConnectionPool,
        lagmap_rules::Subsection::ObjectPool => Subsection::ObjectPool,
        lagmap_rules::Subsection::Cache => Subsection::Cache,
    }
}

/// The services with what they reach and whether they start.
pub fn services(program: &Program, findings: &[Finding]) -> Vec<Service> {
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    for name in findings.iter().flat_map(|finding| &finding.services) {
        *counts.entry(name).or_default() += 1;
    }
    let startup = program.startup();
    let services = program.system.services.iter().enumerate().map(|(index, service)| {
        let is_deployed = service.source != SourceKind::Startup;
        let obstacle = program.start_obstacle(index);
        Service {
            name: service.name.clone(),
            group: Some(service.group.clone()).filter(|group| !group.is_empty()),
            config: service.config.clone(),
            script: service.script.clone().unwrap_or_else(|| service.declared_script.clone()),
            port: service.port,
            dependencies: service.dependencies.clone(),
            files: files_reached(program, index),
            findings: counts.get(service.name.as_str()).copied().unwrap_or(0),
            starts: obstacle.is_none(),
            problem: obstacle.map(|obstacle| obstacle.problem),
            handlers: wired::handlers(program, index),
            wires_in: wired::wires_in(program, index),
            wires_out: wired::wires_out(program, index),
            runs: is_deployed.then(|| service.runs.label().to_owned()),
            source: is_deployed.then(|| service.source.label().to_owned()),
            command: service.command.clone(),
            also_in: service.described_in.iter().map(|place| format!("{}:{}", place.path, place.line)).collect(),
            startup: service_startup(program, &startup, index),
        }
    });
    services.collect()
}

fn service_startup(program: &Program, startup: &Startup, index: usize) -> Option<ServiceStartup> {
    let start = startup.services.get(index)?;
    let id = ServiceId(u32::try_from(index).ok()?);
    let position = startup.critical_path.iter().position(|other| *other == id).map(|position| position + 1);
    // What neither takes time nor lies on the chain need not be said.
    if start.own.high <= 0.0 && position.is_none() {
        return None;
    }
    let millis = |time: Interval| [Millis(time.low), Millis(time.high)];
    let delays = start.delays.iter().map(|delay| {
        let (unit, _, span) = program.place(delay.step.site);
        StartupDelay {
            effect: effect(delay.kind),
            typical_ms: millis(delay.cost),
            path: unit.path.clone(),
            line: unit.lines.position(span.start).line,
            note: delay.step.note.clone(),
            trace: delay.path.iter().map(|step| trace_step(program, step)).collect(),
        }
    });
    Some(ServiceStartup {
        own_ms: millis(start.own),
        up_ms: millis(start.up),
        waits_for: start.waits_for.and_then(|id| program.system.service(id)).map(|service| service.name.clone()),
        critical_path_position: position,
        delays: delays.collect(),
    })
}

/// What runs beside the services.
pub fn peers(program: &Program) -> Vec<Peer> {
    let peer = |peer: &lagmap_system::Peer| {
        let mut ports = peer.exposed.clone();
        ports.extend(peer.published.iter().map(|published| published.inside));
        ports.sort_unstable();
        ports.dedup();
        Peer { name: peer.name.clone(), image: peer.image.clone(), config: peer.config.clone(), ports }
    };
    program.system.peers.iter().map(peer).collect()
}

/// Files whose module bodies run when a service starts or works.
fn files_reached(program: &Program, service: usize) -> usize {
    let Some(reach) = program.reaches.get(service) else { return 0 };
    let body = |index: usize| {
        program.linked.ids.function(FileId(u32::try_from(index).unwrap_or(u32::MAX)), FunctionIndex::MODULE)
    };
    (0..program.linked.files.len()).filter(|index| reach.functions.contains(body(*index).0 as usize)).count()
}
