//! A YAML file as a tree that keeps lines, for files nobody vouches for.
//!
//! Invariants: an alias is the id of the node that it names, so nested aliases cost nothing here; whoever walks the
//! tree bounds its own steps, for aliases can also form cycles. Merge keys (`<<`) are already applied. A mapping has
//! each key once, and, as in other loaders, the last one counts.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

/// Deeper files are refused; hand-written configurations stay below ten levels.
const MAX_DEPTH: usize = 100;
/// Nodes and mapping entries of one file, merged ones included. A real configuration of 84 services has 1,000.
const MAX_NODES: usize = 500_000;
/// Documents of one file that may be broken before the rest is given up.
const MAX_FAULTS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(u32);

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: u32,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Null,
    Scalar(String),
    Sequence(Vec<NodeId>),
    Mapping(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: u32,
    pub(crate) value: NodeId,
}

/// A syntax error, or a limit that the file goes beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: Option<u32>,
    pub(crate) message: String,
}

/// A key that stands again in its mapping at `line`; the entry at `first_line` is lost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RepeatedKey {
    pub(crate) key: String,
    pub(crate) first_line: u32,
    pub(crate) line: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    entries: usize,
    /// The root node of each document; of a broken one, what stands before the fault.
    pub(crate) documents: Vec<NodeId>,
    /// Mappings that others merge in by `<<`.
    pub(crate) merged: HashSet<NodeId>,
    pub(crate) repeated_keys: Vec<RepeatedKey>,
    pub(crate) faults: Vec<Fault>,
}

impl Tree {
    /// Parses all documents of `text`. After a syntax error it goes on with the next document.
    pub(crate) fn parse(text: &str) -> Self {
        let mut tree = Self::default();
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines_before = 0;
        while let Some(stop) = Builder::new(&mut tree, lines_before).run(rest) {
            let resume = if tree.faults.len() < MAX_FAULTS { next_document(rest, stop) } else { None };
            let Some((lines, text)) = resume else { break };
            lines_before += lines;
            rest = text;
        }
        tree
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// The entries of a mapping; none for other nodes.
    pub(crate) fn entries(&self, id: NodeId) -> &[Entry] {
        match self.node(id) {
            Some(Node { content: Content::Mapping(entries), .. }) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence; none for other nodes.
    pub(crate) fn items(&self, id: NodeId) -> &[NodeId] {
        match self.node(id) {
            Some(Node { content: Content::Sequence(items), .. }) => items,
            _ => &[],
        }
    }

    /// The text of a scalar that is not null.
    pub(crate) fn text(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Some(Node { content: Content::Scalar(text), .. }) => Some(text),
            _ => None,
        }
    }

    /// The value that a mapping has for `key`.
    pub(crate) fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.entries(id).iter().find(|entry| entry.key == key).map(|entry| entry.value)
    }

    /// The value for the first of `keys` that the mapping has.
    pub(crate) fn first(&self, id: NodeId, keys: &[&str]) -> Option<NodeId> {
        keys.iter().find_map(|key| self.get(id, key))
    }

    fn push(&mut self, line: u32, content: Content) -> NodeId {
        self.nodes.push(Node { line, content });
        NodeId((self.nodes.len() - 1) as u32)
    }

    fn fill(&mut self, id: NodeId, content: Content) {
        if let Some(node) = self.nodes.get_mut(id.0 as usize) {
            node.content = content;
        }
    }
}

/// The first document that starts behind line `stop` of `text`, with the number of lines before it.
fn next_document(text: &str, stop: u32) -> Option<(u32, &str)> {
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let marks_document = line.starts_with("---") && line[3..].chars().next().is_none_or(char::is_whitespace);
        if index as u32 >= stop && marks_document {
            return text.get(offset..).map(|rest| (index as u32, rest));
        }
        offset += line.len();
    }
    None
}

/// A collection whose end has not come yet.
enum Open {
    Sequence { id: NodeId, items: Vec<NodeId> },
    Mapping { id: NodeId, entries: Vec<RawEntry>, key: Option<Key> },
}

struct Key {
    /// `None` for keys that are no scalars.
    text: Option<String>,
    line: u32,
    is_merge: bool,
}

