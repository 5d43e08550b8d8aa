//! What the application role must not do, tried one by one in savepoints.

use underpin_model::sql_text::{quote_identifier, quote_literal, quote_qualified};
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef};
use underpin_pg::query_error::QueryError;
use underpin_pg::session::Session;

use super::surface::Surface;
use crate::error::LabError;

/// The role did what it must not.
pub const ALLOWED: Code = Code::error(
    "UP321",
    "role-too-powerful",
    "the application role may do what only an administrator should",
);

/// Name of everything that an attempt would create.
const PROBE: &str = "underpin_probe";

/// Setting that holds the pid of a superuser's session that may be ended, so that evidence stays the same from
/// run to run.
pub const VICTIM: &str = "underpin.victim";

/// One thing that must be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What it is, such as `TRUNCATE a table`; evidence has one row per kind.
    pub kind: &'static str,
    /// The statement.
    pub sql: String,
    /// What it is aimed at.
    pub object: ObjectRef,
    /// What to do when it is allowed.
    pub hint: String,
    /// The server refuses it in a transaction block; what it changed must be taken back.
    pub undo: Option<&'static str>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Refused for lack of rights.
    Refused,
    /// It went through, or failed only after the rights had been checked.
    Allowed,
    /// Something else stopped it first.
    Unclear(String),
}

/// Who the experiment is about.
#[derive(Clone, Copy, Debug)]
pub struct Cast<'a> {
    /// The application role.
    pub role: &'a str,
    /// The owner, when the project has one.
    pub owner: Option<&'a str>,
}

/// Returns everything to try.
pub fn attempts(surface: &Surface, cast: &Cast<'_>) -> Vec<Attempt> {
    let mut attempts = relation_attempts(surface, cast.role);
    attempts.extend(schema_attempts(surface, cast.role));
    attempts.extend(server_attempts(cast));
    attempts.extend(identity_attempts(cast));
    attempts
}

fn relation_attempts(surface: &Surface, role: &str) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for relation in &surface.relations {
        let table = relation.quoted();
        let kind = if relation.table { ObjectKind::Table } else { ObjectKind::View };
        let mut add = |kind_of_attempt, sql: String, hint: String| {
            let object = ObjectRef::in_schema(kind, &relation.schema, &relation.name);
            attempts.push(Attempt { kind: kind_of_attempt, sql, object, hint, undo: None });
        };
        let owner = format!("ALTER TABLE {table} OWNER TO another role than {role};");
        if !relation.table {
            add("ALTER a view", format!("ALTER TABLE {table} RENAME TO {PROBE}"), owner);
            continue;
        }
        add("DROP a table", format!("DROP TABLE {table}"), owner.clone());
        add("ALTER a table", format!("ALTER TABLE {table} ADD COLUMN {PROBE} int"), owner.clone());
        add("disable triggers", format!("ALTER TABLE {table} DISABLE TRIGGER ALL"), owner);
        let revoke = format!("REVOKE TRUNCATE ON {table} FROM {};", quote_identifier(role));
        add("TRUNCATE a table", format!("TRUNCATE {table}"), revoke);
        if relation.schema == "underpin" {
            let revoke = format!("REVOKE ALL ON {table} FROM {};", quote_identifier(role));
            add("write the migration ledger", format!("DELETE FROM {table}"), revoke);
        }
    }
    attempts
}

fn schema_attempts(surface: &Surface, role: &str) -> Vec<Attempt> {
    let role = quote_identifier(role);
    let create = |schema: &String| Attempt {
        kind: "CREATE in a schema",
        sql: format!("CREATE TABLE {} (x int)", quote_qualified(schema, PROBE)),
        object: ObjectRef::new(ObjectKind::Schema, schema),
        hint: format!("REVOKE CREATE ON SCHEMA {} FROM {role}, PUBLIC;", quote_identifier(schema)),
        undo: None,
    };
    let drop = |schema: &String| Attempt {
        kind: "DROP a schema",
        sql: format!("DROP SCHEMA {} CASCADE", quote_identifier(schema)),
        object: ObjectRef::new(ObjectKind::Schema, schema),
        hint: format!("ALTER SCHEMA {} OWNER TO another role;", quote_identifier(schema)),
        undo: None,
    };
    surface.schemas.iter().map(create).chain(surface.schemas.iter().map(drop)).collect()
}

