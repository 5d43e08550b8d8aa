//! A schedule as a table: one column per session, waits told in words.

use underpin_model::evidence::{RaceRepair, ScheduleStep, Schedules, Table};

use crate::amounts::{count, counted};

/// Returns the steps with one column per session.
pub fn table(steps: &[ScheduleStep]) -> Table {
    let mut sessions: Vec<&str> = steps.iter().map(|step| step.tx.as_str()).collect();
    sessions.sort_unstable();
    sessions.dedup();
    let columns = std::iter::once("step").chain(sessions.iter().copied()).map(str::to_owned).collect();
    let row = |step: &ScheduleStep| {
        let cell = |session: &&str| match *session == step.tx {
            true => format!("{} → {}", step.sql, step.outcome),
            false => String::new(),
        };
        std::iter::once(step.step.to_string()).chain(sessions.iter().map(cell)).collect()
    };
    Table { columns, rows: steps.iter().map(row).collect() }
}

/// Returns how many schedules there were and how they ended, as one sentence.
pub fn sentence(schedules: &Schedules) -> String {
    let outcomes = &schedules.outcomes;
    let ended = [
        (outcomes.ok, "went through"),
        (outcomes.serialization_failure, "with a serialization failure"),
        (outcomes.deadlock, "with a deadlock"),
        (outcomes.constraint_error, "refused by a constraint"),
        (outcomes.error, "with another error"),
    ];
    let ended: Vec<String> = ended
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{} {words}", count(*number)))
        .collect();
    let left = match (schedules.exhausted, schedules.sampled) {
        (true, _) => String::new(),
        (false, 0) => format!("; not exhausted: at most {} exist", count(schedules.schedules as u64)),
        (false, sampled) => format!(
            "; not exhausted: {} of them drawn by chance, at most {} exist",
            count(sampled),
            count(schedules.schedules as u64)
        ),
    };
    let compared = if schedules.compared {
        format!("{} not serializable", count(schedules.nonserializable))
    } else {
        "not compared with serial orders, as the same schedule ends differently each time".to_owned()
    };
    let needless = match schedules.needless {
        0 => String::new(),
        some => format!(
            " False serialization aborts: {} of the first refused harm nothing at REPEATABLE READ.",
            count(some)
        ),
    };
    let beyond = schedules.beyond_told().map(|told| format!(" {told}")).unwrap_or_default();
    format!(
        "{} run ({}){left}; {} anomalous, {compared}.{needless}{beyond}",
        counted(schedules.explored as usize, "schedule"),
        ended.join(", "),
        count(schedules.anomalous),
    )
}

/// Returns what was tried against the anomaly, one row each.
pub fn repairs(schedules: &Schedules) -> Table {
    let priced = schedules.repairs.iter().any(|repair| repair.throughput.is_some());
    let columns = [
        "change",
        "at",
        "verdict",
        "schedules",
        "some session waits",
        "some session is refused",
        "statements more",
        "messages under lock",
        "throughput, 8 clients",
    ];
    let shown = if priced { columns.len() } else { columns.len() - 1 };
    let row = |repair: &RaceRepair| {
        let verdict = match (&repair.fault, repair.holds) {
            (_, true) => "holds".to_owned(),
            (Some(fault), _) => fault.clone(),
            (None, _) => "breaks".to_owned(),
        };
        let numbers = [
            repair.explored,
            repair.waiting,
            repair.refused,
            repair.added_statements,
            repair.messages_under_lock,
        ];
        let throughput = repair.throughput.map(times).unwrap_or_default();
        let words = [repair.change.clone(), repair.level.clone(), verdict].into_iter();
        words.chain(numbers.map(count)).chain([throughput]).take(shown).collect()
    };
    Table {
        columns: columns[..shown].iter().map(|name| (*name).to_owned()).collect(),
        rows: schedules.repairs.iter().map(row).collect(),
    }
}

/// Returns what was tried against the anomaly, one sentence each.
pub fn repair_lines(schedules: &Schedules) -> Vec<String> {
    let line = |repair: &RaceRepair| match &repair.fault {
        None => format!(
            "Repair, run and clean at {}: {} (of {} some session waits in {}, is refused in {}; {} under lock{}).",
            repair.level,
            repair.change,
            counted(repair.explored as usize, "schedule"),
            count(repair.waiting),
            count(repair.refused),
            counted(repair.messages_under_lock as usize, "message"),
            repair.throughput.map(|part| format!("; {} the throughput", times(part))).unwrap_or_default()
        ),
        Some(fault) => format!("No repair at {}: {}; {fault}.", repair.level, repair.change),
    };
    schedules.repairs.iter().map(line).collect()
}

/// Returns a ratio as people say it.
fn times(ratio: f64) -> String {
    format!("{ratio:.2} times")
}

/// Returns the steps as text for a terminal: a line per step, indented by session.
pub fn lines(steps: &[ScheduleStep]) -> String {
    let mut text = String::new();
    for step in steps {
        let number = step.tx.trim_start_matches('t').parse::<usize>().unwrap_or(1);
        let indent = " ".repeat(4 * number.saturating_sub(1));
        text.push_str(&format!("  {:>2}  {indent}{}  {}\n", step.step, step.tx, step.sql));
        text.push_str(&format!("      {indent}    → {}\n", step.outcome));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(tx: &str, step: usize, sql: &str, outcome: &str) -> ScheduleStep {
        ScheduleStep { tx: tx.into(), step, sql: sql.into(), outcome: outcome.into(), waits_until: None }
    }

    #[test]
    fn each_session_has_a_column() {
        let table = table(&[step("t1", 1, "SELECT 1", "1 row"), step("t2", 2, "COMMIT", "done")]);
        assert_eq!(table.columns, ["step", "t1", "t2"]);
        assert_eq!(table.rows[0], ["1", "SELECT 1 → 1 row", ""]);
        assert_eq!(table.rows[1], ["2", "", "COMMIT → done"]);
    }

    #[test]
    fn the_sentence_tells_what_was_not_run() {
        let outcomes =
            underpin_model::evidence::ScheduleOutcomes { ok: 3, deadlock: 1, ..Default::default() };
        let schedules = Schedules {
            explored: 4,
            schedules: 20.0,
            outcomes,
            anomalous: 2,
            compared: true,
            ..Schedules::default()
        };
        assert_eq!(
            sentence(&schedules),
            "4 schedules run (3 went through, 1 with a deadlock); not exhausted: at most 20 exist; 2 anomalous, \
             0 not serializable."
        );
    }
}
