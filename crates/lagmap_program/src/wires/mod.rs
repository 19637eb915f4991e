//! Wires: which service calls which, where in the code, and for what it waits.
//!
//! Computed once, when somebody asks ([`crate::Program::wires`]), and empty for fewer than two services.

mod address;
mod dispatch;
mod endpoints;
mod frame;
mod join;
mod message;
mod plan;
mod queries;
mod reading;
mod repeated;
mod requests;
mod settings;
mod tasks;
mod text;
mod time;
mod waits;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

pub use address::Address;
pub use endpoints::Endpoint;
pub use join::{Joint, Loose, Wire};
pub use queries::{Elsewhere, Hop, Queue};
pub use repeated::RepeatedWork;
pub use requests::Request;
pub use text::{Part, Setting};
pub use waits::Wait;

use crate::{FunctionId, Program};

/// The services' ends, and the wires between them.
#[derive(Debug, Default)]
pub struct Wires {
    /// The places where each service listens or calls, by service.
    pub endpoints: Vec<Vec<Endpoint>>,
    /// The wires, by the service that calls.
    pub wires: Vec<Wire>,
    /// Calls that could not be joined: service, endpoint and why.
    pub loose: Vec<(usize, usize, Loose)>,
    /// What the services can be asked for.
    pub requests: Vec<Request>,
    /// The places where one waits for another's answer.
    pub waits: Vec<Wait>,
    /// The services that wait, at some remove, for code that answers requests.
    behind: FxHashMap<FunctionId, BTreeSet<usize>>,
}

impl Wires {
    /// Finds them in a program.
    pub fn of(program: &Program) -> Self {
        let services = &program.system.services;
        // Nobody to call: neither another service nor a database or a service in another language.
        if services.len() + program.system.peers.len() < 2 {
            return Self { endpoints: vec![Vec::new(); services.len()], ..Self::default() };
        }
        let mut names: FxHashMap<&str, usize> = FxHashMap::default();
        for (index, service) in services.iter().enumerate() {
            names.entry(service.name.as_str()).or_insert(index);
        }
        let mut endpoints = endpoints::endpoints(program, &names);
        let (wires, loose) = join::join(&program.system, &mut endpoints, &|service, endpoint, task| {
            tasks::takes(program, service, &endpoint.protocol, task)
        });
        let mut found = Self { endpoints, wires, loose, ..Self::default() };
        time::reckon(program, &names, &mut found);
        found.behind = found.waiting_behind(program);
        found
    }
}
