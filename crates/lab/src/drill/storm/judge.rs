//! What a storm must not do, and whether it did. Values in, findings out.

use underpin_model::{Code, Finding};

use super::OTHER_DESCRIPTORS;
use super::ladder::{Rung, Via};

/// Every code of the storm.
pub(super) const CODES: &[Code] = &[FAILED, BACKENDS, LOGIN, THROUGHPUT, DESCRIPTORS, REFUSED];

const FAILED: Code = Code::error("UP740", "storm-client-failed", "clients fail although a pool is between");
const BACKENDS: Code =
    Code::error("UP741", "storm-too-many-backends", "the pool opens more server connections than it may");
const LOGIN: Code = Code::error("UP742", "storm-login-slow", "logins take longer than applications wait");
const THROUGHPUT: Code =
    Code::error("UP743", "storm-throughput-collapses", "many clients get far less done than few");
const DESCRIPTORS: Code =
    Code::error("UP744", "pooler-out-of-files", "the pooler has too few open files and lets clients hang");
const REFUSED: Code =
    Code::note("UP745", "storm-direct-refused", "without a pool the server refuses clients from here on");

/// Longest login in milliseconds: many applications give up after five seconds.
const LOGIN_LIMIT_MS: f64 = 5_000.0;

/// Part of the throughput of a hundred clients that the most clients must reach. Ten thousand sockets cost time of their own,
/// but a pool that queues well keeps its connections busy.
const LEAST_PART: f64 = 0.35;

/// From this part of a processor on the clients' own process is what holds everybody up: all clients are one thread.
const BUSY: f64 = 0.9;

/// Clients of the rung that the others are compared with.
const BASE: u32 = 100;

/// What was judged.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Faults.
    pub findings: Vec<Finding>,
    /// What the rungs do not tell.
    pub unexamined: Vec<String>,
}

impl Judged {
    /// Tells whether the most clients got too little done.
    pub fn is_slow(&self) -> bool {
        self.findings.iter().any(|finding| finding.code == THROUGHPUT.code)
    }
}

/// Returns the rung with up to a hundred clients and the one with most, each as measured last.
pub(super) fn compared<'r>(pooled: &[&'r Rung]) -> Option<(&'r Rung, &'r Rung)> {
    // Of several with the same number, max_by_key returns the last.
    let base = pooled.iter().filter(|rung| rung.seen.clients <= BASE).max_by_key(|rung| rung.seen.clients);
    let most = pooled.iter().max_by_key(|rung| rung.seen.clients);
    base.copied().zip(most.copied())
}

/// Judges the rungs of a storm through a pool of `pool_size` connections; `descriptors` is the pooler's limit of open files,
/// where it is known.
pub fn judge(rungs: &[Rung], pool_size: u32, descriptors: Option<u64>) -> Judged {
    let mut judged = Judged::default();
    let pooled: Vec<&Rung> = rungs.iter().filter(|rung| rung.via == Via::Pooler).collect();
    for rung in &pooled {
        judged.findings.extend(backends(rung, pool_size));
        let waited = [failed(rung, descriptors), login(rung)].into_iter().flatten();
        match clients_too_slow(rung) {
            // Who hung, and for how long, is then the clients' own doing; who was refused is not.
            Some(why) if rung.seen.failures.keys().all(|reason| reason.starts_with("hung")) => {
                judged.unexamined.extend(waited.map(|finding| format!("{} {why}", finding.message)));
            }
            _ => judged.findings.extend(waited),
        }
    }
    if !pooled.is_empty() {
        throughput(&pooled, &mut judged);
    }
    judged.findings.extend(refused(rungs));
    judged
}

/// Returns why a rung says little of the pool: the clients themselves had no time left.
fn clients_too_slow(rung: &Rung) -> Option<String> {
    let busy = rung.clients_busy.filter(|busy| *busy >= BUSY)?;
    Some(format!(
        "The {} clients' own process used {:.0} % of its processor meanwhile: an optimised build or a quieter machine tells more",
        rung.seen.clients,
        busy * 100.0
    ))
}

