//! The bars that are ratios: migrations beside `psql`, content checksums beside plain statements, schedules of a race
//! beside the same messages in fixed order.
//!
//! Both sides of a ratio run in turn on one server, and the quickest of each counts: a noisy machine slows both.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::migrator::{ApplyOptions, migrate_up};
use underpin_lab::race::{Arena, Bout, Level, RaceOptions, RaceVerdict, Ring, explore, from_folder};
use underpin_lab::template::owner_address;
use underpin_lab::{bootstrap, project_folder};
use underpin_model::event::Silent;
use underpin_model::project::Project;
use underpin_pg::checksum::{Options, database_checksums};
use underpin_pg::{
    Address, Installation, OneCore, Profile, Search, Server, ServerSpec, Session, ToolCall,
    choose_installation, run_tool,
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
    let ring = Ring::prepare(server.address(), None).await?;
    schedules(&ring).await?;
    gallery(&ring).await?;
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

fn scenario(name: &str) -> Utf8PathBuf {
    Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gallery")).join(name)
}

/// What one schedule of `lost-update` sends: both sales, the check, the look at the final state, the way back.
const SALE: [&str; 4] = [
    "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT stock FROM products WHERE id = 1",
    "UPDATE products SET stock = '10'::integer - 1 WHERE id = 1",
    "INSERT INTO sales (id, product_id, quantity) VALUES (:id, 1, 1)",
    "COMMIT",
];
const AFTERWARDS: [&str; 3] = [
    "SELECT NOT EXISTS (SELECT p.id FROM products AS p LEFT JOIN sales AS s ON s.product_id = p.id GROUP BY p.id \
     HAVING p.stock <> p.received - coalesce(sum(s.quantity), 0))",
    "SELECT (SELECT string_agg(p::text, ',') FROM products AS p), (SELECT string_agg(s::text, ',') FROM sales AS s)",
    "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM products; DELETE FROM sales; \
     INSERT INTO products VALUES (1, 10, 10); COMMIT",
];

/// All schedules of two sales, four steps each: at most 1.5 times what the messages alone take.
async fn schedules(ring: &Ring) -> Result<(), Box<dyn Error>> {
    let mut bout = from_folder(&scenario("lost-update"))?;
    bout.levels = vec![Level::ReadCommitted];
    let (mut ours, mut floor) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let (explored, seconds) = all_orders(ring, &bout).await?;
        ours = ours.min(seconds / explored as f64);
        floor = floor.min(messages(ring, &bout).await?);
    }
    let (ours_ms, floor_ms) = (ours * 1e3, floor * 1e3);
    println!(
        "schedules: {:.2} times the messages ({ours_ms:.2} ms, {floor_ms:.2} ms); the bar is 1.5",
        ours / floor
    );
    Ok(())
}

async fn all_orders(ring: &Ring, bout: &Bout) -> Result<(u64, f64), Box<dyn Error>> {
    let database = ring.database(bout).await?;
    let arena = Arena::prepare(&database, bout).await?;
    let options = RaceOptions { reduction: false, ..RaceOptions::default() };
    let found = explore(&arena, Level::ReadCommitted, &options).await?;
    arena.close().await;
    ring.drop(&database).await?;
    Ok((found.explored, found.seconds))
}

async fn messages(ring: &Ring, bout: &Bout) -> Result<f64, Box<dyn Error>> {
    const TIMES: u32 = 100;
    let database = ring.database(bout).await?;
    let watcher = Session::connect(&database).await?;
    watcher.execute(&bout.setup).await?;
    let (one, other) = (Session::connect(&database).await?, Session::connect(&database).await?);
    let one_core = OneCore::hold(&[&watcher, &one, &other]);
    let start = Instant::now();
    for _ in 0..TIMES {
        for (session, id) in [(&one, "1"), (&other, "2")] {
            for message in SALE {
                session.rows(&message.replace(":id", id)).await?;
            }
        }
        for message in AFTERWARDS {
            watcher.rows(message).await?;
        }
    }
    let seconds = start.elapsed().as_secs_f64() / f64::from(TIMES);
    drop(one_core);
    for session in [watcher, one, other] {
        session.close().await;
    }
    ring.drop(&database).await?;
    Ok(seconds)
}

/// Every scenario at every level, with and without reduction: at least 8 times fewer executions, and an anomaly within
/// 20 in the median.
async fn gallery(ring: &Ring) -> Result<(), Box<dyn Error>> {
    let (mut reduced, mut all, mut first) = (0, 0, Vec::new());
    let mut folders = Vec::new();
    for entry in scenario("").read_dir_utf8()? {
        folders.push(entry?.into_path());
    }
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let bout = from_folder(folder)?;
        for level in [Level::ReadCommitted, Level::RepeatableRead, Level::Serializable] {
            let database = ring.database(&bout).await?;
            let arena = Arena::prepare(&database, &bout).await?;
            for reduction in [true, false] {
                let options = RaceOptions { reduction, ..RaceOptions::default() };
                let found = explore(&arena, level, &options).await?;
                let executions = if reduction { &mut reduced } else { &mut all };
                *executions += found.explored + found.pruned;
                if reduction && found.verdict() == RaceVerdict::Breaks {
                    first.extend(found.first_after);
                }
            }
            arena.close().await;
            ring.drop(&database).await?;
        }
    }
    first.sort_unstable();
    println!(
        "reduction: {:.1} times fewer executions ({reduced} of {all}); the bar is 8",
        all as f64 / reduced as f64
    );
    println!("first anomaly: after {} schedules in the median; the bar is 20", first[first.len() / 2]);
    Ok(())
}
