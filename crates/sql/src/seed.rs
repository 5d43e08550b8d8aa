//! Files of plain SQL: seeds and scale.

use std::collections::BTreeMap;

use camino::Utf8Path;
use underpin_model::project::{Diagnostic, SqlFile};

use crate::split::Split;
use crate::variables::substitute_variables;

/// Returns the statements of a file of plain SQL with its variables replaced, or every fault found in it.
///
/// The file's text is kept as written; only the statements have the values of the variables.
pub fn parse_sql_file(
    file: &Utf8Path,
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<SqlFile, Vec<Diagnostic>> {
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
    let substituted = substitute_variables(plain, variables).map_err(|unknown| {
        let known: Vec<_> = variables.keys().map(|name| format!("`:{name}`")).collect();
        let hint = match known.is_empty() {
            true => "This file takes no variables: write the value itself.".to_owned(),
            false => format!("Known here: {}.", known.join(", ")),
        };
        let message = format!("The variable `:{}` is not set.", unknown.name);
        vec![Diagnostic::new(file, message).line(unknown.line).hint(hint)]
    })?;
    let split = Split::read(&substituted);
    if !split.faults.is_empty() {
        return Err(split.diagnostics(file));
    }
    let statements = split.statements.into_iter().map(|located| located.statement).collect();
    Ok(SqlFile { file: file.to_owned(), text: text.to_owned(), statements })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SqlFile, String> {
        let variables = BTreeMap::from([("scale".to_owned(), "10".to_owned())]);
        parse_sql_file(Utf8Path::new("scale.sql"), text, &variables).map_err(|faults| {
            let line = |f: &Diagnostic| format!("{f} | {}", f.hint.as_deref().unwrap_or_default());
            faults.iter().map(line).collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn variables_are_replaced_and_copy_data_kept() {
        let text = "INSERT INTO a SELECT generate_series(1, :scale);\nCOPY a FROM stdin;\n:x\n\\.\n";
        let file = parse(text).expect("a file");
        assert_eq!(file.text, text);
        assert_eq!(file.statements[0].sql, "INSERT INTO a SELECT generate_series(1, 10)");
        assert_eq!(file.statements[1].copy_data.as_deref(), Some(":x\n"));
    }

    #[test]
    fn faults_have_hints() {
        insta::assert_snapshot!(parse("SELECT 1;\nSELECT :scael;").expect_err("faults"), @r#"scale.sql:2: The variable `:scael` is not set. | Known here: `:scale`."#);
        insta::assert_snapshot!(parse("\\i other.sql\nCOPY a FROM stdin;\n1\n").expect_err("faults"), @r#"
        scale.sql:1: PostgreSQL does not understand this: `\i` is a command of psql, not SQL. | Statements go to the server without psql: write SQL, and leave `\` commands out.
        scale.sql:3: PostgreSQL does not understand this: the data of COPY … FROM stdin has no end. | End the data with a line that holds only `\.`, as pg_dump does.
        "#);
    }
}
