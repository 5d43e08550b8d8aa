//! One migration on a schema of its own: what the pages of the codes show, and what the tests try.

use camino::Utf8Path;
use underpin_model::deployment::Deployment;
use underpin_model::project::{Migration, Project, Query};
use underpin_model::script::TransactionScript;
use underpin_model::sql_text::quote_literal;
use underpin_pg::{Address, Session};

use super::examine::{Stages, examine};
use super::stage::Stage;
use super::{LARGER, RunningCode};
use crate::error::LabError;

/// A migration with the schema that it finds and the code that runs meanwhile, in sections of one text.
///
/// `-- == setup` is SQL with `:rows`; `-- == migration` the file; `-- == running` named queries; each
/// `-- == transaction NAME` a transaction script. Running code logs in as the role `app`.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// SQL with `:rows`.
    pub setup: String,
    /// The file.
    pub migration: Option<Migration>,
    /// Named queries.
    pub queries: Vec<Query>,
    /// Transactions.
    pub transactions: Vec<TransactionScript>,
}

/// Rows at the smaller of the two sizes.
const ROWS: u32 = 2_000;

/// Rows for races, of which every order has a database of its own.
const FEW: u32 = 6;

/// The role of the running code.
const ROLE: &str = "app";

impl Case {
    /// Reads the sections; what is wrong with them is said in one text.
    pub fn read(text: &str) -> Result<Case, String> {
        let mut case = Case::default();
        for section in text.split("-- == ").skip(1) {
            let (head, body) = section.split_once('\n').unwrap_or((section, ""));
            let all = |faults: Vec<underpin_model::project::Diagnostic>| {
                faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            };
            match head.trim().split_once(' ').unwrap_or((head.trim(), "")) {
                ("setup", _) => case.setup = body.to_owned(),
                ("migration", _) => {
                    let file = Utf8Path::new("migrations/002_change.sql");
                    let migration = underpin_sql::migration::parse_migration(file, body, "case".to_owned());
                    case.migration = Some(migration.map_err(all)?);
                }
                ("running", _) => {
                    let file = Utf8Path::new("queries/running.sql");
                    let (queries, faults) = underpin_sql::query::parse_queries(file, body);
                    if !faults.is_empty() {
                        return Err(all(faults));
                    }
                    case.queries = queries;
                }
                ("transaction", name) => {
                    let file = camino::Utf8PathBuf::from(format!("transactions/{name}.sql"));
                    case.transactions.push(underpin_sql::script::parse_script(&file, body).map_err(all)?);
                }
                (other, _) => return Err(format!("there is no section called {other}")),
            }
        }
        Ok(case)
    }

    /// Runs the case in two databases of the server at `superuser`, whose names begin with `name`: new ones, or those of
    /// an earlier case, emptied. They stay, for making one takes longer than most cases.
    pub async fn run(&self, superuser: &Address, name: &str) -> Result<Deployment, LabError> {
        let mut project = Project::default();
        project.config.database.app_role = Some(ROLE.to_owned());
        let running =
            RunningCode { queries: &self.queries, transactions: &self.transactions, role: Some(ROLE) };
        let names = ["small", "large", "tiny"].map(|size| format!("{name}_{size}"));
        let races = !self.transactions.is_empty();
        let sizes = [ROWS, ROWS * LARGER, FEW].into_iter().take(if races { 3 } else { 2 });
        for (database, rows) in names.iter().zip(sizes) {
            empty_database(superuser, database, &project).await?;
            let session = Session::connect(&superuser.database(database)).await?;
            session.execute(&self.setup.replace(":rows", &rows.to_string())).await?;
            session.execute("ANALYZE").await?;
            session.close().await;
        }
        let [small, large, tiny] = names.each_ref().map(|name| Stage::of_database(&project, superuser, name));
        let mut stages = Stages { small, large, tiny: races.then_some(tiny), production: None };
        match &self.migration {
            Some(migration) => examine(migration, &running, &mut stages).await,
            None => Ok(Deployment::default()),
        }
    }
}

async fn empty_database(superuser: &Address, name: &str, project: &Project) -> Result<(), LabError> {
    let session = Session::connect(superuser).await?;
    let known = format!("SELECT 1 FROM pg_database WHERE datname = {}", quote_literal(name));
    let known = session.value(&known).await?.is_some();
    session.close().await;
    if !known {
        return crate::bootstrap::create_database(superuser, name, &project.config.database).await;
    }
    let session = Session::connect(&superuser.database(name)).await?;
    session.execute(include_str!("empty.sql")).await?;
    session.close().await;
    Ok(())
}
