//! `soft-delete`: is nothing destroyed?

mod visibility;

use underpin_model::catalog::{Catalog, Table};
use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Event, Evidence, Finding, ObjectKind, ObjectRef};
use underpin_pg::{QueryError, Session};

use crate::error::LabError;
use crate::proof::{Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "soft-delete",
    question: "Is nothing destroyed?",
    page: include_str!("../../../../docs/proofs/soft-delete.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[REFUSED, VISIBLE, NOT_REUSABLE, RESTORE_DIFFERS, HARD_DELETE];

const REFUSED: Code =
    Code::error("UP280", "soft-delete-refused", "the application role cannot soft-delete a row");
const VISIBLE: Code = Code::error("UP281", "soft-deleted-visible", "a soft-deleted row still shows");
const NOT_REUSABLE: Code = Code::error(
    "UP282",
    "soft-deleted-value-blocked",
    "a soft-deleted row blocks a value that was meant to be reusable",
);
const RESTORE_DIFFERS: Code =
    Code::error("UP283", "soft-restore-differs", "a restored row is not the row that was deleted");
const HARD_DELETE: Code =
    Code::error("UP284", "hard-delete-allowed", "the application role can destroy rows");

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let settings = &experiment.project.config.soft_delete;
    let Some(column) = settings.column.clone() else {
        return Ok(Outcome::skipped("[soft_delete] column is not set"));
    };
    let catalog = experiment.lab.catalog();
    let tables = soft_deletable(catalog, &column, &settings.except);
    if tables.is_empty() {
        return Ok(Outcome::skipped(format!("no table has a column {column}")));
    }
    let sandbox = experiment.lab.sandbox().await?;
    let session = sandbox.session().await?;
    let readers = visibility::readers(experiment, &session).await?;
    let mut study =
        Study { experiment, session: &session, column: &column, outcome: Outcome::default(), rows: vec![] };
    // One transaction for all tables: now() stands still, so answers can be compared.
    session.execute("BEGIN").await?;
    for (nth, table) in tables.iter().enumerate() {
        let (done, total) = (nth as u64, tables.len() as u64);
        experiment.events.emit(Event::Progress { what: table.name.clone(), done, total, unit: "tables" });
        study.table(table, &readers).await?;
    }
    let Study { mut outcome, rows, .. } = study;
    session.close().await;
    sandbox.drop().await?;
    let columns = [
        "table",
        "soft delete",
        "views and queries that show rows, then hide them",
        "reuse",
        "restore",
        "hard delete",
    ];
    outcome.summary =
        format!("Deleted, looked for, reused and restored a row of each of {} tables.", tables.len());
    outcome.measure("tables", tables.len() as f64, "count");
    outcome.evidence.push(Evidence::table(
        "tables",
        "What happened to one row of each table",
        &columns,
        rows,
    ));
    Ok(outcome)
}

fn soft_deletable<'c>(catalog: &'c Catalog, column: &str, except: &[String]) -> Vec<&'c Table> {
    let wanted = |table: &&Table| {
        table.column(column).is_some() && table.kind != "partition" && !except.contains(&table.name)
    };
    catalog.tables.iter().filter(wanted).collect()
}

struct Study<'e> {
    experiment: &'e Experiment<'e>,
    session: &'e Session,
    column: &'e str,
    outcome: Outcome,
    rows: Vec<Vec<String>>,
}

