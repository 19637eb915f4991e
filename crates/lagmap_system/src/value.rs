//! Scalars of start-up configurations: variables, ports and switches.

use std::collections::BTreeMap;

/// Defaults inside defaults beyond this many levels are left out.
const MAX_NESTED_DEFAULTS: u32 = 8;

/// Values for `${NAME}`.
pub(crate) type Variables = BTreeMap<String, String>;

/// What a port key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// A port from 1 to 65535.
    Number(u32),
    /// 0, or a variable that is not set: chosen when the service starts.
    Open,
    /// No port at all.
    Invalid,
}

/// Replaces `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:+instead}` and `$NAME`; unset ones by nothing.
pub(crate) fn expand(text: &str, variables: &Variables) -> String {
    expand_nested(text, variables, MAX_NESTED_DEFAULTS)
}

fn expand_nested(text: &str, variables: &Variables, levels: u32) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = if let Some(braced) = after.strip_prefix('{') {
            let Some(end) = closing_brace(braced) else {
                // Not a variable after all: keep the text as it is.
                expanded.push('$');
                rest = after;
                continue;
            };
            if levels > 0 {
                expanded.push_str(&braced_value(&braced[..end], variables, levels - 1));
            }
            &braced[end + 1..]
        } else if let Some(escaped) = after.strip_prefix('$') {
            expanded.push('$');
            escaped
        } else {
            let (name, behind) = split_name(after);
            if name.is_empty() {
                expanded.push('$');
            }
            expanded.push_str(variables.get(name).map_or("", String::as_str));
            behind
        };
    }
    expanded.push_str(rest);
    expanded
}

/// Byte offset of the brace that closes one already open.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(offset),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn braced_value(inside: &str, variables: &Variables, levels: u32) -> String {
    let (name, operation) = split_name(inside);
    let set = variables.get(name);
    let set_and_not_empty = set.filter(|value| !value.is_empty());
    let fallback = |default: &str| expand_nested(default, variables, levels);
    if let Some(default) = operation.strip_prefix(":-").or_else(|| operation.strip_prefix(":=")) {
        set_and_not_empty.cloned().unwrap_or_else(|| fallback(default))
    } else if let Some(instead) = operation.strip_prefix(":+") {
        set_and_not_empty.map_or_else(String::new, |_| fallback(instead))
    } else if let Some(default) = operation.strip_prefix('-').or_else(|| operation.strip_prefix('=')) {
        set.cloned().unwrap_or_else(|| fallback(default))
    } else if let Some(default) = operation.strip_prefix(':').filter(|default| !default.starts_with('?')) {
        // `${NAME:default}`, as Spring and several home-made loaders write it.
        set_and_not_empty.cloned().unwrap_or_else(|| fallback(default))
    } else {
        set.cloned().unwrap_or_default()
    }
}

fn split_name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.split_at(end)
}

/// Reads `7200`, `${PORT_OFFSET}+7200`, `${PORT:-8000}`, `$((OFFSET + 10 * 2))`. An operand that is not there, as an
/// unset variable leaves it, counts 0.
pub(crate) fn port(text: &str, variables: &Variables) -> Port {
    let text = text.trim();
    let text = text.strip_prefix("$((").and_then(|inner| inner.strip_suffix("))")).unwrap_or(text);
    match sum(&expand(text, variables), variables) {
        Some(0) => Port::Open,
        Some(number) => u16::try_from(number).map_or(Port::Invalid, |number| Port::Number(u32::from(number))),
        None => Port::Invalid,
    }
}

fn sum(text: &str, variables: &Variables) -> Option<i64> {
    let mut total = 0_i64;
    let mut sign = 1;
    let mut start = 0;
    for (offset, byte) in text.bytes().chain([b'+']).enumerate() {
        if byte == b'+' || byte == b'-' {
            total = total.checked_add(sign * product(&text[start..offset], variables)?)?;
            sign = if byte == b'-' { -1 } else { 1 };
            start = offset + 1;
        }
    }
    Some(total)
}

fn product(text: &str, variables: &Variables) -> Option<i64> {
    text.split('*').try_fold(1_i64, |total, factor| total.checked_mul(operand(factor.trim(), variables)?))
}

fn operand(text: &str, variables: &Variables) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && split_name(text).1.is_empty() {
        // Inside `$((…))` names stand without `$`.
        return variables.get(text).map_or(Some(0), |value| value.trim().parse().ok()).filter(|_| is_shouted(text));
    }
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    digits.parse::<u32>().ok().map(i64::from)
}

/// Whether this is written as environment variables are; `port: http` is no variable.
fn is_shouted(name: &str) -> bool {
    !name.contains(|c: char| c.is_ascii_lowercase())
}

/// Reads a switch in any of YAML's spellings.
pub(crate) fn switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn unset_variables_count_nothing() {
        let unset = Variables::new();
        for (text, number) in [
            ("${PORT_OFFSET}+7200", 7200),
            ("7200 + ${PORT_OFFSET}", 7200),
            ("${PORT:-8000}", 8000),
            ("${PORT-8000}", 8000),
            ("${PORT:8000}", 8000),
            ("${A:-${B:-81}}", 81),
            ("$((7200 + PORT_OFFSET))", 7200),
            ("$((7200 + ${PORT_OFFSET:-5}))", 7205),
            ("7_200", 7200),
            ("100*3-1", 299),
        ] {
            assert_eq!(port(text, &unset), Port::Number(number), "{text}");
        }
        assert_eq!(port("${PORT}", &unset), Port::Open);
        assert_eq!(port("0", &unset), Port::Open);
    }

    #[test]
    fn given_variables_count() {
        let given = set(&[("PORT_OFFSET", "1000"), ("EMPTY", "")]);
        assert_eq!(port("${PORT_OFFSET}+7200", &given), Port::Number(8200));
        assert_eq!(port("$((PORT_OFFSET + 1))", &given), Port::Number(1001));
        assert_eq!(port("${EMPTY:-9}", &given), Port::Number(9));
        assert_eq!(port("${EMPTY-9}", &given), Port::Open);
        assert_eq!(expand("a${PORT_OFFSET:+b}c$EMPTY-$$", &given), "abc-$");
    }

    #[test]
    fn what_is_no_port_is_invalid() {
        let unset = Variables::new();
        for text in ["http", "70000", "-5", "99999999999999999999", "4294967295*4294967295*9", "1.5", "8000:80"] {
            assert_eq!(port(text, &unset), Port::Invalid, "{text}");
        }
    }

    #[test]
    fn braces_that_never_close_stay() {
        assert_eq!(expand("a${b$c", &set(&[("c", "x")])), "a${bx");
    }
}
