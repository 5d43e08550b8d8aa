//! Evidence as Markdown.

use underpin_model::EvidenceBody;
use underpin_model::evidence::{
    Bars, Lines, Plans, Schedules, Series, StatementTrace, Table, Text, Transcript,
};

use super::inline::{cell, fenced};
use crate::amounts::{duration, measure, number};
use crate::er::mermaid;
use crate::plan_text;
use crate::schedule;

/// Whether durations are shown; committed documents leave them out, or every run would change them.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Durations {
    Shown,
    Hidden,
}

/// Returns the body of a piece of evidence, with a newline at the end.
pub(super) fn body(body: &EvidenceBody, durations: Durations) -> String {
    match body {
        EvidenceBody::Table(table) => self::table(table),
        EvidenceBody::Text(text) => listing(text),
        EvidenceBody::Transcript(transcript) => self::transcript(transcript, durations),
        EvidenceBody::Bars(bars) => self::bars(bars, durations),
        EvidenceBody::Series(series) => self::series(series),
        EvidenceBody::Lines(lines) => self::lines(lines),
        EvidenceBody::ErDiagram(diagram) => fenced("mermaid", &mermaid(diagram)),
        EvidenceBody::Plans(plans) => self::plans(plans),
        EvidenceBody::Statement(trace) => statement(trace, durations),
        EvidenceBody::Schedules(schedules) => self::schedules(schedules, durations),
    }
}

fn schedules(schedules: &Schedules, durations: Durations) -> String {
    let mut schedules = schedules.clone();
    if durations == Durations::Hidden {
        schedules.repairs.iter_mut().for_each(|repair| repair.throughput = None);
    }
    let schedules = &schedules;
    let mut text = format!("{}\n", schedule::sentence(schedules));
    if !schedules.minimal.is_empty() {
        text.push_str(&format!("\n{}", table(&schedule::table(&schedules.minimal))));
        if let Some(told) = schedules.told() {
            text.push_str(&format!("\n{told}\n"));
        }
        if !schedules.repairs.is_empty() {
            text.push_str(&format!("\n{}", table(&schedule::repairs(schedules))));
        }
    }
    text
}

fn table(table: &Table) -> String {
    let mut text = row(table.columns.iter().map(|column| cell(column)));
    text.push_str(&row(table.columns.iter().map(|_| "---".to_owned())));
    for cells in &table.rows {
        text.push_str(&row(cells.iter().map(|text| cell(text))));
    }
    text
}

fn row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn listing(text: &Text) -> String {
    let language = if text.language == "text" { "" } else { text.language.as_str() };
    fenced(language, &text.text)
}

fn transcript(transcript: &Transcript, durations: Durations) -> String {
    let mut lines = String::new();
    for step in &transcript.steps {
        lines.push_str(&format!("$ {}\n", step.command.trim()));
        if !step.output.trim().is_empty() {
            lines.push_str(&format!("{}\n", step.output.trim_end()));
        }
        if let Some(exit) = step.exit.filter(|exit| *exit != 0) {
            lines.push_str(&format!("# exit {exit}\n"));
        }
        if durations == Durations::Shown {
            lines.push_str(&format!("# {}\n", duration(step.duration_ms as f64)));
        }
    }
    fenced("console", &lines)
}

fn bars(bars: &Bars, durations: Durations) -> String {
    let time = ["ms", "s"].contains(&bars.unit.as_str());
    let amount = |amount: f64| match durations {
        Durations::Hidden if time => "–".to_owned(),
        _ => measure(amount, &bars.unit),
    };
    let mut text = format!("| | {} |\n|---|---:|\n", cell(&bars.unit));
    bars.bars
        .iter()
        .for_each(|(label, value)| text.push_str(&row([cell(label), amount(*value)].into_iter())));
    text
}

/// A line chart has no form in Markdown; its range does.
fn series(series: &Series) -> String {
    let amounts = || series.points.iter().map(|point| point.1).filter(|amount| amount.is_finite());
    let (low, high) = (amounts().fold(f64::INFINITY, f64::min), amounts().fold(f64::NEG_INFINITY, f64::max));
    format!(
        "{} points, from {} to {} {}.\n",
        series.points.len(),
        number(low),
        number(high),
        cell(&series.y_unit)
    )
}

fn plans(plans: &Plans) -> String {
    let mut text = String::new();
    for note in &plans.notes {
        text.push_str(&format!("- {}\n", cell(note)));
    }
    for plan in &plans.plans {
        text.push_str(&format!("\n{}", fenced("", &plan_text::tree(plan).join("\n"))));
    }
    text
}

/// The points as a table: a line each.
fn lines(lines: &Lines) -> String {
    let mut text = format!("| | {} → {} |\n|---|---|\n", cell(&lines.x_unit), cell(&lines.y_unit));
    for (label, points) in &lines.lines {
        let points: Vec<String> =
            points.iter().map(|(x, y)| format!("{} → {}", number(*x), number(*y))).collect();
        text.push_str(&row([cell(label), points.join(", ")].into_iter()));
    }
    text
}

fn statement(trace: &StatementTrace, durations: Durations) -> String {
    let mut text =
        format!("`{}:{}`\n\n{}\n", trace.file.replace('`', "'"), trace.line, fenced("sql", &trace.sql));
    // Waits change from run to run, as durations do.
    let timeless = StatementTrace { waits_ms: Vec::new(), ..trace.clone() };
    let told = if durations == Durations::Shown { trace } else { &timeless };
    for fact in crate::statement::facts(told) {
        text.push_str(&format!("- {}\n", cell(&fact)));
    }
    if trace.locks.is_empty() {
        text.push_str("\nNo locks beyond those held before.\n");
    } else {
        text.push_str("\n| lock | relation |\n|---|---|\n");
        let (shown, more) = crate::statement::shown_locks(trace);
        let lock = |lock: &underpin_model::evidence::HeldLock| {
            row([cell(&lock.mode), cell(&lock.relation)].into_iter())
        };
        trace.locks.iter().take(shown).for_each(|held| text.push_str(&lock(held)));
        if let Some(more) = more {
            text.push_str(&format!("\n{more}\n"));
        }
    }
    if durations == Durations::Shown {
        text.push_str(&format!("\nTook {}.\n", duration(trace.duration_ms)));
    }
    text
}
