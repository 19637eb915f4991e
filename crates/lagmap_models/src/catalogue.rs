//! The catalogue in memory: a tree of dotted paths with what is known at each.

use lagmap_facts::NameHash;
use rustc_hash::FxHashMap;

use crate::{
    ApiEntry, CatalogueFile, EndpointModel, EntryModel, FamilyModel, OccasionalModel, ResourceKind, WireModel,
};

/// The catalogue files that are built in, with their paths: read from TOML by the build script, because reading it anew would
/// take a good part of the audit of a small tree.
const EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/catalogue.bin"));

/// A dotted path of the catalogue: a module, class, function, method or attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId(pub u32);

impl ModelId {
    /// Something outside of the project that the catalogue does not know.
    pub const UNKNOWN: Self = Self(0);
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    parent: ModelId,
    entry: Option<u32>,
    /// The first path of the same class, where its methods stand.
    canonical: Option<ModelId>,
    bases: Vec<ModelId>,
    returns: Option<ModelId>,
    yields: Option<ModelId>,
    makes: Option<ModelId>,
}

/// A catalogue file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It is no TOML, or has a field that the format does not know.
    #[error("{path}: {source}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong, with the line.
        source: Box<toml::de::Error>,
    },
    /// The built-in files were damaged since they were built in.
    #[error("the built-in catalogue is damaged: {0}")]
    Embedded(#[from] postcard::Error),
    /// It contradicts itself.
    #[error("{path}: `{entry}`: {problem}")]
    Entry {
        /// The file.
        path: String,
        /// The dotted path of the entry.
        entry: String,
        /// What is wrong and what to write.
        problem: String,
    },
}

/// How the source of a cost begins that was measured on this machine.
pub const CALIBRATED: &str = "measured on this machine";

/// What one call takes on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibratedCost {
    /// Typical low and high time, in milliseconds.
    pub ms: [f64; 2],
    /// How it was measured.
    pub source: String,
}

/// All known APIs.
#[derive(Clone, Debug)]
pub struct Catalogue {
    nodes: Vec<Node>,
    children: FxHashMap<(ModelId, NameHash), ModelId>,
    entries: Vec<ApiEntry>,
    resources: FxHashMap<String, ResourceKind>,
    functions: Vec<EntryModel>,
    families: Vec<FamilyModel>,
    occasional: OccasionalModel,
    endpoints: Vec<EndpointModel>,
    wires: Vec<WireModel>,
    wired: FxHashMap<ModelId, u32>,
    builtins: ModelId,
    list: ModelId,
    dict: ModelId,
    set: ModelId,
    tuple: ModelId,
    text: ModelId,
    bytes: ModelId,
}

/// The root of all paths.
const ROOT: ModelId = ModelId(1);

