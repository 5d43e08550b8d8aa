//! Dead rows that stay, and who keeps them.

use underpin_model::sql_text::quote_literal;
use underpin_model::{Code, TriageFinding, TriageMode};
use underpin_pg::rows::Row;

use super::facts::Facts;

pub(super) const CODES: &[Code] = &[OFF, STARVED, HELD, WRAPAROUND];

const OFF: Code = Code::error("UP630", "autovacuum-off", "dead rows pile up because autovacuum is off");
const STARVED: Code =
    Code::warning("UP631", "autovacuum-starved", "autovacuum does not come to a table that needs it");
const HELD: Code = Code::error("UP632", "horizon-held", "somebody keeps every dead row from being removed");
const WRAPAROUND: Code = Code::error("UP634", "wraparound-near", "transaction ids are not frozen in time");

/// Fewer dead rows are removed by the way, by the next reader of their page.
const WORTH_DEAD: i64 = 1_000;

/// `autovacuum_freeze_max_age` starts a vacuum that nothing may switch off; a quarter later it has evidently not worked.
const OVERDUE: f64 = 1.25;

/// From here on the server warns and at 100 % it stops taking writes (manual, "Preventing Transaction ID Wraparound").
const ID_SPACE: i64 = 2_147_483_648;

pub(super) fn judge(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = Vec::new();
    let piles = piles(facts);
    let held = held(facts, &piles);
    let by_holder = held.is_some();
    found.extend(held);
    found.extend(wraparound(facts));
    found.extend(off(facts, &piles));
    if !by_holder {
        found.extend(starved(facts, &piles));
    }
    found
}

/// Tables with more dead rows than the server's defaults would leave.
fn piles<'a>(facts: &'a Facts) -> Vec<Row<'a>> {
    let number = |row: &Row<'_>, column: &str| row.int(column).unwrap_or_default();
    let mut rows: Vec<Row<'a>> = facts
        .rows("tables")
        .filter(|row| {
            let dead = number(row, "dead");
            dead >= WORTH_DEAD && dead > number(row, "vacuum_at_by_default")
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(number(row, "dead")));
    rows
}

fn told(piles: &[Row<'_>]) -> String {
    let one = |row: &Row<'_>| {
        let number = |column: &str| row.int(column).unwrap_or_default();
        format!("{} ({} dead, {} live)", row.text("name"), number("dead"), number("live"))
    };
    piles.iter().take(3).map(one).collect::<Vec<_>>().join(", ")
}

/// Who holds the horizon: its age in transactions, words, names and the way to end it.
struct Holder {
    age: i64,
    words: String,
    objects: Vec<String>,
    query: String,
    fix: String,
}

/// The oldest holder that did not move between the looks, when dead rows wait for it.
fn held(facts: &Facts, piles: &[Row<'_>]) -> Option<TriageFinding> {
    let holder = oldest_holder(facts)?;
    if piles.is_empty() {
        return None;
    }
    let message = format!(
        "{} keeps rows that died in the last {} transactions from being removed by any VACUUM of this database: {}.",
        holder.words,
        holder.age,
        told(piles)
    );
    let tables = piles.iter().take(3).map(|row| row.text("name").to_owned());
    Some(
        TriageFinding::new(TriageMode::Bloat, &HELD, message)
            .objects(holder.objects.into_iter().chain(tables))
            .query(holder.query)
            .fix(holder.fix),
    )
}

fn oldest_holder(facts: &Facts) -> Option<Holder> {
    let mut holders: Vec<Holder> = facts.unmoved().filter_map(|row| session_holder(facts, &row)).collect();
    for row in facts.rows("holders") {
        let same = |before: &Row<'_>| {
            before.text("name") == row.text("name") && before.get("xmin") == row.get("xmin")
        };
        if facts.before("holders").any(|before| same(&before)) {
            holders.extend(other_holder(&row));
        }
    }
    holders.into_iter().max_by_key(|holder| holder.age)
}

