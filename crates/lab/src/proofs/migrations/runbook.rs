//! `evidence/migration-runbook.md`: what to type for each folder, what runs then, and what happened in the proof.

use underpin_model::phases::{MigrationPart, Phases};
use underpin_model::project::{Project, SqlFile};

use super::log::{Part, PartLog};
use super::phases::{Trial, Walk};
use crate::proof::Document;

/// Returns the document.
pub(super) fn document(project: &Project, walks: &[Walk<'_>], trial: &Trial) -> Document {
    let mut text = format!(
        "# Migration runbook of {}\n\nWritten by `underpin prove migrations`. Each folder was walked on a copy of the data by the same runner, while \
         its old.sql and new.sql ran at {} transactions per second in {} sessions each. The budget for a wait is {} ms.\n",
        project.config.project.name, trial.rate, trial.sessions, trial.budget_ms
    );
    for walk in walks {
        text.push_str(&section(walk));
    }
    Document { path: format!("{}/migration-runbook.md", project.config.paths.evidence), content: text }
}

fn section(walk: &Walk<'_>) -> String {
    let (version, phases) = (&walk.migration.version, walk.phases);
    let rows = walk.rows.map(|rows| format!(" Its backfill walks over {rows} rows.")).unwrap_or_default();
    let mut text = format!("\n## {}\n\n", walk.migration.path());
    if let Some((part, error)) = &walk.stopped {
        text.push_str(&format!("**Not ready**: the walk stopped in the part {} ({error}).\n\n", part.word()));
    }
    text.push_str(&format!("The old version runs.{rows}\n\n"));
    text.push_str(&step("1. Expand", "underpin migrate up", &happened(walk, &[Part::Expand])));
    text.push_str(&listing(&walk.migration.sql));
    let seen = happened(walk, &[Part::Backfill, Part::Verify]);
    text.push_str(&step("2. Backfill and verify", &format!("underpin migrate phase {version}"), &seen));
    text.push_str(&backfill(phases));
    let seen = happened(walk, &[Part::Deployment]);
    text.push_str(&format!("### 3. Deploy the new version\n\nBoth versions run side by side. {seen}\n\n"));
    let contract = format!("underpin migrate phase {version} contract");
    text.push_str(&step(
        "4. Contract, when no old version is left",
        &contract,
        &happened(walk, &[Part::Contract]),
    ));
    text.push_str(&listing(&phases.contract.sql));
    text.push_str(&back(version, phases.revert.as_ref(), walk));
    text
}

fn step(title: &str, command: &str, happened: &str) -> String {
    format!("### {title}\n\n```sh\n{command}\n```\n\n{happened}\n\n")
}

fn listing(file: &SqlFile) -> String {
    let statements: Vec<String> = file.statements.iter().map(|one| format!("{};", one.sql)).collect();
    format!("```sql\n{}\n```\n\n", statements.join("\n"))
}

fn backfill(phases: &Phases) -> String {
    let backfill = phases.backfill.as_ref().map(|backfill| {
        format!(
            "```sql\n-- range after range of {} rows, by ({})\n{};\n```\n\n",
            backfill.rows,
            backfill.key.join(", "),
            backfill.source()
        )
    });
    let verify = phases.verify.as_ref().map(listing);
    backfill.unwrap_or_default() + &verify.unwrap_or_default()
}

fn back(version: &str, revert: Option<&MigrationPart>, walk: &Walk<'_>) -> String {
    let Some(revert) = revert else {
        return "### Back\n\nThere is no revert.sql: go on, or write a new migration.\n".to_owned();
    };
    let proven = match &walk.reverted {
        Some(Ok(different)) if different.is_empty() => {
            "In the proof the schema was the one before expand afterwards, object by object."
        }
        _ => "In the proof the schema was **not** the one before expand afterwards.",
    };
    format!(
        "### Back, as long as contract has not begun\n\n```sh\nunderpin migrate phase {version} revert\n```\n\n{proven}\n\n{}",
        listing(&revert.sql)
    )
}

/// Returns what was seen in the parts, as a sentence.
fn happened(walk: &Walk<'_>, parts: &[Part]) -> String {
    let logs: Vec<&PartLog> = parts.iter().filter_map(|part| walk.log.get(part)).collect();
    if logs.is_empty() {
        return "The proof did not come this far.".to_owned();
    }
    let statements: u64 = logs.iter().map(|log| log.statements).sum();
    let failed: u64 = logs.iter().map(|log| log.failed()).sum();
    let longest = logs.iter().map(|log| log.longest_wait_ms()).fold(0.0, f64::max);
    let mut held: Vec<String> = logs
        .iter()
        .flat_map(|log| &log.held)
        .map(|(relation, mode)| format!("{mode} on {relation}"))
        .collect();
    held.sort();
    held.dedup();
    let held = match held.is_empty() {
        true => "No strong lock of the migration was seen.".to_owned(),
        false => format!("Locks of the migration that were seen: {}.", held.join(", ")),
    };
    format!(
        "In the proof {statements} statements of the application ran meanwhile, {failed} failed, and none waited longer than {longest:.0} ms for a lock. {held}"
    )
}
