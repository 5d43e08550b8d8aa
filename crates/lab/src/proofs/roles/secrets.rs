//! Which columns hold secrets, and who can read them.

use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Finding, ObjectKind, ObjectRef, Severity};
use underpin_pg::session::Session;

use super::surface::{Relation, Surface};
use crate::error::LabError;

/// A role can read a secret.
pub const READABLE: Code =
    Code::error("UP323", "secret-readable", "a role can read a column that holds a secret");

/// Names that say secret, whole or as the last words of a name.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "password_hash",
    "password_digest",
    "hashed_password",
    "encrypted_password",
    "pin_hash",
    "secret",
    "secret_key",
    "private_key",
    "api_key",
    "access_token",
    "refresh_token",
    "token_hash",
    "recovery_codes",
    "totp",
    "totp_seed",
];

/// A column that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Schema.
    pub schema: String,
    /// Table or view.
    pub relation: String,
    /// It is a table.
    pub table: bool,
    /// Column.
    pub column: String,
    /// The project says so in `[proofs.roles] secret`; otherwise only the name does.
    pub configured: bool,
}

/// Returns the columns that hold secrets, by configuration (`table`, `table.column`, with schema or without)
/// or by name.
pub fn secrets(surface: &Surface, configured: &[String]) -> Vec<Secret> {
    let of = |relation: &'_ Relation| -> Vec<Secret> {
        let secret = |column: &String| {
            let named = configured.iter().any(|entry| names(entry, relation, column));
            (named || says_secret(column)).then(|| Secret {
                schema: relation.schema.clone(),
                relation: relation.name.clone(),
                table: relation.table,
                column: column.clone(),
                configured: named,
            })
        };
        relation.columns.iter().filter_map(secret).collect()
    };
    surface.relations.iter().flat_map(of).collect()
}

/// Returns the entries that name nothing that exists.
pub fn unknown<'a>(surface: &Surface, configured: &'a [String]) -> Vec<&'a str> {
    let known = |entry: &&String| {
        surface
            .relations
            .iter()
            .any(|relation| relation.columns.iter().any(|column| names(entry, relation, column)))
    };
    configured.iter().filter(|entry| !known(entry)).map(String::as_str).collect()
}

fn names(entry: &str, relation: &Relation, column: &str) -> bool {
    let Relation { schema, name, .. } = relation;
    let forms = [
        name.clone(),
        format!("{name}.{column}"),
        format!("{schema}.{name}"),
        format!("{schema}.{name}.{column}"),
    ];
    forms.iter().any(|form| form == entry)
}

fn says_secret(column: &str) -> bool {
    let column = column.to_lowercase();
    NAMES.iter().any(|name| column == *name || column.ends_with(&format!("_{name}")))
}

/// Tries to read the column as the session's role.
///
/// Privileges are checked when execution starts, so that no row need be read.
pub async fn is_readable(session: &Session, secret: &Secret) -> Result<bool, LabError> {
    let relation = underpin_model::sql_text::quote_qualified(&secret.schema, &secret.relation);
    let sql = format!("SELECT {} FROM {relation} LIMIT 0", quote_identifier(&secret.column));
    match session.execute(&sql).await {
        Ok(_) => Ok(true),
        Err(error) if error.sqlstate() == Some("42501") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Returns the finding about a secret that `role` can read.
///
/// The application itself may have a reason to read a column whose name merely sounds like a secret.
pub fn finding(role: &str, secret: &Secret, is_application: IsApplication) -> Finding {
    let kind = if secret.table { ObjectKind::Table } else { ObjectKind::View };
    let object = ObjectRef::in_schema(kind, &secret.schema, &secret.relation).column(&secret.column);
    let why =
        if secret.configured { "is listed in [proofs.roles] secret" } else { "has the name of a secret" };
    let message = format!("{role} can read {}, which {why}.", object.display_name());
    let hint = format!(
        "REVOKE SELECT ON {} FROM {}; and check secrets in a SECURITY DEFINER function, as CodeLearn's login does.",
        underpin_model::sql_text::quote_qualified(&secret.schema, &secret.relation),
        quote_identifier(role)
    );
    let finding = Finding::new(&READABLE, message).object(object).hint(hint);
    match (is_application, secret.configured) {
        (IsApplication::Yes, false) => finding.severity(Severity::Warning),
        _ => finding,
    }
}

/// Whether a role is the application's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsApplication {
    /// The application's.
    Yes,
    /// Another role.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface() -> Surface {
        let columns = ["id", "password_hash", "reset_token_hash", "token_count", "note"];
        let relation = Relation {
            schema: "public".into(),
            name: "accounts".into(),
            table: true,
            columns: columns.map(str::to_owned).to_vec(),
        };
        Surface { relations: vec![relation], ..Surface::default() }
    }

    #[test]
    fn names_and_configuration_tell_secrets() {
        let found = |configured: &[&str]| -> Vec<(String, bool)> {
            let configured: Vec<String> = configured.iter().map(|entry| (*entry).to_owned()).collect();
            secrets(&surface(), &configured)
                .into_iter()
                .map(|secret| (secret.column, secret.configured))
                .collect()
        };
        assert_eq!(found(&[]), [("password_hash".to_owned(), false), ("reset_token_hash".to_owned(), false)]);
        assert_eq!(found(&["accounts.note"]).last(), Some(&("note".to_owned(), true)));
        assert_eq!(found(&["public.accounts"]).len(), 5);
    }

    #[test]
    fn a_name_alone_only_warns_the_application() {
        let secret = &secrets(&surface(), &[])[0];
        assert_eq!(finding("app", secret, IsApplication::Yes).severity, Severity::Warning);
        assert_eq!(finding("analyst", secret, IsApplication::No).severity, Severity::Error);
    }

    #[test]
    fn entries_that_name_nothing_are_reported() {
        assert_eq!(unknown(&surface(), &["accounts.ntoe".to_owned()]), ["accounts.ntoe"]);
    }
}
