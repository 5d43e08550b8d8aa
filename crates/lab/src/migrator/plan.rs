//! Compares the migrations folder with the ledger: what is applied, what is pending, what is wrong.

use std::collections::BTreeMap;

use underpin_model::project::Migration;

use super::ledger::LedgerRow;
use super::state::State;

/// What a run would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Versions that the ledger has, in order.
    pub applied: Vec<String>,
    /// Indexes into the project's migrations that are to run, in order.
    pub pending: Vec<Pending>,
    /// What stops the run.
    pub problems: Vec<Problem>,
}

/// One migration that is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Index into the project's migrations.
    pub index: usize,
    /// How far it is already; nothing when it was never begun.
    pub state: Option<State>,
}

/// A disagreement between folder and ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// An applied file's content has changed since.
    Changed {
        /// The file.
        file: String,
        /// Its version.
        version: String,
    },
    /// An applied file is gone.
    Missing {
        /// Its version.
        version: String,
        /// Its name in the ledger.
        name: String,
    },
    /// A file that is not applied comes before one that is.
    OutOfOrder {
        /// The file.
        file: String,
        /// The newest applied version.
        newest: String,
    },
    /// The ledger has a state that this version of Underpin does not know.
    UnknownState {
        /// The version.
        version: String,
        /// The state as written.
        phase: String,
    },
}

impl Problem {
    /// Returns what is wrong, as a sentence.
    pub fn message(&self) -> String {
        match self {
            Problem::Changed { file, version } => {
                format!("{file}: version {version} was changed after it was applied.")
            }
            Problem::Missing { version, name } => {
                format!("Version {version} ({name}) is applied in the database, but its file is gone.")
            }
            Problem::OutOfOrder { file, newest } => {
                format!("{file} is not applied, but the newer version {newest} is.")
            }
            Problem::UnknownState { version, phase } => {
                format!("The ledger says `{phase}` of version {version}, which this Underpin does not know.")
            }
        }
    }

    /// Returns what to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Problem::Changed { .. } => {
                "Restore the file from version control and put the change into a new migration."
            }
            Problem::Missing { .. } => {
                "Restore the file from version control; an applied migration is never removed."
            }
            Problem::OutOfOrder { .. } => {
                "Give the file a number above the newest applied one, so that every database runs the same order."
            }
            Problem::UnknownState { .. } => "A newer Underpin began this migration: finish it with that one.",
        }
    }
}

/// Returns what a run over `migrations` would do on a database whose ledger holds `ledger`.
pub fn plan(migrations: &[Migration], ledger: &[LedgerRow]) -> Plan {
    let rows: BTreeMap<&str, &LedgerRow> = ledger.iter().map(|row| (row.version.as_str(), row)).collect();
    let mut plan = Plan::default();
    let newest =
        migrations.iter().rposition(|one| rows.get(one.version.as_str()).is_some_and(|row| row.finished()));
    for (index, migration) in migrations.iter().enumerate() {
        match rows.get(migration.version.as_str()) {
            Some(row) if row.checksum.as_ref().is_some_and(|sum| *sum != migration.checksum) => {
                let (file, version) = (migration.path().to_string(), migration.version.clone());
                plan.problems.push(Problem::Changed { file, version });
            }
            Some(row) if row.finished() => plan.applied.push(migration.version.clone()),
            Some(row) if row.state().is_none() => {
                let (version, phase) = (row.version.clone(), row.phase.clone());
                plan.problems.push(Problem::UnknownState { version, phase });
            }
            Some(row) => plan.pending.push(Pending { index, state: row.state() }),
            None => {
                if let Some(newest) = newest.filter(|newest| index < *newest) {
                    let file = migration.path().to_string();
                    let newest = migrations[newest].version.clone();
                    plan.problems.push(Problem::OutOfOrder { file, newest });
                }
                plan.pending.push(Pending { index, state: None });
            }
        }
    }
    let gone = ledger.iter().filter(|row| !migrations.iter().any(|one| one.version == row.version));
    plan.problems
        .extend(gone.map(|row| Problem::Missing { version: row.version.clone(), name: row.name.clone() }));
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::project::{NamingScheme, SqlFile};

    fn migration(version: &str) -> Migration {
        let sql = SqlFile {
            file: format!("migrations/{version}_x.sql").into(),
            text: String::new(),
            statements: vec![],
        };
        Migration {
            version: version.into(),
            name: "x".into(),
            scheme: NamingScheme::Numbered,
            sql,
            transactional: true,
            locks: Vec::new(),
            checksum: format!("sum-{version}"),
            phases: None,
        }
    }

    fn row(version: &str, phase: &str) -> LedgerRow {
        LedgerRow {
            version: version.into(),
            name: "x".into(),
            checksum: Some(format!("sum-{version}")),
            applied_at: None,
            phase: phase.into(),
        }
    }

    #[test]
    fn what_the_ledger_lacks_is_pending() {
        let plan = plan(&[migration("001"), migration("002")], &[row("001", "done")]);
        assert_eq!(plan.applied, ["001"]);
        assert_eq!(plan.pending, [Pending { index: 1, state: None }]);
        assert!(plan.problems.is_empty());
    }

    #[test]
    fn an_interrupted_file_goes_on_where_it_stopped() {
        let plan = plan(&[migration("001")], &[row("001", "running 2")]);
        assert_eq!(plan.pending, [Pending { index: 0, state: Some(State::Running(2)) }]);
    }

    #[test]
    fn changed_missing_and_late_files_stop_the_run() {
        let mut changed = migration("001");
        changed.checksum = "other".into();
        let ledger = [row("001", "done"), row("003", "done"), row("004", "sharding 3"), row("009", "done")];
        let plan = plan(&[changed, migration("002"), migration("003"), migration("004")], &ledger);
        let messages: Vec<String> = plan.problems.iter().map(Problem::message).collect();
        assert_eq!(
            messages,
            [
                "migrations/001_x.sql: version 001 was changed after it was applied.",
                "migrations/002_x.sql is not applied, but the newer version 003 is.",
                "The ledger says `sharding 3` of version 004, which this Underpin does not know.",
                "Version 009 (x) is applied in the database, but its file is gone.",
            ]
        );
    }
}
