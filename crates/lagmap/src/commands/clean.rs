//! `lagmap clean`

use std::process::ExitCode;

use lagmap_report::visible;

use crate::arguments::CleanArguments;
use crate::cache_folder::CacheFolder;
use crate::configuration::Configuration;
use crate::errors::Failure;
use crate::output;

/// Empties the cache.
pub fn run(arguments: &CleanArguments) -> Result<ExitCode, Failure> {
    let configuration = Configuration::find(&arguments.path, arguments.config.as_deref())?;
    let folder = CacheFolder::named_or_usual(arguments.cache_dir.clone(), configuration.cache_dir);
    let Some(CacheFolder { path, .. }) = folder else {
        output::print(b"there is no cache: nobody knows where the user's folder is\n")?;
        return Ok(ExitCode::SUCCESS);
    };
    let cleaned =
        lagmap_cache::clean(&path).map_err(|error| Failure::new("cannot empty the cache").at(&path).because(error))?;
    let shown = path.display().to_string();
    let text = format!("{} files removed, {} bytes: {}\n", cleaned.files, cleaned.bytes, visible(&shown));
    output::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
