//! The measures of a table's box: which rows it has and where their middles are.

use underpin_model::evidence::{ErColumn, ErTable};

use super::Detail;
use crate::amounts::count;
use crate::printable::one_line;
use crate::svg::text_width::{fitted, text_width};

pub(super) const HEADER: f64 = 28.0;
pub(super) const ROW: f64 = 18.0;
const FOOT: f64 = 5.0;
/// Room of the PK and FK marks.
pub(super) const MARK: f64 = 26.0;
pub(super) const PAD: f64 = 10.0;
const BETWEEN: f64 = 16.0;
const LONGEST_NAME: f64 = 170.0;
const LONGEST_TYPE: f64 = 100.0;
pub(super) const NAME_SIZE: f64 = 12.0;
pub(super) const TYPE_SIZE: f64 = 11.0;
pub(super) const TITLE_SIZE: f64 = 13.5;

/// A table's box before it has a place.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) rows: String,
    pub(super) lines: Vec<Line>,
    pub(super) hidden: usize,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// One column of the table as shown.
pub(super) struct Line {
    pub(super) column: String,
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) mark: &'static str,
    pub(super) nullable: bool,
}

impl Frame {
    /// Returns the box of `table`.
    pub(super) fn of(table: &ErTable, detail: Detail) -> Frame {
        let shown = |column: &&ErColumn| detail == Detail::All || column.primary_key || column.foreign_key;
        let lines: Vec<Line> = table.columns.iter().filter(shown).map(line).collect();
        let hidden = table.columns.len() - lines.len();
        let title = fitted(&one_line(&table.name), TITLE_SIZE, LONGEST_NAME + LONGEST_TYPE);
        let rows = table.rows.map(|rows| format!("{} rows", count(rows))).unwrap_or_default();
        // The title is bold, about a tenth wider than the table of widths says.
        let head = text_width(&title, TITLE_SIZE) * 1.1 + BETWEEN + text_width(&rows, TYPE_SIZE);
        let body = lines.iter().map(line_width).fold(110.0, f64::max);
        let below = lines.len() + usize::from(hidden > 0);
        Frame {
            title,
            rows,
            lines,
            hidden,
            width: (head.max(body) + 2.0 * PAD).ceil(),
            height: HEADER + ROW * below as f64 + FOOT,
        }
    }

    /// Returns the middle of a row below the box's top edge.
    pub(super) fn row_middle(&self, row: usize) -> f64 {
        HEADER + ROW * (row as f64 + 0.5) + 1.0
    }

    /// Returns where references to this table arrive: its primary key, the header when it has none.
    pub(super) fn target_port(&self) -> f64 {
        match self.lines.iter().position(|line| line.mark.starts_with("PK")) {
            Some(row) => self.row_middle(row),
            None => HEADER / 2.0,
        }
    }

    /// Returns where the reference over `column` leaves; the header when the column is not shown.
    pub(super) fn source_port(&self, column: &str) -> f64 {
        match self.lines.iter().position(|line| line.column == column) {
            Some(row) => self.row_middle(row),
            None => HEADER / 2.0,
        }
    }
}

fn line(column: &ErColumn) -> Line {
    Line {
        column: column.name.clone(),
        name: fitted(&one_line(&column.name), NAME_SIZE, LONGEST_NAME),
        type_name: fitted(&short_type(&one_line(&column.type_name)), TYPE_SIZE, LONGEST_TYPE),
        mark: match (column.primary_key, column.foreign_key) {
            (true, true) => "PK FK",
            (true, false) => "PK",
            (false, true) => "FK",
            (false, false) => "",
        },
        nullable: column.nullable,
    }
}

fn line_width(line: &Line) -> f64 {
    let nullable = if line.nullable { text_width(" ?", TYPE_SIZE) } else { 0.0 };
    MARK + text_width(&line.name, NAME_SIZE) * 1.06
        + BETWEEN
        + text_width(&line.type_name, TYPE_SIZE)
        + nullable
}

/// Returns the short spelling that PostgreSQL accepts too (manual, 8.1, table "Data Types", aliases).
fn short_type(type_name: &str) -> String {
    [
        ("timestamp with time zone", "timestamptz"),
        ("timestamp without time zone", "timestamp"),
        ("time with time zone", "timetz"),
        ("time without time zone", "time"),
        ("character varying", "varchar"),
        ("character", "char"),
        ("double precision", "float8"),
        ("bit varying", "varbit"),
    ]
    .iter()
    .find_map(|(long, short)| type_name.strip_prefix(long).map(|rest| format!("{short}{rest}")))
    .unwrap_or_else(|| type_name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spelled_short() {
        assert_eq!(short_type("timestamp with time zone"), "timestamptz");
        assert_eq!(short_type("character varying(80)[]"), "varchar(80)[]");
        assert_eq!(short_type("numeric(12,2)"), "numeric(12,2)");
    }
}
