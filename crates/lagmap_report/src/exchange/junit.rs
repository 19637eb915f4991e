//! `JUnit` XML, which most test reporters read: a suite for each file, a failed test for each finding.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report as Tests, TestCase, TestCaseStatus, TestSuite};

use super::{sentences, steps, word};
use crate::escape::visible;
use crate::model::{Finding, Report};

/// Writes the findings by file, and within a file worst first. Where there are none, one test passes.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut tests = Tests::new("lagmap");
    let mut order: Vec<&str> = report.findings.iter().map(|finding| &*finding.path).collect();
    order.sort_unstable();
    order.dedup();
    for path in order {
        let mut suite = TestSuite::new(visible(path).as_ref());
        suite.add_test_cases(report.findings.iter().filter(|finding| finding.path == path).map(case));
        tests.add_test_suite(suite);
    }
    if report.findings.is_empty() {
        let mut suite = TestSuite::new("lagmap");
        suite.add_test_case(TestCase::new("No findings", TestCaseStatus::success()));
        tests.add_test_suite(suite);
    }
    tests.serialize(&mut *out).map_err(io::Error::other)?;
    Ok(())
}

fn case(finding: &Finding) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(word(&finding.severity)).set_message(visible(&finding.message).as_ref());
    let mut text = sentences(finding);
    text.extend(steps(finding));
    status.set_description(text.join("\n"));
    let place = format!("{}:{}", visible(&finding.path), finding.line);
    let mut case = TestCase::new(format!("{} {place}", finding.rule), status);
    case.set_classname(visible(&finding.function).as_ref());
    case
}
