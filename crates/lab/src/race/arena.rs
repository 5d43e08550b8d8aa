//! The database that schedules run in, with its sessions kept from one schedule to the next.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::LocalBoxFuture;
use underpin_model::sql_text::quote_literal;
use underpin_pg::{Address, OneCore, Session};

use super::bout::Bout;
use super::footprint::Held;
use super::reach::Surroundings;
use super::restore_point::RestorePoint;
use super::{RaceError, player::Player};
use crate::params;

/// Where invariants look: `observed` stands beside the project's own tables.
const PATH: &str = "SET search_path = public, underpin_race";

/// Returns a query for use inside another; a comment at its end must not swallow what follows.
fn bare(query: &str) -> String {
    format!("{}\n", query.trim().trim_end_matches(';'))
}

/// A database in which a bout is fought again and again.
pub struct Arena<'b> {
    pub(super) bout: &'b Bout,
    pub(super) sessions: Vec<Session>,
    /// Looks at the others, checks and restores.
    pub(super) watcher: Session,
    pub(super) point: RestorePoint,
    pub(super) surroundings: Surroundings,
    /// Locks that are known from earlier schedules: session and story of its transaction (see `Memory`).
    pub(super) known_locks: RefCell<BTreeMap<(usize, String), Held>>,
    values: Vec<params::Values>,
    /// Statements take turns: one core is quicker than several.
    _core: Option<OneCore>,
}

impl<'b> Arena<'b> {
    /// Prepares the database at the superuser's `address`, which belongs to the arena from now on.
    pub fn prepare<'f>(
        address: &'f Address,
        bout: &'b Bout,
    ) -> LocalBoxFuture<'f, Result<Arena<'b>, RaceError>>
    where
        'b: 'f,
    {
        Box::pin(async move {
            let watcher = Session::connect(address).await?;
            // A waiting session must not look for a deadlock that another one closes.
            let name = underpin_model::sql_text::quote_identifier(&address.database);
            let patience = format!("ALTER DATABASE {name} SET deadlock_timeout = '1h'");
            watcher.execute(&patience).await?;
            if !bout.setup.trim().is_empty() {
                let refused = |source| RaceError::Prepare { what: "the setup".to_owned(), source };
                watcher.execute(&bout.setup).await.map_err(refused)?;
            }
            let point = RestorePoint::take(&watcher).await?;
            let surroundings = Surroundings::learn(&watcher).await?;
            for (name, query) in &bout.invariants {
                let refused = |source| RaceError::Prepare { what: format!("the invariant {name}"), source };
                watcher.rows(&format!("{PATH}; SELECT EXISTS ({})", bare(query))).await.map_err(refused)?;
            }
            watcher.execute("SELECT setseed(0.5)").await?;
            let mut sessions = Vec::new();
            let mut values = Vec::new();
            for corner in &bout.corners {
                let login = corner.role.as_ref().map_or_else(|| address.clone(), |role| address.user(role));
                sessions.push(Session::connect(&login).await?);
                let mut given =
                    params::evaluate(&watcher, &corner.script.name, &corner.script.params).await?;
                given.extend(corner.values.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
                values.push(given);
            }
            let players = sessions.iter().chain([&watcher]);
            let one_core = OneCore::hold(&players.collect::<Vec<_>>());
            let known_locks = RefCell::default();
            Ok(Arena { bout, sessions, watcher, point, surroundings, known_locks, values, _core: one_core })
        })
    }

    /// Returns the numbers of all sessions.
    pub(super) fn everybody(&self) -> BTreeSet<usize> {
        (0..self.bout.corners.len()).collect()
    }

    /// Returns the values of a session's parameters.
    pub(super) fn values(&self, session: usize) -> &params::Values {
        &self.values[session]
    }

    /// Returns the sessions at the start of their scripts.
    pub(super) fn players(&self) -> Result<Vec<Player<'_>>, RaceError> {
        let seats = self.bout.corners.iter().zip(&self.sessions).zip(&self.values);
        seats
            .enumerate()
            .map(|(number, ((corner, session), values))| {
                Player::new(number, &corner.script, session, values.clone())
            })
            .collect()
    }

    /// Returns, for each invariant, whether no row violates it now, and what the written tables hold that they did not
    /// hold before.
    pub(super) async fn final_state(
        &self,
        observed: &[(String, String, String)],
        written: &BTreeSet<String>,
    ) -> Result<(Vec<bool>, String), RaceError> {
        let mut sql = format!("{PATH}; ");
        if self.bout.invariants.iter().any(|(_, query)| query.contains("observed")) {
            sql.push_str("DELETE FROM underpin_race.observed; ");
            for (tx, var, val) in observed {
                let values = [tx, var, val].map(|text| quote_literal(text)).join(", ");
                sql.push_str(&format!("INSERT INTO underpin_race.observed VALUES ({values}); "));
            }
        }
        let holds = self.bout.invariants.iter().map(|(_, query)| format!("NOT EXISTS ({})", bare(query)));
        let columns: Vec<String> = holds.chain(self.point.contents(written)).collect();
        if columns.is_empty() {
            return Ok((Vec::new(), String::new()));
        }
        sql.push_str(&format!("SELECT {}", columns.join(", ")));
        let mut holds = self.watcher.rows(&sql).await?.rows.into_iter().next().unwrap_or_default();
        let contents = holds.split_off(self.bout.invariants.len().min(holds.len()));
        let holds = holds.into_iter().map(|cell| cell.as_deref() == Some("t")).collect();
        Ok((holds, self.point.changes(written, contents)))
    }

    /// Closes all sessions.
    pub async fn close(self) {
        for session in self.sessions {
            session.close().await;
        }
        self.watcher.close().await;
    }
}
