//! What a role is: attributes, memberships, and the SECURITY DEFINER functions it can bend.

use underpin_model::sql_text::{quote_identifier, quote_literal, quote_qualified};
use underpin_model::{Code, Finding, ObjectKind, ObjectRef};
use underpin_pg::session::Session;

use super::surface::{Function, Surface};
use crate::error::LabError;

/// The role has powers that no application needs.
pub const POWERFUL: Code = Code::error(
    "UP322",
    "role-is-administrator",
    "the application role is an administrator, by attribute or membership",
);
/// A SECURITY DEFINER function looks names up along the caller's path.
pub const UNPINNED: Code = Code::error(
    "UP324",
    "definer-without-search-path",
    "a SECURITY DEFINER function without its own search_path",
);

/// A power that a role holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Power {
    /// `SUPERUSER`, `CREATEROLE`, …
    Attribute(String),
    /// Member of this role.
    Member(String),
}

/// Reads the powers of a role that an application should not have.
pub async fn powers(session: &Session, role: &str) -> Result<Vec<Power>, LabError> {
    let sql = include_str!("standing.sql").replace("$ROLE", &quote_literal(role));
    let rows = session.rows(&sql).await?;
    let power = |row: underpin_pg::rows::Row<'_>| match row.text("kind") {
        "attribute" => Power::Attribute(row.text("name").to_owned()),
        _ => Power::Member(row.text("name").to_owned()),
    };
    Ok(rows.iter().map(power).collect())
}

/// Returns the finding about one power.
pub fn power_finding(role: &str, power: &Power) -> Finding {
    let quoted = quote_identifier(role);
    let (message, hint) = match power {
        Power::Attribute(word) => (
            format!("The application role {role} is {word}: {}.", consequence(word)),
            format!("ALTER ROLE {quoted} NO{word};"),
        ),
        Power::Member(other) => (
            format!(
                "The application role {role} is a member of {other}: whatever {other} may do, it may do."
            ),
            format!("REVOKE {} FROM {quoted};", quote_identifier(other)),
        ),
    };
    Finding::new(&POWERFUL, message).object(ObjectRef::new(ObjectKind::Role, role)).hint(hint)
}

fn consequence(word: &str) -> &'static str {
    match word {
        "SUPERUSER" => "no privilege, no policy and no file of the server is out of its reach",
        "CREATEROLE" => "it can make itself other roles",
        "CREATEDB" => "it can copy the whole database",
        "REPLICATION" => "it can stream every byte of the server",
        _ => "row-level security does not bind it",
    }
}

/// Returns the findings about SECURITY DEFINER functions that the role can run without a pinned search_path.
///
/// Whoever may create objects in a schema of the path, `pg_temp` included, chooses what such a function calls
/// (manual, "Writing SECURITY DEFINER Functions Safely").
pub fn unpinned(role: &str, surface: &Surface) -> Vec<Finding> {
    let exposed = |function: &&Function| {
        function.definer && !function.pinned && (function.executable || (function.trigger && function.fires))
    };
    surface.functions.iter().filter(exposed).map(|function| unpinned_finding(role, function)).collect()
}

fn unpinned_finding(role: &str, function: &Function) -> Finding {
    let way = if function.trigger { "runs through a trigger" } else { "may call" };
    let message = format!(
        "{} is SECURITY DEFINER without a search_path of its own, and {role} {way} it: a temporary table or function \
         of the caller's can take the place of the ones it means.",
        function.label()
    );
    let kind = if function.procedure { "PROCEDURE" } else { "FUNCTION" };
    let name = quote_qualified(&function.schema, &function.name);
    let hint = format!(
        "ALTER {kind} {name}({}) SET search_path = pg_catalog, {}, pg_temp;",
        function.signature,
        quote_identifier(&function.schema)
    );
    Finding::new(&UNPINNED, message)
        .object(ObjectRef::in_schema(ObjectKind::Function, &function.schema, &function.name))
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function() -> Function {
        Function {
            schema: "public".into(),
            name: "f".into(),
            signature: "a text".into(),
            definer: true,
            executable: true,
            ..Function::default()
        }
    }

    fn found(function: Function) -> usize {
        unpinned("app", &Surface { functions: vec![function], ..Surface::default() }).len()
    }

    #[test]
    fn only_exposed_definers_without_a_path_count() {
        assert_eq!(found(function()), 1);
        assert_eq!(found(Function { pinned: true, ..function() }), 0);
        assert_eq!(found(Function { executable: false, ..function() }), 0);
        assert_eq!(found(Function { executable: false, trigger: true, fires: true, ..function() }), 1);
        assert_eq!(found(Function { definer: false, ..function() }), 0);
    }

    #[test]
    fn each_power_says_how_to_lose_it() {
        let finding = power_finding("app", &Power::Attribute("BYPASSRLS".into()));
        assert_eq!(finding.hint.as_deref(), Some("ALTER ROLE \"app\" NOBYPASSRLS;"));
        let finding = power_finding("app", &Power::Member("owner".into()));
        assert_eq!(finding.hint.as_deref(), Some("REVOKE \"owner\" FROM \"app\";"));
    }
}
