//! Words that the rules share.

use underpin_model::deployment::{Deployment, Refused, Step, Work};
use underpin_model::{Code, EvidenceId, Finding, ObjectKind, ObjectRef, SourceLine};

use crate::wording::grouped;

/// Returns a finding at a statement, with its evidence.
pub(super) fn at(code: &Code, deployment: &Deployment, step: &Step, message: String) -> Finding {
    let line = step.statement.line;
    Finding::new(code, message)
        .at(SourceLine::new(deployment.file.clone(), line))
        .evidence(&evidence_id(deployment, line))
}

/// Returns the name of a statement's evidence.
pub(super) fn evidence_id(deployment: &Deployment, line: u32) -> EvidenceId {
    EvidenceId(format!("{}:{line}", deployment.file))
}

/// Returns a table as an object.
pub(super) fn table(name: &str) -> ObjectRef {
    ObjectRef::new(ObjectKind::Table, name)
}

/// Returns `a`, `a and b`, or `a, b and c`.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Returns who waits, such as `reads of and writes to orders wait`.
pub(super) fn waiting(work: &Work) -> String {
    let reads: Vec<&str> = work.reads_blocked.iter().map(String::as_str).collect();
    let writes: Vec<&str> = work.writes_blocked.iter().map(String::as_str).collect();
    match (reads.is_empty(), writes.is_empty()) {
        (false, false) if reads == writes => format!("reads of and writes to {} wait", listed(&reads)),
        (false, false) => format!("reads of {} and writes to {} wait", listed(&reads), listed(&writes)),
        (false, true) => format!("reads of {} wait", listed(&reads)),
        _ => format!("writes to {} wait", listed(&writes)),
    }
}

/// Returns how the work grew: `2 000 rows here, 8 000 at four times the size`.
pub(super) fn growth(step: &Step) -> String {
    let large = step.widest();
    let count = |rows: u64| grouped(i64::try_from(rows).unwrap_or(i64::MAX));
    for (rows, verb) in [(Work::rows as fn(&Work) -> u64, "touched"), (|work| work.rows_written, "written")] {
        let (few, many) = (rows(&step.small), rows(large));
        if many > few {
            return format!("{} rows are {verb}, {} at four times the size", count(few), count(many));
        }
    }
    let bytes = |work: &Work| crate::wording::bytes(i64::try_from(work.wal_bytes).unwrap_or(i64::MAX));
    format!("{} of log are written, {} at four times the size", bytes(&step.small), bytes(large))
}

/// Returns the refused statement of a file.
pub(super) fn refused(deployment: &Deployment) -> Option<(&Step, &Refused)> {
    deployment.steps.iter().find_map(|step| Some((step, step.small.refused.as_ref()?))).or_else(|| {
        deployment.steps.iter().find_map(|step| Some((step, step.large.as_ref()?.refused.as_ref()?)))
    })
}

/// Returns whether the server's refusal is explained by another rule than "the statement fails".
pub fn explained(refused: &Refused) -> bool {
    on_data(&refused.sqlstate) || in_transaction(&refused.sqlstate) || on_dependency(refused)
}

/// Integrity constraints (23) and values that do not fit (22).
pub(super) fn on_data(sqlstate: &str) -> bool {
    sqlstate.starts_with("23") || sqlstate.starts_with("22")
}

/// Not inside a transaction block; a new enum value used before COMMIT; waiting trigger events of the same transaction.
pub(super) fn in_transaction(sqlstate: &str) -> bool {
    matches!(sqlstate, "25001" | "55P04" | "55006" | "2D000")
}

/// Other objects depend on it; a column that a view or a policy uses cannot change its type, nor a view lose columns.
pub(super) fn on_dependency(refused: &Refused) -> bool {
    match refused.sqlstate.as_str() {
        "2BP01" => true,
        // Both also say what PostgreSQL cannot do at all.
        "0A000" | "42P16" | "42601" => {
            ["used by", "from view", "view column"].iter().any(|words| refused.message.contains(words))
        }
        _ => false,
    }
}

/// Returns the statement that a message of the server speaks about: the first that mentions a quoted name of it.
pub(super) fn guilty<'d>(deployment: &'d Deployment, message: &str) -> Option<&'d Step> {
    let names = message.split('"').skip(1).step_by(2);
    let names: Vec<String> = names.chain(words_before_missing(message)).map(str::to_lowercase).collect();
    let mentions = |step: &&Step| {
        let text = step.statement.sql.to_lowercase();
        names
            .iter()
            .any(|name| name.rsplit('.').next().is_some_and(|last| !last.is_empty() && text.contains(last)))
    };
    deployment
        .steps
        .iter()
        .find(mentions)
        .or_else(|| deployment.steps.iter().find(|step| step.small.blocks()))
}

/// `column u.phone does not exist` names its column without quotes.
fn words_before_missing(message: &str) -> impl Iterator<Item = &str> {
    message.strip_prefix("column ").and_then(|rest| rest.split_once(' ')).map(|(name, _)| name).into_iter()
}
