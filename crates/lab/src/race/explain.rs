//! An anomalous schedule in one sentence: who read what, and who changed it meanwhile.

use super::played::{Played, Reply};

/// A read that was stale when its session acted on it; places count from 0.
struct Stale<'p> {
    read: usize,
    table: &'p str,
    /// Another session changes what was read …
    change: usize,
    /// … and commits after the read.
    commit: usize,
    /// What the reading session wrote.
    act: usize,
}

/// Returns the sentence, when one session acted on what it had read while another changed that. Of several, the
/// change that was committed first is told: the other session wrote over it.
pub(super) fn explain(played: &[Played]) -> Option<String> {
    let reads = (0..played.len()).filter(|at| lives(played, played[*at].session));
    let found = reads.filter_map(|read| stale(played, read)).min_by_key(|one| one.commit)?;
    Some(sentence(played, &found))
}

fn stale(played: &[Played], read: usize) -> Option<Stale<'_>> {
    let reader = &played[read];
    let act =
        (read..played.len()).find(|at| played[*at].session == reader.session && changed(&played[*at]))?;
    let changes =
        (0..played.len()).filter(|at| played[*at].session != reader.session && changed(&played[*at]));
    changes
        .filter_map(|change| {
            let table = reader.reads.iter().find(|table| played[change].writes.contains(table))?;
            let writer = played[change].session;
            let commit =
                (change..played.len()).find(|at| played[*at].session == writer && played[*at].commits)?;
            // What is committed before the read is seen by it.
            (commit > read).then_some(Stale { read, table, change, commit, act })
        })
        .min_by_key(|one| one.commit)
}

fn sentence(played: &[Played], stale: &Stale<'_>) -> String {
    let (read, change, act) = (&played[stale.read], &played[stale.change], &played[stale.act]);
    let (reader, writer, table) = (read.session + 1, change.session + 1, stale.table);
    let saw = match &read.reply {
        Reply::Rows(rows) => format!("t{reader} read {table} at step {} ({rows})", stale.read + 1),
        _ => format!("t{reader} looked at {table} at step {}", stale.read + 1),
    };
    let (change, commit) = (stale.change + 1, stale.commit + 1);
    let change = format!("t{writer} changed {table} at step {change} and committed at step {commit}");
    if stale.act == stale.read {
        return format!(
            "{saw}; {change}, which the statement of t{reader} did not see when it chose its rows."
        );
    }
    format!(
        "{saw}; {change}, unseen by that read; t{reader} wrote {} at step {} on the strength of what it had read.",
        act.writes.join(", "),
        stale.act + 1
    )
}

fn changed(one: &Played) -> bool {
    !one.writes.is_empty() && !matches!(one.reply, Reply::Failed { .. } | Reply::Changed(0))
}

/// Tells whether the session was never refused.
fn lives(played: &[Played], session: usize) -> bool {
    !played.iter().any(|one| one.session == session && matches!(one.reply, Reply::Failed { .. }))
}
