//! Links the facts of all files into one program: names, values, calls, contexts, effects.
//!
//! [`Program::build`] takes the facts of all files, the catalogue and the services. It knows nothing of rules, severities
//! or reports; rules ask it for effects in contexts. All results are the same on every run and with any number of threads.

mod contexts;
mod effects;
mod evaluate;
mod graph;
mod ids;
mod language;
mod linked;
mod modules;
mod program;
mod reach;
mod regions;
mod scopes;
mod search_path;
mod solve;
mod uses;
mod value;

pub use contexts::{Context, ContextSet, Contexts, Frequency, Place, Witness};
pub use effects::{Effect, Effects, Interval, call_cost, number};
pub use evaluate::Evaluator;
pub use graph::{Dispatch, Edge, EdgeKind, Graph, Target};
pub use ids::{CallSite, ClassId, FileId, FunctionId, IdBases, PackageId, Site};
pub use linked::{Classes, Linked, MethodKind, ProgramFile, SourceUnit, StaticMember, method_kind};
pub use modules::{ImportTarget, Modules};
pub use program::{CallView, Program, ProgramOptions, Step};
pub use reach::{Bits, Reach};
pub use regions::Surroundings;
pub use scopes::{Binding, Scopes, Source};
pub use solve::{Cells, Solution};
pub use uses::{Change, ChangeKind, Uses, Write};
pub use value::{Cell, Value, Values};
