//! `drill crash`: `kill -9` of the whole server at random moments under load, again and again.
//!
//! After each recovery every acknowledged commit must be there, every other one whole or absent, and the project's
//! invariants must hold.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::{Server, Session};

use super::book::{Book, Compared, Upto};
use super::ground::Ground;
use super::project_load::{self, Ends};
use crate::error::LabError;

/// A wish for the drill.
pub struct CrashSpec<'a> {
    /// What the server begins with.
    pub ground: Ground<'a>,
    /// How often it is killed.
    pub rounds: u32,
    /// Clients that write; as many more run the project's transactions.
    pub clients: usize,
    /// Longest load before a kill; the moment is drawn.
    pub longest: Duration,
    /// Settings of the server that differ from production's durability.
    pub settings: Vec<(String, String)>,
}

/// What the drill measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Crash {
    /// How often the server was killed.
    pub kills: u32,
    /// Commits of our own clients that were acknowledged.
    pub acknowledged: usize,
    /// Acknowledged commits that were gone.
    pub lost: usize,
    /// Commits of which only a part was there.
    pub torn: usize,
    /// Rows that nobody wrote.
    pub invented: usize,
    /// Kills that met at least one transaction without an answer; only those say that others are whole or absent.
    pub under_way: u32,
    /// Transactions of the project that were acknowledged.
    pub project_commits: u64,
    /// Invariants of the project that did not hold, as words.
    pub violated: Vec<String>,
    /// How many invariants were asked.
    pub invariants: usize,
    /// Time of the recoveries, in ms, in the order of the kills.
    pub recoveries_ms: Vec<u64>,
    /// Settings of the running server that make a loss possible which this drill cannot bring about, as words.
    pub blind: Vec<String>,
    /// Whether nothing was lost, torn or violated.
    pub holds: bool,
    /// The commands that ran.
    pub commands: Vec<TranscriptStep>,
}

/// Runs the drill; its clients live on this thread.
pub fn crash<'a>(spec: &'a CrashSpec<'a>) -> LocalBoxFuture<'a, Result<Crash, LabError>> {
    Box::pin(async move {
        let mut wish = spec.ground.spec("crash");
        if cfg!(target_os = "linux") {
            // Recovery makes sure that the files are on the disk: at once instead of one by one.
            wish = wish.setting("recovery_init_sync_method", "syncfs");
        }
        for (name, value) in &spec.settings {
            wish = wish.setting(name, value);
        }
        let mut server = Server::start(wish).await?;
        let address = server.address().database(spec.ground.database());
        let book = Book::prepare(&address, spec.ground.writer(&address)).await?;
        let clients = (0..spec.clients.max(1)).map(|_| book.clone().client());
        let beside = (0..spec.clients.max(1)).map(|nth| {
            let (book, address) = (&book, &address);
            async move {
                match spec.ground.stock {
                    Some((project, _)) => project_load::run(project, address, &|| book.ended(), nth).await,
                    None => Ends::default(),
                }
            }
        });
        let act = async {
            let outcome = act(spec, &mut server, &book).await;
            book.end();
            outcome
        };
        let (measured, _, ends) = tokio::join!(
            act,
            futures_util::future::join_all(clients),
            futures_util::future::join_all(beside)
        );
        let mut measured = measured?;
        measured.acknowledged = book.count();
        measured.project_commits = ends.iter().map(|one: &Ends| one.committed).sum();
        measured.holds = measured.lost == 0
            && measured.torn == 0
            && measured.invented == 0
            && measured.violated.is_empty();
        server.stop().await?;
        Ok(measured)
    })
}

async fn act(spec: &CrashSpec<'_>, server: &mut Server, book: &Book) -> Result<Crash, LabError> {
    let address = server.address().database(spec.ground.database());
    let mut crash = Crash { blind: blind(&address).await?, ..Crash::default() };
    for round in 1..=spec.rounds.max(1) {
        tokio::time::sleep(moment(spec.longest)).await;
        let waiting = book.waiting();
        server.crash().await?;
        // What was acknowledged until now must be there; what lies in a socket is acknowledged as well.
        book.point_to(None);
        book.settle().await;
        let killed_at = SystemTime::now();
        let start = Instant::now();
        server.restart().await?;
        crash.recoveries_ms.push(start.elapsed().as_millis() as u64);
        crash.kills += 1;
        crash.under_way += u32::from(waiting > 0);
        let compared = book.compare(&address, 0, Upto::Moment(killed_at)).await?;
        let violated = match spec.ground.stock {
            Some((project, _)) => project_load::violated(project, &address).await?,
            None => Vec::new(),
        };
        crash.tell(round, &compared, &violated);
        crash.lost += compared.missing.len();
        crash.torn += compared.torn.len();
        crash.invented += compared.surplus.len();
        crash.violated.extend(violated.into_iter().map(|what| format!("after kill {round}, {what}")));
        crash.invariants = spec.ground.stock.map_or(0, |(project, _)| project.invariants.len());
        book.forget(&compared.missing);
        book.point_to(Some(spec.ground.writer(&address)));
    }
    Ok(crash)
}

impl Crash {
    fn tell(&mut self, round: u32, compared: &Compared, violated: &[String]) {
        let command = "kill -9 every process of the server; start it again".to_owned();
        let output = format!(
            "kill {round}: {} commits acknowledged, {} there, {} lost, {} torn, {} that nobody wrote; invariants violated: {}",
            compared.expected,
            compared.found,
            compared.missing.len(),
            compared.torn.len(),
            compared.surplus.len(),
            if violated.is_empty() { "none".to_owned() } else { violated.join(", ") }
        );
        self.commands.push(TranscriptStep { command, output, ..TranscriptStep::default() });
    }
}

/// Settings under which production loses commits and this drill would not notice: killed processes leave the operating
/// system's cache behind, and a power cut does not.
async fn blind(address: &underpin_pg::Address) -> Result<Vec<String>, LabError> {
    let session = Session::connect(address).await?;
    let rows = session
        .rows("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting <> 'on' ORDER BY name")
        .await?;
    session.close().await;
    Ok(rows.iter().map(|row| format!("{} = {}", row.text("name"), row.text("setting"))).collect())
}

/// Draws a moment.
fn moment(longest: Duration) -> Duration {
    // A new state of the standard library's hasher is seeded by the system.
    let drawn = RandomState::new().hash_one(Instant::now().elapsed().as_nanos()) % 1_000;
    Duration::from_millis(20) + longest.mul_f64(drawn as f64 / 1_000.0)
}
