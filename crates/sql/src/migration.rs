//! Migration files: what their names and their texts say.

mod backfill;
mod dbmate;
mod file_name;
mod phases;

use camino::Utf8Path;
use underpin_model::phases::{MigrationPart, TableLock};
use underpin_model::project::{Diagnostic, Migration, NamingScheme, SqlFile};
use underpin_model::statement::{Statement, Verb};

use crate::directive;
use crate::split::Split;

pub use file_name::{FileName, Role, compare_versions, read_file_name};
pub use phases::{FolderFile, parse_folder};

/// Returns the migration of a file, or every fault found in it.
///
/// `checksum` is that of the file's bytes. Files of the tools that run them without a transaction of
/// their own (golang-migrate, and Flyway for what cannot be in one) are read as those tools mean them:
/// one `BEGIN … COMMIT` around a golang-migrate file is left out, and a file of which every statement
/// refuses a transaction runs without.
pub fn parse_migration(file: &Utf8Path, text: &str, checksum: String) -> Result<Migration, Vec<Diagnostic>> {
    let name = file.file_name().unwrap_or_default();
    let Some(FileName { version, name, mut scheme, .. }) = read_file_name(name) else {
        return Err(vec![unknown_name(file)]);
    };
    let up = dbmate::up_part(file, text)?;
    let (sql, transactional) = match &up {
        Some(up) => (up.sql.as_str(), up.transactional),
        None => (text, true),
    };
    if up.is_some() {
        scheme = NamingScheme::Dbmate;
    }
    let MigrationPart { sql, transactional, locks } =
        read_part(file, sql, Reading { scheme, transactional })?;
    Ok(Migration { version, name, scheme, sql, transactional, locks, checksum, phases: None })
}

/// Returns the statements of a text of ours and how they run, or every fault found in it.
pub fn parse_part(file: &Utf8Path, sql: &str) -> Result<MigrationPart, Vec<Diagnostic>> {
    read_part(file, sql, Reading { scheme: NamingScheme::Numbered, transactional: true })
}

/// How a file is meant to be read.
#[derive(Clone, Copy)]
struct Reading {
    scheme: NamingScheme,
    /// Whether it runs in a transaction unless its directives say otherwise.
    transactional: bool,
}

/// Returns the statements of one file and how they run, or every fault found in it.
fn read_part(file: &Utf8Path, sql: &str, reading: Reading) -> Result<MigrationPart, Vec<Diagnostic>> {
    let split = Split::read(sql);
    let mut faults = split.diagnostics(file);
    let start = split.statements.first().map_or(split.sql.len(), |located| located.span.start);
    let comments = directive::comments(&split.sql, 0, start);
    let (directives, wrong) = directive::read(file, &comments, &["no-transaction", "lock"]);
    let ours = |fault: &Diagnostic| fault.message.contains("not known") || fault.message.contains("-- lock");
    faults.extend(wrong.into_iter().filter(ours));
    faults.extend(directive::allows(file, &split.sql).1);
    let mut transactional = reading.transactional && !directives.no_transaction;
    let mut statements: Vec<_> = split.statements.into_iter().map(|located| located.statement).collect();
    if reading.scheme == NamingScheme::GolangMigrate {
        unwrap_transaction(&mut statements);
    }
    let refuses = |statement: &Statement| statement.facts.refuses_transaction;
    let foreign = matches!(reading.scheme, NamingScheme::GolangMigrate | NamingScheme::Flyway);
    transactional &= !(foreign && !statements.is_empty() && statements.iter().all(refuses));
    if transactional {
        faults.extend(statements.iter().filter_map(|statement| misfit(file, statement)));
    } else {
        faults.extend(directives.locks.iter().map(|lock| lock_apart(file, lock)));
    }
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.line);
        return Err(faults);
    }
    let sql = SqlFile { file: file.to_owned(), text: sql.to_owned(), statements };
    Ok(MigrationPart { sql, transactional, locks: directives.locks })
}

fn lock_apart(file: &Utf8Path, lock: &TableLock) -> Diagnostic {
    Diagnostic::new(file, "`-- lock:` takes locks for a transaction, and this file runs without one.")
        .line(lock.line)
        .hint("Remove the line, or remove `-- no-transaction`.")
}

fn unknown_name(file: &Utf8Path) -> Diagnostic {
    Diagnostic::new(file, "The file's name follows no known scheme of migrations.")
        .hint("Name it `NUMBER_NAME.sql`, such as `003_add_reviews.sql`.")
}

/// Takes the only `BEGIN` and `COMMIT` off, when they are the first and last statement.
fn unwrap_transaction(statements: &mut Vec<Statement>) {
    let inner = |statement: &Statement| !is_transaction_control(statement.facts.verb);
    if let [first, between @ .., last] = statements.as_slice()
        && (first.facts.verb, last.facts.verb) == (Verb::Begin, Verb::Commit)
        && between.iter().all(inner)
    {
        *statements = between.to_vec();
    }
}

fn is_transaction_control(verb: Verb) -> bool {
    matches!(verb, Verb::Begin | Verb::Commit | Verb::Rollback)
}

