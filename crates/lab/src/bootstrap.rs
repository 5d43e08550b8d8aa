//! Prepares a bare database the way operations would: roles, ownership, extensions.

use underpin_model::config::DatabaseConfig;
use underpin_model::sql_text::quote_identifier;
use underpin_pg::Address;
use underpin_pg::{QueryError, Session};

use crate::error::LabError;

/// Creates the database `name` with the project's roles and extensions.
///
/// Migrations then run as `owner_role`, which is no superuser: what needs one (extensions that are
/// not trusted) is done here, as it would be by whoever runs the production server. On
/// PostgreSQL 14 every role may create objects in `public`; from 15 on none may (manual,
/// "Schemas and Privileges"). We make all versions behave as 15 does.
///
/// `superuser` is an address of any database of the server with a superuser's name.
pub async fn create_database(
    superuser: &Address,
    name: &str,
    config: &DatabaseConfig,
) -> Result<(), LabError> {
    let session = Session::connect(superuser).await?;
    for role in roles(config) {
        create_role(&session, role).await?;
    }
    let owner = config.owner_role.as_deref().map(|role| format!(" OWNER {}", quote_identifier(role)));
    let create = format!(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'{}",
        quote_identifier(name),
        owner.unwrap_or_default()
    );
    run(&session, &create).await?;
    session.close().await;
    let session = Session::connect(&superuser.database(name)).await?;
    for extension in &config.extensions {
        let sql = format!("CREATE EXTENSION IF NOT EXISTS {}", quote_identifier(extension));
        session
            .execute(&sql)
            .await
            .map_err(|source| LabError::Extension { name: extension.clone(), source })?;
    }
    run(&session, "REVOKE CREATE ON SCHEMA public FROM PUBLIC").await?;
    if let Some(owner) = &config.owner_role {
        run(&session, &format!("ALTER SCHEMA public OWNER TO {}", quote_identifier(owner))).await?;
    }
    session.close().await;
    Ok(())
}

fn roles(config: &DatabaseConfig) -> impl Iterator<Item = &String> {
    config.owner_role.iter().chain(&config.app_role).chain(&config.roles)
}

async fn create_role(session: &Session, role: &str) -> Result<(), LabError> {
    match session.execute(&format!("CREATE ROLE {} LOGIN", quote_identifier(role))).await {
        // 42710 duplicate_object: roles belong to the whole server, another database brought it.
        Err(error) if error.sqlstate() == Some("42710") => Ok(()),
        Err(source) => Err(LabError::preparing(source)),
        Ok(_) => Ok(()),
    }
}

async fn run(session: &Session, sql: &str) -> Result<(), LabError> {
    session.execute(sql).await.map(|_| ()).map_err(|source: QueryError| LabError::preparing(source))
}
