//! The database that schedules run in, with its sessions kept from one schedule to the next.

use underpin_model::sql_text::quote_literal;
use underpin_pg::{Address, Session};

use super::bout::Bout;
use super::restore_point::RestorePoint;
use super::{RaceError, player::Player};
use crate::params;

/// A database in which a bout is fought again and again.
pub struct Arena<'b> {
    pub(super) bout: &'b Bout,
    pub(super) sessions: Vec<Session>,
    /// Looks at the others, checks and restores.
    pub(super) watcher: Session,
    pub(super) point: RestorePoint,
    values: Vec<params::Values>,
}

impl<'b> Arena<'b> {
    /// Prepares the database at the superuser's `address`, which belongs to the arena from now on.
    pub async fn prepare(address: &Address, bout: &'b Bout) -> Result<Arena<'b>, RaceError> {
        let watcher = Session::connect(address).await?;
        watcher.execute(include_str!("arena.sql")).await?;
        // A waiting session must not look for a deadlock that another one closes.
        let name = underpin_model::sql_text::quote_identifier(&address.database);
        let patience = format!("ALTER DATABASE {name} SET deadlock_timeout = '1h'");
        watcher.execute(&patience).await?;
        if !bout.setup.trim().is_empty() {
            let refused = |source| RaceError::Prepare { what: "the setup".to_owned(), source };
            watcher.execute(&bout.setup).await.map_err(refused)?;
        }
        watcher.execute("SELECT setseed(0.5)").await?;
        let mut sessions = Vec::new();
        let mut values = Vec::new();
        for corner in &bout.corners {
            let login = corner.role.as_ref().map_or_else(|| address.clone(), |role| address.user(role));
            sessions.push(Session::connect(&login).await?);
            let mut given = params::evaluate(&watcher, &corner.script.name, &corner.script.params).await?;
            given.extend(corner.values.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
            values.push(given);
        }
        let point = RestorePoint::take(&watcher).await?;
        // Statistics that do not move and no dead rows: plans stay what they are.
        let tables: Vec<&str> = point.tables().collect();
        if !tables.is_empty() {
            watcher.execute(&format!("VACUUM (FREEZE, ANALYZE) {}", tables.join(", "))).await?;
        }
        Ok(Arena { bout, sessions, watcher, point, values })
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

    /// Returns, for each invariant, whether no row violates it now.
    pub(super) async fn check(&self, observed: &[(String, String, String)]) -> Result<Vec<bool>, RaceError> {
        if self.bout.invariants.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = String::from("SET search_path = public, underpin_race; ");
        if self.bout.invariants.iter().any(|(_, query)| query.contains("observed")) {
            sql.push_str("DELETE FROM underpin_race.observed; ");
            for (tx, var, val) in observed {
                let values = [tx, var, val].map(|text| quote_literal(text)).join(", ");
                sql.push_str(&format!("INSERT INTO underpin_race.observed VALUES ({values}); "));
            }
        }
        let holds: Vec<String> = self
            .bout
            .invariants
            .iter()
            .map(|(_, query)| format!("NOT EXISTS ({}\n)", query.trim().trim_end_matches(';')))
            .collect();
        sql.push_str(&format!("SELECT {}", holds.join(", ")));
        let refused = |source| RaceError::Prepare { what: "an invariant".to_owned(), source };
        let rows = self.watcher.rows(&sql).await.map_err(refused)?;
        let answer = rows.rows.into_iter().next().unwrap_or_default();
        Ok(answer.into_iter().map(|cell| cell.as_deref() == Some("t")).collect())
    }

    /// Closes all sessions.
    pub async fn close(self) {
        for session in self.sessions {
            session.close().await;
        }
        self.watcher.close().await;
    }
}
