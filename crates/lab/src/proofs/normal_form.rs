//! `normal-form`: which columns follow from others that are no key?

use underpin_model::catalog::{ConstraintKind, Table};
use underpin_model::sql_text::{quote_identifier, quote_qualified};
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef, Severity};
use underpin_pg::Session;
use underpin_rules::dependency::{Dependency, Encoded, Keys, dependencies, encode};
use underpin_rules::{Context, inclusion};

use super::schema::answer;
use crate::error::LabError;
use crate::proof::{Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "normal-form",
    question: "Which columns follow from others that are no key?",
    page: include_str!("../../../../docs/proofs/normal-form.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[TRANSITIVE, PARTIAL, APPROXIMATE, inclusion::INCLUDED];

const TRANSITIVE: Code = Code::error(
    "UP110",
    "transitive-dependency",
    "columns repeat what another column, which is no key, already says",
);
const PARTIAL: Code =
    Code::error("UP111", "partial-dependency", "columns repeat what a part of the key already says");
const APPROXIMATE: Code =
    Code::note("UP112", "approximate-dependency", "a column almost always follows from another");

/// Rows that are read of a table; a larger one is read in part, and said to be.
const MOST_ROWS: usize = 1_000_000;
/// Fewer rows agree by chance.
const FEW_ROWS: usize = 100;
/// Sample groups in the evidence.
const GROUPS: usize = 5;

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let mut outcome = Outcome::default();
    let sandbox = experiment.lab.sandbox().await?;
    let session = sandbox.session().await?;
    let mut study = Study { experiment, outcome: &mut outcome, rows: Vec::new(), tables: 0, candidates: 0 };
    let ordinary = |table: &&Table| table.kind == "table" || table.kind == "partitioned";
    for table in
        experiment.lab.catalog().tables.iter().filter(ordinary).filter(|table| table.schema != "underpin")
    {
        study.table(table, &session).await?;
    }
    let included = study.inclusions(&session).await?;
    study.conclude(included);
    session.close().await;
    sandbox.drop().await?;
    Ok(outcome)
}

struct Study<'a> {
    experiment: &'a Experiment<'a>,
    outcome: &'a mut Outcome,
    rows: Vec<Vec<String>>,
    tables: usize,
    candidates: usize,
}

