//! Which tables there are to read, and how large their files are.

use underpin_model::sql_text::quote_qualified;

use crate::catalog::text_form;
use crate::query_error::QueryError;
use crate::rows::Row;
use crate::session::Session;

/// A table that holds rows of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableFile {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Pages of the main file.
    pub(crate) pages: u64,
    /// Size with TOAST.
    pub(crate) bytes: u64,
    /// The table's access method knows ranges of pages.
    pub(crate) by_pages: bool,
    /// Belongs to a migration tool.
    pub(crate) ledger: bool,
}

impl TableFile {
    /// Returns `schema.table`, as results name it.
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Returns the name for SQL.
    pub(crate) fn quoted(&self) -> String {
        quote_qualified(&self.schema, &self.name)
    }
}

/// Returns all tables, ledgers included, sorted by schema and name. Fixes the settings of the transaction.
pub(crate) async fn all(session: &Session) -> Result<Vec<TableFile>, QueryError> {
    let sql = format!("{};\n{}", text_form::fixed_for_transaction(), include_str!("tables.sql"));
    let rows = session.rows(&sql).await?;
    Ok(rows.iter().map(table_file).collect())
}

/// Returns all tables but the ledgers, sorted by schema and name. Fixes the settings of the transaction.
pub(crate) async fn of_user(session: &Session) -> Result<Vec<TableFile>, QueryError> {
    let mut tables = all(session).await?;
    tables.retain(|table| !table.ledger);
    Ok(tables)
}

fn table_file(row: Row<'_>) -> TableFile {
    // The size is null for a table that was dropped a moment ago; reading it will say so.
    let size = |column| row.int(column).and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    TableFile {
        schema: row.text("nspname").to_owned(),
        name: row.text("relname").to_owned(),
        pages: size("pages"),
        bytes: size("bytes"),
        by_pages: row.bool("by_pages").unwrap_or_default(),
        ledger: row.bool("ledger").unwrap_or_default(),
    }
}
