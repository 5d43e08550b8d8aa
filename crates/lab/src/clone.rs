//! Databases made from other databases of the same server, and removed again.

use underpin_model::sql_text::quote_identifier;
use underpin_pg::{Address, Session};

use crate::error::LabError;

/// Clones the database `template` of the server at `superuser` into `name`.
///
/// `FILE_COPY` (the only strategy before 15) copies files instead of logging every block, which
/// suits a server without fsync: tens of milliseconds instead of hundreds.
pub(crate) async fn clone_database(superuser: &Address, template: &str, name: &str) -> Result<(), LabError> {
    let session = Session::connect(superuser).await?;
    let version =
        session.value("SHOW server_version_num").await?.and_then(|text| text.parse().ok()).unwrap_or(0u32);
    let strategy = if version >= 150_000 { " STRATEGY file_copy" } else { "" };
    let (name, template) = (quote_identifier(name), quote_identifier(template));
    session.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}")).await?;
    session.close().await;
    Ok(())
}

/// Drops a database of the server at `superuser`, ending whoever is still connected.
pub(crate) async fn drop_database(superuser: &Address, name: &str) -> Result<(), LabError> {
    let session = Session::connect(superuser).await?;
    session.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_identifier(name))).await?;
    session.close().await;
    Ok(())
}