fn server_attempts(cast: &Cast<'_>) -> Vec<Attempt> {
    let role = quote_identifier(cast.role);
    let of_role = |kind, sql: &str, hint: String| Attempt {
        kind,
        sql: sql.to_owned(),
        object: ObjectRef::new(ObjectKind::Role, cast.role),
        hint,
        undo: None,
    };
    let function = |name: &str| format!("REVOKE EXECUTE ON FUNCTION {name} FROM {role}, PUBLIC;");
    let member =
        || format!("Revoke the superuser's attribute and the memberships in pg_… roles from {role}.");
    let end = format!("SELECT pg_terminate_backend(current_setting('{VICTIM}')::int)");
    vec![
        of_role(
            "CREATE SCHEMA",
            "CREATE SCHEMA underpin_probe",
            format!("REVOKE CREATE ON DATABASE … FROM {role};"),
        ),
        of_role("CREATE ROLE", "CREATE ROLE underpin_probe", format!("ALTER ROLE {role} NOCREATEROLE;")),
        of_role("read password hashes", "SELECT rolpassword FROM pg_catalog.pg_authid", member()),
        of_role("read password hashes", "SELECT passwd FROM pg_catalog.pg_shadow", member()),
        of_role("read column statistics", "SELECT stavalues1 FROM pg_catalog.pg_statistic LIMIT 1", member()),
        of_role(
            "read the server's files",
            "SELECT pg_read_file('PG_VERSION')",
            function("pg_read_file(text)"),
        ),
        of_role("read the server's files", "SELECT pg_ls_dir('.')", function("pg_ls_dir(text)")),
        of_role("read the server's files", "SELECT lo_import('PG_VERSION')", function("lo_import(text)")),
        of_role("write the server's files", "COPY (SELECT 1) TO '/dev/null'", member()),
        of_role("run programs on the server", "COPY (SELECT 1) TO PROGRAM 'true'", member()),
        of_role("reload the server", "SELECT pg_reload_conf()", function("pg_reload_conf()")),
        of_role("end others' sessions", &end, member()),
        of_role("switch off triggers", "SET LOCAL session_replication_role = replica", member()),
        Attempt {
            undo: Some("ALTER SYSTEM RESET update_process_title"),
            ..of_role("ALTER SYSTEM", "ALTER SYSTEM SET update_process_title = on", member())
        },
    ]
}

fn identity_attempts(cast: &Cast<'_>) -> Vec<Attempt> {
    let Some(owner) = cast.owner.filter(|owner| *owner != cast.role) else { return Vec::new() };
    let hint = format!("REVOKE {} FROM {};", quote_identifier(owner), quote_identifier(cast.role));
    let attempt = |kind, sql: String| Attempt {
        kind,
        sql,
        object: ObjectRef::new(ObjectKind::Role, cast.role),
        hint: hint.clone(),
        undo: None,
    };
    vec![
        attempt("become the owner", format!("SET LOCAL ROLE {}", quote_identifier(owner))),
        attempt(
            "become the owner",
            format!("SET LOCAL SESSION AUTHORIZATION {}", quote_literal(owner).trim_start()),
        ),
    ]
}

/// Returns what an answer means.
///
/// Rights are checked first, so a refusal for another reason (`2BP01`: others depend on it; `0A000`: a foreign
/// key forbids TRUNCATE) means that the role has the right.
pub fn judge(answer: &Result<u64, QueryError>) -> Ended {
    match answer {
        Ok(_) => Ended::Allowed,
        Err(error) => match error.sqlstate() {
            Some("42501") => Ended::Refused,
            Some("2BP01" | "0A000" | "42710" | "42P06" | "42P07" | "58P01") => Ended::Allowed,
            _ => Ended::Unclear(error.to_string()),
        },
    }
}

/// Tries one thing as the role.
pub async fn try_it(session: &Session, superuser: &Session, attempt: &Attempt) -> Result<Ended, LabError> {
    if let Some(undo) = attempt.undo {
        let ended = judge(&session.execute(&attempt.sql).await);
        if ended == Ended::Allowed {
            superuser.execute(undo).await?;
        }
        return Ok(ended);
    }
    session.execute("BEGIN").await?;
    let answer = session.execute(&attempt.sql).await;
    session.execute("ROLLBACK").await?;
    Ok(judge(&answer))
}

