//! `drill storm`: ten, a hundred, a thousand, ten thousand clients at once, directly and through PgBouncer in transaction
//! mode; who is refused, how long they wait, and what it costs the server.

mod judge;
mod ladder;
mod told;

use std::time::Duration;

use camino::Utf8PathBuf;
use futures_util::future::LocalBoxFuture;
use underpin_model::project::Project;
use underpin_model::{Code, EventSink};

use super::on_lab::on_lab;
use super::pooling;
use crate::error::LabError;
use crate::lab::{Lab, LabSpec};
use crate::load::Workload;
use crate::proof::Outcome;
use crate::prove::Proved;
use crate::template;

pub use judge::{Judged, judge};
pub use ladder::{Rung, Via};

/// The name of the drill in reports.
pub const NAME: &str = "storm";

/// Every code that the drill reports.
pub const CODES: &[Code] = judge::CODES;

/// Sockets and files that a process needs beside its clients.
const OTHER_DESCRIPTORS: u64 = 100;

/// A wish for a drill.
pub struct StormSpec<'a> {
    /// The project whose queries and transactions run.
    pub project: &'a Project,
    /// The lab whose template is copied.
    pub lab: &'a LabSpec,
    /// PgBouncer's program; without it only the direct half is run.
    pub pgbouncer: Option<Utf8PathBuf>,
    /// Numbers of clients, in the order of running.
    pub clients: Vec<u32>,
    /// Server connections of the pool.
    pub pool_size: u32,
    /// How long calls are counted at each number of clients.
    pub window: Duration,
    /// Longest wait for a login.
    pub login_limit: Duration,
    /// Limit of open files for PgBouncer; ours when absent.
    pub descriptors: Option<u64>,
}

/// Runs the drill; its clients live on this thread.
pub fn storm<'a>(
    spec: &'a StormSpec<'a>,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Proved, LabError>> {
    let examine = async |lab: &Lab| outcome(spec, lab, events).await;
    Box::pin(on_lab(NAME, (spec.project, spec.lab), events, examine))
}

async fn outcome(spec: &StormSpec<'_>, lab: &Lab, events: &dyn EventSink) -> Result<Outcome, LabError> {
    if spec.project.queries.is_empty() && spec.project.transactions.is_empty() {
        return Ok(Outcome::skipped("the project names no query and no transaction that clients could run"));
    }
    let server = lab.durable_server("storm").await?;
    let database = server.address().database(template::DATABASE);
    let workload = Workload::prepare(spec.project, &database).await?;
    let mut outcome = Outcome::default();
    if workload.items().is_empty() {
        outcome.unexamined.push(format!("no query and no transaction runs as {}", workload.role));
        return Ok(outcome);
    }
    if let Some(program) = &spec.pgbouncer {
        let examined = pooling::examine(spec.project, &server, program).await?;
        outcome.findings = examined.findings;
        outcome.evidence = examined.evidence;
        outcome.unexamined = examined.unexamined;
    }
    let mut ladder = ladder::Ladder::prepare(spec, &server, workload).await?;
    for clients in &spec.clients {
        ladder.climb(*clients, events).await?;
    }
    if judge(&ladder.climbed().rungs, spec.pool_size, None).is_slow() {
        // Other work on the machine comes and goes: both numbers are measured again, one right after the other.
        ladder.repeat(events).await?;
    }
    let climbed = ladder.end();
    server.stop().await?;
    let judged = judge(&climbed.rungs, spec.pool_size, climbed.pooler_descriptors);
    outcome.findings.extend(judged.findings);
    outcome.unexamined.extend(judged.unexamined);
    outcome.unexamined.extend(climbed.unexamined.iter().cloned());
    told::tell(&mut outcome, spec, &climbed);
    Ok(outcome)
}
