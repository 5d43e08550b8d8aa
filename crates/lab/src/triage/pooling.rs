//! Connections: all taken, leaked inside transactions, opened and closed for every statement.

use std::collections::BTreeMap;

use underpin_model::sql_text::quote_literal;
use underpin_model::{Code, Severity, TriageFinding, TriageMode};
use underpin_pg::rows::Row;

use super::facts::Facts;

pub(super) const CODES: &[Code] = &[EXHAUSTED, LEAKED, CHURN];

const EXHAUSTED: Code =
    Code::error("UP640", "connections-exhausted", "no connection is left, or nearly none");
const LEAKED: Code =
    Code::error("UP641", "transactions-leaked", "sessions sit idle inside open transactions");
const CHURN: Code =
    Code::warning("UP642", "connection-churn", "connections are opened for a few statements each");

/// The part of all connections at which the next burst meets refusals.
const NEARLY_ALL: f64 = 0.9;

/// One or two at rest for a second may be a slow client; three are a habit.
const LEAKS: usize = 3;

/// Connections opened per second from which the start of processes is felt.
const OPENED: i64 = 20;

pub(super) fn judge(facts: &Facts) -> Vec<TriageFinding> {
    let mut found: Vec<TriageFinding> = exhausted(facts).into_iter().collect();
    found.extend(leaked(facts));
    found.extend(churn(facts));
    found
}

/// Returns the finding of a server that did not let us in.
pub(super) fn refused(words: &str) -> TriageFinding {
    TriageFinding::new(
        TriageMode::Pooling,
        &EXHAUSTED,
        format!("The server refused even this look: {words}. Connect as a superuser, for whom some connections are reserved."),
    )
    .objects(["max_connections"])
    .query(WHO)
    .fix("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE state = 'idle' AND state_change < now() - interval '10 seconds'")
}

const WHO: &str = "SELECT application_name, usename, state, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
    GROUP BY 1, 2, 3 ORDER BY 4 DESC";

fn clients(facts: &Facts) -> impl Iterator<Item = Row<'_>> {
    facts
        .rows("activity")
        .filter(|row| row.text("backend") == "client backend" && row.bool("own") != Some(true))
}

/// Returns `application (n, mostly state)` of those with most sessions, and the first one's name.
fn by_application<'a>(rows: impl Iterator<Item = Row<'a>>) -> (String, String) {
    let mut counted: BTreeMap<String, (usize, BTreeMap<String, usize>)> = BTreeMap::new();
    for row in rows {
        let name = match row.text("application") {
            "" => row.text("user"),
            name => name,
        };
        let entry = counted.entry(name.to_owned()).or_default();
        entry.0 += 1;
        *entry.1.entry(row.text("state").to_owned()).or_default() += 1;
    }
    let mut all: Vec<_> = counted.into_iter().collect();
    all.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let words = all.iter().take(3).map(|(name, (count, states))| {
        let state = states.iter().max_by_key(|(_, count)| **count).map_or("", |(state, _)| state.as_str());
        format!("{name} ({count}, mostly {state})")
    });
    (words.collect::<Vec<_>>().join(", "), all.first().map(|(name, _)| name.clone()).unwrap_or_default())
}

fn exhausted(facts: &Facts) -> Option<TriageFinding> {
    let all = clients(facts).count();
    let slots = facts.server("max_connections") - facts.server("reserved");
    let here = clients(facts).filter(|row| row.text("database") == facts.setting("database")).count();
    let limit = facts.server("connection_limit");
    let (used, of, setting) = if slots > 0 && all as f64 >= slots as f64 * NEARLY_ALL {
        (all, slots, "max_connections")
    } else if limit > 0 && here as f64 >= limit as f64 * NEARLY_ALL {
        (here, limit, "CONNECTION LIMIT")
    } else {
        return None;
    };
    let (who, first) = by_application(clients(facts));
    let severity = if used as i64 >= of { Severity::Error } else { Severity::Warning };
    let message =
        format!("{used} of {of} connections are taken ({setting}); by {who}. Who comes next is refused.");
    let idle = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {} = {} AND state <> 'active' AND pid <> pg_backend_pid()",
        "coalesce(nullif(application_name, ''), usename::text)",
        quote_literal(&first)
    );
    let finding = TriageFinding::new(TriageMode::Pooling, &EXHAUSTED, message).severity(severity);
    Some(finding.objects([first, setting.to_owned()]).query(WHO).fix(idle))
}

fn leaked(facts: &Facts) -> Option<TriageFinding> {
    let at_rest: Vec<Row<'_>> =
        facts.unmoved().filter(|row| row.text("state").starts_with("idle in transaction")).collect();
    if at_rest.len() < LEAKS {
        return None;
    }
    let longest = at_rest.iter().filter_map(|row| row.float("state_seconds")).fold(0.0, f64::max);
    let (who, first) = by_application(at_rest.iter().copied());
    let last = at_rest.iter().map(|row| row.text("query")).find(|query| !query.is_empty()).unwrap_or("");
    let message = format!(
        "{} sessions did nothing for a second and more (up to {longest:.0} s) inside an open transaction: {who}. They keep \
         connections, locks and dead rows. One's last statement: {}.",
        at_rest.len(),
        last.chars().take(120).collect::<String>()
    );
    let pids = at_rest.iter().map(|row| row.text("pid")).collect::<Vec<_>>().join(", ");
    Some(
        TriageFinding::new(TriageMode::Pooling, &LEAKED, message)
            .objects([first, "idle_in_transaction_session_timeout".to_owned()])
            .query(
                "SELECT pid, application_name, now() - state_change AS at_rest, query FROM pg_stat_activity WHERE state LIKE \
                 'idle in transaction%' ORDER BY 3 DESC",
            )
            .fix(format!("SELECT pid, pg_terminate_backend(pid) FROM unnest(ARRAY[{pids}]) AS pid")),
    )
}

fn churn(facts: &Facts) -> Option<TriageFinding> {
    let (opened, ran) = (facts.grown("sessions"), facts.grown("transactions"));
    // A pool that fills opens many at once, and then each of them works.
    if opened < OPENED || ran > opened * 5 {
        return None;
    }
    let (who, first) = by_application(clients(facts));
    let message = format!(
        "{opened} connections were opened within a second, and {ran} transactions ran: nearly every transaction pays for a new process. \
         Connected now: {who}. A pool in the application, or PgBouncer, keeps them."
    );
    Some(
        TriageFinding::new(TriageMode::Pooling, &CHURN, message)
            .objects([first, facts.setting("database").to_owned()])
            .query("SELECT datname, sessions, xact_commit, numbackends FROM pg_stat_database WHERE datname = current_database()")
            // Says who connects, which is the first thing to know; the pool is then the client's.
            .fix("ALTER SYSTEM SET log_connections = on"),
    )
}
