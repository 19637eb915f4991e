//! `container-only-grows`.

use lagmap_program::{Context, Frequency, FunctionId, Growth, Program, Site, Step};
use rustc_hash::FxHashMap;

use crate::{Bytes, Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "container-only-grows",
    bullets: &["B4", "B6", "B2"],
    section: Section::Memory,
    subsection: Subsection::MemoryLeak,
    title: "Container that only grows",
    summary: "A list, dict, set or deque that lives as long as the service is added to per message and nothing ever shrinks it.",
    document: super::document!("memory/container-only-grows"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    // One bound mends all places of a function that add to a container.
    let mut known: FxHashMap<(Site, FunctionId), usize> = FxHashMap::default();
    for growth in program.growing_containers() {
        let Some(context) = program.growth_contexts(&growth).iter().next() else { continue };
        if let Some(first) = known.get(&(growth.container, growth.function)) {
            let step = Step { site: growth.statement(program), note: "adds to it as well".to_owned() };
            findings[*first].trace.push(step);
            continue;
        }
        known.insert((growth.container, growth.function), findings.len());
        findings.push(finding(rule, program, &growth, context));
    }
}

fn finding(rule: &'static RuleInfo, program: &Program, growth: &Growth, context: Context) -> Finding {
    let (file, _) = program.linked.ids.of_function(growth.function);
    let unit = program.linked.file(file);
    let line = unit.lines.position(growth.span.start).line;
    let per = match context.frequency {
        Frequency::Request => "message",
        Frequency::Library => "new key",
        _ => "round",
    };
    let message = format!("`{}` grows with each {per} and nothing ever takes anything out", growth.name);
    Finding {
        rule,
        location: Location::Code { file, function: growth.function, span: growth.span },
        message,
        trace: program.recent_path_in(growth.function, growth.region, context),
        harm: Harm::Growth {
            bytes: Bytes { low: 100.0, high: 2000.0, source: "an entry of a few fields or a short text".to_owned() },
        },
        context: Some(context),
        confidence: if growth.keyed { Confidence::Likely } else { Confidence::Certain },
        suggestion: "Bound it: `collections.deque(maxlen=...)` for histories, `cachetools.TTLCache(maxsize=..., ttl=...)` for look-ups, or delete entries when what they stand for ends".to_owned(),
        cause: format!("{}:{line}", unit.path),
        details: Details::default(),
    }
}
