//! Which tables and columns the rules look at, and what they ask about them.
//!
//! Partitions inherit from their parent and are reported once, there. Views, foreign tables and the
//! ledgers of migration tools are nobody's design and are left out.

use underpin_model::catalog::{Column, Constraint, ConstraintKind, Index, Reference, Table};
use underpin_model::sql_text::{quote_identifier, quote_qualified};
use underpin_model::{Code, Finding, ObjectKind, ObjectRef};

use crate::rule::Context;

/// Ledger tables of migration tools: sqlx, refinery, Flyway, golang-migrate and dbmate, Diesel.
const LEDGERS: [&str; 5] = [
    "_sqlx_migrations",
    "refinery_schema_history",
    "flyway_schema_history",
    "schema_migrations",
    "__diesel_schema_migrations",
];

impl<'a> Context<'a> {
    /// Returns the tables under judgement.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        self.catalog.tables.iter().filter(|table| {
            matches!(table.kind.as_str(), "table" | "partitioned")
                && table.partition_of.is_none()
                && table.schema != "underpin"
                && !LEDGERS.contains(&table.name.as_str())
        })
    }

    /// Returns all their columns.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        self.tables().flat_map(|table| table.columns.iter().map(move |column| Field { table, column }))
    }

    /// Returns their text columns that the server does not compute.
    pub(crate) fn text_fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        self.fields().filter(|field| field.is_text() && field.column.generated.is_none())
    }

    /// Returns their foreign keys, in pairs with the referenced table.
    pub(crate) fn references(&self) -> impl Iterator<Item = ForeignKey<'a>> + use<'a> {
        let catalog = self.catalog;
        self.tables().flat_map(move |table| {
            table.constraints.iter().filter_map(move |constraint| {
                let reference = constraint.reference.as_ref()?;
                let target = catalog.table(&reference.schema, &reference.table)?;
                Some(ForeignKey { table, constraint, reference, target })
            })
        })
    }

    /// Returns the rows that a table has in production according to `[scale] rows`, 0 when it says nothing.
    pub(crate) fn production_rows(&self, table: &Table) -> i64 {
        let rows = self.config.scale.rows.get(&table.name).copied().unwrap_or(0);
        i64::try_from(rows).unwrap_or(i64::MAX)
    }
}

/// A column together with its table.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    /// The table.
    pub table: &'a Table,
    /// The column.
    pub column: &'a Column,
}

impl<'a> Field<'a> {
    /// Returns the column's bare name.
    pub fn name(self) -> &'a str {
        &self.column.name
    }

    /// Returns the name for messages: `orders.user_id`.
    pub fn label(self) -> String {
        format!("{}.{}", label(self.table), self.column.name)
    }

    /// Returns the quoted column name for probes.
    pub fn quoted(self) -> String {
        quote_identifier(&self.column.name)
    }

    /// Returns the finding before anything is measured.
    pub fn draft(self, code: &Code) -> Finding {
        let object = ObjectRef::in_schema(ObjectKind::Column, &self.table.schema, &self.table.name);
        Finding::new(code, format!("{}: {}", self.label(), code.title)).object(object.column(self.name()))
    }

    /// Returns whether the column holds text, domains and citext included.
    pub fn is_text(self) -> bool {
        matches!(self.column.base_type.as_str(), "text" | "varchar" | "bpchar" | "citext")
    }

    /// Returns whether the column holds whole numbers.
    pub fn is_integer(self) -> bool {
        matches!(self.column.base_type.as_str(), "int2" | "int4" | "int8")
    }

    /// Returns whether the column's comment has one of the words, which are in lower case.
    pub fn comment_has(self, words: &[&str]) -> bool {
        let comment = self.column.comment.as_deref().unwrap_or("").to_lowercase();
        words.iter().any(|word| comment.contains(word))
    }

    /// Returns whether the primary key has the column.
    pub fn in_primary_key(self) -> bool {
        self.table.primary_key().contains(&self.column.name)
    }

    /// Returns whether a foreign key of the table has the column.
    pub fn in_foreign_key(self) -> bool {
        self.constrained(ConstraintKind::ForeignKey)
    }

    /// Returns whether a constraint of the given kind has the column.
    pub fn constrained(self, kind: ConstraintKind) -> bool {
        self.table.constraints.iter().any(|c| c.kind == kind && c.columns.contains(&self.column.name))
    }

    /// Returns whether a unique index, partial ones included, names the column in a key.
    pub fn in_unique_index(self) -> bool {
        let named = |key: &String| mentions(key, &self.column.name);
        self.table.indexes.iter().any(|index| index.unique && index.keys.iter().any(named))
    }

    /// Returns whether the column is the first key of a valid, complete index.
    pub fn leads_an_index(self) -> bool {
        let leads = |index: &Index| index.keys.first() == Some(&self.column.name);
        self.table.indexes.iter().any(|index| index.valid && index.predicate.is_none() && leads(index))
    }
}

/// A foreign key with both its tables.
#[derive(Clone, Copy)]
pub(crate) struct ForeignKey<'a> {
    /// The referencing table.
    pub table: &'a Table,
    /// The constraint.
    pub constraint: &'a Constraint,
    /// The far side.
    pub reference: &'a Reference,
    /// The referenced table.
    pub target: &'a Table,
}

impl ForeignKey<'_> {
    /// Returns the name for messages: `orders.user_id`, or `orders (a, b)`.
    pub fn label(&self) -> String {
        match self.constraint.columns.as_slice() {
            [column] => format!("{}.{column}", label(self.table)),
            columns => format!("{} ({})", label(self.table), columns.join(", ")),
        }
    }

    /// Returns the finding before anything is measured; the object is the column of a one-column key.
    pub fn draft(&self, code: &Code) -> Finding {
        let (schema, table) = (&self.table.schema, &self.table.name);
        let object = match self.constraint.columns.as_slice() {
            [column] => ObjectRef::in_schema(ObjectKind::Column, schema, table).column(column),
            _ => constraint_object(self.table, self.constraint),
        };
        Finding::new(code, format!("{}: {}", self.label(), code.title)).object(object)
    }
}

/// Returns a table's name for messages: schema left out when it is `public`.
pub(crate) fn label(table: &Table) -> String {
    if table.schema == "public" { table.name.clone() } else { format!("{}.{}", table.schema, table.name) }
}

/// Returns the finding about a whole table before anything is measured.
pub(crate) fn draft(table: &Table, code: &Code) -> Finding {
    let object = ObjectRef::in_schema(ObjectKind::Table, &table.schema, &table.name);
    Finding::new(code, format!("{}: {}", label(table), code.title)).object(object)
}

/// Returns the object of a table's constraint.
pub(crate) fn constraint_object(table: &Table, constraint: &Constraint) -> ObjectRef {
    let name = format!("{}.{}", table.name, constraint.name);
    ObjectRef::in_schema(ObjectKind::Constraint, &table.schema, name)
}

/// Returns the probe that counts a table's rows as `rows`.
pub(crate) fn count_rows(table: &Table) -> String {
    format!("SELECT count(*) AS rows FROM {}", table.quoted())
}

/// Returns whether an SQL expression has a name as a whole word.
pub(crate) fn mentions(expression: &str, name: &str) -> bool {
    expression.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
}

/// Returns the quoted name of an index or sequence for a `regclass` literal.
pub(crate) fn relation(schema: &str, name: &str) -> String {
    quote_qualified(schema, name)
}
