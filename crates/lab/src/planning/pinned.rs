//! Settings that are the same in every run, so that machines and configurations do not show in plans.

use std::collections::BTreeMap;

use underpin_pg::Session;

use crate::error::LabError;

/// The settings that bear on planning, at the server's defaults where these are the same everywhere.
///
/// No parallelism and no JIT: both depend on the machine. `hash_mem_multiplier` is 1 in version 14 and 2 since.
const PINNED: &[(&str, &str)] = &[
    ("DateStyle", "ISO, YMD"),
    ("TimeZone", "UTC"),
    ("cpu_tuple_cost", "0.01"),
    ("default_statistics_target", "100"),
    ("effective_cache_size", "4GB"),
    ("extra_float_digits", "1"),
    ("from_collapse_limit", "8"),
    ("geqo_seed", "0"),
    ("hash_mem_multiplier", "2"),
    ("jit", "off"),
    ("join_collapse_limit", "8"),
    ("max_parallel_workers_per_gather", "0"),
    ("random_page_cost", "4"),
    ("seq_page_cost", "1"),
    ("work_mem", "4MB"),
];

/// Returns the pinned settings with those that the project sets itself.
pub(crate) fn pinned(own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut settings: BTreeMap<String, String> =
        PINNED.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    settings.extend(own.clone());
    settings
}

/// Vacuums and analyses what is not all-visible; returns the tables that still are not: their index-only scans would look up
/// rows in the table, and how many depends on chance.
pub(crate) async fn all_visible(session: &Session) -> Result<Vec<String>, LabError> {
    let sql = include_str!("all_visible.sql");
    if session.rows(sql).await?.is_empty() {
        return Ok(Vec::new());
    }
    session.execute("VACUUM (ANALYZE)").await?;
    Ok(session.rows(sql).await?.column("relation").map(str::to_owned).collect())
}
