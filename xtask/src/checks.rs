//! The rules of the house, one module each. A check takes the repository as values and touches nothing.

use crate::problem::Outcome;
use crate::repository::Repository;

pub mod attributes;
pub mod changelog;
pub mod codes;
pub mod crate_graph;
pub mod dependencies;
pub mod effects;
pub mod links;
pub mod modules;
pub mod names;
pub mod open_notes;
pub mod panics;
pub mod signatures;
pub mod sizes;
pub mod sql_text;

/// A check: from the repository to breaches and figures.
pub type Check = fn(&Repository) -> Outcome;

/// Every check, in the order of the summary.
pub const ALL: &[Check] = &[
    sizes::check,
    signatures::check,
    modules::check,
    attributes::check,
    panics::check,
    names::check,
    open_notes::check,
    crate_graph::check,
    effects::check,
    sql_text::check,
    dependencies::check,
    codes::check,
    links::check,
    changelog::check,
];
