//! The server that bouts are fought on: one database for each, made from the project without its scale.

use std::sync::atomic::{AtomicU32, Ordering};

use underpin_model::event::Silent;
use underpin_model::project::Project;
use underpin_model::sql_text::quote_identifier;
use underpin_pg::{Address, Session};

use super::RaceError;
use super::bout::Bout;
use crate::LabError;
use crate::migrator::{ApplyOptions, migrate_up};
use crate::template::owner_address;
use crate::{bootstrap, loading};

/// Name of the database with the project's schema and seed.
const SEEDED: &str = "underpin_race_seeded";

/// Name of the database with the project's schema alone.
const MIGRATED: &str = "underpin_race_migrated";

/// A server with databases to start from.
pub struct Ring {
    superuser: Address,
    has_project: bool,
    databases: AtomicU32,
}

impl Ring {
    /// Prepares the server at `superuser` for the scenarios of a project, or for bare folders.
    pub async fn prepare(superuser: Address, project: Option<&Project>) -> Result<Ring, LabError> {
        if let Some(project) = project {
            bootstrap::create_database(&superuser, MIGRATED, &project.config.database).await?;
            let owner = owner_address(project, &superuser.database(MIGRATED));
            migrate_up(&owner, &project.migrations, &ApplyOptions::default(), &Silent).await?;
            create(&superuser, SEEDED, Some(MIGRATED)).await?;
            let owner = owner_address(project, &superuser.database(SEEDED));
            loading::load_files(&owner, &project.seeds, &Silent).await?;
        }
        Ok(Ring { superuser, has_project: project.is_some(), databases: AtomicU32::new(0) })
    }

    /// Returns the superuser's address of a new database for the bout.
    pub async fn database(&self, bout: &Bout) -> Result<Address, RaceError> {
        let name = format!("race_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let from = match (self.has_project, bout.empty) {
            (false, _) => None,
            (true, true) => Some(MIGRATED),
            (true, false) => Some(SEEDED),
        };
        create(&self.superuser, &name, from).await?;
        Ok(self.superuser.database(&name))
    }

    /// Drops a bout's database.
    pub async fn drop(&self, database: &Address) -> Result<(), RaceError> {
        let session = Session::connect(&self.superuser).await?;
        let name = quote_identifier(&database.database);
        session.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        session.close().await;
        Ok(())
    }
}

async fn create(superuser: &Address, name: &str, from: Option<&str>) -> Result<(), LabError> {
    let session = Session::connect(superuser).await?;
    let template = quote_identifier(from.unwrap_or("template1"));
    session.execute(&format!("CREATE DATABASE {} TEMPLATE {template}", quote_identifier(name))).await?;
    session.close().await;
    Ok(())
}
