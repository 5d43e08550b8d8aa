//! A bar chart: one row per amount, its label and number above the bar.

use underpin_model::evidence::Bars;

use super::text_width::fitted;
use super::{coordinate, escape};
use crate::amounts::measure;
use crate::printable::one_line;

/// Height of a row in pixels: a line of text, the bar, and air.
const ROW: f64 = 38.0;
/// Longest label in pixels, so that label and number fit side by side on 360 px.
const LABEL: f64 = 210.0;

/// Returns the chart as an `svg` element as wide as its place.
///
/// Amounts below zero or without a value have no bar; their number is still printed.
pub fn bars(bars: &Bars) -> String {
    let most =
        bars.bars.iter().map(|(_, amount)| *amount).filter(|amount| amount.is_finite()).fold(0.0, f64::max);
    let rows: String = bars
        .bars
        .iter()
        .enumerate()
        .map(|(place, (label, amount))| {
            row(&Row {
                y: place as f64 * ROW,
                label: &one_line(label),
                amount: *amount,
                most,
                unit: &bars.unit,
            })
        })
        .collect();
    format!(
        "<svg class=\"chart bars\" role=\"img\" width=\"100%\" height=\"{}\" aria-label=\"{}\">{rows}</svg>",
        coordinate(bars.bars.len() as f64 * ROW),
        escape(&spoken(bars)),
    )
}

struct Row<'a> {
    y: f64,
    label: &'a str,
    amount: f64,
    most: f64,
    unit: &'a str,
}

fn row(row: &Row<'_>) -> String {
    let share = if row.most > 0.0 && row.amount.is_finite() { row.amount.max(0.0) / row.most } else { 0.0 };
    let (text, bar) = (coordinate(row.y + 15.0), coordinate(row.y + 21.0));
    let label = fitted(row.label, 13.0, LABEL);
    format!(
        "<g><title>{}: {}</title><text x=\"0\" y=\"{text}\">{}</text>\
         <text class=\"amount\" x=\"100%\" y=\"{text}\" text-anchor=\"end\">{}</text>\
         <rect class=\"track\" x=\"0\" y=\"{bar}\" width=\"100%\" height=\"8\" rx=\"4\"/>\
         <rect class=\"bar\" x=\"0\" y=\"{bar}\" width=\"{}%\" height=\"8\" rx=\"4\"/></g>",
        escape(row.label),
        escape(&measure(row.amount, row.unit)),
        escape(&label),
        escape(&measure(row.amount, row.unit)),
        coordinate(share * 100.0),
    )
}

fn spoken(bars: &Bars) -> String {
    let amounts: Vec<String> = bars
        .bars
        .iter()
        .map(|(label, amount)| format!("{} {}", one_line(label), measure(*amount, &bars.unit)))
        .collect();
    amounts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_amount_fills_the_row() {
        let chart = bars(&Bars {
            unit: "ms".to_owned(),
            bars: vec![("a<b".to_owned(), 50.0), ("c".to_owned(), 200.0), ("d".to_owned(), f64::NAN)],
        });
        assert!(
            chart.contains("width=\"25%\"") && chart.contains("width=\"100%\" height=\"8\" rx=\"4\"/></g>")
        );
        assert!(chart.contains("a&lt;b") && !chart.contains("a<b") && !chart.contains("NaN"));
    }
}
