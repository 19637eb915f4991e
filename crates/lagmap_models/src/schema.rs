//! The catalogue's file format: what one TOML file may say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One catalogue file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CatalogueFile {
    /// What the file describes.
    pub library: Library,
    /// Kinds of resources that its calls open.
    #[serde(default, rename = "resource")]
    pub resources: Vec<ResourceKind>,
    /// Functions that are called by name alone.
    #[serde(default, rename = "entry")]
    pub entries: Vec<EntryModel>,
    /// Classes that are known by how the names of their bases end.
    #[serde(default, rename = "family")]
    pub families: Vec<FamilyModel>,
    /// What requests are made only now and then.
    #[serde(default, rename = "occasional")]
    pub occasional: Vec<OccasionalModel>,
    /// What services take for what they are asked by HTTP.
    #[serde(default, rename = "endpoint")]
    pub endpoints: Vec<EndpointModel>,
    /// Functions, classes and methods.
    #[serde(default, rename = "api")]
    pub apis: Vec<ApiEntry>,
    /// Calls that listen to other processes, or call them.
    #[serde(default, rename = "wire")]
    pub wires: Vec<WireModel>,
}

/// The library that a catalogue file describes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Library {
    /// Its name on `PyPI`; `python` for the standard library.
    pub name: String,
    /// Top-level modules that it provides; the first dotted part of every path below.
    pub modules: Vec<String>,
}

/// A kind of resource: something that must be closed and is worth keeping.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ResourceKind {
    /// The kind's name, as used by [`ApiEntry::opens`]: `file`, `http-client`, `database-connection` ….
    pub kind: String,
    /// How messages call it: "file handle", "HTTP client".
    pub label: String,
    /// Methods any of which releases it: `close`, `term`, `shutdown`.
    pub closed_by: Vec<String>,
    /// Methods of what it was made with that release it, too: `destroy` of a ZMQ context closes its sockets.
    #[serde(default)]
    pub closed_with: Vec<String>,
    /// It goes on and ends by itself when nothing keeps what stands for it, unless one of its arguments is one of these constants:
    /// `PIPE` of a program, whose output somebody must read.
    #[serde(default)]
    pub detached_unless: Option<Vec<String>>,
    /// Dropping the last reference releases it at once and in practice always does (pure memory); never a leak.
    #[serde(default)]
    pub self_closing: bool,
    /// `CPython` releases it as soon as nothing refers to it (files, sockets, `SQLite` connections): a leak only lasts while
    /// something does.
    #[serde(default)]
    pub collected: bool,
    /// How to keep and share it: one sentence, with the pool's size where there is one.
    #[serde(default)]
    pub pool: Option<String>,
}

/// What one function, class or method does. Everything but the paths is optional: an entry without an effect says
/// "known, and cheap".
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ApiEntry {
    /// Dotted paths that all behave so: `requests.get`, `zmq.Context`, `zmq.Context.socket`. Re-exports are listed too.
    pub paths: Vec<String>,
    /// These are classes: calling one makes an instance of it.
    #[serde(default)]
    pub class: bool,
    /// Base classes (paths) whose methods these classes have too.
    #[serde(default)]
    pub bases: Vec<String>,
    /// What a call does that takes time.
    #[serde(default)]
    pub effect: Option<EffectKind>,
    /// Typical low and high time of a call, in milliseconds. Required with `effect`.
    #[serde(default)]
    pub ms: Option<[f64; 2]>,
    /// Where `ms` comes from.
    #[serde(default)]
    pub source: Option<String>,
    /// The operation of `lagmap calibrate` that measures `ms` on the user's own machine.
    #[serde(default)]
    pub calibrate: Option<String>,
    /// How the wait is bounded. An entry that can wait for ever has one; one that has none always ends by itself.
    #[serde(default)]
    pub timeout: Option<TimeoutModel>,
    /// What a call gives: a class path, `self`, or `builtins.list` and the like.
    #[serde(default)]
    pub returns: Option<String>,
    /// What iterating over the value of a call gives (a class path).
    #[serde(default)]
    pub yields: Option<String>,
    /// A coroutine function (or one whose result is awaited): it does not block the event loop.
    #[serde(default, rename = "async")]
    pub is_async: bool,
    /// The kind of resource that a call opens and that its caller owns.
    #[serde(default)]
    pub opens: Option<String>,
    /// Arguments that are called, and where.
    #[serde(default)]
    pub runs: Vec<RunsModel>,
    /// Used as a decorator (bare or called), the decorated function is called in this context; so is a function that is
    /// assigned to it, if it is an attribute.
    #[serde(default)]
    pub decorates: Option<RunContext>,
    /// The same where the first argument of the decorator is this text: `on_event("shutdown")`.
    #[serde(default)]
    pub decorates_named: BTreeMap<String, RunContext>,
    /// Used as a decorator, it makes the function an instance of this class, too (a class path): `celery.Task`.
    pub makes: Option<String>,
    /// For a class: methods of subclasses that the library calls, and where.
    #[serde(default)]
    pub overrides: Vec<OverrideModel>,
    /// Waits for the next message, job or connection: a loop around it is a service loop, its body a handler.
    #[serde(default)]
    pub receives: bool,
    /// Equal arguments give equal results, and nothing else happens.
    #[serde(default)]
    pub pure: bool,
    /// Adds to its receiver.
    #[serde(default)]
    pub grows: bool,
    /// Takes from or empties its receiver.
    #[serde(default)]
    pub shrinks: bool,
    /// What rules ask for that is none of the above, from the list in `models/README.md`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The first argument, by its name, if it is the file that the call reads or writes: without one, or on a buffer in memory,
    /// the call only computes.
    #[serde(default)]
    pub file: Option<String>,
    /// What to use instead in async code, or to be faster: one short phrase, `asyncio.sleep`.
    #[serde(default)]
    pub instead: Option<String>,
}

