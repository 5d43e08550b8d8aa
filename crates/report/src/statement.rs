//! What a migration's statement did, in short phrases.

use underpin_model::evidence::StatementTrace;

use crate::amounts::{count, counted, duration};

/// Returns the phrases, the most important first; none for a statement that touched nothing and kept nobody waiting.
pub(crate) fn facts(trace: &StatementTrace) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(refused) = &trace.refused {
        facts.push(format!("refused: {refused}"));
    }
    if !trace.waiting.is_empty() {
        let grows = if trace.grows { ", longer with every row" } else { "" };
        facts.push(format!("waits meanwhile: {}{grows}", trace.waiting.join(", ")));
    }
    if trace.waits_ms.iter().any(|ms| *ms > 0.0) {
        let sizes = trace.waits_ms.iter().zip(["here", "at four times the size"]);
        let sizes: Vec<String> = sizes.map(|(ms, size)| format!("{} {size}", duration(*ms))).collect();
        let production =
            trace.wait_in_production_ms.map(|ms| format!(", in production about {}", duration(ms)));
        facts.push(format!("wait: {}{}", sizes.join(", "), production.unwrap_or_default()));
    }
    let anew: Vec<&str> = trace.rewrites.iter().chain(&trace.index_builds).map(String::as_str).collect();
    if !anew.is_empty() {
        facts.push(format!("written anew: {}", anew.join(", ")));
    }
    if trace.rows_read + trace.rows_written > 0 {
        facts.push(format!("rows: {} read, {} written", count(trace.rows_read), count(trace.rows_written)));
    }
    facts
}

/// Locks beyond so many are told as a number.
const MOST_LOCKS: usize = 8;

/// Returns how many of the locks to show, and how many more there are: tables before their indexes, as they come.
pub(crate) fn shown_locks(trace: &StatementTrace) -> (usize, Option<String>) {
    let all = trace.locks.len();
    if all <= MOST_LOCKS + 1 {
        return (all, None);
    }
    (MOST_LOCKS, Some(format!("and {}", counted(all - MOST_LOCKS, "more lock"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_says_who_waits_and_how_long() {
        let trace = StatementTrace {
            waiting: vec!["writes to orders".into()],
            grows: true,
            waits_ms: vec![7.0, 16.0],
            wait_in_production_ms: Some(63_040.0),
            index_builds: vec!["orders_status_idx on orders".into()],
            rows_read: 8_000,
            ..StatementTrace::default()
        };
        assert_eq!(
            facts(&trace),
            [
                "waits meanwhile: writes to orders, longer with every row",
                "wait: 7 ms here, 16 ms at four times the size, in production about 1 min 3 s",
                "written anew: orders_status_idx on orders",
                "rows: 8000 read, 0 written",
            ]
        );
        assert_eq!(facts(&StatementTrace::default()), Vec::<String>::new());
    }
}
