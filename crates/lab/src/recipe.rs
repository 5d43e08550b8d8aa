//! Writes the folder of a breaking change from one line: expand with its trigger, backfill, verification, contract, revert,
//! and sketches of what the two versions of the application run.
//!
//! Catalog and change in, files out. Every recipe keeps both forms equal by a trigger of its own, and its backfill only
//! touches rows: what a row becomes is said once, in the trigger.

mod column_pair;
mod dependents;
mod names;
mod one_column;
mod sketch;
mod table_pair;

use underpin_model::catalog::{Catalog, Column, Table};

/// A breaking change of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A column gets another name.
    RenameColumn {
        /// Name now.
        column: String,
        /// Name afterwards.
        to: String,
    },
    /// A column gets another type, and with it another name: both stand side by side for a while.
    ChangeType {
        /// Name now.
        column: String,
        /// Name afterwards.
        to: String,
        /// Type afterwards.
        type_name: String,
        /// The new value from the old column; a cast when absent.
        using: Option<String>,
        /// The old value from the new column; a cast when absent.
        back: Option<String>,
    },
    /// A column becomes several.
    SplitColumn {
        /// Name now.
        column: String,
        /// The new columns, with the expression over the old one.
        into: Vec<(String, String)>,
        /// The old value from the new columns.
        join: String,
    },
    /// A column no longer takes NULL.
    AddNotNull {
        /// The column.
        column: String,
        /// What stands in the place of NULL.
        value: String,
    },
    /// A column goes.
    DropColumn {
        /// The column.
        column: String,
    },
    /// Columns move to a new table with the same key.
    SplitTable {
        /// The new table.
        to: String,
        /// The columns that move.
        columns: Vec<String>,
    },
    /// A table with the same key is taken in.
    MergeTables {
        /// The table that goes.
        from: String,
    },
}

/// A folder to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Name of the change, as in the folder's name; names the trigger and its function too.
    pub name: String,
    /// The table that changes: `name`, or `schema.name`.
    pub table: String,
    /// What happens to it.
    pub change: Change,
}

/// A file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeFile {
    /// Name, such as `expand.sql`.
    pub name: &'static str,
    /// The whole text.
    pub text: String,
}

/// Why a folder cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// There is no such table.
    #[error("there is no table {0}")]
    NoTable(String),
    /// There is no such column.
    #[error("{table} has no column {column}")]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The new name is taken.
    #[error("the name {0} is taken already")]
    Taken(String),
    /// Without a primary key there is nothing to walk along.
    #[error("{0} has no primary key, which the backfill walks along")]
    NoKey(String),
    /// Something else rests on what is to change, and has to be moved by hand.
    #[error("this rests on what changes: {}", .0.join(", "))]
    Depends(Vec<String>),
    /// The recipe does not know the case.
    #[error("{0}")]
    Unknown(String),
}

/// Returns the files of the folder for a change of a schema.
pub fn write_recipe(catalog: &Catalog, recipe: &Recipe) -> Result<Vec<RecipeFile>, RecipeError> {
    let table = find(catalog, &recipe.table)?;
    if table.primary_key().is_empty() {
        return Err(RecipeError::NoKey(recipe.table.clone()));
    }
    let place = Place { catalog, table, name: &recipe.name };
    match &recipe.change {
        Change::RenameColumn { .. } | Change::ChangeType { .. } | Change::SplitColumn { .. } => {
            column_pair::write(&place, &recipe.change)
        }
        Change::AddNotNull { column, value } => one_column::add_not_null(&place, column, value),
        Change::DropColumn { column } => one_column::drop_column(&place, column),
        Change::SplitTable { to, columns } => table_pair::split(&place, to, columns),
        Change::MergeTables { from } => table_pair::merge(&place, from),
    }
}

/// What a recipe writes about.
struct Place<'a> {
    catalog: &'a Catalog,
    table: &'a Table,
    name: &'a str,
}

impl Place<'_> {
    /// Returns the table's name for SQL.
    fn table(&self) -> String {
        names::qualified(self.table)
    }

    /// Returns the key's columns for SQL, in order.
    fn key(&self) -> Vec<String> {
        self.table.primary_key().iter().map(|column| names::name(column)).collect()
    }

    /// Returns the name of the trigger and its function. Of triggers at the same moment the last name fires
    /// last (manual, "Overview of Trigger Behavior"), so that the others have done their work.
    fn sync(&self) -> String {
        names::name(&format!("zz_{}", self.name))
    }

    /// Returns a column that is a plain one.
    fn column(&self, name: &str) -> Result<&Column, RecipeError> {
        let missing = || RecipeError::NoColumn { table: self.table.name.clone(), column: name.to_owned() };
        let column = self.table.column(name).ok_or_else(missing)?;
        if column.identity.is_some() || column.generated.is_some() {
            return Err(RecipeError::Unknown(format!("{name} is generated by the server")));
        }
        if self.table.primary_key().iter().any(|key| key == name) {
            return Err(RecipeError::Unknown(format!("{name} belongs to the primary key")));
        }
        Ok(column)
    }

    /// Returns statements that make a column NOT NULL by the check that expand has added.
    fn set_not_null(&self, column: &str, check: &str) -> String {
        let table = self.table();
        let bare_check = check.trim_matches('"');
        names::fill(
            include_str!("recipe/set_not_null.sql"),
            &[("table", &table), ("column", column), ("check", check), ("bare_check", bare_check)],
        )
    }

    /// Returns the header and condition of a backfill that touches every row along the key.
    fn touching(&self, condition: &str) -> RecipeFile {
        let table = self.table();
        let text = format!(
            "{}-- Touching a row is enough: the trigger of expand.sql does the rest.\n\
             UPDATE {table} SET {column} = {column}\nWHERE {range}{condition};\n",
            self.batch(),
            column = self.touched(),
            range = self.range(),
        );
        RecipeFile { name: "backfill.sql", text }
    }

    /// Returns a column that may be set to itself, of the key where possible: the server refuses that of identities that
    /// are GENERATED ALWAYS, and of generated columns.
    fn touched(&self) -> String {
        let key = self.table.primary_key().iter().filter_map(|name| self.table.column(name));
        let settable =
            |column: &&Column| column.identity.as_deref() != Some("always") && column.generated.is_none();
        let column = key.chain(&self.table.columns).find(settable);
        column.map_or_else(|| self.key()[0].clone(), |column| names::name(&column.name))
    }

    /// Returns the first line of a backfill.
    fn batch(&self) -> String {
        let key = self.key();
        let list = if key.len() == 1 { key[0].clone() } else { format!("({})", key.join(", ")) };
        format!("-- batch: {} by {list}, 5000\n", self.table())
    }

    /// Returns the range of keys of a backfill.
    fn range(&self) -> String {
        match self.key().as_slice() {
            [one] => format!("{one} > :low AND {one} <= :high"),
            several => {
                let key = several.join(", ");
                format!("({key}) > (:low) AND ({key}) <= (:high)")
            }
        }
    }
}

fn find<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Table, RecipeError> {
    let (schema, table) = name.split_once('.').unwrap_or(("public", name));
    catalog.table(schema, table).ok_or_else(|| RecipeError::NoTable(name.to_owned()))
}
