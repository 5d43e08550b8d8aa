//! A database with the newest schema and the seed alone: the rows for races, of which there must be few.

use underpin_model::event::Silent;
use underpin_model::project::Project;
use underpin_pg::Address;

use crate::bootstrap;
use crate::clone::drop_database;
use crate::error::LabError;
use crate::loading::load_files;
use crate::migrator::{ApplyOptions, migrate_up};
use crate::template::owner_address;

/// Its name.
pub(super) const NAME: &str = "check_seeded";

/// The database, until it is dropped.
pub(super) struct Seeded {
    server: Address,
}

impl Seeded {
    /// Builds it on the server at `superuser`.
    pub(super) async fn build(project: &Project, superuser: &Address) -> Result<Seeded, LabError> {
        bootstrap::create_database(superuser, NAME, &project.config.database).await?;
        let owner = owner_address(project, &superuser.database(NAME));
        migrate_up(&owner, &project.migrations, &ApplyOptions::default(), &Silent).await?;
        load_files(&owner, &project.seeds, &Silent).await?;
        Ok(Seeded { server: superuser.clone() })
    }

    /// Drops it.
    pub(super) async fn drop(self) -> Result<(), LabError> {
        drop_database(&self.server, NAME).await
    }
}
