//! What an experiment measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of a piece of evidence, unique within its proof.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EvidenceId(pub String);

impl From<&str> for EvidenceId {
    fn from(id: &str) -> EvidenceId {
        EvidenceId(id.to_owned())
    }
}

/// One piece of evidence: an id, a title, and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Unique within the proof; findings refer to it.
    pub id: EvidenceId,
    /// One line for people.
    pub title: String,
    /// What was measured; its `kind` stands beside `id` in JSON.
    #[serde(flatten)]
    pub body: EvidenceBody,
}

/// The forms that evidence takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EvidenceBody {
    /// A table of text cells.
    Table(Table),
    /// A listing: SQL, a plan as text, a server's answer.
    Text(Text),
    /// Commands that ran, with what they printed.
    Transcript(Transcript),
    /// Labelled amounts, drawn as bars.
    Bars(Bars),
    /// An amount over time, drawn as a line.
    Series(Series),
    /// Several amounts over one axis, drawn as lines.
    Lines(Lines),
    /// The tables and foreign keys of the schema, drawn as a diagram.
    ErDiagram(ErDiagram),
    /// Plans of one query that are compared.
    #[serde(rename = "plan")]
    Plans(Plans),
    /// One migration statement and what it did.
    Statement(StatementTrace),
    /// The schedules of a scenario at one isolation level.
    Schedules(Box<Schedules>),
}

/// The schedules of a scenario at one isolation level: how many there are, how they ended, the shortest bad one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Schedules {
    /// The scenario.
    pub scenario: String,
    /// The isolation level, in lower case.
    pub level: String,
    /// Schedules that there would be if no session ever waited.
    pub schedules: f64,
    /// Schedules that were run.
    pub explored: u64,
    /// Of those, drawn by chance once the limit was reached.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sampled: u64,
    /// Executions that were left half way, because they only exchange steps that commute.
    pub pruned: u64,
    /// Whether nothing was left to run.
    pub exhausted: bool,
    /// Those in which some session waited for another.
    #[serde(default)]
    pub waiting: u64,
    /// Schedules after which an invariant fails, though it holds after every serial order.
    pub anomalous: u64,
    /// How the schedules ended.
    pub outcomes: ScheduleOutcomes,
    /// Whether answers and final states were compared with those of serial orders: not, when the same schedule
    /// ends differently each time.
    pub compared: bool,
    /// Schedules whose answers and final state no serial order of the committed sessions gives.
    pub nonserializable: u64,
    /// Schedules that SERIALIZABLE refused for nothing, of the first eight that it refused: at REPEATABLE READ they go
    /// through and end as a serial order does.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub needless: u64,
    /// The anomalous schedule with the fewest switches; empty when there is none.
    pub minimal: Vec<ScheduleStep>,
    /// The same as a word for `underpin race --replay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// The same as a specification for PostgreSQL's isolationtester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
    /// Invariants that fail after it.
    pub violated: Vec<String>,
    /// Which of the known anomalies it is, such as `lost update`; absent when its statements alone do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The anomaly in words: who read what, and who changed it meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// What prevents that any number of such sessions is serializable; an empty text when nothing does, absent when that
    /// is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
    /// What was tried against it, and what that led to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<RaceRepair>,
    /// Duration in seconds.
    pub seconds: f64,
}

impl Schedules {
    /// Returns the anomaly's class and explanation as one sentence.
    pub fn told(&self) -> Option<String> {
        let class = self.class.as_ref().map(|class| {
            let (first, rest) = class.split_at(class.chars().next().map_or(0, char::len_utf8));
            format!("{}{rest}", first.to_uppercase())
        });
        match (class, &self.explanation) {
            (Some(class), Some(explanation)) => Some(format!("{class}: {explanation}")),
            (Some(class), None) => Some(format!("{class}.")),
            (None, explanation) => explanation.clone(),
        }
    }
}

