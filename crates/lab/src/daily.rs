//! The project's own server for daily work: data kept in `.underpin/data`, up until it is stopped.

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::LocalBoxFuture;
use underpin_model::EventSink;
use underpin_model::project::Project;
use underpin_model::sql_text::quote_literal;
use underpin_pg::Address;
use underpin_pg::Installation;
use underpin_pg::Session;
use underpin_pg::{DataSource, Lifetime, Profile, Server, ServerSpec, adopt, stop_adopted};

use crate::error::LabError;
use crate::migrator::{ApplyOptions, Folders, migrate_up};
use crate::template::owner_address;
use crate::{bootstrap, loading};

/// Name of the project's database on its own server.
pub const DATABASE: &str = "app";

/// The project's own server, up.
#[derive(Clone, Debug)]
pub struct Started {
    /// Superuser's address of the project's database.
    pub address: Address,
    /// It was up before.
    pub already: bool,
}

impl Started {
    /// Returns the address under which migrations and loads run.
    pub fn owner_address(&self, project: &Project) -> Address {
        owner_address(project, &self.address)
    }

    /// Returns the address as a URL.
    pub fn url(&self) -> String {
        self.address.display()
    }
}

fn data_folder(root: &Utf8Path) -> Utf8PathBuf {
    root.join(".underpin/data")
}

/// Returns the project's own server when it is up.
pub fn running(root: &Utf8Path) -> Option<Started> {
    let running = adopt(&data_folder(root))?;
    Some(Started { address: running.address.database(DATABASE), already: true })
}

/// Starts the project's own server, or finds it up, and creates the project's database in it.
pub fn start<'a>(
    project: &'a Project,
    installation: &'a Installation,
    port: Option<u16>,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Started, LabError>> {
    Box::pin(async move {
        match running(&project.root) {
            Some(started) => Ok(started),
            None => start_down(project, installation, port, events).await,
        }
    })
}

async fn start_down(
    project: &Project,
    installation: &Installation,
    port: Option<u16>,
    events: &dyn EventSink,
) -> Result<Started, LabError> {
    let data = data_folder(&project.root);
    let mut spec = ServerSpec::new(installation.clone(), Profile::Durable, "daily work")
        .source(DataSource::InPlace(data));
    spec.port = port;
    spec.lifetime = Lifetime::Detached;
    let server = Server::start(spec).await?;
    let superuser = server.address();
    let duration_ms = server.startup_ms();
    let version = installation.version.text.clone();
    events.emit(underpin_model::Event::ServerStarted {
        purpose: "daily work".to_owned(),
        version,
        duration_ms,
    });
    create_missing(project, &superuser).await?;
    server.detach()?;
    Ok(Started { address: superuser.database(DATABASE), already: false })
}

async fn create_missing(project: &Project, superuser: &Address) -> Result<(), LabError> {
    let session = Session::connect(superuser).await?;
    let sql = format!("SELECT 1 FROM pg_database WHERE datname = {}", quote_literal(DATABASE));
    let there = session.value(&sql).await?.is_some();
    session.close().await;
    if there {
        Ok(())
    } else {
        bootstrap::create_database(superuser, DATABASE, &project.config.database).await
    }
}

/// Migrates and seeds the database at `superuser`.
pub fn prepare<'a>(
    project: &'a Project,
    superuser: &'a Address,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<(), LabError>> {
    Box::pin(async move {
        let owner = owner_address(project, superuser);
        // Nobody runs an older version of the application against this server.
        let options = ApplyOptions { folders: Folders::Through, ..ApplyOptions::default() };
        migrate_up(&owner, &project.migrations, &options, events).await?;
        loading::load_files(&owner, &project.seeds, events).await?;
        Ok(())
    })
}

/// Stops the project's own server; returns whether it was up.
pub async fn stop(root: &Utf8Path) -> Result<bool, LabError> {
    match adopt(&data_folder(root)) {
        Some(running) => {
            stop_adopted(&running).await?;
            Ok(true)
        }
        None => Ok(false),
    }
}

/// Removes the data of the project's own server, which must be down.
pub fn remove_data(root: &Utf8Path) -> Result<(), LabError> {
    let data = data_folder(root);
    if data.exists() {
        fs_err::remove_dir_all(&data).map_err(|error| LabError::file("removing the server's data", error))?;
    }
    Ok(())
}

/// Removes server folders of runs that were killed; returns them.
pub fn sweep() -> Vec<String> {
    underpin_pg::memory::temp_folders()
        .flat_map(underpin_pg::clean_stale_folders)
        .map(|cleaned| cleaned.folder.to_string())
        .collect()
}
