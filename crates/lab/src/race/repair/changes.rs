//! Changes of a scenario that usually help against an anomaly.

use underpin_model::script::{Piece, ScriptItem, ScriptStatement, TransactionScript};
use underpin_model::sql_text::{quote_identifier, quote_literal};
use underpin_model::statement::{Access, Verb};
use underpin_race::Level;
use underpin_race::level::LEVELS;
use underpin_sql::facts::statement_facts;
use underpin_sql::reach::{Choice, Reach, reach};
use underpin_sql::refusal::refusal;

use super::super::bout::Bout;
use super::super::open_text::{VARIABLE, marked};
use super::super::reach::Surroundings;
use super::super::rewrite::{statements, statements_of, with_scripts};

/// So often a transaction begins again where the level refuses some.
const TRIES: u32 = 5;

/// A changed scenario.
pub(super) struct Candidate {
    pub(super) change: String,
    pub(super) bout: Bout,
    pub(super) level: Level,
    pub(super) retry: u32,
    pub(super) added_statements: u64,
}

/// Returns what is worth a try when a scenario breaks at the level.
pub(super) fn candidates(bout: &Bout, level: Level, around: &Surroundings) -> Vec<Candidate> {
    let mut all = Vec::new();
    let before = statements_of(bout);
    let mut add = |change: &str, bout: Option<Bout>| {
        let change = change.to_owned();
        let candidate = |bout: Bout| {
            let added_statements = statements_of(&bout).saturating_sub(before);
            Candidate { change, bout, level, retry: 0, added_statements }
        };
        all.extend(bout.map(candidate));
    };
    let append =
        |clause: &'static str| move |script: &mut TransactionScript| lock_reads(script, clause, |_| true);
    add("compute the new value in the UPDATE itself", with_scripts(bout, compute_in_place));
    add("lock the rows that are read: FOR NO KEY UPDATE", with_scripts(bout, append("FOR NO KEY UPDATE")));
    let skip = |script: &mut TransactionScript| {
        lock_reads(script, "FOR NO KEY UPDATE SKIP LOCKED", |reach| reach.limited)
    };
    add("take the next row that nobody holds: FOR NO KEY UPDATE SKIP LOCKED", with_scripts(bout, skip));
    let parent = |script: &mut TransactionScript| lock_parent(script, around);
    add("lock the row that the others refer to first: FOR UPDATE", with_scripts(bout, parent));
    for (constraint, with_constraint) in constraints(bout) {
        let quiet = with_scripts(&with_constraint, ignore_conflicts);
        add(&format!("{constraint}; ON CONFLICT DO NOTHING"), quiet);
        add(&constraint, Some(with_constraint));
    }
    // A lock that is taken by the first statement comes after the snapshot, where there is one for all.
    if level == Level::ReadCommitted {
        let change = "take an advisory lock first: pg_advisory_xact_lock";
        add(change, with_scripts(bout, |script| advisory_lock(script, Lock::InTransaction)));
    } else {
        let change = "take an advisory lock before BEGIN, release it after COMMIT: pg_advisory_lock";
        add(change, with_scripts(bout, |script| advisory_lock(script, Lock::Around)));
    }
    for stronger in LEVELS.into_iter().filter(|one| *one > level) {
        let change = format!("{stronger}, begun again after 40001 and 40P01");
        all.push(Candidate {
            change,
            bout: bout.clone(),
            level: stronger,
            retry: TRIES,
            added_statements: 0,
        });
    }
    all
}

/// Returns the scenario with each constraint that refuses what an invariant forbids, and the constraint's name.
fn constraints(bout: &Bout) -> Vec<(String, Bout)> {
    let refusals = bout.invariants.iter().filter_map(|(_, query)| refusal(query));
    let with = |ddl: &str| {
        let setup = bout.setup.trim_end().trim_end_matches(';');
        Bout { setup: format!("{setup};\n{ddl};\n"), ..bout.clone() }
    };
    refusals.map(|one| (format!("constraint: {}", one.what), with(&one.ddl))).collect()
}

/// Returns how far a statement reaches, whatever values its variables have.
fn reach_of(statement: &ScriptStatement) -> Option<Reach> {
    reach(&marked(statement))
}

/// Adds a locking clause to every plain SELECT that `fits`; tells whether there was one.
fn lock_reads(script: &mut TransactionScript, clause: &str, fits: impl Fn(&Reach) -> bool) -> bool {
    statements(&mut script.items, &mut |statement| {
        let reads = statement.facts.relations.iter().any(|used| used.access == Access::Read);
        let plain = statement.facts.verb == Verb::Select
            && reads
            && reach_of(statement).is_some_and(|reach| !reach.locks_rows && fits(&reach));
        if plain {
            statement.pieces.push(Piece::Text(format!("\n{clause}")));
        }
        plain
    })
}