fn session_holder(facts: &Facts, row: &Row<'_>) -> Option<Holder> {
    let (pid, state) = (row.text("pid"), row.text("state"));
    let age = row.int("xmin_age").filter(|age| *age > 0)?;
    // A VACUUM's own horizon does not count, and one database's snapshot does not hold another's rows.
    let elsewhere = row.text("database") != facts.setting("database");
    if row.text("backend") != "client backend" || elsewhere || state.is_empty() {
        return None;
    }
    let application = row.text("application");
    Some(Holder {
        age,
        words: format!(
            "The transaction of session {pid} (application {application:?}, user {}, {state} for {:.0} s, open for {:.0} s)",
            row.text("user"),
            row.float("state_seconds").unwrap_or_default(),
            row.float("xact_seconds").unwrap_or_default()
        ),
        objects: vec![application.to_owned(), format!("pid {pid}")],
        query: "SELECT pid, application_name, usename, state, now() - xact_start AS open, age(backend_xmin) AS xmin_age, query \
                FROM pg_stat_activity WHERE backend_xmin IS NOT NULL ORDER BY age(backend_xmin) DESC LIMIT 5"
            .to_owned(),
        fix: format!("SELECT pg_terminate_backend({pid})"),
    })
}

fn other_holder(row: &Row<'_>) -> Option<Holder> {
    let name = row.text("name");
    let age = row.int("xmin_age").filter(|age| *age > 0)?;
    let (words, query, fix) = match row.text("kind") {
        "slot" => {
            let active = if row.bool("active") == Some(true) { "in use" } else { "used by nobody" };
            (
                format!("The replication slot {name} ({active})"),
                "SELECT slot_name, slot_type, active, age(xmin), age(catalog_xmin), wal_status FROM pg_replication_slots",
                format!("SELECT pg_drop_replication_slot({})", quote_literal(name)),
            )
        }
        "prepared" => (
            format!(
                "The prepared transaction {name} ({:.0} s old)",
                row.float("seconds").unwrap_or_default()
            ),
            "SELECT gid, prepared, owner, database, age(transaction) FROM pg_prepared_xacts ORDER BY prepared",
            format!("ROLLBACK PREPARED {}", quote_literal(name)),
        ),
        _ => (
            format!("The standby {name}, by hot_standby_feedback,"),
            "SELECT application_name, state, age(backend_xmin), replay_lag FROM pg_stat_replication",
            // Ends the feedback until the standby is back; its long query is the cause.
            format!("SELECT pg_terminate_backend({})", row.text("pid")),
        ),
    };
    Some(Holder { age, words, objects: vec![name.to_owned()], query: query.to_owned(), fix })
}

fn wraparound(facts: &Facts) -> Option<TriageFinding> {
    let (xids, multixacts) = (facts.server("xid_age"), facts.server("mxid_age"));
    let overdue = |age: i64, limit: i64| age as f64 > limit as f64 * OVERDUE || age > ID_SPACE / 2;
    let (xid_limit, mxid_limit) = (facts.server("freeze_max_age"), facts.server("multixact_freeze_max_age"));
    let (age, limit, kind) = if overdue(xids, xid_limit) {
        (xids, xid_limit, "transaction")
    } else if overdue(multixacts, mxid_limit) {
        (multixacts, mxid_limit, "multixact")
    } else {
        return None;
    };
    if limit == 0 {
        return None;
    }
    let holder = oldest_holder(facts).filter(|holder| holder.age * 2 > age);
    let oldest = facts.rows("tables").max_by_key(|row| row.int("xid_age").unwrap_or_default());
    let table = oldest.as_ref().map_or("", |row| row.text("name"));
    let mut message = format!(
        "The oldest {kind} id of this database is {age} old, {:.1} % of what there is; freezing should have happened at {limit}. At the \
         end the server takes no more writes.",
        age as f64 * 100.0 / ID_SPACE as f64
    );
    let database = facts.setting("database").to_owned();
    let mut objects = vec![database, table.to_owned()];
    let fix = match holder {
        Some(holder) => {
            message.push_str(&format!(" {} is in the way.", holder.words));
            objects.extend(holder.objects);
            holder.fix
        }
        None => oldest.map_or_else(
            || "VACUUM (FREEZE)".to_owned(),
            |row| format!("VACUUM (FREEZE) {}", row.text("quoted")),
        ),
    };
    let finding = TriageFinding::new(TriageMode::Bloat, &WRAPAROUND, message).objects(objects);
    Some(
        finding
            .query("SELECT oid::regclass, age(relfrozenxid) FROM pg_class WHERE relkind IN ('r', 'm', 't') ORDER BY 2 DESC LIMIT 10")
            .fix(fix),
    )
}

