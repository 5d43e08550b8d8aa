//! What the servers of a drill begin with: the data of a project, or nothing.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::EventSink;
use underpin_model::project::Project;
use underpin_pg::{Address, DataSource, Installation, Profile, ServerSpec};

use crate::error::LabError;
use crate::lab::LabSpec;
use crate::template;

/// What the servers of a drill begin with.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// Programs to use.
    pub installation: &'a Installation,
    /// The project and the data folder of its template; absent for an empty server.
    pub stock: Option<(&'a Project, &'a Utf8Path)>,
}

impl Ground<'_> {
    /// Returns the database in which clients write.
    pub fn database(&self) -> &'static str {
        if self.stock.is_some() { template::DATABASE } else { "postgres" }
    }

    /// Returns where the clients of a drill write on that server: in the project's database, as its application role. The
    /// settings of both, such as synchronous_commit, decide what an acknowledged commit is worth.
    pub(super) fn writer(&self, server: &Address) -> Address {
        let address = server.database(self.database());
        let role = self.stock.and_then(|(project, _)| project.config.database.app_role.as_ref());
        role.map_or_else(|| address.clone(), |role| address.user(role))
    }

    /// Returns the wish for a server with production's durability.
    pub(super) fn spec(&self, purpose: &str) -> ServerSpec {
        let spec = ServerSpec::new(self.installation.clone(), Profile::Durable, purpose);
        match self.stock {
            Some((_, data)) => spec.source(DataSource::CopyOf(data.to_owned())),
            None => spec,
        }
    }
}

/// Returns the data folder of the project's template, built when it is not in the cache of `lab`.
///
/// Fails when the project cannot be built, or when `lab` has no cache to keep it in.
pub async fn stock(
    project: &Project,
    lab: &LabSpec,
    events: &dyn EventSink,
) -> Result<Utf8PathBuf, LabError> {
    let cache = lab.cache.as_ref();
    let cache =
        cache.ok_or_else(|| LabError::Unexpected("a drill needs a cache for the template".to_owned()))?;
    template::template_data(project, lab, cache, events).await
}
