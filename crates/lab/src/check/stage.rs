//! A database that walks through the history with data in it, from one file to the next.

use std::collections::BTreeSet;

use underpin_model::catalog::Catalog;
use underpin_model::event::Silent;
use underpin_model::production::ProductionSnapshot;
use underpin_model::project::{Migration, Project};
use underpin_model::sql_text::quote_identifier;
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
pub(crate) enum Size {
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
pub(crate) struct Stage<'p> {
    project: &'p Project,
    server: Address,
    name: String,
    /// Present while files are examined; absent when somebody else has filled the database.
    filler: Option<Filler>,
    /// Tables that could not be filled, with the reason.
    pub(crate) empty: Vec<String>,
    clones: u32,
}

impl<'p> Stage<'p> {
    /// Makes a bare database of that name on the server at `superuser`, to be filled from the database `template` there.
    pub(crate) async fn open(
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
    pub(crate) fn of_database(project: &'p Project, superuser: &Address, name: &str) -> Stage<'p> {
        let (server, name) = (superuser.clone(), name.to_owned());
        Stage { project, server, name, filler: None, empty: Vec::new(), clones: 0 }
    }

    /// Returns where files run.
    pub(crate) fn place(&self) -> Place {
        self.place_of(&self.name)
    }

    fn place_of(&self, database: &str) -> Place {
        let superuser = self.server.database(database);
        Place { owner: owner_address(self.project, &superuser), superuser }
    }

    /// Applies the history up to and with `version`, unmeasured.
    pub(crate) async fn forward(&mut self, version: &str) -> Result<(), LabError> {
        let (up_to, folders) = (Some(version.to_owned()), Folders::Through);
        let options = ApplyOptions { up_to, folders, ..ApplyOptions::default() };
        migrate_up(&self.place().owner, &self.project.migrations, &options, &Silent).await?;
        Ok(())
    }

    /// Walks a folder whose expand was applied until its verification holds.
    pub(crate) async fn walk_to_verified(&mut self, version: &str) -> Result<(), LabError> {
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
    pub(crate) async fn note(&mut self, migration: &Migration, state: &State) -> Result<(), LabError> {
        if self.filler.is_none() {
            return Ok(());
        }
        let session = Session::connect(&self.place().owner).await?;
        ledger_create(&session).await?;
        ledger_write(&session, migration, state, 0).await?;
        session.close().await;
        Ok(())
    }

    /// Says how many rows each table has in production, which tables of a project without a scale file are to resemble.
    pub(super) fn resemble(&mut self, production: Option<&ProductionSnapshot>) {
        if let (Some(filler), Some(production)) = (&mut self.filler, production) {
            let tables = production.tables.iter();
            filler.production = tables.map(|table| (table.name.clone(), table.rows)).collect();
        }
    }

    /// Gives data to what has none yet.
    pub(crate) async fn fill(&mut self) -> Result<(), LabError> {
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

    /// Gives data in the old form to the tables that a folder changes, where it can be taken back.
    ///
    /// The template has the new form only, and made-up values of the old one agree with nothing else. So the rows are
    /// copied in between expand and revert, where the folder's own triggers say what the old form of a new row is.
    pub(crate) async fn settle(&mut self, migration: &Migration) -> Result<(), LabError> {
        self.fill().await?;
        let takes_back = migration.phases.as_ref().is_some_and(|phases| phases.revert.is_some());
        if !takes_back || self.filler.is_none() {
            return Ok(());
        }
        // On a clone: a revert that forgets something must not change the state before the folder.
        let copy = self.copy().await?;
        if !self.settle_copy(migration, &copy.place).await? {
            return copy.drop().await;
        }
        drop_database(&self.server, &self.name).await?;
        self.name = copy.name;
        Ok(())
    }

    /// Returns whether the clone is as it was, but for its data.
    async fn settle_copy(&mut self, migration: &Migration, place: &Place) -> Result<bool, LabError> {
        let Some(filler) = &mut self.filler else { return Ok(false) };
        let before = (catalog(&place.superuser).await?, triggers(&place.superuser).await?);
        let walk = async |goal: Goal| {
            let (version, guard) = (Some(migration.version.clone()), ContractGuard::nobody());
            let wish = PhaseWish { version, goal, guard, apply: ApplyOptions::default() };
            migrate_phase(&place.owner, &self.project.migrations, &wish, &Silent).await
        };
        // Whoever examines the folder meets what fails here, and tells it.
        if walk(Goal::Expand).await.is_err() {
            return Ok(false);
        }
        // Rows are copied with triggers off; those of the folder have work to do.
        let session = Session::connect(&place.superuser).await?;
        for (table, trigger) in triggers(&place.superuser).await?.difference(&before.1) {
            session.execute(&format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")).await?;
        }
        session.close().await;
        let filled = filler.filled();
        let empty = filler.fill(&place.superuser).await?;
        let same = walk(Goal::Revert).await.is_ok() && catalog(&place.superuser).await? == before.0;
        filler.restore(filled);
        self.empty.extend(empty);
        Ok(same)
    }

    /// Clones the database as it is now; nobody may be connected.
    pub(crate) async fn copy(&mut self) -> Result<Copy, LabError> {
        self.clones += 1;
        let name = format!("{}_{}", self.name, self.clones);
        clone_database(&self.server, &self.name, &name).await?;
        if let Some(owner) = &self.project.config.database.owner_role {
            // A clone belongs to whoever makes it, and the ledger wants CREATE on its database.
            let session = Session::connect(&self.server).await?;
            let (name, owner) = (quote_identifier(&name), quote_identifier(owner));
            session.execute(&format!("ALTER DATABASE {name} OWNER TO {owner}")).await?;
            session.close().await;
        }
        Ok(Copy { place: self.place_of(&name), server: self.server.clone(), name })
    }

    /// Clones the database into a stage that nobody fills.
    pub(super) async fn twin(&mut self) -> Result<Stage<'p>, LabError> {
        let copy = self.copy().await?;
        Ok(Stage::of_database(self.project, &self.server, &copy.name))
    }

    /// Drops the database.
    pub(crate) async fn close(self) -> Result<(), LabError> {
        drop_database(&self.server, &self.name).await
    }
}

/// Returns every trigger of the project with its table, both as SQL names them.
async fn triggers(superuser: &Address) -> Result<BTreeSet<(String, String)>, LabError> {
    let session = Session::connect(superuser).await?;
    let sql = "SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger WHERE NOT tgisinternal";
    let rows = session.rows(sql).await?;
    session.close().await;
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
    Ok(rows.rows.iter().map(|row| (cell(&row[0]), cell(&row[1]))).collect())
}

async fn catalog(superuser: &Address) -> Result<Catalog, LabError> {
    let session = Session::connect(superuser).await?;
    let catalog = underpin_pg::catalog::snapshot(&session).await?;
    session.close().await;
    Ok(catalog)
}

/// A clone of a stage.
pub(crate) struct Copy {
    pub(crate) place: Place,
    server: Address,
    name: String,
}

impl Copy {
    /// Drops the clone.
    pub(crate) async fn drop(self) -> Result<(), LabError> {
        drop_database(&self.server, &self.name).await
    }
}
