//! Turns trials and deletions into findings, evidence and what remained open.

use std::collections::BTreeMap;

use underpin_model::{Code, Evidence, EvidenceId, Finding, ObjectKind, ObjectRef};

use super::on_delete::{Ending, Exercise, rule_words};
use super::row::shortened;
use super::targets::{Kind, Target};
use crate::proof::Outcome;

/// Every code that this proof reports.
pub const CODES: &[Code] = &[ACCEPTS, DIFFERS, DISABLED];

const ACCEPTS: Code = Code::error("UP240", "constraint-accepts-bad-data", "a constraint lets bad data in");
const DIFFERS: Code =
    Code::error("UP242", "on-delete-differs", "a delete does not do what the foreign key declares");
const DISABLED: Code =
    Code::error("UP243", "constraint-disabled", "a constraint is declared but not enforced");

/// What became of one constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The constraint.
    pub target: Target,
    /// The write, as people read it.
    pub write: String,
    /// The answer.
    pub answer: Answer,
    /// The row that the write was derived from was made up.
    pub made_up: bool,
}

/// What the server said.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Refused by the constraint itself, once those named were set aside.
    Refused(Vec<String>),
    /// The bad row went in: the statement.
    Accepted(String),
    /// The check cannot refuse anything, with the reason.
    NeverRefuses(&'static str),
    /// The table has no row and none could be made, with the reason.
    NoRow(String),
    /// Not known, with the reason.
    Unexamined(String),
}

/// What became of one ON DELETE rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Deletion {
    /// The foreign key.
    pub target: Target,
    /// The exercise; nothing when no row refers to any.
    pub exercise: Option<Exercise>,
}

impl Trial {
    /// Returns the trial of a constraint.
    pub fn new(target: &Target, write: &str, answer: Answer) -> Trial {
        Trial { target: target.clone(), write: write.to_owned(), answer, made_up: false }
    }
}

impl Deletion {
    /// Returns whether the rule was not seen at work.
    pub fn is_open(&self) -> bool {
        self.exercise.as_ref().is_none_or(|exercise| exercise.ending == Ending::Masked)
    }
}

/// Returns the outcome of the whole experiment.
pub fn outcome(trials: &[Trial], deletions: &[Deletion]) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.findings.extend(trials.iter().filter_map(trial_finding));
    // A foreign key that refuses nothing is one fault, not two.
    let refused_nothing = |target: &Target| {
        trials.iter().any(|trial| trial.target == *target && matches!(trial.answer, Answer::Accepted(_)))
    };
    let alone = deletions.iter().filter(|deletion| !refused_nothing(&deletion.target));
    outcome.findings.extend(alone.filter_map(deletion_finding));
    outcome.unexamined = unexamined(trials, deletions);
    let refused = trials.iter().filter(|trial| matches!(trial.answer, Answer::Refused(_))).count();
    let exercised = deletions.iter().filter(|deletion| !deletion.is_open()).count();
    outcome.summary = format!(
        "{refused} of {} constraints refused a bad row by themselves; {exercised} of {} ON DELETE rules exercised.",
        trials.len(),
        deletions.len()
    );
    outcome.measure("constraints", trials.len() as f64, "count");
    outcome.measure("refused", refused as f64, "count");
    outcome.measure("on_delete_rules", deletions.len() as f64, "count");
    outcome.evidence.push(trial_table(trials));
    if !deletions.is_empty() {
        outcome.evidence.push(deletion_table(deletions));
    }
    outcome
}

fn object(target: &Target) -> ObjectRef {
    match target.kind {
        Kind::NotNull | Kind::DomainNotNull => {
            ObjectRef::in_schema(ObjectKind::Table, &target.schema, &target.table).column(&target.columns[0])
        }
        Kind::UniqueIndex => ObjectRef::in_schema(ObjectKind::Index, &target.schema, &target.name),
        _ => {
            let name = format!("{}.{}", target.table, target.name);
            ObjectRef::in_schema(ObjectKind::Constraint, &target.schema, name)
        }
    }
}

