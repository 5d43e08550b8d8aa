//! The words of Underpin as types.
//!
//! This crate holds values and pure functions over them: the user's project, a snapshot of a
//! database catalog and its comparison, findings, evidence, verdicts, events and the report.
//! It knows nothing of files, sockets, clocks or terminals.

pub mod catalog;
pub mod catalog_diff;
pub mod checksum;
pub mod code;
pub mod config;
pub mod deployment;
pub mod event;
pub mod evidence;
pub mod expression;
pub mod finding;
pub mod object;
pub mod phases;
pub mod production;
pub mod project;
pub mod report;
pub mod script;
pub mod script_cursor;
pub mod sql_text;
pub mod statement;
pub mod verdict;

pub use code::Code;
pub use event::{Event, EventSink};
pub use evidence::{Evidence, EvidenceBody, EvidenceId};
pub use finding::{Finding, Severity, SourceLine};
pub use object::{ObjectKind, ObjectRef};
pub use report::{Measure, ProofReport, Report};
pub use verdict::Verdict;
