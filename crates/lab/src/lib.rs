//! The lab: real servers prepared for experiments, and the experiments that prove a project.
//!
//! This crate starts servers and runs SQL through `underpin-pg`. It emits events and returns
//! reports; it never prints and never reads the environment.

mod accepted;
pub mod adopt;
pub mod attached;
pub mod backup;
pub mod bootstrap;
pub mod check;
pub mod checking;
mod clone;
pub mod codes;
pub mod daily;
pub mod drill;
pub mod error;
pub mod lab;
pub mod load;
pub mod loading;
pub mod migrator;
pub mod params;
mod planning;
pub mod pool;
pub mod project_folder;
pub mod proof;
pub mod proofs;
pub mod prove;
pub mod race;
pub mod recipe;
pub mod rehearsal;
pub mod script_run;
pub mod selftest;
pub mod snapshot;
pub mod template;
pub mod triage;
pub mod trial;
mod unbuilt;

pub use error::LabError;
