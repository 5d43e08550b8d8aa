//! Names of database objects.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of a database object or of a project file's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the word itself")]
pub enum ObjectKind {
    Database,
    Schema,
    Extension,
    Role,
    Table,
    View,
    MaterializedView,
    Column,
    Constraint,
    Index,
    Sequence,
    Function,
    Trigger,
    Type,
    Policy,
    Migration,
    Query,
    Transaction,
    Invariant,
    Scenario,
    Backup,
}

impl ObjectKind {
    /// Returns the word for messages, such as `materialized view`.
    pub fn word(self) -> &'static str {
        match self {
            ObjectKind::Database => "database",
            ObjectKind::Schema => "schema",
            ObjectKind::Extension => "extension",
            ObjectKind::Role => "role",
            ObjectKind::Table => "table",
            ObjectKind::View => "view",
            ObjectKind::MaterializedView => "materialized view",
            ObjectKind::Column => "column",
            ObjectKind::Constraint => "constraint",
            ObjectKind::Index => "index",
            ObjectKind::Sequence => "sequence",
            ObjectKind::Function => "function",
            ObjectKind::Trigger => "trigger",
            ObjectKind::Type => "type",
            ObjectKind::Policy => "policy",
            ObjectKind::Migration => "migration",
            ObjectKind::Query => "query",
            ObjectKind::Transaction => "transaction",
            ObjectKind::Invariant => "invariant",
            ObjectKind::Scenario => "scenario",
            ObjectKind::Backup => "backup",
        }
    }
}

/// The object that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ObjectRef {
    /// What it is.
    pub kind: ObjectKind,
    /// Schema, where the kind lives in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Name without schema; constraints, triggers and policies are named `table.name`.
    pub name: String,
    /// Column, when the finding is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Columns on the left of a dependency (`determinant -> dependents`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub determinant: Vec<String>,
    /// Columns on the right of a dependency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependents: Vec<String>,
}

impl ObjectRef {
    /// Returns an object that lives in no schema.
    pub fn new(kind: ObjectKind, name: impl Into<String>) -> ObjectRef {
        ObjectRef {
            kind,
            schema: None,
            name: name.into(),
            column: None,
            determinant: Vec::new(),
            dependents: Vec::new(),
        }
    }

    /// Returns an object of a schema.
    pub fn in_schema(kind: ObjectKind, schema: impl Into<String>, name: impl Into<String>) -> ObjectRef {
        ObjectRef { schema: Some(schema.into()), ..ObjectRef::new(kind, name) }
    }

    /// Returns the same object narrowed to one of its columns.
    pub fn column(mut self, column: impl Into<String>) -> ObjectRef {
        self.column = Some(column.into());
        self
    }

    /// Returns the name as people write it: schema left out when it is `public`, column appended.
    pub fn display_name(&self) -> String {
        let mut text = String::new();
        if let Some(schema) = self.schema.as_deref().filter(|schema| *schema != "public") {
            text.push_str(schema);
            text.push('.');
        }
        text.push_str(&self.name);
        if let Some(column) = &self.column {
            text.push('.');
            text.push_str(column);
        }
        text
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.display_name())
    }
}
