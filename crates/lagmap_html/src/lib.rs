//! The report as one HTML file: everything it needs is in it, and it loads nothing.
//!
//! The page is made of three parts: a template, which says what can be said without a script; the report's data as JSON; and a
//! script that shows, filters and draws it. Whatever comes from audited code is text in all of them: the template escapes, the
//! data cannot end its element, the script makes text nodes. A content security policy lets only the page's own scripts run.

mod data;
mod mend;
mod page;

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lagmap_report::{Report, SourceProvider};
use minijinja::{AutoEscape, Environment};
use sha2::{Digest, Sha256};

pub use mend::{Mend, RuleMend};

const TEMPLATE: &str = include_str!("../assets/report.html");
const CSS: &str = include_str!("../assets/report.css");
const SCRIPT: &str = include_str!("../assets/report.js");
/// cytoscape, d3-hierarchy and highlight.js with their licences, as `scripts/bundle-report.sh` makes them.
const LIBRARIES: &str = include_str!("../assets/libraries.js");

/// Writes the page. Code comes from `sources`, how the findings of a rule are mended from `mends`.
pub fn render(
    report: &Report,
    sources: &dyn SourceProvider,
    mends: &[RuleMend<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report", TEMPLATE).map_err(io::Error::other)?;
    let context = page::context(report, page::Parts {
        script_hashes: format!("{} {}", hash(LIBRARIES), hash(SCRIPT)),
        css: CSS,
        libraries: LIBRARIES,
        script: SCRIPT,
        data: data::json(report, sources, mends)?,
    });
    let template = environment.get_template("report").map_err(io::Error::other)?;
    let page = template.render(minijinja::value::Serde(context)).map_err(io::Error::other)?;
    out.write_all(page.as_bytes())?;
    out.write_all(b"\n")
}

/// What a content security policy names a script by.
fn hash(script: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script)))
}
