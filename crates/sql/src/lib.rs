//! PostgreSQL's own grammar behind our own types.
//!
//! This crate turns the text of a project's files into the values of `underpin-model`: it splits
//! SQL, states facts about each statement, reads header directives, named queries, invariants,
//! migrations, seeds and transaction scripts. It is the only user of the server's grammar, and it
//! knows nothing of files, sockets, clocks or terminals: text in, values or diagnostics out.

mod chunks;
pub mod columns;
pub mod concurrently;
pub mod definition;
pub mod directive;
pub mod dropped;
pub mod expression;
pub mod facts;
pub mod index_build;
pub mod invariant;
mod lexer;
pub mod migration;
mod position;
pub mod query;
pub mod reach;
pub mod refusal;
pub mod safe_split;
pub mod script;
pub mod seed;
pub mod split;
pub mod syntax;
pub mod unlocked;
pub mod variables;

pub use syntax::SyntaxError;
