//! One server prepared for experiments: the template, and sandboxes cloned from it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::catalog::Catalog;
use underpin_model::project::Project;
use underpin_model::report::ServerInfo;
use underpin_model::{Event, EventSink};
use underpin_pg::Address;
use underpin_pg::Installation;
use underpin_pg::Session;
use underpin_pg::{DataSource, Profile, Server, ServerSpec};

use crate::clone::{clone_database, drop_database};
use crate::error::LabError;
use crate::template;

/// What a lab is made from.
#[derive(Clone, Debug)]
pub struct LabSpec {
    /// The PostgreSQL to run.
    pub installation: Installation,
    /// Value of `:scale`.
    pub scale: u32,
    /// Folder for cached templates; none to build anew.
    pub cache: Option<Utf8PathBuf>,
}

/// A running server that holds the project's template.
pub struct Lab {
    server: Server,
    installation: Installation,
    data: Utf8PathBuf,
    catalog: Catalog,
    sandboxes: AtomicU32,
    /// Kept for its drop: the folder of `data` when there is no cache.
    _scratch: Option<tempfile::TempDir>,
}

/// A disposable clone of the template in which one experiment may do anything.
pub struct Sandbox<'a> {
    lab: &'a Lab,
    name: String,
}

impl Lab {
    /// Starts a server on the project's template, building the template when the cache lacks it.
    pub async fn open(project: &Project, spec: &LabSpec, events: &dyn EventSink) -> Result<Lab, LabError> {
        let scratch = match spec.cache {
            Some(_) => None,
            None => {
                Some(tempfile::tempdir().map_err(|error| LabError::file("making a scratch folder", error))?)
            }
        };
        let cache = match (&spec.cache, &scratch) {
            (Some(cache), _) => cache.clone(),
            (None, Some(scratch)) => Utf8PathBuf::from(scratch.path().to_string_lossy().into_owned()),
            (None, None) => Utf8PathBuf::new(),
        };
        let data = template::template_data(project, spec, &cache, events).await?;
        let wish = ServerSpec::new(spec.installation.clone(), Profile::Fast, "lab");
        let server = Server::start(wish.source(DataSource::CopyOf(data.clone()))).await?;
        events.emit(Event::ServerStarted {
            purpose: "lab".to_owned(),
            version: spec.installation.version.text.clone(),
            duration_ms: server.startup_ms(),
        });
        let catalog = template_catalog(&server).await?;
        Ok(Lab {
            server,
            installation: spec.installation.clone(),
            data,
            catalog,
            sandboxes: AtomicU32::new(0),
            _scratch: scratch,
        })
    }

    /// Returns the catalog of the template.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Returns the data folder of the template, that of a server which was stopped cleanly.
    pub fn template_data(&self) -> &Utf8Path {
        &self.data
    }

    /// Returns the installation that runs the lab.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Returns the superuser's address of the server's `postgres` database.
    pub fn address(&self) -> Address {
        self.server.address()
    }

    /// Clones the template into a new database.
    pub async fn sandbox(&self) -> Result<Sandbox<'_>, LabError> {
        let name = format!("sandbox_{}", self.sandboxes.fetch_add(1, Ordering::Relaxed));
        clone_database(&self.address(), template::DATABASE, &name).await?;
        Ok(Sandbox { lab: self, name })
    }

    /// Returns the template itself, for a lab of one's own: what is done to it stays done, and every later sandbox of this
    /// lab has it.
    pub(crate) fn template(&self) -> Sandbox<'_> {
        Sandbox { lab: self, name: template::DATABASE.to_owned() }
    }

    /// Creates an empty database with the project's roles and extensions, nothing migrated.
    pub async fn bare_database(&self, project: &Project) -> Result<Sandbox<'_>, LabError> {
        let name = format!("sandbox_{}", self.sandboxes.fetch_add(1, Ordering::Relaxed));
        crate::bootstrap::create_database(&self.address(), &name, &project.config.database).await?;
        Ok(Sandbox { lab: self, name })
    }

    /// Starts a second server with production's durability on a copy of the template's data folder.
    pub async fn durable_server(&self, purpose: &str) -> Result<Server, LabError> {
        Ok(Server::start(self.durable_spec(purpose)).await?)
    }

    /// Returns the wish for such a server.
    pub fn durable_spec(&self, purpose: &str) -> ServerSpec {
        let data = DataSource::CopyOf(self.data.clone());
        ServerSpec::new(self.installation.clone(), Profile::Durable, purpose).source(data)
    }

    /// Returns the server's version and the settings that matter for the evidence.
    pub async fn server_info(&self) -> Result<ServerInfo, LabError> {
        let session = Session::connect(&self.address()).await?;
        let rows = session.rows(include_str!("server_settings.sql")).await?;
        session.close().await;
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let settings = rows.rows.iter().map(|row| (cell(&row[0]), cell(&row[1]))).collect();
        Ok(ServerInfo { version: self.installation.version.text.clone(), settings })
    }

    /// Stops the server and removes its folder.
    pub async fn close(self) -> Result<(), LabError> {
        Ok(self.server.stop().await?)
    }
}

impl Sandbox<'_> {
    /// Returns the superuser's address of this database.
    pub fn address(&self) -> Address {
        self.lab.address().database(&self.name)
    }

    /// Returns the address of this database for the given role.
    pub fn address_as(&self, role: &str) -> Address {
        self.address().user(role)
    }

    /// Opens a superuser's session.
    pub async fn session(&self) -> Result<Session, LabError> {
        Ok(Session::connect(&self.address()).await?)
    }

    /// Opens a session as the given role: a real login, so that settings of the role apply.
    pub async fn session_as(&self, role: &str) -> Result<Session, LabError> {
        Ok(Session::connect(&self.address_as(role)).await?)
    }

    /// Drops the database, ending whoever is still connected.
    pub async fn drop(self) -> Result<(), LabError> {
        drop_database(&self.lab.address(), &self.name).await
    }
}

async fn template_catalog(server: &Server) -> Result<Catalog, LabError> {
    let session = Session::connect(&server.address().database(template::DATABASE)).await?;
    let catalog = underpin_pg::catalog::snapshot(&session).await?;
    session.close().await;
    Ok(catalog)
}

/// Returns the milliseconds since `start`.
pub(crate) fn elapsed_ms(start: Instant) -> u64 {
    start.elapsed().as_millis() as u64
}
