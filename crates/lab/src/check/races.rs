//! Every file against every transaction that touches the same tables: orders in which the two hurt each other.
//!
//! Each order runs on a database of its own, as a schema cannot be brought back like rows. So there are few rows, only
//! orders with at most two free switches, and fewer of them where no deadlock is possible: a deadlock needs two things
//! that both lock, a lost write only a whole transaction between two statements.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use underpin_model::deployment::{Clash, ClashKind, Step};
use underpin_model::project::Migration;
use underpin_model::script::{ScriptItem, TransactionScript};
use underpin_pg::Session;

use super::duel::{Duel, Fought, Order, Side, steps_of};
use super::observe::may_block;
use super::running_code::RunningCode;
use super::stage::Stage;
use crate::error::LabError;
use crate::params;

/// Longest time for all orders of one file; a file that needs it has very many statements.
const BUDGET: Duration = Duration::from_secs(60);

/// Most orders with one transaction.
const MOST_ORDERS: usize = 80;

/// What the orders of one file came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Raced {
    pub(super) clashes: Vec<Clash>,
    /// Transactions for whose orders the time was too short.
    pub(super) unfinished: Vec<String>,
}

/// Fights every order of the file with every transaction that meets it. `steps` are what the file did.
pub(super) async fn race(
    stage: &mut Stage<'_>,
    migration: &Migration,
    (running, scripts): (&RunningCode<'_>, &[&TransactionScript]),
    steps: &[Step],
) -> Result<Raced, LabError> {
    let start = Instant::now();
    let mut raced = Raced::default();
    for script in scripts.iter().copied() {
        let common = common_tables(script, steps);
        let Some(danger) = danger(&common, migration, steps).filter(|_| !common.is_empty()) else { continue };
        if start.elapsed() > BUDGET {
            raced.unfinished.push(script.name.clone());
            continue;
        }
        let session = Session::connect(&stage.place().superuser).await?;
        let values = params::evaluate(&session, &script.name, &script.params).await;
        session.close().await;
        let Ok(values) = values else { continue };
        let role = running.role_of(script);
        let duel = Duel { migration, script, values, role };
        let mut bout = Bout { stage, duel, start, tried: 0, complete: true };
        raced.clashes.extend(bout.orders(danger).await?);
        if !bout.complete {
            raced.unfinished.push(script.name.clone());
        }
    }
    Ok(raced)
}

/// Returns the tables that both name or lock.
fn common_tables(script: &TransactionScript, steps: &[Step]) -> BTreeSet<String> {
    let mut own = BTreeSet::new();
    tables_of(&script.items, &mut own);
    let locked = steps.iter().flat_map(|step| step.small.locks.iter().map(|lock| lock.relation.clone()));
    let named =
        steps.iter().flat_map(|step| step.statement.facts.relations.iter().map(|one| one.name.clone()));
    let theirs: BTreeSet<String> = locked.chain(named).collect();
    own.intersection(&theirs).cloned().collect()
}

fn tables_of(items: &[ScriptItem], tables: &mut BTreeSet<String>) {
    for item in items {
        match item {
            ScriptItem::Statement(statement) => {
                tables.extend(statement.facts.relations.iter().map(|relation| relation.name.clone()));
            }
            ScriptItem::If { branches, otherwise, .. } => {
                branches.iter().for_each(|(_, inner)| tables_of(inner, tables));
                tables_of(otherwise, tables);
            }
            ScriptItem::Set { .. } => {}
        }
    }
}

/// Which orders may end badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Danger {
    /// Both lock two things: orders in which both are half way.
    Deadlock,
    /// The file is seen half done: orders with one whole between two statements of the other.
    HalfDone,
}

/// Returns what may happen between the file and a transaction with which it has tables in common; most pairs of a
/// file that only defines things and a transaction need no order at all.
fn danger(common: &BTreeSet<String>, migration: &Migration, steps: &[Step]) -> Option<Danger> {
    let locked = steps.iter().flat_map(|step| &step.small.locks).filter(|lock| may_block(&lock.mode));
    let locked: BTreeSet<&String> =
        locked.map(|lock| &lock.relation).filter(|name| common.contains(*name)).collect();
    let changes_rows = steps.iter().any(|step| step.small.rows_changed > 1);
    let writes_rows = steps.iter().any(|step| step.small.rows_written > 0);
    let seen_between =
        !migration.transactional && steps.iter().filter(|step| step.small.blocks()).count() > 1;
    if locked.len() > 1 || changes_rows {
        Some(Danger::Deadlock)
    } else if writes_rows || seen_between {
        Some(Danger::HalfDone)
    } else {
        None
    }
}

