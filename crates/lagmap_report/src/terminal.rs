//! The report for people at a terminal: what cannot start, the worst problems with their code, a line for each of the
//! rest, and the counts.

use std::io::{self, Write};

use annotate_snippets::{Group as Block, Level, Renderer};
use anstyle::{AnsiColor, Style};

use crate::escape::visible;
use crate::frame::snippets;
use crate::groups::Problem;
use crate::measured;
use crate::model::{Report, Severity};
use crate::quantity::{cost, count, provenance, thousands};
use crate::source::SourceProvider;

/// Services named in the note of a problem.
const SERVICES: usize = 8;
/// Further places named in the note of a problem.
const PLACES: usize = 4;

/// How the report looks.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Colours and weights are written as ANSI escapes.
    pub styled: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Problems that are shown with their code; the rest get a line each.
    pub frames: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { styled: false, width: 120, frames: 20 }
    }
}

/// Writes the report.
pub fn render(report: &Report, sources: &dyn SourceProvider, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let problems = Problem::all(report);
    let paint = Paint { styled: options.styled };
    broken_services(report, paint, out)?;
    system_problems(report, paint, out)?;
    let renderer = if options.styled { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(options.width);
    let shown = problems.len().min(options.frames);
    for problem in problems.iter().take(shown) {
        writeln!(out, "{}\n", frame(problem, sources, &renderer))?;
    }
    rest(&problems, shown, paint, out)?;
    unread(report, paint, out)?;
    profile(report, paint, out)?;
    closing(report, &problems, paint, out)
}

fn broken_services(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let broken: Vec<_> = report.services.iter().filter(|service| !service.starts).collect();
    if broken.is_empty() {
        return Ok(());
    }
    let all = report.services.len();
    let heading = format!("{} of {} cannot start", thousands(broken.len()), count(all, "service", "services"));
    writeln!(out, "{}", paint.severity(Severity::Critical, &heading))?;
    for service in broken {
        let name = paint.bold(&visible(&service.name));
        let problem = service.problem.as_deref().unwrap_or("its script cannot run");
        writeln!(out, "  {name}  {}: {}", visible(&service.script), visible(problem))?;
    }
    writeln!(out)
}

fn system_problems(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    for problem in &report.system_problems {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        let kind = paint.severity(Severity::Medium, &visible(&problem.kind));
        writeln!(out, "{kind}  {}{line}: {}", visible(&problem.path), visible(&problem.message))?;
    }
    if report.system_problems.is_empty() { Ok(()) } else { writeln!(out) }
}

/// One problem with the code of its worst place.
fn frame(problem: &Problem<'_>, sources: &dyn SourceProvider, renderer: &Renderer) -> String {
    let worst = problem.worst;
    let (snippets, steps_left_out) = snippets(worst, sources);
    let level = match worst.severity {
        Severity::Critical | Severity::High => Level::ERROR,
        Severity::Medium => Level::WARNING,
        Severity::Low => Level::INFO,
    };
    let title =
        level.with_name(worst.severity.name()).primary_title(headline(problem)).id(visible(&worst.rule).into_owned());
    let mut block = Block::with_title(title);
    if snippets.is_empty() {
        block =
            block.element(annotate_snippets::Origin::path(visible(&worst.path).into_owned()).line(worst.line as usize));
    }
    block = block.elements(snippets);
    block = block.element(Level::NOTE.message(visible(&worst.message).into_owned()));
    for note in notes(problem, steps_left_out) {
        block = block.element(Level::NOTE.message(note));
    }
    block = block.element(Level::HELP.message(visible(&worst.suggestion).into_owned()));
    renderer.render(&[block])
}

/// "Blocking HTTP request on the event loop in 15 services - 200-800 ms per request".
fn headline(problem: &Problem<'_>) -> String {
    let mut out = visible(&problem.group.title).into_owned();
    if let Some(reach) = problem.reach() {
        out.push_str(" in ");
        out.push_str(&visible(&reach));
    }
    let cost = cost(&problem.impact());
    if !cost.is_empty() {
        out.push_str(" - ");
        out.push_str(&cost);
    }
    if let Some(share) = problem.share().and_then(measured::in_headline) {
        out.push_str(", ");
        out.push_str(&share);
    }
    out
}

fn notes(problem: &Problem<'_>, steps_left_out: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if steps_left_out > 0 {
        notes.push(format!("{} of the path not shown", count(steps_left_out, "step", "steps")));
    }
    let services = &problem.group.services;
    if services.len() > 1 {
        notes.push(format!("services: {}", listed(services.iter().map(|name| visible(name).into_owned()), SERVICES)));
    }
    if problem.findings.len() > 1 {
        let places =
            problem.findings.iter().skip(1).map(|finding| format!("{}:{}", visible(&finding.path), finding.line));
        notes.push(format!("also at {}", listed(places, PLACES)));
    }
    if let Some(measured) = problem.share() {
        notes.push(format!("measured: {}", measured::of_finding(measured)));
    }
    let impact = problem.impact();
    if !cost(&impact).is_empty() {
        notes.push(format!("the numbers are {}", provenance(&impact)));
    }
    notes
}

