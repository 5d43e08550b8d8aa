//! `docs/triage-runbook.md`: what triage says of every planted fault, and the matrix of faults and rules.
//!
//! The tests of [`crate::triage`] run each fault once and hand over what they saw. A finding that the matrix does not
//! allow fails the test, so every rule is shown silent on every fault that is not its own.

use std::collections::BTreeMap;
use std::fmt::Write;

use camino::Utf8PathBuf;
use underpin_lab::triage::CODES;
use underpin_model::Triage;
use underpin_pg::Rows;

/// A fault that is planted on a real server.
pub struct Fault {
    /// What was done, as the title of its section.
    pub name: &'static str,
    /// The code that leads.
    pub code: &'static str,
    /// An object that the leading finding names.
    pub object: &'static str,
    /// Codes that may stand below it, and no others.
    pub consequences: &'static [&'static str],
}

const fn fault(
    name: &'static str,
    code: &'static str,
    object: &'static str,
    consequences: &'static [&'static str],
) -> Fault {
    Fault { name, code, object, consequences }
}

/// The matrix: every fault, what leads, and what may follow.
pub const FAULTS: &[Fault] = &[
    fault("a key is near its last number", "UP600", "public.customers.id", &[]),
    fault("names occur twice", "UP601", "public.people.username", &[]),
    fault("a CHECK is NOT VALID", "UP602", "positive", &[]),
    fault("a table has an id and no key", "UP603", "public.notes", &[]),
    fault("an UNLOGGED table refers to another", "UP604", "public.carts", &[]),
    fault("a foreign key lost its index", "UP610", "public.orders.customer_id", &[]),
    fault("a report filters by a column without index", "UP611", "public.orders.status", &[]),
    fault("a concurrent build failed", "UP612", "public.once", &[]),
    fault("nobody uses an index", "UP613", "public.idle", &[]),
    fault("an index is there twice", "UP614", "public.twin", &[]),
    fault("a table grew and was not analysed", "UP620", "public.orders", &[]),
    fault("a new table was never analysed", "UP621", "public.fresh", &[]),
    fault("only the partitions were analysed", "UP622", "public.events", &[]),
    fault("an upgrade left no statistics", "UP623", "public.orders", &[]),
    fault("autovacuum is off for a table", "UP630", "public.orders", &[]),
    fault("autovacuum is off for the server", "UP630", "autovacuum", &[]),
    fault("a threshold is out of reach", "UP631", "autovacuum_vacuum_scale_factor", &[]),
    fault("a report holds its snapshot", "UP632", "nightly report", &[]),
    fault("a prepared transaction was forgotten", "UP632", "transfer 17", &[]),
    fault("a forgotten transaction keeps ids from being frozen", "UP634", "forgotten", &[]),
    fault("every connection is taken", "UP640", "workers", &[]),
    fault("transactions are left open", "UP641", "checkout", &[]),
    fault("every request opens a connection", "UP642", "postgres", &[]),
    fault("an idle transaction holds a row that others want", "UP643", "cart", &[]),
    fault("an ALTER TABLE waits for a reader, and all others wait for it", "UP650", "analytics", &[]),
    fault("a concurrent build waits for a transaction", "UP651", "import", &[]),
    fault("a migration stayed half done", "UP652", "public.schema_migrations", &[]),
    fault("rows land in the default partition", "UP660", "public.events_rest", &[]),
    fault("a partition lacks its siblings' index", "UP661", "public.events_3", &[]),
    fault("one tenant has most rows", "UP662", "public.invoices.tenant_id", &[]),
    fault("a standby receives and does not replay", "UP663", "reports_standby", &[]),
    fault("nobody reads a replication slot", "UP664", "old_standby", &[]),
    fault("archive_command fails", "UP665", "archive_command", &[]),
    fault("the disk is nearly full", "UP666", "data_directory", &[]),
];

/// Whose text depends on the moment of the look: only its code is compared with the page.
const OF_THE_MOMENT: &[&str] = &["UP642", "UP665", "UP666"];

/// Returns the fault of that name.
pub fn planted(name: &str) -> &'static Fault {
    FAULTS.iter().find(|fault| fault.name == name).unwrap_or_else(|| panic!("the matrix lacks {name}"))
}

