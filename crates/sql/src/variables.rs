//! Replacing psql's variables in plain SQL.

use std::collections::BTreeMap;

use underpin_model::sql_text::{quote_identifier, quote_literal};

use crate::chunks::{ChunkKind, chunks};
use crate::lexer::{Form, Kind, Lexer, is_name_part, variable_name};
use crate::position::Lines;

/// A variable that the text uses and nobody set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable `:{name}` is not set")]
pub struct UnknownVariable {
    /// Name of the variable.
    pub name: String,
    /// Line of its use, from 1.
    pub line: u32,
}

/// Returns the text with `:name` replaced by the variable's value, `:'name'` by it as a literal and `:"name"`
/// by it as an identifier.
///
/// As in psql (manual, "SQL Interpolation"), nothing is replaced inside quotes, dollar quotes,
/// comments and COPY data, and `::` and array slices are left alone. Other than in psql a variable
/// that is not set is an error.
pub fn substitute_variables(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<String, UnknownVariable> {
    let mut result = String::with_capacity(text.len());
    for chunk in chunks(text) {
        let part = &text[chunk.span.clone()];
        if chunk.kind != ChunkKind::Sql {
            result.push_str(part);
            continue;
        }
        substitute_sql(part, variables, &mut result).map_err(|(name, offset)| UnknownVariable {
            name,
            line: Lines::new(text).line(chunk.span.start + offset),
        })?;
    }
    Ok(result)
}

fn substitute_sql(
    sql: &str,
    variables: &BTreeMap<String, String>,
    result: &mut String,
) -> Result<(), (String, usize)> {
    let mut brackets = 0_usize;
    for token in Lexer::new(sql) {
        let word = &sql[token.span.clone()];
        let Kind::Variable(form) = token.kind else {
            match word {
                "[" => brackets += 1,
                "]" => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            result.push_str(word);
            continue;
        };
        let name = variable_name(word);
        match (variables.get(name), form) {
            (Some(value), Form::Plain) => result.push_str(value),
            (Some(value), Form::Literal) => result.push_str(&quote_literal(value)),
            (Some(value), Form::Identifier) => result.push_str(&quote_identifier(value)),
            // `a[low:high]`: the upper bound of a slice.
            (None, Form::Plain) if brackets > 0 && ends_operand(&sql[..token.span.start]) => {
                result.push_str(word);
            }
            (None, _) => return Err((name.to_owned(), token.span.start)),
        }
    }
    Ok(())
}

fn ends_operand(before: &str) -> bool {
    before.ends_with(|c: char| is_name_part(c) || c == ')' || c == ']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(text: &str) -> Result<String, UnknownVariable> {
        let variables = [("scale", "10"), ("who", "O'Ne\"il"), ("größe", "3")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        substitute_variables(text, &variables.into())
    }

    #[test]
    fn the_three_forms_are_replaced() {
        assert_eq!(substituted("generate_series(1,:scale*:größe)").as_deref(), Ok("generate_series(1,10*3)"));
        assert_eq!(
            substituted("SELECT :'who', :\"who\", :scale::int").as_deref(),
            Ok("SELECT 'O''Ne\"il', \"O'Ne\"\"il\", 10::int")
        );
    }

    #[test]
    fn quotes_comments_casts_slices_and_data_are_left_alone() {
        let text = "SELECT ':scale', \":scale\", $$:scale$$, E'\\':scale', x::scale -- :scale\n/* :scale */, a[1:2], a[lo:hi], f(x := 1), '12:30';\nCOPY a FROM stdin;\n:scale it's\n\\.\n";
        assert_eq!(substituted(text).as_deref(), Ok(text));
    }

    #[test]
    fn an_unset_variable_is_an_error_with_its_line() {
        let error = substituted("SELECT 1;\nCOPY a FROM stdin;\n\\.\nSELECT :scael;").expect_err("an error");
        assert_eq!((error.name.as_str(), error.line), ("scael", 4));
        assert_eq!(error.to_string(), "the variable `:scael` is not set");
    }
}
