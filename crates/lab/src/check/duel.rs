//! One migration file and one transaction of the application, in one order of their statements, on a database of its own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use underpin_model::project::Migration;
use underpin_model::script::TransactionScript;
use underpin_model::statement::Statement;
use underpin_pg::Session;

use super::stage::Copy;
use super::trace::send;
use crate::error::LabError;
use crate::params::Values;
use crate::script_run::{ScriptRun, StepFault};

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Migration,
    Application,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Migration => Side::Application,
            Side::Application => Side::Migration,
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// An order with at most two switches that nobody was forced to: `first` takes some steps, the other takes some,
/// `first` goes to its end, and then the other. Whoever waits for a lock is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) first: Side,
    /// Steps of `first` before the other begins.
    pub(super) before: usize,
    /// Steps of the other in between.
    pub(super) between: usize,
}

impl Order {
    /// One after the other.
    pub(super) fn serial(first: Side) -> Order {
        Order { first, before: usize::MAX, between: 0 }
    }

    /// Returns who is to go, of those that can.
    fn turn(&self, taken: [usize; 2], can: [bool; 2]) -> Option<Side> {
        let (first, other) = (self.first, self.first.other());
        let wish = if taken[first.index()] < self.before {
            first
        } else if taken[other.index()] < self.between {
            other
        } else {
            first
        };
        [wish, wish.other()].into_iter().find(|side| can[side.index()])
    }
}

/// What runs.
pub(super) struct Duel<'a> {
    pub(super) migration: &'a Migration,
    pub(super) script: &'a TransactionScript,
    pub(super) values: Values,
    pub(super) role: Option<&'a str>,
}

/// How one order ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Fought {
    /// Who, statement, outcome.
    pub(super) steps: Vec<(String, String, String)>,
    /// SQLSTATE and message of the first refusal, by side.
    pub(super) refused: [Option<(String, String)>; 2],
    /// Steps that each side took.
    pub(super) taken: [usize; 2],
    /// What every column of every table holds, as one number.
    pub(super) state: BTreeMap<String, String>,
}

impl Fought {
    /// Returns whether both went through.
    pub(super) fn whole(&self) -> bool {
        self.refused.iter().all(Option::is_none)
    }
}

/// A step that a side has taken.
struct Taken {
    side: Side,
    sql: String,
    outcome: Result<(), (String, String)>,
    /// No step is left.
    last: bool,
}

/// Whoever does not answer and waits for nobody within this time has a fault of its own.
const PATIENCE: Duration = Duration::from_secs(5);

impl Duel<'_> {
    /// Fights in the copy, which is spoilt afterwards.
    pub(super) async fn fight(&self, copy: &Copy, order: Order) -> Result<Fought, LabError> {
        let watcher = Session::connect(&copy.place.superuser).await?;
        watcher
            .execute(&format!(
                "ALTER DATABASE {} SET deadlock_timeout = '15ms'",
                underpin_model::sql_text::quote_identifier(&copy.place.superuser.database)
            ))
            .await?;
        let migrating = Session::connect(&copy.place.owner).await?;
        let login = match self.role {
            Some(role) => copy.place.superuser.user(role),
            None => copy.place.superuser.clone(),
        };
        let working = Session::connect(&login).await?;
        let (done, answers) = unbounded_channel();
        let (go_migration, turns_migration) = unbounded_channel();
        let (go_application, turns_application) = unbounded_channel();
        let conductor = Conductor {
            order,
            go: [go_migration, go_application],
            answers,
            pids: [migrating.pid(), working.pid()],
            watcher: &watcher,
            fought: Fought::default(),
        };
        let (fought, (), ()) = tokio::join!(
            conductor.run(),
            self.migrate(&migrating, turns_migration, done.clone()),
            self.work(&working, turns_application, done),
        );
        let mut fought = fought?;
        migrating.close().await;
        working.close().await;
        fought.state = state(&watcher).await?;
        watcher.close().await;
        Ok(fought)
    }

    async fn migrate(
        &self,
        session: &Session,
        mut turns: UnboundedReceiver<()>,
        done: UnboundedSender<Taken>,
    ) {
        let steps = steps_of(self.migration);
        for (nth, step) in steps.iter().enumerate() {
            if turns.recv().await.is_none() {
                return;
            }
            let outcome = send(session, step).await.map_err(|refused| refused.told());
            let failed = outcome.is_err();
            let last = failed || nth + 1 == steps.len();
            if failed {
                // What the runner does; the first refusal is the one to report.
                let _ = session.execute("ROLLBACK").await;
            }
            let sql = step.sql.clone();
            if done.send(Taken { side: Side::Migration, sql, outcome, last }).is_err() || last {
                return;
            }
        }
    }

    async fn work(&self, session: &Session, mut turns: UnboundedReceiver<()>, done: UnboundedSender<Taken>) {
        let Ok(mut run) = ScriptRun::new(self.script, self.values.clone(), 1) else { return };
        while turns.recv().await.is_some() {
            let sql = run.peek().map(|next| next.sql.clone()).unwrap_or_default();
            let outcome = run.step(session).await.map(|_| ()).map_err(|fault| match fault {
                StepFault::Refused { source, .. } => source.told(),
                other => (String::new(), other.chain()),
            });
            let failed = outcome.is_err();
            let last = failed || run.peek().is_none();
            if failed {
                let _ = session.execute("ROLLBACK").await;
            }
            if done.send(Taken { side: Side::Application, sql, outcome, last }).is_err() || last {
                return;
            }
        }
    }
}

