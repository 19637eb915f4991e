//! The API catalogue: what known calls do, cost and return.
//!
//! Knowledge of libraries is data (`models/**/*.toml`), embedded at build time and extended by the user's own files; this
//! crate only reads it. It knows nothing of programs.

mod catalogue;
mod schema;

pub use catalogue::{CALIBRATED, CalibratedCost, Catalogue, CatalogueError, ModelId};
pub use schema::{
    ApiEntry, ArgumentModel, CatalogueFile, EffectKind, EndpointModel, EntryModel, FamilyModel, Library,
    OccasionalModel, OverrideModel, ResourceKind, RunContext, RunsModel, TimeoutModel, WireKind, WireModel, WireRole,
};
