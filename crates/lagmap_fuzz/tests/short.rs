//! A short run of each target, the same on every machine.

use std::path::Path;
use std::time::Duration;

use lagmap_fuzz::{Campaign, TARGETS};

#[test]
fn no_target_fails_on_its_corpus_and_some_mutations_of_it() {
    let failures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-failures");
    // The time only keeps a machine that is very slow from waiting for ever.
    let time = Duration::from_mins(1);
    for target in TARGETS {
        let campaign = Campaign { seed: 7, executions: target.executions, time };
        let done = campaign.run(&target, &failures).unwrap();
        assert_eq!(done.failures, 0, "{}: see {}", target.name, failures.display());
        assert!(done.count >= 20, "{}: only {} inputs", target.name, done.count);
    }
}
