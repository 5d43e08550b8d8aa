//! The bars of backups: what proof and archiving cost beside the bare commands.
//!
//! Both sides of a ratio run in turn on one server, and the quickest of each counts: a noisy machine slows both.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use underpin_lab::backup::restore::{Depth, RestoreSpec, RestoreTarget, restore};
use underpin_lab::backup::{BackupKind, BackupSpec, Extent, archive_command, take};
use underpin_pg::checksum::{Options, database_checksums};
use underpin_pg::{
    Address, Installation, OwnedFolder, Profile, RunAs, Search, Server, ServerSpec, Session, ToolCall,
    choose_installation, run_tool,
};

const ROUNDS: u32 = 3;

/// Load per measurement of the archive's cost.
const LOAD: Duration = Duration::from_secs(6);

const CLIENTS: usize = 4;

const ROWS: &str = "CREATE TABLE orders AS SELECT n AS id, n % 70000 AS customer_id, (n % 10000) / 100.0 AS price, \
     timestamptz '2020-01-01+00' + n * interval '1 minute' AS at, md5(n::text) AS reference FROM generate_series(1, 1500000) n; \
     ALTER TABLE orders ADD PRIMARY KEY (id); CREATE INDEX ON orders (customer_id); CREATE INDEX ON orders (reference)";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let installation = choose_installation(&Search::default())?;
    let run_as = RunAs::choose()?;
    let space = OwnedFolder::create("/tmp".into(), "bench", &run_as)?;
    let folder = space.path().join("backups");
    run_as.create_folder(&folder)?;
    run_as.create_folder(&folder.join("wal"))?;
    let spec =
        ServerSpec::new(installation.clone(), Profile::Durable, "bench").setting("max_wal_size", "4GB");
    let mut server = Server::start(spec).await?;
    let session = Session::connect(&server.address()).await?;
    session.execute("CREATE DATABASE shop").await?;
    session.close().await;
    let shop = server.address().database("shop");
    let session = Session::connect(&shop).await?;
    session.execute(ROWS).await?;
    session.execute("VACUUM ANALYZE").await?;
    session.close().await;
    restores(&installation, &shop, &folder).await?;
    checksums(&installation, &shop).await?;
    archiving(&mut server, &folder).await?;
    Ok(server.stop().await?)
}

/// A backup with its restore and proof: at most 1.3 times the bare dump and restore; the proof at most a quarter of the
/// restore.
async fn restores(
    installation: &Installation,
    shop: &Address,
    folder: &Utf8Path,
) -> Result<(), Box<dyn Error>> {
    let (mut ours, mut bare, mut proof) = (f64::MAX, f64::MAX, f64::MAX);
    for round in 0..ROUNDS {
        let start = Instant::now();
        let kind = BackupKind::Logical;
        let extent = Extent::Full;
        take(&BackupSpec { address: shop, installation, folder, kind, extent, keep: None }).await?;
        let taken = start.elapsed().as_secs_f64();
        let name = shop.database(&format!("ours_{round}"));
        let spec = RestoreSpec {
            installation,
            folder,
            label: None,
            timeline: None,
            target: RestoreTarget::Database(&name),
            depth: Depth::Structure,
        };
        let restored = restore(&spec).await?;
        ours = ours.min(taken + restored.duration_ms as f64 / 1e3);
        let loaded = restored.transcript.iter().find(|step| step.command.contains("pg_restore"));
        let loaded = loaded.map_or(0, |step| step.duration_ms) as f64;
        proof = proof.min((restored.duration_ms as f64 - loaded) / restored.duration_ms as f64);
        bare = bare.min(bare_round(installation, shop, (folder, round)).await?);
        dropped(shop, &[&format!("ours_{round}"), &format!("bare_{round}")]).await?;
    }
    println!(
        "restore drill: {:.2} times pg_dump + pg_restore ({ours:.1} s, {bare:.1} s); the bar is 1.3",
        ours / bare
    );
    println!("verification: {proof:.2} of the restore; the bar is 0.25");
    Ok(())
}

