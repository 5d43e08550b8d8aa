//! The folder form of a migration: `004_split_name/{expand,backfill,verify,contract,revert,old,new}.sql`.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::phases::{MigrationPart, Phases};
use underpin_model::project::{Diagnostic, Migration, NamingScheme, SqlFile};
use underpin_model::script::TransactionScript;
use underpin_model::statement::{Statement, Verb};

use super::backfill::parse_backfill;
use super::{Reading, Role, read_file_name, read_part};
use crate::script::parse_script;
use crate::seed::parse_sql_file;

/// A file of such a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFile {
    /// File relative to the project.
    pub file: Utf8PathBuf,
    /// The whole text.
    pub text: String,
}

/// The names that a folder's files may have.
const NAMES: &[&str] = &["expand", "backfill", "verify", "contract", "revert", "old", "new"];

/// Returns the migration that a folder is, or every fault found in its files.
///
/// `checksum` is that of all its files.
pub fn parse_folder(
    folder: &Utf8Path,
    files: &[FolderFile],
    checksum: String,
) -> Result<Migration, Vec<Diagnostic>> {
    let name = format!("{}.sql", folder.file_name().unwrap_or_default());
    let Some(name) = read_file_name(&name).filter(|name| name.role == Role::Up) else {
        let fault = Diagnostic::new(folder, "The folder's name carries no version.");
        return Err(vec![fault.hint("Name it like 004_split_name.")]);
    };
    let mut reader = Reader { folder, files, faults: unknown_files(files) };
    let expand = reader.part("expand");
    let phases = reader.phases();
    match (expand, phases) {
        (Some(expand), Some(phases)) if reader.faults.is_empty() => Ok(Migration {
            version: name.version,
            name: name.name,
            scheme: NamingScheme::Numbered,
            sql: expand.sql,
            transactional: expand.transactional,
            locks: expand.locks,
            checksum,
            phases: Some(Box::new(phases)),
        }),
        _ => Err(reader.faults),
    }
}

fn unknown_files(files: &[FolderFile]) -> Vec<Diagnostic> {
    let known = |file: &&FolderFile| {
        file.file.extension() == Some("sql") && NAMES.contains(&file.file.file_stem().unwrap_or_default())
    };
    let hint = format!("A migration's folder holds {}.sql.", NAMES.join(".sql, "));
    let fault = |file: &FolderFile| {
        Diagnostic::new(&file.file, "Nothing in a migration's folder has this name.").hint(&hint)
    };
    files.iter().filter(|file| !known(file)).map(fault).collect()
}

struct Reader<'a> {
    folder: &'a Utf8Path,
    files: &'a [FolderFile],
    faults: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn phases(&mut self) -> Option<Phases> {
        let contract = self.part("contract");
        let revert = self.find("revert").is_some().then(|| self.part("revert")).flatten();
        let backfill = self.read("backfill", |file| parse_backfill(&file.file, &file.text));
        let verify = self.read("verify", verify);
        let old = self.script("old");
        let new = self.script("new");
        if self.find("backfill").is_some() && self.find("verify").is_none() {
            let fault = Diagnostic::new(self.folder, "The folder has a backfill.sql and no verify.sql.");
            self.faults.push(fault.hint(
                "Write queries that return the rows which the backfill has left out; contract waits until there are none.",
            ));
        }
        Some(Phases {
            folder: self.folder.to_owned(),
            backfill,
            verify,
            contract: contract?,
            revert,
            old,
            new,
        })
    }

    fn find(&self, name: &str) -> Option<&FolderFile> {
        self.files.iter().find(|file| file.file.file_name() == Some(&format!("{name}.sql")))
    }

    /// Returns the statements of a phase that must be there, except `revert`.
    fn part(&mut self, name: &str) -> Option<MigrationPart> {
        if self.find(name).is_none() {
            let fault = Diagnostic::new(self.folder, format!("The folder has no {name}.sql."));
            self.faults.push(fault.hint(
                "A migration's folder needs expand.sql, which adds the new form, and contract.sql, which takes the old one away.",
            ));
        }
        let reading = Reading { scheme: NamingScheme::Numbered, transactional: true };
        self.read(name, |file| read_part(&file.file, &file.text, reading))
    }

    fn script(&mut self, name: &str) -> Option<TransactionScript> {
        self.read(name, |file| parse_script(&file.file, &file.text))
    }

    fn read<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&FolderFile) -> Result<T, Vec<Diagnostic>>,
    ) -> Option<T> {
        let parsed = parse(self.find(name)?);
        parsed.map_err(|faults| self.faults.extend(faults)).ok()
    }
}

