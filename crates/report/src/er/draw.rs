//! The diagram as SVG.

use underpin_model::evidence::ErDiagram;

use super::Detail;
use super::edges::{colours, edge};
use super::frame::{Frame, HEADER, Line, MARK, PAD, ROW};
use super::layout::{Layout, laid_out};
use crate::amounts::counted;
use crate::svg::{coordinate, escape};

/// Returns the whole `svg` element with `style` inside.
pub(super) fn drawn(diagram: &ErDiagram, detail: Detail, style: &str) -> String {
    let layout = laid_out(diagram, detail);
    let colours = colours(&layout);
    let (width, height) = (coordinate(layout.width), coordinate(layout.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"er\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" aria-label=\"{}\">{style}\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>",
        escape(&spoken(diagram)),
    );
    for route in &layout.routes {
        let colour = colours.get(&route.to).copied().unwrap_or_default();
        svg.push_str(&edge(route, &diagram.references[route.reference], colour));
    }
    for table in 0..layout.frames.len() {
        svg.push_str(&boxed(&layout, table, colours.get(&table).copied()));
    }
    svg.push_str("</svg>");
    svg
}

fn spoken(diagram: &ErDiagram) -> String {
    format!(
        "Entity-relationship diagram: {}, {}",
        counted(diagram.tables.len(), "table"),
        counted(diagram.references.len(), "foreign key"),
    )
}

fn boxed(layout: &Layout, table: usize, colour: Option<usize>) -> String {
    let (frame, (x, y)) = (&layout.frames[table], layout.places[table]);
    let (width, height) = (coordinate(frame.width), coordinate(frame.height));
    let inner = coordinate(frame.width - 6.0);
    let colour = colour.map(|colour| format!(" c{colour}")).unwrap_or_default();
    let mut group = format!(
        "<g class=\"table\" transform=\"translate({} {})\"><rect class=\"box\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\
         <path class=\"head{colour}\" d=\"M0 {HEADER}V6A6 6 0 0 1 6 0H{inner}A6 6 0 0 1 {width} 6V{HEADER}Z\"/>\
         <text class=\"title\" x=\"{PAD}\" y=\"18.5\">{}</text>",
        coordinate(x),
        coordinate(y),
        escape(&frame.title),
    );
    let right = coordinate(frame.width - PAD);
    if !frame.rows.is_empty() {
        let rows = escape(&frame.rows);
        group.push_str(&format!(
            "<text class=\"rows\" x=\"{right}\" y=\"18.5\" text-anchor=\"end\">{rows}</text>"
        ));
    }
    for (place, line) in frame.lines.iter().enumerate() {
        group.push_str(&row(line, frame.row_middle(place) + 4.0, &right));
    }
    group + &hidden(frame) + "</g>"
}

fn row(line: &Line, baseline: f64, right: &str) -> String {
    let y = coordinate(baseline);
    let mark = line.mark.split(' ').next().unwrap_or_default();
    let class = match line.mark {
        "" => "name",
        "FK" => "name foreign",
        _ => "name key",
    };
    let nullable = if line.nullable { "<tspan class=\"null\"> ?</tspan>" } else { "" };
    format!(
        "<text class=\"mark {}\" x=\"{PAD}\" y=\"{y}\">{mark}</text><text class=\"{class}\" x=\"{}\" y=\"{y}\">{}</text>\
         <text class=\"type\" x=\"{right}\" y=\"{y}\" text-anchor=\"end\">{}{nullable}</text>",
        mark.to_lowercase(),
        coordinate(PAD + MARK),
        escape(&line.name),
        escape(&line.type_name),
    )
}

fn hidden(frame: &Frame) -> String {
    if frame.hidden == 0 {
        return String::new();
    }
    let y = coordinate(HEADER + ROW * (frame.lines.len() as f64 + 0.5) + 5.0);
    let more = counted(frame.hidden, "more column");
    format!("<text class=\"type\" x=\"{}\" y=\"{y}\">{more}</text>", coordinate(PAD + MARK))
}
