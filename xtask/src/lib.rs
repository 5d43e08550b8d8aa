//! Development tasks. The only one so far is [`tidy`]: the rules of the house, checked.
//!
//! It reads the repository as text and starts nothing; only `src/repository.rs` touches files.

pub mod checks;
pub mod house;
pub mod problem;
pub mod repository;
pub mod source;
pub mod tidy;
pub mod tokens;
