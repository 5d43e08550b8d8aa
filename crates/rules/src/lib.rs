//! The schema rules: what makes a schema dishonest, each with a reason that the server measures.
//!
//! A rule reads a catalog snapshot and raises *suspicions*. Each suspicion carries one read-only
//! `SELECT` and a judge that turns its answer into a finding, or into silence. This crate runs no SQL
//! and knows nothing of servers, files or clocks: whoever has a session runs the probe. What no query can ask, which columns
//! follow from which, [`dependency`] finds in the rows themselves.

pub mod dependency;
mod example;
mod implied_reference;
pub mod inclusion;
pub mod migration;
mod names;
mod policy;
mod rule;
pub mod schema;
mod scope;
mod sql;
mod suspicion;
mod wording;

pub use example::Example;
pub use rule::{Context, SchemaRule};
pub use schema::{all, by_code};
pub use suspicion::{Answer, Suspicion};
