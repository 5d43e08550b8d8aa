//! When each kind of client writes again after a promotion: with several hosts, and through PgBouncer.

mod kind;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use futures_util::future::{LocalBoxFuture, join_all};
use serde::Serialize;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::{Address, Installation, Pooler, PoolerSpec, Session};

pub use kind::Kind;

use self::kind::{Line, POOLED_ROLE};
use super::transcript::worded;
use crate::error::LabError;

/// A wish for clients of every kind.
#[derive(Clone, Debug)]
pub struct CallersSpec {
    /// PgBouncer's program; without it only clients that connect by themselves are there.
    pub pgbouncer: Option<Utf8PathBuf>,
    /// How long after the promotion a client may take before it counts as stuck.
    pub patience: Duration,
}

/// What one kind of client went through.
#[derive(Clone, Debug, Serialize)]
pub struct Caller {
    /// The kind.
    pub kind: Kind,
    /// Writes that were acknowledged before the failure.
    pub before: usize,
    /// Calls that failed before the failure.
    pub failed_before: usize,
    /// Calls that failed, or were given up, from the failure until it wrote on the new primary or the drill's end.
    pub failed: usize,
    /// Time from the failure to its first write that the new primary acknowledged; absent when it was stuck.
    pub again_ms: Option<u64>,
    /// Writes that were acknowledged to it and that the new primary does not have.
    pub lost: usize,
    /// The last error that it saw, one line; empty for none.
    pub error: String,
}

/// Clients of every kind with their own record.
pub(super) struct Callers {
    kinds: Vec<Rc<Live>>,
    poolers: Vec<(Kind, Pooler)>,
    ended: Rc<Cell<bool>>,
    patience: Duration,
}

/// The moments that a client is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) failed_at: Instant,
    /// From when on an answer of the new primary counts. Where it is the failed one itself, started again, an answer from
    /// before may still lie in the socket.
    pub(super) back_from: Instant,
    /// Clients were not waited for any longer.
    pub(super) settled_at: Instant,
}

/// One client while it lives.
struct Live {
    kind: Kind,
    next: Cell<u64>,
    calls: RefCell<Vec<Call>>,
}

/// One call: its number, when it ended, and which node acknowledged it.
struct Call {
    number: u64,
    at: Instant,
    outcome: Result<String, String>,
}

/// Pause between two calls, and between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(20);

/// A call that takes longer is given up, and the connection with it, unless the kind has no limit.
const LIMIT: Duration = Duration::from_secs(2);

/// The name of the node that answers: its data folder's.
const NODE: &str = "regexp_replace(current_setting('data_directory'), '^.*/', '')";

