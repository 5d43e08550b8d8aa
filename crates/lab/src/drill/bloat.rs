//! `drill bloat`: updates beside an open transaction; what grows, who is to blame, and what comes back when it ends.

use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use underpin_pg::{Address, Installation, Profile, Server, ServerSpec, Session};

use crate::error::LabError;
use crate::triage;

/// Whether a transaction is open beside the updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Beside {
    /// A session that reads once and then does nothing.
    OpenTransaction,
    /// Nobody: the control.
    Nobody,
}

/// One moment of the drill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// Seconds since the begin.
    pub seconds: f64,
    /// Size of the table in bytes.
    pub table_bytes: u64,
    /// Size of its indexes in bytes.
    pub index_bytes: u64,
    /// Dead rows that the last VACUUM could not remove.
    pub kept_dead: u64,
    /// Time of the same query, in milliseconds.
    pub query_ms: f64,
}

/// What a drill measured.
#[derive(Clone, Debug, Serialize)]
pub struct Bloat {
    /// Whether a transaction was open.
    pub beside: Beside,
    /// One moment per round of updates and VACUUM.
    pub series: Vec<Moment>,
    /// After the transaction ended and VACUUM ran once more.
    pub after: Moment,
    /// Growth of table and indexes, as a factor.
    pub growth: f64,
    /// What triage said while it was so: code, and the names of the holder and the tables.
    pub blamed: Vec<String>,
    /// What VACUUM said of the last round.
    pub vacuum: String,
}

/// How each statement of ours names the table.
const ROWS: u32 = 20_000;

/// Runs the drill with so many rounds, each of which updates every row once and vacuums.
pub fn bloat<'a>(
    installation: &'a Installation,
    beside: Beside,
    rounds: u32,
) -> LocalBoxFuture<'a, Result<Bloat, LabError>> {
    Box::pin(async move {
        let spec = ServerSpec::new(installation.clone(), Profile::Durable, "bloat")
            // The drill vacuums itself, so that each round means the same.
            .setting("autovacuum_naptime", "1h")
            .setting("synchronous_commit", "off");
        let server = Server::start(spec).await?;
        let measured = run(&server.address(), beside, rounds).await;
        server.stop().await?;
        measured
    })
}

async fn run(address: &Address, beside: Beside, rounds: u32) -> Result<Bloat, LabError> {
    let session = Session::connect(&address.application_name("bloat drill")).await?;
    let fill = format!(
        "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL, note text NOT NULL);
         CREATE INDEX ON accounts (balance);
         INSERT INTO accounts SELECT n, n, repeat('x', 40) FROM generate_series(1, {ROWS}) n"
    );
    session.execute(&fill).await?;
    session.execute("VACUUM ANALYZE accounts").await?;
    let start = Instant::now();
    let mut series = vec![moment(&session, start, 0).await?];
    let holder = match beside {
        Beside::OpenTransaction => {
            let holder = Session::connect(&address.application_name("open transaction")).await?;
            holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM accounts").await?;
            Some(holder)
        }
        Beside::Nobody => None,
    };
    let mut vacuum = String::new();
    for _ in 0..rounds.max(1) {
        session.execute("UPDATE accounts SET balance = balance + 1").await?;
        let (words, kept) = vacuumed(&session).await?;
        vacuum = words;
        series.push(moment(&session, start, kept).await?);
    }
    let triage = triage::look(address).await?;
    let blamed = triage.findings.iter().filter(|one| one.mode == underpin_model::TriageMode::Bloat);
    let blamed = blamed.flat_map(|one| [one.code.clone()].into_iter().chain(one.objects.clone())).collect();
    if let Some(holder) = holder {
        holder.execute("COMMIT").await?;
        holder.close().await;
    }
    let (_, kept) = vacuumed(&session).await?;
    let after = moment(&session, start, kept).await?;
    session.close().await;
    let size = |moment: &Moment| (moment.table_bytes + moment.index_bytes) as f64;
    let growth = series.last().map_or(1.0, size) / series.first().map_or(1.0, size);
    Ok(Bloat { beside, series, after, growth, blamed, vacuum })
}

/// Vacuums; returns what VACUUM said and how many dead rows it had to leave.
async fn vacuumed(session: &Session) -> Result<(String, u64), LabError> {
    session.take_notices();
    session.execute("VACUUM (VERBOSE) accounts").await?;
    let said: Vec<String> = session
        .take_notices()
        .into_iter()
        .flat_map(|one| [Some(one.message), one.detail])
        .flatten()
        .collect();
    let words = said.join("\n");
    let line = words
        .lines()
        .find(|line| line.contains("dead but not yet removable") || line.contains("cannot be removed yet"));
    let kept = line.map_or(0, dead_rows);
    Ok((line.unwrap_or_default().trim().to_owned(), kept))
}

/// Returns the number before the words `are dead but` (15 and later) or `dead row versions cannot` (14).
fn dead_rows(line: &str) -> u64 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "dead").unwrap_or_default();
    let before = words[..at].iter().rev().find_map(|word| word.parse().ok());
    before.unwrap_or_default()
}

async fn moment(session: &Session, start: Instant, kept_dead: u64) -> Result<Moment, LabError> {
    let sizes = session
        .rows("SELECT pg_table_size('accounts') AS rows, pg_indexes_size('accounts') AS indexes")
        .await?;
    let size = |column: &str| sizes.first().and_then(|row| row.int(column)).unwrap_or_default() as u64;
    let asked = Instant::now();
    session.execute("SELECT count(*) FROM accounts WHERE balance BETWEEN 1000 AND 9000").await?;
    let query_ms = asked.elapsed().as_secs_f64() * 1_000.0;
    Ok(Moment {
        seconds: (start.elapsed().max(Duration::ZERO)).as_secs_f64(),
        table_bytes: size("rows"),
        index_bytes: size("indexes"),
        kept_dead,
        query_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_vacuum_are_read_in_every_version() {
        assert_eq!(
            dead_rows("tuples: 0 removed, 40000 remain, 20000 are dead but not yet removable"),
            20_000
        );
        assert_eq!(dead_rows("DETAIL: 317 dead row versions cannot be removed yet, oldest xmin: 740"), 317);
    }
}