fn off(facts: &Facts, piles: &[Row<'_>]) -> Vec<TriageFinding> {
    let setting = ["autovacuum", "track_counts"].into_iter().find(|name| facts.setting(name) == "off");
    let query = "SELECT relname, n_dead_tup, n_live_tup, last_autovacuum FROM pg_stat_user_tables ORDER BY n_dead_tup DESC LIMIT 10";
    if let Some(setting) = setting {
        if piles.is_empty() {
            return Vec::new();
        }
        let message = format!(
            "{setting} is off for the whole server, and dead rows pile up: {}. The fix clears the worst table; ALTER SYSTEM SET {setting} = on, with a reload, mends the cause.",
            told(piles)
        );
        let tables = piles.iter().take(3).map(|row| row.text("name"));
        let finding =
            TriageFinding::new(TriageMode::Bloat, &OFF, message).objects([setting].into_iter().chain(tables));
        return vec![finding.query(query).fix(vacuum(&piles[0]))];
    }
    let switched_off = piles.iter().filter(|row| row.bool("autovacuum") == Some(false));
    switched_off
        .map(|row| {
            let message = format!("autovacuum_enabled is off for {}, and dead rows pile up.", told(&[*row]));
            TriageFinding::new(TriageMode::Bloat, &OFF, message)
                .objects([row.text("name"), "autovacuum_enabled"])
                .query(query)
                .fix(format!("ALTER TABLE {} RESET (autovacuum_enabled)", row.text("quoted")))
        })
        .collect()
}

/// Autovacuum is on and does not come: all workers are busy elsewhere, it looks too rarely, or the thresholds are out of reach.
fn starved(facts: &Facts, piles: &[Row<'_>]) -> Vec<TriageFinding> {
    if facts.setting("autovacuum") == "off" || facts.setting("track_counts") == "off" {
        return Vec::new();
    }
    let workers = facts.server("workers");
    let busy_before =
        facts.before("server").next().and_then(|row| row.int("workers_busy")).unwrap_or_default();
    let busy = workers > 0 && facts.server("workers_busy") >= workers && busy_before >= workers;
    let naptime = facts.server("naptime");
    let mut found = Vec::new();
    for row in piles.iter().filter(|row| row.bool("autovacuum") != Some(false)) {
        let number = |column: &str| row.int(column).unwrap_or_default();
        let (dead, at) = (number("dead"), number("vacuum_at"));
        let (why, object, fix) = if dead * 2 > number("live")
            && at > dead
            && at > 5 * number("vacuum_at_by_default")
        {
            let fix = format!(
                "ALTER TABLE {} SET (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 50)",
                row.text("quoted")
            );
            (format!("its own threshold is {at} dead rows"), "autovacuum_vacuum_scale_factor", fix)
        } else if dead > at && busy {
            let fix = vacuum(row);
            (format!("all {workers} workers are busy elsewhere"), "autovacuum_max_workers", fix)
        } else if dead > at && naptime > 300 && row.float("vacuumed_ago").is_none_or(|ago| ago > 60.0) {
            let fix = vacuum(row);
            (format!("autovacuum looks only every {naptime} s"), "autovacuum_naptime", fix)
        } else {
            continue;
        };
        let message = format!("Dead rows pile up in {}: {why}.", told(&[*row]));
        found.push(
            TriageFinding::new(TriageMode::Bloat, &STARVED, message)
                .objects([row.text("name"), object])
                .query("SELECT relname, n_dead_tup, n_live_tup, last_autovacuum FROM pg_stat_user_tables ORDER BY n_dead_tup DESC LIMIT 10")
                .fix(fix),
        );
    }
    found
}

/// One statement alone: VACUUM and ALTER SYSTEM refuse to run in one message with another.
fn vacuum(row: &Row<'_>) -> String {
    format!("VACUUM (ANALYZE) {}", row.text("quoted"))
}
