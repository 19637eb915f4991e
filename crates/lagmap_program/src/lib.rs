//! Links the facts of all files into one program: names, values, calls, contexts, effects.
//!
//! [`Program::build`] takes the facts of all files, the catalogue and the services. It knows nothing of rules, severities
//! or reports; rules ask it for effects in contexts. All results are the same on every run and with any number of threads.

mod bounds;
mod call_graph;
mod concats;
mod configured;
mod contexts;
mod effects;
mod evaluate;
mod file_names;
mod graph;
mod growth;
mod guards;
mod ids;
mod keys;
mod language;
mod lifetime;
mod linked;
mod locks;
mod matching;
mod memo;
mod modules;
mod passed;
mod passing;
mod program;
mod reach;
mod regions;
mod repetition;
mod scopes;
mod search_path;
mod sizes;
mod solve;
mod starting;
mod trace;
mod uses;
mod value;
mod wrapping;

pub use bounds::Bound;
pub use call_graph::{NamedCall, NamedCalls, Resolution};
pub use concats::{Built, Concat};
pub use configured::Configured;
pub use contexts::{Context, ContextSet, Contexts, Frequency, Place, Witness};
pub use effects::{Effect, Effects, Interval, Recurrence, call_cost, number};
pub use evaluate::Evaluator;
pub use graph::{Dispatch, Edge, EdgeKind, Graph, Route, Target};
pub use growth::Growth;
pub use ids::{CallSite, ClassId, FileId, FunctionId, IdBases, PackageId, Site};
pub use lifetime::Lifetime;
pub use linked::{Classes, Linked, MethodKind, ProgramFile, SourceUnit, StaticMember, SyntaxFault, method_kind};
pub use locks::{LockInversion, LockOrder, SelfDeadlock};
pub use matching::Pairing;
pub use memo::Memoization;
pub use modules::{ImportTarget, Modules};
pub use program::{CallView, Program, ProgramOptions, Step};
pub use reach::{Bits, Reach};
pub use regions::Surroundings;
pub use repetition::Repeated;
pub use scopes::{Binding, Scopes, Source};
pub use solve::{Cells, Solution};
pub use starting::Obstacle;
pub use trace::{Called, Caller, Trace, TraceCost, TraceLimits};
pub use uses::{Change, ChangeKind, Uses, Write};
pub use value::{Cell, Value, Values};
pub use wrapping::Passage;
