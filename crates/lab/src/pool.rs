//! How many server connections a project needs: from its measured service time, its measured curve, and every limit on the
//! way; proven by a sweep over other sizes.

pub mod advice;
mod config;
mod logins;
mod sweep;

use std::time::Duration;

use camino::Utf8PathBuf;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use underpin_model::project::Project;
use underpin_model::{Code, EventSink, Finding};
use underpin_pg::{Session, descriptors};

use crate::error::LabError;
use crate::lab::{Lab, LabSpec};
use crate::load::Workload;
use crate::template;
use advice::{Advice, Limits, Point, advise};
pub use config::{Files, files};
pub use logins::Logins;

/// Every code of the sizing.
pub const CODES: &[Code] = &[WRONG];

const WRONG: Code = Code::error("UP765", "pool-size-wrong", "another pool size gets clearly more done");

/// A wish for advice.
pub struct PoolSpec<'a> {
    /// The project whose queries and transactions run.
    pub project: &'a Project,
    /// The lab whose template is copied.
    pub lab: &'a LabSpec,
    /// PgBouncer's program.
    pub pgbouncer: Utf8PathBuf,
    /// Clients that come at once in production.
    pub clients: u32,
    /// Calls per second in production; the sum of all `-- rate:` lines when absent.
    pub rate: Option<f64>,
    /// Pause of a client between two calls.
    pub think: Duration,
    /// Sizes that are measured.
    pub sizes: Vec<u32>,
    /// How long each is measured, and how often.
    pub window: Duration,
    /// Rounds over all sizes; the median counts.
    pub rounds: u32,
    /// The size to prove and to write, instead of the one that is read from the curve.
    pub size: Option<u32>,
}

/// What was advised, on what it rests, and whether the sweep bears it out.
#[derive(Clone, Debug, Serialize)]
pub struct Pool {
    /// The advice.
    pub advice: Advice,
    /// The curve that it was read from: throughput directly, without a pooler.
    pub curve: Vec<Point>,
    /// The sweep through PgBouncer that it is held against.
    pub sweep: Vec<Point>,
    /// The better of the advised size and the best of the sweep, which were measured again in turn.
    pub best: Point,
    /// Throughput at the advised size, as a part of the best.
    pub part_of_best: f64,
    /// Whether the advised size gets at least nine tenths of the best.
    pub holds: bool,
    /// What is wrong with the size.
    pub findings: Vec<Finding>,
    /// What a login costs PgBouncer; absent where the system does not tell.
    pub logins: Option<Logins>,
    /// PgBouncer's files.
    pub files: Files,
}

/// Least part of the best throughput that the advice must reach.
const LEAST_PART: f64 = 0.9;

/// Clients of the sweep: enough to keep every size busy.
const SWEEPERS: u32 = 100;

/// Measures, advises, and measures whether the advice was good.
pub fn pool<'a>(
    spec: &'a PoolSpec<'a>,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Pool, LabError>> {
    Box::pin(async move {
        let own = descriptors::raise_limit();
        let lab = Lab::open(spec.project, spec.lab, events).await?;
        let server = lab.durable_server("pool").await?;
        let database = server.address().database(template::DATABASE);
        let workload = Workload::prepare(spec.project, &database).await?;
        if workload.items().is_empty() {
            let role = &workload.role;
            return Err(LabError::Unexpected(format!(
                "no query and no transaction runs as {role}: nothing to measure"
            )));
        }
        let session = Session::connect(&server.address()).await?;
        let number = async |name: &str| -> Result<u32, LabError> {
            let text = session.value(&format!("SHOW {name}")).await?;
            Ok(text.and_then(|text| text.parse().ok()).unwrap_or_default())
        };
        let max_connections = number("max_connections").await?;
        let reserved = number("superuser_reserved_connections").await?;
        session.close().await;
        let rate = spec.rate.unwrap_or_else(|| workload.rate());
        let role = workload.role.clone();
        let mut sweep = sweep::Sweep { spec, server: &server, workload, events };
        let direct = sweep.direct().await?;
        let limits = Limits {
            processors: std::thread::available_parallelism().map_or(1, usize::from) as u32,
            max_connections,
            reserved,
            descriptors: own.soft,
            clients: spec.clients,
            connection_bytes: direct.connection_bytes,
        };
        let advised = advise(&direct.curve, rate, spec.think, &limits);
        let size = spec.size.unwrap_or(advised.size);
        let advice = advised.with_size(size);
        let mut swept = sweep.through_pooler(advice.size).await?;
        let best_of = |swept: &[Point]| {
            swept.iter().copied().max_by(|a, b| a.throughput.total_cmp(&b.throughput)).unwrap_or_default()
        };
        let winner = best_of(&swept).size;
        let mut rivals = vec![advice.size];
        if winner != advice.size {
            let again = sweep.compare([advice.size, winner]).await?;
            for point in &mut swept {
                *point = again.iter().find(|anew| anew.size == point.size).copied().unwrap_or(*point);
            }
            rivals.push(winner);
        }
        drop(sweep);
        let logins = logins::measure(spec, &server.address(), &role).await?;
        server.stop().await?;
        lab.close().await?;
        let at = |size| swept.iter().find(|point: &&Point| point.size == size).copied().unwrap_or_default();
        let best = best_of(&rivals.iter().map(|size| at(*size)).collect::<Vec<_>>());
        let part = at(advice.size).throughput / best.throughput.max(f64::MIN_POSITIVE);
        let holds = best.throughput > 0.0 && part >= LEAST_PART;
        Ok(Pool {
            files: files(&advice, &role, &spec.project.config.project.name),
            findings: (!holds).then(|| wrong(&at(advice.size), &best)).into_iter().collect(),
            holds,
            part_of_best: part,
            logins,
            curve: direct.curve,
            sweep: swept,
            best,
            advice,
        })
    })
}

fn wrong(size: &Point, best: &Point) -> Finding {
    let message = format!(
        "default_pool_size = {} gets {:.0} calls per second done, {:.2} times the {:.0} of {}; {LEAST_PART} is the least.",
        size.size,
        size.throughput,
        size.throughput / best.throughput.max(f64::MIN_POSITIVE),
        best.throughput,
        best.size
    );
    Finding::new(&WRONG, message).hint(format!("default_pool_size = {}", best.size))
}