impl Study<'_> {
    async fn table(&mut self, table: &Table, session: &Session) -> Result<(), LabError> {
        let names: Vec<&str> = table
            .columns
            .iter()
            .filter(|column| is_compared(column))
            .map(|column| column.name.as_str())
            .collect();
        let columns: Vec<String> = names.iter().map(|name| quote_identifier(name)).collect();
        if names.len() < 3 {
            return Ok(());
        }
        let sql = format!(
            "COPY (SELECT {} FROM {} LIMIT {MOST_ROWS}) TO STDOUT",
            columns.join(", "),
            table.quoted()
        );
        let data = session.copy_out(&sql).await?;
        let encoded = encode(&String::from_utf8_lossy(&data), names.len());
        drop(data);
        if encoded.rows == MOST_ROWS {
            self.outcome.unexamined.push(format!("rows of {} behind the first {MOST_ROWS}", table.name));
        }
        if encoded.rows < FEW_ROWS {
            return Ok(());
        }
        self.tables += 1;
        self.candidates += names.len() * names.len().saturating_sub(1);
        let known = self.known(table, &names);
        let found = dependencies(&encoded, &known);
        for group in by_left(&found) {
            self.report(table, &names, (&encoded, group), session).await?;
        }
        Ok(())
    }

    /// Returns the keys of a table, and the columns that somebody declared as derived.
    fn known(&self, table: &Table, names: &[&str]) -> Keys {
        let place = |name: &String| names.iter().position(|one| one == name);
        let places = |columns: &[String]| -> Option<Vec<usize>> { columns.iter().map(place).collect() };
        let constraints = table
            .constraints
            .iter()
            .filter(|one| matches!(one.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique))
            .filter_map(|one| places(&one.columns));
        let indexes = table.indexes.iter().filter(|one| one.unique && one.predicate.is_none());
        let indexes = indexes.filter_map(|one| places(&one.keys));
        let recounts = self.experiment.project.invariants.iter().flat_map(|invariant| &invariant.recounts);
        let recounted: Vec<&str> =
            recounts.filter_map(|name| name.strip_prefix(&format!("{}.", table.name))).collect();
        let annotated = |comment: &Option<String>| {
            let text = comment.as_deref().unwrap_or("").trim_start().to_lowercase();
            text.starts_with("denormalised") || text.starts_with("denormalized")
        };
        let declared = table.columns.iter().filter(|column| {
            annotated(&table.comment)
                || annotated(&column.comment)
                || recounted.contains(&column.name.as_str())
        });
        Keys {
            keys: constraints.chain(indexes).filter(|key| !key.is_empty()).collect(),
            declared: declared.filter_map(|column| place(&column.name)).collect(),
        }
    }

    async fn report(
        &mut self,
        table: &Table,
        names: &[&str],
        (encoded, group): (&Encoded, Vec<&Dependency>),
        session: &Session,
    ) -> Result<(), LabError> {
        let Some(first) = group.first() else { return Ok(()) };
        let left: Vec<String> = first.left.iter().map(|column| names[*column].to_owned()).collect();
        let right: Vec<String> = group.iter().map(|one| names[one.right].to_owned()).collect();
        let contradicting = group.iter().map(|one| one.contradicting).max().unwrap_or(0);
        let code = match (contradicting, first.part_of_key) {
            (0, true) => &PARTIAL,
            (0, false) => &TRANSITIVE,
            _ => &APPROXIMATE,
        };
        let saved: usize = group
            .iter()
            .map(|one| encoded.columns[one.right].bytes / encoded.rows.max(1) * one.redundant)
            .sum();
        let facts = format!(
            "{} rows, {} values of ({}), {} redundant{}",
            encoded.rows,
            first.classes,
            left.join(", "),
            first.redundant,
            if first.null_on_left { "; NULL occurs on the left and counts as a value" } else { "" }
        );
        let message = match contradicting {
            0 => format!(
                "The data do not contradict that ({}) determines {} in {}: {facts}; about {} KiB repeat.",
                left.join(", "),
                right.join(", "),
                table.name,
                saved / 1024
            ),
            rows => format!(
                "All but {rows} rows of {} agree that ({}) determines {}: {facts}.",
                table.name,
                left.join(", "),
                right.join(", ")
            ),
        };
        let id = format!("dependency-{}-{}", table.name, left.join("-"));
        let evidence = groups(&id, table, (&left, &right), session).await?;
        let mut object = ObjectRef::in_schema(ObjectKind::Table, &table.schema, &table.name);
        (object.determinant, object.dependents) = (left.clone(), right.clone());
        let severity = code.severity.min(weight(self.experiment, table, (&left, &right)));
        let finding = Finding::new(code, message)
            .severity(severity)
            .object(object)
            .hint(split(table, &left, &right))
            .evidence(&evidence.id);
        self.rows.push(vec![
            table.name.clone(),
            left.join(", "),
            right.join(", "),
            facts,
            contradicting.to_string(),
        ]);
        self.outcome.findings.push(finding);
        self.outcome.evidence.push(evidence);
        Ok(())
    }

    /// Looks the values of columns that may refer to a table up in its keys; returns how many columns were looked up.
    async fn inclusions(&mut self, session: &Session) -> Result<usize, LabError> {
        let context = Context::new(self.experiment.lab.catalog(), &self.experiment.project.config);
        let suspicions = inclusion::suspicions(&context);
        let count = suspicions.len();
        for suspicion in suspicions {
            let answer = answer(&session.rows(suspicion.sql()).await?);
            self.outcome.findings.extend(suspicion.judge(&answer));
        }
        Ok(count)
    }

    fn conclude(self, included: usize) {
        let columns = ["table", "left", "right", "measured", "contradicting rows"];
        let found = self.rows.len();
        self.outcome.evidence.insert(
            0,
            Evidence::table("dependencies", "Columns that follow from others", &columns, self.rows),
        );
        self.outcome.measure("tables", self.tables as f64, "count");
        self.outcome.measure("dependencies", found as f64, "count");
        self.outcome.summary = format!(
            "Read {} tables of at least {FEW_ROWS} rows, left sides of up to two columns and all parts of keys; {found} dependencies that repeat values. Looked {included} columns up in the keys of other tables.",
            self.tables
        );
    }
}