impl Catalogue {
    /// The built-in catalogue and the user's own files, given as (path, text). Later entries replace earlier ones.
    pub fn load(user: &[(String, String)]) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::empty();
        let embedded: Vec<(String, CatalogueFile)> = postcard::from_bytes(EMBEDDED)?;
        for (path, file) in embedded {
            catalogue.add(&path, file)?;
        }
        for (path, text) in user {
            let file: CatalogueFile = toml::from_str(text)
                .map_err(|source| CatalogueError::Format { path: path.clone(), source: Box::new(source) })?;
            catalogue.add(path, file)?;
        }
        catalogue.link();
        Ok(catalogue)
    }

    fn empty() -> Self {
        let node = |name: &str| Node {
            name: name.to_owned(),
            parent: ROOT,
            entry: None,
            canonical: None,
            bases: Vec::new(),
            returns: None,
            yields: None,
            makes: None,
        };
        let mut catalogue = Self {
            nodes: vec![node("?"), node("")],
            children: FxHashMap::default(),
            entries: Vec::new(),
            resources: FxHashMap::default(),
            functions: Vec::new(),
            families: Vec::new(),
            occasional: OccasionalModel::default(),
            endpoints: Vec::new(),
            wires: Vec::new(),
            wired: FxHashMap::default(),
            builtins: ROOT,
            list: ROOT,
            dict: ROOT,
            set: ROOT,
            tuple: ROOT,
            text: ROOT,
            bytes: ROOT,
        };
        catalogue.builtins = catalogue.insert("builtins");
        catalogue.list = catalogue.insert("builtins.list");
        catalogue.dict = catalogue.insert("builtins.dict");
        catalogue.set = catalogue.insert("builtins.set");
        catalogue.tuple = catalogue.insert("builtins.tuple");
        catalogue.text = catalogue.insert("builtins.str");
        catalogue.bytes = catalogue.insert("builtins.bytes");
        catalogue
    }

    fn insert(&mut self, path: &str) -> ModelId {
        path.split('.').fold(ROOT, |parent, part| {
            let key = (parent, NameHash::of(part));
            if let Some(found) = self.children.get(&key) {
                return *found;
            }
            let id = ModelId(self.nodes.len() as u32);
            let name = part.to_owned();
            self.nodes.push(Node {
                name,
                parent,
                entry: None,
                canonical: None,
                bases: Vec::new(),
                returns: None,
                yields: None,
                makes: None,
            });
            self.children.insert(key, id);
            id
        })
    }

    fn add(&mut self, path: &str, file: CatalogueFile) -> Result<(), CatalogueError> {
        for module in &file.library.modules {
            self.insert(module);
        }
        for resource in file.resources {
            self.resources.insert(resource.kind.clone(), resource);
        }
        self.functions.extend(file.entries);
        self.families.extend(file.families);
        for own in file.occasional {
            self.occasional.words.extend(own.words);
            self.occasional.names.extend(own.names);
            self.occasional.changes.extend(own.changes);
            self.occasional.settings.extend(own.settings);
            self.occasional.guards.extend(own.guards);
        }
        for endpoint in &file.endpoints {
            if let Some(wrong) = endpoint.paths.iter().find(|path| !path.starts_with('/')) {
                let problem = "a path of an endpoint must begin with `/`".to_owned();
                return Err(CatalogueError::Entry { path: path.to_owned(), entry: wrong.clone(), problem });
            }
        }
        self.endpoints.extend(file.endpoints);
        for wire in file.wires {
            if wire.paths.is_empty() {
                let (path, entry) = (path.to_owned(), wire.protocol);
                let problem = "`paths` of a wire must name at least one path".to_owned();
                return Err(CatalogueError::Entry { path, entry, problem });
            }
            self.wires.push(wire);
        }
        for entry in file.apis {
            let problem = match (&entry.effect, &entry.ms) {
                (Some(_), None) => Some("an effect needs `ms = [low, high]`"),
                (_, Some([low, high])) if !(0.0 <= *low && low <= high) => Some("`ms` must be [low, high], low first"),
                _ if entry.paths.is_empty() => Some("`paths` must name at least one path"),
                _ => None,
            };
            if let Some(problem) = problem {
                let entry = entry.paths.first().cloned().unwrap_or_default();
                return Err(CatalogueError::Entry { path: path.to_owned(), entry, problem: problem.to_owned() });
            }
            let index = self.entries.len() as u32;
            let ids: Vec<ModelId> = entry.paths.iter().map(|path| self.insert(path)).collect();
            for id in &ids {
                let first =
                    ids.iter().find(|other| self.nodes[other.0 as usize].name == self.nodes[id.0 as usize].name);
                let canonical = first.copied().filter(|first| first != id);
                let node = &mut self.nodes[id.0 as usize];
                node.entry = Some(index);
                node.canonical = canonical;
            }
            self.entries.push(entry);
        }
        Ok(())
    }

    /// Turns the paths that entries name into ids, once all are known.
    fn link(&mut self) {
        for index in 0..self.wires.len() {
            for path in self.wires[index].paths.clone() {
                let id = self.find(&path).unwrap_or_else(|| self.insert(&path));
                self.wired.insert(id, index as u32);
            }
        }
        for index in 0..self.nodes.len() {
            let Some(entry) = self.nodes[index].entry.map(|entry| &self.entries[entry as usize]) else { continue };
            let bases = entry.bases.iter().filter_map(|base| self.find(base)).collect();
            let value = |path: &Option<String>| path.as_deref().and_then(|path| self.find(path));
            let (returns, yields, makes) = (value(&entry.returns), value(&entry.yields), value(&entry.makes));
            let node = &mut self.nodes[index];
            (node.bases, node.returns, node.yields, node.makes) = (bases, returns, yields, makes);
        }
    }

    /// Puts what was measured on this machine in the place of what is assumed, wherever an entry names the operation that
    /// measures it. The sources of such entries begin with [`CALIBRATED`].
    pub fn calibrate(&mut self, measured: impl Fn(&str) -> Option<CalibratedCost>) {
        for entry in &mut self.entries {
            let (Some(operation), Some(_)) = (&entry.calibrate, entry.ms) else { continue };
            if let Some(CalibratedCost { ms, source }) = measured(operation) {
                entry.ms = Some(ms);
                entry.source = Some(format!("{CALIBRATED}: {source}"));
            }
        }
    }

    /// The node of a dotted path.
    pub fn find(&self, path: &str) -> Option<ModelId> {
        path.split('.').try_fold(ROOT, |id, part| self.child(id, NameHash::of(part)))
    }

    /// The node of a top-level module.
    pub fn module(&self, name: NameHash) -> Option<ModelId> {
        self.children.get(&(ROOT, name)).copied()
    }

    /// The node of a builtin name.
    pub fn builtin(&self, name: NameHash) -> Option<ModelId> {
        self.children.get(&(self.builtins, name)).copied()
    }

    /// What stands right below `id`, aliases of classes seen through.
    pub fn child(&self, id: ModelId, name: NameHash) -> Option<ModelId> {
        let found = self.children.get(&(id, name)).or_else(|| {
            let canonical = self.nodes[id.0 as usize].canonical?;
            self.children.get(&(canonical, name))
        });
        found.copied()
    }

    /// A method or attribute of a class or of one of its bases.
    pub fn member(&self, class: ModelId, name: NameHash) -> Option<ModelId> {
        self.member_within(class, name, 16)
    }

    fn member_within(&self, class: ModelId, name: NameHash, depth: u32) -> Option<ModelId> {
        if class == ModelId::UNKNOWN || depth == 0 {
            return None;
        }
        self.child(class, name).or_else(|| {
            let node = &self.nodes[self.canonical(class).0 as usize];
            node.bases.iter().find_map(|base| self.member_within(*base, name, depth - 1))
        })
    }

    /// The first path of the same thing.
    pub fn canonical(&self, id: ModelId) -> ModelId {
        self.nodes[id.0 as usize].canonical.unwrap_or(id)
    }

    /// Whether `class` is `ancestor` or inherits from it.
    pub fn is_subclass(&self, class: ModelId, ancestor: ModelId) -> bool {
        self.subclass_within(self.canonical(class), self.canonical(ancestor), 16)
    }

    fn subclass_within(&self, class: ModelId, ancestor: ModelId, depth: u32) -> bool {
        class == ancestor
            || depth > 0
                && self.nodes[class.0 as usize]
                    .bases
                    .iter()
                    .any(|base| self.subclass_within(self.canonical(*base), ancestor, depth - 1))
    }

    /// What is known at `id`.
    pub fn entry(&self, id: ModelId) -> Option<&ApiEntry> {
        self.nodes[id.0 as usize].entry.map(|entry| &self.entries[entry as usize])
    }

    /// Whether the entry at `id` carries `tag`.
    pub fn has_tag(&self, id: ModelId, tag: &str) -> bool {
        self.entry(id).is_some_and(|entry| entry.tags.iter().any(|own| own == tag))
    }

    /// The class of what a call of `id` gives.
    pub fn returns(&self, id: ModelId) -> Option<ModelId> {
        self.nodes[id.0 as usize].returns
    }

    /// The class of the items that iterating over what `id` gives yields.
    pub fn yields(&self, id: ModelId) -> Option<ModelId> {
        self.nodes[id.0 as usize].yields
    }

    /// The class that a function which `id` decorates is an instance of, too.
    pub fn makes(&self, id: ModelId) -> Option<ModelId> {
        self.nodes[id.0 as usize].makes
    }

    /// How calls of `id` meet other processes.
    pub fn wire(&self, id: ModelId) -> Option<&WireModel> {
        let index = self.wired.get(&id).or_else(|| self.wired.get(&self.nodes[id.0 as usize].canonical?))?;
        Some(&self.wires[*index as usize])
    }

    /// Everything whose calls meet other processes, in the order of the catalogue.
    pub fn wired(&self) -> impl Iterator<Item = ModelId> {
        let mut wired: Vec<ModelId> = self.wired.keys().copied().collect();
        wired.sort_unstable();
        wired.into_iter()
    }

    /// Functions that are called by name alone.
    pub fn entry_functions(&self) -> &[EntryModel] {
        &self.functions
    }

    /// Whether a name is one of the language's own: `len`, `ValueError`.
    pub fn is_builtin_name(&self, name: NameHash) -> bool {
        self.children.contains_key(&(self.builtins, name))
    }

    /// Which requests are made only now and then.
    pub const fn occasional(&self) -> &OccasionalModel {
        &self.occasional
    }

    /// What an address whose text ends so is known to ask for.
    pub fn endpoint(&self, address: &str) -> Option<&EndpointModel> {
        let path = address.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        self.endpoints.iter().find(|endpoint| endpoint.paths.iter().any(|known| path.ends_with(known.as_str())))
    }

    /// Classes that are known by how the names of their bases end.
    pub fn families(&self) -> &[FamilyModel] {
        &self.families
    }

    /// What `id` stands in: the class of a method, the module of a function.
    pub fn parent(&self, id: ModelId) -> ModelId {
        self.nodes[id.0 as usize].parent
    }

    /// The last part of the path.
    pub fn name(&self, id: ModelId) -> &str {
        &self.nodes[id.0 as usize].name
    }

    /// The dotted path, `builtins.` left out.
    pub fn path(&self, id: ModelId) -> String {
        let mut parts = Vec::new();
        let mut at = id;
        while at != ROOT && at != ModelId::UNKNOWN {
            parts.push(self.name(at));
            at = self.parent(at);
        }
        if parts.len() > 1 && parts.last() == Some(&"builtins") {
            parts.pop();
        }
        parts.reverse();
        parts.join(".")
    }

    /// A kind of resource by its name.
    pub fn resource(&self, kind: &str) -> Option<&ResourceKind> {
        self.resources.get(kind)
    }

    /// The class of list values.
    pub fn list(&self) -> ModelId {
        self.list
    }

    /// The class of dict values.
    pub fn dict(&self) -> ModelId {
        self.dict
    }

    /// The class of set values.
    pub fn set(&self) -> ModelId {
        self.set
    }

    /// The class of tuple values.
    pub fn tuple(&self) -> ModelId {
        self.tuple
    }

    /// The class of text values.
    pub fn text(&self) -> ModelId {
        self.text
    }

    /// The class of bytes values.
    pub fn bytes(&self) -> ModelId {
        self.bytes
    }

    /// Every node that has an entry.
    pub fn known(&self) -> impl Iterator<Item = (ModelId, &ApiEntry)> {
        let entries = &self.entries;
        self.nodes
            .iter()
            .enumerate()
            .filter_map(move |(index, node)| Some((ModelId(index as u32), &entries[node.entry? as usize])))
    }
}
