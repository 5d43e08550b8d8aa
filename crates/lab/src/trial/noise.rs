//! What must not matter: samples of ANALYZE, some more rows, a fresh load, a busy machine.

use underpin_model::Verdict;
use underpin_pg::Session;

use super::Trial;
use crate::check::amplify::{Copies, amplify};
use crate::error::LabError;
use crate::lab::{Lab, LabSpec};
use crate::proofs::plans;
use crate::selftest::Checked;

/// Runs of each kind.
const RUNS: u64 = 10;
/// Sessions that compute for nothing while the plans are judged: more than a small machine has cores.
const BUSY_SESSIONS: usize = 6;

/// A change that must not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noise {
    Analyse,
    MoreRows(u64),
    LoadedAnew,
    Busy,
}

impl Noise {
    const ALL: [Noise; 5] =
        [Noise::Analyse, Noise::MoreRows(5), Noise::MoreRows(20), Noise::LoadedAnew, Noise::Busy];

    fn words(self) -> String {
        match self {
            Noise::Analyse => "another ANALYZE".to_owned(),
            Noise::MoreRows(percent) => format!("{percent} % more rows"),
            Noise::LoadedAnew => "the data loaded anew".to_owned(),
            Noise::Busy => "a busy machine".to_owned(),
        }
    }
}

pub(super) async fn run(trial: &Trial<'_>) -> Result<Vec<Checked>, LabError> {
    let mut checked = Vec::new();
    for noise in Noise::ALL {
        for nth in 1..=RUNS {
            let (verdict, said) = one(trial, noise, nth).await?;
            let failure =
                (verdict != Verdict::Proven).then(|| format!("plans are {verdict}: {}", said.join("; ")));
            let what = format!("{}, run {nth}", noise.words());
            trial.note(&mut checked, Checked { what, proof: plans::PROOF.name.to_owned(), failure });
        }
    }
    Ok(checked)
}

async fn one(trial: &Trial<'_>, noise: Noise, nth: u64) -> Result<(Verdict, Vec<String>), LabError> {
    let anew = LabSpec { cache: None, ..trial.spec.clone() };
    let spec = if noise == Noise::LoadedAnew { &anew } else { trial.spec };
    let lab = Lab::open(trial.project, spec, trial.events).await?;
    let session = lab.template().session().await?;
    match noise {
        Noise::Analyse => {
            session.execute("ANALYZE").await?;
        }
        Noise::MoreRows(percent) => {
            session.execute("SET session_replication_role = replica").await?;
            amplify(&session, Copies::Part { percent, salt: nth }).await?;
            session.execute("VACUUM (ANALYZE)").await?;
        }
        Noise::LoadedAnew | Noise::Busy => {}
    }
    session.close().await;
    let judged = match noise {
        Noise::Busy => beside_others(&lab, trial.gate(&lab)).await,
        _ => trial.gate(&lab).await,
    };
    lab.close().await?;
    judged
}

/// Runs the experiment while other sessions of the server compute without end.
async fn beside_others<T>(
    lab: &Lab,
    experiment: impl Future<Output = Result<T, LabError>>,
) -> Result<T, LabError> {
    let mut sessions = Vec::new();
    for _ in 0..BUSY_SESSIONS {
        sessions.push(Session::connect(&lab.address()).await?);
    }
    let computing =
        sessions.iter().map(|session| session.rows("SELECT count(*) FROM generate_series(1, 10^12::bigint)"));
    let computing = futures_util::future::join_all(computing);
    let done = tokio::select! {
        done = experiment => done,
        _ = computing => Err(LabError::Unexpected("the sessions that should keep the machine busy ended".to_owned())),
    };
    let watcher = Session::connect(&lab.address()).await?;
    for session in &sessions {
        watcher.execute(&format!("SELECT pg_terminate_backend({})", session.pid())).await?;
    }
    watcher.close().await;
    done
}
