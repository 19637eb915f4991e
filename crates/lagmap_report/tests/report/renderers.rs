//! What the renderers write for a report with something of everything.

use crate::sample;
use lagmap_report::{NoSource, Report, json, markdown, terminal};

fn text(render: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).expect("writing into memory cannot fail");
    String::from_utf8(out).expect("reports are UTF-8")
}

fn as_markdown(report: &Report) -> String {
    text(|out| markdown::render(report, out))
}

fn as_terminal(report: &Report, options: &terminal::Options) -> String {
    text(|out| terminal::render(report, &sample::Sources, options, out))
}

#[test]
fn markdown_page() {
    insta::assert_snapshot!(as_markdown(&sample::report()));
}

#[test]
fn markdown_page_of_a_clean_system() {
    insta::assert_snapshot!(as_markdown(&sample::clean()));
}

#[test]
fn terminal_report() {
    insta::assert_snapshot!(as_terminal(&sample::report(), &terminal::Options::default()));
}

#[test]
fn terminal_report_of_a_clean_system() {
    insta::assert_snapshot!(as_terminal(&sample::clean(), &terminal::Options::default()));
}

#[test]
fn problems_beyond_the_limit_get_a_line_each() {
    let options = terminal::Options { frames: 1, ..terminal::Options::default() };
    insta::assert_snapshot!(as_terminal(&sample::report(), &options));
}

#[test]
fn a_report_without_sources_shows_places_instead_of_code() {
    let report = sample::report();
    let shown = text(|out| terminal::render(&report, &NoSource, &terminal::Options::default(), out));
    assert!(shown.contains("shop/api.py:6"), "{shown}");
    assert!(!shown.contains("load_settings()"), "{shown}");
}

#[test]
fn audited_text_steers_no_terminal_and_no_page() {
    let report = sample::report();
    let plain = as_terminal(&report, &terminal::Options::default());
    for page in [&plain, &as_markdown(&report)] {
        let steering: Vec<char> = page.chars().filter(|c| c.is_control() && *c != '\n').collect();
        assert!(steering.is_empty(), "{steering:?}");
        assert!(!page.contains('\u{202e}'));
    }
    let styled = as_terminal(&report, &terminal::Options { styled: true, ..terminal::Options::default() });
    // Every escape is one of ours: a colour or weight, never what the file's name or text brought along.
    assert!(styled.contains("\u{1b}["));
    assert!(!styled.contains("\u{1b}[31mred") && !styled.contains("\u{1b}]0"), "{styled}");
}

#[test]
fn a_file_that_shrank_since_the_audit_breaks_no_frame() {
    let mut report = sample::report();
    for finding in &mut report.findings {
        (finding.line, finding.end_line, finding.column, finding.end_column) = (900, 901, 80, 2);
        for step in &mut finding.trace {
            step.line = 0;
        }
    }
    let shown = as_terminal(&report, &terminal::Options::default());
    assert!(shown.contains("shop/api.py"), "{shown}");
}

#[test]
fn services_that_cannot_start_come_first() {
    let report = sample::report();
    assert!(as_terminal(&report, &terminal::Options::default()).starts_with("1 of 4 services cannot start\n  Billing"));
    let page = as_markdown(&report);
    let (broken, summary) = (page.find("## Services that cannot start"), page.find("## Summary"));
    assert!(broken.is_some() && broken < summary);
}

#[test]
fn json_keeps_the_order_of_the_contract() {
    let page = text(|out| json::render(&sample::report(), out));
    assert!(page.ends_with("}\n") && page.contains("\"typical_ms\": [\n          200,\n          1500\n        ]"));
    let order =
        ["fingerprint", "rule", "bullet", "section", "severity", "confidence", "message", "path", "line", "column"]
            .map(|field| page.find(&format!("\"{field}\":")));
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{order:?}");
    assert_eq!(page, text(|out| json::render(&sample::report(), out)));
}
