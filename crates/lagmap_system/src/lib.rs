//! Start-up configurations become services.
//!
//! [`load`] reads the configurations of one tree; [`cycles`] and [`start_order`] read their dependencies. This crate
//! knows YAML and paths, nothing of Python: scripts are looked up, never opened.

mod declared;
mod find;
mod keys;
mod load;
mod order;
mod place;
mod problems;
mod service;
mod value;
mod yaml;

pub use load::{Options, load};
pub use order::{cycles, start_order};
pub use service::{ConfigError, ConfigFile, ConfigOrigin, ProblemKind, Service, ServiceId, System, SystemProblem};
