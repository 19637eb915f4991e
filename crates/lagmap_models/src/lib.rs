//! The API catalogue: what known calls do, cost and return.

mod schema;

pub use schema::{
    ApiEntry, CatalogueFile, EffectKind, Library, OverrideModel, ResourceKind, RunContext, RunsModel, TimeoutModel,
};
