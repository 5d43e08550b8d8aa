//! Statements of a script as SQL that the grammar reads, with its variables left open.

use underpin_model::script::{Piece, ScriptStatement};
use underpin_model::sql_text::quote_literal;

/// What stands for a variable, told from other texts: a literal of this and the variable's name.
pub(super) const VARIABLE: &str = "underpin variable ";

/// Returns a statement with a literal in the place of each variable.
pub(super) fn marked(statement: &ScriptStatement) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Variable(name) => quote_literal(&format!("{VARIABLE}{name}")),
    };
    statement.pieces.iter().map(piece).collect()
}

/// Returns the pieces of a text that [`marked`] may have made.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mark = format!("'{VARIABLE}");
    let mut parts = text.split(&mark);
    pieces.extend(parts.next().map(|first| Piece::Text(first.to_owned())));
    for part in parts {
        let (name, rest) = part.split_once('\'').unwrap_or((part, ""));
        pieces.extend([Piece::Variable(name.to_owned()), Piece::Text(rest.to_owned())]);
    }
    pieces
}