/// Kinds of effects that take time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// Waits on purpose.
    Sleep,
    /// Talks to another machine or process over a network protocol.
    Network,
    /// Talks to a database, a server or a file of one.
    Database,
    /// Reads or writes files or asks the file system.
    Disk,
    /// Starts a process or waits for it.
    Process,
    /// Takes a lock.
    Lock,
    /// Waits for another thread or process: join, queue, event, future.
    Wait,
    /// Waits for or sends a message (ZMQ, pipes, brokers).
    Message,
    /// Loads a model or its weights.
    ModelLoad,
    /// Runs a model.
    Inference,
    /// Computes.
    Cpu,
}

impl EffectKind {
    /// Its name, as in catalogue files.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sleep => "sleep",
            Self::Network => "network",
            Self::Database => "database",
            Self::Disk => "disk",
            Self::Process => "process",
            Self::Lock => "lock",
            Self::Wait => "wait",
            Self::Message => "message",
            Self::ModelLoad => "model-load",
            Self::Inference => "inference",
            Self::Cpu => "cpu",
        }
    }
}

/// How the wait of a call is bounded.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TimeoutModel {
    /// The keyword that bounds it.
    #[serde(default)]
    pub argument: Option<String>,
    /// The same by position, from 0 (the receiver not counted).
    #[serde(default)]
    pub position: Option<u32>,
    /// Milliseconds of one unit of the argument: 1000 for seconds (the default), 1 for milliseconds.
    #[serde(default)]
    pub unit_ms: Option<f64>,
    /// The bound when nothing is said, in milliseconds; absent: none, it may wait for ever.
    #[serde(default)]
    pub default_ms: Option<f64>,
    /// The first argument, by its name, without which the call does not wait at all: `host` of `ftplib.FTP`.
    #[serde(default)]
    pub needs: Option<String>,
    /// Constructor keywords of the receiver that bound it: `socket_timeout` of `redis.Redis`.
    #[serde(default)]
    pub receiver_arguments: Vec<String>,
    /// Methods of the receiver that bound it when called anywhere in its life: `settimeout`, `poll`.
    #[serde(default)]
    pub receiver_methods: Vec<String>,
    /// Names of options that bound it when set on the receiver by a `tags = ["sets-option"]` method or as an attribute:
    /// `RCVTIMEO`.
    #[serde(default)]
    pub receiver_options: Vec<String>,
    /// Argument values that make the call return at once: `NOBLOCK`, `DONTWAIT`, `block=False` (written `block`).
    #[serde(default)]
    pub non_blocking: Vec<String>,
    /// The first argument of the receiver's constructor, by its name, without which the call never waits: `maxsize` of
    /// `queue.Queue`.
    #[serde(default)]
    pub receiver_limit: Option<String>,
    /// Functions that set a default for the whole process when called anywhere: `socket.setdefaulttimeout`.
    #[serde(default)]
    pub process_wide: Vec<String>,
    /// Objects whose method takes the receiver and makes it safe: `zmq.Poller` (by `register`).
    #[serde(default)]
    pub polled_by: Vec<String>,
}

/// An argument that a call runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunsModel {
    /// Its keyword.
    #[serde(default)]
    pub argument: Option<String>,
    /// Its position, from 0 (the receiver not counted).
    #[serde(default)]
    pub position: Option<u32>,
    /// Where it runs.
    #[serde(rename = "in")]
    pub context: RunContext,
}

/// A function of a module that something outside calls because of its name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EntryModel {
    /// The function's name.
    pub function: String,
    /// The names of its parameters.
    pub parameters: Vec<String>,
    /// Where it runs.
    #[serde(rename = "in")]
    pub context: RunContext,
}

/// Requests that people make now and then - to set something up, to look after the system, to ask whether it is well - as their routes
/// and the names of their functions say. All words are in lower case.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OccasionalModel {
    /// Words of a route, function, class, module or its folder that tell of such a request by themselves: `backup`.
    #[serde(default)]
    pub words: Vec<String>,
    /// Whole last parts of a route, or whole names of functions: `healthz`.
    #[serde(default)]
    pub names: Vec<String>,
    /// Words for changes that together with one of `settings` tell of such a request: `update`.
    #[serde(default)]
    pub changes: Vec<String>,
    /// Words for what is changed so: `config`.
    #[serde(default)]
    pub settings: Vec<String>,
    /// Words in the names of dependencies and decorators that let only few people in: `superuser`.
    #[serde(default)]
    pub guards: Vec<String>,
}

