//! How long a migration waits for others, and when it gives way to them.
//!
//! Who waits longer than `deadlock_timeout` has the server look for a deadlock, and the one that looks is the one that is
//! cancelled. So a migration never waits that long; and while somebody waits for the migration, it waits no longer than
//! until that session would look.

use std::time::{Duration, Instant};

use underpin_model::Event;
use underpin_model::statement::Statement;
use underpin_pg::{QueryError, Session};

use super::MigrateError;
use super::runner::Runner;

/// Part of `deadlock_timeout` that a migration waits at most: 700 ms of the default 1 s.
const SHARE: f64 = 0.7;

/// Between two looks for old transactions: short beside the build of an index.
const POLL: Duration = Duration::from_millis(200);

/// Time limits of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WaitLimits {
    /// Longest wait for one lock, in milliseconds.
    pub(super) lock_timeout_ms: u32,
    /// The server's `deadlock_timeout`, in milliseconds.
    pub(super) deadlock_timeout_ms: u32,
}

impl WaitLimits {
    /// Returns the limits for a server, of which no lock wait is longer than `cap_ms`.
    pub(super) async fn of(session: &Session, cap_ms: u32) -> Result<WaitLimits, QueryError> {
        let sql = "SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'";
        let setting = session.value(sql).await?.and_then(|setting| setting.parse().ok());
        // 1000 ms: the default, should the view ever not answer.
        Ok(WaitLimits::below(setting.unwrap_or(1000), cap_ms))
    }

    fn below(deadlock_timeout_ms: u32, cap_ms: u32) -> WaitLimits {
        let share = (f64::from(deadlock_timeout_ms) * SHARE) as u32;
        WaitLimits { lock_timeout_ms: cap_ms.min(share).max(1), deadlock_timeout_ms }
    }

    /// Limits the next wait inside a transaction that holds locks.
    ///
    /// Somebody whose detector is about to look is let past that moment first: nothing is wrong then, and it looks
    /// only once.
    pub(super) async fn limit_next_wait(&self, session: &Session) -> Result<(), QueryError> {
        let sql = include_str!("wait_within.sql")
            .replace(":cap", &self.lock_timeout_ms.to_string())
            .replace(":detector", &self.deadlock_timeout_ms.to_string());
        // A twentieth: less would be over before the statement has reached the server.
        let least = (self.deadlock_timeout_ms / 20).min(self.lock_timeout_ms);
        loop {
            let limit = session.value(&sql).await?;
            if limit.and_then(|limit| limit.parse::<u32>().ok()).is_none_or(|limit| limit >= least) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(u64::from(self.deadlock_timeout_ms) * 3 / 20)).await;
        }
    }
}

/// Returns whether the server refused only because others hold a lock: lock timeout or deadlock.
pub(super) fn gives_way(error: &QueryError) -> bool {
    matches!(error.sqlstate(), Some("55P03" | "40P01"))
}

/// Returns the pause after the nth try: doubling from 100 ms up to 5 s, with a third of jitter so that
/// two runners do not meet again and again.
pub(super) fn pause(tries: u32) -> Duration {
    let base = 100u64.saturating_mul(1 << tries.saturating_sub(1).min(6)).min(5_000);
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    Duration::from_millis(base + u64::from(nanos) % (base / 3))
}

impl Runner<'_> {
    /// Waits until no transaction is left that a statement with CONCURRENTLY would have to wait for.
    ///
    /// The statement itself would wait without limit, holding back vacuum and other migrations meanwhile, and an
    /// abandoned session would keep it there for good.
    pub(super) async fn outlast_old_transactions(
        &self,
        file: &str,
        statement: &Statement,
    ) -> Result<(), MigrateError> {
        let start = Instant::now();
        let mut told = false;
        loop {
            // Whatever keeps us from looking is no reason not to migrate.
            let old = self.session.rows(include_str!("old_transactions.sql")).await.unwrap_or_default();
            let Some(holder) = old.rows.into_iter().next().and_then(|row| row.into_iter().next().flatten())
            else {
                return Ok(());
            };
            if start.elapsed() >= self.options.old_transactions {
                let seconds = start.elapsed().as_secs();
                let (file, line) = (file.to_owned(), statement.line);
                return Err(MigrateError::OldTransaction { file, line, seconds, holder });
            }
            if !told {
                let text = format!("{file}:{}: waiting for {holder}.", statement.line);
                self.events.emit(Event::Remark { text });
                told = true;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_before_the_detector_looks() {
        let limits = |deadlock, cap| WaitLimits::below(deadlock, cap).lock_timeout_ms;
        assert_eq!([limits(1000, 700), limits(200, 700), limits(5000, 700)], [700, 140, 700]);
        assert_eq!([limits(1000, 50), limits(1, 700)], [50, 1]);
    }

    #[test]
    fn pauses_grow_up_to_five_seconds() {
        let millis = |tries| pause(tries).as_millis();
        assert!((100..134).contains(&millis(1)) && (200..267).contains(&millis(2)));
        assert!((5000..6667).contains(&millis(30)));
    }
}
