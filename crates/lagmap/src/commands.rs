//! One command a file.

pub mod audit;
pub mod explain;
pub mod rules;
pub mod services;