/// Returns the finding about something that was allowed.
pub fn finding(role: &str, attempt: &Attempt) -> Finding {
    let message =
        format!("The application role {role} may {}: `{}` went through.", attempt.kind, attempt.sql);
    Finding::new(&ALLOWED, message).object(attempt.object.clone()).hint(attempt.hint.clone())
}

/// Returns one row per kind of attempt.
pub fn evidence(results: &[(Attempt, Ended)]) -> Evidence {
    let mut rows: Vec<(&'static str, usize, usize, &str)> = Vec::new();
    for (attempt, ended) in results {
        let refused = usize::from(*ended == Ended::Refused);
        match rows.iter_mut().find(|row| row.0 == attempt.kind) {
            Some(row) => (row.1, row.2) = (row.1 + 1, row.2 + refused),
            None => rows.push((attempt.kind, 1, refused, &attempt.sql)),
        }
    }
    let cells = |(kind, tried, refused, sql): &(&'static str, usize, usize, &str)| {
        vec![(*kind).to_owned(), (*sql).to_owned(), tried.to_string(), refused.to_string()]
    };
    let columns = ["what", "first statement", "tried", "refused"];
    Evidence::table("forbidden", "What the role must not do", &columns, rows.iter().map(cells).collect())
}

#[cfg(test)]
mod tests {
    use super::super::surface::Relation;
    use super::*;
    use underpin_pg::query_error::ServerError;

    fn answer(sqlstate: &str) -> Result<u64, QueryError> {
        Err(QueryError::Server(Box::new(ServerError { sqlstate: sqlstate.into(), ..ServerError::default() })))
    }

    #[test]
    fn only_lack_of_rights_is_a_refusal() {
        assert_eq!(judge(&answer("42501")), Ended::Refused);
        assert_eq!(judge(&Ok(0)), Ended::Allowed);
        assert_eq!(judge(&answer("2BP01")), Ended::Allowed);
        assert!(matches!(judge(&answer("57014")), Ended::Unclear(_)));
    }

    #[test]
    fn every_table_is_attacked_in_every_way() {
        let relation = |name: &str, table| Relation {
            schema: "public".into(),
            name: name.into(),
            table,
            columns: vec![],
        };
        let surface = Surface {
            schemas: vec!["public".into()],
            relations: vec![relation("orders", true), relation("open_orders", false)],
            functions: vec![],
        };
        let cast = Cast { role: "app", owner: Some("owner") };
        let list: Vec<String> = attempts(&surface, &cast).into_iter().map(|attempt| attempt.sql).collect();
        insta::assert_snapshot!(list.join("\n"), @r#"
        DROP TABLE "public"."orders"
        ALTER TABLE "public"."orders" ADD COLUMN underpin_probe int
        ALTER TABLE "public"."orders" DISABLE TRIGGER ALL
        TRUNCATE "public"."orders"
        ALTER TABLE "public"."open_orders" RENAME TO underpin_probe
        CREATE TABLE "public"."underpin_probe" (x int)
        DROP SCHEMA "public" CASCADE
        CREATE SCHEMA underpin_probe
        CREATE ROLE underpin_probe
        SELECT rolpassword FROM pg_catalog.pg_authid
        SELECT passwd FROM pg_catalog.pg_shadow
        SELECT stavalues1 FROM pg_catalog.pg_statistic LIMIT 1
        SELECT pg_read_file('PG_VERSION')
        SELECT pg_ls_dir('.')
        SELECT lo_import('PG_VERSION')
        COPY (SELECT 1) TO '/dev/null'
        COPY (SELECT 1) TO PROGRAM 'true'
        SELECT pg_reload_conf()
        SELECT pg_terminate_backend(current_setting('underpin.victim')::int)
        SET LOCAL session_replication_role = replica
        ALTER SYSTEM SET update_process_title = on
        SET LOCAL ROLE "owner"
        SET LOCAL SESSION AUTHORIZATION 'owner'
        "#);
    }
}
