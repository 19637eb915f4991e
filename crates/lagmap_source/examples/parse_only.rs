//! Reads and parses all files of a tree, and nothing else: what other times are compared with.
//! `cargo run --release -p lagmap_source --example parse_only -- DIR`

use std::path::Path;
use std::process::ExitCode;

use lagmap_source::{DiscoverOptions, discover, parse, pool, read};
use rayon::prelude::*;

fn main() -> ExitCode {
    let Some(root) = std::env::args_os().nth(1) else {
        eprintln!("usage: parse_only DIR");
        return ExitCode::from(2);
    };
    let lines = pool(None).map_err(|error| error.to_string()).and_then(|pool| {
        let found = discover(Path::new(&root), &DiscoverOptions::default()).map_err(|error| error.to_string())?;
        let lines = |file| read(file).and_then(|text| parse(&text)).map_or(0, |parsed| parsed.lines.line_count());
        Ok(pool.install(|| found.files.par_iter().map(|file| u64::from(lines(file))).sum::<u64>()))
    });
    match lines {
        Ok(lines) => println!("{lines} lines"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
