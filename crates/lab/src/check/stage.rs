//! A database that walks through the history with data in it, from one file to the next.

use underpin_model::event::Silent;
use underpin_model::project::{Migration, Project};
use underpin_pg::{Address, Session};

use super::fill::{Filler, Scale};
use super::trace::Place;
use crate::clone::{clone_database, drop_database};
use crate::error::LabError;
use crate::migrator::ledger::{ledger_create, ledger_write};
use crate::migrator::state::State;
use crate::migrator::{
    ApplyOptions, ContractGuard, Folders, Goal, MigrateError, PhaseWish, migrate_phase, migrate_up,
};
use crate::template::owner_address;

/// How much data a stage has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// What the seed has.
    Tiny,
    /// What the project's scale gives.
    Once,
    /// So many times that.
    Times(u32),
}

impl Size {
    /// Times as many made-up rows for tables that no template knows.
    fn factor(self) -> u32 {
        match self {
            Size::Tiny | Size::Once => 1,
            Size::Times(factor) => factor,
        }
    }
}

/// The history at one size.
pub(super) struct Stage<'p> {
    project: &'p Project,
    server: Address,
    name: String,
    /// Present while files are examined; absent when somebody else has filled the database.
    filler: Option<Filler>,
    /// Tables that could not be filled, with the reason.
    pub(super) empty: Vec<String>,
    clones: u32,
}

impl<'p> Stage<'p> {
    /// Makes a bare database of that name on the server at `superuser`, to be filled from the database `template` there.
    pub(super) async fn open(
        project: &'p Project,
        superuser: &Address,
        (name, template): (&str, &str),
        size: Size,
    ) -> Result<Stage<'p>, LabError> {
        crate::bootstrap::create_database(superuser, name, &project.config.database).await?;
        let scale = match size {
            Size::Tiny => Scale::Given,
            _ if project.scale.is_some() => Scale::Given,
            _ => Scale::Absent,
        };
        let filler = Filler::learn(&superuser.database(template), size.factor(), scale).await?;
        let (server, name) = (superuser.clone(), name.to_owned());
        Ok(Stage { project, server, name, filler: Some(filler), empty: Vec::new(), clones: 0 })
    }

    /// Takes over a database as it is.
    pub(super) fn of_database(project: &'p Project, superuser: &Address, name: &str) -> Stage<'p> {
        let (server, name) = (superuser.clone(), name.to_owned());
        Stage { project, server, name, filler: None, empty: Vec::new(), clones: 0 }
    }

    /// Returns where files run.
    pub(super) fn place(&self) -> Place {
        self.place_of(&self.name)
    }

    fn place_of(&self, database: &str) -> Place {
        let superuser = self.server.database(database);
        Place { owner: owner_address(self.project, &superuser), superuser }
    }

    /// Applies the history up to and with `version`, unmeasured.
    pub(super) async fn forward(&mut self, version: &str) -> Result<(), LabError> {
        let (up_to, folders) = (Some(version.to_owned()), Folders::Through);
        let options = ApplyOptions { up_to, folders, ..ApplyOptions::default() };
        migrate_up(&self.place().owner, &self.project.migrations, &options, &Silent).await?;
        Ok(())
    }

    /// Walks a folder whose expand was applied until its verification holds.
    pub(super) async fn walk_to_verified(&mut self, version: &str) -> Result<(), LabError> {
        let wish = PhaseWish {
            version: Some(version.to_owned()),
            goal: Goal::Verify,
            guard: ContractGuard::default(),
            apply: ApplyOptions::default(),
        };
        match migrate_phase(&self.place().owner, &self.project.migrations, &wish, &Silent).await {
            // Rows of the past are made up in part. What contract does is seen without; that the backfill is complete is
            // proven under load.
            Err(MigrateError::NotVerified { .. }) | Ok(_) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// Writes into the ledger that a migration was applied, which the measuring does not do.
    pub(super) async fn note(&mut self, migration: &Migration, state: &State) -> Result<(), LabError> {
        if self.filler.is_none() {
            return Ok(());
        }
        let session = Session::connect(&self.place().owner).await?;
        ledger_create(&session).await?;
        ledger_write(&session, migration, state, 0).await?;
        session.close().await;
        Ok(())
    }

    /// Gives data to what has none yet.
    pub(super) async fn fill(&mut self) -> Result<(), LabError> {
        let superuser = self.place().superuser;
        if let Some(filler) = &mut self.filler {
            self.empty.extend(filler.fill(&superuser).await?);
        }
        Ok(())
    }

    /// Returns whether some of the rows are made up.
    pub(super) fn has_made_up_rows(&self) -> bool {
        self.filler.as_ref().is_some_and(|filler| filler.made_up)
    }

    /// Clones the database as it is now; nobody may be connected.
    pub(super) async fn copy(&mut self) -> Result<Copy, LabError> {
        self.clones += 1;
        let name = format!("{}_{}", self.name, self.clones);
        clone_database(&self.server, &self.name, &name).await?;
        Ok(Copy { place: self.place_of(&name), server: self.server.clone(), name })
    }

    /// Drops the database.
    pub(super) async fn close(self) -> Result<(), LabError> {
        drop_database(&self.server, &self.name).await
    }
}

/// A clone of a stage.
pub(super) struct Copy {
    pub(super) place: Place,
    server: Address,
    name: String,
}

impl Copy {
    /// Drops the clone.
    pub(super) async fn drop(self) -> Result<(), LabError> {
        drop_database(&self.server, &self.name).await
    }
}
