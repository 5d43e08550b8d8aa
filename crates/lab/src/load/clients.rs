//! The lives of the clients: all log in at once, then each runs one thing after the other until the end.

use std::cell::Cell;
use std::time::{Duration, Instant};

use underpin_pg::{Address, ConnectError, Credentials, LightSession};

use super::gauge::{Gauge, Watched};
use super::recorder::{Recorder, Seen};
use super::workload::{Dice, Workload};
use crate::error::LabError;

/// How often the state of the load is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long a call may still take after the end; behind a pool every client waits for all others first.
const DRAIN: Duration = Duration::from_secs(60);

/// A wish for a load.
pub(crate) struct Load<'a> {
    /// What clients run.
    pub(crate) workload: &'a Workload,
    /// Where they log in.
    pub(crate) address: Address,
    /// With what.
    pub(crate) credentials: &'a Credentials,
    /// How many they are.
    pub(crate) clients: u32,
    /// Pause of a client after each call.
    pub(crate) think: Duration,
    /// Longest wait for a login.
    pub(crate) login_limit: Duration,
    /// How long calls are counted once all are in.
    pub(crate) window: Duration,
}

/// Runs the load; returns what clients saw, and what was to be seen of the server meanwhile.
pub(crate) async fn run(load: &Load<'_>, gauge: &mut Gauge<'_>) -> Result<(Seen, Watched), LabError> {
    let recorder = Recorder::new(load.clients);
    let lives = futures_util::future::join_all((0..load.clients).map(|number| life(number, load, &recorder)));
    let control = async {
        let watched = control(load, &recorder, gauge).await;
        recorder.end();
        watched
    };
    let (_, watched) = tokio::join!(lives, control);
    Ok((recorder.finish(), watched?))
}

/// Opens the window once everybody is in or has failed, and looks at the server until its end.
async fn control(load: &Load<'_>, recorder: &Recorder, gauge: &mut Gauge<'_>) -> Result<Watched, LabError> {
    let start = Instant::now();
    let mut watched = Watched::default();
    while !recorder.all_settled() && start.elapsed() < load.login_limit + LOOK {
        gauge.count_backends(&mut watched).await?;
        tokio::time::sleep(LOOK).await;
    }
    recorder.open_window(load.window);
    let opened = Instant::now();
    let mut weighed = false;
    while opened.elapsed() < load.window {
        gauge.count_backends(&mut watched).await?;
        gauge.look_at_pools(&mut watched).await?;
        // Reading the memory of a hundred processes takes a while, and once is enough.
        if !weighed && opened.elapsed() >= load.window / 2 {
            gauge.weigh(&mut watched);
            weighed = true;
        }
        tokio::time::sleep(LOOK.min(load.window.saturating_sub(opened.elapsed()))).await;
    }
    Ok(watched)
}

/// One client from its login to its end.
async fn life(number: u32, load: &Load<'_>, recorder: &Recorder) {
    let stage = Cell::new("an answer to the login");
    let limit = load.login_limit + load.window + DRAIN;
    let whole = async {
        let connect = LightSession::connect(&load.address, load.credentials);
        match tokio::time::timeout(load.login_limit, connect).await {
            Err(_) => recorder.failed(hung(stage.get(), load.login_limit)),
            Ok(Err(error)) => recorder.failed(told(&error)),
            Ok(Ok(session)) => {
                recorder.logged_in(session.queue_full());
                stage.set("an answer to a statement");
                work(number, session, (load, recorder)).await;
            }
        }
    };
    if tokio::time::timeout(limit, whole).await.is_err() {
        recorder.failed(hung(stage.get(), DRAIN));
    }
}

async fn work(number: u32, mut session: LightSession, (load, recorder): (&Load<'_>, &Recorder)) {
    let mut dice = Dice::new(number);
    let mut is_first = true;
    while !recorder.ended() {
        let Some(item) = load.workload.pick(&mut dice) else { return };
        let begun = Instant::now();
        let ran = item.run(&mut session, &mut dice).await;
        if !recorder.ran(&item.name, begun, ran) {
            return;
        }
        if std::mem::take(&mut is_first) {
            recorder.first_row();
        }
        if !load.think.is_zero() {
            tokio::time::sleep(load.think).await;
        }
    }
    session.close().await;
}

fn hung(what: &str, limit: Duration) -> String {
    format!("hung: waited {} s for {what}", limit.as_secs())
}

/// Returns why a login failed, without the place: the class of the failure is what is counted.
fn told(error: &ConnectError) -> String {
    match error {
        ConnectError::Authentication { error, .. }
        | ConnectError::TooManyConnections { error }
        | ConnectError::StartingUp { error }
        | ConnectError::Refusal { error } => format!("{}: {}", error.sqlstate, error.message),
        ConnectError::Refused { source, .. }
        | ConnectError::NoSocket { source, .. }
        | ConnectError::Permission { source, .. }
        | ConnectError::Unreachable { source, .. } => format!("socket: {source}"),
        other => other.to_string(),
    }
}
