//! Words of command lines: options, addresses, names, patterns.

use crate::launchers::Launcher;
use crate::service::Runs;

/// The value of the last of some options: `--port 80`, `--port=80`, `-p80`.
pub(super) fn option(words: &[String], names: &[&str]) -> Option<String> {
    let mut found = None;
    for (index, word) in words.iter().enumerate() {
        for name in names {
            let Some(rest) = word.strip_prefix(name) else { continue };
            if rest.is_empty() {
                found = words.get(index + 1).filter(|value| !value.is_empty()).cloned().or(found);
            } else if let Some(value) = rest.strip_prefix('=') {
                found = Some(value.to_owned());
            } else if !name.starts_with("--") && name.len() == 2 {
                found = Some(rest.to_owned());
            }
        }
    }
    found
}

/// The words of a launcher's line that are neither options, nor their values, nor its verb.
pub(super) fn plain_words(launcher: &Launcher, words: &[String], verb: Option<&str>) -> Vec<String> {
    let lists =
        [launcher.app, launcher.host, launcher.port, launcher.bind, launcher.folder, launcher.workers, launcher.values];
    let mut found = Vec::new();
    let mut at = words.iter();
    while let Some(word) = at.next() {
        if word.starts_with('-') {
            if lists.iter().any(|list| list.contains(&word.as_str())) {
                at.next();
            }
        } else if Some(word.as_str()) != verb {
            found.push(word.clone());
        }
    }
    found
}

/// What the words behind a script say of what it does.
pub(super) fn told_by(words: &[String]) -> Runs {
    let says = |names: &[&str]| words.iter().take(4).any(|word| names.contains(&word.as_str()));
    if says(&["worker", "workers", "consumer", "consume"]) {
        Runs::Worker
    } else if says(&["scheduler", "beat"]) {
        Runs::Scheduler
    } else if says(&["runserver", "serve", "server", "web", "start-server"]) {
        Runs::Server
    } else {
        Runs::Process
    }
}

pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let mut chars = name.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

pub(super) fn is_python(name: &str) -> bool {
    let rest = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// `package.module`
pub(super) fn is_dotted(word: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    !word.is_empty() && word.split('.').all(is_name)
}

/// `package.module:object`, `package.module:make()`
pub(super) fn is_object(word: &str) -> bool {
    word.split_once(':').is_some_and(|(module, object)| {
        let object = object.split('(').next().unwrap_or(object);
        is_dotted(module) && is_dotted(object)
    })
}

/// `0.0.0.0:80`, `:80`, `80`, `[::]:80`, `tcp://h:80`; of a socket file nothing.
pub(super) fn host_and_port(text: &str) -> (Option<String>, Option<u32>) {
    let text = text.split("://").last().unwrap_or(text);
    if text.starts_with("unix:") || text.contains('/') {
        return (None, None);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse::<u16>().ok().map(u32::from);
    (Some(host.to_owned()).filter(|host| !host.is_empty()), port)
}

/// Whether a shell pattern with `*` and `?` fits a text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|c| *c == '*')
}

pub(super) fn unquoted(word: &str) -> String {
    word.replace(['"', '\''], "")
}

/// Whether a path ends in `.py`, exactly so.
pub(super) fn is_python_file(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending == "py")
}

pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Where the variable at the start of a text ends: `$NAME` or `${…}`.
pub(super) fn variable_end(text: &str) -> usize {
    if text.starts_with("${") {
        let mut depth = 0_u32;
        for (offset, byte) in text.bytes().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 1 => return offset + 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        return text.len();
    }
    let is_digit = text[1..].starts_with(|c: char| c.is_ascii_digit());
    let end = text[1..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(text.len(), |end| end + 1);
    if is_digit { 2 } else { end }
}

/// Behind the `)` that closes one already open.
pub(super) fn behind_bracket(text: &str) -> &str {
    let mut depth = 1_u32;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return &text[offset + 1..];
                }
            }
            _ => {}
        }
    }
    ""
}

/// uWSGI's `$(NAME)` is a variable of the environment.
pub(super) fn environment_of_uwsgi(value: &str) -> String {
    value.replace("$(", "${").replace(')', "}")
}
