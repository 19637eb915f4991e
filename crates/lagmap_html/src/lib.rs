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
/// dagre, d3-hierarchy and highlight.js with their licences, as `scripts/bundle-report.sh` makes them.
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
    let context = page::context(
        report,
        page::Parts {
            script_hashes: format!("{} {}", hash(LIBRARIES), hash(SCRIPT)),
            css: CSS,
            libraries: LIBRARIES,
            script: SCRIPT,
            data: data::json(report, sources, mends)?,
        },
    );
    let template = environment.get_template("report").map_err(io::Error::other)?;
    let page = template.render(minijinja::value::Serde(context)).map_err(io::Error::other)?;
    out.write_all(page.as_bytes())?;
    out.write_all(b"\n")
}

/// What a content security policy names a script by.
fn hash(script: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script)))
}

#[cfg(test)]
mod tests {
    use lagmap_report::{NoSource, Report};

    use super::*;

    /// A report with one finding whose every text is `evil`.
    fn report(evil: &str) -> Report {
        let quoted = serde_json::to_string(evil).unwrap();
        let text = r#"{"schema_version":1,"tool":{"name":"lagmap","version":"0"},
            "summary":{"files":1,"files_with_syntax_errors":0,"lines":1,"services":1,"findings":{"critical":1,"high":0,"medium":0,"low":0}},
            "services":[{"name":E,"group":null,"config":E,"script":E,"port":null,"dependencies":[],"files":1,"findings":1,"starts":false,
              "problem":E,"handlers":[],"wires_in":[],"wires_out":[]}],
            "findings":[{"fingerprint":"f","rule":"r","bullet":"A1","section":"hotspots","severity":"critical","confidence":"certain",
              "message":E,"path":E,"line":1,"column":1,"end_line":1,"end_column":2,"function":E,
              "trace":[{"path":E,"line":1,"function":E,"note":E}],
              "impact":{"typical_ms":[1,2],"worst_ms":null,"bytes_per_event":null,"frequency":"per-request","basis":"assumed","source":E,"unbounded":false},
              "services":[E],"waits_behind":[E],"suggestion":E,"subsection":"none","cause":"c","title":E,"effect":null,"caching":null,"pool":null,"cure":E}],
            "errors":[{"path":E,"message":E,"line":1}],"groups":[{"rule":"r","cause":"c","title":E,"section":"hotspots","subsection":"none",
              "severity":"critical","services":[E],"findings":["f"]}],
            "system_problems":[],"suppressions_unused":[],"syntax_errors":[]}"#;
        serde_json::from_str(&text.replace('E', &quoted)).unwrap()
    }

    fn page(report: &Report) -> String {
        let mut out = Vec::new();
        let mends = [RuleMend { rule: "r", document: "## How to mend it\n\n```python\n</script>\n```\n" }];
        render(report, &NoSource, &mends, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_of_the_audited_code_is_markup() {
        let evil = "</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\u{1b}\u{202e}";
        let page = page(&report(evil));
        assert!(!page.contains("<img"), "an element came in");
        assert!(page.contains("&lt;img"), "the text is shown");
        assert_eq!(page.matches("</script>").count(), 3, "the data, the libraries and the script");
        assert!(page.contains("{{ 7 * 7 }}"), "nothing is a template");
        let own = page.replace(LIBRARIES, "");
        assert!(!own.contains('\u{1b}') && !own.contains('\u{202e}'), "nothing steers");
    }

    #[test]
    fn names_between_backticks_are_set_as_code() {
        let page = page(&report("`<b>` waits for `x"));
        assert!(page.contains("<p class=\"message\"><code>&lt;b&gt;</code> waits for `x</p>"));
    }

    #[test]
    fn the_page_loads_nothing_and_runs_its_own_scripts_only() {
        let page = page(&report("x"));
        let policy = page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
        let policy = policy.replace("&#x27;", "'").replace("&#x2f;", "/");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        for script in [LIBRARIES, SCRIPT] {
            assert!(page.contains(&format!("<script>{script}</script>")));
            assert!(policy.contains(&hash(script)), "{policy}");
        }
        let (head, _) = page.split_once("<script").unwrap();
        for source in ["src=\"", "href=\"http", "url(http", "@import"] {
            assert!(!head.contains(source), "{source}");
        }
    }

    #[test]
    fn the_same_report_gives_the_same_page() {
        assert_eq!(page(&report("x")), page(&report("x")));
    }

    #[test]
    fn scripts_cannot_end_their_elements() {
        for script in [LIBRARIES, SCRIPT] {
            assert!(!script.to_ascii_lowercase().contains("</script"));
        }
    }
}
