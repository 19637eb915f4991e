//! Where the cache is: as the command line, the environment or the configuration says, else in the user's cache folder.

use std::path::PathBuf;

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};

use crate::arguments::CacheArguments;

/// The folder of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFolder {
    /// Where it is, or will be.
    pub path: PathBuf,
    /// The user named it: they are told when it cannot be used.
    pub named: bool,
}

impl CacheFolder {
    /// The folder for one run; none if there shall be no cache, or if nobody knows where.
    pub fn find(arguments: &CacheArguments, configured: Option<PathBuf>) -> Option<Self> {
        if arguments.no_cache { None } else { Self::named_or_usual(arguments.cache_dir.clone(), configured) }
    }

    /// The folder that was named on the command line or in the configuration, else the usual one.
    pub fn named_or_usual(named: Option<PathBuf>, configured: Option<PathBuf>) -> Option<Self> {
        let named = named.or(configured).filter(|path| !path.as_os_str().is_empty());
        if let Some(path) = named {
            return Some(Self { path, named: true });
        }
        Some(Self { path: users_folder()?, named: false })
    }
}

/// Where lagmap keeps what can be made anew: its folder in the user's cache folder, as the platform has it.
pub fn users_folder() -> Option<PathBuf> {
    Some(choose_native_strategy().ok()?.cache_dir().join("lagmap"))
}
