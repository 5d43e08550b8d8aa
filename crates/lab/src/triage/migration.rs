//! Locks that others wait for, builds that do not end, changes that stay half done.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::sql_text::quote_literal;
use underpin_model::{Code, TriageFinding, TriageMode};
use underpin_pg::rows::Row;

use super::facts::Facts;

pub(super) const CODES: &[Code] = &[QUEUE, STUCK, HALF_DONE, BLOCKS];

const QUEUE: Code = Code::error("UP650", "lock-queue", "statements wait behind a lock");
const STUCK: Code =
    Code::error("UP651", "concurrent-build-stuck", "a concurrent index build waits for a transaction");
const HALF_DONE: Code = Code::error("UP652", "migration-half-done", "a migration began and did not end");
const BLOCKS: Code =
    Code::error("UP643", "transaction-blocks-writes", "an idle transaction holds rows that others wait for");

pub(super) fn judge(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = queues(facts);
    found.extend(builds(facts));
    found.extend(half_done(facts));
    found
}

/// Who waits for whom, of statements that waited at both looks.
struct Waiting<'a> {
    sessions: BTreeMap<&'a str, Row<'a>>,
    blockers: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Waiting<'a> {
    fn of(facts: &'a Facts) -> Waiting<'a> {
        let building: BTreeSet<&str> = facts.rows("builds").map(|row| row.text("pid")).collect();
        let mut waiting = Waiting { sessions: BTreeMap::new(), blockers: BTreeMap::new() };
        for row in facts.rows("activity") {
            waiting.sessions.insert(row.text("pid"), row);
            let before = facts.earlier("activity", "pid", row.text("pid"));
            let stayed = before.is_some_and(|before| {
                before.get("query_start") == row.get("query_start") && before.get("blockers").is_some()
            });
            // A concurrent build waits for transactions by design; what is wrong with it has a finding of its own.
            let by_design = building.contains(row.text("pid")) && row.get("wait_type") == Some("virtualxid");
            if let Some(blockers) = row.get("blockers").filter(|_| stayed && !by_design) {
                let blockers = blockers.split(',').filter(|pid| !pid.is_empty()).collect();
                waiting.blockers.insert(row.text("pid"), blockers);
            }
        }
        waiting
    }

    /// Returns the roots: those in whose way nobody is.
    fn roots(&self) -> BTreeSet<&'a str> {
        let all = self.blockers.values().flatten().copied();
        all.filter(|pid| !self.blockers.contains_key(pid)).collect()
    }

    /// Returns everybody who waits for the root, directly first.
    fn behind(&self, root: &str) -> Vec<&'a str> {
        let mut behind: Vec<&'a str> = Vec::new();
        let mut reached: BTreeSet<&str> = BTreeSet::from([root]);
        loop {
            let next: Vec<&'a str> = self
                .blockers
                .iter()
                .filter(|(pid, blockers)| {
                    !reached.contains(*pid) && blockers.iter().any(|one| reached.contains(one))
                })
                .map(|(pid, _)| *pid)
                .collect();
            if next.is_empty() {
                return behind;
            }
            reached.extend(next.iter());
            behind.extend(next);
        }
    }
}

