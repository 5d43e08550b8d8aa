//! What a statement leaves in a session or misses behind a pool, as findings. Values in, findings out.

use underpin_model::finding::SourceLine;
use underpin_model::object::{ObjectKind, ObjectRef};
use underpin_model::{Code, Finding};

use super::Item;
use super::steps::Step;

/// Every code of statements behind a pool.
pub(super) const CODES: &[Code] = &[SETTING, PREPARED, LOCK, LISTEN, TEMPORARY, DIFFERS];

const SETTING: Code =
    Code::error("UP750", "pooling-setting-leaks", "a setting reaches the next client of the connection");
const PREPARED: Code =
    Code::error("UP751", "pooling-prepared-statement", "a prepared statement is left behind or not found");
const LOCK: Code =
    Code::error("UP752", "pooling-lock-left", "an advisory lock stays with a connection that others use");
const LISTEN: Code = Code::error("UP753", "pooling-listen-lost", "LISTEN behind a pool is heard by nobody");
const TEMPORARY: Code = Code::error(
    "UP754",
    "pooling-temporary-object",
    "a temporary table or cursor is left behind or not found",
);
const DIFFERS: Code =
    Code::error("UP755", "pooling-differs", "a transaction does something else behind transaction pooling");

/// Something that a server session holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) value: String,
}

/// What was seen of one item.
pub(super) struct Seen<'a> {
    pub(super) item: Item<'a>,
    /// Twice without a pool.
    pub(super) direct: [Vec<Step>; 2],
    /// By two clients that share a connection.
    pub(super) shared: [Vec<Step>; 2],
    /// With another connection for each transaction.
    pub(super) rotated: Vec<Step>,
    /// What stayed in a session afterwards.
    pub(super) held: Vec<Held>,
}

/// Returns what a session holds that it did not hold before.
pub(super) fn new(before: &[Held], after: Vec<Held>) -> Vec<Held> {
    after.into_iter().filter(|held| held.kind != "pid" && !before.contains(held)).collect()
}

/// Returns the process of a session.
pub(super) fn pid(held: &[Held]) -> Option<&str> {
    held.iter().find(|one| one.kind == "pid").map(|one| one.value.as_str())
}

/// Returns the faults of one item, one per kind.
pub(super) fn judge(seen: &Seen<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut add = |finding: Finding| {
        if found.iter().all(|known| known.code != finding.code) {
            found.push(finding);
        }
    };
    seen.held.iter().for_each(|held| add(left(seen, held)));
    let differing = [
        difference(&seen.direct[0], &seen.rotated)
            .map(|step| (step, "on another connection than the one before")),
        difference(&seen.direct[0], &seen.shared[0]).map(|step| (step, "through the pool")),
        difference(&seen.direct[1], &seen.shared[1])
            .map(|step| (step, "on a connection that another client used before")),
    ];
    for (step, way) in differing.into_iter().flatten() {
        add(differs(seen, step, way));
    }
    found
}

/// Returns the item's row for the table.
pub(super) fn row(seen: &Seen<'_>, found: &[Finding]) -> Vec<String> {
    let (name, kind, ..) = about(seen.item);
    let told: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
    let told = if told.is_empty() { "the same as without a pool".to_owned() } else { told.join(" ") };
    vec![name.to_owned(), kind.word().to_owned(), told]
}

fn about(item: Item<'_>) -> (&str, ObjectKind, &camino::Utf8Path) {
    match item {
        Item::Query(query) => (&query.name, ObjectKind::Query, &query.file),
        Item::Transaction(script) => (&script.name, ObjectKind::Transaction, &script.file),
    }
}

fn finding(seen: &Seen<'_>, code: &Code, (line, message): (u32, String)) -> Finding {
    let (name, kind, file) = about(seen.item);
    Finding::new(code, message).object(ObjectRef::new(kind, name)).at(SourceLine::new(file, line))
}

