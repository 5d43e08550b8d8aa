//! The server that bouts are fought on: one database for each, made from the project without its scale.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::LocalBoxFuture;
use underpin_model::event::Silent;
use underpin_model::project::Project;
use underpin_pg::{Address, Session};

use super::RaceError;
use super::bout::Bout;
use super::restore_point::copy_tables;
use crate::LabError;
use crate::clone::{clone_database, drop_database};
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
    pub fn prepare(
        superuser: Address,
        project: Option<&Project>,
    ) -> LocalBoxFuture<'_, Result<Ring, RaceError>> {
        Box::pin(async move {
            if let Some(project) = project {
                bootstrap::create_database(&superuser, MIGRATED, &project.config.database).await?;
                let owner = owner_address(project, &superuser.database(MIGRATED));
                migrate_up(&owner, &project.migrations, &ApplyOptions::default(), &Silent)
                    .await
                    .map_err(LabError::from)?;
                copy(&superuser.database(MIGRATED)).await?;
                clone_database(&superuser, MIGRATED, SEEDED).await?;
                let owner = owner_address(project, &superuser.database(SEEDED));
                loading::load_files(&owner, &project.seeds, &Silent).await?;
                copy(&superuser.database(SEEDED)).await?;
            }
            Ok(Ring { superuser, has_project: project.is_some(), databases: AtomicU32::new(0) })
        })
    }

    /// Returns the superuser's address of a new database for the bout.
    pub async fn database(&self, bout: &Bout) -> Result<Address, RaceError> {
        let name = format!("race_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let from = match (self.has_project, bout.empty) {
            (false, _) => "template1",
            (true, true) => MIGRATED,
            (true, false) => SEEDED,
        };
        clone_database(&self.superuser, from, &name).await?;
        Ok(self.superuser.database(&name))
    }

    /// Opens a superuser's session in the database with the project's schema and seed, for reading.
    pub async fn seeded(&self) -> Result<Session, RaceError> {
        Ok(Session::connect(&self.superuser.database(SEEDED)).await?)
    }

    /// Drops what the ring made on a server that lives on.
    pub async fn close(&self) -> Result<(), LabError> {
        if self.has_project {
            drop_database(&self.superuser, SEEDED).await?;
            drop_database(&self.superuser, MIGRATED).await?;
        }
        Ok(())
    }

    /// Drops a bout's database.
    pub async fn drop(&self, database: &Address) -> Result<(), RaceError> {
        Ok(drop_database(&self.superuser, &database.database).await?)
    }
}

/// Copies the tables of a database, so that its clones need not.
async fn copy(superuser: &Address) -> Result<(), RaceError> {
    let session = Session::connect(superuser).await?;
    copy_tables(&session).await?;
    session.close().await;
    Ok(())
}
