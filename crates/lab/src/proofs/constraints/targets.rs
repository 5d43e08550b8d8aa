//! What is to be tried: tables with their columns, and every declared constraint, read from the catalog.

use serde::Deserialize;
use underpin_model::sql_text::{quote_identifier, quote_qualified};
use underpin_pg::Session;

use crate::error::LabError;

/// A table as the experiment sees it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Table {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// It is a partition; its rows are reached through the parent.
    pub partition: bool,
    /// In order of position.
    pub columns: Vec<Column>,
}

/// A column as the experiment sees it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type below domains, with modifier, as SQL writes it.
    pub type_name: String,
    /// The same without modifier, as `typname` has it.
    pub base_type: String,
    /// `pg_type.typcategory` of the type below domains.
    pub category: String,
    /// NOT NULL is declared on the column.
    pub not_null: bool,
    /// The column, and with it its NOT NULL, comes from a parent table.
    pub inherited: bool,
    /// It is an identity column.
    pub identity: bool,
    /// It has a DEFAULT.
    pub has_default: bool,
    /// Expression of a GENERATED column.
    pub generated: Option<String>,
    /// The domain, when the type is one.
    pub domain: Option<String>,
    /// Labels of an enum.
    pub labels: Option<Vec<String>>,
}

/// The kinds of rule that are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// NOT NULL of a column.
    #[default]
    NotNull,
    /// NOT NULL of a column's domain.
    DomainNotNull,
    /// CHECK of a table.
    Check,
    /// CHECK of a column's domain.
    DomainCheck,
    /// PRIMARY KEY.
    PrimaryKey,
    /// UNIQUE.
    Unique,
    /// A unique index without a constraint.
    UniqueIndex,
    /// EXCLUDE, or a key WITHOUT OVERLAPS.
    Exclusion,
    /// FOREIGN KEY.
    ForeignKey,
}

/// One declared constraint.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Target {
    /// What kind.
    pub kind: Kind,
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Name of the constraint or index; the column's for NOT NULL.
    pub name: String,
    /// Its columns; of an index the plain key columns.
    pub columns: Vec<String>,
    /// Columns that index expressions and predicate read.
    pub inputs: Vec<String>,
    /// Expression of a check, predicate of an index.
    pub expression: Option<String>,
    /// Operators of an exclusion constraint, one per key.
    pub operators: Option<Vec<String>>,
    /// Two NULLs count as equal.
    pub nulls_equal: bool,
    /// Names under which partitions report it.
    pub aliases: Vec<String>,
    /// The domain that declares it.
    pub domain: Option<String>,
    /// Far side of a foreign key.
    pub reference: Option<Reference>,
    /// Why the server does not enforce it, when the catalog says so.
    pub disabled: Option<String>,
}

/// The far side of a foreign key.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Reference {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Columns in the order of the referencing ones.
    pub columns: Vec<String>,
    /// `pg_constraint.confdeltype`.
    pub on_delete: String,
}

/// Everything that the experiment works on.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Every table.
    pub tables: Vec<Table>,
    /// Every constraint, NOT NULL included, in order of table and name.
    pub targets: Vec<Target>,
}

/// Reads tables and constraints of the database.
pub async fn read(session: &Session) -> Result<Targets, LabError> {
    let tables: Vec<Table> = json(session, include_str!("tables.sql")).await?;
    let mut targets: Vec<Target> = tables.iter().flat_map(not_nulls).collect();
    targets.extend(json::<Vec<Target>>(session, include_str!("constraints.sql")).await?);
    targets.sort_by_key(|target| {
        (target.schema.clone(), target.table.clone(), target.kind, target.name.clone())
    });
    Ok(Targets { tables, targets })
}

async fn json<T: serde::de::DeserializeOwned>(session: &Session, sql: &str) -> Result<T, LabError> {
    let text = session.value(sql).await?.unwrap_or_default();
    serde_json::from_str(&text)
        .map_err(|error| LabError::Unexpected(format!("the list of constraints could not be read: {error}")))
}

fn not_nulls(table: &Table) -> impl Iterator<Item = Target> {
    table.columns.iter().filter(|column| column.not_null && !column.inherited).map(|column| Target {
        kind: Kind::NotNull,
        schema: table.schema.clone(),
        table: table.name.clone(),
        name: column.name.clone(),
        columns: vec![column.name.clone()],
        ..Target::default()
    })
}

impl Targets {
    /// Returns a table by schema and name.
    pub fn table(&self, schema: &str, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }

    /// Returns the unique and exclusion rules of a table.
    pub fn keys_of<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a Target> {
        self.of(table).filter(|target| target.kind.is_key())
    }

    /// Returns the rules of a table.
    pub fn of<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a Target> {
        self.targets.iter().filter(|target| target.schema == table.schema && target.table == table.name)
    }
}

impl Table {
    /// Returns `schema.name`, quoted for SQL.
    pub fn quoted(&self) -> String {
        quote_qualified(&self.schema, &self.name)
    }

    /// Returns the name as people write it.
    pub fn display(&self) -> String {
        display(&self.schema, &self.name)
    }

    /// Returns a column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the columns that a write can set.
    pub fn writable(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.generated.is_none())
    }
}

impl Column {
    /// Returns the name, quoted for SQL.
    pub fn quoted(&self) -> String {
        quote_identifier(&self.name)
    }
}

impl Kind {
    /// Returns whether the rule says that two rows must differ.
    pub fn is_key(self) -> bool {
        matches!(self, Kind::PrimaryKey | Kind::Unique | Kind::UniqueIndex | Kind::Exclusion)
    }

    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Kind::NotNull => "NOT NULL",
            Kind::DomainNotNull => "NOT NULL of domain",
            Kind::Check => "CHECK",
            Kind::DomainCheck => "CHECK of domain",
            Kind::PrimaryKey => "PRIMARY KEY",
            Kind::Unique => "UNIQUE",
            Kind::UniqueIndex => "UNIQUE INDEX",
            Kind::Exclusion => "EXCLUDE",
            Kind::ForeignKey => "FOREIGN KEY",
        }
    }

    /// Returns the SQLSTATE with which the server refuses a violation (manual, "PostgreSQL Error Codes").
    pub fn sqlstate(self) -> &'static str {
        match self {
            Kind::NotNull | Kind::DomainNotNull => "23502",
            Kind::Check | Kind::DomainCheck => "23514",
            Kind::PrimaryKey | Kind::Unique | Kind::UniqueIndex => "23505",
            Kind::Exclusion => "23P01",
            Kind::ForeignKey => "23503",
        }
    }
}

impl Target {
    /// Returns `table.name` as findings and evidence show it.
    pub fn label(&self) -> String {
        format!("{}.{}", display(&self.schema, &self.table), self.name)
    }

    /// Returns the table, quoted for SQL.
    pub fn quoted_table(&self) -> String {
        quote_qualified(&self.schema, &self.table)
    }
}

fn display(schema: &str, name: &str) -> String {
    if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") }
}
