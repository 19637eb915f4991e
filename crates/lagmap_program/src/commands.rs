//! Commands: functions that somebody runs from a terminal, once a process.

use lagmap_facts::{Expr, ExprId, FileFacts};
use lagmap_models::RunContext;
use rustc_hash::FxHashSet;

use crate::{FileId, FunctionId, Program};

impl Program {
    /// The functions that a program registers as commands, also by a decorator which no catalogue knows - an object or class of
    /// its own over a library for command lines: `@app.command()` in a file that imports such a library.
    pub fn commands(&self) -> FxHashSet<FunctionId> {
        let linked = &self.linked;
        let known = linked.catalogue.known();
        let registers = known.filter(|(_, entry)| entry.decorates == Some(RunContext::Script));
        let libraries: FxHashSet<&str> =
            registers.flat_map(|(_, entry)| &entry.paths).filter_map(|path| path.split('.').next()).collect();
        let mut found = FxHashSet::default();
        for (index, unit) in linked.files.iter().enumerate() {
            let facts = &unit.facts;
            let imports_library = facts.imports.iter().any(|import| {
                let module = facts.text(import.module).split('.').next().unwrap_or_default();
                import.level == 0 && libraries.contains(module)
            });
            if !imports_library {
                continue;
            }
            for (place, function) in facts.functions.iter().enumerate() {
                if function.decorators.iter().any(|decorator| is_command(facts, *decorator)) {
                    found.insert(linked.ids.function(FileId(index as u32), lagmap_facts::FunctionIndex(place as u32)));
                }
            }
        }
        found
    }
}

/// `@app.command` or `@app.command(...)`.
fn is_command(facts: &FileFacts, decorator: ExprId) -> bool {
    let callee = match facts.expr(decorator) {
        Expr::Call(call) => facts.call(call).callee,
        _ => decorator,
    };
    matches!(facts.expr(callee), Expr::Attribute { attribute, .. } if facts.text(attribute) == "command")
}
