//! dbmate's way of keeping both directions in one file.

use camino::Utf8Path;
use underpin_model::project::Diagnostic;

use crate::lexer::{Kind, Lexer, Token};

/// The part of a file that brings the database forward.
pub(super) struct UpPart {
    /// The file with everything else blank, so that lines stay what they are.
    pub(super) sql: String,
    /// False for `-- migrate:up transaction:false`.
    pub(super) transactional: bool,
}

/// Returns the up part of a file with dbmate's markers; `None` when it has none.
///
/// As in dbmate, the part begins at `-- migrate:up` and ends at `-- migrate:down` or with the file.
pub(super) fn up_part(file: &Utf8Path, text: &str) -> Result<Option<UpPart>, Vec<Diagnostic>> {
    let comments = Lexer::new(text).filter(|token| token.kind == Kind::LineComment);
    let marks: Vec<_> = comments.filter_map(|token| mark(text, &token)).collect();
    if marks.is_empty() {
        return Ok(None);
    }
    let Some((index, up)) = marks.iter().enumerate().find(|(_, mark)| mark.up) else {
        let fault = Diagnostic::new(file, "The file has `-- migrate:down`, but no `-- migrate:up`.");
        return Err(vec![fault.hint("Write `-- migrate:up` on the line above the statements to run.")]);
    };
    let end = marks.get(index + 1).map_or(text.len(), |mark| mark.start);
    let blank = text[..up.start].matches('\n').map(|_| '\n');
    let sql = blank.chain(text[up.start..end].chars()).collect();
    Ok(Some(UpPart { sql, transactional: up.transactional }))
}

struct Mark {
    start: usize,
    up: bool,
    transactional: bool,
}

fn mark(text: &str, token: &Token) -> Option<Mark> {
    let comment = text[token.span.clone()].trim_start_matches('-').trim();
    let mut words = comment.split_whitespace();
    let up = match words.next()? {
        "migrate:up" => true,
        "migrate:down" => false,
        _ => return None,
    };
    Some(Mark { start: token.span.start, up, transactional: !words.any(|word| word == "transaction:false") })
}
