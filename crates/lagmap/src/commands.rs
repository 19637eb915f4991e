//! One command a file.

pub mod audit;
pub mod calibrate;
pub mod call_graph;
pub mod clean;
pub mod compare;
pub mod explain;
pub mod rules;
pub mod services;
pub mod trace;
pub mod watch;