fn failed(rung: &Rung, descriptors: Option<u64>) -> Option<Finding> {
    let (clients, count) = (rung.seen.clients, rung.seen.failed());
    if count == 0 {
        return None;
    }
    let reasons: Vec<String> =
        rung.seen.failures.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
    let told = format!("{count} of {clients} clients failed behind PgBouncer: {}.", reasons.join("; "));
    let needed = u64::from(clients) + OTHER_DESCRIPTORS;
    match descriptors {
        Some(limit) if limit < needed && rung.seen.failures.keys().any(|reason| reason.starts_with("hung")) => {
            let finding = Finding::new(
                &DESCRIPTORS,
                format!("{told} PgBouncer may have {limit} files open; beyond that it accepts nobody and refuses nobody."),
            );
            Some(finding.hint(format!(
                "LimitNOFILE={} in the service of PgBouncer (systemctl edit pgbouncer), then restart it",
                needed.next_power_of_two()
            )))
        }
        _ => Some(Finding::new(&FAILED, told).hint(
            "Read PgBouncer's log; max_client_conn, query_wait_timeout and client_login_timeout are what cuts clients off.",
        )),
    }
}

fn backends(rung: &Rung, pool_size: u32) -> Option<Finding> {
    let (clients, count) = (rung.seen.clients, rung.watched.backends);
    let message = format!("{clients} clients led to {count} server connections; the pool has {pool_size}.");
    (count > pool_size).then(|| {
        Finding::new(&BACKENDS, message)
            .hint("A pool exists per role and database: max_db_connections limits all of them together.")
    })
}

fn login(rung: &Rung) -> Option<Finding> {
    let (clients, slowest) = (rung.seen.clients, rung.seen.login_ms.max);
    let message = format!("The last of {clients} clients was logged in after {:.1} s.", slowest / 1_000.0);
    (slowest > LOGIN_LIMIT_MS).then(|| {
        Finding::new(&LOGIN, message).hint(
            "Store SCRAM verifiers in auth_file (a password there is derived anew at each login); raise listen_backlog and \
             net.core.somaxconn; let clients keep their connections.",
        )
    })
}

/// Compares the rung with most clients with that of a hundred.
fn throughput(pooled: &[&Rung], judged: &mut Judged) {
    let Some((base, most)) = compared(pooled) else {
        judged.unexamined.push(format!("no rung with up to {BASE} clients to compare the throughput with"));
        return;
    };
    if base.seen.throughput == 0.0 {
        judged
            .unexamined
            .push(format!("no call of {} clients ended well within the window", base.seen.clients));
        return;
    }
    let part = most.seen.throughput / base.seen.throughput;
    if part >= LEAST_PART {
        return;
    }
    let message = format!(
        "{} clients get {:.0} calls per second done, {:.2} times the {:.0} of {} clients; {LEAST_PART} is the least.",
        most.seen.clients, most.seen.throughput, part, base.seen.throughput, base.seen.clients
    );
    match clients_too_slow(most) {
        Some(why) => judged.unexamined.push(format!("{message} {why}")),
        None => judged.findings.push(Finding::new(&THROUGHPUT, message).hint("underpin pool")),
    }
}

