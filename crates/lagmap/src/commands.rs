//! One command a file.

pub mod audit;
pub mod calibrate;
pub mod call_graph;
pub mod clean;
pub mod compare;
pub mod config;
pub mod explain;
pub mod help;
pub mod init;
pub mod probe;
pub mod record;
pub mod rules;
pub mod services;
pub mod trace;
pub mod watch;
