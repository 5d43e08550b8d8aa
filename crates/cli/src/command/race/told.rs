//! What `underpin race` prints for people.

use underpin_lab::race::{Anomaly, Bout, Explored, Level, RaceError, RaceVerdict, steps};
use underpin_model::{Evidence, EvidenceBody};
use underpin_report::schedule;

use crate::fault::Fault;
use crate::output;

/// Prints which scenario comes.
pub(super) fn title(bout: &Bout) {
    output::result(&format!("{}  ({})", bout.name, bout.file));
    if let Some(why) = &bout.why {
        output::result(&format!("  {why}"));
    }
}

/// Prints a schedule that was replayed.
pub(super) fn replayed(bout: &Bout, level: Level, shown: &Anomaly) {
    output::result(&format!("{} at {level}, schedule {}\n", bout.name, shown.schedule));
    output::result(&schedule::lines(&steps(&shown.played)));
    if !bout.invariants.is_empty() {
        output::result(&ending(bout, &shown.violated));
    }
}

/// Prints what was found at one level.
pub(super) fn explored(bout: &Bout, explored: &Explored, evidence: &Evidence, expected: Option<bool>) {
    let EvidenceBody::Schedules(schedules) = &evidence.body else { return };
    let verdict = explored.verdict();
    let word = match verdict {
        RaceVerdict::Holds => "holds",
        RaceVerdict::Breaks => "breaks",
        RaceVerdict::FailsAlone => "fails alone",
        RaceVerdict::Differs => "differs",
        RaceVerdict::Unknown => "not known",
    };
    let remark = match (expected, verdict.against(expected)) {
        (Some(_), Some(true)) => ", against what the scenario expects",
        (Some(false), Some(false)) => ", as expected",
        _ => "",
    };
    output::result(&format!("  {:16} {word}{remark}: {}", schedules.level, schedule::sentence(schedules)));
    if let Some(serial) = &explored.serial {
        output::result(&format!("\n  Already one after the other ({}):\n", serial.schedule));
        output::result(&schedule::lines(&steps(&serial.played)));
        output::result(&format!("  {}\n", ending(bout, &serial.violated)));
    }
    if let Some(replay) = &schedules.replay {
        output::result("");
        output::result(&schedule::lines(&schedules.minimal));
        output::result(&format!("  {}", ending(bout, &schedules.violated)));
        if let Some(told) = schedules.told() {
            output::result(&format!("  {told}"));
        }
        for line in schedule::repair_lines(schedules) {
            output::result(&format!("  {line}"));
        }
        let again = format!("underpin race {} --level '{}' --replay {replay}", bout.file, schedules.level);
        output::result(&format!("  To see it again: {again}\n"));
    }
}

fn ending(bout: &Bout, violated: &[String]) -> String {
    match violated {
        [] if bout.invariants.is_empty() => {
            "No serial order gives these answers and this final state.".to_owned()
        }
        [] => "Every invariant holds afterwards.".to_owned(),
        some => format!("Broken afterwards: {}.", some.join(", ")),
    }
}

/// Returns the fault of a scenario that could not be run to its end.
pub(super) fn fault(bout: &Bout, error: RaceError) -> Fault {
    let hint = match &error {
        RaceError::Lab(_) => None,
        RaceError::Stuck { .. } => Some(
            "Does it sleep, call another server, or wait for a lock that the setup left behind? \
             A race waits only for its own sessions.",
        ),
        RaceError::Lost { .. } => Some(
            "Does a statement end sessions? A race needs all of its sessions to the end. If none does, the server \
             stopped: run it again.",
        ),
        RaceError::Nondeterministic { .. } => Some(
            "Take random(), clocks and LIMIT without ORDER BY out of the scripts, or give their values as parameters.",
        ),
        RaceError::Impossible { .. } => {
            Some("Leave the rest of the schedule out: after the steps that are given, it goes on by itself.")
        }
        RaceError::Script { .. } | RaceError::Prepare { .. } => {
            Some("See docs/scenarios.md for what a scenario may hold.")
        }
    };
    let fault = match error {
        RaceError::Lab(error) => return error.into(),
        RaceError::Stuck { .. } | RaceError::Lost { .. } | RaceError::Nondeterministic { .. } => {
            Fault::environment(format!("{error}.")).because(error)
        }
        error => Fault::usage(format!("The scenario {} cannot run.", bout.file)).because(error),
    };
    hint.into_iter().fold(fault, Fault::hint)
}