impl Study<'_> {
    /// Examines one table; everything that happens is undone.
    async fn table(&mut self, table: &Table, readers: &[visibility::Reader]) -> Result<(), LabError> {
        self.session.execute("SAVEPOINT study").await?;
        let examined = self.examine(table, readers).await;
        self.session.execute("ROLLBACK TO study; RELEASE study").await?;
        let cells = examined?;
        let mut row = vec![table.name.clone()];
        row.extend(cells);
        self.rows.push(row);
        Ok(())
    }

    async fn examine(
        &mut self,
        table: &Table,
        readers: &[visibility::Reader],
    ) -> Result<Vec<String>, LabError> {
        let Some(row) = self.live_row(table, 0).await? else {
            self.outcome.unexamined.push(format!("{} has no live row", table.name));
            return Ok(vec!["no live row".to_owned(); 5]);
        };
        let shown = visibility::examine(self.session, table, self.column, readers).await?;
        self.outcome.findings.extend(shown.visible.iter().map(|reader| visible(table, reader)));
        let before = self.image(table, &row).await?;
        let deleted = match self.as_application(&self.set_deleted(table, &row, "now()")).await? {
            Ok(1) => "done".to_owned(),
            answer => {
                self.outcome.findings.push(self.refused(table, &answer));
                let gap = String::new;
                return Ok(vec![self.words(&answer), shown.summary(), gap(), gap(), gap()]);
            }
        };
        let reuse = self.reuse(table, &before).await?;
        let restored = self.restore(table, &before).await?;
        let hard = self.hard_delete(table).await?;
        Ok(vec![deleted, shown.summary(), reuse, restored, hard])
    }

    /// Returns the ctid of the nth live row.
    async fn live_row(&self, table: &Table, nth: u32) -> Result<Option<String>, LabError> {
        let column = quote_identifier(self.column);
        let sql = format!("SELECT ctid FROM {} WHERE {column} IS NULL OFFSET {nth} LIMIT 1", table.quoted());
        Ok(self.session.value(&sql).await?)
    }

    /// Returns the row as JSON text, keys sorted.
    async fn image(&self, table: &Table, ctid: &str) -> Result<String, LabError> {
        let sql = format!("SELECT to_jsonb(t)::text FROM {} AS t WHERE t.ctid = '{ctid}'", table.quoted());
        Ok(self.session.value(&sql).await?.unwrap_or_default())
    }

    fn set_deleted(&self, table: &Table, ctid: &str, value: &str) -> String {
        format!(
            "UPDATE {} SET {} = {value} WHERE ctid = '{ctid}'",
            table.quoted(),
            quote_identifier(self.column)
        )
    }

    /// Runs a statement as the application role; the inner error is the server's refusal, undone.
    async fn as_application(&self, sql: &str) -> Result<Result<u64, QueryError>, LabError> {
        self.session.execute("SAVEPOINT attempt").await?;
        if let Some(role) = &self.experiment.project.config.database.app_role {
            self.session.execute(&format!("SET LOCAL ROLE {}", quote_identifier(role))).await?;
        }
        let answer = self.session.execute(sql).await;
        match &answer {
            Ok(_) => self.session.execute("RESET ROLE; RELEASE attempt").await?,
            Err(_) => self.session.execute("ROLLBACK TO attempt; RELEASE attempt; RESET ROLE").await?,
        };
        Ok(answer)
    }

    /// Where a unique index covers live rows only, another row must be able to take the deleted row's values.
    async fn reuse(&mut self, table: &Table, before: &str) -> Result<String, LabError> {
        let partial = |index: &&underpin_model::catalog::Index| {
            index.unique && index.predicate.as_deref().is_some_and(|text| text.contains(self.column))
        };
        let mut tried = Vec::new();
        for index in table.indexes.iter().filter(partial) {
            let columns: Vec<&String> = index.keys.iter().filter(|key| table.column(key).is_some()).collect();
            let Some(other) = self.live_row(table, 0).await?.filter(|_| !columns.is_empty()) else {
                continue;
            };
            let image = underpin_model::sql_text::quote_literal(before);
            let list: Vec<String> = columns.iter().map(|name| quote_identifier(name)).collect();
            let sql = format!(
                "UPDATE {table} SET ({list}) = (SELECT {list} FROM jsonb_populate_record(NULL::{table}, {image}::jsonb)) \
                 WHERE ctid = '{other}'",
                table = table.quoted(),
                list = list.join(", "),
            );
            self.session.execute("SAVEPOINT reuse").await?;
            let answer = self.session.execute(&sql).await;
            self.session.execute("ROLLBACK TO reuse; RELEASE reuse").await?;
            match answer {
                Ok(_) => tried.push(format!("{} free", index.name)),
                Err(error) if error.constraint() == Some(&index.name) => {
                    self.outcome.findings.push(blocked(table, &index.name));
                    tried.push(format!("{} blocked", index.name));
                }
                Err(error) => tried.push(format!("{}: {error}", index.name)),
            }
        }
        Ok(if tried.is_empty() {
            "no unique value is meant to be reused".to_owned()
        } else {
            tried.join(", ")
        })
    }

    /// Restores the deleted row; it must be the row that it was, clock columns apart.
    async fn restore(&mut self, table: &Table, before: &str) -> Result<String, LabError> {
        let column = quote_identifier(self.column);
        let image = underpin_model::sql_text::quote_literal(before);
        let key: Vec<String> = table.primary_key().iter().map(|name| quote_identifier(name)).collect();
        if key.is_empty() {
            self.outcome.unexamined.push(format!("{} has no primary key to find the row by", table.name));
            return Ok("no primary key".to_owned());
        }
        let same = format!(
            "({key}) = (SELECT {key} FROM jsonb_populate_record(NULL::{table}, {image}::jsonb))",
            key = key.join(", "),
            table = table.quoted()
        );
        let answer = self
            .as_application(&format!("UPDATE {} SET {column} = NULL WHERE {same}", table.quoted()))
            .await?;
        if !matches!(answer, Ok(1)) {
            let words = self.words(&answer);
            self.outcome.findings.push(not_restored(table, &words));
            return Ok(words);
        }
        let sql = format!(
            "SELECT a.key FROM {} AS t, jsonb_each(to_jsonb(t)) AS a JOIN jsonb_each({image}::jsonb) AS b USING (key) \
             WHERE {same} AND a.value IS DISTINCT FROM b.value ORDER BY 1",
            table.quoted()
        );
        let rows = self.session.rows(&sql).await?;
        let changed: Vec<&str> = rows.rows.iter().filter_map(|row| row[0].as_deref()).collect();
        let clock = |name: &&str| {
            table
                .column(name)
                .is_some_and(|column| column.base_type == "timestamptz" && name.contains("updated"))
        };
        let (clocks, values): (Vec<&str>, Vec<&str>) = changed.into_iter().partition(clock);
        if !values.is_empty() {
            self.outcome.findings.push(not_restored(table, &format!("{} changed", values.join(", "))));
            return Ok(format!("differs in {}", values.join(", ")));
        }
        Ok(if clocks.is_empty() {
            "identical".to_owned()
        } else {
            format!("identical but for {}", clocks.join(", "))
        })
    }

    /// The application role must not be able to destroy a row.
    async fn hard_delete(&mut self, table: &Table) -> Result<String, LabError> {
        if self.experiment.project.config.database.app_role.is_none() {
            let gap = "[database] app_role is not set, so nobody's right to DELETE was examined".to_owned();
            if !self.outcome.unexamined.contains(&gap) {
                self.outcome.unexamined.push(gap);
            }
            return Ok("no application role".to_owned());
        }
        self.session.execute("SAVEPOINT hard").await?;
        let answer = self.as_application(&format!("DELETE FROM {}", table.quoted())).await?;
        self.session.execute("ROLLBACK TO hard; RELEASE hard").await?;
        match &answer {
            // 42501 insufficient_privilege
            Err(error) if error.sqlstate() == Some("42501") => Ok("refused (42501)".to_owned()),
            answer => {
                let words = self.words(answer);
                self.outcome.findings.push(destroys(table, &words));
                Ok(words)
            }
        }
    }

    fn words(&self, answer: &Result<u64, QueryError>) -> String {
        match answer {
            Ok(rows) => format!("{rows} rows"),
            Err(error) => format!("{} ({})", error, error.sqlstate().unwrap_or("no code")),
        }
    }

    fn refused(&self, table: &Table, answer: &Result<u64, QueryError>) -> Finding {
        let column = self.column;
        let message =
            format!("Setting {}.{column} as the application role: {}.", table.name, self.words(answer));
        let role = self.experiment.project.config.database.app_role.as_deref().unwrap_or("the role");
        Finding::new(&REFUSED, message)
            .object(object(table))
            .hint(format!("GRANT UPDATE ({column}) ON {} TO {role};", table.name))
    }
}

