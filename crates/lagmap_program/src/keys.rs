//! Keys: whether those of a container are new each time or come from a fixed set.

use lagmap_facts::{Expr, ExprId};

use crate::{FileId, Program, Source};

impl Program {
    /// Whether a key, or what its local name is bound to, has hardly been seen before: an identifier, a time, a hash or a text
    /// of a request, as its name or making says. Names of services, models and states come from fixed sets.
    pub(crate) fn is_open_key(&self, file: FileId, key: ExprId, depth: u32) -> bool {
        let unit = self.linked.file(file);
        let facts = &unit.facts;
        let spoken = is_new_each_time(facts, key);
        let (Expr::Name(name), Some(depth)) = (facts.expr(key), depth.checked_sub(1)) else { return spoken };
        let node = &facts.exprs[key.0 as usize];
        let scope = facts.region(node.region).function;
        let bindings = || unit.scopes.reaching(facts, scope, facts.names.hash(name), node.span.start, node.region);
        let by_value = || {
            bindings().any(|binding| match binding.source {
                Source::Value(value) if binding.path.is_whole() => self.is_open_key(file, value, depth),
                _ => false,
            })
        };
        // What a name is seen to be put together of says more than the name: `cache_key = (kind, level)`.
        let is_spelt_out = || {
            let mut bindings = bindings().peekable();
            bindings.peek().is_some()
                && bindings.all(|binding| match binding.source {
                    Source::Value(value) if binding.path.is_whole() => matches!(facts.expr(value), Expr::Tuple(_)),
                    _ => false,
                })
        };
        by_value() || spoken && !is_spelt_out()
    }
}

/// A text, number, flag or `None` that is written in the code.
pub(crate) fn is_literal(facts: &lagmap_facts::FileFacts, id: ExprId) -> bool {
    matches!(facts.expr(id), Expr::Str(_) | Expr::Bytes(_) | Expr::Int(_) | Expr::Float(_) | Expr::Bool(_) | Expr::None)
}

/// Something that happens once, so that its identifier is new: a message, a job. Devices and users come back.
fn is_event(facts: &lagmap_facts::FileFacts, id: ExprId) -> bool {
    const EVENTS: [&str; 12] =
        ["request", "message", "msg", "event", "job", "task", "session", "turn", "order", "command", "call", "packet"];
    let name = match facts.expr(id) {
        Expr::Name(name) | Expr::Attribute { attribute: name, .. } => facts.text(name).to_ascii_lowercase(),
        _ => return false,
    };
    EVENTS.iter().any(|event| name == *event || name.strip_suffix(event).is_some_and(|rest| rest.ends_with('_')))
}

/// Whether a name says that what it holds is new each time: `request_id`, `text`. Names in capitals are constants.
pub(crate) fn is_open_name(name: &str) -> bool {
    const OPEN: [&str; 22] = [
        "request_id",
        "req_id",
        "task_id",
        "message_id",
        "msg_id",
        "session_id",
        "conversation_id",
        "job_id",
        "trace_id",
        "correlation_id",
        "event_id",
        "interaction_id",
        "hash",
        "cache_key",
        "digest",
        "timestamp",
        "prompt",
        "query",
        "text",
        "url",
        "uuid",
        "token",
    ];
    let is_constant = name.chars().all(|letter| !letter.is_lowercase());
    let name = name.to_ascii_lowercase();
    !is_constant && OPEN.iter().any(|word| name.ends_with(word))
}

/// Whether an expression by itself says so.
fn is_new_each_time(facts: &lagmap_facts::FileFacts, key: ExprId) -> bool {
    // What constants name as a key or attribute is no constant itself.
    let speaks = |text: &str| is_open_name(&text.to_ascii_lowercase());
    match facts.expr(key) {
        Expr::Name(name) => is_open_name(facts.text(name)),
        Expr::Attribute { value, attribute } => {
            speaks(facts.text(attribute)) || facts.text(attribute) == "id" && is_event(facts, value)
        }
        Expr::Subscript { value, index } => match facts.expr(index) {
            Expr::Str(text) => speaks(facts.text(text)) || facts.text(text) == "id" && is_event(facts, value),
            _ => false,
        },
        Expr::Call(call) => {
            let call = facts.call(call);
            let by_name = match facts.expr(call.callee) {
                Expr::Attribute { attribute, .. } => {
                    matches!(facts.text(attribute), "uuid4" | "uuid1" | "time" | "time_ns" | "hexdigest" | "isoformat")
                }
                Expr::Name(name) => matches!(facts.text(name), "uuid4" | "time" | "hash"),
                _ => false,
            };
            let converted = matches!(facts.expr(call.callee), Expr::Name(name) if facts.text(name) == "str")
                && facts.arguments(call).iter().any(|argument| is_new_each_time(facts, *argument));
            by_name || converted
        }
        Expr::FString(parts) => facts.list(parts).iter().any(|part| is_new_each_time(facts, *part)),
        Expr::Tuple(parts) => facts.list(parts).iter().any(|part| is_new_each_time(facts, *part)),
        Expr::Binary { left, right, .. } => is_new_each_time(facts, left) || is_new_each_time(facts, right),
        _ => false,
    }
}
