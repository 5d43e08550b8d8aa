//! Who still runs the old version of the application: sessions by name, and statements that name what contract takes away.

use std::collections::BTreeMap;
use std::time::Duration;

use underpin_model::Event;
use underpin_model::phases::Phases;
use underpin_model::sql_text::quote_literal;
use underpin_sql::dropped::{Dropped, dropped};

use super::MigrateError;
use super::runner::Runner;

/// What is looked at before contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractGuard {
    /// `application_name` of sessions that run the old version.
    pub old_applications: Vec<String>,
    /// How long `pg_stat_statements` is watched for calls that name the old form; zero to not watch.
    pub watch: Duration,
    /// Goes on whatever is found, and says so.
    pub force: bool,
}

impl Default for ContractGuard {
    /// Ten seconds: an application in use calls its common statements many times meanwhile.
    fn default() -> ContractGuard {
        ContractGuard { old_applications: Vec::new(), watch: Duration::from_secs(10), force: false }
    }
}

impl ContractGuard {
    /// Returns the guard of a place where nobody runs an old version.
    pub fn nobody() -> ContractGuard {
        ContractGuard { watch: Duration::ZERO, ..ContractGuard::default() }
    }
}

impl Runner<'_> {
    /// Refuses contract while somebody runs the old version, or says who does when it is forced.
    pub(super) async fn refuse_old_readers(
        &self,
        phases: &Phases,
        guard: &ContractGuard,
    ) -> Result<(), MigrateError> {
        let mut seen = self.old_sessions(guard).await;
        if seen.is_empty() {
            seen = self.old_statements(phases, guard).await;
        }
        let folder = phases.folder.to_string();
        match (seen.is_empty(), guard.force) {
            (true, _) => Ok(()),
            (false, false) => Err(MigrateError::OldReaders { folder, seen }),
            (false, true) => {
                let text = format!("Contract of {folder} is forced although {} is seen.", seen.join("; "));
                self.events.emit(Event::Remark { text });
                Ok(())
            }
        }
    }

    async fn old_sessions(&self, guard: &ContractGuard) -> Vec<String> {
        if guard.old_applications.is_empty() {
            return Vec::new();
        }
        let names: Vec<String> = guard.old_applications.iter().map(|name| quote_literal(name)).collect();
        let sql = format!(
            "SELECT format('process %s of user %s (%s)', pid, usename, application_name) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name IN ({}) ORDER BY pid LIMIT 5",
            names.join(", ")
        );
        let rows = self.session.rows(&sql).await.unwrap_or_default();
        rows.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
    }

    /// Watches which statements that name the old form are called; none where `pg_stat_statements` is not there.
    async fn old_statements(&self, phases: &Phases, guard: &ContractGuard) -> Vec<String> {
        let statements = &phases.contract.sql.statements;
        let names: Vec<Dropped> = statements.iter().flat_map(|one| dropped(&one.sql)).collect();
        if names.is_empty() || guard.watch.is_zero() {
            return Vec::new();
        }
        let pattern = names.iter().map(pattern).collect::<Vec<_>>().join(" OR ");
        let sql = include_str!("old_statements.sql").replace(":pattern", &format!("({pattern})"));
        let Some(before) = self.calls(&sql).await else { return Vec::new() };
        let seconds = guard.watch.as_secs();
        let text = format!("Watching for {seconds} s whether anybody still names what contract takes away.");
        self.events.emit(Event::Remark { text });
        tokio::time::sleep(guard.watch).await;
        let after = self.calls(&sql).await.unwrap_or_default();
        let called = |key: &String, calls: u64| calls > before.get(key).map_or(0, |(calls, _)| *calls);
        let newer = after.into_iter().filter(|(key, (calls, _))| called(key, *calls));
        newer
            .map(|(_, (_, text))| {
                format!("the statement `{}`", text.split_whitespace().collect::<Vec<_>>().join(" "))
            })
            .take(5)
            .collect()
    }

    /// Returns calls and text of the statements that the query finds; nothing when it cannot be asked.
    async fn calls(&self, sql: &str) -> Option<BTreeMap<String, (u64, String)>> {
        let rows = self.session.rows(sql).await.ok()?;
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let entry =
            |row: Vec<Option<String>>| (cell(&row[0]), (cell(&row[1]).parse().unwrap_or(0), cell(&row[2])));
        Some(rows.rows.into_iter().map(entry).collect())
    }
}

/// Returns the condition that a statement's text names the table, and the column when only that goes.
fn pattern(dropped: &Dropped) -> String {
    let word = |name: &str| {
        let escaped: String = name
            .chars()
            .flat_map(|c| (!c.is_alphanumeric() && c != '_').then_some('\\').into_iter().chain([c]))
            .collect();
        format!("query ~ {}", quote_literal(&format!("\\m{escaped}\\M")))
    };
    match &dropped.column {
        Some(column) => format!("({} AND {})", word(&dropped.relation), word(column)),
        None => word(&dropped.relation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_for_as_whole_words() {
        let column = Dropped { relation: "users".into(), column: Some("pho.ne".into()) };
        assert_eq!(pattern(&column), r"(query ~  E'\\musers\\M' AND query ~  E'\\mpho\\.ne\\M')");
    }
}
