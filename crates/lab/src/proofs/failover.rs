//! `failover`: what is left of the acknowledged commits when a standby takes over?

use std::time::Duration;

use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef};

use crate::drill::driver::Driver;
use crate::drill::failover::{Commit, Failover, FailoverSpec, Failure, failover};
use crate::error::LabError;
use crate::proof::{Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "failover",
    question: "Does a standby take over with every commit that waited for it?",
    page: include_str!("../../../../docs/proofs/failover.md"),
    own_servers: true,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[LOSES, DIFFERS];

const LOSES: Code = Code::error(
    "UP350",
    "failover-loses-commits",
    "a failover loses acknowledged commits that it must not lose",
);
const DIFFERS: Code =
    Code::error("UP351", "failover-differs", "a table is not on the new primary what it was on the old one");

/// A cut link is the failure that shows whether commits really waited for a standby; a kill with the link whole is the one in
/// which asynchronous replication must lose less than a second.
const WAYS: [(Commit, Failure); 2] =
    [(Commit::Synchronous, Failure::Cut), (Commit::Asynchronous, Failure::Kill)];

/// Time under load before the failure; `underpin drill failover` takes longer ones.
const LOAD: Duration = Duration::from_millis(500);

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let unfit =
        experiment.too_quick_to_kill().or_else(|| experiment.lacking(&["pg_basebackup", "pg_rewind"]));
    if let Some(outcome) = unfit {
        return Ok(outcome);
    }
    let mut drills = Vec::new();
    for (commit, failure) in WAYS {
        let spec = FailoverSpec {
            ground: experiment.ground(),
            commit,
            failure,
            load: LOAD,
            clients: 4,
            driver: Driver::BuiltIn,
            callers: None,
        };
        drills.push(failover(&spec).await?);
    }
    Ok(conclude(&drills))
}

fn conclude(drills: &[Failover]) -> Outcome {
    let acknowledged: usize = drills.iter().map(|drill| drill.acknowledged).sum();
    let mut outcome = Outcome {
        summary: format!(
            "A primary with two standbys failed {} times under load and a standby was promoted; {acknowledged} acknowledged commits \
             looked for, the tables of the project compared, the old primary brought back by pg_rewind.",
            drills.len()
        ),
        findings: findings(drills),
        ..Outcome::default()
    };
    for drill in drills {
        let how = words(drill);
        if drill.acknowledged == 0 {
            outcome.unexamined.push(format!("{how}: no commit was acknowledged before the failure"));
        }
        outcome.measure(&format!("recovery time, {how}"), drill.rto_ms as f64, "ms");
    }
    let columns = ["commits", "failure", "acknowledged", "lost", "first write after ms", "new primary"];
    let rows = drills.iter().map(|drill| {
        let (commit, failure) = drill.words();
        vec![
            commit.to_owned(),
            failure.to_owned(),
            drill.acknowledged.to_string(),
            drill.lost.to_string(),
            drill.rto_ms.to_string(),
            drill.new_primary.clone(),
        ]
    });
    outcome.evidence.push(Evidence::table("failovers", "Failovers", &columns, rows.collect()));
    let commands = drills.iter().flat_map(|drill| drill.commands.clone()).collect();
    outcome.evidence.push(Evidence::transcript("runbook", "The commands that ran", commands));
    outcome
}

fn words(drill: &Failover) -> String {
    let (commit, failure) = drill.words();
    format!("{commit}, {failure}")
}

fn findings(drills: &[Failover]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for drill in drills {
        if drill.loses_too_much() {
            let message = format!(
                "{}: {} of {} acknowledged commits are gone, of the last {} ms.",
                words(drill),
                drill.lost,
                drill.acknowledged,
                drill.rpo_ms
            );
            let hint = match drill.commit {
                Commit::Synchronous => {
                    "A commit waits for a standby with synchronous_commit = on or remote_apply: look for local and off in ALTER \
                     DATABASE, ALTER ROLE and transactions."
                }
                Commit::Asynchronous => {
                    "Where a second is too much, let commits wait: synchronous_standby_names."
                }
            };
            let about = ObjectRef::new(ObjectKind::Database, drill.new_primary.as_str());
            findings.push(Finding::new(&LOSES, message).object(about).hint(hint));
        }
    }
    let mut differing: Vec<&String> = drills.iter().flat_map(|drill| &drill.tables_differ).collect();
    differing.sort_unstable();
    differing.dedup();
    findings.extend(differing.into_iter().map(|table| {
        Finding::new(&DIFFERS, format!("{table} has another content after the failover."))
            .object(ObjectRef::new(ObjectKind::Table, table.as_str()))
            .hint("Unlogged tables are not replicated; ALTER TABLE … SET LOGGED where that matters.")
    }));
    findings
}
