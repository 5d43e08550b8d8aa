//! Schedules of concurrent transactions, and which of them have to be run.
//!
//! A *schedule* is an order of the steps of several sessions. [`explore`] decides which session goes next and
//! which schedules need not be run because they only exchange steps that commute ([`independence`]). The
//! crate knows nothing of servers: whoever runs a step reports its [`effect`]. [`class`] names what a schedule shows; [`pct`] draws
//! schedules where there are too many, and [`robust`] says what holds for any number of sessions.

pub mod class;
pub mod effect;
pub mod explore;
pub mod independence;
pub mod level;
pub mod pct;
pub mod robust;
pub mod schedule;
pub mod things;

pub use class::{Class, Deed, WrittenOver, classify};
pub use effect::{Effect, Ended};
pub use explore::{Explorer, Mode, Nondeterminism};
pub use level::Level;
pub use pct::Pct;
pub use schedule::Schedule;
pub use things::{Row, Things};