/// The first few of a list, and how many more there are.
fn listed(items: impl Iterator<Item = String>, limit: usize) -> String {
    let items: Vec<String> = items.collect();
    let more = items.len().saturating_sub(limit);
    let mut out = items.into_iter().take(limit).collect::<Vec<_>>().join(", ");
    if more > 0 {
        out.push_str(" and ");
        out.push_str(&thousands(more));
        out.push_str(" more");
    }
    out
}

fn rest(problems: &[Problem<'_>], shown: usize, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    for problem in problems.iter().skip(shown) {
        let worst = problem.worst;
        // Padded before it is painted: escapes have no width.
        let severity = paint.severity(worst.severity, &format!("{:8}", worst.severity.name()));
        let place = paint.dim(&format!("{}:{}", visible(&worst.path), worst.line));
        writeln!(out, "{severity} {}  {place}  {}", headline(problem), visible(&worst.rule))?;
    }
    if problems.len() > shown { writeln!(out) } else { Ok(()) }
}

fn unread(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    for error in &report.errors {
        let line = error.line.map(|line| format!(":{line}")).unwrap_or_default();
        let kind = paint.severity(Severity::Medium, "not read");
        writeln!(out, "{kind} {}{line}: {}", visible(&error.path), visible(&error.message))?;
    }
    for unused in &report.suppressions_unused {
        let kind = paint.severity(Severity::Low, "unused suppression");
        writeln!(out, "{kind} {}:{}: {}", visible(&unused.path), unused.line, visible(&unused.rule))?;
    }
    let any = !report.errors.is_empty() || !report.suppressions_unused.is_empty();
    if any { writeln!(out) } else { Ok(()) }
}

/// What profiles say of the whole: how much findings explain, and what they do not.
fn profile(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let Some(summary) = &report.profile else { return Ok(()) };
    for share in &summary.shares {
        writeln!(out, "{}", paint.bold(&measured::of_share(share, summary)))?;
        if share.hot.is_empty() {
            continue;
        }
        writeln!(out, "hot, and explained by no finding:")?;
        for hot in share.hot.iter().take(measured::HOT) {
            let (percent, calls) = measured::of_hot(hot);
            let place = paint.dim(&format!("{}:{}", visible(&hot.path), hot.line));
            writeln!(out, "  {percent:>6}  {}{calls}  {place}", visible(&hot.function))?;
        }
    }
    writeln!(out)
}

fn closing(report: &Report, problems: &[Problem<'_>], paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    let broken = match summary.files_with_syntax_errors {
        0 => String::new(),
        some => format!(" ({} with syntax errors)", thousands(some)),
    };
    let audited = format!(
        "{}{broken}, {}, {}",
        count(summary.files, "file", "files"),
        count(summary.lines, "line", "lines"),
        count(summary.services, "service", "services"),
    );
    let counts = summary.findings;
    let by_severity: Vec<String> = [
        (Severity::Critical, counts.critical),
        (Severity::High, counts.high),
        (Severity::Medium, counts.medium),
        (Severity::Low, counts.low),
    ]
    .into_iter()
    .filter(|(_, number)| *number > 0)
    .map(|(severity, number)| paint.severity(severity, &format!("{} {}", thousands(number), severity.name())))
    .collect();
    let negligible = match summary.negligible {
        0 => String::new(),
        some => {
            let some = count(some, "more costs", "more cost");
            paint.dim(&format!("; {some} too little to be shown (--min-impact-ms 0)"))
        }
    };
    if by_severity.is_empty() {
        return writeln!(out, "{audited}: {}{negligible}", paint.bold("nothing found"));
    }
    let causes = count(problems.len(), "cause", "causes");
    writeln!(out, "{audited}: {} from {causes}{negligible}", by_severity.join(", "))
}

/// Styles, or none.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    /// With ANSI escapes.
    pub styled: bool,
}

impl Paint {
    pub fn severity(self, severity: Severity, text: &str) -> String {
        let colour = match severity {
            Severity::Critical | Severity::High => AnsiColor::BrightRed,
            Severity::Medium => AnsiColor::Yellow,
            Severity::Low => AnsiColor::Cyan,
        };
        self.with(colour.on_default().bold(), text)
    }

    pub fn bold(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.styled { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
