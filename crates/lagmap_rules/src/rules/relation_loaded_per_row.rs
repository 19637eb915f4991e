//! `relation-loaded-per-row`.

use lagmap_program::{Interval, Program, Step};

use crate::{Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "relation-loaded-per-row",
    bullets: &["E6", "D2"],
    section: Section::Pooling,
    subsection: Subsection::ConnectionPool,
    title: "Relation loaded row by row",
    summary: "A loop over the rows of a query reads a relation that the query does not load: one more statement for each row.",
    document: super::document!("concurrency/relation-loaded-per-row"),
    check,
};

/// One look-up by primary key, its row turned into an object included.
const STATEMENT_MS: Interval = Interval::new(0.5, 5.0);
/// Rows of a query whose length is not known: mostly one page.
const ROWS: (f64, f64) = (5.0, 20.0);

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for (file, unit) in program.files() {
        // Migrations run once.
        if unit.is_test || unit.path.contains("migrat") {
            continue;
        }
        for function in program.functions(file).filter(|function| program.is_live(*function)) {
            for relation in program.relations_per_row(function) {
                let region = relation.region(&unit.facts);
                let contexts = program.contexts_at(function, region);
                let Some(context) = contexts.iter().find(|context| context.frequency.is_repeated()) else { continue };
                let span = unit.facts.span(relation.read);
                let (path, line) = crate::place(program, file, span);
                let mut trace = program.recent_path_in(function, region, context);
                if let Some((within, site)) = relation.within {
                    let note = format!("calls {}, which reads `{}`", program.short_name(within), relation.name);
                    trace.push(Step { site: program.linked.ids.site(file, relation.read), note });
                    trace.push(Step { site, note: "the database is asked".to_owned() });
                }
                findings.push(Finding {
                    rule,
                    location: Location::Code { file, function, span },
                    message: format!("`{}` is read for each row of a query that does not load it: a statement per row", relation.name),
                    trace,
                    harm: Harm::Time {
                        cost: Interval::times(STATEMENT_MS, ROWS.0, ROWS.1),
                        worst: None,
                        source: "one statement by key over a local network, for 5 to 20 rows (assumed)".to_owned(),
                    },
                    context: Some(context),
                    confidence: Confidence::Likely,
                    suggestion: "Load it with the rows: `select_related` or `prefetch_related` (Django), `joinedload` or `selectinload` (SQLAlchemy); for the key alone read the column (`project_id`)".to_owned(),
                    cause: format!("{path}:{line}"),
                    details: Details::default(),
                });
            }
        }
    }
}
