//! A chart of several lines on logarithmic axes, for comparing how amounts grow.

use underpin_model::evidence::Lines;

use super::text_width::fitted;
use super::{coordinate, escape};
use crate::amounts::number;
use crate::printable::one_line;

/// Height of the plot in pixels.
const PLOT: f64 = 220.0;
/// Room above the plot for the label of the topmost grid line.
const TOP: f64 = 18.0;
/// Room below the plot for the horizontal labels.
const BELOW: f64 = 30.0;
/// Height of a line of the legend.
const LEGEND: f64 = 19.0;
/// Longest label of the legend in pixels, so that it fits on 360 px beside its amounts.
const LABEL: f64 = 190.0;
/// Colours that there are in the style sheet; further lines begin again.
const COLORS: usize = 6;

/// Returns the chart as an `svg` element as wide as its place, with the legend below.
///
/// Amounts below 1 are drawn at 1, as a logarithm has no place for them; the legend prints them as they are. Points that
/// are no numbers are left out.
pub fn lines(lines: &Lines) -> String {
    let clean: Vec<(String, Vec<(f64, f64)>)> = lines
        .lines
        .iter()
        .map(|(label, points)| {
            let finite = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite());
            (one_line(label), finite.collect())
        })
        .collect();
    let all = || clean.iter().flat_map(|(_, points)| points.iter().copied());
    let plot = Plot { x: range(all().map(|point| point.0)), y: decades(range(all().map(|point| point.1))) };
    let curves: String =
        clean.iter().enumerate().map(|(place, (_, points))| curve(&plot, place % COLORS, points)).collect();
    let legend: String =
        clean.iter().enumerate().map(|(place, (label, points))| entry(place, label, points)).collect();
    format!(
        "<svg class=\"chart lines\" role=\"img\" width=\"100%\" height=\"{}\" aria-label=\"{}\">{}{curves}{}{legend}</svg>",
        coordinate(TOP + PLOT + BELOW + LEGEND * clean.len() as f64),
        escape(&spoken(&clean, &lines.y_unit)),
        grid(&plot, &lines.y_unit),
        axis(&plot, &lines.x_unit),
    )
}

/// Decimal logarithms of the values at the edges of the plot.
struct Plot {
    x: (f64, f64),
    y: (f64, f64),
}

fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    ((value.max(1.0).log10() - low) / (high - low).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0)
}

fn range(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let logs = values.map(|value| value.max(1.0).log10());
    let low = logs.clone().fold(f64::INFINITY, f64::min);
    let high = logs.fold(f64::NEG_INFINITY, f64::max);
    if low < high {
        (low, high)
    } else if low == high {
        (low, low + 1.0)
    } else {
        (0.0, 1.0)
    }
}

fn decades((low, high): (f64, f64)) -> (f64, f64) {
    (low.floor(), high.ceil().max(low.floor() + 1.0))
}

fn grid(plot: &Plot, unit: &str) -> String {
    let (low, high) = (plot.y.0 as i32, plot.y.1 as i32);
    // More than seven labels would touch each other.
    let step = ((high - low) / 7 + 1) as usize;
    (low..=high)
        .step_by(step)
        .map(|decade| {
            let value = 10f64.powi(decade);
            let y = TOP + PLOT * (1.0 - share(value, plot.y));
            let unit = if decade == low { format!(" {}", one_line(unit)) } else { String::new() };
            format!(
                "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/><text x=\"0\" y=\"{1}\">{2}{3}</text>",
                coordinate(y),
                coordinate(y - 4.0),
                escape(&number(value)),
                escape(&unit),
            )
        })
        .collect()
}

