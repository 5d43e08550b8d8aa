//! `schema`: is the schema honest?

use underpin_model::catalog::Catalog;
use underpin_model::evidence::{ErColumn, ErDiagram, ErReference, ErTable};
use underpin_model::project::Project;
use underpin_model::{Evidence, EvidenceBody, Finding, Severity};
use underpin_pg::Session;
use underpin_rules::{Answer, Context};

use crate::error::LabError;
use crate::proof::{Experiment, Experimenting, Outcome, Proof};

/// The proof. Its codes stand in `underpin-rules`.
pub const PROOF: Proof = Proof {
    name: "schema",
    question: "Is the schema honest?",
    page: include_str!("../../../../docs/proofs/schema.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let sandbox = experiment.lab.sandbox().await?;
    let session = sandbox.session().await?;
    let mut outcome = study(experiment.project, experiment.lab.catalog(), &session).await?;
    session.close().await;
    sandbox.drop().await?;
    let diagram = er_diagram(experiment.lab.catalog());
    if !diagram.tables.is_empty() {
        let body = EvidenceBody::ErDiagram(diagram);
        outcome.evidence.push(Evidence {
            id: "er".into(),
            title: "Tables and foreign keys".to_owned(),
            body,
        });
    }
    Ok(outcome)
}

/// Judges a database that is not ours; every probe only reads.
pub(crate) async fn examine(project: &Project, session: &Session) -> Result<Outcome, LabError> {
    let catalog = underpin_pg::catalog::snapshot(session).await?;
    study(project, &catalog, session).await
}

/// Raises every rule's suspicions and settles each by its probe.
async fn study(project: &Project, catalog: &Catalog, session: &Session) -> Result<Outcome, LabError> {
    let context = Context {
        catalog,
        config: &project.config,
        queries: &project.queries,
        invariants: &project.invariants,
    };
    let mut outcome = Outcome::default();
    let mut probes = Vec::new();
    session.execute("SET statement_timeout = '30s'").await?;
    for rule in underpin_rules::all() {
        for suspicion in rule.suspicions(&context) {
            let sql = suspicion.sql().to_owned();
            let name = suspicion.draft().object.as_ref().map(ToString::to_string).unwrap_or_default();
            let answer = match session.rows(&sql).await {
                Ok(rows) => answer(&rows),
                Err(error) => {
                    outcome.unexamined.push(format!("{} for {name} ({error})", rule.code.rule));
                    continue;
                }
            };
            let finding = suspicion.judge(&answer);
            let probe = Probe { rule: rule.code.rule, name, sql, answer, finding: finding.as_ref() };
            probes.push(probe.row());
            outcome.findings.extend(finding);
        }
    }
    session.execute("RESET statement_timeout").await?;
    conclude(&mut outcome, catalog, probes);
    Ok(outcome)
}

pub(super) fn answer(rows: &underpin_pg::Rows) -> Answer {
    let first = rows.rows.first().cloned().unwrap_or_default();
    rows.columns.iter().cloned().zip(first).collect()
}

/// A suspicion that was settled.
struct Probe<'a> {
    rule: &'a str,
    name: String,
    sql: String,
    answer: Answer,
    finding: Option<&'a Finding>,
}

impl Probe<'_> {
    /// Returns the line of the table that shows all probes.
    fn row(self) -> Vec<String> {
        let shown = |(column, value): (&str, Option<&str>)| format!("{column} = {}", value.unwrap_or("NULL"));
        vec![
            self.rule.to_owned(),
            self.name,
            self.sql.split_whitespace().collect::<Vec<_>>().join(" "),
            self.answer.columns().map(shown).collect::<Vec<_>>().join(", "),
            self.finding.map_or("cleared", |finding| finding.severity.word()).to_owned(),
        ]
    }
}

fn conclude(outcome: &mut Outcome, catalog: &Catalog, probes: Vec<Vec<String>>) {
    let count = |severity| outcome.findings.iter().filter(|finding| finding.severity == severity).count();
    outcome.summary = format!(
        "{} rules over {} tables raised {} suspicions, each settled by a query: {} errors, {} warnings, {} notes.",
        underpin_rules::all().len(),
        catalog.tables.len(),
        probes.len(),
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Note),
    );
    outcome.measure("rules", underpin_rules::all().len() as f64, "count");
    outcome.measure("probes", probes.len() as f64, "count");
    let columns = ["rule", "object", "query", "answer", "result"];
    outcome.evidence.push(Evidence::table(
        "probes",
        "Suspicions and the queries that settled them",
        &columns,
        probes,
    ));
}

/// Returns the tables and foreign keys of a catalog as a diagram.
pub fn er_diagram(catalog: &Catalog) -> ErDiagram {
    use underpin_model::catalog::{ConstraintKind, Table};
    let display = |schema: &str, name: &str| {
        if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") }
    };
    let foreign = |table: &Table, column: &str| {
        let keys = table.constraints.iter().filter(|one| one.kind == ConstraintKind::ForeignKey);
        keys.flat_map(|one| &one.columns).any(|name| name == column)
    };
    let column = |table: &Table, column: &underpin_model::catalog::Column| ErColumn {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        primary_key: table.primary_key().contains(&column.name),
        foreign_key: foreign(table, &column.name),
        nullable: !column.not_null,
    };
    let visible = |table: &&Table| table.kind != "partition";
    let tables = catalog.tables.iter().filter(visible).map(|table| ErTable {
        name: display(&table.schema, &table.name),
        columns: table.columns.iter().map(|one| column(table, one)).collect(),
        rows: None,
    });
    let references =
        catalog.foreign_keys().filter(|(table, ..)| visible(table)).map(|(table, key, reference)| {
            let nullable = |name: &String| table.column(name).is_some_and(|column| !column.not_null);
            let unique = |index: &underpin_model::catalog::Index| {
                index.unique
                    && index.predicate.is_none()
                    && index.keys.iter().all(|name| key.columns.contains(name))
            };
            ErReference {
                from: display(&table.schema, &table.name),
                from_columns: key.columns.clone(),
                to: display(&reference.schema, &reference.table),
                optional: key.columns.iter().any(nullable),
                one_to_one: table.indexes.iter().any(unique),
                on_delete: reference.on_delete.clone(),
            }
        });
    ErDiagram { tables: tables.collect(), references: references.collect() }
}
