//! Data for a schema of the past: the rows of the template in the columns that were there already.
//!
//! The seed and the scale file fit the newest schema, migrations run on older ones. A table gets its rows as soon as a
//! file creates it, and again when a file changes its columns. What the newest schema no longer has is made up.

use std::collections::BTreeMap;

use underpin_model::sql_text::{quote_identifier, quote_literal, quote_qualified};
use underpin_pg::{Address, Session};

use super::amplify::{self, Copies, Sizes};
use crate::error::LabError;

/// Rows of a table that the template does not have.
const INVENTED_ROWS: u32 = 2_000;

/// Whether a scale file says how many rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// It does.
    Given,
    /// It does not: a seed has a few rows per table.
    Absent,
}

/// Fills the tables of one database from another.
pub(super) struct Filler {
    from: BTreeMap<(String, String), Vec<Column>>,
    template: Address,
    /// Columns of each table when it was filled.
    filled: BTreeMap<(String, String), Vec<Column>>,
    /// Times as many invented rows.
    factor: u32,
    /// File on the server through which rows travel, as a literal.
    file: String,
    /// Some rows are made up, or some were left out: what they do not fit says nothing.
    pub(super) made_up: bool,
    /// The project has no scale file, so tables of a few rows get more.
    amplified: bool,
    /// Rows in production, by table; empty where nothing is known of it.
    pub(super) production: BTreeMap<String, u64>,
}

/// Tables that have their rows, with their columns.
pub(super) struct Filled(BTreeMap<(String, String), Vec<Column>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: String,
    type_name: String,
    needed: bool,
    defaulted: bool,
    referring: bool,
    base: String,
    /// `e` for an enum, as in `pg_type`.
    kind: String,
    array: bool,
    label: String,
}

impl Filler {
    /// Learns what the template holds. Tables that it lacks get `factor` times the usual rows.
    pub(super) async fn learn(template: &Address, factor: u32, scale: Scale) -> Result<Filler, LabError> {
        let session = Session::connect(template).await?;
        let from = tables(&session).await?;
        let folder = session.value("SHOW data_directory").await?.unwrap_or_default();
        let file = quote_literal(&format!("{folder}/underpin-fill-{}.copy", session.pid()));
        session.close().await;
        let (template, filled) = (template.clone(), BTreeMap::new());
        let (made_up, amplified, production) = (false, scale == Scale::Absent, BTreeMap::new());
        Ok(Filler { from, template, filled, factor, file, made_up, amplified, production })
    }

    /// Fills every table that is new or has other columns than when it was filled. Returns tables that stayed empty, with
    /// the server's reason.
    pub(super) async fn fill(&mut self, superuser: &Address) -> Result<Vec<String>, LabError> {
        let session = Session::connect(superuser).await?;
        let now = tables(&session).await?;
        let stale: Vec<_> =
            now.into_iter().filter(|(name, columns)| self.filled.get(name) != Some(columns)).collect();
        let mut empty = Vec::new();
        if !stale.is_empty() {
            let template = Session::connect(&self.template).await?;
            // Rows are copied as they are: no trigger fires and no foreign key is asked.
            session.execute("SET session_replication_role = replica").await?;
            for (name, columns) in stale {
                match self.table(&template, &session, (&name, &columns)).await? {
                    Ok(Outcome::AsItIs) => {}
                    Ok(Outcome::MadeUp) => self.made_up = true,
                    Err(reason) => empty.push(format!("{}.{}: {reason}", name.0, name.1)),
                }
                self.filled.insert(name, columns);
            }
            for sql in sequences(&template, &session).await? {
                session.execute(&sql).await?;
            }
            if self.amplified {
                let (production, factor) = (self.production.clone(), u64::from(self.factor));
                let wanted = Copies::Like(Sizes { production, factor });
                amplify::amplify(&session, &wanted).await?;
            }
            session.execute("RESET session_replication_role; ANALYZE").await?;
            template.close().await;
        }
        session.close().await;
        Ok(empty)
    }