/// What is asked of a service by HTTP under a well-known path, and what that takes, whichever client asks.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EndpointModel {
    /// How the path of the address ends, from a `/` on: `/chat/completions`.
    pub paths: Vec<String>,
    /// Typical low and high time of a request, in milliseconds.
    pub ms: [f64; 2],
    /// Where `ms` comes from.
    pub source: String,
}

/// Classes made by a generator of code, which no catalogue can name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FamilyModel {
    /// How the name of a base class ends: `Servicer`.
    pub base_ends_with: String,
    /// Methods that are called on such classes.
    pub overrides: Vec<OverrideModel>,
}

/// Methods that a library calls on subclasses of one of its classes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OverrideModel {
    /// Method names; a `*` at the end stands for any ending: `do_*`, `*` for all public methods.
    pub methods: Vec<String>,
    /// Where they run.
    #[serde(rename = "in")]
    pub context: RunContext,
}

/// Where a function that is handed over runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunContext {
    /// At once, in the caller's own thread and context (`map`, `sorted(key=)`, `retry`).
    Caller,
    /// On the event loop (coroutines scheduled, `call_soon`).
    EventLoop,
    /// Per request or message, on the event loop if it is a coroutine, else in a thread of the framework.
    Handler,
    /// Per request or message, on the event loop even if it is a plain function (aiohttp, python-socketio async).
    LoopHandler,
    /// Per task, in a worker that takes tasks from a queue.
    Task,
    /// In another thread.
    Thread,
    /// In another process.
    Process,
    /// Again and again, on the event loop if it is a coroutine, else in a thread.
    Periodic,
    /// Once, when the program starts.
    Startup,
    /// Once, when the program ends.
    Shutdown,
    /// From the command line.
    Script,
    /// In a test.
    Test,
}

/// How calls of a library meet other processes: an end of a wire.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WireModel {
    /// Dotted paths that all behave so.
    pub paths: Vec<String>,
    /// What such a call does.
    pub role: WireRole,
    /// What is spoken: only ends of one protocol are joined.
    pub protocol: String,
    /// The whole address: a URL, `tcp://host:port`, `host:port`, a pair of host and port.
    #[serde(default)]
    pub address: Option<ArgumentModel>,
    /// The host.
    #[serde(default)]
    pub host: Option<ArgumentModel>,
    /// The port.
    #[serde(default)]
    pub port: Option<ArgumentModel>,
    /// The port where none is given.
    #[serde(default)]
    pub default_port: Option<u32>,
    /// The route, topic, queue or name of a task. Without one the call is about all of them.
    #[serde(default)]
    pub topic: Option<ArgumentModel>,
    /// The message.
    #[serde(default)]
    pub message: Option<ArgumentModel>,
    /// The function or application that answers, where an argument says so; used as a decorator, the decorated function does.
    #[serde(default)]
    pub handler: Option<ArgumentModel>,
    /// The argument whose last name says which of `kinds` the object is: `zmq.REP`.
    #[serde(default)]
    pub kind: Option<ArgumentModel>,
    /// What objects of each kind are there for.
    #[serde(default)]
    pub kinds: BTreeMap<String, WireKind>,
    /// Attributes of a task whose calls hand it something: `delay`.
    #[serde(default)]
    pub handed_by: Vec<String>,
    /// Methods of the object one of which must be called, too: binding alone is no listening.
    #[serde(default)]
    pub with: Vec<String>,
    /// Answers one request after the other, so that each waits for those before it.
    #[serde(default)]
    pub one_at_a_time: bool,
}

/// Which argument of a call.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ArgumentModel {
    /// By its keyword.
    #[serde(default)]
    pub argument: Option<String>,
    /// By its position, from 0 (the receiver not counted).
    #[serde(default)]
    pub position: Option<u32>,
}

/// What a call does with a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WireRole {
    /// Makes an object of a certain kind that listens or connects later.
    Opens,
    /// Listens at an address.
    Listens,
    /// Connects an object to an address: what is sent on the object goes there.
    Connects,
    /// Sends a request to an address, or where its object is connected to, and waits for the answer.
    Asks,
    /// Sends something where its object is connected to.
    Sends,
    /// Waits for something to come on its object.
    Receives,
    /// Hands something to a topic, queue or task, and does not wait.
    Publishes,
    /// Takes what comes to a topic, queue or task.
    Subscribes,
    /// Enters a handler for a route.
    Routes,
    /// Enters all routes of another application or router under a prefix.
    Mounts,
    /// Makes the decorated function a task, which workers run; `topic` is its name.
    Tasks,
}

/// What an object at the end of a wire is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WireKind {
    /// Sends requests and waits for their answers.
    Asks,
    /// Answers requests, one after the other.
    Answers,
    /// Answers requests in any order.
    AnswersMany,
    /// Sends and does not wait.
    Sends,
    /// Receives.
    Receives,
}
