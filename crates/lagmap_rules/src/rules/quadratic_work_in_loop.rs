//! `quadratic-work-in-loop`.

use lagmap_facts::{Expr, RegionKind};
use lagmap_program::{CallView, FileId, FunctionId, Givers, Interval, Pairing, Program, RepeatedScan, Site};

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

/// A list that is cut to so many items is short.
const LONGEST_CUT: i64 = 1000;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let givers = program.givers();
    for call in program.calls_where(|entry| entry.paths.iter().any(|path| path.starts_with("builtins."))) {
        if call.around().loops == 0 || call.is_once_per_message() {
            continue;
        }
        if program.is_other_each_round(&call) || program.is_done_once(&call) || call.is_made_over_length(LONGEST_CUT) {
            continue;
        }
        findings.extend(list_work(rule, program, &call, givers));
    }
    for (file, unit) in program.files() {
        for function in program.functions(file).filter(|function| !unit.is_test && program.is_live(*function)) {
            for pairing in program.pairings(function, givers) {
                findings.extend(all_with_all(rule, program, file, function, pairing));
            }
            for scan in program.repeated_scans(function, givers) {
                findings.extend(repeated_scan(rule, &scan));
            }
        }
    }
}

/// Most lists are short: what nothing shows to be long is worth a look only.
const fn sure(is_long: bool) -> Confidence {
    if is_long { Confidence::Likely } else { Confidence::Possible }
}

/// A list method that looks at, moves or orders all items.
fn list_work(rule: &'static RuleInfo, program: &Program, call: &CallView<'_>, givers: Givers) -> Option<Finding> {
    let (what, list) = whole_list_work(program, call)?;
    let contexts = call.contexts();
    let context = contexts.iter().find(|context| context.frequency.is_repeated())?;
    let name = call.facts().dotted(call.call.callee).unwrap_or_else(|| call.path());
    let (cost, source) = match what {
        Whole::Moves => (Interval::new(0.01, 5.0), "200 to 4,000 moves of as many items, 8 bytes each at 10 GB/s"),
        _ => (Interval::new(0.1, 30.0), "100 x 100 to 2,000 x 2,000 steps of 5 to 15 ns (CPython 3.11)"),
    };
    let message =
        format!("`{name}(...)` {} in each round of the loop: quadratic in the length of the list", what.says());
    let harm = Harm::Time { cost, worst: None, source: source.to_owned() };
    let finding = Finding::at_call(rule, call, message, harm).in_context(context, call);
    let is_long = program.has_scale(list, givers) && program.is_looped_over_much(call.file, call.region, givers);
    Some(finding.confidence(sure(is_long)).suggest(cure(call)))
}

fn steps() -> Harm {
    Harm::Time {
        cost: Interval::new(0.03, 3.0),
        worst: Some(30.0),
        source: "30 x 30 to 300 x 300 comparisons of 30 ns, two look-ups by key each (CPython 3.11); 1,000 x 1,000 at worst"
            .to_owned(),
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
        confidence: sure(pairing.is_long),
        suggestion: format!("Build a dict from key to record of `{name}` once before the loop and look each item up"),
        cause: format!("{path}:{line}"),
        details: Details::default(),
    })
}

/// A call that looks through the whole collection, in a loop.
fn repeated_scan(rule: &'static RuleInfo, scan: &RepeatedScan<'_>) -> Option<Finding> {
    let (call, searched) = (&scan.call, &scan.searched);
    let contexts = call.contexts();
    let context = contexts.iter().find(|context| context.frequency.is_repeated())?;
    let name = call.facts().dotted(call.call.callee).unwrap_or_else(|| "the call".to_owned());
    let message = format!("`{name}(...)` looks through all of `{searched}` in each round of the loop: quadratic");
    let finding = Finding::at_call(rule, call, message, steps()).in_context(context, call);
    let cure = format!("Build a dict from key to record of `{searched}` once before the loop and look each item up");
    Some(finding.confidence(sure(scan.is_long)).suggest(cure))
}

/// What is done to a whole list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Moves,
    Searches,
    Removes,
    Sorts,
}

impl Whole {
    const fn says(self) -> &'static str {
        match self {
            Self::Moves => "moves every item by one place",
            Self::Searches => "searches the list from its start",
            Self::Removes => "searches the list and closes the gap",
            Self::Sorts => "sorts the list anew",
        }
    }
}

/// What a list method does to the whole list, if the list is one that grows and outlives a round of the loop.
fn whole_list_work(program: &Program, call: &CallView<'_>) -> Option<(Whole, Site)> {
    let catalogue = program.catalogue();
    let (method, list) = call.models().find_map(|(model, receiver)| Some((model, receiver?)))?;
    if catalogue.parent(method) != catalogue.list() {
        return None;
    }
    let facts = call.facts();
    let first = facts.arguments(call.call).first().map(|first| facts.expr(*first));
    let what = match (catalogue.name(method), first) {
        ("pop" | "insert", Some(Expr::Int(0))) => Whole::Moves,
        ("index" | "count", _) => Whole::Searches,
        ("remove", _) => Whole::Removes,
        ("sort", _) => Whole::Sorts,
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
