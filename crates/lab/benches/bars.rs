//! The bars that are ratios: migrations beside `psql`, content checksums beside plain statements, schedules of a race
//! beside the same messages in fixed order.
//!
//! Both sides of a ratio run in turn on one server, and the quickest of each counts: a noisy machine slows both.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::migrator::{ApplyOptions, migrate_up};
use underpin_lab::race::{
    Arena, Bout, Level, Played, RaceOptions, RaceVerdict, Ring, explore, from_folder, replay,
};
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

/// Beginnings of schedules whose messages are sent again as they were; in half of them a session waits.
const BEGINNINGS: [&str; 6] = ["1", "2", "1212", "112", "1122", "221"];

/// What follows the messages of a schedule of `lost-update`: the check, the look at the final state, the way back.
const AFTERWARDS: [&str; 3] = [
    "SELECT NOT EXISTS (SELECT p.id FROM products AS p LEFT JOIN sales AS s ON s.product_id = p.id GROUP BY p.id \
     HAVING p.stock <> p.received - coalesce(sum(s.quantity), 0))",
    "SELECT (SELECT string_agg(p::text, ',') FROM products AS p), (SELECT string_agg(s::text, ',') FROM sales AS s)",
    "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM products; DELETE FROM sales; \
     INSERT INTO products VALUES (1, 10, 10); COMMIT",
];

/// All schedules of two sales, four steps each: at most 1.5 times what the messages alone take, in fixed order.
async fn schedules(ring: &Ring) -> Result<(), Box<dyn Error>> {
    let mut bout = from_folder(&scenario("lost-update"))?;
    bout.levels = vec![Level::ReadCommitted];
    let database = ring.database(&bout).await?;
    let arena = Arena::prepare(&database, &bout).await?;
    let mut orders = Vec::new();
    for beginning in BEGINNINGS {
        orders.push(replay(&arena, Level::ReadCommitted, &beginning.parse()?).await?.played);
    }
    arena.close().await;
    ring.drop(&database).await?;
    let (mut ours, mut floor) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        ours = ours.min(all_orders(ring, &bout).await?);
        floor = floor.min(messages(ring, &bout, &orders).await?);
    }
    let (ours_ms, floor_ms) = (ours * 1e3, floor * 1e3);
    println!(
        "schedules: {:.2} times the messages ({ours_ms:.2} ms, {floor_ms:.2} ms); the bar is 1.5",
        ours / floor
    );
    Ok(())
}

/// Returns the seconds per schedule, serial orders and all that explains the anomaly included.
async fn all_orders(ring: &Ring, bout: &Bout) -> Result<f64, Box<dyn Error>> {
    let database = ring.database(bout).await?;
    let arena = Arena::prepare(&database, bout).await?;
    let options = RaceOptions { reduction: false, ..RaceOptions::default() };
    let found = explore(&arena, Level::ReadCommitted, &options).await?;
    arena.close().await;
    ring.drop(&database).await?;
    Ok(found.seconds / found.executions as f64)
}

/// Returns the seconds per schedule of the messages alone, with one question who waits where somebody does.
async fn messages(ring: &Ring, bout: &Bout, orders: &[Vec<Played>]) -> Result<f64, Box<dyn Error>> {
    const TIMES: usize = 20;
    let database = ring.database(bout).await?;
    let watcher = Session::connect(&database).await?;
    watcher.execute(&bout.setup).await?;
    let sessions = [Session::connect(&database).await?, Session::connect(&database).await?];
    let one_core = OneCore::hold(&[&watcher, &sessions[0], &sessions[1]]);
    let start = Instant::now();
    for order in (0..TIMES).flat_map(|_| orders) {
        sent(&watcher, &sessions, order).await?;
        for message in AFTERWARDS {
            watcher.rows(message).await?;
        }
    }
    let seconds = start.elapsed().as_secs_f64() / (TIMES * orders.len()) as f64;
    drop(one_core);
    for session in sessions {
        session.close().await;
    }
    watcher.close().await;
    ring.drop(&database).await?;
    Ok(seconds)
}

/// Sends the messages of a schedule in its order.
async fn sent(watcher: &Session, sessions: &[Session; 2], order: &[Played]) -> Result<(), Box<dyn Error>> {
    let texts: Vec<String> = (0..order.len())
        .map(|at| {
            let first = order[..at].iter().all(|before| before.session != order[at].session);
            let begin = if first { "BEGIN ISOLATION LEVEL READ COMMITTED; " } else { "" };
            format!("{begin}{}", order[at].sql)
        })
        .collect();
    let mut waiting = Vec::new();
    for (at, step) in order.iter().enumerate() {
        let session = &sessions[step.session];
        let mut answer = Box::pin(session.rows(&texts[at]));
        if step.answered_in > at + 1 {
            // Sent, and not answered yet.
            poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_pending())).await;
            watcher.rows(&format!("SELECT pg_blocking_pids({})", session.pid())).await?;
            waiting.push((step.answered_in, answer));
            continue;
        }
        answer.await?;
        for (_, answer) in waiting.extract_if(.., |(until, _)| *until == at + 1) {
            answer.await?;
        }
    }
    Ok(())
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
            let mut behaviours = Vec::new();
            for reduction in [true, false] {
                let options = RaceOptions { reduction, ..RaceOptions::default() };
                let found = explore(&arena, level, &options).await?;
                let executions = if reduction { &mut reduced } else { &mut all };
                *executions += found.explored + found.pruned;
                behaviours.push(found.behaviours.clone());
                if reduction && found.verdict() == RaceVerdict::Breaks {
                    first.extend(found.first_after);
                }
            }
            if behaviours[0] != behaviours[1] {
                return Err(format!("{folder} at {level}: reduction loses behaviours").into());
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