fn object(table: &Table) -> ObjectRef {
    ObjectRef::in_schema(ObjectKind::Table, &table.schema, &table.name)
}

fn visible(table: &Table, reader: &visibility::Reader) -> Finding {
    let message = format!(
        "Soft-deleted rows of {} still show in {} {}: its answer differs from the one without these rows.",
        table.name,
        reader.kind.word(),
        reader.name
    );
    let finding = Finding::new(&VISIBLE, message)
        .object(ObjectRef::new(reader.kind, &reader.name))
        .hint("Add the condition that the row is not deleted, or read from a view that has it.");
    match &reader.at {
        Some(at) => finding.at(at.clone()),
        None => finding,
    }
}

fn blocked(table: &Table, index: &str) -> Finding {
    Finding::new(
        &NOT_REUSABLE,
        format!("The unique index {index} of {} blocks a soft-deleted row's value.", table.name),
    )
    .object(object(table))
    .hint("Make the index cover live rows only: CREATE UNIQUE INDEX … WHERE deleted_at IS NULL.")
}

fn not_restored(table: &Table, what: &str) -> Finding {
    Finding::new(&RESTORE_DIFFERS, format!("Restoring a soft-deleted row of {}: {what}.", table.name))
        .object(object(table))
        .hint("Find the trigger that changes the row on soft delete or restore, and let it leave the row alone.")
}

fn destroys(table: &Table, what: &str) -> Finding {
    Finding::new(
        &HARD_DELETE,
        format!("DELETE FROM {} as the application role is not refused: {what}.", table.name),
    )
    .object(object(table))
    .hint(format!("REVOKE DELETE ON {} FROM …;", table.name))
}
