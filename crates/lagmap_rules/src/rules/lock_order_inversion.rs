//! `lock-order-inversion`.

use lagmap_program::{LockOrder, Program, Step};

use crate::{Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "lock-order-inversion",
    bullets: &["E1"],
    section: Section::Hotspots,
    subsection: Subsection::None,
    title: "Two locks taken in both orders",
    summary: "One function takes a second lock while it holds a first, another the first while it holds the second: two threads can wait for each other for ever.",
    document: super::document!("concurrency/lock-order-inversion"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for inversion in program.lock_inversions() {
        let (_, function, span) = program.place(inversion.one.at);
        let (file, _) = program.linked.ids.of_site(inversion.one.at);
        let (other, _, other_span) = program.place(inversion.other.at);
        let line = other.lines.position(other_span.start).line;
        findings.push(Finding {
            rule,
            location: Location::Code { file, function, span },
            message: format!(
                "a lock is taken here while another is held; `{}` takes them the other way round at {}:{line}",
                program.short_name(inversion.other.function),
                other.path,
            ),
            trace: steps(&inversion.one, "takes the second lock", "makes the second lock")
                .into_iter()
                .chain(steps(&inversion.other, "takes the first lock", "makes the first lock"))
                .collect(),
            harm: Harm::Hang {
                cost: lagmap_program::Interval::new(1000.0, 1000.0),
                source: "two threads that wait for each other never go on".to_owned(),
            },
            confidence: Confidence::Likely,
            suggestion: "Take both locks in the same order everywhere, or let go of the first before the second is taken".to_owned(),
            context: program.contexts_of(function).iter().find(|context| context.frequency.is_repeated()),
            cause: format!("{}:{line}", other.path),
            details: Details::default(),
        });
    }
}

/// Where the second lock of an order is taken, the way there, and where it is made.
fn steps(order: &LockOrder, takes: &str, makes: &str) -> Vec<Step> {
    let first = Step { site: order.at, note: takes.to_owned() };
    let made = Step { site: order.second, note: makes.to_owned() };
    [first].into_iter().chain(order.path.iter().cloned()).chain([made]).collect()
}
