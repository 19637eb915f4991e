//! Settings: what a mapping, a configuration, the environment or the command line says under a key.

use std::sync::Arc;

use lagmap_facts::{Expr, ExprId, FileFacts, NameHash};
use rustc_hash::FxHashMap;

use super::{
    frame::{Caller, Frame},
    reading::{Reader, Readings},
    text::{Part, Reading, defaulted, merged},
};
use crate::{Cell, FileId, Value};

impl Reader<'_> {
    /// What a mapping holds under a key.
    pub(super) fn entry(
        &self,
        file: FileId,
        container: ExprId,
        key: &str,
        default: Option<&[Reading]>,
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Readings {
        let Some(depth) = depth.checked_sub(1) else { return Ok(Reading::unknown()) };
        if self.is_keywords(file, container, frame) {
            let found = self.keyword(file, container, key, frame, depth)?;
            return Ok(match (found, default) {
                (Some(found), _) => found,
                (None, Some(default)) => default.to_vec(),
                (None, None) => vec![Reading::Nothing],
            });
        }
        let linked = &self.program.linked;
        let facts = &linked.file(file).facts;
        if facts.dotted(container).is_some_and(|name| name.ends_with("environ")) {
            return Ok(self.variable_of_environment(key, default.unwrap_or_default()));
        }
        let mut found = Vec::new();
        let mut is_literal = false;
        let mut is_open = false;
        for value in self.program.evaluator(file).values(container).iter() {
            let Value::Object { site, .. } = value else { continue };
            let (owner, dict) = linked.ids.of_site(site);
            let facts = &linked.file(owner).facts;
            let Expr::Dict(list) = facts.expr(dict) else {
                is_open = true;
                continue;
            };
            // `{}` stands for what is filled elsewhere.
            is_literal |= list.len > 0;
            for pair in facts.list(list).chunks_exact(2) {
                match pair[0].get().map(|key| facts.expr(key)) {
                    Some(Expr::Str(own)) if facts.text(own) == key => {
                        let (_, function, _) = self.program.place(site);
                        let receiver = self.receivers(function).first().copied().flatten();
                        let scope = Arc::new(Frame { function, receiver, caller: Caller::Any });
                        let scope = if function == frame.function { frame } else { &scope };
                        found.extend(self.expression(owner, pair[1], scope, depth)?);
                    }
                    None => is_open = true,
                    _ => {}
                }
            }
            for write in self.program.uses.writes.get(&Cell::Entry(site, NameHash::of(key))).into_iter().flatten() {
                let Some(value) = write.value.filter(|_| self.reaches(write.function)) else { continue };
                let receiver = self.receivers(write.function).first().copied().flatten();
                let scope = Arc::new(Frame { function: write.function, receiver, caller: Caller::Any });
                let (file, value) = linked.ids.of_site(value);
                found.extend(self.expression(file, value, &scope, depth)?);
            }
        }
        if !found.is_empty() {
            return Ok(merged(found));
        }
        if is_literal && !is_open {
            return Ok(default.map_or_else(|| vec![Reading::Nothing], <[Reading]>::to_vec));
        }
        self.setting(file, container, key, default, frame, depth)
    }

    /// What a configuration says: anything under a constant key of something that is not seen being made.
    pub(super) fn setting(
        &self,
        file: FileId,
        container: ExprId,
        key: &str,
        default: Option<&[Reading]>,
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Readings {
        let texts = self.expression(file, container, frame, depth)?;
        let services: Vec<Reading> = texts
            .into_iter()
            .filter(|text| matches!(text, Reading::Text(parts) if matches!(parts.as_slice(), [Part::Service(_)])))
            .collect();
        if !services.is_empty() {
            return Ok(services);
        }
        // What a registry or configuration holds under a service's name says where that is.
        if let Some(service) = self.names.get(key) {
            return Ok(Reading::service(*service));
        }
        let mut key = key.to_owned();
        self.prefix(file, container, &mut key, 4);
        let declared = self.declared_default(file, &key);
        let default = default.map(<[Reading]>::to_vec).or_else(|| declared.map(Reading::known));
        Ok(defaulted(&key, &default.unwrap_or_default()))
    }

    /// The keys around a setting's own: `services.router.port` of `config["services"].get("router", {})["port"]`.
    fn prefix(&self, file: FileId, container: ExprId, key: &mut String, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let unit = self.program.linked.file(file);
        let facts = &unit.facts;
        let literal = |id: ExprId| match facts.expr(id) {
            Expr::Str(text) => Some(facts.text(text)),
            _ => None,
        };
        match facts.expr(container) {
            Expr::Subscript { value, index } => {
                if let Some(outer) = literal(index) {
                    *key = format!("{outer}.{key}");
                    self.prefix(file, value, key, depth);
                }
            }
            Expr::Call(call) => {
                let call = facts.call(call);
                if let (Expr::Attribute { value, attribute }, Some(first)) =
                    (facts.expr(call.callee), facts.arguments(call).first())
                    && facts.text(attribute) == "get"
                    && let Some(outer) = literal(*first)
                {
                    *key = format!("{outer}.{key}");
                    self.prefix(file, value, key, depth);
                }
            }
            Expr::Boolean { values, .. } => {
                if let Some(first) = facts.list(values).first() {
                    self.prefix(file, *first, key, depth);
                }
            }
            Expr::Name(name) => {
                let region = facts.exprs[container.0 as usize].region;
                let scope = facts.region(region).function;
                if let Some(value) = unit.scopes.only_value(scope, facts.names.hash(name)) {
                    self.prefix(file, value, key, depth);
                }
            }
            _ => {}
        }
    }

    /// The default of a command-line option of the same file.
    fn declared_default(&self, file: FileId, key: &str) -> Option<String> {
        let mut known = self.options.borrow_mut();
        let options = known.entry(file).or_insert_with(|| options(&self.program.linked.file(file).facts));
        options.get(key).cloned()
    }
}

/// The defaults that a file gives to command-line options: `add_argument("--port", default=5555)`.
pub(super) type Options = FxHashMap<String, String>;

fn options(facts: &FileFacts) -> Options {
    let mut found = Options::default();
    for call in &facts.calls {
        let is_declaration = matches!(facts.expr(call.callee), Expr::Attribute { attribute, .. } if facts.text(attribute) == "add_argument");
        let default = facts.argument(call, Some("default"), None).filter(|_| is_declaration);
        let default = match default.map(|default| facts.expr(default)) {
            Some(Expr::Int(number)) => number.to_string(),
            Some(Expr::Str(text)) => facts.text(text).to_owned(),
            _ => continue,
        };
        for argument in facts.arguments(call) {
            if let Expr::Str(text) = facts.expr(*argument) {
                let key = facts.text(text).trim_start_matches('-').replace('-', "_");
                found.entry(key).or_insert_with(|| default.clone());
            }
        }
    }
    found
}
