//! Reading plans: what `EXPLAIN` says, as types, and what follows from it.
//!
//! [`read`] turns `EXPLAIN (ANALYZE, BUFFERS, WAL, SETTINGS, FORMAT JSON)` of PostgreSQL 14 to 18 into
//! an [`Explained`]. [`misestimate`] compares estimates with what nodes that ran to completion gave,
//! [`record`] keeps of a plan what a baseline needs, [`compare`] says in one line each what changed, [`gate`]
//! decides which of that fails, and [`growth`] finds work that grows with the data. The crate knows no server, no file and no clock: text in, values out.

pub mod baseline;
pub mod budget;
pub mod candidate;
pub mod compare;
pub mod condition;
pub mod gate;
pub mod growth;
pub mod misestimate;
pub mod node;
pub mod parameter;
pub mod read;
pub mod record;
pub mod search;
pub mod tokens;
pub mod view;

pub use baseline::{Baseline, PlansLock};
pub use budget::Budget;
pub use gate::{Breach, Thresholds};
pub use node::{Explained, PlanNode};
pub use read::{ReadError, read};
pub use record::{NodeRecord, PlanRecord};