/// Notes from how many clients on the server itself refuses.
fn refused(rungs: &[Rung]) -> Option<Finding> {
    let rung = rungs.iter().find(|rung| rung.via == Via::Direct && rung.seen.failed() > 0)?;
    let (reason, _) = rung.seen.failures.iter().max_by_key(|(_, count)| **count)?;
    let message = format!(
        "Without a pool {} of {} clients fail, mostly with `{reason}`.",
        rung.seen.failed(),
        rung.seen.clients
    );
    Some(Finding::new(&REFUSED, message).hint("Put a pool between; `underpin pool` sizes and writes it."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Seen, Spread};

    fn rung(via: Via, clients: u32, throughput: f64) -> Rung {
        let login_ms = Spread { count: 1, p50: 10.0, p99: 20.0, max: 30.0 };
        let seen = Seen { clients, throughput, login_ms, ..Seen::default() };
        let mut rung = Rung { via, seen, watched: Default::default(), clients_busy: Some(0.5) };
        rung.watched.backends = 20;
        rung
    }

    fn codes(rungs: &[Rung], descriptors: Option<u64>) -> Vec<String> {
        judge(rungs, 20, descriptors).findings.into_iter().map(|one| one.code).collect()
    }

    fn good() -> Vec<Rung> {
        vec![rung(Via::Pooler, 100, 1_000.0), rung(Via::Pooler, 10_000, 350.0)]
    }

    #[test]
    fn a_good_storm_is_silent() {
        assert_eq!(codes(&good(), Some(1 << 20)), [""; 0]);
    }

    #[test]
    fn the_last_measurement_decides() {
        let mut rungs = good();
        rungs[1].seen.throughput = 300.0;
        assert!(judge(&rungs, 20, None).is_slow());
        rungs.extend(good());
        assert_eq!(codes(&rungs, None), [""; 0]);
    }

    #[test]
    fn every_bar_can_be_missed() {
        let mut rungs = good();
        rungs[1].seen.throughput = 349.0;
        assert_eq!(codes(&rungs, None), ["UP743"]);
        let mut rungs = good();
        rungs[1].watched.backends = 21;
        assert_eq!(codes(&rungs, None), ["UP741"]);
        let mut rungs = good();
        rungs[0].seen.login_ms.max = 5_001.0;
        assert_eq!(codes(&rungs, None), ["UP742"]);
        let mut rungs = good();
        rungs[1].seen.failures.insert("08P01: query_wait_timeout".to_owned(), 1);
        assert_eq!(codes(&rungs, Some(1024)), ["UP740"]);
        rungs[1].seen.failures.insert("hung: waited 30 s for a login".to_owned(), 9_000);
        assert_eq!(codes(&rungs, Some(1024)), ["UP744"]);
        assert_eq!(codes(&rungs, Some(1 << 20)), ["UP740"]);
    }

    #[test]
    fn clients_without_time_of_their_own_prove_nothing_and_break_nothing() {
        let mut rungs = good();
        rungs[1].seen.throughput = 100.0;
        rungs[1].seen.login_ms.max = 9_000.0;
        rungs[1].seen.failures.insert("hung: waited 30 s for a login".to_owned(), 9);
        rungs[1].clients_busy = Some(0.97);
        let judged = judge(&rungs, 20, None);
        assert_eq!((judged.findings.len(), judged.unexamined.len()), (0, 3), "{judged:?}");
        rungs[1].seen.failures.insert("53300: sorry, too many clients already".to_owned(), 1);
        assert_eq!(codes(&rungs, None), ["UP740", "UP742"], "a refusal is the pool's");
    }

    #[test]
    fn direct_refusals_are_told_and_break_nothing() {
        let mut rungs = good();
        let mut direct = rung(Via::Direct, 1_000, 900.0);
        direct.seen.failures.insert("53300: sorry, too many clients already".to_owned(), 883);
        direct.watched.backends = 117;
        rungs.push(direct);
        let judged = judge(&rungs, 20, None);
        assert_eq!(judged.findings.len(), 1);
        assert_eq!((judged.findings[0].code.as_str(), judged.findings[0].severity.word()), ("UP745", "note"));
    }

    #[test]
    fn nothing_to_compare_with_is_no_proof() {
        assert_eq!(judge(&[rung(Via::Pooler, 10_000, 350.0)], 20, None).unexamined.len(), 1);
        assert_eq!(judge(&[rung(Via::Pooler, 100, 0.0)], 20, None).unexamined.len(), 1);
    }
}
