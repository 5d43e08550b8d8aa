//! `restore`: does the backup come back to life?

mod backup;
mod compare;
mod damage;
mod living;
mod runbook;

use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef};

use crate::backup::amcheck::Structure;
use crate::error::LabError;
use crate::proof::{Document, Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "restore",
    question: "Does the backup come back to life?",
    page: include_str!("../../../../docs/proofs/restore.md"),
    own_servers: true,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[FAILS, DIFFERS, UNDETECTED];

const FAILS: Code = Code::error("UP340", "restore-fails", "a backup cannot be taken or restored");
const DIFFERS: Code =
    Code::error("UP341", "restore-differs", "a restored database is not the one that was backed up");
const UNDETECTED: Code = Code::error("UP342", "damage-undetected", "a damaged backup passes for a good one");

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let programs = ["pg_dump", "pg_dumpall", "pg_restore", "psql", "pg_basebackup", "pg_verifybackup"];
    if let Some(outcome) = experiment.lacking(&programs) {
        return Ok(outcome);
    }
    let mut outcome = Outcome::default();
    let source = experiment.lab.durable_server("backup source").await?;
    let original = compare::content(&source.address()).await?;
    let mut bench = backup::Bench::prepare(experiment, &source)?;
    for kind in backup::KINDS {
        experiment.events.emit(underpin_model::Event::Progress {
            what: kind.title().to_owned(),
            done: 0,
            total: backup::KINDS.len() as u64,
            unit: "backups",
        });
        kind_of_backup(*kind, &mut bench, &original, &mut outcome).await?;
    }
    let living = living::examine(experiment, &source, &mut bench, &mut outcome).await?;
    source.stop().await?;
    conclude(&mut outcome, &bench, &original);
    if let Some(living) = living {
        outcome.measure("commits beside a backup", living.committed as f64, "commits");
        outcome.summary.push_str(&format!(
            " A backup beside {} transactions of the project has what its snapshot had, though {} tables moved on.",
            living.committed, living.moved
        ));
    }
    Ok(outcome)
}

/// Takes one backup, restores it into a separate instance, compares, then damages copies of it.
async fn kind_of_backup(
    kind: backup::Kind,
    bench: &mut backup::Bench<'_>,
    original: &compare::Content,
    outcome: &mut Outcome,
) -> Result<(), LabError> {
    bench.begin(kind);
    if let Err(failure) = bench.take(kind).await? {
        outcome.findings.push(failure.finding(&FAILS, kind));
        return Ok(());
    }
    match bench.restore(kind).await? {
        Err(failure) => outcome.findings.push(failure.finding(&FAILS, kind)),
        Ok(restored) => {
            let (source, target) = (bench.source(), restored.address());
            let content = compare::content(&target).await?;
            let rows = compare::differing_rows((&source, original), (&target, &content)).await?;
            let structure = bench.structure(&target).await?;
            restored.stop().await?;
            outcome.findings.extend(compare::differences(kind, (original, &content), &rows));
            if let Structure::Damaged(_) = structure {
                let message = format!("{}: {}.", kind.title(), structure.words());
                let about = ObjectRef::new(ObjectKind::Backup, kind.name());
                outcome.findings.push(Finding::new(&DIFFERS, message).object(about));
            }
            bench.compared(kind, &content, &structure);
        }
    }
    for damage in damage::ALL {
        if let Some(finding) = damage::inflict(*damage, kind, bench, original).await? {
            outcome.findings.push(finding);
        }
    }
    Ok(())
}

fn conclude(outcome: &mut Outcome, bench: &backup::Bench<'_>, original: &compare::Content) {
    let (tables, rows) = (original.sums.tables.len(), original.sums.rows());
    outcome.summary = format!(
        "Restored {} kinds of backup into separate instances; {tables} tables with {rows} rows, large objects, sequences, \
         owners, privileges and constraints compared; {} damaged backups tried.",
        backup::KINDS.len(),
        bench.damages.len()
    );
    outcome.measure("rows", rows as f64, "rows");
    for timing in &bench.timings {
        outcome.measure(&timing.name, timing.duration_ms as f64, "ms");
    }
    outcome.measures.extend(bench.sizes.iter().cloned());
    outcome.evidence.push(Evidence::transcript("runbook", "The commands that ran", bench.transcript.clone()));
    let columns = ["backup", "damage", "how it was noticed"];
    outcome.evidence.push(Evidence::table("damage", "Damaged backups", &columns, bench.damages.clone()));
    let compared = ["backup", "tables", "rows", "sequences", "result"];
    outcome.evidence.push(Evidence::table(
        "compared",
        "Restored against original",
        &compared,
        bench.results.clone(),
    ));
    outcome
        .documents
        .push(Document { path: "evidence/backup-runbook.md".to_owned(), content: runbook::render(bench) });
}