    /// Returns which tables have their rows, in which form.
    pub(super) fn filled(&self) -> Filled {
        Filled(self.filled.clone())
    }

    /// Goes back to an earlier answer: the tables have that form again, and their rows.
    pub(super) fn restore(&mut self, filled: Filled) {
        self.filled = filled.0;
    }

    async fn table(
        &self,
        template: &Session,
        session: &Session,
        (name, columns): (&(String, String), &[Column]),
    ) -> Result<Result<Outcome, String>, LabError> {
        let table = quote_qualified(&name.0, &name.1);
        // TRUNCATE would empty the tables that refer to this one, too.
        session.execute(&format!("DELETE FROM {table}")).await?;
        let there = match self.from.get(name) {
            Some(_) => {
                template.value(&format!("SELECT EXISTS (SELECT FROM {table})")).await?.as_deref() == Some("t")
            }
            None => false,
        };
        // An empty table of a project with a scale file is meant to be empty.
        let known = self.from.get(name).filter(|_| there || !self.amplified);
        // Everything that can be filled first; then only what must be; then without the rows that older checks refuse.
        let mut reason = String::new();
        for (invent, rows) in
            [(Invent::All, Rows::All), (Invent::Needed, Rows::All), (Invent::Needed, Rows::Fitting)]
        {
            let mut list = Vec::new();
            for column in columns {
                let there = known.is_some_and(|known| known.iter().any(|one| one.name == column.name));
                let made = !there
                    && (column.needed || (invent == Invent::All && !column.referring && !column.defaulted));
                if there {
                    list.push((column, quote_identifier(&column.name)));
                } else if made {
                    list.push((column, invented(column)));
                }
            }
            if list.is_empty() {
                return Ok(Ok(Outcome::AsItIs));
            }
            let expressions: Vec<String> = list.iter().map(|(_, expression)| expression.clone()).collect();
            let names: Vec<String> = list.iter().map(|(column, _)| quote_identifier(&column.name)).collect();
            let source = match known {
                Some(_) => format!("(SELECT *, row_number() OVER () AS underpin_nth FROM {table}) AS t"),
                None => format!("generate_series(1, {}) AS underpin_nth", INVENTED_ROWS * self.factor),
            };
            let made_up = list.iter().any(|(column, _)| {
                !known.is_some_and(|known| known.iter().any(|one| one.name == column.name))
            });
            let out = format!("COPY (SELECT {} FROM {source}) TO {}", expressions.join(", "), self.file);
            template.execute(&out).await?;
            let target = Target { table: &table, columns: &names.join(", "), file: &self.file };
            match target.take(session, rows).await? {
                Taken::All => return Ok(Ok(if made_up { Outcome::MadeUp } else { Outcome::AsItIs })),
                Taken::Fitting => return Ok(Ok(Outcome::MadeUp)),
                Taken::Refused(refused) => reason = refused,
            }
        }
        // Made-up rows are a try; rows that are there and do not fit are a gap.
        Ok(if there { Err(reason) } else { Ok(Outcome::AsItIs) })
    }
}

/// How a table was filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// With the template's rows, or not at all where there are none.
    AsItIs,
    /// With values or rows that nobody vouches for.
    MadeUp,
}

/// A table that takes rows from the file.
struct Target<'a> {
    table: &'a str,
    columns: &'a str,
    file: &'a str,
}

/// Which rows of the file are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    /// Those that the table's checks accept: older checks know fewer words than newer rows.
    Fitting,
}

/// How the rows of the file were taken.
enum Taken {
    All,
    Fitting,
    Refused(String),
}