fn trial_finding(trial: &Trial) -> Option<Finding> {
    let target = &trial.target;
    let (kind, label) = (target.kind.word(), target.label());
    let finding = match (&trial.answer, &target.disabled) {
        (Answer::Accepted(_), Some(reason)) => {
            let message =
                format!("{kind} {label} refused nothing: {reason}. The server took `{}`.", trial.write);
            Finding::new(&DISABLED, message).hint(enable(target))
        }
        (Answer::Accepted(sql), None) => {
            let message = format!("{kind} {label} let a bad row in: the server took `{}`.", trial.write);
            Finding::new(&ACCEPTS, message)
                .hint(format!("Run it yourself and roll back: {}", shortened_sql(sql)))
        }
        (Answer::NeverRefuses(reason), _) => {
            let expression = target.expression.as_deref().unwrap_or_default();
            let message =
                format!("{kind} {label} accepts every row: {expression} is always true ({reason}).");
            Finding::new(&ACCEPTS, message).hint("Remove the part that is always true, or drop the check.")
        }
        _ => return None,
    };
    Some(finding.object(object(target)).evidence(&EvidenceId::from("constraints")))
}

/// Returns the statement that switches the constraint on.
fn enable(target: &Target) -> String {
    let (table, reason) = (target.quoted_table(), target.disabled.as_deref().unwrap_or_default());
    if reason.contains("trigger") {
        format!("ALTER TABLE {table} ENABLE TRIGGER ALL; then look for bad rows that came in meanwhile.")
    } else if reason.contains("ENFORCED") {
        format!("ALTER TABLE {table} ALTER CONSTRAINT {} ENFORCED;", target.name)
    } else {
        format!("REINDEX INDEX CONCURRENTLY {};", target.name)
    }
}

/// Longest statement in a hint: three lines of a terminal.
const LONGEST_SQL: usize = 300;

fn shortened_sql(sql: &str) -> String {
    match sql.char_indices().nth(LONGEST_SQL) {
        Some((at, _)) => format!("{}…", &sql[..at]),
        None => sql.to_owned(),
    }
}

fn deletion_finding(deletion: &Deletion) -> Option<Finding> {
    let exercise = deletion.exercise.as_ref().filter(|exercise| exercise.ending == Ending::Differs)?;
    let message = format!(
        "{} declares ON DELETE {}, but deleting {}: {}.",
        deletion.target.label(),
        declared(&deletion.target),
        exercise.deleted,
        exercise.effect
    );
    let hint = format!(
        "Look for a BEFORE trigger on {} that returns NULL or changes the key, and for disabled triggers.",
        deletion.target.table
    );
    let finding = Finding::new(&DIFFERS, message).hint(hint).object(object(&deletion.target));
    Some(finding.evidence(&EvidenceId::from("on-delete")))
}

fn declared(target: &Target) -> &'static str {
    rule_words(target.reference.as_ref().map_or("a", |reference| reference.on_delete.as_str()))
}

fn unexamined(trials: &[Trial], deletions: &[Deletion]) -> Vec<String> {
    let mut open = Vec::new();
    let mut empty: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
    for trial in trials {
        match &trial.answer {
            Answer::NoRow(reason) => {
                empty.entry((&trial.target.schema, &trial.target.table)).or_insert((0, reason)).0 += 1;
            }
            Answer::Unexamined(reason) => {
                open.push(format!("{} {} ({reason})", trial.target.kind.word(), trial.target.label()));
            }
            _ => {}
        }
    }
    for ((_, table), (count, reason)) in empty {
        open.push(format!(
            "{count} constraints of {table}, which has no row, and none could be made ({reason})"
        ));
    }
    for deletion in deletions.iter().filter(|deletion| deletion.is_open()) {
        let why = deletion
            .exercise
            .as_ref()
            .map_or("no row refers to another", |exercise| exercise.effect.as_str());
        open.push(format!("ON DELETE {} of {} ({why})", declared(&deletion.target), deletion.target.label()));
    }
    open
}

