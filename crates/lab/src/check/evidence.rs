//! What a file did, as evidence: one entry per statement, and a table for a pull request.

use underpin_model::deployment::{Deployment, Step, Work};
use underpin_model::evidence::{HeldLock, StatementTrace};
use underpin_model::{Evidence, EvidenceBody, EvidenceId};

use super::observe::rank;

/// Returns one piece of evidence per statement.
pub(super) fn evidence(deployment: &Deployment) -> Vec<Evidence> {
    let piece = |trace: StatementTrace| Evidence {
        id: EvidenceId(format!("{}:{}", trace.file, trace.line)),
        title: format!("{}:{}", trace.file, trace.line),
        body: EvidenceBody::Statement(trace),
    };
    statement_traces(deployment).into_iter().map(piece).collect()
}

/// Returns the transactions of which not every order was fought, for the bounds of a race were met.
pub(super) fn races_cut_short(deployments: &[Deployment]) -> Option<Evidence> {
    let row = |deployment: &Deployment, name: &String| vec![deployment.file.to_string(), name.clone()];
    let rows: Vec<_> =
        deployments.iter().flat_map(|one| one.unraced.iter().map(|name| row(one, name))).collect();
    let title = "Transactions of which not every order with the file was run";
    (!rows.is_empty()).then(|| Evidence::table("races cut short", title, &["file", "transaction"], rows))
}

/// Returns what each statement did.
pub fn statement_traces(deployment: &Deployment) -> Vec<StatementTrace> {
    deployment.steps.iter().map(|step| statement_trace(deployment, step)).collect()
}

fn statement_trace(deployment: &Deployment, step: &Step) -> StatementTrace {
    let work = step.widest();
    let wait = |work: &Work| if work.blocks() { rounded(work.duration_ms) } else { 0.0 };
    let reads = work.reads_blocked.iter().map(|table| format!("reads of {table}"));
    let writes = work.writes_blocked.iter().map(|table| format!("writes to {table}"));
    let mut waits_ms = vec![wait(&step.small)];
    waits_ms.extend(step.large.as_ref().map(wait));
    StatementTrace {
        file: deployment.file.to_string(),
        line: step.statement.line,
        sql: step.statement.sql.clone(),
        locks: step.small.locks.clone(),
        rewrites: work.rewrites.clone(),
        index_builds: work.index_builds.iter().map(|(index, table)| format!("{index} on {table}")).collect(),
        rows_read: work.rows_read,
        rows_written: work.rows_written,
        wal_bytes: work.wal_bytes,
        blocks_reads: !work.reads_blocked.is_empty(),
        blocks_writes: !work.writes_blocked.is_empty(),
        waiting: reads.chain(writes).collect(),
        grows: step.grows(),
        waits_ms,
        wait_in_production_ms: deployment.wait_in_production(step).map(rounded),
        refused: step
            .small
            .refused
            .as_ref()
            .map(|refused| format!("{} ({})", refused.message, refused.sqlstate)),
        duration_ms: rounded(step.small.duration_ms),
    }
}

/// Returns milliseconds without the digits that no clock can vouch for.
fn rounded(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}

/// Returns the statements of all files as one Markdown table, for a pull request.
pub fn table_for_pull_request(deployments: &[Deployment]) -> String {
    let mut text = String::from(
        "| statement | lock | waits meanwhile | rows read | written anew | wait, ms: here · ×4 · production |\n|---|---|---|--:|---|---|\n",
    );
    for trace in deployments.iter().flat_map(statement_traces) {
        let waits: Vec<String> = trace.waits_ms.iter().map(|ms| format!("{ms:.0}")).collect();
        let production = trace.wait_in_production_ms.map(|ms| format!(" · {ms:.0}")).unwrap_or_default();
        let waits = waits.join(" · ");
        text.push_str(&format!(
            "| {}:{} {} | {waits}{production} |\n",
            trace.file,
            trace.line,
            cells(&trace).join(" | ")
        ));
    }
    text
}

/// Returns the statements of a file as a Markdown table without anything that differs from run to run.
pub fn table_without_times(deployment: &Deployment) -> String {
    let mut text = String::from(
        "| statement | lock | waits meanwhile | rows read | written anew |\n|---|---|---|--:|---|\n",
    );
    for trace in statement_traces(deployment) {
        text.push_str(&format!("| {} |\n", cells(&trace).join(" | ")));
    }
    text
}

/// Returns statement, strongest lock, what waits, rows read, and what is written anew.
fn cells(trace: &StatementTrace) -> [String; 5] {
    let mut lines = trace.sql.lines();
    let first = lines.next().unwrap_or_default().replace('|', "\\|");
    let first = if lines.next().is_some() { format!("`{first}` …") } else { format!("`{first}`") };
    // Among equals the table says more than its indexes.
    let waits_on =
        |lock: &HeldLock| trace.waiting.iter().any(|what| what.ends_with(&format!(" {}", lock.relation)));
    let weight = |lock: &&HeldLock| (rank(&lock.mode), waits_on(lock), trace.sql.contains(&lock.relation));
    // A new index is locked by its builder, and nobody waits for that; where one is built anew, readers do.
    let builds = |lock: &&HeldLock| {
        trace.index_builds.iter().any(|index| index.starts_with(&format!("{} on ", lock.relation)))
    };
    let felt = trace.locks.iter().filter(|lock| trace.blocks_reads || !builds(lock));
    let strongest = felt.max_by_key(weight);
    let lock = strongest.map_or_else(String::new, |lock| format!("{} on {}", lock.mode, lock.relation));
    let waits = match trace.refused {
        Some(_) => "refused".to_owned(),
        None => trace.waiting.join(", "),
    };
    let anew: Vec<&str> = trace.rewrites.iter().chain(&trace.index_builds).map(String::as_str).collect();
    [first, lock, waits, trace.rows_read.to_string(), anew.join(", ")]
}
