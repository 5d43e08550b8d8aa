//! `pitr`: does a destructive mistake leave a way back, exact to the commit?

use std::time::Duration;

use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef};

use crate::drill::pitr::runbook::{self, Figures};
use crate::drill::pitr::{Pitr, PitrSpec, Scope, pitr};
use crate::error::LabError;
use crate::proof::{Document, Experiment, Experimenting, Outcome, Proof, RunProfile};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "pitr",
    question: "Does a mistake leave a way back, exact to the commit?",
    page: include_str!("../../../../docs/proofs/pitr.md"),
    own_servers: true,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[DIFFERS, ACCEPTED, TORN];

const DIFFERS: Code = Code::error(
    "UP343",
    "recovery-differs",
    "a recovery to a point in time does not have what the server had then",
);
const ACCEPTED: Code =
    Code::error("UP344", "recovery-accepted", "a recovery that cannot reach its target is not refused");
const TORN: Code = Code::error(
    "UP345",
    "archive-torn",
    "an archive gives back more or less than a whole beginning of the commits",
);

/// Time under load before the mistake; `underpin drill pitr --interval 30` takes the real one.
const INTERVAL: Duration = Duration::from_millis(600);

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let programs = ["pg_basebackup", "pg_verifybackup", "pg_waldump", "pg_controldata"];
    if let Some(outcome) = experiment.lacking(&programs) {
        return Ok(outcome);
    }
    let spec = PitrSpec {
        ground: experiment.ground(),
        clients: 4,
        interval: INTERVAL,
        scope: match experiment.profile {
            RunProfile::Quick => Scope::Short,
            RunProfile::Full => Scope::Full,
        },
    };
    Ok(conclude(&pitr(&spec).await?))
}

fn conclude(measured: &Pitr) -> Outcome {
    let mut outcome = Outcome {
        summary: format!(
            "{} commits under load, then a mistake; {} ways back compared with the clients' record, {} wishes that must be refused.",
            measured.acknowledged,
            measured.recoveries.len(),
            measured.refusals.len()
        ),
        findings: findings(measured),
        ..Outcome::default()
    };
    let slowest = measured.recoveries.iter().map(|one| one.rto_ms).max();
    let (bytes, ms) = measured
        .recoveries
        .iter()
        .fold((0, 0), |(bytes, ms), one| (bytes + one.replay_bytes, ms + one.replay_ms));
    outcome.measure("commits", measured.acknowledged as f64, "commits");
    outcome.measure("recovery time", slowest.unwrap_or_default() as f64, "ms");
    outcome.measure("replay speed", bytes as f64 / 1e3 / (ms.max(1) as f64), "MB/s");
    if let Some(loss) = &measured.machine_lost {
        outcome.measure("recovery point without the machine", loss.rpo_ms as f64, "ms");
    }
    let columns = ["target", "backup", "expected", "found", "result", "ms"];
    let rows = measured.recoveries.iter().map(|one| {
        vec![
            one.target.clone(),
            one.backup.clone(),
            one.expected.to_string(),
            one.found_told(),
            one.differs.clone().unwrap_or_else(|| "exact".to_owned()),
            one.rto_ms.to_string(),
        ]
    });
    outcome.evidence.push(Evidence::table("ways-back", "Ways back", &columns, rows.collect()));
    let refusals = measured
        .refusals
        .iter()
        .map(|one| vec![one.wish.clone(), one.said.clone().unwrap_or_else(|| "not refused".to_owned())]);
    outcome.evidence.push(Evidence::table("refused", "Refused", &["wish", "answer"], refusals.collect()));
    outcome.evidence.push(Evidence::transcript(
        "runbook",
        "The commands that ran",
        measured.commands.clone(),
    ));
    if measured.machine_lost.is_some() {
        let content = runbook::render(measured, Figures::LeftOut);
        outcome.documents.push(Document { path: "evidence/pitr-runbook.md".to_owned(), content });
    }
    outcome
}

fn findings(measured: &Pitr) -> Vec<Finding> {
    let about = |target: &str| ObjectRef::new(ObjectKind::Backup, target);
    let differing = measured.recoveries.iter().filter_map(|one| {
        let differs = one.differs.as_ref()?;
        Some(
            Finding::new(&DIFFERS, format!("Back to {}: {differs}.", one.target))
                .object(about(&one.target))
                .hint("Unlogged tables do not come back; ALTER TABLE … SET LOGGED where that matters."),
        )
    });
    let accepted = measured.refusals.iter().filter(|one| !one.right).map(|one| {
        let said = one.said.as_deref().unwrap_or("nothing");
        Finding::new(&ACCEPTED, format!("{}: must be refused with its reason; said was: {said}.", one.wish))
            .object(about(&one.wish))
    });
    let torn = measured.machine_lost.iter().filter(|loss| !loss.whole).map(|_| {
        let message = "What came back from the archive alone is no whole beginning of the record.";
        Finding::new(&TORN, message).object(about("archive"))
    });
    differing.chain(accepted).chain(torn).collect()
}
