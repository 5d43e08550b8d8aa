//! From what was seen to findings and evidence.

use underpin_model::{Code, Evidence, Finding, SourceLine};

use super::log::{Part, PartLog, Version};
use super::phases::{REVERT, Trial, Walk};
use crate::migrator::MigrateError;
use crate::proof::Outcome;

/// Returns what the walks found.
pub(super) fn outcome(walks: &[Walk<'_>], trial: &Trial) -> Outcome {
    let mut outcome = Outcome::default();
    for walk in walks {
        findings(walk, trial, &mut outcome);
        outcome.evidence.push(parts_table(walk));
        outcome.evidence.push(locks_table(walk));
    }
    let all = || walks.iter().flat_map(|walk| walk.log.values());
    let statements: u64 = all().map(|part| part.statements).sum();
    let longest = all().map(PartLog::longest_wait_ms).fold(0.0, f64::max);
    let failed: u64 = all().map(PartLog::failed).sum();
    outcome.summary = format!(
        "{} walked under load: {statements} statements of old and new code, {failed} failed, none of them waited longer than {longest:.0} ms for a lock.",
        if walks.len() == 1 { "1 folder was".to_owned() } else { format!("{} folders were", walks.len()) },
    );
    outcome.measure("folders", walks.len() as f64, "count");
    outcome.measure("statements under load", statements as f64, "count");
    outcome.measure("failed under load", failed as f64, "count");
    outcome.measure("longest wait under load", longest.round(), "ms");
    outcome
}

/// Returns a code of `underpin-rules` by its rule.
fn code(rule: &str) -> Option<&'static Code> {
    underpin_rules::migration::all().iter().map(|one| &one.code).find(|code| code.rule == rule)
}

fn finding(rule: &str, message: String) -> Option<Finding> {
    code(rule).map(|code| Finding::new(code, message))
}

fn findings(walk: &Walk<'_>, trial: &Trial, outcome: &mut Outcome) {
    let missing = [(&walk.phases.old, "old.sql"), (&walk.phases.new, "new.sql")];
    for (_, name) in missing.iter().filter(|(script, _)| script.is_none()) {
        outcome.unexamined.push(format!("{} has no {name}", walk.migration.path()));
    }
    for (part, log) in &walk.log {
        for ((version, line, message), times) in &log.failures {
            outcome.findings.extend(failure(walk, *part, (*version, *line), (message, *times)));
        }
        outcome.findings.extend(blocked(walk, *part, log, trial.budget_ms));
    }
    if let Some((part, error)) = &walk.stopped {
        outcome.findings.extend(stopped(walk, *part, error));
    }
    outcome.findings.extend(reverted(walk));
    // What the other one does while nobody writes proves nothing.
    let idle = walk.log.iter().filter(|(_, log)| log.transactions == [0, 0] && log.failures.is_empty());
    for (part, _) in idle.filter(|_| walk.phases.old.is_some() && walk.phases.new.is_some()) {
        let name = walk.migration.path();
        outcome.unexamined.push(format!("{name}: no transaction ended in the part {}", part.word()));
    }
}

fn failure(
    walk: &Walk<'_>,
    part: Part,
    (version, line): (Version, u32),
    (message, times): (&str, u64),
) -> Option<Finding> {
    let script = match version {
        Version::Old => walk.phases.old.as_ref()?,
        Version::New => walk.phases.new.as_ref()?,
    };
    let text = format!(
        "{}:{line} failed {times} times in the part {} of {}: {message}.",
        script.file,
        part.word(),
        walk.migration.path()
    );
    let hint = match part {
        Part::Before => "The script fails before anything is changed: correct it first.",
        _ => "Keep what this version names until no session of it is left: its columns, defaults, grants.",
    };
    Some(finding("breaks-running-code", text)?.at(SourceLine::new(script.file.as_str(), line)).hint(hint))
}

fn blocked(walk: &Walk<'_>, part: Part, log: &PartLog, budget_ms: u64) -> Option<Finding> {
    let by_runner = log.waits.iter().filter(|((_, _, by), _)| by.contains("runner"));
    let ((relation, mode, _), longest) = by_runner.max_by(|left, right| left.1.total_cmp(right.1))?;
    if *longest <= budget_ms as f64 {
        return None;
    }
    let text = format!(
        "A statement of the application waited {longest:.0} ms for {mode} on {relation} while {} ran; the budget is {budget_ms} ms.",
        part.word()
    );
    let (file, line) = file_of(walk, part);
    let hint = "Split the file: what works long under a lock runs before it, or without one (NOT VALID and VALIDATE, CONCURRENTLY).";
    Some(finding("lock-held-through-work", text)?.at(SourceLine::new(file, line)).hint(hint))
}

