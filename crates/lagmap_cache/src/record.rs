//! All that an audit takes from one file.

use lagmap_facts::FileFacts;
use lagmap_source::{FileError, LineMap, Position, Suppression};
use serde::{Deserialize, Serialize};

/// What one file gives, whatever its path: equal bytes give equal records. No catalogue and no configuration has a part in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What the code does.
    pub facts: FileFacts,
    /// Its lines.
    pub lines: LineMap,
    /// Its first syntax error.
    pub fault: Option<Fault>,
    /// Its suppression comments.
    pub suppressions: Vec<Suppression>,
}

/// Why a file does not parse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What the parser says.
    pub message: String,
    /// Where.
    pub position: Position,
}

impl Record {
    /// Parses a text and takes its facts; the tree is dropped at the end. The caller's stack must be one of
    /// [`lagmap_source::pool`]'s.
    ///
    /// # Errors
    /// For code that is nested too deeply; the error's path is empty.
    pub fn of(text: &str) -> Result<Self, FileError> {
        let parsed = lagmap_source::parse(text)?;
        let facts = lagmap_facts::lower(&parsed.module, text);
        let first = parsed.problems.into_iter().next();
        let fault = first.map(|problem| Fault { message: problem.message, position: problem.position });
        Ok(Self { facts, lines: parsed.lines, fault, suppressions: parsed.suppressions })
    }

    /// The record as bytes.
    pub fn encode(&self) -> Option<Vec<u8>> {
        postcard::to_stdvec(self).ok()
    }

    /// The record that some bytes are, if they are one that can be read without a panic.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (record, rest) = postcard::take_from_bytes::<Self>(bytes).ok()?;
        let whole = rest.is_empty() && record.lines.is_consistent() && lagmap_facts::check(&record.facts).is_ok();
        whole.then_some(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODE: &str = "import m  # lagmap: ignore[x]\n@d\ndef f(a=1):\n    for x in g(a, k='é√'): yield x\nclass C(B): y = [1.5]\nx = (\n";

    fn record() -> Record {
        lagmap_source::pool(Some(1)).unwrap().install(|| Record::of(CODE)).unwrap()
    }

    #[test]
    fn comes_back_as_it_was() {
        let record = record();
        assert!(record.fault.is_some() && !record.suppressions.is_empty() && !record.facts.classes.is_empty());
        assert_eq!(Record::decode(&record.encode().unwrap()), Some(record));
    }

    #[test]
    fn neither_less_nor_more_is_a_record() {
        let bytes = record().encode().unwrap();
        assert!((0..bytes.len()).all(|end| Record::decode(&bytes[..end]).is_none()));
        assert_eq!(Record::decode(&[bytes, vec![0]].concat()), None);
    }

    #[test]
    fn what_claims_to_be_huge_takes_no_memory() {
        // The longest length that the format can say, at the start of each list of the facts.
        for at in 0..20 {
            let bytes = [vec![0; at], vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]].concat();
            assert_eq!(Record::decode(&bytes), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Whatever somebody writes into the cache, it is refused or can be read.
        #[test]
        fn damage_is_refused_or_harmless(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let mut bytes = record().encode().unwrap();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(record) = Record::decode(&bytes) {
                lagmap_facts::dump(&record.facts);
                let positions = record.facts.exprs.iter().map(|node| record.lines.position(node.span.start));
                prop_assert!(positions.count() > 0);
            }
        }
    }
}
