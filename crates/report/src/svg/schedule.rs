//! A schedule as lifelines: one column per session, time downwards, waits as thick stretches.

use underpin_model::evidence::ScheduleStep;

use super::text_width::fitted;
use super::{coordinate, escape};
use crate::printable::one_line;

/// Height of a step in pixels.
const ROW: f64 = 26.0;
/// Height of the line with the names of the sessions.
const HEAD: f64 = 26.0;
/// Longest text of a step, so that two sessions fit side by side on 360 px.
const TEXT: f64 = 130.0;
/// Distance of the lifeline from the left edge of its column.
const INSET: f64 = 7.0;

/// Returns the drawing as an `svg` element as wide as its place.
pub fn schedule(steps: &[ScheduleStep]) -> String {
    let mut sessions: Vec<&str> = steps.iter().map(|step| step.tx.as_str()).collect();
    sessions.sort_unstable();
    sessions.dedup();
    let width = 100.0 / sessions.len().max(1) as f64;
    let columns: String = sessions
        .iter()
        .enumerate()
        .map(|(place, session)| column(session, place as f64 * width, steps))
        .collect();
    format!(
        "<svg class=\"chart schedule\" role=\"img\" width=\"100%\" height=\"{}\" aria-label=\"{}\">{columns}</svg>",
        coordinate(HEAD + steps.len() as f64 * ROW),
        escape(&spoken(steps)),
    )
}

fn height(step: usize) -> f64 {
    HEAD + (step as f64 - 0.5) * ROW
}

/// Returns a session's column; `left` is in percent of the drawing.
fn column(session: &str, left: f64, steps: &[ScheduleStep]) -> String {
    let own: Vec<&ScheduleStep> = steps.iter().filter(|step| step.tx == session).collect();
    let (Some(first), Some(last)) = (own.first(), own.last()) else { return String::new() };
    let end = own.iter().filter_map(|step| step.waits_until).max().unwrap_or_default().max(last.step);
    let lifeline = format!(
        "<line class=\"lifeline\" x1=\"{INSET}\" x2=\"{INSET}\" y1=\"{}\" y2=\"{}\"/>",
        coordinate(height(first.step)),
        coordinate(height(end)),
    );
    let marks: String = own.iter().map(|step| mark(step)).collect();
    format!(
        "<svg x=\"{}%\" width=\"100%\" overflow=\"visible\"><text class=\"amount\" x=\"0\" y=\"15\">{}</text>\
         {lifeline}{marks}</svg>",
        coordinate(left),
        escape(session),
    )
}

fn mark(step: &ScheduleStep) -> String {
    let y = height(step.step);
    let wait = step.waits_until.map_or_else(String::new, |until| {
        format!(
            "<line class=\"wait\" x1=\"{INSET}\" x2=\"{INSET}\" y1=\"{}\" y2=\"{}\"/>",
            coordinate(y),
            coordinate(height(until)),
        )
    });
    let text = format!("{} {}", step.step, one_line(&step.sql));
    format!(
        "<g><title>{}</title>{wait}<circle class=\"step\" cx=\"{INSET}\" cy=\"{}\" r=\"4\"/>\
         <text x=\"{}\" y=\"{}\">{}</text></g>",
        escape(&told(step)),
        coordinate(y),
        coordinate(INSET + 10.0),
        coordinate(y + 4.5),
        escape(&fitted(&text, 13.0, TEXT)),
    )
}

fn told(step: &ScheduleStep) -> String {
    one_line(&format!("{}, step {}: {} → {}", step.tx, step.step, step.sql, step.outcome))
}

fn spoken(steps: &[ScheduleStep]) -> String {
    steps.iter().map(told).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_reaches_down_to_its_answer() {
        let step = |tx: &str, step, waits_until| ScheduleStep {
            tx: tx.to_owned(),
            step,
            sql: "UPDATE a<b".to_owned(),
            outcome: "1 row".to_owned(),
            waits_until,
        };
        let drawing = schedule(&[step("t1", 1, None), step("t2", 2, Some(3)), step("t1", 3, None)]);
        assert!(drawing.contains("<svg x=\"50%\""));
        assert!(drawing.contains("<line class=\"wait\" x1=\"7\" x2=\"7\" y1=\"65\" y2=\"91\"/>"));
        assert_eq!(drawing.matches("class=\"step\"").count(), 3);
        assert!(drawing.contains("UPDATE a&lt;b") && !drawing.contains("a<b"));
    }
}