struct RawEntry {
    key: Key,
    value: NodeId,
}

/// Turns the events of the parser into nodes, with a stack of its own: nesting is no recursion.
struct Builder<'t> {
    tree: &'t mut Tree,
    lines_before: u32,
    open: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
}

impl<'t> Builder<'t> {
    fn new(tree: &'t mut Tree, lines_before: u32) -> Self {
        Self { tree, lines_before, open: Vec::new(), anchors: HashMap::new() }
    }

    /// Reads up to the end or the first fault; the line of a syntax fault inside `text`, from 1.
    fn run(&mut self, text: &str) -> Option<u32> {
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
        let mut stop = None;
        while let Some(step) = parser.next_event() {
            let outcome = match step {
                Ok((event, span)) => self.take(event, span),
                Err(error) => {
                    let (line, fault) = self.syntax_fault(&error);
                    stop = Some(line);
                    Err(fault)
                }
            };
            if let Err(fault) = outcome {
                self.tree.faults.push(fault);
                break;
            }
        }
        while self.close() {}
        stop
    }

    fn syntax_fault(&self, error: &ScanError) -> (u32, Fault) {
        let line = error.marker().line() as u32;
        (line, Fault { line: Some(self.lines_before + line), message: format!("not valid YAML: {}", error.info()) })
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let line = self.lines_before + span.start.line() as u32;
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let is_merge = plain && text == "<<";
                let content = if null { Content::Null } else { Content::Scalar(text.into_owned()) };
                let id = self.anchored(line, content, anchor);
                self.attach(id, line, is_merge);
            }
            Event::SequenceStart(anchor, _) => {
                let id = self.anchored(line, Content::Sequence(Vec::new()), anchor);
                self.open.push(Open::Sequence { id, items: Vec::new() });
            }
            Event::MappingStart(anchor, _) => {
                let id = self.anchored(line, Content::Mapping(Vec::new()), anchor);
                self.open.push(Open::Mapping { id, entries: Vec::new(), key: None });
            }
            Event::Alias(anchor) => {
                if let Some(&id) = self.anchors.get(&anchor) {
                    self.attach(id, line, false);
                }
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close();
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        self.within_limits(line)
    }