async fn bare_round(
    installation: &Installation,
    shop: &Address,
    (folder, round): (&Utf8Path, u32),
) -> Result<f64, Box<dyn Error>> {
    let (file, name) = (folder.join("bare.dump"), format!("bare_{round}"));
    let start = Instant::now();
    let dump =
        ToolCall::new("pg_dump").args(["--format=custom".to_owned(), format!("--file={file}")]).on(shop);
    run_tool(installation, &dump).await?.checked()?;
    let session = Session::connect(&shop.database("postgres")).await?;
    session.execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
    session.close().await;
    let load = ToolCall::new("pg_restore").args([
        "--exit-on-error".to_owned(),
        format!("--dbname={name}"),
        file.to_string(),
    ]);
    run_tool(installation, &load.on(shop)).await?.checked()?;
    Ok(start.elapsed().as_secs_f64())
}

async fn dropped(shop: &Address, names: &[&str]) -> Result<(), Box<dyn Error>> {
    let session = Session::connect(&shop.database("postgres")).await?;
    for name in names {
        session.execute(&format!("DROP DATABASE {name}")).await?;
    }
    session.close().await;
    Ok(())
}

/// Sums of all tables: at least three times as fast as COPY into sha256sum. The sums do not depend on the order of the rows;
/// a hash of a COPY does, so two databases have it in common only when both sort.
async fn checksums(installation: &Installation, shop: &Address) -> Result<(), Box<dyn Error>> {
    let (mut ours, mut sorted, mut as_stored) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        database_checksums(shop, &Options::default()).await?;
        ours = ours.min(start.elapsed().as_secs_f64());
        let rows = "(SELECT * FROM orders ORDER BY orders)";
        sorted = sorted.min(copied(installation, shop, rows).await?);
        as_stored = as_stored.min(copied(installation, shop, "orders").await?);
    }
    println!(
        "checksum: {:.1} times sorted COPY | sha256sum ({ours:.2} s, {sorted:.2} s); the bar is 3",
        sorted / ours
    );
    println!(
        "checksum: {:.1} times COPY | sha256sum of rows as they are stored ({as_stored:.2} s)",
        as_stored / ours
    );
    Ok(())
}

async fn copied(installation: &Installation, shop: &Address, rows: &str) -> Result<f64, Box<dyn Error>> {
    let pipe = format!("{} -XAtc 'COPY {rows} TO STDOUT' | sha256sum", installation.tool("psql"));
    let start = Instant::now();
    run_tool(installation, &ToolCall::new("/bin/sh").args(["-c", &pipe]).on(shop)).await?.checked()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Commits per second with archiving: at most 10 % fewer than without.
async fn archiving(server: &mut Server, folder: &Utf8Path) -> Result<(), Box<dyn Error>> {
    let session = Session::connect(&server.address()).await?;
    session
        .execute("CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL)")
        .await?;
    session.close().await;
    let command = archive_command(folder);
    let (mut with, mut without) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        server.restart_with(&[("archive_mode", "off")]).await?;
        without = without.max(commits_per_second(&server.address()).await?);
        server.restart_with(&[("archive_mode", "on"), ("archive_command", &command)]).await?;
        with = with.max(commits_per_second(&server.address()).await?);
    }
    println!(
        "archiving: {:.1} % fewer commits ({with:.0}/s, {without:.0}/s without); the bar is 10 %",
        (1.0 - with / without) * 100.0
    );
    Ok(())
}

async fn commits_per_second(address: &Address) -> Result<f64, Box<dyn Error>> {
    let end = Instant::now() + LOAD;
    let client = async || -> Result<u64, Box<dyn Error>> {
        let session = Session::connect(address).await?;
        let mut commits = 0;
        while Instant::now() < end {
            session.execute("INSERT INTO log (body) VALUES (repeat('x', 500))").await?;
            commits += 1;
        }
        session.close().await;
        Ok(commits)
    };
    let counts = futures_util::future::join_all((0..CLIENTS).map(|_| client())).await;
    let mut commits = 0;
    for count in counts {
        commits += count?;
    }
    Ok(commits as f64 / LOAD.as_secs_f64())
}