impl Schedules {
    /// Returns what holds for any number of such sessions as one sentence; nothing where these already differ from every
    /// serial order.
    pub fn beyond_told(&self) -> Option<String> {
        let what = self.beyond.as_ref().filter(|_| self.nonserializable == 0)?;
        Some(match what.as_str() {
            "" => "Any number of such sessions is serializable, by what they read and write.".to_owned(),
            what => format!("More of such sessions may differ from every serial order: {what}."),
        })
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A change against an anomaly, carried out and explored like the scenario itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RaceRepair {
    /// What changes, such as `lock the rows that are read: FOR NO KEY UPDATE`.
    pub change: String,
    /// The isolation level under which it runs.
    pub level: String,
    /// Whether every schedule was run and every invariant held after each.
    pub holds: bool,
    /// Why it is no repair; absent when it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Schedules that were run.
    pub explored: u64,
    /// Those in which some session waited for another.
    pub waiting: u64,
    /// Those in which some session was refused at least once.
    pub refused: u64,
    /// Statements that each session sends more than before, all together.
    pub added_statements: u64,
    /// Most messages of one session from its first lock or write to its commit: round trips for which others wait.
    pub messages_under_lock: u64,
    /// Transactions committed per second by eight clients, as a part of what the scenario without the change commits;
    /// absent when it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<f64>,
}

/// Schedules by the worst that happened to one of their sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleOutcomes {
    /// Every session reached its end.
    pub ok: u64,
    /// Refused with 40001.
    pub serialization_failure: u64,
    /// Refused with 40P01.
    pub deadlock: u64,
    /// Refused by a constraint, class 23.
    pub constraint_error: u64,
    /// Anything else.
    pub error: u64,
}

/// One step of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleStep {
    /// The session: `t1`, `t2`, …
    pub tx: String,
    /// Its place in the schedule, from 1.
    pub step: usize,
    /// What was sent, values in their places.
    pub sql: String,
    /// What came back, and in which step when that is a later one.
    pub outcome: String,
    /// The step until which the statement waited for another session; absent when it did not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<usize>,
}

/// A table of text cells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    /// Column headings.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

/// A listing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Text {
    /// `sql`, `text`, `json`, `markdown`.
    pub language: String,
    /// The listing.
    pub text: String,
}

/// Commands that ran, with what they printed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Transcript {
    /// In the order of execution.
    pub steps: Vec<TranscriptStep>,
}

/// One command of a transcript.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TranscriptStep {
    /// The command as it can be typed again, secrets left out.
    pub command: String,
    /// Standard output and standard error, trimmed.
    pub output: String,
    /// Exit code; absent for SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Duration in milliseconds.
    pub duration_ms: u64,
}

/// Labelled amounts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bars {
    /// Unit of all amounts, such as `rows` or `ms`.
    pub unit: String,
    /// Label and amount, in the order of drawing.
    pub bars: Vec<(String, f64)>,
}

/// An amount over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Unit of the horizontal axis.
    pub x_unit: String,
    /// Unit of the vertical axis.
    pub y_unit: String,
    /// Points in rising order of x.
    pub points: Vec<(f64, f64)>,
}

/// Several amounts over one axis. Both axes are logarithmic: what grows in proportion is a slope, what stays is level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lines {
    /// Unit of the horizontal axis.
    pub x_unit: String,
    /// Unit of the vertical axis.
    pub y_unit: String,
    /// Label and points in rising order of x, in the order of the legend.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// The tables and foreign keys of a schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErDiagram {
    /// Tables with their columns.
    pub tables: Vec<ErTable>,
    /// Foreign keys between them.
    pub references: Vec<ErReference>,
}

/// A table of the diagram.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErTable {
    /// Name as displayed.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<ErColumn>,
    /// Rows in the template, when counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// A column of the diagram.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErColumn {
    /// Name.
    pub name: String,
    /// Type as PostgreSQL prints it.
    pub type_name: String,
    /// Part of the primary key.
    pub primary_key: bool,
    /// Part of a foreign key.
    pub foreign_key: bool,
    /// NULL is allowed.
    pub nullable: bool,
}

/// A foreign key of the diagram.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErReference {
    /// Referencing table, as displayed.
    pub from: String,
    /// Referencing columns.
    pub from_columns: Vec<String>,
    /// Referenced table, as displayed.
    pub to: String,
    /// The reference may be absent (a referencing column is nullable).
    pub optional: bool,
    /// At most one referencing row per referenced row (the columns are unique).
    pub one_to_one: bool,
    /// ON DELETE rule, such as `CASCADE`.
    pub on_delete: String,
}

/// Plans of one query that are compared, drawn side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plans {
    /// Sentences above the plans: values, what changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The plans, the earlier one first.
    pub plans: Vec<PlanTree>,
}

/// A plan as a tree of boxes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanTree {
    /// Which of the plans it is, such as `before`.
    pub label: String,
    /// Blocks that execution touched.
    pub buffers: u64,
    /// Temporary blocks read or written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub temp: u64,
    /// The nodes, parents first.
    pub nodes: Vec<PlanBox>,
}

