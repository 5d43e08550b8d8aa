//! The crate through its public face.

mod catalog_diff;
mod checksum;
mod expression;
mod script_cursor;
mod sql_text;