impl Fault {
    /// Returns the word of the mode that its leading code belongs to.
    pub fn mode(&self) -> &'static str {
        match &self.code[..4] {
            "UP60" => "schema",
            "UP61" => "index",
            "UP62" => "statistics",
            "UP63" => "bloat",
            "UP64" => "pooling",
            "UP65" => "migration",
            _ => "sharding",
        }
    }

    /// Asserts that its code leads and that nothing beside its consequences was found.
    pub fn assert_alone(&self, triage: &Triage) {
        let first = triage.findings.first();
        let first = first.unwrap_or_else(|| panic!("{}: silence; unseen: {:?}", self.name, triage.unseen));
        let led = (first.code.as_str(), first.mode.word());
        assert_eq!(led, (self.code, self.mode()), "{}: {:#?}", self.name, triage.findings);
        let others = triage.findings[1..].iter().map(|one| one.code.as_str());
        let foreign: Vec<&str> = others.filter(|code| !self.consequences.contains(code)).collect();
        assert!(foreign.is_empty(), "{}: {foreign:?} fired too: {:#?}", self.name, triage.findings);
        assert!(
            first.objects.iter().any(|name| name == self.object),
            "{} in {:?}",
            self.object,
            first.objects
        );
    }
}

/// What one fault showed, from planting to silence.
pub struct Seen {
    /// The fault.
    pub fault: &'static Fault,
    /// Statements that planted it; what other sessions did is in its name.
    pub planted: Vec<String>,
    /// What triage said.
    pub triage: Triage,
    /// What the first diagnostic query of the leading finding printed.
    pub answer: Rows,
    /// Statements that ran until triage was silent.
    pub recovery: Vec<String>,
    /// Triage was silent afterwards.
    pub silent: bool,
}

/// Rows of an answer that are shown.
const SHOWN_ROWS: usize = 8;

/// Letters of a value that are shown.
const SHOWN_LETTERS: usize = 70;

impl Seen {
    fn heading(&self) -> String {
        heading(self.fault)
    }

    fn body(&self) -> String {
        let first = &self.triage.findings[0];
        let mut text = String::new();
        if !self.planted.is_empty() {
            write!(text, "Planted with:\n\n```sql\n{}\n```\n\n", listed(&self.planted)).unwrap();
        }
        let shown = underpin_report::triage::text(&self.triage);
        write!(text, "What it looks like:\n\n```console\n$ underpin triage\n{}\n```\n\n", shown.trim_end())
            .unwrap();
        write!(text, "Look first:\n\n```sql\n{};\n```\n\n", first.first_query).unwrap();
        write!(text, "which printed\n\n```text\n{}```\n\n", table(&self.answer)).unwrap();
        write!(text, "Do first:\n\n```sql\n{};\n```\n\n", first.first_fix).unwrap();
        let own = |sql: &String| *sql == first.first_fix;
        match self.recovery.iter().find(|sql| !own(sql)) {
            None if self.recovery.is_empty() => text.push_str("It ended with the clients that caused it"),
            None => text.push_str("It ran as printed"),
            Some(_) => {
                write!(
                    text,
                    "What ran here until it was over:\n\n```sql\n{}\n```\n\nIt ended",
                    listed(&self.recovery)
                )
                .unwrap();
            }
        }
        text.push_str("; triage was silent afterwards.\n");
        text
    }
}

fn heading(fault: &Fault) -> String {
    format!("{}: {}", fault.code, fault.name)
}

fn listed(statements: &[String]) -> String {
    let line = |sql: &String| format!("{};", sql.split_whitespace().collect::<Vec<_>>().join(" "));
    statements.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn table(rows: &Rows) -> String {
    let cell = |value: &Option<String>| {
        let text = value.as_deref().unwrap_or("NULL").split_whitespace().collect::<Vec<_>>().join(" ");
        match text.chars().count() > SHOWN_LETTERS {
            true => text.chars().take(SHOWN_LETTERS).chain(['…']).collect(),
            false => text,
        }
    };
    let mut text = format!("{}\n", rows.columns.join(" | "));
    for row in rows.rows.iter().take(SHOWN_ROWS) {
        writeln!(text, "{}", row.iter().map(cell).collect::<Vec<_>>().join(" | ")).unwrap();
    }
    match rows.rows.len() {
        0 => text.push_str("(no row)\n"),
        count if count > SHOWN_ROWS => writeln!(text, "… {} more", count - SHOWN_ROWS).unwrap(),
        _ => {}
    }
    text
}

/// Compares what was seen with the page, or writes it there with `UPDATE_DOCS`.
pub fn compare_with_page(seen: &[Seen]) {
    if let Some(one) = seen.iter().find(|one| !one.silent) {
        panic!("{}: triage was never asked after the recovery", one.fault.name);
    }
    let mut wrong = Vec::new();
    let mut fresh = BTreeMap::new();
    let known = sections(&fs_err::read_to_string(page()).unwrap_or_default());
    for one in seen {
        let body = one.body();
        let before = known.get(&one.heading()).map_or("", String::as_str);
        if stable(before, one.fault) != stable(&body, one.fault) {
            wrong.push(format!("{}\n\n{body}", one.heading()));
            fresh.insert(one.heading(), body);
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        write_page(fresh);
    } else {
        assert!(
            wrong.is_empty(),
            "docs/triage-runbook.md is out of date: UPDATE_DOCS=1 cargo nextest run -E 'test(triage)'\n{}",
            wrong.join("\n")
        );
    }
}

fn page() -> Utf8PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/triage-runbook.md").into()
}

/// Several tests write at a time, each its own sections.
fn write_page(fresh: BTreeMap<String, String>) {
    let lock = concat!(env!("CARGO_TARGET_TMPDIR"), "/triage-runbook.lock");
    while fs_err::create_dir(lock).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let mut all = sections(&fs_err::read_to_string(page()).unwrap_or_default());
    all.extend(fresh);
    let mut text = head();
    for one in FAULTS {
        if let Some(body) = all.get(&heading(one)) {
            write!(text, "\n## {}\n\n{body}", heading(one)).unwrap();
        }
    }
    fs_err::write(page(), text).unwrap();
    fs_err::remove_dir(lock).unwrap();
}

/// Returns the sections by heading, each without blank lines around it.
fn sections(text: &str) -> BTreeMap<String, String> {
    let parts = text.split("\n## ").skip(1);
    parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(heading, body)| (heading.to_owned(), format!("{}\n", body.trim())))
        .collect()
}

