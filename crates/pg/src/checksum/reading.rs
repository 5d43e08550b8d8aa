//! The queries that read content.

use underpin_model::sql_text::{quote_literal, quote_qualified};

use super::ChecksumError;
use super::piece::Piece;
use super::table_list::TableFile;
use crate::catalog::text_form;
use crate::session::Session;

/// Rows and sum of a table or a piece of one.
///
/// The sum of n 64-bit numbers needs 64 + log2(n) bits: 128 are enough for 2^64 rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) rows: u64,
    pub(crate) sum: i128,
}

impl Content {
    pub(crate) fn add(&mut self, other: Content) {
        self.rows += other.rows;
        self.sum += other.sum;
    }
}

/// Reads a whole table, with the settings that make the text of its rows comparable.
pub(crate) async fn read_table(session: &Session, table: &TableFile) -> Result<Content, ChecksumError> {
    read(session, table, &format!("{}; {}", text_form::fixed_for_transaction(), select(table))).await
}

/// Reads a piece of a table in a session whose settings are already fixed.
pub(crate) async fn read_piece(
    session: &Session,
    table: &TableFile,
    piece: &Piece,
) -> Result<Content, ChecksumError> {
    // A TID range scan since 14; an open end also covers what was added after the size was taken.
    let range = match (piece.from, piece.to) {
        (0, None) => String::new(),
        (from, None) => format!(" WHERE it.ctid >= '({from},0)'"),
        (from, Some(to)) => format!(" WHERE it.ctid >= '({from},0)' AND it.ctid < '({to},0)'"),
    };
    read(session, table, &format!("{}{range}", select(table))).await
}

/// `it.*` and not `it`, which would mean a column of that name where there is one. The collation keeps a
/// database whose default collation is of another kind from hashing sort keys instead of bytes.
fn select(table: &TableFile) -> String {
    let hash = "pg_catalog.hashtextextended((it.*)::pg_catalog.text COLLATE pg_catalog.\"C\", 0)";
    format!("SELECT pg_catalog.count(*), pg_catalog.sum({hash}) FROM ONLY {} AS it", table.quoted())
}

async fn read(session: &Session, table: &TableFile, sql: &str) -> Result<Content, ChecksumError> {
    let rows = session.rows(sql).await;
    let rows = rows.map_err(|source| ChecksumError::ReadTable { table: table.key(), source })?;
    let cell = |at: usize| rows.rows.first().and_then(|row| row.get(at)).and_then(Option::as_deref);
    let content = cell(0).unwrap_or("").parse().ok().zip(cell(1).unwrap_or("0").parse().ok());
    let (rows, sum) = content.ok_or_else(|| ChecksumError::UnderstandSum { table: table.key() })?;
    Ok(Content { rows, sum })
}

/// Sequences whose values one query reads.
const SEQUENCES_PER_QUERY: usize = 200;

/// Returns name and position of every sequence.
pub(crate) async fn read_sequences(
    session: &Session,
    with_ledgers: LedgerSequences,
) -> Result<Vec<(String, String)>, ChecksumError> {
    let failed = |source| ChecksumError::ReadSequences { source };
    let fixed = text_form::fixed_for_transaction();
    let listed =
        session.rows(&format!("{fixed};\n{}", include_str!("sequences.sql"))).await.map_err(failed)?;
    let wanted =
        |ledger: Option<bool>| with_ledgers == LedgerSequences::Include || !ledger.unwrap_or_default();
    let selects: Vec<String> = listed
        .iter()
        .filter(|row| wanted(row.bool("ledger")))
        .map(|row| select_sequence(row.text("nspname"), row.text("relname")))
        .collect();
    let mut values = Vec::with_capacity(selects.len());
    for some in selects.chunks(SEQUENCES_PER_QUERY) {
        let rows = session.rows(&format!("{fixed}; {}", some.join(" UNION ALL "))).await.map_err(failed)?;
        values.extend(rows.iter().map(|row| (row.text("name").to_owned(), row.text("value").to_owned())));
    }
    Ok(values)
}

/// Whether the sequences of migration ledgers are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LedgerSequences {
    Include,
    LeaveOut,
}

fn select_sequence(schema: &str, name: &str) -> String {
    format!(
        "SELECT {} AS name, last_value || CASE WHEN is_called THEN '' ELSE ' (unused)' END AS value FROM {}",
        quote_literal(&format!("{schema}.{name}")),
        quote_qualified(schema, name)
    )
}
