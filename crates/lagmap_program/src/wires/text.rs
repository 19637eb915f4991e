//! Texts: what an expression may be, from parts that are written in the code and parts that a configuration says.

use lagmap_facts::BinaryOp;

/// How many texts an expression may be; one that may be more is not known.
const MOST_TEXTS: usize = 6;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is written in the code.
    Known(String),
    /// A configuration, the environment or the command line says it.
    Setting(Setting),
    /// It says where a service is, which a look-up gave for its name: index into the system's services.
    Service(usize),
    /// Nothing is known of it.
    Unknown,
}

/// What a configuration, the environment or the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Under which key; those around it in front, with dots.
    pub key: String,
    /// What it is where nothing is said.
    pub default: Option<String>,
    /// What is added to the number that it says.
    pub offset: i64,
}

/// A text, from its parts.
pub type Text = Vec<Part>;

/// What an expression may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// `None`.
    Nothing,
    /// A text or number.
    Text(Text),
}

impl Reading {
    /// Nothing is known of it.
    pub fn unknown() -> Vec<Self> {
        vec![Self::Text(vec![Part::Unknown])]
    }

    /// Just this text.
    pub fn known(text: impl Into<String>) -> Vec<Self> {
        vec![Self::Text(vec![Part::Known(text.into())])]
    }

    /// Where a service is.
    pub fn service(service: usize) -> Vec<Self> {
        vec![Self::Text(vec![Part::Service(service)])]
    }