/// Returns how much a dependency says by its columns alone. Rows agree on times because one statement wrote them, and pairs
/// agree in generated data: those are worth a note. What a reference determines belongs to what it refers to.
fn weight(experiment: &Experiment<'_>, table: &Table, (left, right): (&[String], &[String])) -> Severity {
    let category = |name: &String| table.column(name).map_or("", |column| column.type_category.as_str());
    let keys: Vec<&Vec<String>> = table.constraints.iter().map(|one| &one.columns).collect();
    let part_of_key =
        keys.iter().any(|key| key.len() > left.len() && left.iter().all(|name| key.contains(name)));
    let tenant = experiment.project.config.tenancy.key.as_ref();
    let timely = left.iter().chain(right).any(|name| matches!(category(name), "D" | "T" | "R"));
    let measured = left.iter().any(|name| {
        matches!(category(name), "B") || table.column(name).is_some_and(|one| one.base_type == "numeric")
    });
    match left {
        _ if timely || measured => Severity::Note,
        [one] if Some(one) == tenant => Severity::Warning,
        [one] if one.ends_with("_id") || keys.iter().any(|key| key.contains(one)) => Severity::Error,
        [_] => Severity::Warning,
        _ if part_of_key => Severity::Warning,
        _ => Severity::Note,
    }
}

/// Returns the largest groups that repeat the same values, and the query that would refute the dependency.
async fn groups(
    id: &str,
    table: &Table,
    (left, right): (&[String], &[String]),
    session: &Session,
) -> Result<Evidence, LabError> {
    let quoted = |names: &[String]| names.iter().map(|name| quote_identifier(name)).collect::<Vec<_>>();
    let (left_sql, right_sql) = (quoted(left).join(", "), quoted(right).join(", "));
    let sql = format!(
        "SELECT {left_sql}, {right_sql}, count(*) AS rows FROM {} GROUP BY {left_sql}, {right_sql} ORDER BY count(*) DESC LIMIT {GROUPS}",
        table.quoted()
    );
    let rows = session.rows(&sql).await?;
    let refuting = format!(
        "SELECT {left_sql} FROM {} GROUP BY {left_sql} HAVING count(DISTINCT ({right_sql})) > 1",
        table.quoted()
    );
    let columns: Vec<&str> = rows.columns.iter().map(String::as_str).collect();
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".to_owned());
    let cells = rows.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    Ok(Evidence::table(
        id,
        format!("{}: the largest groups; a row of `{refuting}` would refute it", table.name),
        &columns,
        cells,
    ))
}

/// Returns the split as SQL.
fn split(table: &Table, left: &[String], right: &[String]) -> String {
    let quoted = |names: &[String]| names.iter().map(|name| quote_identifier(name)).collect::<Vec<_>>();
    let name = quote_qualified(&table.schema, &format!("{}_{}", table.name, left.join("_")));
    let (keys, values) = (quoted(left).join(", "), quoted(right));
    let dropped: Vec<String> = values.iter().map(|value| format!("DROP COLUMN {value}")).collect();
    format!(
        "CREATE TABLE {name} AS SELECT DISTINCT {keys}, {} FROM {};\nALTER TABLE {name} ADD PRIMARY KEY ({keys});\nALTER TABLE {} {};",
        values.join(", "),
        table.quoted(),
        table.quoted(),
        dropped.join(", ")
    )
}

/// Returns whether the values of a column can be compared as text, and are worth it.
fn is_compared(column: &underpin_model::catalog::Column) -> bool {
    let large = matches!(column.base_type.as_str(), "json" | "jsonb" | "bytea" | "tsvector" | "xml");
    column.generated.is_none() && column.type_category != "A" && !large
}

/// Returns dependencies with the same left side and the same strength together.
fn by_left(found: &[Dependency]) -> Vec<Vec<&Dependency>> {
    let mut groups: Vec<Vec<&Dependency>> = Vec::new();
    for one in found {
        let fits = |group: &&mut Vec<&Dependency>| {
            group[0].left == one.left && (group[0].contradicting == 0) == (one.contradicting == 0)
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}
