//! The indexes that there are.

use underpin_pg::Session;

use crate::error::LabError;

/// An index of the project.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index {
    /// Oid, as text.
    pub oid: String,
    /// Schema of table and index.
    pub schema: String,
    /// The table.
    pub table: String,
    /// Oid of the table.
    pub table_oid: String,
    /// The index.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Rows of the table.
    pub rows: u64,
    /// Access method.
    pub method: String,
    /// It keeps a rule: unique, primary key or exclusion.
    pub constrains: bool,
    /// WHERE of a partial index.
    pub predicate: String,
    /// Key columns and expressions.
    pub keys: Vec<String>,
    /// INCLUDE columns.
    pub included: Vec<String>,
    /// The statement that makes it, without its name.
    pub definition: String,
    /// Operator classes, collations and directions, compared only.
    pub classes: String,
}

impl Index {
    /// Returns table and index, the schema left out when it is `public`.
    pub(crate) fn display(&self) -> String {
        format!("{} on {}", self.name, self.display_table())
    }

    /// Returns the table, the schema left out when it is `public`.
    pub(crate) fn display_table(&self) -> String {
        if self.schema == "public" { self.table.clone() } else { format!("{}.{}", self.schema, self.table) }
    }

    /// Returns whether every lookup in this index can be made in `other`: its keys are the first keys there.
    pub(crate) fn is_covered_by(&self, other: &Index) -> bool {
        let carried = |column: &String| other.keys.contains(column) || other.included.contains(column);
        self.table_oid == other.table_oid
            && self.method == other.method
            && self.method == "btree"
            && self.predicate == other.predicate
            && other.keys.starts_with(&self.keys)
            && self.included.iter().all(carried)
    }

    /// Returns whether both hold the same.
    pub(crate) fn is_twin_of(&self, other: &Index) -> bool {
        self.is_covered_by(other) && other.is_covered_by(self) && self.classes == other.classes
    }
}

/// Reads the indexes of all tables, by table and name.
pub(crate) async fn read(session: &Session) -> Result<Vec<Index>, LabError> {
    let rows = session.rows(include_str!("surface.sql")).await?;
    let list = |text: &str| -> Vec<String> {
        text.split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let number = |value: Option<i64>| value.unwrap_or(0).max(0) as u64;
    let index = |row: underpin_pg::Row<'_>| Index {
        oid: row.text("oid").to_owned(),
        schema: row.text("schema").to_owned(),
        table: row.text("table").to_owned(),
        table_oid: row.text("table_oid").to_owned(),
        name: row.text("name").to_owned(),
        bytes: number(row.int("bytes")),
        rows: number(row.int("rows")),
        method: row.text("method").to_owned(),
        constrains: row.bool("constrains").unwrap_or(false),
        predicate: row.text("predicate").to_owned(),
        keys: list(row.text("keys")),
        included: list(row.text("included")),
        definition: row.text("definition").to_owned(),
        classes: row.text("classes").to_owned(),
    };
    Ok(rows.iter().map(index).collect())
}
