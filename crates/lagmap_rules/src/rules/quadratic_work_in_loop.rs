//! `quadratic-work-in-loop`.

use lagmap_facts::{Expr, RegionKind};
use lagmap_program::{CallView, FileId, FunctionId, Interval, Pairing, Program, Site};

use crate::{Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "quadratic-work-in-loop",
    bullets: &["C1", "D4", "E4"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "Quadratic work in a loop",
    summary: "A list is searched, shifted or sorted whole in each round of a loop over data of the same order.",
    document: super::document!("cpu/quadratic-work-in-loop"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let is_library = !program.is_application();
    for call in program.calls_where(|entry| entry.paths.iter().any(|path| path.starts_with("builtins."))) {
        if call.around().loops == 0 {
            continue;
        }
        if program.is_other_each_round(&call) || program.is_done_once(&call) {
            continue;
        }
        let Some((what, list)) = whole_list_work(program, &call) else { continue };
        // Most lists of an application are short; what a library is given may have any length.
        let is_long = is_library || program.has_scale(list);
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency.is_repeated()) else { continue };
        let name = call.facts().dotted(call.call.callee).unwrap_or_else(|| call.path());
        let message = format!("`{name}(...)` {what} in each round of the loop: quadratic in the length of the list");
        let harm = Harm::Time {
            cost: Interval::new(0.1, 30.0),
            worst: None,
            source: "100 x 100 to 2,000 x 2,000 steps of 5 to 15 ns (CPython 3.11)".to_owned(),
        };
        findings.push(
            Finding::at_call(rule, &call, message, harm)
                .in_context(context, &call)
                .confidence(if is_long { Confidence::Likely } else { Confidence::Possible })
                .suggest(cure(&call)),
        );
    }
    for (file, unit) in program.files() {
        for function in program.functions(file).filter(|function| !unit.is_test && program.is_live(*function)) {
            for pairing in program.pairings(function) {
                findings.extend(all_with_all(rule, program, file, function, pairing));
            }
            for (call, searched) in program.repeated_scans(function) {
                findings.extend(scan(rule, &call, &searched));
            }
        }
    }
}

fn steps() -> Harm {
    Harm::Time {
        cost: Interval::new(0.3, 30.0),
        worst: None,
        source: "100 x 100 to 1,000 x 1,000 comparisons of 30 ns, two look-ups by key each (CPython 3.11)".to_owned(),
    }
}

/// Nested loops that match records by a key.
fn all_with_all(
    rule: &'static RuleInfo,
    program: &Program,
    file: FileId,
    function: FunctionId,
    pairing: Pairing,
) -> Option<Finding> {
    let facts = &program.linked.file(file).facts;
    let node = &facts.exprs[pairing.compare.0 as usize];
    let contexts = program.contexts_at(function, node.region);
    let context = contexts.iter().find(|context| context.frequency.is_repeated())?;
    let name = facts.dotted(pairing.searched).unwrap_or_else(|| "the inner collection".to_owned());
    let (path, line) = crate::place(program, file, node.span);
    Some(Finding {
        rule,
        location: Location::Code { file, function, span: node.span },
        message: format!("each item of the outer loop is compared with each of `{name}`: quadratic in their lengths"),
        trace: program.recent_path_in(function, node.region, context),
        harm: steps(),
        context: Some(context),
        confidence: Confidence::Likely,
        suggestion: format!("Build a dict from key to record of `{name}` once before the loop and look each item up"),
        cause: format!("{path}:{line}"),
        details: Details::default(),
    })
}

/// A call that looks through the whole collection, in a loop.
fn scan(rule: &'static RuleInfo, call: &CallView<'_>, searched: &str) -> Option<Finding> {
    let contexts = call.contexts();
    let context = contexts.iter().find(|context| context.frequency.is_repeated())?;
    let name = call.facts().dotted(call.call.callee).unwrap_or_else(|| "the call".to_owned());
    let message = format!("`{name}(...)` looks through all of `{searched}` in each round of the loop: quadratic");
    let finding = Finding::at_call(rule, call, message, steps()).in_context(context, call);
    let cure = format!("Build a dict from key to record of `{searched}` once before the loop and look each item up");
    Some(finding.confidence(Confidence::Likely).suggest(cure))
}

/// What a list method does to the whole list, if the list is one that grows and outlives a round of the loop.
fn whole_list_work(program: &Program, call: &CallView<'_>) -> Option<(&'static str, Site)> {
    let catalogue = program.catalogue();
    let (method, list) = call.models().find_map(|(model, receiver)| Some((model, receiver?)))?;
    if catalogue.parent(method) != catalogue.list() {
        return None;
    }
    let facts = call.facts();
    let first = facts.arguments(call.call).first().map(|first| facts.expr(*first));
    let what = match (catalogue.name(method), first) {
        ("pop" | "insert", Some(Expr::Int(0))) => "moves every item by one place",
        ("index" | "count", _) => "searches the list from its start",
        ("remove", _) => "searches the list and closes the gap",
        ("sort", _) => "sorts the list anew",
        _ => return None,
    };
    let made_outside = {
        let (file, id) = program.linked.ids.of_site(list);
        let looped = facts.enclosing(call.region).find(|(_, region)| is_data_loop(region.kind));
        let (looped, _) = looped?;
        file != call.file || {
            let region = facts.exprs[id.0 as usize].region;
            !facts.enclosing(region).any(|(outer, _)| outer == looped)
        }
    };
    (made_outside && program.is_growing(list)).then_some((what, list))
}

/// A loop over data: one that runs for ever does its work per message, not over the list.
fn is_data_loop(kind: RegionKind) -> bool {
    matches!(kind, RegionKind::For { .. } | RegionKind::While { .. } | RegionKind::Comprehension { .. })
}

fn cure(call: &CallView<'_>) -> &'static str {
    let name = call.models().map(|(model, _)| call.program.catalogue().name(model)).next().unwrap_or_default();
    match name {
        "pop" | "insert" => "Use a `collections.deque` with `popleft()` and `appendleft()`",
        "sort" => {
            "Sort once behind the loop, or keep the list sorted with `bisect.insort`; for the top few use `heapq`"
        }
        _ => "Build a dict from item to position (or a set) once before the loop",
    }
}
