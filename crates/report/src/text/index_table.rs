//! The indexes on the terminal, by what each saves and costs; only where few proofs ran, as a full run has more to say.

use underpin_model::evidence::Table;
use underpin_model::{EvidenceBody, Report};

use super::TextStyle;
use super::paint::Ink;
use crate::printable::one_line;

/// Proofs beside which the table still has room.
const FEW_PROOFS: usize = 2;
/// Indexes that are shown.
const ROWS: usize = 30;
/// Columns that are shown; the reasons are sentences and stand in the HTML report.
const SHOWN: &[&str] = &[
    "index",
    "verdict",
    "saves (buffers/s)",
    "size (KiB)",
    "log per row (bytes)",
    "buffers per row written",
];
/// Letters of the longest name of an index.
const NAME: usize = 44;

/// Returns the table with an empty line before it; nothing when indexes were not proven alone.
pub(super) fn table(report: &Report, style: &TextStyle) -> String {
    if report.proofs.len() > FEW_PROOFS {
        return String::new();
    }
    let proof = report.proofs.iter().find(|proof| proof.proof == "indexes");
    let evidence = proof.and_then(|proof| proof.evidence.iter().find(|one| one.id.0 == "indexes"));
    match evidence.map(|evidence| &evidence.body) {
        Some(EvidenceBody::Table(table)) if !table.rows.is_empty() => drawn(table, style),
        _ => String::new(),
    }
}

fn drawn(table: &Table, style: &TextStyle) -> String {
    let places: Vec<usize> =
        SHOWN.iter().filter_map(|name| table.columns.iter().position(|column| column == name)).collect();
    let cell = |row: &[String], place: usize| cut(&one_line(row.get(place).map_or("", String::as_str)));
    let width = |place: &usize| {
        let cells = table.rows.iter().take(ROWS).map(|row| cell(row, *place).chars().count());
        cells.chain([table.columns[*place].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = places.iter().map(width).collect();
    let line = |row: &[String]| {
        let cells = places.iter().zip(&widths).enumerate().map(|(at, (place, width))| {
            let text = cell(row, *place);
            let space = " ".repeat(width.saturating_sub(text.chars().count()));
            if at < 2 { text + &space } else { space + &text }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = format!("\n{}\n", style.paint(Ink::Strong, &line(&table.columns)));
    table.rows.iter().take(ROWS).for_each(|row| text.push_str(&format!("{}\n", line(row))));
    if table.rows.len() > ROWS {
        text.push_str(&format!("… {} more in the HTML report\n", table.rows.len() - ROWS));
    }
    text
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(NAME) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