/// A node of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanBox {
    /// Levels below the top.
    pub depth: usize,
    /// `Node Type`, with the join type where it is no inner join: `Hash Join (Left)`.
    pub node: String,
    /// Relation and alias: `courses c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The index that it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// `CTE branch`, `InitPlan 1`; absent for what is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subplan: Option<String>,
    /// Rows expected per execution.
    pub estimate: f64,
    /// Rows given per execution; absent when it was never executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<f64>,
    /// Executions.
    pub loops: f64,
    /// By how many times the estimate is off; absent where the node may have been stopped early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off: Option<f64>,
    /// Blocks touched here and below; absent where that was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffers: Option<u64>,
    /// Rows that conditions removed, per execution.
    #[serde(default)]
    pub removed: f64,
    /// Conditions and keys, as `Filter: (a > 1)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// One migration statement and what it did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementTrace {
    /// Migration file.
    pub file: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// The statement.
    pub sql: String,
    /// Relation locks held after the statement that were not held before; the strongest per relation.
    pub locks: Vec<HeldLock>,
    /// Tables and materialized views that got new files.
    #[serde(default)]
    pub rewrites: Vec<String>,
    /// Indexes that were built or rebuilt, as `index on table`.
    #[serde(default)]
    pub index_builds: Vec<String>,
    /// Rows read from tables, at the larger size.
    #[serde(default)]
    pub rows_read: u64,
    /// Rows inserted, updated or deleted, at the larger size.
    #[serde(default)]
    pub rows_written: u64,
    /// Write-ahead log, in bytes, at the larger size.
    #[serde(default)]
    pub wal_bytes: u64,
    /// Another session cannot plan a query of some table while the statement runs.
    #[serde(default)]
    pub blocks_reads: bool,
    /// Another session cannot plan a write to some table while the statement runs.
    #[serde(default)]
    pub blocks_writes: bool,
    /// What cannot be planned meanwhile, as `reads of t` or `writes to t`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
    /// The work grows with the rows of the tables.
    #[serde(default)]
    pub grows: bool,
    /// How long others wait for it, in milliseconds: at the project's scale and at four times that.
    #[serde(default)]
    pub waits_ms: Vec<f64>,
    /// The same for the rows of production; absent where those are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_in_production_ms: Option<f64>,
    /// The server's refusal, when it refused the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Duration in milliseconds, at the project's scale.
    pub duration_ms: f64,
}

/// A relation lock that a statement took.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct HeldLock {
    /// Relation as displayed.
    pub relation: String,
    /// Mode as in `pg_locks`, such as `AccessExclusiveLock`.
    pub mode: String,
}

impl Evidence {
    /// Returns evidence in table form.
    pub fn table(id: &str, title: impl Into<String>, columns: &[&str], rows: Vec<Vec<String>>) -> Evidence {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Evidence { id: id.into(), title: title.into(), body: EvidenceBody::Table(Table { columns, rows }) }
    }

    /// Returns evidence in listing form.
    pub fn text(id: &str, title: impl Into<String>, language: &str, text: impl Into<String>) -> Evidence {
        let text = Text { language: language.to_owned(), text: text.into() };
        Evidence { id: id.into(), title: title.into(), body: EvidenceBody::Text(text) }
    }

    /// Returns evidence in transcript form.
    pub fn transcript(id: &str, title: impl Into<String>, steps: Vec<TranscriptStep>) -> Evidence {
        Evidence { id: id.into(), title: title.into(), body: EvidenceBody::Transcript(Transcript { steps }) }
    }

    /// Returns evidence drawn as bars.
    pub fn bars(id: &str, title: impl Into<String>, unit: &str, bars: Vec<(String, f64)>) -> Evidence {
        let bars = Bars { unit: unit.to_owned(), bars };
        Evidence { id: id.into(), title: title.into(), body: EvidenceBody::Bars(bars) }
    }

    /// Returns plans side by side, under sentences.
    pub fn plans(id: &str, title: impl Into<String>, notes: Vec<String>, plans: Vec<PlanTree>) -> Evidence {
        Evidence { id: id.into(), title: title.into(), body: EvidenceBody::Plans(Plans { notes, plans }) }
    }

    /// Returns evidence drawn as lines.
    pub fn lines(id: &str, title: impl Into<String>, lines: Lines) -> Evidence {
        Evidence { id: id.into(), title: title.into(), body: EvidenceBody::Lines(lines) }
    }
}
