//! What the editor shows above a handler: which request it answers, and what that costs.

use lagmap_report::{Millis, Service, interval, visible};

use super::auditor::Function;

/// The lines, from 1, of a file's handlers with what is shown there: those of services that are called, and those that a framework
/// runs for its requests.
pub(super) fn of(services: &[Service], functions: &[Function], path: &str) -> Vec<(u32, String)> {
    let mut found: Vec<(u32, String)> = Vec::new();
    for service in services {
        for handler in service.handlers.iter().filter(|handler| handler.path == path) {
            let request = handler.request.as_deref().map_or_else(String::new, |name| format!("{}: ", visible(name)));
            let shown = format!("{request}{} ({})", interval(handler.typical_ms), visible(&service.name));
            found.push((handler.line, shown));
        }
    }
    for function in functions.iter().filter(|function| function.answers) {
        if found.iter().all(|(line, _)| *line != function.line) {
            let dearest = function.costs.iter().max_by(|a, b| a.1[1].total_cmp(&b.1[1]));
            let cost = dearest.map(|(kind, ms, ..)| format!("{kind} {}, ", interval(ms.map(Millis))));
            found.push((function.line, format!("{}{}", cost.unwrap_or_default(), function.contexts.join(", "))));
        }
    }
    found.sort();
    found.dedup();
    found
}
