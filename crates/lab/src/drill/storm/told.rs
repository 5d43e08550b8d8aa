//! The storm's evidence: tables, charts, the commands, and what was not tested.

use std::collections::BTreeMap;

use underpin_model::Evidence;
use underpin_model::evidence::TranscriptStep;

use super::StormSpec;
use super::ladder::{Climbed, Rung, Via};
use crate::load::Spread;
use crate::proof::Outcome;

/// Refusals by the project that are listed.
const REFUSALS: usize = 20;

/// What a storm on one machine leaves open.
const NOT_TESTED: &str = "\
- Clients, pooler and server share one machine and its processors: with clients elsewhere the server has more to itself.
- Networks: Unix sockets have no latency, lose nothing and need no TLS.
- The clients' part of a SCRAM login (8 192 rounds of SHA-256) is done once and not once per client; the pooler's and the
  server's parts are done for each.
- Storms that last: clients that come and go for hours, a server restart or failover in the middle.
- Other pool modes, several pools (a role and database each), several PgBouncer processes, PgBouncer's TLS.
- Queries and transactions of other roles than the application's.";

/// Adds summary, measures and evidence.
pub(super) fn tell(outcome: &mut Outcome, spec: &StormSpec<'_>, climbed: &Climbed) {
    outcome.summary = summary(climbed);
    for rung in &climbed.rungs {
        let name = |what: &str| format!("{what}_{}_{}", rung.via.word().to_lowercase(), rung.seen.clients);
        outcome.measure(&name("throughput"), rung.seen.throughput.round(), "calls/s");
        outcome.measure(&name("failed"), f64::from(rung.seen.failed()), "clients");
    }
    outcome.evidence.push(ladder_table(climbed));
    outcome.evidence.push(throughput_chart(climbed));
    outcome.evidence.push(failures(climbed));
    outcome.evidence.push(workload(climbed));
    if let Some(evidence) = refusals(climbed) {
        outcome.evidence.push(evidence);
    }
    outcome.evidence.extend(pooler(climbed));
    outcome.evidence.push(machine(spec, climbed));
    let mut open = NOT_TESTED.to_owned();
    if !climbed.workload.left_out.is_empty() {
        open.push_str(&format!("\n- Of these: {}.", climbed.workload.left_out.join(", ")));
    }
    outcome.evidence.push(Evidence::text("not-tested", "What was not tested", "text", open));
}

fn summary(climbed: &Climbed) -> String {
    let most =
        |via: Via| climbed.rungs.iter().filter(|rung| rung.via == via).max_by_key(|rung| rung.seen.clients);
    let mut text = match most(Via::Pooler) {
        Some(rung) => format!(
            "{} clients through PgBouncer: {} failed, at most {} server connections, the last login after {:.1} s, {:.0} calls per second.",
            rung.seen.clients,
            rung.seen.failed(),
            rung.watched.backends,
            rung.seen.login_ms.max / 1_000.0,
            rung.seen.throughput
        ),
        None => String::new(),
    };
    if let Some(rung) = most(Via::Direct) {
        text.push_str(&format!(
            "{}{} clients directly: {} failed, {:.0} calls per second.",
            if text.is_empty() { "" } else { " " },
            rung.seen.clients,
            rung.seen.failed(),
            rung.seen.throughput
        ));
    }
    text
}

fn ladder_table(climbed: &Climbed) -> Evidence {
    let columns = [
        "clients",
        "way",
        "failed",
        "login p50 / p99 / last",
        "first row p50 / last",
        "calls/s",
        "call p50 / p99",
        "server connections",
        "waiting in the pool",
        "server memory",
        "pooler memory",
    ];
    let memory = |bytes: Option<u64>| {
        bytes.map_or_else(|| "not measurable here".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000))
    };
    let row = |rung: &Rung| {
        let Spread { p50, p99, max, .. } = rung.seen.login_ms;
        let is_pooled = rung.via == Via::Pooler;
        vec![
            rung.seen.clients.to_string(),
            rung.via.word().to_owned(),
            rung.seen.failed().to_string(),
            format!("{} / {} / {}", time(p50), time(p99), time(max)),
            format!("{} / {}", time(rung.seen.first_row_ms.p50), time(rung.seen.first_row_ms.max)),
            format!("{:.0}", rung.seen.throughput),
            format!("{} / {}", time(rung.seen.latency_ms.p50), time(rung.seen.latency_ms.p99)),
            rung.watched.backends.to_string(),
            if is_pooled { rung.watched.waiting.to_string() } else { String::new() },
            memory(rung.watched.server_bytes),
            if is_pooled { memory(rung.watched.pooler_bytes) } else { String::new() },
        ]
    };
    let rows = climbed.rungs.iter().map(row).collect();
    Evidence::table("ladder", "What the clients saw", &columns, rows)
}