/// Returns the queries of `verify.sql`.
fn verify(file: &FolderFile) -> Result<SqlFile, Vec<Diagnostic>> {
    let sql = parse_sql_file(&file.file, &file.text, &Default::default())?;
    let hint = "Write SELECT statements that return the rows at fault; none means that contract may run.";
    if sql.statements.is_empty() {
        return Err(vec![Diagnostic::new(&file.file, "The file holds no query.").hint(hint)]);
    }
    let wrong = |statement: &&Statement| statement.facts.verb != Verb::Select;
    let fault = |statement: &Statement| {
        Diagnostic::new(&file.file, "A verification only reads: this is no SELECT.")
            .line(statement.line)
            .hint(hint)
    };
    let faults: Vec<_> = sql.statements.iter().filter(wrong).map(fault).collect();
    if faults.is_empty() { Ok(sql) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(folder: &str, files: &[(&str, &str)]) -> Result<Migration, String> {
        let folder = Utf8Path::new("migrations").join(folder);
        let file = |(name, text): &(&str, &str)| FolderFile { file: folder.join(name), text: (*text).into() };
        let files: Vec<_> = files.iter().map(file).collect();
        parse_folder(&folder, &files, "sum".into()).map_err(|faults| {
            let line = |f: &Diagnostic| format!("{f} | {}", f.hint.as_deref().unwrap_or("no hint"));
            faults.iter().map(line).collect::<Vec<_>>().join("\n")
        })
    }

    const EXPAND: (&str, &str) = ("expand.sql", "-- lock: users\nALTER TABLE users ADD mobile text;");
    const CONTRACT: (&str, &str) =
        ("contract.sql", "-- no-transaction\nDROP INDEX CONCURRENTLY i;\nALTER TABLE users DROP phone;");

    #[test]
    fn a_whole_folder() {
        let migration = parse(
            "004_rename_phone",
            &[
                EXPAND,
                CONTRACT,
                ("backfill.sql", "-- batch: users by id, 500\nUPDATE users SET mobile = phone WHERE id > :low AND id <= :high"),
                ("verify.sql", "SELECT id FROM users WHERE mobile IS DISTINCT FROM phone;"),
                ("revert.sql", "ALTER TABLE users DROP mobile;"),
                ("old.sql", "\\set id random(1, 10)\nUPDATE users SET phone = '1' WHERE id = :id;"),
                ("new.sql", "UPDATE users SET mobile = '1' WHERE id = 1;"),
            ],
        )
        .expect("a migration");
        assert_eq!((migration.version.as_str(), migration.name.as_str()), ("004", "rename_phone"));
        assert_eq!(migration.path(), "migrations/004_rename_phone");
        assert_eq!(migration.sql.file, "migrations/004_rename_phone/expand.sql");
        assert_eq!(migration.locks[0].sql(), "LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
        let phases = migration.phases.expect("phases");
        assert!(!phases.contract.transactional && phases.revert.expect("a part").transactional);
        assert_eq!(phases.backfill.expect("a backfill").rows, 500);
        assert_eq!(phases.verify.expect("queries").statements.len(), 1);
        assert_eq!(
            (phases.old.expect("a script").name, phases.new.expect("a script").items.len()),
            ("old".into(), 1)
        );
    }

    #[test]
    fn a_folder_of_two_files() {
        let migration = parse("5_drop", &[EXPAND, CONTRACT]).expect("a migration");
        let phases = migration.phases.expect("phases");
        assert!(phases.backfill.is_none() && phases.verify.is_none() && phases.revert.is_none());
    }

    #[test]
    fn faults_come_together_with_hints() {
        let files = [
            ("backfill.sql", "UPDATE t SET a = 1"),
            ("contract.sql", "VACUUM;"),
            ("revert.sql", "-- no-transaction\n-- lock: t\nSELECT FROM WHERE"),
            ("migration.sql", "SELECT 1;"),
            ("old.sql", "SELECT 1"),
        ];
        insta::assert_snapshot!(parse("004_x", &files).expect_err("faults"), @r#"
        migrations/004_x/migration.sql: Nothing in a migration's folder has this name. | A migration's folder holds expand.sql, backfill.sql, verify.sql, contract.sql, revert.sql, old.sql, new.sql.
        migrations/004_x: The folder has no expand.sql. | A migration's folder needs expand.sql, which adds the new form, and contract.sql, which takes the old one away.
        migrations/004_x/revert.sql:2: `-- lock:` takes locks for a transaction, and this file runs without one. | Remove the line, or remove `-- no-transaction`.
        migrations/004_x/revert.sql:3: PostgreSQL does not understand this: syntax error at or near "WHERE". | no hint
        migrations/004_x/backfill.sql: The backfill has no `-- batch: TABLE by KEY, ROWS`. | Write it on the first line, such as `-- batch: users by id, 5000`.
        migrations/004_x/old.sql:1: The last statement has no `;`. | End every statement with `;`.
        migrations/004_x: The folder has a backfill.sql and no verify.sql. | Write queries that return the rows which the backfill has left out; contract waits until there are none.
        "#);
        let verify = ("verify.sql", "SELECT 1;\nDELETE FROM t;");
        insta::assert_snapshot!(parse("004_x", &[EXPAND, CONTRACT, verify]).expect_err("faults"), @r#"migrations/004_x/verify.sql:2: A verification only reads: this is no SELECT. | Write SELECT statements that return the rows at fault; none means that contract may run."#);
        insta::assert_snapshot!(parse("004_x", &[EXPAND, CONTRACT, ("verify.sql", "-- nothing")]).expect_err("faults"), @r#"migrations/004_x/verify.sql: The file holds no query. | Write SELECT statements that return the rows at fault; none means that contract may run."#);
        insta::assert_snapshot!(parse("x", &[]).expect_err("faults"), @r#"migrations/x: The folder's name carries no version. | Name it like 004_split_name."#);
    }
}