struct Bout<'s, 'p, 'a> {
    stage: &'s mut Stage<'p>,
    duel: Duel<'a>,
    start: Instant,
    tried: u64,
    complete: bool,
}

impl Bout<'_, '_, '_> {
    /// Fights the orders, serial ones first, and returns the first clash of each kind.
    async fn orders(&mut self, danger: Danger) -> Result<Vec<Clash>, LabError> {
        let mut serial = Vec::new();
        for first in [Side::Migration, Side::Application, Side::Migration] {
            serial.push(self.fight(Order::serial(first)).await?);
        }
        // Whoever fails alone is another rule's concern.
        if serial.iter().any(|fought| !fought.whole()) {
            return Ok(Vec::new());
        }
        let steady = steady_columns(&serial[0], &serial[2]);
        let sizes = [steps_of(self.duel.migration).len(), serial[0].taken[1]];
        let mut clashes: BTreeMap<ClashKind, Clash> = BTreeMap::new();
        for (nth, order) in worth_trying(sizes, danger).into_iter().enumerate() {
            if nth >= MOST_ORDERS || self.start.elapsed() > BUDGET {
                self.complete = false;
                break;
            }
            let fought = self.fight(order).await?;
            if let Some(clash) = self.clash(&fought, &serial, &steady) {
                clashes.entry(clash.kind).or_insert(clash);
            }
        }
        let tried = self.tried;
        Ok(clashes.into_values().map(|clash| Clash { tried, ..clash }).collect())
    }

    async fn fight(&mut self, order: Order) -> Result<Fought, LabError> {
        self.tried += 1;
        let copy = self.stage.copy().await?;
        let fought = self.duel.fight(&copy, order).await;
        copy.drop().await?;
        fought
    }

    fn clash(&self, fought: &Fought, serial: &[Fought], steady: &BTreeSet<&String>) -> Option<Clash> {
        let clash = |kind, detail: String| {
            let transaction = self.duel.script.name.clone();
            Some(Clash { transaction, kind, tried: 0, steps: fought.steps.clone(), detail })
        };
        let [migration, application] = &fought.refused;
        let deadlock = |refused: &Option<(String, String)>| {
            refused.as_ref().is_some_and(|(sqlstate, _)| sqlstate == "40P01")
        };
        if deadlock(migration) || deadlock(application) {
            let victim = if deadlock(application) { "application" } else { "migration" };
            return clash(ClashKind::Deadlock, format!("the server ended the {victim}'s transaction"));
        }
        if let Some((_, message)) = application {
            return clash(ClashKind::Fails, message.clone());
        }
        if let Some((_, message)) = migration {
            return clash(ClashKind::Fails, format!("the migration is refused: {message}"));
        }
        let differs = |one: &Fought| {
            steady.iter().find(|column| one.state.get(**column) != fought.state.get(**column)).copied()
        };
        // The state of no serial order: what differs from the nearer one is told.
        let (first, second) = (differs(&serial[0])?, differs(&serial[1])?);
        let column = if first.starts_with("rows of") { second } else { first };
        clash(ClashKind::LostWrite, format!("{column} ends as in no serial order"))
    }
}

/// Returns what ends the same way when the same order runs twice: clocks and random values do not.
fn steady_columns<'f>(one: &'f Fought, again: &Fought) -> BTreeSet<&'f String> {
    one.state
        .iter()
        .filter(|(column, sum)| again.state.get(*column) == Some(sum))
        .map(|(column, _)| column)
        .collect()
}

/// Returns the orders to fight, those first that find most.
fn worth_trying([migration, application]: [usize; 2], danger: Danger) -> Vec<Order> {
    let mut orders = Vec::new();
    // A whole transaction between two statements.
    for before in 1..migration {
        orders.push(Order { first: Side::Migration, before, between: application });
    }
    for before in 1..application {
        orders.push(Order { first: Side::Application, before, between: migration });
    }
    if danger == Danger::Deadlock {
        for before in 1..migration {
            for between in 1..application {
                orders.push(Order { first: Side::Migration, before, between });
            }
        }
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_grow_with_the_product_only_where_a_deadlock_is_possible() {
        assert_eq!(worth_trying([3, 4], Danger::HalfDone).len(), 5);
        assert_eq!(worth_trying([3, 4], Danger::Deadlock).len(), 11);
    }
}
