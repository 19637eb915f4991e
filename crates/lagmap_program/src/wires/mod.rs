//! Wires: which service calls which, where in the code, and for what it waits.
//!
//! Computed once, when somebody asks ([`crate::Program::wires`]), and empty for fewer than two services.

mod address;
mod dispatch;
mod endpoints;
mod join;
mod reading;
mod time;

use rustc_hash::FxHashMap;

pub use address::Address;
pub use endpoints::Endpoint;
pub use join::{Joint, Loose, Wire};
pub use reading::{Part, Setting};
pub use time::{Request, Wait};

use crate::Program;

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
}

impl Wires {
    /// Finds them in a program.
    pub fn of(program: &Program) -> Self {
        let services = &program.system.services;
        if services.len() < 2 {
            return Self { endpoints: vec![Vec::new(); services.len()], ..Self::default() };
        }
        let mut names: FxHashMap<&str, usize> = FxHashMap::default();
        for (index, service) in services.iter().enumerate() {
            names.entry(service.name.as_str()).or_insert(index);
        }
        let t=std::time::Instant::now();
        let mut endpoints = endpoints::endpoints(program, &names);
        eprintln!("endpoints {:?}",t.elapsed());
        let (wires, loose) = join::join(&program.system, &mut endpoints);
        let mut found = Self { endpoints, wires, loose, ..Self::default() };
        eprintln!("join {:?}",t.elapsed());time::reckon(program, &names, &mut found);eprintln!("time {:?}",t.elapsed());
        found
    }
}
