//! Starting: what keeps a service from coming up at all.

use lagmap_facts::{Expr, FunctionIndex, OpKind, RegionId, RegionKind};

use lagmap_system::Entry;

use crate::{FileId, ImportTarget, Program, linked::ProgramFile};

/// Why a service cannot start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The file to mend, relative to the root.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub cure: &'static str,
}

impl Program {
    /// Why the service at an index of [`lagmap_system::System::services`] cannot start; `None` if nothing is known to stop
    /// it.
    pub fn start_obstacle(&self, service: usize) -> Option<Obstacle> {
        let service = self.system.services.get(service)?;
        let script = service
            .script
            .as_deref()
            .and_then(|script| self.linked.files.binary_search_by(|file| file.path.as_str().cmp(script)).ok());
        let Some(script) = script else {
            // A script that exists but could not be read is among the audit's errors, not missing.
            // What a worker without an application of its own runs, its queue says.
            return (service.script.is_none() && service.entry != Entry::Queue).then(|| Obstacle {
                path: service.config.clone(),
                line: service.line,
                column: 1,
                problem: format!("its {} `{}` does not exist", named(&service.entry), service.declared_script),
                cure: "Correct the script's path in the configuration, or remove the service",
            });
        };
        self.import_obstacle(FileId(script as u32), &mut Vec::new())
    }

    /// The first file that does not parse among a file and what it surely imports.
    fn import_obstacle(&self, file: FileId, seen: &mut Vec<FileId>) -> Option<Obstacle> {
        if seen.contains(&file) {
            return None;
        }
        seen.push(file);
        let unit = self.linked.file(file);
        if let Some(fault) = &unit.broken {
            let problem = if seen.len() == 1 {
                format!("syntax error at line {}: {}", fault.position.line, fault.message)
            } else {
                format!(
                    "it imports `{}`, which has a syntax error at line {}: {}",
                    unit.module, fault.position.line, fault.message
                )
            };
            return Some(Obstacle {
                path: unit.path.clone(),
                line: fault.position.line,
                column: fault.position.column,
                problem,
                cure: "Mend the syntax error; until then Python refuses the whole file",
            });
        }
        let body = unit.facts.functions.first()?;
        unit.facts.ops(body).iter().find_map(|op| {
            let OpKind::Import(import) = op.kind else { return None };
            if !is_certain(unit, op.region) {
                return None;
            }
            let target = match unit.imports[import.0 as usize] {
                ImportTarget::Module(target) => target,
                ImportTarget::Member(target, _, submodule) => submodule.unwrap_or(target),
                _ => return None,
            };
            self.import_obstacle(target, seen)
        })
    }
}

/// What a service's file is to it.
const fn named(entry: &Entry) -> &'static str {
    match entry {
        Entry::Script | Entry::Queue => "script",
        Entry::Module | Entry::Object { .. } | Entry::Function(_) => "module",
    }
}

/// Whether an import runs on every start and its failure ends it: neither conditional nor in a `try` that catches syntax
/// errors (`except ImportError` does not).
fn is_certain(unit: &ProgramFile, region: RegionId) -> bool {
    let facts = &unit.facts;
    facts.enclosing(region).all(|(id, region)| match region.kind {
        RegionKind::Body => region.function == FunctionIndex::MODULE,
        RegionKind::With { .. } | RegionKind::TryElse { .. } | RegionKind::Finally { .. } => true,
        RegionKind::Try { .. } => !facts.regions.iter().any(|handler| match handler.kind {
            RegionKind::Except { of, caught } if of == id => {
                !matches!(facts.expr(caught), Expr::Name(name) if matches!(facts.text(name), "ImportError" | "ModuleNotFoundError"))
            }
            _ => false,
        }),
        _ => false,
    })
}
