//! Rehearses pending migrations in a private server and notes the locks of every statement.

use futures_util::future::LocalBoxFuture;
use underpin_model::EventSink;
use underpin_model::event::Silent;
use underpin_model::evidence::StatementTrace;
use underpin_model::project::Project;
use underpin_pg::{Profile, Server, ServerSpec};

use crate::bootstrap;
use crate::error::LabError;
use crate::lab::LabSpec;
use crate::migrator::{ApplyOptions, Folders, migrate_up};
use crate::template::owner_address;

/// Applies the versions in `applied` silently, then the pending ones with a trace of each statement.
pub fn rehearse<'a>(
    project: &'a Project,
    spec: &'a LabSpec,
    applied: &'a [String],
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Vec<StatementTrace>, LabError>> {
    Box::pin(async move {
        let server =
            Server::start(ServerSpec::new(spec.installation.clone(), Profile::Fast, "rehearsal")).await?;
        bootstrap::create_database(&server.address(), "rehearsal", &project.config.database).await?;
        let owner = owner_address(project, &server.address().database("rehearsal"));
        if let Some(last) = applied.last() {
            let options = ApplyOptions { up_to: Some(last.clone()), ..ApplyOptions::default() };
            migrate_up(&owner, &project.migrations, &options, &Silent).await?;
        }
        let options = ApplyOptions { trace: true, folders: Folders::Through, ..ApplyOptions::default() };
        let traced = migrate_up(&owner, &project.migrations, &options, events).await?;
        server.stop().await?;
        Ok(traced.traces)
    })
}