fn file_of(walk: &Walk<'_>, part: Part) -> (String, u32) {
    let phases = walk.phases;
    let of = |file: &underpin_model::project::SqlFile| {
        (file.file.to_string(), file.statements.first().map_or(1, |statement| statement.line))
    };
    match part {
        Part::Backfill => phases
            .backfill
            .as_ref()
            .map_or_else(|| of(&walk.migration.sql), |one| (one.file.to_string(), one.line)),
        Part::Verify => phases.verify.as_ref().map_or_else(|| of(&walk.migration.sql), of),
        Part::Contract | Part::After => of(&phases.contract.sql),
        _ => of(&walk.migration.sql),
    }
}

fn stopped(walk: &Walk<'_>, part: Part, error: &MigrateError) -> Option<Finding> {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let name = walk.migration.path();
    let (rule, hint) = match error {
        MigrateError::NotVerified { .. } if part == Part::Contract => (
            "lost-write",
            "What one version wrote while both ran did not reach the other form: the trigger must work in both directions.",
        ),
        MigrateError::NotVerified { .. } => (
            "lost-write",
            "The trigger must be there before the backfill reads its first row, and the backfill must reach every row.",
        ),
        MigrateError::LockTimeout { .. } | MigrateError::OldTransaction { .. } => {
            ("fails-under-load", "The runner gives way to the application; take fewer locks at once.")
        }
        _ => ("migration-fails", "Correct the statement; the walk stops here."),
    };
    let text = format!("{name} stopped in the part {}: {error}{cause}.", part.word());
    let (file, line) = match error {
        MigrateError::NotVerified { file, line, .. }
        | MigrateError::Statement { file, line, .. }
        | MigrateError::KeyIsNull { file, line, .. }
        | MigrateError::LockTimeout { file, line, .. } => (file.clone(), *line),
        _ => file_of(walk, part),
    };
    Some(finding(rule, text)?.at(SourceLine::new(file, line)).hint(hint))
}

fn reverted(walk: &Walk<'_>) -> Option<Finding> {
    let part = walk.phases.revert.as_ref()?;
    let (text, line) = match walk.reverted.as_ref()? {
        Ok(different) if different.is_empty() => return None,
        Ok(different) => (format!("After revert the schema is another one: {}.", different.join("; ")), 1),
        Err(error) => {
            let cause = std::error::Error::source(error).map(|one| format!(": {one}")).unwrap_or_default();
            let line = match error {
                MigrateError::Statement { line, .. } => *line,
                _ => 1,
            };
            (format!("Revert stopped: {error}{cause}."), line)
        }
    };
    let hint = "Undo every statement of expand.sql, last first.";
    Some(Finding::new(&REVERT, text).at(SourceLine::new(part.sql.file.as_str(), line)).hint(hint))
}

fn parts_table(walk: &Walk<'_>) -> Evidence {
    let columns = [
        "part",
        "seconds",
        "old",
        "new",
        "statements",
        "failed",
        "longest wait (ms)",
        "longest statement (ms)",
    ];
    let row = |(part, log): (&Part, &PartLog)| {
        vec![
            part.word().to_owned(),
            format!("{:.1}", log.seconds),
            log.transactions[0].to_string(),
            log.transactions[1].to_string(),
            log.statements.to_string(),
            log.failed().to_string(),
            format!("{:.0}", log.longest_wait_ms()),
            format!("{:.0}", log.longest_statement_ms),
        ]
    };
    let title = format!("{} under load: transactions of the old and the new version", walk.migration.path());
    let id = format!("phases-{}", walk.migration.version);
    Evidence::table(&id, title, &columns, walk.log.iter().map(row).collect())
}

fn locks_table(walk: &Walk<'_>) -> Evidence {
    let mut rows = Vec::new();
    for (part, log) in &walk.log {
        for (relation, mode) in &log.held {
            let cells = [part.word(), "the migration holds", relation, mode, "", ""];
            rows.push(cells.map(str::to_owned).to_vec());
        }
        for ((relation, mode, by), longest) in &log.waits {
            let longest = format!("{longest:.0}");
            let cells = [part.word(), "the application waits for", relation, mode, by, &longest];
            rows.push(cells.map(str::to_owned).to_vec());
        }
    }
    let title = format!(
        "{}: locks seen in pg_locks; the runner's lock_timeout is at most 700 ms, below deadlock_timeout {}",
        walk.migration.path(),
        walk.deadlock_timeout
    );
    let id = format!("phase-locks-{}", walk.migration.version);
    Evidence::table(&id, title, &["part", "who", "relation", "mode", "held by", "longest (ms)"], rows)
}
