//! A piece of evidence as the page shows it.

use underpin_model::evidence::{
    ErDiagram, ErReference, Schedules, StatementTrace, Table, Text, TranscriptStep,
};
use underpin_model::{Evidence, EvidenceBody, ProofReport};

use super::finding_view::evidence_anchor;
use super::sql_listing::highlighted;
use crate::amounts::{counted, duration};
use crate::er::{self, Detail};
use crate::printable::{one_line, printable};
use crate::schedule;
use crate::statement;
use crate::svg::{self, escape};

/// Rows of a table that the page shows; the JSON report has them all.
const MOST_ROWS: usize = 500;
/// A table or listing of more rows is folded at first.
const SHORT: usize = 12;
/// With more columns than this the diagram comes twice: keys only, and in full.
const LARGE_DIAGRAM: usize = 40;

/// A piece of evidence with its heading.
pub(super) struct EvidenceView {
    pub(super) id: String,
    pub(super) title: String,
    /// How much there is, such as `26 rows`.
    pub(super) size: String,
    /// Unfolded at first.
    pub(super) open: bool,
    /// Sentences above it.
    pub(super) notes: Vec<String>,
    pub(super) body: Body,
}

/// The forms that evidence takes on the page.
pub(super) enum Body {
    /// Cells with their alignment.
    Table { columns: Vec<Cell>, rows: Vec<Vec<Cell>> },
    /// HTML of a listing.
    Listing(String),
    /// Commands.
    Transcript(Vec<StepView>),
    /// SVG.
    Chart(String),
    /// SVGs side by side.
    Plans(Vec<String>),
    /// Two SVGs, and the references as rows.
    Diagram { overview: String, full: String, references: Vec<Vec<String>> },
    /// Statements that follow each other, as one table.
    Statements(Vec<TraceView>),
}

/// A cell of a table.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) number: bool,
}

/// One command.
pub(super) struct StepView {
    pub(super) command: String,
    pub(super) output: String,
    pub(super) failed: bool,
    pub(super) ended: String,
}

