//! Transactions per second of a scenario under load.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use underpin_pg::{Address, Session};
use underpin_race::Level;

use super::super::RaceError;
use super::super::arena::Arena;
use super::super::bout::Corner;
use super::super::player::asks_again;
use crate::params::Values;
use crate::script_run::ScriptRun;

/// Clients at the same time; they take the scenario's scripts in turn.
const CLIENTS: usize = 8;

/// All rounds together take about so long.
const WINDOW: Duration = Duration::from_millis(250);

/// Returns how many transactions commit per second when all clients begin at once, again and again from the same data.
///
/// Deadlocks are looked for after 50 ms.
pub(super) async fn throughput(
    arena: &Arena<'_>,
    database: &Address,
    level: Level,
    retry: u32,
) -> Result<f64, RaceError> {
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let number = client % arena.bout.corners.len();
        let corner = &arena.bout.corners[number];
        let address = corner.role.as_ref().map_or_else(|| database.clone(), |role| database.user(role));
        let session = Session::connect(&address).await?;
        session.execute(&format!("SET default_transaction_isolation = '{}'", level.name())).await?;
        session.execute("CALL underpin_race.look_for_deadlock_after('50ms', false)").await?;
        clients.push((session, corner, arena.values(number)));
    }
    let (mut committed, mut busy) = (0u32, Duration::ZERO);
    while busy < WINDOW {
        let start = Instant::now();
        let runs = clients.iter().map(|(session, corner, values)| run(session, corner, values, retry));
        let ended = try_join_all(runs).await?;
        busy += start.elapsed();
        committed += ended.into_iter().map(u32::from).sum::<u32>();
        arena.point.restore_all(&arena.watcher, level).await?;
    }
    for (session, _, _) in clients {
        session.close().await;
    }
    Ok(f64::from(committed) / busy.as_secs_f64())
}

/// Runs a script once, again after 40001 and 40P01 as often as `retry` allows; tells whether it reached its end.
async fn run(session: &Session, corner: &Corner, values: &Values, retry: u32) -> Result<bool, RaceError> {
    for _ in 0..=retry {
        let Ok(mut script) = ScriptRun::new(&corner.script, values.clone(), 1) else { return Ok(false) };
        match script.to_end(session).await {
            Ok(_) => return Ok(true),
            Err(fault) => {
                session.execute("ROLLBACK; SELECT pg_advisory_unlock_all()").await?;
                if !asks_again(fault.sqlstate()) {
                    return Ok(false);
                }
            }
        }
    }
    Ok(false)
}
