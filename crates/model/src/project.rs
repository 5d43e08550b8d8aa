//! The user's folder, read and understood.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::phases::{Phases, TableLock};
use crate::script::TransactionScript;
use crate::statement::Statement;

/// Everything that a project's files say.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The project folder.
    pub root: Utf8PathBuf,
    /// `underpin.toml`, defaults filled in.
    pub config: Config,
    /// In the order of application.
    pub migrations: Vec<Migration>,
    /// `seed.sql`, or `seed/*.sql` in order.
    pub seeds: Vec<SqlFile>,
    /// `scale.sql`.
    pub scale: Option<SqlFile>,
    /// `queries/*.sql`.
    pub queries: Vec<Query>,
    /// `transactions/*.sql`.
    pub transactions: Vec<TransactionScript>,
    /// `scenarios/*.toml`.
    pub scenarios: Vec<Scenario>,
    /// `invariants/*.sql`.
    pub invariants: Vec<Invariant>,
}

/// A file of plain SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlFile {
    /// File relative to the project.
    pub file: Utf8PathBuf,
    /// The whole text.
    pub text: String,
    /// Its statements.
    pub statements: Vec<Statement>,
}

/// One numbered migration.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    /// Version as written, such as `001` or `20260101120000` or Flyway's `1.2`; unique in the project.
    pub version: String,
    /// The rest of the file's name, such as `init`.
    pub name: String,
    /// Naming scheme that the file follows.
    pub scheme: NamingScheme,
    /// The SQL that brings the database forward (for dbmate: the `migrate:up` part; for a folder: `expand.sql`).
    pub sql: SqlFile,
    /// Runs inside one transaction (`-- no-transaction` absent).
    pub transactional: bool,
    /// `-- lock:` lines: locks that are taken before the first statement, in this order.
    pub locks: Vec<TableLock>,
    /// XXH3-128 of the file's bytes (of all files of a folder), in hex; what the ledger remembers.
    pub checksum: String,
    /// What follows expand, when the migration is a folder.
    pub phases: Option<Box<Phases>>,
}

impl Migration {
    /// Returns the file, or the folder, that the migration is.
    pub fn path(&self) -> &Utf8Path {
        self.phases.as_ref().map_or(&self.sql.file, |phases| &phases.folder)
    }
}

/// How a tool names its migration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamingScheme {
    /// `001_init.sql`: ours, and sqlx's and dbmate's simple form.
    Numbered,
    /// sqlx reversible: `20260101120000_init.up.sql` beside `.down.sql`.
    SqlxReversible,
    /// dbmate: `-- migrate:up` and `-- migrate:down` in one file.
    Dbmate,
    /// refinery and Flyway: `V1__init.sql`.
    Flyway,
    /// golang-migrate: `000001_init.up.sql` beside `.down.sql`.
    GolangMigrate,
}

/// A parameter of a query (`$n`, by order) or transaction (`:name`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Param {
    /// Name.
    pub name: String,
    /// Type as PostgreSQL reads it.
    pub type_name: String,
    /// SQL expression for the value, evaluated on the server before each run; NULL when absent.
    pub value: Option<String>,
    /// Line of the directive, from 1.
    pub line: u32,
}

/// A named query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// `-- name:`.
    pub name: String,
    /// File relative to the project.
    pub file: Utf8PathBuf,
    /// The statement, with `$n` parameters.
    pub statement: Statement,
    /// In the order of `$1`, `$2`, …
    pub params: Vec<Param>,
    /// Calls per second in production, from `-- rate:`.
    pub rate: Option<f64>,
    /// `-- budget:` clauses as written, separated by commas outside parentheses.
    pub budget: Vec<String>,
    /// `-- role:`; the project's application role when absent.
    pub role: Option<String>,
    /// `-- tenant:` as written, such as `required`.
    pub tenant: Option<String>,
    /// The setting that carries the tenant, and the parameter that names it: what row-level security has to know before
    /// the query runs. From `[tenancy]`; absent for a query without such a parameter.
    pub enters: Option<TenantSetting>,
    /// `-- allow:` directives.
    pub allow: Vec<Allow>,
}

/// How a query says whose rows it wants: a setting of the session, and the parameter that has its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSetting {
    /// Setting, such as `app.tenant_id`.
    pub setting: String,
    /// Parameter, such as `tenant_id`.
    pub param: String,
}

/// A finding that the author accepts: `-- allow: RULE because … until DATE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// Rule slug or code.
    pub rule: String,
    /// Why.
    pub because: String,
    /// Last day, `YYYY-MM-DD`.
    pub until: Option<String>,
    /// Line, from 1.
    pub line: u32,
}

/// A query that must return no row.
#[derive(Clone, Debug, PartialEq)]
pub struct Invariant {
    /// `-- name:`, or the file's stem.
    pub name: String,
    /// File relative to the project.
    pub file: Utf8PathBuf,
    /// The query; a row is a violation.
    pub statement: Statement,
    /// `-- recount: table.column, …`: stored values that the query recounts from their source.
    pub recounts: Vec<String>,
}

/// Which transactions run side by side, and what must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Name for people.
    pub name: String,
    /// File relative to the project.
    pub file: Utf8PathBuf,
    /// SQL that prepares the data.
    pub setup: String,
    /// Runs in an empty database instead of a sandbox of the template.
    pub empty: bool,
    /// One entry per session.
    pub run: Vec<ScenarioRun>,
    /// Names of invariants, or SQL.
    pub invariants: Vec<String>,
    /// Isolation levels, in lower case as SQL writes them.
    pub levels: Vec<String>,
    /// What is expected per level: `holds` or `breaks`.
    pub expect: Vec<(String, String)>,
}

/// One session of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioRun {
    /// Name of a transaction of the project.
    pub transaction: String,
    /// Values of its parameters, as SQL text.
    pub params: Vec<(String, String)>,
}

/// A fault in a project's file. All faults of a project are reported together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// File relative to the project.
    pub file: Utf8PathBuf,
    /// Line, from 1; absent when the fault is the file itself.
    pub line: Option<u32>,
    /// What is wrong, as a full sentence.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Returns a fault of a whole file.
    pub fn new(file: impl Into<Utf8PathBuf>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { file: file.into(), line: None, message: message.into(), hint: None }
    }

    /// Returns the fault with its line.
    pub fn line(mut self, line: u32) -> Diagnostic {
        self.line = Some(line);
        self
    }

    /// Returns the fault with what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}
