//! In which order services can start, and which wait for each other.

use std::collections::HashMap;

use crate::service::{ServiceId, System};

/// Groups of services, each after all that it depends on; a group of several is a dependency cycle.
///
/// Inside a group the services stand in the order of [`System::services`]. Dependencies on unknown services are left
/// out.
pub fn start_order(system: &System) -> Vec<Vec<ServiceId>> {
    Components::of(&edges(system)).found
}

/// The dependency cycles: groups of services that each wait, directly or not, for all of their group, and services
/// that name themselves.
pub fn cycles(system: &System) -> Vec<Vec<ServiceId>> {
    let edges = edges(system);
    let depends_on_itself = |id: &ServiceId| edges.get(id.index()).is_some_and(|targets| targets.contains(id));
    let mut cycles = Components::of(&edges).found;
    cycles.retain(|group| group.len() > 1 || group.iter().any(depends_on_itself));
    cycles.sort();
    cycles
}

/// The services that each service needs, in the order of [`System::services`]; unknown ones are left out.
pub fn needs(system: &System) -> Vec<Vec<ServiceId>> {
    edges(system)
}

/// What each service depends on.
pub(crate) fn edges(system: &System) -> Vec<Vec<ServiceId>> {
    let names = NameTable::of(system);
    system
        .services
        .iter()
        .map(|service| service.dependencies.iter().filter_map(|name| names.resolve(&service.config, name)).collect())
        .collect()
}

/// Names to services, so that a system of many services is linked in linear time.
struct NameTable<'a> {
    local: HashMap<(&'a str, &'a str), ServiceId>,
    anywhere: HashMap<&'a str, ServiceId>,
}

impl<'a> NameTable<'a> {
    fn of(system: &'a System) -> Self {
        let mut table = Self { local: HashMap::new(), anywhere: HashMap::new() };
        for (id, service) in system.iter() {
            table.local.entry((&service.config, &service.name)).or_insert(id);
            table.anywhere.entry(&service.name).or_insert(id);
        }
        // Names that are only others' words for a service come last.
        for (id, service) in system.iter() {
            for host in &service.hosts {
                table.local.entry((&service.config, host)).or_insert(id);
                table.anywhere.entry(host).or_insert(id);
            }
        }
        table
    }

    fn resolve(&self, config: &'a str, name: &'a str) -> Option<ServiceId> {
        self.local.get(&(config, name)).or_else(|| self.anywhere.get(name)).copied()
    }
}
/// Tarjan's strongly connected components with its own stack: a chain of ten thousand services is no deep recursion.
struct Components<'a> {
    edges: &'a [Vec<ServiceId>],
    /// Order of discovery of each service, 0 while undiscovered.
    order: Vec<u32>,
    /// The earliest discovered service that each reaches.
    low: Vec<u32>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    found: Vec<Vec<ServiceId>>,
}

impl<'a> Components<'a> {
    fn of(edges: &'a [Vec<ServiceId>]) -> Self {
        let count = edges.len();
        let mut components = Self {
            edges,
            order: vec![0; count],
            low: vec![0; count],
            on_stack: vec![false; count],
            stack: Vec::new(),
            found: Vec::new(),
        };
        let mut discovered = 0;
        for start in 0..count {
            if components.order[start] == 0 {
                components.visit(start, &mut discovered);
            }
        }
        components
    }

    fn visit(&mut self, start: usize, discovered: &mut u32) {
        let mut path = vec![(start, 0)];
        self.discover(start, discovered);
        while let Some((node, next)) = path.pop() {
            if let Some(target) = self.edges[node].get(next).map(|id| id.index()) {
                path.push((node, next + 1));
                if self.order[target] == 0 {
                    self.discover(target, discovered);
                    path.push((target, 0));
                } else if self.on_stack[target] {
                    self.low[node] = self.low[node].min(self.order[target]);
                }
                continue;
            }
            if let Some(&(parent, _)) = path.last() {
                self.low[parent] = self.low[parent].min(self.low[node]);
            }
            if self.low[node] == self.order[node] {
                self.close(node);
            }
        }
    }

    fn discover(&mut self, node: usize, discovered: &mut u32) {
        *discovered += 1;
        self.order[node] = *discovered;
        self.low[node] = *discovered;
        self.on_stack[node] = true;
        self.stack.push(node);
    }

    fn close(&mut self, root: usize) {
        let mut group = Vec::new();
        while let Some(node) = self.stack.pop() {
            self.on_stack[node] = false;
            group.push(ServiceId(node as u32));
            if node == root {
                break;
            }
        }
        group.sort_unstable();
        self.found.push(group);
    }
}
