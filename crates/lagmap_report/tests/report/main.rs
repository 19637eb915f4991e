//! Tests of the crate as its users see it: a report in, text out.

mod evidence;
mod exchange;
mod renderers;
mod sample;
mod schema;
