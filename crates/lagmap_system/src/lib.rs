//! What a tree says it starts becomes services.
//!
//! [`load`] reads start-up configurations and deployment files of one tree; [`cycles`] and [`start_order`] read their
//! dependencies. This crate knows the formats, commands and paths, nothing of Python: scripts are looked up, not read.

mod command;
mod declared;
mod deploy;
mod files;
mod find;
mod ini;
mod keys;
mod launchers;
mod load;
mod merge;
mod order;
mod place;
mod problems;
mod service;
mod shell;
mod sources;
mod value;
mod yaml;

pub use find::{is_aside, may_declare};
pub use load::{Options, load};
pub use order::{cycles, needs, start_order};
pub use service::{
    ConfigError, ConfigFile, ConfigOrigin, Entry, Peer, Place, ProblemKind, Published, Runs, Service, ServiceId,
    SourceKind, System, SystemProblem,
};