/// Returns the statements of a file as they are sent, with those that make its transaction.
pub(super) fn steps_of(migration: &Migration) -> Vec<Statement> {
    let plain = |sql: &str| Statement { sql: sql.to_owned(), ..Statement::default() };
    let own = migration.sql.statements.iter().cloned();
    if migration.transactional {
        let locks = migration.locks.iter().map(|lock| plain(&lock.sql()));
        std::iter::once(plain("BEGIN")).chain(locks).chain(own).chain([plain("COMMIT")]).collect()
    } else {
        own.collect()
    }
}

/// Says whose turn it is.
struct Conductor<'a> {
    order: Order,
    go: [UnboundedSender<()>; 2],
    answers: UnboundedReceiver<Taken>,
    pids: [i32; 2],
    watcher: &'a Session,
    fought: Fought,
}

impl Conductor<'_> {
    async fn run(mut self) -> Result<Fought, LabError> {
        let (mut in_flight, mut finished) = ([false; 2], [false; 2]);
        let start = Instant::now();
        while finished != [true; 2] && start.elapsed() < PATIENCE {
            let can = [0, 1].map(|side: usize| !finished[side] && !in_flight[side]);
            if let Some(side) = self.order.turn(self.fought.taken, can) {
                in_flight[side.index()] = true;
                self.fought.taken[side.index()] += 1;
                let _ = self.go[side.index()].send(());
            }
            // Whoever is in flight answers, or waits for the other.
            loop {
                tokio::select! {
                    taken = self.answers.recv() => {
                        let Some(taken) = taken else { return Ok(self.fought) };
                        in_flight[taken.side.index()] = false;
                        finished[taken.side.index()] |= taken.last;
                        self.note(taken);
                    }
                    () = tokio::time::sleep(Duration::from_millis(2)) => {}
                }
                if start.elapsed() > PATIENCE || self.settled(in_flight).await? {
                    break;
                }
            }
        }
        if finished != [true; 2] {
            for pid in self.pids {
                self.watcher.execute(&format!("SELECT pg_terminate_backend({pid})")).await?;
            }
        }
        // Dropping the senders ends whoever still waits for a turn.
        Ok(self.fought)
    }

    /// Returns whether everybody in flight waits for somebody.
    async fn settled(&self, in_flight: [bool; 2]) -> Result<bool, LabError> {
        if in_flight == [true; 2] {
            return Ok(false);
        }
        for side in [0, 1].into_iter().filter(|side: &usize| in_flight[*side]) {
            let sql = format!("SELECT cardinality(pg_blocking_pids({})) > 0", self.pids[side]);
            if self.watcher.value(&sql).await?.as_deref() != Some("t") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn note(&mut self, taken: Taken) {
        let who = match taken.side {
            Side::Migration => "migration",
            Side::Application => "application",
        };
        let outcome = match &taken.outcome {
            Ok(()) => "ok".to_owned(),
            Err((sqlstate, message)) => format!("{message} ({sqlstate})"),
        };
        self.fought.steps.push((who.to_owned(), taken.sql, outcome));
        if let Err(refused) = taken.outcome {
            self.fought.refused[taken.side.index()].get_or_insert(refused);
        }
    }
}

/// Returns one number per column of every table; the order of rows does not matter.
async fn state(session: &Session) -> Result<BTreeMap<String, String>, LabError> {
    let columns = session.rows(include_str!("columns.sql")).await?;
    let mut tables: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in columns.iter() {
        let table = (row.text("schema").to_owned(), row.text("table").to_owned());
        tables.entry(table).or_default().push(row.text("column").to_owned());
    }
    let mut state = BTreeMap::new();
    for ((schema, table), columns) in tables {
        let sums = columns.iter().map(|column| {
            let column = underpin_model::sql_text::quote_identifier(column);
            format!("coalesce(sum(hashtextextended(coalesce({column}::text, '<null>'), 0)), 0)::text")
        });
        let list: Vec<String> = std::iter::once("count(*)::text".to_owned()).chain(sums).collect();
        let from = underpin_model::sql_text::quote_qualified(&schema, &table);
        let answer = session.rows(&format!("SELECT {} FROM {from}", list.join(", "))).await?;
        let Some(row) = answer.first() else { continue };
        state.insert(format!("rows of {table}"), row.at(0).unwrap_or_default().to_owned());
        for (nth, column) in columns.iter().enumerate() {
            state.insert(format!("{table}.{column}"), row.at(nth + 1).unwrap_or_default().to_owned());
        }
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_switches_twice_and_passes_over_who_waits() {
        let order = Order { first: Side::Migration, before: 2, between: 1 };
        assert_eq!(order.turn([1, 0], [true, true]), Some(Side::Migration));
        assert_eq!(order.turn([2, 0], [true, true]), Some(Side::Application));
        assert_eq!(order.turn([2, 1], [true, true]), Some(Side::Migration));
        assert_eq!(
            order.turn([2, 1], [false, true]),
            Some(Side::Application),
            "the migration waits or is through"
        );
        assert_eq!(order.turn([2, 1], [false, false]), None);
        let serial = Order::serial(Side::Application);
        assert_eq!(serial.turn([0, 9], [true, true]), Some(Side::Application));
        assert_eq!(serial.turn([0, 9], [true, false]), Some(Side::Migration));
    }
}
