//! A table of the sandbox with ten and a hundred times its rows: copies under new keys.

use underpin_model::catalog::{ConstraintKind, Table};
use underpin_model::sql_text::quote_identifier;
use underpin_pg::Session;

use crate::check::amplify::{Copying, copyings};
use crate::error::LabError;

/// A table that can grow.
pub(super) struct Growing<'a> {
    session: &'a Session,
    table: &'a Table,
    copying: Copying,
    /// Rows that it has.
    pub rows: u64,
    /// Rows that are copied.
    first: u64,
    /// How often they were.
    copied: u64,
}

impl<'a> Growing<'a> {
    /// Prepares a table; `kept_out` is a condition on rows that are not copied. The answer says why it cannot grow.
    pub(super) async fn prepare(
        session: &'a Session,
        table: &'a Table,
        kept_out: Option<&str>,
    ) -> Result<Result<Growing<'a>, String>, LabError> {
        let plain = format!("{}.{}", table.schema, table.name);
        let all = copyings(session).await?;
        let Some(copying) = all.into_iter().find(|one| one.table.replace('"', "") == plain) else {
            return Ok(Err(format!("{} cannot be copied under new keys", table.name)));
        };
        let condition = kept_out.map_or_else(String::new, |kept| format!(" WHERE ({kept}) IS NOT TRUE"));
        let first = session
            .execute(&format!(
                "DROP TABLE IF EXISTS underpin_first; CREATE TEMPORARY TABLE underpin_first AS SELECT * FROM {}{condition}",
                copying.table
            ))
            .await?;
        let rows = count(session, &copying.table).await?;
        if first == 0 {
            return Ok(Err(format!("{} has no rows to copy", table.name)));
        }
        Ok(Ok(Growing { session, table, copying, rows, first, copied: 0 }))
    }

    /// Copies rows until there are about `size`, then vacuums and analyses. The answer is why the server refused.
    pub(super) async fn to(&mut self, size: u64) -> Result<Result<(), String>, LabError> {
        let copies = size.saturating_sub(self.rows).div_ceil(self.first);
        if copies > 0 {
            let from = self.copied + 1;
            let until = self.copied + copies;
            let Copying { table, columns, values, .. } = &self.copying;
            // As a replica would: no triggers, no checks of foreign keys.
            let insert = format!(
                "BEGIN; SET LOCAL session_replication_role = replica; \
                 INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} \
                 FROM underpin_first, generate_series({from}, {until}) AS underpin_nth; COMMIT"
            );
            if let Err(refused) = self.session.execute(&insert).await {
                if refused.ends_session() {
                    return Err(refused.into());
                }
                self.session.execute("ROLLBACK").await?;
                self.without_checks().await?;
                if let Err(refused) = self.session.execute(&insert).await {
                    self.session.execute("ROLLBACK").await?;
                    return Ok(Err(format!("{} refuses copies of its rows ({refused})", self.table.name)));
                }
            }
            self.copied = until;
            self.rows = count(self.session, &self.copying.table).await?;
        }
        self.session.execute(&format!("VACUUM (ANALYZE) {}", self.copying.table)).await?;
        Ok(Ok(()))
    }

    /// Drops the checks: they judge values that are made up, and no plan of a search depends on them.
    async fn without_checks(&self) -> Result<(), LabError> {
        for check in self.table.constraints.iter().filter(|one| one.kind == ConstraintKind::Check) {
            let name = quote_identifier(&check.name);
            let sql = format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {name}", self.copying.table);
            self.session.execute(&sql).await?;
        }
        Ok(())
    }
}

async fn count(session: &Session, table: &str) -> Result<u64, LabError> {
    let value = session.value(&format!("SELECT count(*) FROM {table}")).await?;
    Ok(value.and_then(|text| text.parse().ok()).unwrap_or(0))
}
