//! The entity-relationship diagram: laid out and drawn here, or handed to Mermaid.
//!
//! Referenced tables stand left of the tables that refer to them. All references to one table leave
//! it as one line that branches late: a schema has a few tables that everything refers to, and
//! thirty separate lines to `users` hide all others.

mod columns;
mod draw;
mod edges;
mod frame;
mod layers;
mod layout;
mod marks;
mod mermaid;

use underpin_model::evidence::ErDiagram;

pub use mermaid::mermaid;

/// Which columns a table of the diagram shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Primary and foreign key columns; the others as a count.
    Keys,
    /// Every column.
    All,
}

/// The look of the diagram; colours for light and dark, all below the class `er`.
pub const STYLE: &str = include_str!("../templates/er.css");

/// Returns the diagram with all columns as an SVG file of its own, for a README.
pub fn svg(diagram: &ErDiagram) -> String {
    draw::drawn(diagram, Detail::All, &format!("<style>{STYLE}</style>"))
}

/// Returns the diagram as an `svg` element for a page that holds [`STYLE`].
pub fn inline(diagram: &ErDiagram, detail: Detail) -> String {
    draw::drawn(diagram, detail, "")
}

#[cfg(test)]
mod tests {
    use underpin_model::evidence::{ErColumn, ErReference, ErTable};

    use super::*;

    fn table(name: &str, columns: usize) -> ErTable {
        let column = |number| ErColumn {
            name: format!("column_{number}"),
            type_name: "timestamp with time zone".to_owned(),
            primary_key: number == 0,
            foreign_key: number == 1,
            nullable: number > 2,
        };
        ErTable { name: name.to_owned(), columns: (0..columns).map(column).collect(), rows: Some(12_400) }
    }

    fn reference(from: &str, to: &str) -> ErReference {
        ErReference {
            from: from.to_owned(),
            from_columns: vec!["column_1".to_owned()],
            to: to.to_owned(),
            on_delete: "CASCADE".to_owned(),
            ..ErReference::default()
        }
    }

    #[test]
    fn cycles_loops_strangers_and_nothing_are_drawn() {
        let tables = ["a", "b", "c", "alone"].map(|name| table(name, 5)).to_vec();
        let references = [("a", "b"), ("b", "c"), ("c", "a"), ("b", "a"), ("a", "a"), ("a", "missing")];
        let references = references.map(|(from, to)| reference(from, to)).to_vec();
        let svg = svg(&ErDiagram { tables, references });
        assert_eq!(svg.matches("class=\"table\"").count(), 4);
        assert_eq!(svg.matches("class=\"ref ").count(), 5);
        assert!(!svg.contains("NaN"));
        assert!(super::svg(&ErDiagram::default()).starts_with("<svg "));
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let diagram = ErDiagram { tables: vec![table("<script>alert('x')</script>", 2)], references: vec![] };
        assert!(!svg(&diagram).contains("<script"));
        assert!(!mermaid(&diagram).contains("<script"));
    }

    #[test]
    fn keys_leave_the_others_as_a_count() {
        let diagram = ErDiagram { tables: vec![table("a", 9)], references: vec![] };
        let overview = inline(&diagram, Detail::Keys);
        assert!(overview.contains("7 more columns") && !overview.contains("column_5"));
        assert!(inline(&diagram, Detail::All).contains("column_5"));
    }
}
