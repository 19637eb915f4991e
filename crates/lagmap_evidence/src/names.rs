//! Function names as profilers write them.

/// The last part of a name: what a call in the code says. `Store.find`, `app.store.Store.find` and `<method 'find' of
/// 'Store' objects>` are all `find`.
pub(crate) fn simple(name: &str) -> &str {
    if let Some(builtin) = name.strip_prefix("<built-in method ").and_then(|rest| rest.strip_suffix('>')) {
        return builtin.rsplit('.').next().unwrap_or(builtin);
    }
    if let Some((method, _)) = name.strip_prefix("<method '").and_then(|rest| rest.split_once('\'')) {
        return method;
    }
    match name.rsplit_once('.') {
        // `<lambda>` and `<listcomp>` hold no dot; what stands before them is the function around them.
        Some((_, last)) if !last.is_empty() => last,
        _ => name,
    }
}

/// What stands before the last part, without the marks of nested functions: `app.store.Store`.
pub(crate) fn around(name: &str) -> Option<String> {
    let (before, _) = name.rsplit_once('.')?;
    Some(before.replace(".<locals>", ""))
}
