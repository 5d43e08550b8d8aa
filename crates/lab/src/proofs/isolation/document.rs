//! `evidence/isolation.md`: what holds at which level, what does not, and what was tried against it.

use underpin_model::evidence::{RaceRepair, ScheduleStep, Schedules};

use super::{Guard, Judged};
use crate::proof::Document;
use crate::race::RaceVerdict;

/// Columns of [`row`].
pub(super) const COLUMNS: [&str; 8] = [
    "scenario",
    "level",
    "verdict",
    "schedules",
    "went through",
    "refused, to be tried again",
    "deadlock",
    "other errors",
];

/// Returns a row of the table of all scenarios.
pub(super) fn row(judged: &Judged) -> Vec<String> {
    let outcomes = &judged.schedules.outcomes;
    let numbers = [
        judged.schedules.explored,
        outcomes.ok,
        outcomes.serialization_failure,
        outcomes.deadlock,
        outcomes.constraint_error + outcomes.error,
    ];
    let words = [judged.scenario.clone(), judged.level.name().to_owned(), verdict(judged)];
    words.into_iter().chain(numbers.map(|number| number.to_string())).collect()
}

fn verdict(judged: &Judged) -> String {
    let word = match judged.verdict {
        RaceVerdict::Holds => "holds",
        RaceVerdict::Breaks => "breaks",
        RaceVerdict::FailsAlone => "fails alone",
        RaceVerdict::Differs => "differs from serial orders",
        RaceVerdict::Unknown => "not known",
    };
    match judged.expected {
        Some(false) if judged.verdict == RaceVerdict::Breaks => format!("{word}, as expected"),
        _ => word.to_owned(),
    }
}

/// Returns the document of everything that was judged.
pub(super) fn document(project: &str, judged: &[Judged], guards: &[Guard]) -> Document {
    let mut text = format!(
        "# Isolation\n\n\
         Transactions of {project} ran side by side on real sessions, in every order that is possible; orders that only\n\
         exchange steps that commute were run once. A step is one statement. A scenario *holds* when its invariants hold\n\
         after every order; *breaks* means that one fails although it holds after every serial order.\n\n\
         Regenerate with `underpin prove isolation`.\n\n"
    );
    text.push_str(&line(COLUMNS.iter().map(|column| (*column).to_owned())));
    text.push_str(&line(COLUMNS.iter().map(|_| "---".to_owned())));
    for one in judged {
        text.push_str(&line(row(one).into_iter()));
    }
    for one in judged.iter().filter(|one| !one.schedules.minimal.is_empty()) {
        text.push_str(&anomaly(one));
    }
    text.push_str(&what_locks_are_for(guards));
    Document { path: "evidence/isolation.md".to_owned(), content: text }
}

/// Returns what scenarios that hold would show without their row locks, and what the locks cost.
fn what_locks_are_for(guards: &[Guard]) -> String {
    if guards.is_empty() {
        return String::new();
    }
    let mut text = "\n## What the row locks are for\n\n\
         The same scenarios ran once more with every FOR UPDATE, FOR NO KEY UPDATE and FOR SHARE taken out of the scripts.\n\n"
        .to_owned();
    let columns = ["scenario", "level", "some session waits, with the locks", "without them"];
    text.push_str(&line(columns.iter().map(|column| (*column).to_owned())));
    text.push_str(&line(columns.iter().map(|_| "---".to_owned())));
    for guard in guards {
        let without = &guard.without;
        let verdict = match without.violated.is_empty() {
            false => format!("breaks {}", without.violated.join(", ")),
            true if without.exhausted => "holds too: a constraint or a later check keeps it".to_owned(),
            true => {
                format!("nothing found in {} schedules of at most {}", without.explored, without.schedules)
            }
        };
        let waits = format!("{} of {} schedules", guard.with.0, guard.with.1);
        text.push_str(&line(
            [guard.scenario.clone(), guard.level.name().to_owned(), waits, verdict].into_iter(),
        ));
    }
    for guard in guards.iter().filter(|guard| !guard.without.violated.is_empty()) {
        text.push_str(&format!("\n### {} at {} without row locks\n\n", guard.scenario, guard.level));
        text.push_str(&demonstration(&guard.without));
    }
    text
}

fn anomaly(judged: &Judged) -> String {
    let Schedules { replay, repairs, .. } = &*judged.schedules;
    let mut text = format!("\n## {} at {}\n\n`{}`\n\n", judged.scenario, judged.level, judged.file);
    text.push_str(&demonstration(&judged.schedules));
    if let Some(replay) = replay.as_ref().filter(|_| judged.is_scenario()) {
        let command =
            format!("underpin race {} --level '{}' --replay {replay}", judged.file, judged.level.name());
        text.push_str(&format!("\n```console\n$ {command}\n```\n"));
    }
    if !repairs.is_empty() {
        text.push_str(
            "\n| change | at | verdict | schedules | some session waits | some session is refused |\n",
        );
        text.push_str("|---|---|---|---|---|---|\n");
        text.extend(repairs.iter().map(repair));
    }
    text
}

/// Returns an anomaly step by step, and what it breaks.
fn demonstration(schedules: &Schedules) -> String {
    let Schedules { minimal, violated, .. } = schedules;
    let mut text = "| step | session | statement | answer |\n|---|---|---|---|\n".to_owned();
    let step = |one: &ScheduleStep| {
        let cells = [one.step.to_string(), one.tx.clone(), format!("`{}`", one.sql), one.outcome.clone()];
        line(cells.into_iter())
    };
    text.extend(minimal.iter().map(step));
    match violated.is_empty() {
        true => text.push_str("\nNo serial order gives these answers and this final state.\n"),
        false => text.push_str(&format!("\nBroken afterwards: {}.\n", violated.join(", "))),
    }
    if let Some(told) = schedules.told() {
        text.push_str(&format!("{told}\n"));
    }
    text
}

fn repair(one: &RaceRepair) -> String {
    let verdict = one.fault.clone().unwrap_or_else(|| "holds".to_owned());
    let numbers = [one.explored, one.waiting, one.refused].map(|number| number.to_string());
    line([one.change.clone(), one.level.clone(), verdict].into_iter().chain(numbers))
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
}
