//! One copy of the project's database with one change, and what the load does to it: counted, never timed.

use std::collections::BTreeMap;

use underpin_pg::Session;

use super::changed::{Index, Table, settle};
use super::load::{self, Call};
use crate::error::LabError;
use crate::lab::Sandbox;

/// The load runs in so many parts with a VACUUM behind each, as autovacuum would do it.
const PARTS: usize = 4;

/// Part of the updates by which a copy may differ from another: clocks and generated keys are not the same twice.
const SAME: f64 = 0.02;

/// What is changed on a copy.
#[derive(Clone, Copy)]
pub(super) enum Change<'c> {
    /// Nothing.
    None,
    /// The fillfactor of one table.
    Fillfactor(&'c Table, u32),
    /// Some of its indexes are not there, and its fillfactor.
    Hidden(&'c Table, &'c [&'c Index], u32),
}

impl Change<'_> {
    pub(super) fn words(&self) -> String {
        match self {
            Change::None => "the load on tables as they are".to_owned(),
            Change::Fillfactor(table, fillfactor) => {
                format!("the load with fillfactor {fillfactor} on {}", table.display())
            }
            Change::Hidden(table, hidden, _) => {
                let names: Vec<&str> = hidden.iter().map(|index| index.name.as_str()).collect();
                format!("the load on {} without {}", table.display(), names.join(", "))
            }
        }
    }

    fn statements(&self) -> Vec<String> {
        let room = |table: &Table, fillfactor: &u32| {
            format!("ALTER TABLE {} SET (fillfactor = {fillfactor})", table.quoted())
        };
        match self {
            Change::None => Vec::new(),
            Change::Fillfactor(table, fillfactor) => vec![room(table, fillfactor)],
            // Whether an update may be HOT is asked of every index that lives, valid or not (RelationGetIndexAttrBitmap).
            Change::Hidden(table, hidden, fillfactor) => {
                let oids: Vec<&str> = hidden.iter().map(|index| index.oid.as_str()).collect();
                let hide = format!(
                    "UPDATE pg_catalog.pg_index SET indislive = false, indisready = false, indisvalid = false WHERE indexrelid IN ({})",
                    oids.join(", ")
                );
                vec![hide, room(table, fillfactor)]
            }
        }
    }
}

/// What the load did to a copy.
pub(super) struct Copied {
    tables: BTreeMap<String, Counts>,
    committed: u64,
}

/// What the load did to one table.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// Rows updated, and those of them that were HOT.
    pub(super) updates: u64,
    pub(super) hot: u64,
    /// The same in the last part of the load, when pages had room by then.
    pub(super) last_updates: u64,
    pub(super) last_hot: u64,
    /// Pages of the table before the load, freshly written at its fillfactor, and after it.
    pub(super) pages: (u64, u64),
    /// Pages of its indexes.
    pub(super) index_pages: (u64, u64),
    /// Bytes of log that the whole load wrote on this copy, all tables and VACUUM included.
    pub(super) wal: u64,
}

impl Counts {
    /// Returns the part of the updates that were HOT.
    pub(super) fn share(&self) -> f64 {
        self.hot as f64 / self.updates.max(1) as f64
    }

    /// The same of the last part of the load.
    pub(super) fn last_share(&self) -> f64 {
        self.last_hot as f64 / self.last_updates.max(1) as f64
    }
}

impl Copied {
    pub(super) fn of(&self, table: &Table) -> Counts {
        self.tables.get(&table.oid).copied().unwrap_or_default()
    }

    /// Returns why the two copies cannot be compared: the load did not do the same on both.
    pub(super) fn differs(&self, base: &Copied) -> Option<String> {
        let apart = |here: u64, there: u64| here.abs_diff(there) as f64 > SAME * there.max(1) as f64;
        if apart(self.committed, base.committed) {
            let (here, there) = (self.committed, base.committed);
            return Some(format!("{here} transactions of the load went through instead of {there}"));
        }
        let updates = |copied: &Copied| copied.tables.values().map(|counts| counts.updates).sum::<u64>();
        let (here, there) = (updates(self), updates(base));
        apart(here, there).then(|| format!("the load updated {here} rows instead of {there}"))
    }
}

/// Changes the copy, writes the tables anew so that all begin alike, and runs the load.
pub(super) async fn run(
    sandbox: &Sandbox<'_>,
    (tables, calls): (&[&Table], &[Call<'_>]),
    change: Change<'_>,
) -> Result<Copied, LabError> {
    let session = sandbox.session().await?;
    for statement in change.statements() {
        session.execute(&statement).await?;
    }
    for table in tables {
        session.execute(&format!("VACUUM FULL {}", table.quoted())).await?;
    }
    let mut all: BTreeMap<String, Counts> = BTreeMap::new();
    for (oid, read) in read(&session, tables).await? {
        let counts =
            Counts { pages: (read.pages, 0), index_pages: (read.index_pages, 0), ..Counts::default() };
        all.insert(oid, counts);
    }
    let begin = log_position(&session).await?;
    let mut committed = 0;
    for part in calls.chunks(calls.len().div_ceil(PARTS).max(1)) {
        committed += load::replay(&sandbox.address(), part).await?;
        settle(&session).await?;
        for table in tables {
            session.execute(&format!("VACUUM {}", table.quoted())).await?;
        }
        for (oid, read) in read(&session, tables).await? {
            let counts = all.entry(oid).or_default();
            counts.last_updates = read.updates.saturating_sub(counts.updates);
            counts.last_hot = read.hot.saturating_sub(counts.hot);
            (counts.updates, counts.hot) = (read.updates, read.hot);
            (counts.pages.1, counts.index_pages.1) = (read.pages, read.index_pages);
        }
    }
    let wal = log_position(&session).await?.saturating_sub(begin);
    all.values_mut().for_each(|counts| counts.wal = wal);
    session.close().await;
    Ok(Copied { tables: all, committed })
}

/// The counters and sizes of one table.
struct Read {
    updates: u64,
    hot: u64,
    pages: u64,
    index_pages: u64,
}

async fn read(session: &Session, tables: &[&Table]) -> Result<Vec<(String, Read)>, LabError> {
    let oids: Vec<&str> = tables.iter().map(|table| table.oid.as_str()).collect();
    let sql = format!(
        "SELECT c.oid::text AS oid, pg_stat_get_tuples_updated(c.oid) AS updates, pg_stat_get_tuples_hot_updated(c.oid) AS hot, \
         pg_relation_size(c.oid) / current_setting('block_size')::int AS pages, \
         pg_indexes_size(c.oid) / current_setting('block_size')::int AS index_pages \
         FROM pg_class AS c WHERE c.oid IN ({})",
        oids.join(", ")
    );
    let rows = session.rows(&sql).await?;
    let of = |row: &underpin_pg::Row<'_>, column: &str| row.int(column).unwrap_or_default().max(0) as u64;
    let all = rows.iter().map(|row| {
        let read = Read {
            updates: of(&row, "updates"),
            hot: of(&row, "hot"),
            pages: of(&row, "pages"),
            index_pages: of(&row, "index_pages"),
        };
        (row.text("oid").to_owned(), read)
    });
    Ok(all.collect())
}

/// Returns the place up to which the log is written, in bytes since its begin.
async fn log_position(session: &Session) -> Result<u64, LabError> {
    let at = session.value("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").await?;
    Ok(at.and_then(|text| text.parse().ok()).unwrap_or_default())
}
