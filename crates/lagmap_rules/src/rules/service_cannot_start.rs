//! `service-cannot-start`.

use lagmap_program::Program;

use crate::{Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "service-cannot-start",
    bullets: &["A6"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Service that cannot start",
    summary: "A declared service whose script does not exist or does not parse, or that imports a module of the project that does not parse.",
    document: super::document!("system/service-cannot-start"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for (index, service) in program.system.services.iter().enumerate() {
        let Some(obstacle) = program.start_obstacle(index) else { continue };
        findings.push(Finding {
            rule,
            location: Location::Line {
                path: obstacle.path.clone(),
                line: obstacle.line,
                column: obstacle.column,
                services: vec![service.name.clone()],
            },
            message: format!("{} cannot start: {}", service.name, obstacle.problem),
            trace: Vec::new(),
            harm: Harm::Failure,
            context: None,
            confidence: Confidence::Certain,
            suggestion: obstacle.cure.to_owned(),
            // Services that the same mend brings back are one line of a report.
            cause: obstacle.cure.to_owned(),
            details: Details::default(),
        });
    }
}
