//! Keeps a backfill out of everybody's way: smaller ranges while others wait for its rows, pauses while standbys or vacuum
//! lag behind.

use std::time::{Duration, Instant};

use underpin_model::phases::Backfill;
use underpin_model::sql_text::quote_literal;
use underpin_model::{Event, EventSink};
use underpin_pg::{QueryError, Session};

/// Between two looks at who waits: a waiter of a twentieth of a second is seen twice.
const LOOK: Duration = Duration::from_millis(25);

/// Between two looks at standbys and dead rows.
const POLL: Duration = Duration::from_millis(500);

/// Least rows of a range: below that the ledger's row costs more than the work.
const LEAST_ROWS: u64 = 20;

/// When a backfill holds back.
#[derive(Clone, Debug, PartialEq)]
pub struct ThrottleLimits {
    /// Longest replay lag of a standby.
    pub replica_lag: Duration,
    /// Most dead rows of the table, as a share of its live ones.
    pub dead_share: f64,
    /// Dead rows that are never too many, as small tables have a large share quickly.
    pub dead_rows: u64,
    /// Longest pause for one of both; then the backfill goes on, as whoever should catch up may be gone.
    pub longest_pause: Duration,
}

impl Default for ThrottleLimits {
    /// Half of the rows dead is two and a half times what makes autovacuum start (`autovacuum_vacuum_scale_factor` 0.2).
    fn default() -> ThrottleLimits {
        ThrottleLimits {
            replica_lag: Duration::from_secs(5),
            dead_share: 0.5,
            dead_rows: 100_000,
            longest_pause: Duration::from_secs(60),
        }
    }
}

/// A backfill's brake.
pub(super) struct Throttle<'a> {
    watcher: Session,
    backfill: &'a Backfill,
    limits: &'a ThrottleLimits,
    pid: i32,
    rows: u64,
    told: Vec<&'static str>,
}

impl<'a> Throttle<'a> {
    /// Returns the brake of a backfill that runs on `session`; it watches from a session of its own.
    pub(super) async fn new(
        session: &Session,
        backfill: &'a Backfill,
        limits: &'a ThrottleLimits,
    ) -> Result<Throttle<'a>, underpin_pg::ConnectError> {
        let watcher = Session::connect(session.address()).await?;
        Ok(Throttle { watcher, backfill, limits, pid: session.pid(), rows: backfill.rows, told: Vec::new() })
    }

    /// Returns how many rows the next range has.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Runs a range's work while it looks who waits for it, and sizes the next range by that.
    pub(super) async fn watched<T>(
        &mut self,
        work: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, QueryError> {
        let mut seen = 0;
        let mut work = std::pin::pin!(work);
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut work => break outcome,
                waiting = look(&self.watcher, self.pid) => seen += u32::from(waiting),
            }
        };
        self.rows = next_rows(self.rows, self.backfill.rows, seen);
        outcome
    }

    /// Waits while standbys or vacuum lag behind.
    pub(super) async fn pause(&mut self, events: &dyn EventSink) {
        let start = Instant::now();
        while let Some((reason, text)) = self.excess().await {
            if start.elapsed() >= self.limits.longest_pause {
                let text = format!("{}: going on although {text}.", self.backfill.file);
                events.emit(Event::Remark { text });
                return;
            }
            if !self.told.contains(&reason) {
                self.told.push(reason);
                let text = format!("{}: pausing while {text}.", self.backfill.file);
                events.emit(Event::Remark { text });
            }
            self.rows = next_rows(self.rows, self.backfill.rows, 1);
            tokio::time::sleep(POLL).await;
        }
    }

    /// Returns what is above its limit, in a word and in words; what cannot be asked is not.
    async fn excess(&self) -> Option<(&'static str, String)> {
        let sql = include_str!("load.sql").replace(":table", &quote_literal(&self.backfill.table));
        let answer = self.watcher.rows(&sql).await.ok()?;
        let row = answer.rows.into_iter().next()?;
        let number = |at: usize| row.get(at).cloned().flatten().and_then(|text| text.parse::<f64>().ok());
        let (lag, dead, live) = (number(0)?, number(1)?, number(2)?);
        if lag > self.limits.replica_lag.as_secs_f64() {
            return Some(("lag", format!("a standby is {lag:.1} s behind")));
        }
        let most = (live * self.limits.dead_share).max(self.limits.dead_rows as f64);
        (dead > most).then(|| {
            ("dead", format!("{} has {dead} dead rows beside {live} live ones", self.backfill.table))
        })
    }

    /// Ends the watching session.
    pub(super) async fn close(self) {
        self.watcher.close().await;
    }
}

/// Returns, after a moment, whether somebody waits for a lock of the process.
async fn look(watcher: &Session, pid: i32) -> bool {
    tokio::time::sleep(LOOK).await;
    let sql = format!(
        "SELECT count(*) > 0 FROM pg_locks AS l WHERE NOT l.granted AND {pid} = ANY (pg_blocking_pids(l.pid))"
    );
    watcher.value(&sql).await.ok().flatten().as_deref() == Some("t")
}

/// Returns how many rows the next range has, after one during which `seen` looks found somebody waiting.
///
/// Half when somebody waited, a quarter more when nobody did: sizes fall faster than they grow, so that users feel
/// one long range and not many.
fn next_rows(rows: u64, most: u64, seen: u32) -> u64 {
    match seen {
        0 => (rows + rows / 4 + 1).min(most),
        _ => (rows / 2).max(LEAST_ROWS.min(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_shrink_fast_and_grow_slowly() {
        assert_eq!(next_rows(5000, 5000, 0), 5000);
        assert_eq!(next_rows(5000, 5000, 3), 2500);
        assert_eq!(next_rows(20, 5000, 1), 20);
        assert_eq!(next_rows(20, 5000, 0), 26);
        assert_eq!(next_rows(5, 5, 1), 5);
    }
}