/// Returns milliseconds with the digits that matter.
fn time(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms >= 1_000.0 => format!("{:.1} s", ms / 1_000.0),
        ms if ms >= 10.0 => format!("{ms:.0} ms"),
        ms => format!("{ms:.1} ms"),
    }
}

fn throughput_chart(climbed: &Climbed) -> Evidence {
    let label = |rung: &Rung| format!("{} {}", rung.seen.clients, rung.via.word());
    let bars = climbed.rungs.iter().map(|rung| (label(rung), rung.seen.throughput.round())).collect();
    Evidence::bars("throughput", "Calls that ended well, per second", "calls/s", bars)
}

fn failures(climbed: &Climbed) -> Evidence {
    let of = |rung: &Rung| {
        let (clients, way) = (rung.seen.clients.to_string(), rung.via.word().to_owned());
        let each = rung.seen.failures.iter();
        each.map(|(reason, count)| vec![clients.clone(), way.clone(), count.to_string(), reason.clone()])
            .collect::<Vec<_>>()
    };
    let rows = climbed.rungs.iter().flat_map(of).collect();
    Evidence::table(
        "failures",
        "Clients that failed, in the server's words",
        &["clients", "way", "failed", "reason"],
        rows,
    )
}

fn workload(climbed: &Climbed) -> Evidence {
    let total = climbed.workload.rate().max(f64::MIN_POSITIVE);
    let row = |item: &crate::load::Item| {
        let kind = match item.body {
            crate::load::Body::Query(_) => "query",
            crate::load::Body::Transaction { .. } => "transaction",
        };
        vec![item.name.clone(), kind.to_owned(), format!("{:.1} %", item.rate / total * 100.0)]
    };
    let rows = climbed.workload.items().iter().map(row).collect();
    let title = format!("What clients ran, as {}", climbed.workload.role);
    Evidence::table("workload", title, &["name", "kind", "part of all calls"], rows)
}

/// Lists what the project itself refused: the application has to expect these, so they are no failures.
fn refusals(climbed: &Climbed) -> Option<Evidence> {
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    for (what, count) in climbed.rungs.iter().flat_map(|rung| &rung.seen.refused) {
        *counted.entry(what).or_default() += count;
    }
    let retries: u32 = climbed.rungs.iter().map(|rung| rung.seen.retries).sum();
    if retries > 0 {
        counted.insert("serialization failures and deadlocks (class 40)", retries);
    }
    let mut rows: Vec<(&str, u32)> = counted.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    rows.truncate(REFUSALS);
    let rows: Vec<_> =
        rows.into_iter().map(|(what, count)| vec![what.to_owned(), count.to_string()]).collect();
    let title = "Calls that the project's own rules refused, all rungs together";
    (!rows.is_empty()).then(|| Evidence::table("refused", title, &["call", "times"], rows))
}

fn pooler(climbed: &Climbed) -> Vec<Evidence> {
    let Some(told) = &climbed.pooler else { return Vec::new() };
    let mut steps = vec![TranscriptStep { command: told.command.clone(), ..TranscriptStep::default() }];
    for rung in climbed.rungs.iter().filter(|rung| rung.via == Via::Pooler) {
        if let Some(step) = &rung.watched.show_pools {
            let command = format!("SHOW POOLS  -- {} clients, end of the window", rung.seen.clients);
            steps.push(TranscriptStep { command, duration_ms: 0, ..step.clone() });
        }
    }
    vec![
        Evidence::text(
            "pooler",
            format!("The configuration of {}", told.version),
            "ini",
            told.config.clone(),
        ),
        Evidence::transcript("runbook", "The commands that ran", steps),
    ]
}

fn machine(spec: &StormSpec<'_>, climbed: &Climbed) -> Evidence {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let mut rows = vec![
        vec!["processors, shared by clients, pooler and server".to_owned(), processors.to_string()],
        vec!["max_connections of the server".to_owned(), climbed.max_connections.clone()],
        vec!["seconds that were counted at each rung".to_owned(), format!("{}", spec.window.as_secs_f64())],
        vec![
            "open files that the clients' process may have".to_owned(),
            climbed.own_descriptors.soft.to_string(),
        ],
    ];
    if let Some(limit) = climbed.pooler_descriptors {
        rows.push(vec!["open files that PgBouncer may have".to_owned(), limit.to_string()]);
    }
    let queue: u32 = climbed.rungs.iter().map(|rung| rung.seen.queue_full).sum();
    rows.push(vec![
        "attempts that met a full queue of the socket and were repeated".to_owned(),
        queue.to_string(),
    ]);
    Evidence::table("machine", "The machine and its limits", &["what", "value"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!([0.26, 12.4, 9_876.0].map(time), ["0.3 ms", "12 ms", "9.9 s"]);
    }
}