impl Target<'_> {
    async fn take(&self, session: &Session, rows: Rows) -> Result<Taken, LabError> {
        let Target { table, columns, file } = self;
        if rows == Rows::All {
            return match session.execute(&format!("COPY {table} ({columns}) FROM {file}")).await {
                Ok(_) => Ok(Taken::All),
                Err(refused) if refused.ends_session() => Err(refused.into()),
                Err(refused) => Ok(Taken::Refused(refused.to_string())),
            };
        }
        let checks = format!(
            "SELECT coalesce(string_agg('(' || pg_get_expr(conbin, conrelid) || ') IS NOT FALSE', ' AND '), 'true') \
             FROM pg_constraint WHERE contype = 'c' AND conrelid = {}::regclass",
            quote_literal(table)
        );
        let fits = session.value(&checks).await?.unwrap_or_default();
        let sql = format!(
            "CREATE TEMP TABLE underpin_fill (LIKE {table} INCLUDING DEFAULTS); \
             COPY underpin_fill ({columns}) FROM {file}; \
             INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM underpin_fill WHERE {fits}; \
             DROP TABLE underpin_fill"
        );
        match session.execute(&sql).await {
            Ok(_) => Ok(Taken::Fitting),
            Err(refused) if refused.ends_session() => Err(refused.into()),
            Err(refused) => {
                session.execute("DROP TABLE IF EXISTS underpin_fill").await?;
                Ok(Taken::Refused(refused.to_string()))
            }
        }
    }
}

/// Which columns that the template lacks get invented values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Invent {
    All,
    Needed,
}

async fn tables(session: &Session) -> Result<BTreeMap<(String, String), Vec<Column>>, LabError> {
    let rows = session.rows(include_str!("fillable.sql")).await?;
    let mut tables: BTreeMap<(String, String), Vec<Column>> = BTreeMap::new();
    for row in rows.iter() {
        let text = |name: &str| row.text(name).to_owned();
        let column = Column {
            name: text("column"),
            type_name: text("type"),
            needed: row.text("needed") == "true",
            defaulted: row.text("defaulted") == "true",
            referring: row.text("referring") == "true",
            base: text("base"),
            kind: text("kind"),
            array: row.text("base").starts_with('_'),
            label: text("label"),
        };
        tables.entry((text("schema"), text("table"))).or_default().push(column);
    }
    Ok(tables)
}

/// Returns an expression over `underpin_nth` that gives every row another value where the type has enough of them.
fn invented(column: &Column) -> String {
    let nth = "underpin_nth";
    let value = match column.base.as_str() {
        _ if column.kind == "e" => column.label.clone(),
        "bool" => format!("{nth} % 2 = 0"),
        "int2" => format!("{nth} % 30000"),
        "int4" | "int8" | "oid" => nth.to_owned(),
        "numeric" | "float4" | "float8" | "money" => format!("({nth} % 900)::numeric"),
        "date" => format!("date '2026-01-01' + ({nth} % 300)::int"),
        "timestamp" | "timestamptz" => format!("timestamp '2026-01-01' + {nth} * interval '1 minute'"),
        "interval" => format!("{nth} * interval '1 minute'"),
        "uuid" => format!("md5({nth}::text)::uuid"),
        "json" | "jsonb" => format!("jsonb_build_object('n', {nth})"),
        "bytea" => format!("int8send({nth})"),
        "text" | "varchar" | "bpchar" | "citext" | "name" => format!("{nth}::text"),
        _ if column.array => "'{}'".to_owned(),
        _ => "NULL".to_owned(),
    };
    format!("({value})::{}", column.type_name)
}

/// Returns the statements that bring sequences to where the template has them.
async fn sequences(template: &Session, session: &Session) -> Result<Vec<String>, LabError> {
    let sql = "SELECT schemaname AS schema, sequencename AS name, coalesce(last_value, 0)::text AS last FROM pg_sequences";
    let here = session.rows(sql).await?;
    let there = template.rows(sql).await?;
    let mut statements = Vec::new();
    for row in there.iter() {
        let same = |other: &underpin_pg::Row<'_>| {
            other.text("schema") == row.text("schema") && other.text("name") == row.text("name")
        };
        if row.text("last") != "0" && here.iter().any(|other| same(&other)) {
            let name = quote_qualified(row.text("schema"), row.text("name"));
            let name = quote_literal(&name);
            statements.push(format!("SELECT setval({name}, {})", row.text("last")));
        }
    }
    Ok(statements)
}
