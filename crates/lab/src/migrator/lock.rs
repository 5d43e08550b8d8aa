//! One runner at a time: a session-level advisory lock, polled and never waited for in the server.
//!
//! A runner that waited inside the server would hold a snapshot, and `CREATE INDEX CONCURRENTLY`
//! of the runner that goes first would wait for that snapshot: a deadlock by design.

use std::time::{Duration, Instant};

use underpin_pg::Address;
use underpin_pg::Session;

use super::MigrateError;

/// `underpin` in ASCII; any constant would do as long as every runner uses the same.
const LOCK_KEY: i64 = 0x0075_6e64_6572_7069;

/// Between two looks at the lock: short for people, long for the server.
const POLL: Duration = Duration::from_millis(100);

/// Takes the runner's lock on `session`, looking again until `patience` is over.
pub async fn lock_runner(
    session: &Session,
    address: &Address,
    patience: Duration,
) -> Result<(), MigrateError> {
    refuse_transaction_pooler(session, address).await?;
    let deadline = Instant::now() + patience;
    let reading = |source| MigrateError::Ledger { doing: "locked", source };
    loop {
        let sql = format!("SELECT pg_try_advisory_lock({LOCK_KEY})");
        if session.value(&sql).await.map_err(reading)?.as_deref() == Some("t") {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let holder = session.value(include_str!("lock_holder.sql")).await.map_err(reading)?;
            return Err(MigrateError::Busy {
                holder: holder.unwrap_or_else(|| "a session that just ended".into()),
            });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Refuses an address where two connections share one backend.
///
/// In transaction mode a pooler hands the backend of the first, idle connection to the second one:
/// both then report one pid. On a direct connection two pids always differ.
async fn refuse_transaction_pooler(session: &Session, address: &Address) -> Result<(), MigrateError> {
    let reading = |source| MigrateError::Ledger { doing: "locked", source };
    let second = Session::connect(address).await.map_err(MigrateError::Connect)?;
    let sql = "SELECT pg_backend_pid()";
    let (first_pid, second_pid) =
        (session.value(sql).await.map_err(reading)?, second.value(sql).await.map_err(reading)?);
    second.close().await;
    if first_pid == second_pid { Err(MigrateError::Pooler) } else { Ok(()) }
}
