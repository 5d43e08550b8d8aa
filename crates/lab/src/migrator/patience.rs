//! How long a migration waits for others, and when it gives way to them.

use std::time::Duration;

use underpin_pg::QueryError;

/// Returns whether the server refused only because others hold a lock: lock timeout or deadlock.
pub(super) fn gives_way(error: &QueryError) -> bool {
    matches!(error.sqlstate(), Some("55P03" | "40P01"))
}

/// Returns the pause after the nth try: doubling from 100 ms up to 5 s, with a third of jitter so that
/// two runners do not meet again and again.
pub(super) fn pause(tries: u32) -> Duration {
    let base = 100u64.saturating_mul(1 << tries.min(6)).min(5_000);
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    Duration::from_millis(base + u64::from(nanos) % (base / 3))
}
