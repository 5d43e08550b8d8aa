//! `crash`: is every acknowledged commit still there when the server was killed?

use std::time::Duration;

use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef};

use crate::drill::crash::{Crash, CrashSpec, crash};
use crate::error::LabError;
use crate::proof::{Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "crash",
    question: "Is every acknowledged commit still there after kill -9?",
    page: include_str!("../../../../docs/proofs/crash.md"),
    own_servers: true,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[LOST, TORN, VIOLATED];

const LOST: Code = Code::error("UP346", "crash-loses-commits", "acknowledged commits are gone after a crash");
const TORN: Code = Code::error(
    "UP347",
    "crash-tears-commits",
    "after a crash commits are there by half, or nobody made them",
);
const VIOLATED: Code =
    Code::error("UP348", "crash-breaks-invariant", "an invariant does not hold after a crash");

/// How often the server is killed; `underpin drill crash --rounds 50` kills it more often.
const ROUNDS: u32 = 5;

/// Longest load before a kill.
const LONGEST: Duration = Duration::from_millis(400);

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    if let Some(skipped) = experiment.too_quick_to_kill() {
        return Ok(skipped);
    }
    let spec = CrashSpec {
        ground: experiment.ground(),
        rounds: ROUNDS,
        clients: 4,
        longest: LONGEST,
        settings: Vec::new(),
    };
    Ok(conclude(&crash(&spec).await?))
}

fn conclude(measured: &Crash) -> Outcome {
    let mut outcome = Outcome {
        summary: format!(
            "{} kills under load, {} of them with transactions under way; {} acknowledged commits looked for, {} transactions of \
             the project beside them, {} invariants asked after each.",
            measured.kills,
            measured.under_way,
            measured.acknowledged,
            measured.project_commits,
            measured.invariants
        ),
        findings: findings(measured),
        ..Outcome::default()
    };
    if measured.acknowledged == 0 {
        outcome.unexamined.push("no commit was acknowledged before a kill".to_owned());
    }
    for setting in &measured.blind {
        let gap = format!("with {setting} a power cut loses what a killed process does not");
        outcome.unexamined.push(gap);
    }
    outcome.measure("commits", measured.acknowledged as f64, "commits");
    let longest = measured.recoveries_ms.iter().max();
    outcome.measure("longest recovery", longest.copied().unwrap_or_default() as f64, "ms");
    outcome.evidence.push(Evidence::transcript(
        "kills",
        "The kills, and what was there",
        measured.commands.clone(),
    ));
    outcome
}

fn findings(measured: &Crash) -> Vec<Finding> {
    let server = || ObjectRef::new(ObjectKind::Database, "server");
    let mut findings = Vec::new();
    if measured.lost > 0 {
        let message = format!(
            "After {} kills {} acknowledged commits were gone; {} were there.",
            measured.kills, measured.lost, measured.acknowledged
        );
        findings.push(Finding::new(&LOST, message).object(server()).hint(
            "Look for synchronous_commit = off in ALTER DATABASE, ALTER ROLE and transactions; fsync and full_page_writes stay on.",
        ));
    }
    if measured.torn + measured.invented > 0 {
        let message = format!(
            "After {} kills {} commits were there by half, and {} that nobody made.",
            measured.kills, measured.torn, measured.invented
        );
        findings.push(Finding::new(&TORN, message).object(server()).hint(
            "Look at fsync, full_page_writes and the file system, and let pg_amcheck read the database; restore a backup rather than go on.",
        ));
    }
    let violated = measured.violated.iter().map(|what| {
        Finding::new(&VIOLATED, format!("An invariant does not hold {what}.")).object(server()).hint(
            "An unlogged table is empty after a crash: ALTER TABLE … SET LOGGED where others rely on it.",
        )
    });
    findings.extend(violated);
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::Verdict;

    fn sound() -> Crash {
        Crash { kills: 5, acknowledged: 100, under_way: 4, holds: true, ..Crash::default() }
    }

    fn rules(measured: &Crash) -> Vec<String> {
        conclude(measured).findings.into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn each_damage_has_its_rule() {
        assert_eq!(rules(&sound()), [""; 0]);
        assert_eq!(rules(&Crash { lost: 1, ..sound() }), ["crash-loses-commits"]);
        assert_eq!(rules(&Crash { torn: 1, ..sound() }), ["crash-tears-commits"]);
        assert_eq!(rules(&Crash { invented: 1, ..sound() }), ["crash-tears-commits"]);
        let violated = vec!["after kill 1, stock: 2 rows".to_owned()];
        assert_eq!(rules(&Crash { violated, ..sound() }), ["crash-breaks-invariant"]);
    }

    #[test]
    fn what_a_kill_cannot_show_is_not_proven() {
        let blind = vec!["fsync = off".to_owned()];
        assert_eq!(conclude(&Crash { blind, ..sound() }).verdict(), Verdict::Inconclusive);
        assert_eq!(conclude(&Crash { acknowledged: 0, ..sound() }).verdict(), Verdict::Inconclusive);
        assert_eq!(conclude(&sound()).verdict(), Verdict::Proven);
    }
}