    fn within_limits(&self, line: u32) -> Result<(), Fault> {
        if self.open.len() > MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(Fault { line: Some(line), message });
        }
        if self.tree.nodes.len() + self.tree.entries > MAX_NODES {
            let message = format!("more than {MAX_NODES} values, merged ones included");
            return Err(Fault { line: Some(line), message });
        }
        Ok(())
    }

    fn anchored(&mut self, line: u32, content: Content, anchor: usize) -> NodeId {
        let id = self.tree.push(line, content);
        // The parser gives 0 to nodes without an anchor.
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    /// Puts a finished node where it belongs: into the innermost open collection, or to the documents.
    fn attach(&mut self, id: NodeId, line: u32, is_merge: bool) {
        match self.open.last_mut() {
            None => self.tree.documents.push(id),
            Some(Open::Sequence { items, .. }) => items.push(id),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                Some(key) => entries.push(RawEntry { key, value: id }),
                None => *key = Some(Key { text: self.tree.text(id).map(str::to_owned), line, is_merge }),
            },
        }
    }

    /// Ends the innermost open collection; `false` if there is none.
    fn close(&mut self) -> bool {
        let Some(open) = self.open.pop() else { return false };
        let (id, content) = match open {
            Open::Sequence { id, items } => (id, Content::Sequence(items)),
            Open::Mapping { id, entries, .. } => (id, Content::Mapping(self.settle(entries))),
        };
        self.tree.fill(id, content);
        let line = self.tree.node(id).map_or(0, |node| node.line);
        self.attach(id, line, false);
        true
    }

    /// Applies repeated keys (the last counts) and merges (own keys count, then the first source that has the key).
    fn settle(&mut self, raw: Vec<RawEntry>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut sources = Vec::new();
        for RawEntry { key, value } in raw {
            if key.is_merge {
                sources.push(value);
                continue;
            }
            let Some(text) = key.text else { continue };
            let entry = Entry { key: text, line: key.line, value };
            if let Some(earlier) = places.get(&entry.key).and_then(|&place| entries.get_mut(place)) {
                let repeated = RepeatedKey { key: entry.key.clone(), first_line: earlier.line, line: entry.line };
                self.tree.repeated_keys.push(repeated);
                *earlier = entry;
            } else {
                places.insert(entry.key.clone(), entries.len());
                entries.push(entry);
            }
        }
        for source in self.flat_sources(&sources) {
            self.tree.merged.insert(source);
            // Past the limit the file is refused anyway, by the check behind this event.
            for entry in self.tree.entries(source) {
                if self.tree.entries + entries.len() <= MAX_NODES && !places.contains_key(&entry.key) {
                    places.insert(entry.key.clone(), entries.len());
                    entries.push(entry.clone());
                }
            }
        }
        self.tree.entries += entries.len();
        entries
    }

    /// `<<: *a` and `<<: [*a, *b]` as a list, each mapping once.
    fn flat_sources(&self, sources: &[NodeId]) -> Vec<NodeId> {
        let mut seen = HashSet::new();
        let one_or_more = |id: &NodeId| match self.tree.items(*id) {
            [] => vec![*id],
            items => items.to_vec(),
        };
        let mut flat: Vec<NodeId> = sources.iter().flat_map(one_or_more).collect();
        flat.retain(|id| seen.insert(*id));
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, path: &[&str]) -> Option<String> {
        let tree = Tree::parse(text);
        let mut id = *tree.documents.first()?;
        for key in path {
            id = tree.get(id, key)?;
        }
        tree.text(id).map(str::to_owned)
    }

    #[test]
    fn own_keys_win_over_merged_ones_and_earlier_sources_over_later() {
        let text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 0\n";
        assert_eq!(value(text, &["c", "x"]).as_deref(), Some("0"));
        assert_eq!(value(text, &["c", "y"]).as_deref(), Some("1"));
        assert_eq!(value(text, &["c", "z"]).as_deref(), Some("2"));
    }

    #[test]
    fn a_quoted_merge_key_is_a_key_like_any_other() {
        assert_eq!(value("a: &a {x: 1}\nc: {'<<': *a}\n", &["c", "x"]), None);
        assert_eq!(value("a: &a {x: 1}\nc: {'<<': *a}\n", &["c", "<<", "x"]).as_deref(), Some("1"));
    }

    #[test]
    fn the_last_of_repeated_keys_counts_and_the_loss_is_kept() {
        let tree = Tree::parse("k: 1\nother: 2\nk: 3\n");
        assert_eq!(value("k: 1\nother: 2\nk: 3\n", &["k"]).as_deref(), Some("3"));
        assert_eq!(tree.repeated_keys, [RepeatedKey { key: "k".to_owned(), first_line: 1, line: 3 }]);
        assert!(tree.faults.is_empty());
    }

    #[test]
    fn what_stands_before_a_fault_and_behind_it_in_other_documents_is_kept() {
        let tree = Tree::parse("a: 1\nb: [1, 2\nc: 3\n---\nd: 4\n---\ne: }\n");
        let keys: Vec<_> = tree.documents.iter().flat_map(|&id| tree.entries(id)).map(|e| e.key.as_str()).collect();
        assert!(keys.contains(&"a") && keys.contains(&"d"), "{keys:?}");
        assert_eq!(tree.faults.len(), 2, "{:?}", tree.faults);
        assert!(tree.faults[0].line.is_some_and(|line| (2..=4).contains(&line)), "{:?}", tree.faults);
        assert_eq!(tree.faults[1].line, Some(7));
    }

    #[test]
    fn merges_cannot_multiply_a_file() {
        use std::fmt::Write as _;
        let keys = (0..2_000).fold(String::new(), |mut text, key| {
            let _ = write!(text, "k{key}: 0, ");
            text
        });
        let mut text = format!("base: &base {{{keys}}}\n");
        for copy in 0..2_000 {
            let _ = writeln!(text, "copy{copy}: {{<<: *base}}");
        }
        let tree = Tree::parse(&text);
        assert!(tree.faults.iter().any(|fault| fault.message.contains("merged ones included")), "{:?}", tree.faults);
    }
}
