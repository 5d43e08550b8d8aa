//! What each foreign key asks when a parent goes: the query that the server itself runs.

use camino::Utf8PathBuf;
use underpin_model::project::{Param, Query};
use underpin_model::statement::{Statement, StatementFacts, Verb};
use underpin_pg::Session;

use super::{Asked, Mode};
use crate::error::LabError;

/// A foreign key's check with a key to ask it for.
pub(crate) struct Reference {
    /// The constraint.
    pub constraint: String,
    /// Schema of the referring table.
    pub schema: String,
    /// The referring table.
    pub table: String,
    /// Its columns, quoted as SQL needs it.
    pub columns: Vec<String>,
    query: Query,
    key: Vec<Option<String>>,
}

impl Reference {
    /// Returns `table.constraint`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.table, self.constraint)
    }

    /// Returns the check under the plan for any key: the server keeps the plan of a check as well.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked { query: &self.query, values: &self.key, mode: Mode::Generic }
    }
}

/// Returns every foreign key whose parent table has a row, with the parent to which the fewest rows refer.
pub(crate) async fn references(session: &Session) -> Result<Vec<Reference>, LabError> {
    let rows = session.rows(include_str!("references.sql")).await?;
    let mut found = Vec::new();
    for row in rows.iter() {
        let Some(key) = session.rows(row.text("key_sql")).await?.rows.into_iter().next() else { continue };
        let constraint = row.text("name");
        found.push(Reference {
            constraint: constraint.to_owned(),
            schema: row.text("schema").to_owned(),
            table: row.text("table").to_owned(),
            columns: row.text("columns").split(", ").map(str::to_owned).collect(),
            query: check(constraint, row.text("check_sql"), row.text("types")),
            key,
        });
    }
    Ok(found)
}

/// Returns the check as a query, which a superuser asks.
fn check(name: &str, sql: &str, types: &str) -> Query {
    let param = |(nth, type_name): (usize, &str)| Param {
        name: format!("key{nth}"),
        type_name: type_name.to_owned(),
        value: None,
        line: 1,
    };
    let facts = StatementFacts { verb: Verb::Select, ..StatementFacts::default() };
    Query {
        name: name.to_owned(),
        file: Utf8PathBuf::new(),
        statement: Statement { sql: sql.to_owned(), line: 1, facts, copy_data: None },
        params: types.split(';').enumerate().map(param).collect(),
        rate: None,
        budget: Vec::new(),
        role: None,
        tenant: None,
        enters: None,
        allow: Vec::new(),
    }
}
