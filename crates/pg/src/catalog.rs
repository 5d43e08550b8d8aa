//! Reads a database's catalog into [`underpin_model::catalog::Catalog`].
//!
//! One `.sql` file per list, each sorted by name. They read system catalogs without locks on what
//! they describe, except that `pg_get_viewdef` and `pg_get_ruledef` open the view or table: behind a
//! migration that holds ACCESS EXCLUSIVE they wait for as long as the session's `lock_timeout` says.

mod table_counts;
pub(crate) mod text_form;

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use thiserror::Error;
use underpin_model::catalog::{Catalog, Column, Constraint, Index, Policy, Table, Trigger, View};

pub use table_counts::{TableCount, table_counts};

use crate::query_error::QueryError;
use crate::session::Session;

/// Why a catalog could not be read.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// The session's settings could not be read or given back.
    #[error("the settings of the session cannot be kept")]
    KeepSettings {
        /// What the server said.
        #[source]
        source: QueryError,
    },
    /// A list could not be read.
    #[error("the list of {list} cannot be read from the catalog")]
    ReadList {
        /// Which list, such as `tables`.
        list: &'static str,
        /// What the server said.
        #[source]
        source: QueryError,
    },
    /// The server's answer has not the expected form.
    #[error("the list of {list} came from the server in an unknown form")]
    UnderstandList {
        /// Which list, such as `tables`.
        list: &'static str,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// The rows of a table could not be counted.
    #[error("the rows of table {table} cannot be counted")]
    CountRows {
        /// `schema.table`.
        table: String,
        /// What the server said.
        #[source]
        source: QueryError,
    },
}

/// Returns what the schema of the session's database is, free of oids and of the order of creation.
///
/// Left out are system schemas, temporary objects, what belongs to extensions, our own schema
/// `underpin`, and the ledgers of sqlx, dbmate, golang-migrate, refinery and Flyway.
///
/// Works on PostgreSQL 14 to 18, inside or outside a transaction block, and leaves the session's
/// settings as they were. The lists are of one moment when the session is inside a REPEATABLE READ
/// transaction; otherwise a schema change at the same time may show in some lists only.
pub fn snapshot(session: &Session) -> BoxFuture<'_, Result<Catalog, CatalogError>> {
    Box::pin(async move {
        let keep = |source| CatalogError::KeepSettings { source };
        let restoration = text_form::restoration(session).await.map_err(keep)?;
        let catalog = read_catalog(session).await?;
        // After an error there is nothing to restore: the transaction, and the settings with it, are gone.
        session.rows(&restoration).await.map_err(keep)?;
        Ok(catalog)
    })
}

/// One file of SQL.
struct List {
    name: &'static str,
    sql: &'static str,
}

macro_rules! list {
    ($name:literal) => {
        List { name: $name, sql: include_str!(concat!("catalog/", $name, ".sql")) }
    };
}

async fn read_catalog(session: &Session) -> Result<Catalog, CatalogError> {
    let mut nested = Nested {
        columns: read_nested(session, list!("columns")).await?,
        constraints: read_nested(session, list!("constraints")).await?,
        indexes: read_nested(session, list!("indexes")).await?,
        triggers: read_nested(session, list!("triggers")).await?,
        policies: read_nested(session, list!("policies")).await?,
    };
    let mut tables: Vec<Table> = read(session, list!("tables")).await?;
    tables.iter_mut().for_each(|table| nested.complete_table(table));
    let mut views: Vec<View> = read(session, list!("views")).await?;
    views.iter_mut().for_each(|view| nested.complete_view(view));
    Ok(Catalog {
        schemas: read(session, list!("schemas")).await?,
        extensions: read(session, list!("extensions")).await?,
        roles: read(session, list!("roles")).await?,
        tables,
        views,
        sequences: read(session, list!("sequences")).await?,
        types: read(session, list!("types")).await?,
        functions: read(session, list!("functions")).await?,
        grants: read(session, list!("grants")).await?,
        others: read(session, list!("others")).await?,
    })
}

/// Items by schema and name of the relation that they belong to.
type ByRelation<T> = BTreeMap<(String, String), Vec<T>>;

/// What is nested in tables and views.
struct Nested {
    columns: ByRelation<Column>,
    constraints: ByRelation<Constraint>,
    indexes: ByRelation<Index>,
    triggers: ByRelation<Trigger>,
    policies: ByRelation<Policy>,
}

impl Nested {
    fn complete_table(&mut self, table: &mut Table) {
        let key = (table.schema.clone(), table.name.clone());
        table.columns = self.columns.remove(&key).unwrap_or_default();
        table.constraints = self.constraints.remove(&key).unwrap_or_default();
        table.indexes = self.indexes.remove(&key).unwrap_or_default();
        table.triggers = self.triggers.remove(&key).unwrap_or_default();
        table.policies = self.policies.remove(&key).unwrap_or_default();
    }

    fn complete_view(&mut self, view: &mut View) {
        let key = (view.schema.clone(), view.name.clone());
        view.indexes = self.indexes.remove(&key).unwrap_or_default();
        view.triggers = self.triggers.remove(&key).unwrap_or_default();
    }
}

async fn read<T: DeserializeOwned>(session: &Session, list: List) -> Result<Vec<T>, CatalogError> {
    let rows = read_rows(session, &list).await?;
    rows.iter().map(|row| understand(list.name, row, 0)).collect()
}

async fn read_nested<T: DeserializeOwned>(
    session: &Session,
    list: List,
) -> Result<ByRelation<T>, CatalogError> {
    let mut items = ByRelation::new();
    for row in read_rows(session, &list).await? {
        let item = understand(list.name, &row, 2)?;
        let mut names = row.into_iter().map(Option::unwrap_or_default);
        let key = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        items.entry(key).or_insert_with(Vec::new).push(item);
    }
    Ok(items)
}

async fn read_rows(session: &Session, list: &List) -> Result<Vec<Vec<Option<String>>>, CatalogError> {
    let sql = format!("{};\n{}", text_form::fixed_for_transaction(), list.sql);
    let rows = session.rows(&sql).await;
    rows.map(|rows| rows.rows).map_err(|source| CatalogError::ReadList { list: list.name, source })
}

fn understand<T: DeserializeOwned>(
    list: &'static str,
    row: &[Option<String>],
    at: usize,
) -> Result<T, CatalogError> {
    let document = row.get(at).and_then(Option::as_deref).unwrap_or_default();
    serde_json::from_str(document).map_err(|source| CatalogError::UnderstandList { list, source })
}
