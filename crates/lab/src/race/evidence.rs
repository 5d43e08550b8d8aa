//! What an exploration found, as evidence.

use underpin_model::evidence::{RaceRepair, ScheduleStep, Schedules};
use underpin_model::{Evidence, EvidenceBody};

use super::bout::Bout;
use super::explain::explain;
use super::explore::Explored;
use super::played::{Played, Reply};
use super::spec::spec;

/// Returns the evidence of kind `schedules` for one level of a bout, with what was tried against an anomaly.
pub fn evidence(bout: &Bout, explored: &Explored, repairs: Vec<RaceRepair>) -> Evidence {
    let level = explored.level.name();
    let minimal = explored.minimal.as_ref();
    let schedules = Schedules {
        scenario: bout.name.clone(),
        level: level.to_owned(),
        schedules: explored.possible,
        explored: explored.explored,
        sampled: explored.sampled,
        pruned: explored.pruned,
        exhausted: explored.exhausted,
        waiting: explored.waiting,
        anomalous: explored.anomalous,
        outcomes: explored.outcomes,
        compared: explored.steady,
        nonserializable: explored.nonserializable,
        needless: explored.needless,
        minimal: minimal.map(|anomaly| steps(&anomaly.played)).unwrap_or_default(),
        replay: minimal.map(|anomaly| anomaly.schedule.to_string()),
        spec: minimal.and_then(|anomaly| spec(bout, explored.level, &anomaly.played)),
        violated: minimal.map(|anomaly| anomaly.violated.clone()).unwrap_or_default(),
        class: explored.class.map(|class| class.name().to_owned()),
        explanation: minimal.and_then(|anomaly| explain(&anomaly.played)),
        beyond: explored.beyond.clone(),
        repairs,
        seconds: explored.seconds,
    };
    let slug = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
    };
    Evidence {
        id: format!("{}-{}", slug(&bout.name), slug(level)).as_str().into(),
        title: format!("{} at {}", bout.name, explored.level),
        body: EvidenceBody::Schedules(Box::new(schedules)),
    }
}

/// Returns the steps of a schedule as evidence shows them.
pub fn steps(played: &[Played]) -> Vec<ScheduleStep> {
    played
        .iter()
        .enumerate()
        .map(|(place, one)| ScheduleStep {
            tx: format!("t{}", one.session + 1),
            step: place + 1,
            sql: one_line(&one.sql),
            outcome: outcome(one, place + 1),
            waits_until: Some(one.answered_in).filter(|step| *step > place + 1),
        })
        .collect()
}

/// Returns a statement on one line, its comments to the ends of lines left out.
fn one_line(sql: &str) -> String {
    let mut quotes = 0;
    let mut words = Vec::new();
    for line in sql.lines() {
        let comment = line.match_indices("--").map(|(at, _)| at);
        let outside = |at: &usize| (quotes + line[..*at].matches('\'').count()) % 2 == 0;
        let code = &line[..comment.into_iter().find(outside).unwrap_or(line.len())];
        quotes += code.matches('\'').count();
        words.extend(code.split_whitespace());
    }
    words.join(" ")
}

fn outcome(played: &Played, step: usize) -> String {
    let reply = match &played.reply {
        Reply::Rows(text) => text.clone(),
        Reply::Changed(1) => "1 row".to_owned(),
        Reply::Changed(rows) => format!("{rows} rows"),
        Reply::Ended => "done".to_owned(),
        Reply::Failed { sqlstate: Some(code), message } => format!("{code}: {message}"),
        Reply::Failed { sqlstate: None, message } => message.clone(),
    };
    match played.answered_in {
        0 => "never answered".to_owned(),
        later if later > step => format!("waits until step {later}, then: {reply}"),
        _ => reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_do_not_swallow_the_rest_of_a_line() {
        assert_eq!(one_line("SELECT 1 -- one\n  FROM t\n"), "SELECT 1 FROM t");
        assert_eq!(one_line("SELECT 'a--b',\n'c\n--d'"), "SELECT 'a--b', 'c --d'");
    }
}
