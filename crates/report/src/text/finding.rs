//! Findings on the terminal: worst first, few of each rule, notes in short.

use std::collections::BTreeMap;

use underpin_model::{EvidenceBody, Finding, Report, Severity};

use super::TextStyle;
use super::paint::Ink;
use super::wrap::{hanging, wrapped};
use crate::amounts::{count, counted};
use crate::plan_text;
use crate::printable::{one_line, printable};

/// Findings of one rule that are shown in full; a rule that fires more often has one cause, not many.
const FULL_PER_RULE: usize = 5;
/// Up to this many notes are shown in full, more are told per rule.
const FEW_NOTES: usize = 3;
/// Lines of a plan that are shown.
const PLAN_LINES: usize = 30;
/// Objects that a summary of notes names.
const NAMED_OBJECTS: usize = 4;

/// Returns the findings of a run as blocks of lines, worst first, in the order of proofs.
pub(super) fn blocks(report: &Report, style: &TextStyle) -> Vec<String> {
    let findings = worst_first(report);
    let notes = findings.iter().filter(|finding| finding.severity == Severity::Note).count();
    let mut blocks = Vec::new();
    for group in by_rule(&findings) {
        if group.first().is_some_and(|first| first.severity == Severity::Note) && notes > FEW_NOTES {
            continue;
        }
        for (place, finding) in group.iter().take(FULL_PER_RULE).enumerate() {
            let mut text = block(finding, style);
            // The plans of the first tell what the others are like.
            if place == 0 {
                text.push_str(&plans(report, finding, style));
            }
            blocks.push(text);
        }
        blocks.extend(rest(&group, style));
    }
    if notes > FEW_NOTES {
        blocks.push(notes_in_short(&findings, style));
    }
    blocks
}

/// Returns the finding to look at first: the first of the worst, notes never.
pub(super) fn worst(report: &Report) -> Option<&Finding> {
    worst_first(report).into_iter().find(|finding| finding.severity > Severity::Note)
}

fn worst_first(report: &Report) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = report.proofs.iter().flat_map(|proof| &proof.findings).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// Groups by severity and rule, in the order of each group's first finding.
fn by_rule<'a>(findings: &[&'a Finding]) -> Vec<Vec<&'a Finding>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        let place = *places.entry((finding.severity, &finding.rule)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

fn block(finding: &Finding, style: &TextStyle) -> String {
    let title = format!("{}[{}]", finding.severity.word(), one_line(&finding.code));
    let said = format!("{title} {}: {}", one_line(&finding.rule), one_line(&finding.message));
    let lines = wrapped(&said, style.width.max(40));
    let mut text = titled(
        &hanging(&lines.join("\n"), 4),
        &title,
        style.paint(Ink::of_severity(finding.severity), &title),
    );
    if let Some(at) = &finding.at {
        let place = one_line(&format!("{}:{}", style.root.join(&at.file), at.line));
        text.push_str(&format!("\n  {} {place}", style.paint(Ink::Faint, "-->")));
    } else if let Some(object) = &finding.object {
        let place = one_line(&object.to_string());
        text.push_str(&format!("\n  {} {place}", style.paint(Ink::Faint, "-->")));
    }
    if let Some(hint) = &finding.hint {
        let hint = hanging(printable(hint).trim(), 10);
        text.push_str(&format!("\n    {} {hint}", style.paint(Ink::Cyan, "hint:")));
    }
    text
}

/// Returns the plans that show a finding, each on lines of its own.
fn plans(report: &Report, finding: &Finding, style: &TextStyle) -> String {
    let proof = report.proofs.iter().find(|proof| proof.findings.iter().any(|one| one == finding));
    let evidence = proof.into_iter().flat_map(|proof| &proof.evidence);
    let shown = evidence.filter(|one| finding.evidence.contains(&one.id)).filter_map(|one| match &one.body {
        EvidenceBody::Plans(plans) => Some(&plans.plans),
        _ => None,
    });
    let mut text = String::new();
    for plan in shown.flatten() {
        let lines = plan_text::tree(plan);
        for (place, line) in lines.iter().take(PLAN_LINES).enumerate() {
            let line = if place == 0 { style.paint(Ink::Strong, line) } else { line.clone() };
            text.push_str(&format!("\n    {line}"));
        }
        if lines.len() > PLAN_LINES {
            let more = counted(lines.len() - PLAN_LINES, "more line");
            text.push_str(&format!("\n    … {more} in the HTML report"));
        }
    }
    text
}

/// Returns `text` with the title at its start painted; a title that was broken stays as it is.
fn titled(text: &str, title: &str, painted: String) -> String {
    text.strip_prefix(title).map_or_else(|| text.to_owned(), |rest| painted + rest)
}

fn rest(group: &[&Finding], style: &TextStyle) -> Option<String> {
    let hidden = group.len().checked_sub(FULL_PER_RULE).filter(|hidden| *hidden > 0)?;
    let finding = group.first()?;
    let title = format!("{}[{}]", finding.severity.word(), one_line(&finding.code));
    Some(format!(
        "{} {}: {} more like these; `--format json` lists them all.",
        style.paint(Ink::of_severity(finding.severity), &title),
        one_line(&finding.rule),
        count(hidden as u64)
    ))
}

fn notes_in_short(findings: &[&Finding], style: &TextStyle) -> String {
    let notes: Vec<&Finding> =
        findings.iter().copied().filter(|finding| finding.severity == Severity::Note).collect();
    let lines: Vec<String> = by_rule(&notes).iter().filter_map(|group| note_line(group, style)).collect();
    lines.join("\n")
}

fn note_line(group: &[&Finding], style: &TextStyle) -> Option<String> {
    let first = group.first()?;
    let title = format!("note[{}]", one_line(&first.code));
    let objects: Vec<String> = group
        .iter()
        .filter_map(|finding| finding.object.as_ref())
        .map(|object| one_line(&object.display_name()))
        .collect();
    let said = match group.len() {
        1 => one_line(&first.message),
        times => format!("{}{}", counted(times, "time"), named(&objects)),
    };
    let lines = wrapped(&format!("{title} {}: {said}", one_line(&first.rule)), style.width.max(40));
    Some(titled(
        &hanging(&lines.join("\n"), 4),
        &title,
        style.paint(Ink::of_severity(Severity::Note), &title),
    ))
}

fn named(objects: &[String]) -> String {
    let shown = objects.iter().take(NAMED_OBJECTS).cloned().collect::<Vec<_>>().join(", ");
    match objects.len() {
        0 => String::new(),
        length if length <= NAMED_OBJECTS => format!(": {shown}"),
        length => format!(": {shown} and {} more", length - NAMED_OBJECTS),
    }
}