    /// The text, if all of it is written in the code.
    pub fn text(&self) -> Option<String> {
        let Self::Text(parts) = self else { return None };
        parts
            .iter()
            .map(|part| match part {
                Part::Known(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The text where the configuration says nothing.
    pub fn default_text(&self) -> Option<String> {
        match self {
            Self::Text(parts) => match parts.as_slice() {
                [Part::Setting(setting)] => setting.default.clone(),
                _ => self.text(),
            },
            Self::Nothing => None,
        }
    }

    fn number(&self) -> Option<i64> {
        self.text()?.parse().ok()
    }

    /// Whether nothing at all is known of it.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Text(parts) if parts.iter().all(|part| *part == Part::Unknown))
    }
}

/// Each text once; those of which nothing is known only if there are no others.
pub fn merged(texts: impl IntoIterator<Item = Reading>) -> Vec<Reading> {
    let mut found: Vec<Reading> = Vec::new();
    for text in texts {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    if found.iter().any(|text| !text.is_unknown() && *text != Reading::Nothing) {
        found.retain(|text| !text.is_unknown());
    }
    if found.len() > MOST_TEXTS { Reading::unknown() } else { found }
}

/// What a setting may be, with its default.
pub fn defaulted(key: &str, default: &[Reading]) -> Vec<Reading> {
    let setting = |default: Option<String>| {
        Reading::Text(vec![Part::Setting(Setting { key: key.to_owned(), default, offset: 0 })])
    };
    let mut found = Vec::new();
    for text in default {
        match text {
            Reading::Nothing => found.push(setting(None)),
            Reading::Text(parts) => match (text.text(), parts.as_slice()) {
                (Some(text), _) => found.push(setting(Some(text))),
                // A setting whose default is another setting: `environ.get("PORT", config.get("port", 5555))`.
                (None, [Part::Setting(inner)]) => found.push(setting(inner.default.clone())),
                _ if text.is_unknown() => found.push(setting(None)),
                _ => found.push(text.clone()),
            },
        }
    }
    if found.is_empty() { vec![setting(None)] } else { merged(found) }
}

/// Gives settings without a default this one.
pub fn with_default(texts: Vec<Reading>, default: &[Reading]) -> Vec<Reading> {
    merged(texts.into_iter().flat_map(|text| match &text {
        Reading::Text(parts) => match parts.as_slice() {
            [Part::Setting(Setting { key, default: None, .. })] => defaulted(key, default),
            _ => vec![text],
        },
        Reading::Nothing => default.to_vec(),
    }))
}

/// One text behind the other.
pub fn joined(left: &[Reading], right: &[Reading]) -> Vec<Reading> {
    let parts = |text: &Reading| match text {
        Reading::Nothing => vec![Part::Unknown],
        Reading::Text(parts) => parts.clone(),
    };
    let mut found = Vec::new();
    for first in left {
        for second in right {
            let mut whole = parts(first);
            for part in parts(second) {
                match (whole.last_mut(), part) {
                    (Some(Part::Known(text)), Part::Known(more)) => text.push_str(&more),
                    (_, part) => whole.push(part),
                }
            }
            whole.retain(|part| *part != Part::Known(String::new()));
            if whole.is_empty() {
                whole.push(Part::Known(String::new()));
            }
            found.push(Reading::Text(whole));
        }
    }
    if found.len() > MOST_TEXTS { Reading::unknown() } else { merged(found) }
}

/// The sum of two numbers, or one text behind the other.
pub fn sum(op: BinaryOp, left: &[Reading], right: &[Reading]) -> Vec<Reading> {
    if let ([Reading::Text(parts)], [second]) = (left, right)
        && let (Some(number), sign) = (second.number(), if op == BinaryOp::Sub { -1 } else { 1 })
    {
        match parts.as_slice() {
            [Part::Known(first)] if first.parse::<i64>().is_ok() => {
                let first: i64 = first.parse().unwrap_or_default();
                return Reading::known(first.saturating_add(sign * number).to_string());
            }
            [Part::Setting(setting)] => {
                let default = setting.default.as_ref().map(|default| match default.parse::<i64>() {
                    Ok(first) => first.saturating_add(sign * number).to_string(),
                    Err(_) => default.clone(),
                });
                let offset = setting.offset + sign * number;
                return vec![Reading::Text(vec![Part::Setting(Setting { default, offset, key: setting.key.clone() })])];
            }
            _ => {}
        }
    }
    if op == BinaryOp::Sub { Reading::unknown() } else { joined(left, right) }
}

/// A text with its marks replaced, one after the other.
pub fn filled(texts: &[Reading], marks: &[&str], values: &[Vec<Reading>]) -> Vec<Reading> {
    let mut found = Vec::new();
    for text in texts {
        let Some(mut rest) = text.text() else {
            found.extend(Reading::unknown());
            continue;
        };
        let mut made = Reading::known("");
        let mut values = values.iter();
        while let Some((place, mark)) =
            marks.iter().filter_map(|mark| Some((rest.find(mark)?, mark))).min_by_key(|(place, _)| *place)
        {
            let Some(value) = values.next() else { break };
            made = joined(&joined(&made, &Reading::known(&rest[..place])), value);
            rest.drain(..place + mark.len());
        }
        found.extend(joined(&made, &Reading::known(rest)));
    }
    merged(found)
}

/// A text with its marks replaced by what stands for each, in whatever order: `"{host}:{port}".format(port=..., host=...)`.
pub fn filled_by_name(texts: &[Reading], named: &[(String, Vec<Reading>)]) -> Vec<Reading> {
    let mut found = Vec::new();
    for text in texts {
        let Some(mut rest) = text.text() else {
            found.extend(Reading::unknown());
            continue;
        };
        let mut made = Reading::known("");
        while let Some((place, (mark, value))) =
            named.iter().filter_map(|one| Some((rest.find(&one.0)?, one))).min_by_key(|(place, _)| *place)
        {
            made = joined(&joined(&made, &Reading::known(&rest[..place])), value);
            rest.drain(..place + mark.len());
        }
        found.extend(joined(&made, &Reading::known(rest)));
    }
    merged(found)
}

pub fn without_slash(text: Reading) -> Reading {
    match text {
        Reading::Text(mut parts) => {
            if let Some(Part::Known(last)) = parts.last_mut() {
                last.truncate(last.trim_end_matches('/').len());
            }
            Reading::Text(parts)
        }
        Reading::Nothing => Reading::Nothing,
    }
}
