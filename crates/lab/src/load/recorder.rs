//! What all clients of a load saw together.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::workload::Ran;

/// How an amount spreads, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many were measured.
    pub count: usize,
    /// Half were below.
    pub p50: f64,
    /// 99 of 100 were below.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// What clients saw.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// Clients that tried.
    pub clients: u32,
    /// Clients that failed, by reason: refused, hung or cut off.
    pub failures: BTreeMap<String, u32>,
    /// How often the queue of the Unix socket was full; the client then tried again, as TCP does by itself.
    pub queue_full: u32,
    /// From the storm's begin to the end of the login.
    pub login_ms: Spread,
    /// From the storm's begin to the end of the first query or transaction.
    pub first_row_ms: Spread,
    /// One query or transaction, waiting for a connection of the pool included.
    pub latency_ms: Spread,
    /// Queries and transactions that ended well within the window, per second.
    pub throughput: f64,
    /// Refused by a rule of the project, as `name: SQLSTATE words`; an application must expect these.
    pub refused: BTreeMap<String, u32>,
    /// Serialization failures and deadlocks.
    pub retries: u32,
}

impl Seen {
    /// Returns how many clients failed.
    pub fn failed(&self) -> u32 {
        self.failures.values().sum()
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = ((values.len() as f64 * part).ceil() as usize).saturating_sub(1);
            values.get(place).copied().unwrap_or_default()
        };
        Spread { count: values.len(), p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

/// Takes notes for all clients of one thread.
pub(super) struct Recorder {
    start: Instant,
    notes: RefCell<Notes>,
}

#[derive(Default)]
struct Notes {
    seen: Seen,
    login: Vec<f64>,
    first_row: Vec<f64>,
    latency: Vec<f64>,
    /// When calls count; none before all clients are in.
    window: Option<(Instant, Instant)>,
    well: u64,
    ended: bool,
}

impl Recorder {
    pub(super) fn new(clients: u32) -> Recorder {
        let seen = Seen { clients, ..Seen::default() };
        Recorder {
            start: Instant::now(),
            notes: RefCell::new(Notes {
                seen,
                login: Vec::with_capacity(clients as usize),
                ..Notes::default()
            }),
        }
    }

    pub(super) fn logged_in(&self, queue_full: u32) {
        let mut notes = self.notes.borrow_mut();
        notes.login.push(milliseconds(self.start.elapsed()));
        notes.seen.queue_full += queue_full;
    }

    pub(super) fn failed(&self, reason: String) {
        *self.notes.borrow_mut().seen.failures.entry(reason).or_default() += 1;
    }

    pub(super) fn first_row(&self) {
        self.notes.borrow_mut().first_row.push(milliseconds(self.start.elapsed()));
    }

    /// Notes a call that began at `begun`; returns whether the client can go on.
    pub(super) fn ran(&self, name: &str, begun: Instant, ran: Ran) -> bool {
        let mut notes = self.notes.borrow_mut();
        let now = Instant::now();
        match ran {
            Ran::Well => {
                if let Some((from, to)) = notes.window
                    && now >= from
                {
                    notes.latency.push(milliseconds(now - begun));
                    notes.well += u64::from(now <= to);
                }
            }
            Ran::Again => notes.seen.retries += 1,
            Ran::Refused(sqlstate, words) => {
                *notes.seen.refused.entry(format!("{name}: {sqlstate} {words}")).or_default() += 1;
            }
            Ran::Lost(words) => {
                *notes.seen.failures.entry(words).or_default() += 1;
                return false;
            }
        }
        true
    }

    /// Tells whether every client is in or has failed.
    pub(super) fn all_settled(&self) -> bool {
        let notes = self.notes.borrow();
        notes.login.len() + notes.seen.failed() as usize >= notes.seen.clients as usize
    }

    /// Begins to count calls, for so long.
    pub(super) fn open_window(&self, length: Duration) {
        let now = Instant::now();
        self.notes.borrow_mut().window = Some((now, now + length));
    }

    pub(super) fn end(&self) {
        self.notes.borrow_mut().ended = true;
    }

    pub(super) fn ended(&self) -> bool {
        self.notes.borrow().ended
    }

    pub(super) fn finish(self) -> Seen {
        let notes = self.notes.into_inner();
        let seconds = notes.window.map_or(0.0, |(from, to)| (to - from).as_secs_f64());
        Seen {
            login_ms: Spread::of(notes.login),
            first_row_ms: Spread::of(notes.first_row),
            latency_ms: Spread::of(notes.latency),
            throughput: if seconds > 0.0 { notes.well as f64 / seconds } else { 0.0 },
            ..notes.seen
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_of_real_values() {
        let spread = Spread::of((1..=100).rev().map(f64::from).collect());
        assert_eq!((spread.p50, spread.p99, spread.max, spread.count), (50.0, 99.0, 100.0, 100));
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn what_ends_before_the_window_does_not_count() {
        let recorder = Recorder::new(2);
        recorder.ran("q", Instant::now(), Ran::Well);
        recorder.open_window(Duration::from_secs(1));
        recorder.ran("q", Instant::now(), Ran::Well);
        assert!(!recorder.ran("q", Instant::now(), Ran::Lost("53300: no more".to_owned())));
        recorder.logged_in(3);
        assert!(recorder.all_settled());
        let seen = recorder.finish();
        assert_eq!((seen.throughput, seen.failed(), seen.queue_full, seen.latency_ms.count), (1.0, 1, 3, 1));
    }
}
