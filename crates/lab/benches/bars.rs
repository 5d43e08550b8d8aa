//! The bars that are ratios: migrations beside `psql`, content checksums beside plain statements.
//!
//! Both sides of a ratio run in turn on one server, and the quickest of each counts: a noisy machine slows both.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::time::Instant;

use camino::Utf8Path;
use underpin_lab::migrator::{ApplyOptions, migrate_up};
use underpin_lab::template::owner_address;
use underpin_lab::{bootstrap, project_folder};
use underpin_model::event::Silent;
use underpin_model::project::Project;
use underpin_pg::checksum::{Options, database_checksums};
use underpin_pg::{
    Address, Installation, Profile, Search, Server, ServerSpec, Session, ToolCall, choose_installation,
    run_tool,
};

const ROUNDS: u32 = 5;

const THREE_MILLION_ROWS: &str = "CREATE TABLE learner AS SELECT n AS id, 'user' || n || '@example.com' AS email, \
     DATE '1980-01-01' + n % 10000 AS born, repeat('bio ', n % 20) AS bio FROM generate_series(1, 700000) n; \
     CREATE TABLE enrollment AS SELECT n AS id, n % 700000 AS learner_id, (n % 10000) / 100.0 AS price, \
     timestamptz '2020-01-01+00' + n * interval '1 minute' AS at FROM generate_series(1, 2200000) n; \
     CREATE TABLE lesson AS SELECT n AS id, repeat(md5(n::text), 20) AS body FROM generate_series(1, 100000) n";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let installation = choose_installation(&Search::default())?;
    let server = Server::start(ServerSpec::new(installation.clone(), Profile::Fast, "bench")).await?;
    migrations(&installation, &server.address()).await?;
    checksums(&server.address()).await?;
    Ok(server.stop().await?)
}

/// The history of CodeLearn in an empty database: at most 1.3 times what one `psql` needs for the same files.
async fn migrations(installation: &Installation, superuser: &Address) -> Result<(), Box<dyn Error>> {
    let root = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/codelearn"));
    let project = project_folder::load_project(root)?;
    let (mut ours, mut psql) = (f64::MAX, f64::MAX);
    for round in 0..ROUNDS {
        let owner = empty_database(&project, superuser, &format!("ours_{round}")).await?;
        let start = Instant::now();
        migrate_up(&owner, &project.migrations, &ApplyOptions::default(), &Silent).await?;
        ours = ours.min(start.elapsed().as_secs_f64());
        let owner = empty_database(&project, superuser, &format!("psql_{round}")).await?;
        let files =
            project.migrations.iter().flat_map(|one| ["-f".to_owned(), root.join(&one.sql.file).to_string()]);
        let call = ToolCall::new("psql").args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]).args(files).on(&owner);
        let start = Instant::now();
        run_tool(installation, &call).await?.checked()?;
        psql = psql.min(start.elapsed().as_secs_f64());
    }
    println!("migrate up: {:.2} times psql ({ours:.3} s, {psql:.3} s); the bar is 1.3", ours / psql);
    Ok(())
}

async fn empty_database(
    project: &Project,
    superuser: &Address,
    name: &str,
) -> Result<Address, Box<dyn Error>> {
    bootstrap::create_database(superuser, name, &project.config.database).await?;
    Ok(owner_address(project, &superuser.database(name)))
}

/// Three tables by two sessions: at least 80 % of the speed of plain statements in two sessions.
async fn checksums(superuser: &Address) -> Result<(), Box<dyn Error>> {
    let session = Session::connect(superuser).await?;
    session.execute(THREE_MILLION_ROWS).await?;
    session.execute("VACUUM ANALYZE").await?;
    let options = Options { sessions: Some(2), ..Options::default() };
    let (mut ours, mut plain) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let (one, other) =
            tokio::join!(sums(superuser, &["enrollment"]), sums(superuser, &["learner", "lesson"]));
        one.and(other)?;
        plain = plain.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        database_checksums(superuser, &options).await?;
        ours = ours.min(start.elapsed().as_secs_f64());
    }
    println!(
        "checksums: {:.2} of plain statements ({ours:.2} s, {plain:.2} s); the bar is 0.8",
        plain / ours
    );
    Ok(())
}

async fn sums(superuser: &Address, tables: &[&str]) -> Result<(), Box<dyn Error>> {
    let session = Session::connect(superuser).await?;
    session.execute("SET max_parallel_workers_per_gather = 0").await?;
    for table in tables {
        session.value(&format!("SELECT sum(hashtextextended(t::text, 0)) FROM {table} AS t")).await?;
    }
    Ok(())
}