fn trial_table(trials: &[Trial]) -> Evidence {
    let row = |trial: &Trial| {
        let target = &trial.target;
        let name = if target.kind == Kind::NotNull { target.columns[0].clone() } else { target.name.clone() };
        let write = match trial.made_up && !trial.write.is_empty() {
            true => format!("{} (made-up row)", trial.write),
            false => trial.write.clone(),
        };
        vec![target.table.clone(), name, target.kind.word().to_owned(), write, answer(trial)]
    };
    let columns = ["table", "constraint", "kind", "write tried", "answer"];
    Evidence::table(
        "constraints",
        "Every constraint and what it refused",
        &columns,
        trials.iter().map(row).collect(),
    )
}

fn answer(trial: &Trial) -> String {
    match &trial.answer {
        Answer::Refused(aside) if aside.is_empty() => format!("refused, {}", trial.target.kind.sqlstate()),
        Answer::Refused(aside) => {
            format!("refused, {} ({} set aside)", trial.target.kind.sqlstate(), aside.join(", "))
        }
        Answer::Accepted(_) => "ACCEPTED".to_owned(),
        Answer::NeverRefuses(_) => "always true".to_owned(),
        Answer::NoRow(_) => "not examined: no row".to_owned(),
        Answer::Unexamined(reason) => format!("not examined: {}", shortened(reason)),
    }
}

fn deletion_table(deletions: &[Deletion]) -> Evidence {
    let row = |deletion: &Deletion| {
        let (deleted, effect) = deletion.exercise.as_ref().map_or_else(
            || (String::new(), "not examined: no row refers to another".to_owned()),
            |exercise| (exercise.deleted.clone(), exercise.effect.clone()),
        );
        vec![deletion.target.label(), declared(&deletion.target).to_owned(), deleted, effect]
    };
    let columns = ["foreign key", "ON DELETE", "deleted", "effect"];
    Evidence::table(
        "on-delete",
        "What a delete does to the children",
        &columns,
        deletions.iter().map(row).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::Verdict;

    fn target(kind: Kind, name: &str) -> Target {
        let columns = vec![name.to_owned()];
        Target {
            kind,
            schema: "public".into(),
            table: "t".into(),
            name: name.into(),
            columns,
            ..Target::default()
        }
    }

    #[test]
    fn a_bad_row_that_went_in_is_an_error() {
        let trial = Trial::new(
            &target(Kind::Check, "ck"),
            "insert a copy with a = -1",
            Answer::Accepted("INSERT".into()),
        );
        let outcome = outcome(&[trial], &[]);
        assert_eq!(outcome.verdict(), Verdict::Broken);
        insta::assert_snapshot!(outcome.findings[0].message, @"CHECK t.ck let a bad row in: the server took `insert a copy with a = -1`.");
    }

    #[test]
    fn a_switched_off_constraint_says_why() {
        let mut off = target(Kind::ForeignKey, "fk");
        off.disabled = Some("its triggers are disabled".into());
        let trial = Trial::new(&off, "update a row to a = 7", Answer::Accepted("UPDATE".into()));
        let finding = trial_finding(&trial).unwrap();
        assert_eq!(finding.code, "UP243");
        insta::assert_snapshot!(finding.message, @"FOREIGN KEY t.fk refused nothing: its triggers are disabled. The server took `update a row to a = 7`.");
    }

    #[test]
    fn tables_without_rows_are_gathered() {
        let trial =
            |name: &str| Trial::new(&target(Kind::Check, name), "", Answer::NoRow("no values".into()));
        let outcome = outcome(&[trial("a"), trial("b")], &[]);
        assert_eq!(outcome.verdict(), Verdict::Inconclusive);
        assert_eq!(
            outcome.unexamined,
            ["2 constraints of t, which has no row, and none could be made (no values)"]
        );
    }
}
