//! `evidence/isolation.md`: what holds at which level, what does not, and what was tried against it.

use underpin_model::evidence::{RaceRepair, ScheduleStep, Schedules};

use super::Judged;
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
pub(super) fn document(project: &str, judged: &[Judged]) -> Document {
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
    Document { path: "evidence/isolation.md".to_owned(), content: text }
}

fn anomaly(judged: &Judged) -> String {
    let Schedules { minimal, violated, replay, repairs, .. } = &*judged.schedules;
    let mut text = format!("\n## {} at {}\n\n`{}`\n\n", judged.scenario, judged.level, judged.file);
    text.push_str("| step | session | statement | answer |\n|---|---|---|---|\n");
    let step = |one: &ScheduleStep| {
        let cells = [one.step.to_string(), one.tx.clone(), format!("`{}`", one.sql), one.outcome.clone()];
        line(cells.into_iter())
    };
    text.extend(minimal.iter().map(step));
    match violated.is_empty() {
        true => text.push_str("\nNo serial order gives these answers and this final state.\n"),
        false => text.push_str(&format!("\nBroken afterwards: {}.\n", violated.join(", "))),
    }
    if let Some(told) = judged.schedules.told() {
        text.push_str(&format!("{told}\n"));
    }
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

fn repair(one: &RaceRepair) -> String {
    let verdict = one.fault.clone().unwrap_or_else(|| "holds".to_owned());
    let numbers = [one.explored, one.waiting, one.refused].map(|number| number.to_string());
    line([one.change.clone(), one.level.clone(), verdict].into_iter().chain(numbers))
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
}