/// Puts the column itself in the place of a value that an earlier statement read from the same row.
fn compute_in_place(script: &mut TransactionScript) -> bool {
    // What was read: variable, column, and how the row was chosen.
    let mut read: Vec<(String, String, Choice)> = Vec::new();
    statements(&mut script.items, &mut |statement| {
        let Some(reach) = reach_of(statement) else { return false };
        let Some(choice) = reach.choice else { return false };
        if let (Verb::Select, Some(prefix)) = (statement.facts.verb, &statement.gset) {
            let outputs = reach.outputs.iter();
            read.extend(
                outputs.map(|(name, column)| (format!("{prefix}{name}"), column.clone(), choice.clone())),
            );
        }
        if statement.facts.verb != Verb::Update {
            return false;
        }
        let mut any = false;
        for piece in &mut statement.pieces {
            let Piece::Variable(name) = piece else { continue };
            let known = read.iter().rev().find(|(variable, _, from)| variable == name && *from == choice);
            if let Some((_, column, _)) = known {
                *piece = Piece::Text(quote_identifier(column));
                any = true;
            }
        }
        any
    })
}

/// Locks the row that a foreign key refers to, before the first statement that reads or writes what refers to it.
fn lock_parent(script: &mut TransactionScript, around: &Surroundings) -> bool {
    for at in 0..script.items.len() {
        let ScriptItem::Statement(statement) = &script.items[at] else { continue };
        let choice = reach_of(statement).and_then(|reach| reach.choice);
        let Some((parent, key)) = choice.and_then(|choice| around.referred_to(&choice)) else { continue };
        let mut pieces = vec![Piece::Text(format!("SELECT FROM {} WHERE ", quote_identifier(&parent)))];
        for (place, (column, value)) in key.into_iter().enumerate() {
            let and = if place > 0 { " AND " } else { "" };
            pieces.push(Piece::Text(format!("{and}{} = ", quote_identifier(&column))));
            pieces.push(match value.strip_prefix(VARIABLE) {
                Some(name) => Piece::Variable(name.to_owned()),
                None => Piece::Text(quote_literal(&value)),
            });
        }
        pieces.push(Piece::Text(" FOR UPDATE".to_owned()));
        let lock = self::statement(pieces, statement.line).map(ScriptItem::Statement);
        let known = lock.is_some();
        script.items.splice(at..at, lock);
        return known;
    }
    false
}

/// Adds ON CONFLICT DO NOTHING to every INSERT without ON CONFLICT.
fn ignore_conflicts(script: &mut TransactionScript) -> bool {
    statements(&mut script.items, &mut |statement| {
        let text = statement.source().to_ascii_uppercase();
        let plain =
            statement.facts.verb == Verb::Insert && !text.contains("CONFLICT") && !text.contains("RETURNING");
        if plain {
            statement.pieces.push(Piece::Text("\nON CONFLICT DO NOTHING".to_owned()));
        }
        plain
    })
}

/// How long an advisory lock is held.
#[derive(Clone, Copy)]
enum Lock {
    /// From behind BEGIN to the end of the transaction.
    InTransaction,
    /// From before BEGIN to behind COMMIT.
    Around,
}

/// Puts an advisory lock into or around every transaction; tells whether there was one.
fn advisory_lock(script: &mut TransactionScript, how: Lock) -> bool {
    let call = |function: &str| statement(vec![Piece::Text(format!("SELECT {function}(1)"))], 1);
    let (take, release) = match how {
        Lock::InTransaction => (call("pg_advisory_xact_lock"), None),
        Lock::Around => (call("pg_advisory_lock"), call("pg_advisory_unlock")),
    };
    let verb = |item: &ScriptItem| match item {
        ScriptItem::Statement(statement) => statement.facts.verb,
        _ => Verb::Other,
    };
    if script.items.first().map(verb) != Some(Verb::Begin) {
        return false;
    }
    for item in std::mem::take(&mut script.items) {
        let (begins, ends) = (verb(&item) == Verb::Begin, verb(&item) == Verb::Commit);
        let lock = take.clone().filter(|_| begins).map(ScriptItem::Statement);
        match how {
            Lock::InTransaction => script.items.extend([item].into_iter().chain(lock)),
            Lock::Around => script.items.extend(lock.into_iter().chain([item])),
        }
        script.items.extend(release.clone().filter(|_| ends).map(ScriptItem::Statement));
    }
    true
}

/// Returns a statement of our own.
fn statement(pieces: Vec<Piece>, line: u32) -> Option<ScriptStatement> {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Variable(_) => "NULL".to_owned(),
    };
    let facts = statement_facts(&pieces.iter().map(piece).collect::<String>()).ok()?;
    Some(ScriptStatement { pieces, line, facts, gset: None })
}
