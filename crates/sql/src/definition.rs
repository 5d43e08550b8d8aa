//! Whether two definitions, as the server prints them, say the same.

use crate::syntax;

/// What a definition may stand in: alone, as a table's constraint, as an expression.
const FRAMES: &[&str] = &["", "ALTER TABLE t ADD ", "SELECT "];

/// Returns whether two definitions that a server printed become one tree when they are parsed.
///
/// The parser flattens `(a AND b) AND c`, but the analyser builds nested trees out of `BETWEEN` and `IN`. An
/// object that was made from its own printed definition (by `pg_restore`, say) therefore prints with fewer
/// parentheses than the original, and means the same.
pub fn same_after_parsing(left: &str, right: &str) -> bool {
    let canonical = |frame: &str, text: &str| syntax::canonical(&format!("{frame}{text}"));
    left == right
        || FRAMES.iter().any(|frame| match (canonical(frame, left), canonical(frame, right)) {
            (Some(one), Some(other)) => one == other,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_of_and_is_no_difference() {
        let nested = "CHECK ((((length(key) >= 1) AND (length(key) <= 512)) AND (key !~ '^/'::text)))";
        let flat = "CHECK (((length(key) >= 1) AND (length(key) <= 512) AND (key !~ '^/'::text)))";
        assert!(same_after_parsing(nested, flat));
        assert!(same_after_parsing("((a AND b) AND c)", "(a AND b AND c)"));
        let view = |condition| format!("SELECT id FROM orders WHERE {condition}");
        assert!(same_after_parsing(&view("((a AND b) AND c)"), &view("(a AND b AND c)")));
    }

    #[test]
    fn every_other_change_is_one() {
        assert!(!same_after_parsing("CHECK ((n <= 512))", "CHECK ((n <= 513))"));
        assert!(!same_after_parsing("((a OR b) AND c)", "(a OR (b AND c))"));
        assert!(!same_after_parsing("'x'::text", "'X'::text"));
        assert!(!same_after_parsing("(no sql", "(no sql at all"));
    }
}