impl Callers {
    /// Creates the table, and a pooler for each kind that goes through one. `hosts` begins with the primary.
    pub(super) async fn prepare(spec: &CallersSpec, hosts: &[Address]) -> Result<Callers, LabError> {
        let Some(primary) = hosts.first() else {
            return Err(LabError::Unexpected("clients need a server".to_owned()));
        };
        let session = Session::connect(primary).await?;
        let table = "CREATE TABLE underpin_callers (kind text, number bigint, PRIMARY KEY (kind, number))";
        session.execute(table).await?;
        session.close().await;
        let mut poolers = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|kind| kind.fits(hosts)) {
            let (Some(program), Some(settings)) = (&spec.pgbouncer, kind.pooler_settings()) else { continue };
            let mut wish = PoolerSpec::new(program.clone(), primary, &[POOLED_ROLE], 3);
            if kind == Kind::PoolerHosts {
                wish.others = hosts[1..].to_vec();
            }
            for (name, value) in settings {
                wish = wish.setting(name, value);
            }
            poolers.push((kind, Pooler::start(&wish).await?));
        }
        let runs = |kind: &Kind| !kind.is_pooled() || poolers.iter().any(|(of, _)| of == kind);
        let kinds = Kind::ALL.into_iter().filter(runs);
        let kinds =
            kinds.map(|kind| Rc::new(Live { kind, next: Cell::new(1), calls: RefCell::default() })).collect();
        Ok(Callers { kinds, poolers, ended: Rc::default(), patience: spec.patience })
    }

    /// Returns the lives of all clients; they end with [`Callers::end`].
    pub(super) fn lives(
        &self,
        installation: &Installation,
        hosts: &[Address],
    ) -> Vec<LocalBoxFuture<'static, ()>> {
        let life = |live: &Rc<Live>| -> LocalBoxFuture<'static, ()> {
            let pooler = self.poolers.iter().find(|(kind, _)| *kind == live.kind).map(|(_, pooler)| pooler);
            let line = Line::of(live.kind, installation, (hosts, pooler));
            let (live, ended) = (live.clone(), self.ended.clone());
            Box::pin(async move {
                let clients = (0..live.kind.clients()).map(|_| live.call_on(&line));
                tokio::select! {
                    _ = join_all(clients) => {}
                    // A client that hangs is not waited for.
                    () = until_set(&ended) => {}
                }
            })
        };
        self.kinds.iter().map(life).collect()
    }

    /// Lets clients end.
    pub(super) fn end(&self) {
        self.ended.set(true);
    }

    /// Does what an operator does after a promotion: leads each pooler with a single server to the new one.
    pub(super) async fn operate(&mut self, primary: &Address) -> Result<Vec<TranscriptStep>, LabError> {
        let mut steps = Vec::new();
        for (kind, pooler) in self.poolers.iter_mut().filter(|(kind, _)| *kind != Kind::PoolerHosts) {
            let start = Instant::now();
            let entry = pooler.lead_to(primary).await?;
            steps.push(TranscriptStep {
                command: format!(
                    "sed -i 's|^\\* = .*|{entry}|' pgbouncer.ini; psql pgbouncer -c RELOAD -c RECONNECT"
                ),
                output: kind.words().to_owned(),
                exit: None,
                duration_ms: start.elapsed().as_millis() as u64,
            });
        }
        Ok(steps)
    }

    /// Returns the folders of its poolers, each with a word for it.
    pub(super) fn words(&self) -> Vec<(String, String)> {
        self.poolers
            .iter()
            .map(|(_, pooler)| (pooler.folder().to_string(), "$PGBOUNCER".to_owned()))
            .collect()
    }

    /// Waits until every client wrote on the new primary since the failure, or patience is over.
    pub(super) async fn settle(&self, node: &str, back_from: Instant) {
        let start = Instant::now();
        let back = |live: &Rc<Live>| live.again(node, back_from).is_some();
        while start.elapsed() < self.patience && !self.kinds.iter().all(back) {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns what each kind went through between the failure and the end of patience; `primary` is the new one, `node` its
    /// name. Who writes later only, because the old primary woke up, was stuck.
    pub(super) async fn judge(
        &self,
        (primary, node): (&Address, &str),
        span: Span,
    ) -> Result<Vec<Caller>, LabError> {
        let session = Session::connect(primary).await?;
        let rows = session.rows("SELECT kind || ' ' || number AS key FROM underpin_callers").await?;
        session.close().await;
        let there: std::collections::BTreeSet<&str> = rows.column("key").collect();
        Ok(self.kinds.iter().map(|live| live.judge(&there, (node, span))).collect())
    }
}

impl Live {
    /// Calls until it is dropped, with a new connection after each call that failed.
    async fn call_on(&self, line: &Line) {
        loop {
            let mut connection = None;
            loop {
                let number = self.next.replace(self.next.get() + 1);
                let sql = format!(
                    "INSERT INTO underpin_callers VALUES ('{}', {number}) RETURNING {NODE}",
                    self.kind.word()
                );
                let outcome = line.call(&mut connection, &sql, self.limit()).await;
                let failed = outcome.is_err();
                self.calls.borrow_mut().push(Call { number, at: Instant::now(), outcome });
                tokio::time::sleep(PAUSE).await;
                if failed {
                    break;
                }
            }
        }
    }

    fn limit(&self) -> Option<Duration> {
        (self.kind != Kind::LibpqPatient).then_some(LIMIT)
    }

    /// Returns when the node acknowledged the first call since then.
    fn again(&self, node: &str, back_from: Instant) -> Option<Instant> {
        let calls = self.calls.borrow();
        let mut after = calls.iter().filter(|call| call.at >= back_from);
        after.find(|call| call.outcome.as_deref() == Ok(node)).map(|call| call.at)
    }

    fn judge(&self, there: &std::collections::BTreeSet<&str>, (node, span): (&str, Span)) -> Caller {
        let failed_at = span.failed_at;
        let again = self.again(node, span.back_from).filter(|again| *again <= span.settled_at);
        let calls = self.calls.borrow();
        let word = self.kind.word();
        let (before, after): (Vec<&Call>, Vec<&Call>) = calls.iter().partition(|call| call.at < failed_at);
        let failed = |calls: &[&Call]| calls.iter().filter(|call| call.outcome.is_err()).count();
        let until_again: Vec<&Call> =
            after.into_iter().filter(|call| again.is_none_or(|again| call.at < again)).collect();
        let lost = |call: &&Call| {
            call.outcome.is_ok() && !there.contains(format!("{word} {}", call.number).as_str())
        };
        let error = calls.iter().rev().find_map(|call| call.outcome.as_ref().err());
        Caller {
            kind: self.kind,
            before: before.iter().filter(|call| call.outcome.is_ok()).count(),
            failed_before: failed(&before),
            failed: failed(&until_again),
            again_ms: again.map(|again| (again - failed_at).as_millis() as u64),
            lost: calls.iter().filter(lost).count(),
            error: error.cloned().unwrap_or_default(),
        }
    }
}

/// Returns the last words of an error, with the folders of this run replaced: libpq names every host in turn.
pub(super) fn told_error(error: &str, words: &[(String, String)]) -> String {
    let text = worded(error, words);
    match text.chars().count().checked_sub(ERROR_LENGTH) {
        None | Some(0) => text,
        Some(long) => format!("… {}", text.chars().skip(long).collect::<String>()),
    }
}

/// Characters of an error that are told.
const ERROR_LENGTH: usize = 150;

async fn until_set(flag: &Cell<bool>) {
    while !flag.get() {
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_back_when_the_new_primary_answers_and_what_the_old_one_took_meanwhile_is_lost() {
        let failed_at = Instant::now() + Duration::from_secs(10);
        let span = |back_from: u64, settled_at: u64| Span {
            failed_at,
            back_from: failed_at + Duration::from_millis(back_from),
            settled_at: failed_at + Duration::from_millis(settled_at),
        };
        let call = |number: u64, ms: i64, outcome: Result<&str, &str>| Call {
            number,
            at: if ms < 0 {
                failed_at - Duration::from_millis(ms.unsigned_abs())
            } else {
                failed_at + Duration::from_millis(ms as u64)
            },
            outcome: outcome.map(str::to_owned).map_err(str::to_owned),
        };
        let calls = vec![
            call(1, -20, Ok("n1")),
            call(2, 5, Ok("n1")),
            call(3, 30, Err("gone")),
            call(4, 70, Ok("n2")),
            call(5, 90, Err("late")),
        ];
        let live = Live { kind: Kind::Libpq, next: Cell::new(6), calls: RefCell::new(calls) };
        let there = ["libpq 1", "libpq 4"].into_iter().collect();
        let told = live.judge(&there, ("n2", span(0, 80)));
        assert_eq!(
            (told.before, told.failed_before, told.failed, told.again_ms, told.lost, told.error.as_str()),
            (1, 0, 1, Some(70), 1, "late")
        );
        // Nobody but the node that was promoted brings it back, and not after patience is over.
        let late = live.judge(&there, ("n2", span(0, 60)));
        assert_eq!(late.again_ms, None);
        // Started again, the failed node answers after it is back; what came before is no sign of that.
        assert_eq!(live.judge(&there, ("n1", span(6, 80))).again_ms, None);
        let stuck = live.judge(&there, ("n3", span(0, 9_000)));
        assert_eq!((stuck.failed, stuck.again_ms), (2, None));
    }
}