/// Returns what is wrong with a statement in a migration that runs in one transaction. What the server refuses there is
/// left to the server: its word counts, and `migrate check` reports it with a repair.
fn misfit(file: &Utf8Path, statement: &Statement) -> Option<Diagnostic> {
    let first: Vec<&str> = statement.sql.split_whitespace().take(3).collect();
    if !is_transaction_control(statement.facts.verb) {
        return None;
    }
    let message =
        format!("`{}` ends or starts a transaction inside the migration's own.", first[..1].join(" "));
    let hint = "Remove it: the runner makes one transaction of each file.";
    Some(Diagnostic::new(file, message).line(statement.line).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(file: &str, text: &str) -> Result<Migration, String> {
        parse_migration(Utf8Path::new(file), text, "abc".to_owned()).map_err(|faults| {
            let line = |f: &Diagnostic| format!("{f} | {}", f.hint.as_deref().unwrap_or_default());
            faults.iter().map(line).collect::<Vec<_>>().join("\n")
        })
    }

    fn sql(migration: &Migration) -> Vec<&str> {
        migration.sql.statements.iter().map(|statement| statement.sql.as_str()).collect()
    }

    #[test]
    fn an_ordinary_migration() {
        let text = "\u{feff}-- Größe\r\nCREATE TABLE a ();\r\nCREATE TABLE b ();\r\n";
        let migration = parse("migrations/001_init.sql", text).expect("a migration");
        assert_eq!((migration.version.as_str(), migration.name.as_str()), ("001", "init"));
        assert!(migration.transactional);
        assert_eq!(sql(&migration), ["CREATE TABLE a ()", "CREATE TABLE b ()"]);
        assert_eq!((migration.sql.text.as_str(), migration.checksum.as_str()), (text, "abc"));
        assert!(parse("001_empty.sql", "").expect("a migration").sql.statements.is_empty());
    }

    #[test]
    fn no_transaction_allows_what_refuses_one() {
        let text = "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON a (x);\nVACUUM a;\nBEGIN;\nCOMMIT;\n";
        let migration = parse("002_index.sql", text).expect("a migration");
        assert!(!migration.transactional);
        assert_eq!(migration.sql.statements.len(), 4);
    }

    #[test]
    fn dbmate_runs_the_up_part_only() {
        let text = "-- migrate:up transaction:false\nVACUUM a;\n\n-- migrate:down\nDROP TABLE a;\n";
        let migration = parse("20260101120000_vacuum.sql", text).expect("a migration");
        assert_eq!((migration.scheme, migration.transactional), (NamingScheme::Dbmate, false));
        assert_eq!(sql(&migration), ["VACUUM a"]);
        assert_eq!(migration.sql.statements[0].line, 2);
        let text = "-- migrate:down\nDROP TABLE a;\n-- migrate:up\nCREATE TABLE a ();";
        let migration = parse("1_a.sql", text).expect("a migration");
        assert_eq!((sql(&migration), migration.sql.statements[0].line), (vec!["CREATE TABLE a ()"], 4));
        let text = "-- a text\nSELECT '\n-- migrate:down\n';";
        assert_eq!(parse("1_a.sql", text).expect("a migration").scheme, NamingScheme::Numbered);
    }

    #[test]
    fn foreign_tools_are_read_as_they_mean_it() {
        let migration = parse("000001_a.up.sql", "BEGIN;\nCREATE TABLE a ();\nCOMMIT;").expect("a migration");
        assert_eq!((sql(&migration), migration.transactional), (vec!["CREATE TABLE a ()"], true));
        let migration = parse("V2__i.sql", "DROP INDEX CONCURRENTLY i;").expect("a migration");
        assert!(!migration.transactional);
    }

    #[test]
    fn faults_come_together_with_hints() {
        let text =
            "-- no-transactions\nBEGIN;\nCREATE INDEX CONCURRENTLY i\n  ON a (x);\n\\echo x\nCOMMIT;\n";
        insta::assert_snapshot!(parse("003_x.sql", text).expect_err("faults"), @r#"
        003_x.sql:1: The directive `-- no-transactions` is not known. | Did you mean `-- no-transaction`?
        003_x.sql:2: `BEGIN` ends or starts a transaction inside the migration's own. | Remove it: the runner makes one transaction of each file.
        003_x.sql:5: PostgreSQL does not understand this: `\echo` is a command of psql, not SQL. | Statements go to the server without psql: write SQL, and leave `\` commands out.
        003_x.sql:6: `COMMIT` ends or starts a transaction inside the migration's own. | Remove it: the runner makes one transaction of each file.
        "#);
        let left_to_the_server = parse("1_x.sql", "-- migrate:up\nVACUUM;\n").expect("a migration");
        assert!(left_to_the_server.transactional);
        insta::assert_snapshot!(parse("init.sql", "").expect_err("faults"), @r#"init.sql: The file's name follows no known scheme of migrations. | Name it `NUMBER_NAME.sql`, such as `003_add_reviews.sql`."#);
        insta::assert_snapshot!(parse("1_x.sql", "-- migrate:down\nVACUUM;\n").expect_err("faults"), @r#"1_x.sql: The file has `-- migrate:down`, but no `-- migrate:up`. | Write `-- migrate:up` on the line above the statements to run."#);
    }
}
