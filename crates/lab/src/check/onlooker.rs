//! A second session that tries to plan reads and writes while the migration holds its locks.

use std::collections::{BTreeMap, BTreeSet};

use underpin_pg::{Address, QueryError, Session};

use crate::error::LabError;

use super::observe::{Observed, keeps_readers_out, may_block};

/// Who waits for what the migration holds.
pub(super) struct Onlooker {
    session: Session,
    /// Tables that existed before the file, by oid.
    tables: BTreeMap<u32, Table>,
    /// Their indexes.
    indexes: BTreeSet<u32>,
}

struct Table {
    quoted: String,
    name: String,
    materialized: bool,
    parent: u32,
}

/// Tables that cannot be read, and tables that cannot be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) reads: BTreeSet<String>,
    pub(super) writes: BTreeSet<String>,
}

/// The server refused to wait (`lock_not_available`).
const GIVEN_UP: &str = "55P03";

impl Onlooker {
    /// Connects before the file runs: tables that it creates are nobody's yet and block nobody.
    pub(super) async fn arrive(superuser: &Address) -> Result<Onlooker, LabError> {
        let session = Session::connect(superuser).await?;
        // Whoever is not blocked does not wait at all, so the limit only has to be short.
        session.execute("SET lock_timeout = '5ms'").await?;
        let rows = session.rows(include_str!("onlookers.sql")).await?;
        let number = |text: &str| text.parse().unwrap_or_default();
        let table = |row: underpin_pg::Row<'_>| {
            let table = Table {
                quoted: row.text("quoted").to_owned(),
                name: row.text("name").to_owned(),
                materialized: row.text("kind") == "m",
                parent: number(row.text("parent")),
            };
            (number(row.text("oid")), table)
        };
        let (indexes, tables): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.text("kind") == "i");
        let indexes = indexes.into_iter().map(|row| number(row.text("oid"))).collect();
        Ok(Onlooker { session, tables: tables.into_iter().map(table).collect(), indexes })
    }

    /// Tries to plan a read of and a write to every table behind a strong lock.
    pub(super) async fn probe(&self, observed: &Observed) -> Result<Blocked, QueryError> {
        let mut blocked = Blocked::default();
        for (oid, _) in self.suspects(observed) {
            let Some(table) = self.tables.get(&oid) else { continue };
            if self.waits(&format!("EXPLAIN SELECT FROM {}", table.quoted)).await? {
                blocked.reads.insert(table.name.clone());
            }
            if !table.materialized && self.waits(&format!("EXPLAIN DELETE FROM {}", table.quoted)).await? {
                blocked.writes.insert(table.name.clone());
            }
        }
        Ok(blocked)
    }

    /// Returns what the lock modes alone say, for statements that hold their locks too shortly to be probed.
    pub(super) fn by_modes(&self, observed: &Observed) -> Blocked {
        let mut blocked = Blocked::default();
        for (oid, readers) in self.suspects(observed) {
            let Some(table) = self.tables.get(&oid) else { continue };
            if readers {
                blocked.reads.insert(table.name.clone());
            }
            if !table.materialized {
                blocked.writes.insert(table.name.clone());
            }
        }
        blocked
    }

    /// Returns the tables with a strong lock on them, on one of their indexes or on one of their parts, and whether it is
    /// the strongest.
    fn suspects(&self, observed: &Observed) -> BTreeMap<u32, bool> {
        let mut suspects: BTreeMap<u32, bool> = BTreeMap::new();
        for (oid, mode) in observed.locks.iter().filter(|(_, mode)| may_block(mode)) {
            let owner = observed.relations.get(oid).map_or(0, |relation| relation.table);
            // An index that nobody has seen yet keeps nobody waiting.
            if owner != 0 && !self.indexes.contains(oid) {
                continue;
            }
            let mut at = if owner == 0 { *oid } else { owner };
            // A query of a parent locks its parts when it is planned.
            for _ in 0..8 {
                *suspects.entry(at).or_default() |= keeps_readers_out(mode);
                at = self.tables.get(&at).map_or(0, |table| table.parent);
                if at == 0 {
                    break;
                }
            }
        }
        suspects
    }

    async fn waits(&self, sql: &str) -> Result<bool, QueryError> {
        match self.session.execute(sql).await {
            Ok(_) => Ok(false),
            Err(refused) if refused.sqlstate() == Some(GIVEN_UP) => Ok(true),
            // Whatever else is refused was refused before the migration too; it does not wait.
            Err(refused) if !refused.ends_session() => Ok(false),
            Err(lost) => Err(lost),
        }
    }

    /// Disconnects.
    pub(super) async fn leave(self) {
        self.session.close().await;
    }
}
