//! Crashes the server under half-done transactions, all scripts at once, one step further each time.
//!
//! Every script works in a database of its own on one durable server, so that a single crash
//! answers for all of them.

use underpin_model::checksum::DatabaseChecksum;
use underpin_pg::Address;
use underpin_pg::{Session, checksum};

use super::commits::Moment;
use super::failure::{Failure, Point};
use super::{Examined, changed_tables, partial, unexpected};
use crate::error::LabError;
use crate::lab::clone_template;
use crate::proof::{Experiment, Outcome};
use crate::script_run::ScriptRun;

/// Crashes the server after every step of every script that was examined; adds to their points.
pub(super) async fn crash_all(
    experiment: &Experiment<'_>,
    before: &DatabaseChecksum,
    examined: &mut [Examined<'_>],
    outcome: &mut Outcome,
) -> Result<(), LabError> {
    let mut server = experiment.lab.durable_server("crash").await?;
    let superuser = server.address();
    for nth in 0..examined.len() {
        clone_template(&superuser, &database(nth)).await?;
    }
    let since = moment(&superuser).await?;
    for steps in 1..=examined.iter().map(last_step).max().unwrap_or(0) {
        let sessions = walk_all(experiment, &superuser, examined, steps).await?;
        if sessions.is_empty() {
            break;
        }
        server.crash().await?;
        server.restart().await?;
        let watcher = Session::connect(&superuser).await?;
        let undone = since.all_undone_since(&watcher).await?;
        watcher.close().await;
        for (nth, mut point, session) in sessions {
            drop(session);
            // The content has the last word over the transaction ids, after each script's last step.
            if !undone || last_step(&examined[nth]) == steps {
                point.left = changed_tables(before, &content(&superuser, nth).await?);
            }
            if !point.left.is_empty() {
                outcome.findings.push(partial(examined[nth].script, &point));
            }
            examined[nth].points.push(point);
        }
    }
    Ok(server.stop().await?)
}

fn last_step(one: &Examined<'_>) -> usize {
    one.points.iter().map(|point| point.step).max().unwrap_or(0)
}

async fn moment(superuser: &Address) -> Result<Moment, LabError> {
    let session = Session::connect(superuser).await?;
    let moment = Moment::now(&session).await;
    session.close().await;
    moment
}

fn database(nth: usize) -> String {
    format!("crash_{nth}")
}

async fn content(superuser: &Address, nth: usize) -> Result<DatabaseChecksum, LabError> {
    let options = checksum::Options::default();
    Ok(checksum::database_checksums(&superuser.database(&database(nth)), &options).await?)
}

/// Brings every script that is long enough to the given step, and leaves its session open.
async fn walk_all(
    experiment: &Experiment<'_>,
    superuser: &Address,
    examined: &[Examined<'_>],
    steps: usize,
) -> Result<Vec<(usize, Point, Session)>, LabError> {
    let mut sessions = Vec::new();
    for (nth, one) in examined.iter().enumerate() {
        let Some(known) = one.points.iter().find(|point| point.step == steps && point.left.is_empty()) else {
            continue;
        };
        let address = superuser.database(&database(nth));
        let role = one.script.role.as_ref().or(experiment.project.config.database.app_role.as_ref());
        let session =
            Session::connect(&role.map_or_else(|| address.clone(), |role| address.user(role))).await?;
        let mut run = ScriptRun::new(one.script, one.values.clone(), 1).map_err(unexpected)?;
        for _ in 0..steps {
            run.step(&session).await.map_err(unexpected)?;
        }
        sessions.push((nth, Point { failure: Failure::Crash, ..known.clone() }, session));
    }
    Ok(sessions)
}