fn queues(facts: &Facts) -> Vec<TriageFinding> {
    let waiting = Waiting::of(facts);
    let mut found: Vec<(usize, TriageFinding)> = Vec::new();
    for root in waiting.roots() {
        let behind = waiting.behind(root);
        if !behind.is_empty() {
            found.push((behind.len(), queue(facts, &waiting, (root, &behind))));
        }
    }
    found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn queue(facts: &Facts, waiting: &Waiting<'_>, (root, behind): (&str, &[&str])) -> TriageFinding {
    let row = |pid: &str| waiting.sessions.get(pid).copied();
    let in_line: Vec<Row<'_>> = behind.iter().filter_map(|pid| row(pid)).collect();
    let tables: BTreeSet<&str> =
        in_line.iter().map(|row| row.text("wait_table")).filter(|name| !name.is_empty()).collect();
    // The one that wants a whole table holds up all that came after it.
    let altering =
        in_line.iter().find(|row| row.text("wait_type") == "relation" && is_strong(row.text("wait_mode")));
    let root_row = row(root);
    let idle = root_row.is_some_and(|row| row.text("state").starts_with("idle in transaction"));
    let rows_only = in_line.iter().all(|row| row.text("wait_type") != "relation");
    let (root_words, root_name) = root_told(facts, root, root_row);
    let mut message = format!("{} waits for {root_words}", sessions(behind.len()));
    if !tables.is_empty() {
        message.push_str(&format!(", on {}", tables.iter().copied().collect::<Vec<_>>().join(", ")));
    }
    message.push_str(&format!(". Root: {}.", statement(root_row)));
    if let Some(altering) = altering {
        message.push_str(&format!(
            " First in the queue: session {} ({}) wants {} and holds up everybody behind it.",
            altering.text("pid"),
            statement(Some(*altering)),
            altering.text("wait_mode")
        ));
    }
    let fix = match (root_row, altering) {
        (None, _) => prepared_fix(facts),
        (Some(_), _) if idle => format!("SELECT pg_terminate_backend({root})"),
        // A long reader may be wanted; the change can be tried again with a lock_timeout.
        (Some(_), Some(altering)) => format!("SELECT pg_cancel_backend({})", altering.text("pid")),
        (Some(_), None) => format!("SELECT pg_cancel_backend({root})"),
    };
    let applications = in_line.iter().map(|row| row.text("application")).collect::<BTreeSet<_>>();
    let objects = tables.iter().copied().chain([root_name.as_str()]).chain(applications);
    let mut names: Vec<String> = Vec::new();
    for name in objects.filter(|name| !name.is_empty()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names.push(format!("pid {root}"));
    let (mode, code) =
        if idle && rows_only { (TriageMode::Pooling, &BLOCKS) } else { (TriageMode::Migration, &QUEUE) };
    TriageFinding::new(mode, code, message).objects(names).query(LOCK_QUERY).fix(fix)
}

const LOCK_QUERY: &str = "SELECT pid, pg_blocking_pids(pid) AS blocked_by, state, wait_event_type, now() - query_start AS since, query \
    FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0 OR pid IN (SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity) \
    ORDER BY cardinality(pg_blocking_pids(pid)), query_start";

fn is_strong(mode: &str) -> bool {
    matches!(mode, "ShareLock" | "ShareRowExclusiveLock" | "ExclusiveLock" | "AccessExclusiveLock")
}

fn sessions(count: usize) -> String {
    if count == 1 { "One session".to_owned() } else { format!("A queue of {count} sessions") }
}

/// Names the root. Pid 0 is a prepared transaction.
fn root_told(facts: &Facts, root: &str, row: Option<Row<'_>>) -> (String, String) {
    match row {
        Some(row) => (
            format!(
                "session {root} (application {:?}, user {}, {}, transaction open for {:.0} s)",
                row.text("application"),
                row.text("user"),
                row.text("state"),
                row.float("xact_seconds").unwrap_or_default()
            ),
            row.text("application").to_owned(),
        ),
        None => {
            let gid = oldest_prepared(facts).unwrap_or_default();
            (format!("the prepared transaction {gid}"), gid)
        }
    }
}

fn oldest_prepared(facts: &Facts) -> Option<String> {
    let prepared = facts.rows("holders").filter(|row| row.text("kind") == "prepared");
    let oldest = prepared.max_by_key(|row| row.float("seconds").unwrap_or_default() as i64);
    oldest.map(|row| row.text("name").to_owned())
}

fn prepared_fix(facts: &Facts) -> String {
    match oldest_prepared(facts) {
        Some(gid) => format!("ROLLBACK PREPARED {}", quote_literal(&gid)),
        None => "SELECT gid, prepared FROM pg_prepared_xacts".to_owned(),
    }
}

fn statement(row: Option<Row<'_>>) -> String {
    let Some(row) = row else {
        return "it survives sessions and restarts until it is committed or rolled back".to_owned();
    };
    let text: String = row.text("query").split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = text.chars().take(120).collect();
    if row.text("state").starts_with("idle") {
        format!("last statement {short:?}")
    } else {
        format!("{short:?}")
    }
}

fn builds(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = Vec::new();
    for row in facts.rows("builds") {
        let Some(locker) = row.get("locker") else { continue };
        let stayed = facts.earlier("builds", "pid", row.text("pid")).is_some_and(|before| {
            before.get("locker") == row.get("locker") && before.get("phase") == row.get("phase")
        });
        if !stayed {
            continue;
        }
        let holder = facts.earlier("activity", "pid", locker);
        let application = holder.as_ref().map_or("", |row| row.text("application"));
        let (table, index) = (row.text("table"), row.text("index"));
        let message = format!(
            "{} {} on {table} does not go on ({}): it waits for the transaction of session {locker} (application {application:?}, {}).",
            row.text("command"),
            index,
            row.text("phase"),
            statement(holder)
        );
        found.push(
            TriageFinding::new(TriageMode::Migration, &STUCK, message)
                .objects([table, index, application])
                .query(
                    "SELECT p.pid, p.phase, p.current_locker_pid, a.application_name, a.state, now() - a.xact_start AS open, a.query \
                     FROM pg_stat_progress_create_index p LEFT JOIN pg_stat_activity a ON a.pid = p.current_locker_pid",
                )
                .fix(format!("SELECT pg_terminate_backend({locker})")),
        );
    }
    found
}

fn half_done(facts: &Facts) -> Vec<TriageFinding> {
    facts
        .unfinished
        .iter()
        .map(|one| {
            let message = format!(
                "{} says of version {} that it is {}, and nobody is at work on it: what it created is there in part, and the tool refuses \
                 to go on.",
                one.ledger, one.version, one.state
            );
            TriageFinding::new(TriageMode::Migration, &HALF_DONE, message)
                .objects([one.ledger.clone(), one.version.clone()])
                .query(one.query.clone())
                .fix(one.fix.clone())
        })
        .collect()
}
