//! Repairs of unsafe files: the safe split, run like the file itself. What is not safe then is not printed.

use camino::Utf8Path;
use underpin_model::project::{Migration, SqlFile};
use underpin_model::statement::{Statement, Verb};
use underpin_model::{Evidence, Finding, Severity};
use underpin_rules::migration;
use underpin_sql::safe_split::{Place, SplitStep, safe_split};

use super::examine::{Stages, examine};
use super::running_code::RunningCode;
use crate::error::LabError;

/// Faults that a split may take away.
const SPLITTABLE: [&str; 5] = [
    "index-build-blocks",
    "scan-under-lock",
    "lock-held-through-work",
    "long-row-locks",
    "fails-in-transaction",
];

/// Files that together do what one unsafe file does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Their texts, in order.
    pub files: Vec<String>,
}

/// Returns whether the text alone lets a split appear possible: whoever wants to try one keeps what the file finds.
pub(super) fn may_help(file: &Migration) -> bool {
    let statements = &file.sql.statements;
    statements
        .iter()
        .any(|statement| safe_split(&statement.sql).is_some() || statement.facts.refuses_transaction)
        || file.transactional && statements.iter().any(|statement| statement.facts.verb == Verb::Update)
}

/// Returns the files into which a migration may be split; nothing where no statement has a split and none holds a lock for
/// a later one. `findings` are those of the file.
pub(super) fn propose(file: &Migration, findings: &[Finding]) -> Option<Repair> {
    let faults: Vec<&Finding> = findings.iter().filter(|one| one.severity == Severity::Error).collect();
    if faults.is_empty() || faults.iter().any(|one| !SPLITTABLE.contains(&one.rule.as_str())) {
        return None;
    }
    let at = |line: u32| faults.iter().find(|one| one.at.as_ref().is_some_and(|at| at.line == line));
    let mut files: Vec<(Place, Vec<String>)> = Vec::new();
    for statement in &file.sql.statements {
        let steps = match at(statement.line) {
            Some(fault) => split(statement, fault)?,
            None if file.transactional => {
                vec![SplitStep { sql: statement.sql.clone(), place: Place::Together }]
            }
            None => vec![SplitStep { sql: statement.sql.clone(), place: Place::Outside }],
        };
        for step in steps {
            match files.last_mut() {
                Some((place, sqls)) if *place == step.place && step.place != Place::Alone => {
                    sqls.push(step.sql)
                }
                _ => files.push((step.place, vec![step.sql])),
            }
        }
    }
    let text = |(place, sqls): (Place, Vec<String>)| {
        let head = if place == Place::Outside { "-- no-transaction\n" } else { "" };
        format!("{head}{};\n", sqls.join(";\n"))
    };
    Some(Repair { files: files.into_iter().map(text).collect() })
}

fn split(statement: &Statement, fault: &Finding) -> Option<Vec<SplitStep>> {
    let own = SplitStep { sql: statement.sql.clone(), place: Place::Alone };
    match fault.rule.as_str() {
        "lock-held-through-work" => Some(vec![own]),
        "fails-in-transaction" => Some(vec![SplitStep { place: Place::Outside, ..own }]),
        _ => safe_split(&statement.sql),
    }
}

/// Runs the repair on copies of what the file found; returns whether no part of it is unsafe.
pub(super) async fn is_safe(
    repair: &Repair,
    file: &Migration,
    running: &RunningCode<'_>,
    mut stages: Stages<'_>,
) -> Result<bool, LabError> {
    let safe = run(repair, file, running, &mut stages).await;
    stages.close().await?;
    safe
}

async fn run(
    repair: &Repair,
    file: &Migration,
    running: &RunningCode<'_>,
    stages: &mut Stages<'_>,
) -> Result<bool, LabError> {
    for (nth, text) in repair.files.iter().enumerate() {
        let name = format!("{}_{}", file.sql.file.as_str().trim_end_matches(".sql"), nth + 1);
        let path = camino::Utf8PathBuf::from(format!("{name}.sql"));
        let Ok(split) = underpin_sql::migration::parse_part(&path, text) else { return Ok(false) };
        let sql = SqlFile { file: path, ..split.sql };
        let part = Migration {
            sql,
            transactional: split.transactional,
            locks: split.locks,
            phases: None,
            ..file.clone()
        };
        let deployment = examine(&part, running, stages).await?;
        if migration::judge(&deployment).iter().any(|finding| finding.severity == Severity::Error) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Tells the repair in the findings that it takes away, and returns it as evidence.
pub(super) fn tell(repair: &Repair, file: &Utf8Path, findings: &mut [Finding]) -> Evidence {
    let id = format!("repair of {file}");
    let count = repair.files.len();
    let files =
        if count == 1 { "one file".to_owned() } else { format!("{count} files, one after the other") };
    let parts: Vec<String> = repair
        .files
        .iter()
        .enumerate()
        .map(|(nth, text)| format!("-- file {} of {count}\n{text}", nth + 1))
        .collect();
    let evidence = Evidence::text(
        &id,
        format!("A safe way to do it: {files}, which ran here without a finding"),
        "sql",
        parts.join("\n"),
    );
    for finding in findings.iter_mut().filter(|one| SPLITTABLE.contains(&one.rule.as_str())) {
        let text = repair.files.join("\n").trim_end().to_owned();
        finding.hint =
            Some(format!("Safe as {files}, which ran here at both sizes without a finding:\n{text}"));
        finding.evidence.push(evidence.id.clone());
    }
    evidence
}