/// Returns the finding for something that stayed in the session.
fn left(seen: &Seen<'_>, held: &Held) -> Finding {
    let (name, ..) = about(seen.item);
    let Held { kind, name: what, value } = held;
    let next = "the next client of the same server connection";
    let line = line_naming(seen, what);
    match kind.as_str() {
        "prepared" => {
            let message = format!(
                "{name} leaves the prepared statement {what} to {next}: preparing it again is refused."
            );
            finding(seen, &PREPARED, (line, message)).hint(
                "Leave PREPARE to the driver, and let PgBouncer (1.21 and later) follow it: max_prepared_statements = 200",
            )
        }
        "lock" => {
            let message = format!(
                "{name} leaves an advisory lock ({what}, {value}) on a server connection that its client no longer has: nobody can \
                 release it on purpose."
            );
            finding(seen, &LOCK, (line, message))
                .hint("SELECT pg_advisory_xact_lock(…) inside the transaction: it ends with it.")
        }
        "listen" => {
            let message = format!(
                "{name} lets a server connection of the pool listen to {what}: notifications go to whoever has it, not to who asked."
            );
            finding(seen, &LISTEN, (line, message))
                .hint("Give the listener a connection of its own, past the pool.")
        }
        "temporary" => {
            let message = format!("{name} leaves the temporary {what} to {next}.");
            finding(seen, &TEMPORARY, (line, message)).hint(
                "CREATE TEMPORARY TABLE … ON COMMIT DROP, inside the transaction; cursors without WITH HOLD.",
            )
        }
        _ => {
            let message = format!("After {name} {next} finds {what} = '{value}'.");
            finding(seen, &SETTING, (line, message)).hint(format!(
                "SET LOCAL {what} = … inside the transaction, or set_config('{what}', …, true): both end with it."
            ))
        }
    }
}

/// Returns the line of the first statement that names something, else the first line.
fn line_naming(seen: &Seen<'_>, what: &str) -> u32 {
    let steps = seen.shared[0].iter().chain(&seen.rotated);
    let what = what.to_lowercase();
    let kinds = ["advisory", "listen", "prepare", "temp", "cursor", "set"];
    let names = |step: &&Step| step.sql.to_lowercase().contains(&what);
    let acts = |step: &&Step| kinds.iter().any(|kind| step.sql.to_lowercase().contains(kind));
    let step = steps.clone().find(names).or_else(|| steps.clone().find(acts));
    step.or_else(|| seen.direct[0].first()).map_or(1, |step| step.line)
}

/// Returns the first step that ends otherwise than without a pool.
fn difference<'s>(direct: &[Step], pooled: &'s [Step]) -> Option<(&'s Step, String)> {
    let pair = direct.iter().zip(pooled).find(|(direct, pooled)| !alike(direct, pooled));
    let (direct, pooled) = pair?;
    let expected = match &direct.answer {
        Ok(rows) => format!("without a pool it answers with {rows} rows"),
        Err(refusal) => format!("without a pool it is refused with {}", refusal.sqlstate),
    };
    Some((pooled, expected))
}

/// A refusal counts by its code: messages may name what differs from run to run.
fn alike(direct: &Step, pooled: &Step) -> bool {
    match (&direct.answer, &pooled.answer) {
        (Ok(one), Ok(two)) => one == two && direct.line == pooled.line,
        (Err(one), Err(two)) => one.sqlstate == two.sqlstate,
        _ => false,
    }
}

fn differs(seen: &Seen<'_>, (step, expected): (&Step, String), way: &str) -> Finding {
    let (name, ..) = about(seen.item);
    let (code, answer) = match &step.answer {
        Ok(rows) => (&DIFFERS, format!("answers with {rows} rows")),
        Err(refusal) => {
            let code = match refusal.sqlstate.as_str() {
                "26000" | "42P05" => &PREPARED,
                "42P07" | "42P01" | "34000" | "42P03" => &TEMPORARY,
                _ => &DIFFERS,
            };
            (code, format!("is refused with {}: {}", refusal.sqlstate, refusal.message))
        }
    };
    let message = format!("{name}, line {}, {way} {answer}; {expected}.", step.line);
    finding(seen, code, (step.line, message)).hint(
        "Put all of it between BEGIN and COMMIT: only within a transaction the connection stays the same.",
    )
}
