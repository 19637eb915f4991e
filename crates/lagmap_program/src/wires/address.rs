//! Addresses: host, port and route of a text such as `tcp://host:port`, as far as they are known.

use super::text::{Part, Reading, Setting, Text};

/// Where something listens or is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The host.
    pub host: Option<Part>,
    /// The port.
    pub port: Option<Part>,
    /// The path behind host and port, with `/` in front; parts that are not known are `{}`.
    pub route: Option<String>,
}

/// Stands for a part that is not known text while a text is taken apart: the first of a range of private characters.
const MARK: u32 = 0xE000;

impl Address {
    /// Takes a text apart: a URL, `tcp://host:port`, `host:port`, a path alone.
    pub fn of(reading: &Reading) -> Self {
        let Reading::Text(parts) = reading else { return Self::default() };
        if let [Part::Service(_)] = parts.as_slice() {
            return Self { host: parts.first().cloned(), port: None, route: None };
        }
        if let [Part::Setting(Setting { default: Some(default), key, .. })] = parts.as_slice() {
            let mut address = Self::of(&Reading::Text(vec![Part::Known(default.clone())]));
            // The host of an address that the configuration may say is said under its key.
            if let (Some(Part::Known(host)), Some(_)) = (&address.host, &address.port) {
                let setting = Setting { key: key.clone(), default: Some(host.clone()), offset: 0 };
                address.host = Some(Part::Setting(setting));
            }
            return address;
        }
        let text = flattened(parts);
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None if text.starts_with('/') => {
                return Self { host: None, port: None, route: Some(shown(&text)) };
            }
            None => ("", text.as_str()),
        };
        if matches!(scheme, "inproc" | "ipc") {
            return Self { host: None, port: None, route: Some(shown(&text)) };
        }
        let (place, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let part = |text: &str| part(text, parts);
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (part(host.trim_matches(['[', ']'])), part(port)),
            None => (part(place), None),
        };
        let by_scheme = match scheme {
            "http" | "ws" => Some("80"),
            "https" | "wss" => Some("443"),
            _ => None,
        };
        let is_base = matches!(host, Some(Part::Service(_) | Part::Setting(_) | Part::Unknown));
        let port = port.or_else(|| by_scheme.filter(|_| !is_base).map(|port| Part::Known(port.to_owned())));
        let path = path.split(['?', '#']).next().unwrap_or_default();
        Self { host, port, route: (!path.is_empty()).then(|| shown(path)) }
    }

    /// From a host and a port that are given apart.
    pub fn from_parts(host: Option<&Reading>, port: Option<&Reading>) -> Self {
        let single = |reading: &Reading| match reading {
            Reading::Text(parts) => match parts.as_slice() {
                [one] => Some(one.clone()),
                _ => Some(Part::Unknown),
            },
            Reading::Nothing => None,
        };
        Self { host: host.and_then(single), port: port.and_then(single), route: None }
    }

    /// The port, if the code says it; a default counts.
    pub fn port_number(&self) -> Option<u32> {
        let text = match self.port.as_ref()? {
            Part::Known(text) => text,
            Part::Setting(setting) => setting.default.as_ref()?,
            _ => return None,
        };
        text.parse().ok().filter(|port| (1..=65535).contains(port))
    }

    /// The host, if the code says it; a default counts.
    pub fn host_name(&self) -> Option<&str> {
        match self.host.as_ref()? {
            Part::Known(text) => Some(text),
            Part::Setting(setting) => setting.default.as_deref(),
            _ => None,
        }
    }

    /// With a route behind its own.
    #[must_use]
    pub fn followed_by(mut self, route: &str) -> Self {
        let own = self.route.take().unwrap_or_default();
        let route = if own.ends_with('/') { format!("{own}{}", route.trim_start_matches('/')) } else { own + route };
        self.route = Some(route).filter(|route| !route.is_empty());
        self
    }
}

fn flattened(parts: &Text) -> String {
    let mut text = String::new();
    for (index, part) in (0..).zip(parts) {
        match part {
            Part::Known(known) => text.push_str(known),
            _ => text.extend(char::from_u32(MARK + index)),
        }
    }
    text
}

/// What a piece of a flattened text stands for.
fn part(text: &str, parts: &Text) -> Option<Part> {
    let mut characters = text.chars();
    let first = characters.next()?;
    let index = (first as u32).checked_sub(MARK).map(|index| index as usize).filter(|index| *index < parts.len());
    match (index, characters.next()) {
        (Some(index), None) => parts.get(index).cloned(),
        _ if text.chars().any(is_mark) => Some(Part::Unknown),
        _ => Some(Part::Known(text.to_owned())),
    }
}

fn is_mark(character: char) -> bool {
    (MARK..MARK + 0x100).contains(&(character as u32))
}

/// A route as it is shown, `{}` for what is not known.
fn shown(text: &str) -> String {
    text.chars().map(|character| if is_mark(character) { "{}".to_owned() } else { character.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[Part]) -> Address {
        Address::of(&Reading::Text(parts.to_vec()))
    }

    fn known(text: &str) -> Part {
        Part::Known(text.to_owned())
    }

    #[test]
    fn urls_and_socket_addresses_are_taken_apart() {
        let address = of(&[known("http://router:8000/api/"), Part::Unknown, known("?q=1")]);
        assert_eq!((address.host_name(), address.port_number()), (Some("router"), Some(8000)));
        assert_eq!(address.route.as_deref(), Some("/api/{}"));
        let address = of(&[known("tcp://*:"), Part::Service(3)]);
        assert_eq!((address.host_name(), address.port.clone()), (Some("*"), Some(Part::Service(3))));
        assert_eq!(of(&[known("[::]:50051")]).port_number(), Some(50051));
        assert_eq!(of(&[known("https://example.org/x")]).port_number(), Some(443));
        assert_eq!(of(&[known("/ask")]).route.as_deref(), Some("/ask"));
    }

    #[test]
    fn what_is_partly_known_is_not_a_port() {
        assert_eq!(of(&[known("tcp://h:5"), Part::Unknown]).port_number(), None);
        assert_eq!(of(&[Part::Unknown]), Address { host: Some(Part::Unknown), port: None, route: None });
    }
}