fn head() -> String {
    let mut text = String::from(include_str!("triage_runbook.md"));
    text.push_str("\n| fault | leads | may follow |\n|---|---|---|\n");
    for one in FAULTS {
        let follow =
            if one.consequences.is_empty() { "nothing".to_owned() } else { one.consequences.join(", ") };
        writeln!(text, "| {} | {} | {follow} |", one.name, one.code).unwrap();
    }
    let codes = CODES.iter().copied().flatten().count();
    writeln!(text, "\n{} faults for {codes} codes.", FAULTS.len()).unwrap();
    text
}

/// Returns what of a section is the same in every run: figures, times and process ids are one sign, and of an answer
/// stay its columns and whether there were rows.
fn stable(section: &str, fault: &Fault) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rows_of_answer = None;
    for line in section.lines() {
        if line == "```text" {
            rows_of_answer = Some(0);
        } else if line.starts_with("```") {
            if let Some(rows) = rows_of_answer.take() {
                lines.push(if rows > 1 { "rows" } else { "no rows" }.to_owned());
            }
        } else if let Some(rows) = &mut rows_of_answer {
            *rows += i32::from(line != "(no row)");
            if *rows > 1 {
                continue;
            }
        }
        lines.push(without_figures(line));
    }
    if OF_THE_MOMENT.contains(&fault.code) {
        lines.retain(|line| line.contains("]") && line.contains("[UP"));
        lines.iter_mut().for_each(|line| line.truncate(line.find(':').unwrap_or_default()));
    }
    lines
}

/// Replaces each figure, with what stands inside times, sizes and places of the log.
fn without_figures(line: &str) -> String {
    let mut text = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        if !letter.is_ascii_digit() {
            text.push(letter);
            continue;
        }
        while letters.next_if(|next| next.is_ascii_digit() || matches!(next, '.' | ':' | ',' | ' ')).is_some()
        {
        }
        text.push_str("# ");
    }
    text
}

#[test]
fn every_code_has_a_planted_fault_and_every_fault_its_section() {
    for code in CODES.iter().copied().flatten().map(|code| code.code) {
        assert!(FAULTS.iter().any(|fault| fault.code == code), "no fault is planted for {code}");
    }
    let text = fs_err::read_to_string(page()).unwrap_or_default();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return write_page(BTreeMap::new());
    }
    assert!(text.starts_with(&head()), "the head of docs/triage-runbook.md is out of date (UPDATE_DOCS=1)");
    let known = sections(&text);
    let missing: Vec<&str> =
        FAULTS.iter().filter(|fault| !known.contains_key(&heading(fault))).map(|fault| fault.name).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn figures_may_change_and_words_may_not() {
    let plain = planted("names occur twice");
    let of = |text: &str| stable(text, plain);
    let section = "```text\npid | state\n4711 | active\n```\nkeeps 20 000 rows for 3.2 s\n";
    assert_eq!(of(section), of(&section.replace("4711", "9").replace("3.2", "17").replace("20 000", "7")));
    assert_eq!(of(section), of(&section.replace("active\n", "active\n4712 | idle\n")));
    assert_ne!(of(section), of(&section.replace("keeps", "holds")));
    assert_ne!(of(section), of(&section.replace("4711 | active\n", "")));
    assert_ne!(of(section), of(&section.replace("state", "wait_event")));
}
