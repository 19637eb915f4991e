//! `commit-per-row`.

use lagmap_facts::{RegionId, RegionKind};
use lagmap_models::EffectKind;
use lagmap_program::{CallView, Effect, FunctionId, ProgramFile, Frequency, Interval, Program, Recurrence, Step};

use crate::{Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "commit-per-row",
    bullets: &["E6"],
    section: Section::Pooling,
    subsection: Subsection::ConnectionPool,
    title: "Query or commit per row",
    summary: "A statement or commit runs once per item of a loop, in the loop's own function or in one that it calls.",
    document: super::document!("concurrency/commit-per-row"),
    check,
};

/// Commits of a loop whose length is not known: mostly rows of a message or of an import.
const COMMITS: (f64, f64) = (5.0, 50.0);
/// Other statements of such a loop: mostly the children of one record or the entries of one page.
const STATEMENTS: (f64, f64) = (5.0, 20.0);

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for (file, unit) in program.files() {
        // Migrations run once, and in steps on purpose.
        if unit.is_test || is_migration(unit) {
            continue;
        }
        for function in program.functions(file).filter(|function| has_row_loop(program, *function)) {
            if !program.short_name(function).contains("migrat") && program.is_live(function) {
                for call in program.costly_calls(function).filter(in_row_loop) {
                    check_call(rule, program, &call, findings);
                }
            }
        }
    }
}

/// Whether a file is a migration of a database, by its path or by the framework that it is written for.
fn is_migration(unit: &ProgramFile) -> bool {
    let facts = &unit.facts;
    let is_framework = |import: &lagmap_facts::Import| {
        let member = import.member.map(|member| facts.text(member)).unwrap_or_default();
        facts.text(import.module).split('.').chain([member]).any(|part| matches!(part, "alembic" | "migrations"))
    };
    unit.path.contains("migrat") || facts.imports.iter().any(is_framework)
}

fn has_row_loop(program: &Program, function: FunctionId) -> bool {
    let (unit, scope) = program.function(function);
    scope.regions.clone().any(|region| {
        let kind = unit.facts.region(RegionId(region)).kind;
        matches!(kind, RegionKind::For { .. } | RegionKind::Comprehension { .. })
    })
}

/// Inside a loop over items, not one that retries or runs for ever.
fn in_row_loop(call: &CallView<'_>) -> bool {
    let facts = call.facts();
    let innermost = facts.enclosing(call.region).find(|(_, region)| region.kind.is_loop());
    !call.around().retried
        && innermost.is_some_and(|(_, region)| match region.kind {
        RegionKind::For { iterable, .. } | RegionKind::Comprehension { iterable, .. } => {
            !is_short(call, iterable) && !call.program.is_small(call.file, iterable)
        }
        _ => false,
    })
}

/// Each round also waits for something far slower (a page, a model): batching the statements would not be felt.
fn waits_for_more(program: &Program, call: &CallView<'_>, effect: &Effect) -> bool {
    let Some((_, beside)) = call.beside_in_loop(RegionKind::is_loop) else { return false };
    beside.into_iter().chain([*call]).any(|other| {
        program.effects_at(&other, true).any(|other| {
            !matches!(other.kind, EffectKind::Database | EffectKind::Lock) && other.cost.high >= 10.0 * effect.cost.high
        })
    })
}

/// A literal of a few items, or `range` of a small number: retries and fixed lists.
fn is_short(call: &CallView<'_>, iterable: lagmap_facts::ExprId) -> bool {
    use lagmap_facts::Expr;
    let facts = call.facts();
    let named = match facts.expr(iterable) {
        Expr::Call(inner) => facts.call(inner).callee,
        _ => iterable,
    };
    let name = facts.dotted(named).unwrap_or_default().to_ascii_lowercase();
    if name.contains("chunk") || name.contains("batch") {
        return true;
    }
    match facts.expr(iterable) {
        Expr::List(list) | Expr::Tuple(list) | Expr::Set(list) => list.len <= 8,
        // `{row.owner_id for row in rows}`: rows have few different owners, mostly one.
        Expr::Comprehension { kind: lagmap_facts::ComprehensionKind::Set, element, .. } => {
            matches!(facts.expr(element), Expr::Attribute { .. } | Expr::Subscript { .. })
        }
        // `zip(*[iter(ids)] * SIZE)` goes by chunks.
        Expr::Call(inner) if named_as(facts, facts.call(inner).callee, &["zip", "zip_longest", "batched"]) => {
            let inner = facts.call(inner);
            facts.arguments(inner).iter().any(|argument| matches!(facts.expr(*argument), Expr::Starred(_)))
                || named_as(facts, inner.callee, &["batched"])
        }
        Expr::Call(inner) => {
            let inner = facts.call(inner);
            let is_range = matches!(facts.expr(inner.callee), Expr::Name(name) if facts.text(name) == "range");
            // `range(0, len(ids), SIZE)` goes by chunks.
            if is_range && facts.arguments(inner).len() == 3 {
                return true;
            }
            // `range(self.max_retries)` counts attempts, not rows.
            is_range && !facts.arguments(inner).iter().any(|argument| matches!(facts.expr(*argument), Expr::Call(_)))
        }
        _ => false,
    }
}

