//! What must not matter: samples of ANALYZE, some more rows, a fresh load, a busy machine.

use camino::Utf8PathBuf;
use underpin_model::Verdict;
use underpin_model::project::{Project, SqlFile};
use underpin_pg::Session;

use super::Trial;
use crate::check::amplify::{Copies, amplify};
use crate::error::LabError;
use crate::lab::{Lab, LabSpec};
use crate::proofs::plans::{self, LOCK};
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
    if let (Noise::MoreRows(percent), Some(scale)) = (noise, &trial.project.scale) {
        return larger(trial, scale, 1_000 + 10 * percent + nth - RUNS / 2).await;
    }
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
            amplify(&session, &Copies::Part { percent, salt: nth }).await?;
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

/// Judges the plans of a project whose scale file makes so many thousandths of its rows: copies of rows would have neither
/// the children nor the times that new rows have.
async fn larger(
    trial: &Trial<'_>,
    scale: &SqlFile,
    thousandths: u64,
) -> Result<(Verdict, Vec<String>), LabError> {
    let failed = |error| LabError::file("making a project with more rows", error);
    let folder = tempfile::tempdir().map_err(failed)?;
    let root = Utf8PathBuf::from(folder.path().to_string_lossy().into_owned());
    let factor = format!("{} / 1000", u64::from(trial.spec.scale) * thousandths);
    let scale = SqlFile { text: scale.text.replace(":scale", &factor), ..scale.clone() };
    fs_err::write(root.join(&trial.project.config.paths.scale), &scale.text).map_err(failed)?;
    let lock = trial.project.root.join(LOCK);
    if lock.exists() {
        fs_err::copy(&lock, root.join(LOCK)).map_err(failed)?;
    }
    let project = Project { root, scale: Some(scale), ..trial.project.clone() };
    let spec = LabSpec { cache: None, ..trial.spec.clone() };
    let lab = Lab::open(&project, &spec, trial.events).await?;
    let more = Trial { project: &project, spec: trial.spec, events: trial.events, told: trial.told };
    let judged = more.gate(&lab).await;
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
        sessions.iter().map(|session| session.rows("DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$"));
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
