//! Scenarios side by side: a thread per core, each with databases and sessions of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use underpin_pg::take_core;

use super::{Rounds, fight};
use crate::LabError;
use crate::proof::RunProfile;
use crate::race::{Bout, RaceError, Ring};

/// Most threads: each needs a few connections of the server.
const MOST: usize = 8;

/// A scenario's place in the list, and what was found.
type Fought = (usize, Result<Rounds, RaceError>);

/// Fights every bout; results come as they are ready, and end when all threads have.
pub(super) fn fight_all(
    ring: Arc<Ring>,
    bouts: Arc<Vec<Bout>>,
    profile: RunProfile,
) -> Result<UnboundedReceiver<Fought>, LabError> {
    let (sender, receiver) = unbounded_channel();
    let next = Arc::new(AtomicUsize::new(0));
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(MOST);
    for nth in 0..cores.min(bouts.len()) {
        let (ring, bouts, next) = (Arc::clone(&ring), Arc::clone(&bouts), Arc::clone(&next));
        let sender = sender.clone();
        let refused = |error: std::io::Error| {
            LabError::Unexpected(format!("a thread for races could not be started: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let thread = std::thread::Builder::new().name(format!("race-{nth}"));
        thread
            .spawn(move || {
                take_core(nth);
                runtime.block_on(async {
                    while let Some((place, bout)) = taken(&next, &bouts) {
                        let result = fight(&ring, bout, profile).await;
                        // Nobody waits for results any more when the run was interrupted.
                        if sender.send((place, result)).is_err() {
                            break;
                        }
                    }
                });
            })
            .map_err(refused)?;
    }
    Ok(receiver)
}

/// Returns the next bout to fight. The last come first: pairs, which nobody made small, would keep one thread busy when
/// the others are done.
fn taken<'b>(next: &AtomicUsize, bouts: &'b [Bout]) -> Option<(usize, &'b Bout)> {
    let place = bouts.len().checked_sub(1 + next.fetch_add(1, Ordering::Relaxed))?;
    Some((place, &bouts[place]))
}