fn named_as(facts: &lagmap_facts::FileFacts, callee: lagmap_facts::ExprId, names: &[&str]) -> bool {
    facts.last_name(callee).is_some_and(|name| names.contains(&facts.text(name)))
}

/// A database that is kept so long keeps others waiting.
const NOTICED_BY_OTHERS_MS: f64 = 100.0;

/// Statements of work that is done once take this long before anybody waits for them.
const LONGEST_ONCE_MS: f64 = 1000.0;

fn check_call(rule: &'static RuleInfo, program: &Program, call: &CallView<'_>, findings: &mut Vec<Finding>) {
    let contexts = call.contexts();
    let wanted =
        |frequency: Frequency| frequency.is_repeated() || matches!(frequency, Frequency::Lazy | Frequency::Startup);
    let Some(context) = contexts.iter().find(|context| wanted(context.frequency)) else { return };
    let is_statement = |call: &CallView<'_>| call.has_tag("query") || call.has_tag("commit");
    let (effect, steps): (Effect, Vec<Step>) = if is_statement(call) && !call.has_tag("bulk") {
        let Some(effect) = call.own_effects().next() else {
            return;
        };
        (*effect, Vec::new())
    } else {
        let mut inner = program.effects_of_call(call, true);
        // The dearest part of a query may be fetching its rows; opening connections is another rule's concern.
        let opens = |effect: &Effect| program.catalogue().entry(effect.model).is_some_and(|entry| entry.opens.is_some());
        let is_bulk = |effect: &Effect| program.call(effect.source).has_tag("bulk");
        inner.retain(|(_, effect)| {
            effect.kind == EffectKind::Database && !is_of_another(program, effect) && effect.recurrence != Recurrence::FirstCall && !opens(effect) && !is_bulk(effect)
        });
        let Some((target, effect)) = inner.pop() else { return };
        let mut steps = vec![Step { site: call.expr(), note: format!("calls {}", program.short_name(target)) }];
        steps.extend(program.path_from(&effect, false));
        (effect, steps)
    };
    if waits_for_more(program, call, &effect) || program.is_done_once(call) {
        return;
    }
    let source = program.call(effect.source);
    let path = program.catalogue().path(effect.model);
    let verb = if source.has_tag("commit") { "commits" } else { "runs a statement" };
    let message = format!("`{path}()` {verb} once per item of this loop");
    // Inside one transaction a statement mostly takes what it takes in memory; a commit takes the disk's time.
    let (one, (fewest, most)) = if source.has_tag("commit") {
        (effect.cost, COMMITS)
    } else {
        (Interval::new(effect.cost.low, effect.cost.middle()), STATEMENTS)
    };
    let harm = Harm::Time {
        cost: Interval::times(one, fewest, most),
        worst: None,
        source: format!("one statement as in the catalogue, for {fewest} to {most} items (assumed)"),
    };
    let takes_long = |harm: &Harm| matches!(harm, Harm::Time { cost, .. } if cost.high > LONGEST_ONCE_MS);
    if !context.frequency.is_repeated() && !takes_long(&harm) {
        return;
    }
    // Nobody waits for a loop in the background: only what keeps others from the database for long is worth a word, and not even that
    // where the loop sleeps each time round.
    let is_waited_for_by_nobody = program.is_paced_by_sleep(call)
        || context.frequency == Frequency::Background && !matches!(harm, Harm::Time { cost, .. } if cost.high > NOTICED_BY_OTHERS_MS);
    let (sink, line) = crate::place(program, source.file, source.span());
    findings.push(
        Finding::at_call(rule, call, message, harm)
            .in_context(context, call)
            .then(steps)
            // Once for each different key is mostly once or twice.
            .confidence(if call.is_once_per_key() || is_waited_for_by_nobody { Confidence::Possible } else { Confidence::Likely })
            .cause(format!("{sink}:{line}"))
            .suggest("Collect the rows and use `executemany` (or one statement with `IN`/`JOIN`), and commit once behind the loop"),
    );
}

/// Whether each round asks another collection: the object that is asked is itself looked up where it is asked.
fn is_of_another(program: &Program, effect: &Effect) -> bool {
    let source = program.call(effect.source);
    let receivers: Vec<_> = source.models().filter_map(|(_, receiver)| receiver).collect();
    !receivers.is_empty()
        && receivers.into_iter().all(|receiver| {
            program.creation(receiver).is_some_and(|made| {
                let entry = made.model().map(|(_, entry)| entry);
                made.function == source.function
                    && entry.is_some_and(|entry| entry.effect == Some(EffectKind::Database) && entry.opens.is_none())
                    && !made.has_tag("query")
            })
        })
}
