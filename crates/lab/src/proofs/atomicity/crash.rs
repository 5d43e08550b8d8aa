//! Crashes the server under half-done transactions, all scripts at once, one step further each time.
//!
//! Every script works in a database of its own, so that a single crash answers for all of them.

use underpin_pg::{Address, Session};

use super::commits::Moment;
use super::failure::{Failure, Point};
use super::{Examined, Place, unexpected};
use crate::error::LabError;

/// Crashes the server after every step of every script that no other failure broke; adds to their points.
pub(super) async fn crash_all(place: &mut Place, examined: &mut [Examined<'_>]) -> Result<(), LabError> {
    let superuser = place.server.address();
    let since = moment(&superuser).await?;
    for steps in 1..=examined.iter().map(last_step).max().unwrap_or(0) {
        let mut sessions = Vec::new();
        for (nth, one) in examined.iter().enumerate() {
            if let Some((point, session)) = walk(one, steps).await? {
                sessions.push((nth, point, session));
            }
        }
        if sessions.is_empty() {
            break;
        }
        place.server.crash().await?;
        place.server.restart().await?;
        let watcher = Session::connect(&superuser).await?;
        let undone = since.all_undone_since(&watcher).await?;
        watcher.close().await;
        for (nth, mut point, session) in sessions {
            drop(session);
            if !undone {
                point.left = place.left(&examined[nth].database).await?;
            }
            examined[nth].points.push(point);
        }
    }
    Ok(())
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

/// Brings a script that is whole and long enough to the given step, and leaves its session open.
async fn walk(one: &Examined<'_>, steps: usize) -> Result<Option<(Point, Session)>, LabError> {
    let known = one.points.iter().find(|point| point.step == steps && one.is_whole());
    let Some(known) = known else { return Ok(None) };
    let session = one.session().await?;
    super::walk(&mut one.start()?, &session, steps).await.map_err(unexpected)?;
    Ok(Some((Point { failure: Failure::Crash, ..known.clone() }, session)))
}
