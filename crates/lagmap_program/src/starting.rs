//! Starting: what keeps a service from coming up at all.

use lagmap_facts::{Expr, ExprId, FileFacts, FunctionIndex, Name, OpKind, RegionId, RegionKind};

use lagmap_source::Span;
use lagmap_system::Entry;

use crate::{FileId, ImportTarget, Program, Source, linked::ProgramFile};

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

    /// What stops the body of a file first, that of what it surely imports included: a file that does not parse, or a name that is used
    /// before anything binds it.
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
        let early = early_use(self, unit);
        let first = early.map_or(u32::MAX, |(used, _)| unit.facts.span(used).start);
        let imported = unit.facts.ops(body).iter().take_while(|op| op.span.start < first).find_map(|op| {
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
        });
        imported.or_else(|| {
            let (used, bound) = early?;
            let place = unit.lines.position(unit.facts.span(used).start);
            let name = unit.facts.last_name(used).map(|name| unit.facts.text(name)).unwrap_or_default();
            let problem = format!(
                "{}`{name}` is used at line {}, {}",
                if seen.first() == Some(&file) {
                    String::new()
                } else {
                    format!("it imports `{}`, where ", unit.module)
                },
                place.line,
                match bound {
                    Bound::Imported(offset) => format!("but imported at line {}", unit.lines.position(offset).line),
                    Bound::Defined(offset) => format!("but defined at line {}", unit.lines.position(offset).line),
                    Bound::Nowhere => "and nothing imports or defines it".to_owned(),
                }
            );
            Some(Obstacle {
                path: unit.path.clone(),
                line: place.line,
                column: place.column,
                problem,
                cure: "Import or define the name in front of its first use: until then Python raises `NameError` there",
            })
        })
    }
}

/// What binds a name that was used before, and at which offset.
#[derive(Clone, Copy)]
enum Bound {
    Imported(u32),
    Defined(u32),
    Nowhere,
}

/// The first name that the body of a module surely uses in front of all imports and definitions which bind it, if any do.
fn early_use(program: &Program, unit: &ProgramFile) -> Option<(ExprId, Bound)> {
    let facts = &unit.facts;
    // Any name may come out of `import *`.
    if facts.imports.iter().any(|import| import.member.is_some_and(|member| facts.text(member) == "*")) {
        return None;
    }
    let body = facts.functions.first()?;
    // Annotations may never be evaluated.
    let annotated = facts.ops(body).iter().filter_map(|op| match op.kind {
        OpKind::Annotate { annotation, .. } => Some(annotation),
        _ => None,
    });
    let of_functions = facts.functions.iter().flat_map(|function| {
        function.parameters.iter().map(|parameter| parameter.annotation).chain([function.returns])
    });
    let annotations: Vec<Span> =
        annotated.chain(of_functions).filter(|id| *id != ExprId::NONE).map(|id| facts.span(id)).collect();
    let is_annotation = |span: Span| annotations.iter().any(|annotation| annotation.contains(span));
    let used = body.exprs.clone().map(ExprId).filter(|id| is_certain(unit, facts.exprs[id.0 as usize].region));
    let early = used.filter_map(|id| {
        let Expr::Name(name) = facts.expr(id) else { return None };
        let hash = facts.names.hash(name);
        let start = facts.span(id).start;
        let bindings = unit.scopes.named(FunctionIndex::MODULE, hash);
        let mut bound = Bound::Nowhere;
        for binding in bindings.iter().rev() {
            bound = match binding.source {
                Source::Import(_) if binding.offset > start => Bound::Imported(binding.offset),
                Source::Function(_) | Source::Class(_) if binding.offset > start => Bound::Defined(binding.offset),
                _ => return None,
            };
        }
        // What the language has itself is there all along; `_` is what translations install there.
        let is_builtin = program.catalogue().is_builtin_name(hash) || facts.text(name).starts_with('_');
        (!is_builtin && !is_global_elsewhere(facts, name) && !is_annotation(facts.span(id))).then_some((id, bound))
    });
    early.min_by_key(|(id, _)| facts.span(*id).start)
}

/// Whether a function binds a name of the module.
fn is_global_elsewhere(facts: &FileFacts, name: Name) -> bool {
    facts.functions.iter().any(|function| function.globals.contains(&name))
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
