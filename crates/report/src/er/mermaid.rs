//! The diagram in Mermaid's `erDiagram` notation, which GitHub and many editors draw.

use underpin_model::evidence::{ErColumn, ErDiagram, ErReference};

use crate::printable::one_line;

/// Returns the diagram as Mermaid source, without the fence.
pub fn mermaid(diagram: &ErDiagram) -> String {
    let mut text = "erDiagram\n".to_owned();
    for table in &diagram.tables {
        text.push_str(&format!("    {} {{\n", quoted(&table.name)));
        table.columns.iter().for_each(|column| text.push_str(&attribute(column)));
        text.push_str("    }\n");
    }
    diagram.references.iter().for_each(|reference| text.push_str(&relationship(reference)));
    text
}

fn attribute(column: &ErColumn) -> String {
    let keys = match (column.primary_key, column.foreign_key) {
        (true, true) => " PK, FK",
        (true, false) => " PK",
        (false, true) => " FK",
        (false, false) => "",
    };
    let nullable = if column.nullable { " \"NULL\"" } else { "" };
    format!("        {} {}{keys}{nullable}\n", word(&column.type_name), word(&column.name))
}

fn relationship(reference: &ErReference) -> String {
    let one = if reference.optional { "|o" } else { "||" };
    let many = if reference.one_to_one { "o|" } else { "o{" };
    format!(
        "    {} {one}--{many} {} : {}\n",
        quoted(&reference.to),
        quoted(&reference.from),
        quoted_always(&reference.from_columns.join(", ")),
    )
}

/// Returns an entity's name: plain where Mermaid reads it so, else in quotes.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if plain { name.to_owned() } else { quoted_always(name) }
}

fn quoted_always(text: &str) -> String {
    let text = one_line(text).replace(['"', '\\', '%'], "'").replace('<', "(").replace('>', ")");
    format!("\"{text}\"")
}

/// Returns an attribute's type or name in the letters that Mermaid's grammar has for it.
fn word(text: &str) -> String {
    let kept = |letter: char| letter.is_alphanumeric() || "_-[]()".contains(letter);
    let word: String = text.chars().map(|letter| if kept(letter) { letter } else { '_' }).collect();
    if word.starts_with(|first: char| first.is_alphabetic()) { word } else { format!("c_{word}") }
}

#[cfg(test)]
mod tests {
    use underpin_model::evidence::ErTable;

    use super::*;

    #[test]
    fn mermaid_reads_every_name() {
        let column = ErColumn {
            name: "price".to_owned(),
            type_name: "numeric(12,2)".to_owned(),
            nullable: true,
            primary_key: true,
            foreign_key: true,
        };
        let diagram = ErDiagram {
            tables: vec![ErTable { name: "odd \"name".to_owned(), columns: vec![column], rows: None }],
            references: vec![ErReference {
                from: "odd \"name".to_owned(),
                from_columns: vec!["price".to_owned()],
                to: "users".to_owned(),
                optional: true,
                one_to_one: true,
                ..ErReference::default()
            }],
        };
        insta::assert_snapshot!(mermaid(&diagram), @r#"
        erDiagram
            "odd 'name" {
                numeric(12_2) price PK, FK "NULL"
            }
            users |o--o| "odd 'name" : "price"
        "#);
    }
}
