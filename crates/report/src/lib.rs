//! Every output format of a report.
//!
//! Each module holds functions from a [`underpin_model::Report`] (or a piece of its evidence) to a
//! string. This crate decides how a result looks and nothing else: it never prints, opens no file,
//! asks no clock and no environment, and the same report always gives the same bytes.

pub mod amounts;
pub mod er;
pub mod estimate;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod plan_text;
pub mod printable;
pub mod sarif;
pub mod schedule;
mod statement;
pub mod svg;
pub mod text;
pub mod triage;