/// One statement and what it did.
pub(super) struct TraceView {
    pub(super) id: String,
    pub(super) place: String,
    /// HTML.
    pub(super) sql: String,
    /// Relation, mode, and the class of the mode.
    pub(super) locks: Vec<(String, String, &'static str)>,
    /// How many locks are not shown, in words.
    pub(super) more: Option<String>,
    /// What it did, in phrases.
    pub(super) facts: Vec<String>,
    pub(super) duration: String,
}

/// Returns the evidence of a proof; statements that follow each other become one table.
pub(super) fn evidence_views(proof: &ProofReport, proof_id: &str) -> Vec<EvidenceView> {
    let mut views: Vec<EvidenceView> = Vec::new();
    for evidence in &proof.evidence {
        let id = evidence_anchor(proof_id, &evidence.id);
        let shown = proof.findings.iter().any(|finding| finding.evidence.contains(&evidence.id));
        if let EvidenceBody::Statement(trace) = &evidence.body {
            add_trace(&mut views, trace_view(trace, id));
            continue;
        }
        let title = one_line(&evidence.title);
        if let EvidenceBody::Schedules(schedules) = &evidence.body {
            views.extend(schedule_views(schedules, (id, title)));
            continue;
        }
        let (body, size, short) = body(evidence);
        let notes = match &evidence.body {
            EvidenceBody::Plans(plans) => plans.notes.iter().map(|note| one_line(note)).collect(),
            _ => Vec::new(),
        };
        views.push(EvidenceView { id, title, size, open: shown || short, notes, body });
    }
    views
}

/// Returns what was found at one level, and the repairs that were tried.
fn schedule_views(schedules: &Schedules, (id, title): (String, String)) -> Vec<EvidenceView> {
    let steps = schedule::table(&schedules.minimal);
    let notes = std::iter::once(schedule::sentence(schedules)).chain(schedules.told());
    let mut views = vec![EvidenceView {
        id: id.clone(),
        title: title.clone(),
        size: counted(steps.rows.len(), "step"),
        open: !steps.rows.is_empty(),
        notes: notes.map(|note| one_line(&note)).collect(),
        body: table(&steps),
    }];
    if !schedules.minimal.is_empty() {
        views.push(EvidenceView {
            id: format!("{id}-lifelines"),
            title: format!("{title}: lifelines"),
            size: String::new(),
            open: true,
            notes: Vec::new(),
            body: Body::Chart(svg::schedule::schedule(&schedules.minimal)),
        });
    }
    if !schedules.repairs.is_empty() {
        views.push(EvidenceView {
            id: format!("{id}-repairs"),
            title: format!("{title}: repairs that were tried"),
            size: counted(schedules.repairs.len(), "change"),
            open: true,
            notes: Vec::new(),
            body: table(&schedule::repairs(schedules)),
        });
    }
    if let Some(spec) = &schedules.spec {
        views.push(EvidenceView {
            id: format!("{id}-spec"),
            title: format!("{title}: for isolationtester"),
            size: counted(spec.lines().count(), "line"),
            open: false,
            notes: Vec::new(),
            body: Body::Listing(escape(spec)),
        });
    }
    views
}

fn add_trace(views: &mut Vec<EvidenceView>, trace: TraceView) {
    if let Some(EvidenceView { body: Body::Statements(traces), size, open, .. }) = views.last_mut() {
        traces.push(trace);
        *size = counted(traces.len(), "statement");
        *open = traces.len() <= SHORT;
        return;
    }
    views.push(EvidenceView {
        id: format!("{}-list", trace.id),
        title: "Statements and their locks".to_owned(),
        size: counted(1, "statement"),
        open: true,
        notes: Vec::new(),
        body: Body::Statements(vec![trace]),
    });
}

/// Returns what to show, how much it is, and whether it is short.
fn body(evidence: &Evidence) -> (Body, String, bool) {
    match &evidence.body {
        EvidenceBody::Table(table) => {
            (self::table(table), counted(table.rows.len(), "row"), table.rows.len() <= SHORT)
        }
        EvidenceBody::Text(text) => {
            let lines = text.text.lines().count();
            (Body::Listing(listing(text)), counted(lines, "line"), lines <= SHORT)
        }
        EvidenceBody::Transcript(transcript) => {
            let steps: Vec<StepView> = transcript.steps.iter().map(step).collect();
            let size = counted(steps.len(), "command");
            (Body::Transcript(steps), size, transcript.steps.len() <= SHORT)
        }
        EvidenceBody::Bars(bars) => {
            (Body::Chart(svg::bars::bars(bars)), String::new(), bars.bars.len() <= SHORT)
        }
        EvidenceBody::Series(series) => (Body::Chart(svg::line::line(series)), String::new(), true),
        EvidenceBody::Lines(lines) => (Body::Chart(svg::lines::lines(lines)), String::new(), true),
        EvidenceBody::ErDiagram(diagram) => {
            (self::diagram(diagram), counted(diagram.tables.len(), "table"), true)
        }
        EvidenceBody::Plans(plans) => {
            let drawn = plans.plans.iter().map(svg::plan::plan).collect();
            (Body::Plans(drawn), counted(plans.plans.len(), "plan"), true)
        }
        EvidenceBody::Statement(trace) => {
            (Body::Statements(vec![trace_view(trace, String::new())]), String::new(), true)
        }
        EvidenceBody::Schedules(schedules) => {
            (table(&schedule::table(&schedules.minimal)), schedule::sentence(schedules), true)
        }
    }
}

fn table(table: &Table) -> Body {
    let number = |place: usize| {
        !table.rows.is_empty()
            && table.rows.iter().all(|row| row.get(place).is_some_and(|cell| is_number(cell)))
    };
    let numbers: Vec<bool> = (0..table.columns.len()).map(number).collect();
    let cell = |(place, text): (usize, &String)| Cell {
        text: printable(text),
        number: numbers.get(place).copied().unwrap_or_default(),
    };
    let mut rows: Vec<Vec<Cell>> =
        table.rows.iter().take(MOST_ROWS).map(|row| row.iter().enumerate().map(cell).collect()).collect();
    if table.rows.len() > MOST_ROWS {
        let more = format!("{} are in the JSON report", counted(table.rows.len() - MOST_ROWS, "more row"));
        rows.push(vec![Cell { text: more, number: false }]);
    }
    Body::Table { columns: table.columns.iter().enumerate().map(cell).collect(), rows }
}

/// Returns whether a cell reads as an amount: digits first, perhaps with a unit behind.
fn is_number(cell: &str) -> bool {
    let amount = cell.trim().trim_start_matches(['-', '+']);
    let unit = amount.trim_start_matches(|letter: char| letter.is_ascii_digit() || ". ,".contains(letter));
    amount.starts_with(|first: char| first.is_ascii_digit())
        && ["", "%", "ms", "s", "min", "B", "KiB", "MiB", "GiB", "rows/s"].contains(&unit)
}

fn listing(text: &Text) -> String {
    match text.language.as_str() {
        "sql" => highlighted(&text.text),
        _ => escape(&text.text),
    }
}

fn step(step: &TranscriptStep) -> StepView {
    let took = duration(step.duration_ms as f64);
    StepView {
        command: printable(&step.command),
        output: printable(&step.output),
        failed: step.exit.is_some_and(|exit| exit != 0),
        ended: match step.exit {
            Some(exit) => format!("exit {exit} · {took}"),
            None => took,
        },
    }
}

fn diagram(diagram: &ErDiagram) -> Body {
    let columns: usize = diagram.tables.iter().map(|table| table.columns.len()).sum();
    let full = er::inline(diagram, Detail::All);
    let (overview, full) = match columns > LARGE_DIAGRAM {
        true => (er::inline(diagram, Detail::Keys), full),
        false => (full, String::new()),
    };
    Body::Diagram { overview, full, references: diagram.references.iter().map(reference).collect() }
}

fn reference(reference: &ErReference) -> Vec<String> {
    let kind = match (reference.one_to_one, reference.optional) {
        (true, true) => "one to one, optional",
        (true, false) => "one to one",
        (false, true) => "many to one, optional",
        (false, false) => "many to one",
    };
    [reference.from.as_str(), &reference.from_columns.join(", "), &reference.to, &reference.on_delete, kind]
        .map(one_line)
        .to_vec()
}

fn trace_view(trace: &StatementTrace, id: String) -> TraceView {
    let lock = |lock: &underpin_model::evidence::HeldLock| {
        (one_line(&lock.relation), one_line(&lock.mode), lock_class(&lock.mode))
    };
    let (shown, more) = statement::shown_locks(trace);
    TraceView {
        id,
        place: one_line(&format!("{}:{}", trace.file, trace.line)),
        sql: highlighted(trace.sql.trim()),
        locks: trace.locks.iter().take(shown).map(lock).collect(),
        more,
        facts: statement::facts(trace).iter().map(|fact| one_line(fact)).collect(),
        duration: duration(trace.duration_ms),
    }
}

/// Returns how much a lock mode hinders others (PostgreSQL manual, 13.3.1, "Table-Level Locks"):
/// the strongest keeps readers out, the strong ones keep writers out.
fn lock_class(mode: &str) -> &'static str {
    match mode {
        "AccessExclusiveLock" => "strongest",
        "ExclusiveLock" | "ShareRowExclusiveLock" | "ShareLock" => "strong",
        _ => "weak",
    }
}
