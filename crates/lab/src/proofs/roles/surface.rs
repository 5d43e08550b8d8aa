//! What a role can reach, read from the catalog.

use serde::Deserialize;
use underpin_model::sql_text::{quote_literal, quote_qualified};
use underpin_pg::session::Session;

use crate::error::LabError;

/// Everything in the project's schemas.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Surface {
    /// Schemas, `public` included.
    pub schemas: Vec<String>,
    /// Tables and views.
    pub relations: Vec<Relation>,
    /// Functions and procedures.
    pub functions: Vec<Function>,
}

/// A table or view.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Relation {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// A table, no view.
    pub table: bool,
    /// Column names.
    pub columns: Vec<String>,
}

/// A function or procedure.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Function {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Arguments as `DROP FUNCTION` wants them.
    pub signature: String,
    /// A procedure, called with CALL.
    pub procedure: bool,
    /// It returns `trigger` or `event_trigger`: nobody can call it directly.
    pub trigger: bool,
    /// SECURITY DEFINER.
    pub definer: bool,
    /// It sets its own `search_path`.
    pub pinned: bool,
    /// The role may execute it.
    pub executable: bool,
    /// A trigger runs it.
    pub fires: bool,
    /// Input arguments in order.
    pub arguments: Vec<Argument>,
}

/// An input argument.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Argument {
    /// Type as SQL writes it.
    pub type_name: String,
    /// `pg_type.typcategory`.
    pub category: String,
    /// First label of an enum.
    pub label: Option<String>,
}

/// Reads what there is, with the rights of `role`.
pub async fn read(session: &Session, role: &str) -> Result<Surface, LabError> {
    let sql = include_str!("surface.sql").replace("$ROLE", &quote_literal(role));
    let text = session.value(&sql).await?.unwrap_or_default();
    serde_json::from_str(&text)
        .map_err(|error| LabError::Unexpected(format!("what the role can reach could not be read: {error}")))
}

impl Relation {
    /// Returns `schema.name`, quoted for SQL.
    pub fn quoted(&self) -> String {
        quote_qualified(&self.schema, &self.name)
    }
}

impl Function {
    /// Returns `name(arguments)` as people write it.
    pub fn label(&self) -> String {
        let schema = if self.schema == "public" { String::new() } else { format!("{}.", self.schema) };
        format!("{schema}{}({})", self.name, self.signature)
    }
}