fn curve(plot: &Plot, color: usize, points: &[(f64, f64)]) -> String {
    let place = |(x, y): &(f64, f64)| (share(*x, plot.x), 1.0 - share(*y, plot.y));
    let path: Vec<String> = points
        .iter()
        .map(place)
        .map(|(x, y)| format!("{},{}", coordinate(x * 1000.0), coordinate(y * PLOT)))
        .collect();
    let dots: String = points
        .iter()
        .map(place)
        .map(|(x, y)| {
            format!(
                "<circle class=\"dot\" cx=\"{}%\" cy=\"{}\" r=\"3.5\"/>",
                coordinate(x * 100.0),
                coordinate(TOP + y * PLOT)
            )
        })
        .collect();
    format!(
        "<g class=\"c{color}\"><svg x=\"0\" y=\"{}\" width=\"100%\" height=\"{}\" viewBox=\"0 0 1000 {1}\" preserveAspectRatio=\"none\" overflow=\"visible\">\
         <polyline class=\"many\" points=\"{}\" vector-effect=\"non-scaling-stroke\"/></svg>{dots}</g>",
        coordinate(TOP),
        coordinate(PLOT),
        path.join(" "),
    )
}

fn axis(plot: &Plot, unit: &str) -> String {
    let y = coordinate(TOP + PLOT + 18.0);
    [(0, plot.x.0, "start"), (50, (plot.x.0 + plot.x.1) / 2.0, "middle"), (100, plot.x.1, "end")]
        .into_iter()
        .map(|(percent, log, anchor)| {
            let value = 10f64.powf(log).round();
            format!(
                "<text x=\"{percent}%\" y=\"{y}\" text-anchor=\"{anchor}\">{} {}</text>",
                escape(&number(value)),
                escape(&one_line(unit)),
            )
        })
        .collect()
}

fn entry(place: usize, label: &str, points: &[(f64, f64)]) -> String {
    let middle = TOP + PLOT + BELOW + LEGEND * place as f64 + 10.0;
    let ends = match (points.first(), points.last()) {
        (Some(first), Some(last)) => format!("{} → {}", number(first.1), number(last.1)),
        _ => "–".to_owned(),
    };
    format!(
        "<g class=\"c{}\"><title>{}</title><rect class=\"dot\" x=\"0\" y=\"{}\" width=\"14\" height=\"6\" rx=\"3\"/>\
         <text class=\"named\" x=\"22\" y=\"{}\">{}</text><text class=\"amount\" x=\"100%\" y=\"{3}\" text-anchor=\"end\">{}</text></g>",
        place % COLORS,
        escape(label),
        coordinate(middle - 3.0),
        coordinate(middle + 4.0),
        escape(&fitted(label, 12.0, LABEL)),
        escape(&ends),
    )
}

fn spoken(lines: &[(String, Vec<(f64, f64)>)], unit: &str) -> String {
    let line = |(label, points): &(String, Vec<(f64, f64)>)| match (points.first(), points.last()) {
        (Some(first), Some(last)) => {
            format!("{label}: from {} to {} {}", number(first.1), number(last.1), one_line(unit))
        }
        _ => format!("{label}: nothing"),
    };
    lines.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> String {
        lines(&Lines { x_unit: "rows".into(), y_unit: "buffers".into(), lines: vec![("a<b".into(), points)] })
    }

    #[test]
    fn a_slope_goes_from_corner_to_corner() {
        let drawn = chart(vec![(1_000.0, 10.0), (10_000.0, 100.0), (100_000.0, 1_000.0)]);
        assert!(drawn.contains("points=\"0,220 500,110 1000,0\""), "{drawn}");
        assert!(drawn.contains("a&lt;b") && !drawn.contains("a<b") && drawn.contains("10 → 1000"), "{drawn}");
    }

    #[test]
    fn no_points_and_odd_points_draw_a_grid() {
        for points in
            [vec![], vec![(0.0, 0.0)], vec![(f64::NAN, 1.0), (5.0, f64::INFINITY)], vec![(3.0, -4.0); 2]]
        {
            let drawn = chart(points);
            assert!(
                drawn.contains("class=\"grid\"") && !drawn.contains("NaN") && !drawn.contains("inf"),
                "{drawn}"
            );
        }
    }
}
