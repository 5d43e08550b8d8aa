//! `evidence/performance-notes.md`: per index the plan with it and without, side by side, and what changed.

use camino::Utf8Path;
use underpin_plan::compare::{self, amount};
use underpin_plan::view;

use super::pairs::{Base, Effect, nodes_with};
use super::verdict::Judged;
use crate::planning::settled::settled;
use crate::planning::surface::Index;
use crate::proof::{Document, Outcome};

const PAGE: &str = "evidence/performance-notes.md";

const INTRO: &str = "# Performance notes

Every index of the project, hidden from the planner in a transaction that is rolled back, and what its queries did without.
Buffers are blocks of 8 KiB; the log is what one written row pays for the index. Regenerate with
`underpin prove indexes`.
";

/// Adds the document.
pub(super) fn write(judged: &Judged<'_>, root: &Utf8Path, outcome: &mut Outcome) {
    let mut text = INTRO.to_owned();
    for index in judged.indexes {
        text.push_str(&section(judged, index));
    }
    let content = settled(root, PAGE, text);
    outcome.documents.push(Document { path: PAGE.to_owned(), content });
}

fn section(judged: &Judged<'_>, index: &Index) -> String {
    let (word, reason) = judged.verdict(index).words();
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let tax = judged.tax.get(&index.oid).copied().unwrap_or_default();
    let mut text = format!(
        "\n## {}\n\nOn `{}` ({}){}; {} KiB; log per row written: about {:.0} bytes. **{word}**{reason}.\n",
        index.name,
        index.display_table(),
        index.keys.join(", "),
        if index.predicate.is_empty() { String::new() } else { format!(" where `{}`", index.predicate) },
        amount(index.bytes as f64 / 1024.0),
        tax.wal,
    );
    let effects: Vec<(&Base<'_>, &Effect)> = judged.workload.effects_of(&[&index.oid]).collect();
    if effects.is_empty() {
        text.push_str("\nNo query of the project changes without it.\n");
    } else {
        text.push_str("\n| query | values | buffers with | without | rows read with | without |\n|---|---|---:|---:|---:|---:|\n");
        effects.iter().for_each(|(base, effect)| text.push_str(&line(base, effect)));
    }
    let told = effects
        .iter()
        .max_by_key(|(base, effect)| effect.without.buffers().abs_diff(base.measured.buffers()));
    if let Some((base, effect)) = told {
        text.push_str(&paragraph(index, base, effect));
        text.push_str(&pair(base, effect));
    }
    for used in judged.used.iter().filter(|used| used.index == index.oid) {
        text.push_str(&format!(
            "\nTransaction `{}`: {} buffers with it, {} without.\n",
            used.transaction, used.with, used.without
        ));
    }
    for key in judged.foreign_keys {
        for (_, without) in key.serving.iter().filter(|(oid, _)| *oid == index.oid) {
            text.push_str(&format!(
                "\nForeign key `{}`: its check touches {} buffers with it, {} without.\n",
                key.name,
                key.measured.buffers(),
                without.buffers()
            ));
        }
    }
    text
}

fn line(base: &Base<'_>, effect: &Effect) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        base.query.name,
        base.set.name,
        amount(base.measured.buffers() as f64),
        amount(effect.without.buffers() as f64),
        amount(base.measured.record.rows_read as f64),
        amount(effect.without.record.rows_read as f64),
    )
}

fn paragraph(index: &Index, base: &Base<'_>, effect: &Effect) -> String {
    let (with, without) = (base.measured.buffers() as f64, effect.without.buffers() as f64);
    let changes: Vec<String> = compare::changes(&base.measured.record, &effect.without.record)
        .iter()
        .map(ToString::to_string)
        .collect();
    let how = match nodes_with(&base.measured, &index.name).first() {
        Some(_) => format!("`{}` reads it", base.query.name),
        None => format!(
            "`{}` does not read it, but is planned by what it tells (uniqueness, statistics)",
            base.query.name
        ),
    };
    let what = match without.total_cmp(&with) {
        std::cmp::Ordering::Greater => format!("{} buffers become {}", amount(with), amount(without)),
        std::cmp::Ordering::Less => {
            format!("{} buffers become {}, fewer: the estimate is wrong", amount(with), amount(without))
        }
        std::cmp::Ordering::Equal => format!("the buffers stay at {}", amount(with)),
    };
    let changes = if changes.is_empty() { "the plan keeps its shape".to_owned() } else { changes.join("; ") };
    format!("\n{how}. Without it, for the {} values, {what}: {changes}.\n", base.set.name)
}

/// Returns both plans side by side, in HTML as Markdown has no columns for listings.
fn pair(base: &Base<'_>, effect: &Effect) -> String {
    let cell = |text: String| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "\n<table><tr><th>with</th><th>without</th></tr><tr><td><pre>\n{}\n</pre></td><td><pre>\n{}\n</pre></td></tr></table>\n",
        cell(view::text(&base.measured.plan)),
        cell(view::text(&effect.without.plan))
    )
}
