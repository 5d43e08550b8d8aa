//! How far a statement reaches beside what its new locks tell: into one row of a table, or into tables that its
//! session holds already.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use underpin_model::statement::{Access, StatementFacts, Verb};
use underpin_pg::Session;
use underpin_race::{Level, Row};
use underpin_sql::reach::{Reach, reach};

use super::RaceError;

/// What the catalog knows about the reach of statements.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    tables: BTreeMap<String, Surrounding>,
    /// The project's own functions, whose work no text tells.
    functions: BTreeSet<String>,
    /// What the texts told that came before: schedules repeat them.
    texts: RefCell<BTreeMap<String, Option<Reach>>>,
}

/// What is around one table.
#[derive(Debug, Default)]
struct Surrounding {
    read_runs_code: bool,
    write_runs_code: bool,
    /// Unique keys: columns with their types.
    keys: Vec<Vec<(String, String)>>,
    /// There are unique or exclusion constraints beside the keys.
    other_keys: bool,
    /// Columns whose change is checked against other rows.
    guarded: BTreeSet<String>,
    /// Tables that this one refers to, with the columns that do.
    parents: Vec<(String, Vec<String>)>,
    children: Vec<String>,
}

/// What a statement may touch.
#[derive(Debug, Default)]
pub(super) struct Touch {
    /// All that it touches of one table.
    pub(super) row: Option<(String, Row)>,
    /// Code runs with it that may touch whatever the session holds.
    pub(super) everything: bool,
    /// Tables whose rows its foreign keys ask for or change.
    pub(super) behind: BTreeSet<String>,
}

impl Touch {
    /// Returns the only row of the table that is touched; `None` when there may be more.
    pub(super) fn row_of(&self, table: &str) -> Option<Row> {
        self.row.as_ref().filter(|(name, _)| name == table).map(|(_, row)| row.clone())
    }
}

impl Surroundings {
    /// Asks the catalog.
    pub(super) async fn learn(watcher: &Session) -> Result<Surroundings, RaceError> {
        let rows = watcher.rows(include_str!("reach.sql")).await?;
        let tables = rows.iter().map(|row| {
            let surrounding = Surrounding {
                read_runs_code: row.text("read_runs_code") == "t",
                write_runs_code: row.text("write_runs_code") == "t",
                keys: list(row.text("keys")),
                other_keys: row.text("other_keys") == "t",
                guarded: list(row.text("guarded")).into_iter().collect(),
                parents: list(row.text("parents")),
                children: list(row.text("children")),
            };
            (row.text("name").to_owned(), surrounding)
        });
        let tables = tables.collect();
        let functions = watcher
            .rows(
                "SELECT DISTINCT p.proname AS name FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace \
                 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')",
            )
            .await?;
        let functions = functions.iter().map(|row| row.text("name").to_owned()).collect();
        Ok(Surroundings { tables, functions, ..Surroundings::default() })
    }

    /// Returns what a statement may touch at the level.
    ///
    /// At SERIALIZABLE no single rows: predicate locks lie on pages and tables too (manual, "Serializable Isolation
    /// Level").
    pub(super) fn of(&self, facts: &StatementFacts, sql: &str, level: Level) -> Touch {
        let known = self.texts.borrow().get(sql).cloned();
        let told = known.unwrap_or_else(|| {
            let told = reach(sql);
            self.texts.borrow_mut().insert(sql.to_owned(), told.clone());
            told
        });
        let Some(reach) = told else { return Touch { everything: true, ..Touch::default() } };
        let everything = self.runs_code(facts, &reach);
        let behind = self.behind(facts, &reach);
        let row = if level == Level::Serializable || everything { None } else { self.row(&reach) };
        Touch { row: row.filter(|(table, _)| !behind.contains(table)), everything, behind }
    }

    fn runs_code(&self, facts: &StatementFacts, reach: &Reach) -> bool {
        // A relation that is no table is a view or a catalog.
        let unknown = |name: &str, access: Access| {
            self.tables
                .get(name)
                .is_none_or(|table| table.read_runs_code || access != Access::Read && table.write_runs_code)
        };
        matches!(facts.verb, Verb::Do | Verb::Call)
            || reach.functions.iter().any(|name| self.functions.contains(name))
            || facts.relations.iter().any(|used| unknown(&used.name, used.access))
    }

    /// Returns the tables that foreign keys of the written tables lead to: the row referred to is locked, and what
    /// refers to a row that goes or changes its key is changed or asked for.
    fn behind(&self, facts: &StatementFacts, reach: &Reach) -> BTreeSet<String> {
        let mut behind = BTreeSet::new();
        let written: Vec<&str> = facts
            .relations
            .iter()
            .filter(|used| used.access != Access::Read)
            .map(|used| used.name.as_str())
            .collect();
        // One UPDATE, or one INSERT: what it sets is known.
        let plain = written.len() == 1 && matches!(facts.verb, Verb::Update | Verb::Insert);
        let sets = |columns: &[String]| columns.iter().any(|column| reach.sets.contains(column));
        for table in written.iter().filter_map(|name| self.tables.get(*name)) {
            let only_update = plain && facts.verb == Verb::Update;
            let asked = table.parents.iter().filter(|(_, columns)| !only_update || sets(columns));
            behind.extend(asked.map(|(parent, _)| parent.clone()));
            if !plain || table.guarded.iter().any(|column| reach.sets.contains(column)) {
                self.descend(&table.children, &mut behind);
            }
        }
        behind
    }

    fn descend(&self, children: &[String], behind: &mut BTreeSet<String>) {
        for child in children {
            if behind.insert(child.clone())
                && let Some(table) = self.tables.get(child)
            {
                self.descend(&table.children, behind);
            }
        }
    }

    fn row(&self, reach: &Reach) -> Option<(String, Row)> {
        let choice = reach.choice.as_ref()?;
        let table = self.tables.get(&choice.table)?;
        if reach.sets.iter().any(|column| table.guarded.contains(column)) {
            return None;
        }
        let known: BTreeMap<String, String> =
            table.keys.iter().filter_map(|key| known_key(key, &choice.equal)).collect();
        // A new row must not be in the way of another by a key that is not known; and the row that ON CONFLICT changes
        // instead shares one key with it, not all.
        let all = known.len() == table.keys.len() && !table.other_keys;
        let all = all && (reach.sets.is_empty() || known.len() == 1);
        (!known.is_empty() && (all || !choice.inserted)).then(|| (choice.table.clone(), Row(known)))
    }
}

/// Returns a key's columns and values as one text each; `None` unless every column's value is known.
fn known_key(key: &[(String, String)], equal: &BTreeMap<String, String>) -> Option<(String, String)> {
    let mut values = Vec::new();
    for (column, kind) in key {
        let value = same_text(kind, equal.get(column)?)?;
        // The length keeps two lists of texts apart.
        values.push(format!("{}:{value}", value.len()));
    }
    let columns: Vec<&str> = key.iter().map(|(column, _)| column.as_str()).collect();
    Some((columns.join(", "), values.join(", ")))
}

/// Returns the one text that a value of the type has; `None` for what is no such value.
fn same_text(kind: &str, value: &str) -> Option<String> {
    match kind {
        "smallint" | "integer" | "bigint" => {
            value.trim().parse::<i64>().ok().map(|number| number.to_string())
        }
        "uuid" => {
            let digits: String = value.chars().filter(|digit| !matches!(digit, '-' | '{' | '}')).collect();
            let whole = digits.len() == 32 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
            whole.then(|| digits.to_ascii_lowercase())
        }
        _ => Some(value.to_owned()),
    }
}

fn list<T: DeserializeOwned>(json: &str) -> Vec<T> {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn surroundings() -> Surroundings {
        let id = || vec![vec![("id".to_owned(), "bigint".to_owned())]];
        let table = |parents: &[(&str, &[&str])], children: &[&str]| Surrounding {
            keys: id(),
            guarded: ["id".to_owned()].into(),
            parents: parents.iter().map(|(name, columns)| ((*name).to_owned(), names(columns))).collect(),
            children: names(children),
            ..Surrounding::default()
        };
        let tables = [
            ("orders", table(&[("customers", &["customer_id"])], &["lines"])),
            ("lines", table(&[("orders", &["order_id"])], &[])),
            ("customers", table(&[], &["orders"])),
            ("logged", Surrounding { write_runs_code: true, ..table(&[], &[]) }),
            ("nodes", table(&[("nodes", &["parent_id"])], &["nodes"])),
        ];
        let tables = tables.map(|(name, table)| (name.to_owned(), table)).into();
        Surroundings { tables, functions: ["settle".to_owned()].into(), ..Surroundings::default() }
    }

    fn touch(sql: &str, level: Level) -> Touch {
        surroundings().of(&underpin_sql::facts::statement_facts(sql).unwrap(), sql, level)
    }

    fn row(sql: &str) -> Option<String> {
        touch(sql, Level::ReadCommitted).row.map(|(table, row)| format!("{table} {:?}", row.0))
    }

    #[test]
    fn one_row_is_known_by_a_whole_key() {
        assert_eq!(
            row("SELECT * FROM orders WHERE id = '07' FOR UPDATE").as_deref(),
            Some("orders {\"id\": \"1:7\"}")
        );
        assert_eq!(
            row("UPDATE orders SET total = 1 WHERE id = 7 AND total = 0").as_deref(),
            Some("orders {\"id\": \"1:7\"}")
        );
        let new = "INSERT INTO orders (id, total) VALUES (7, 1)";
        assert_eq!(row(new).as_deref(), Some("orders {\"id\": \"1:7\"}"));
        assert_eq!(row("INSERT INTO orders (total) VALUES (1)"), None);
        assert_eq!(row("UPDATE orders SET id = 8 WHERE id = 7"), None);
        assert_eq!(row("SELECT * FROM orders WHERE customer_id = 7"), None);
        assert_eq!(row("UPDATE logged SET n = 1 WHERE id = 7"), None);
        assert_eq!(row("SELECT settle(1) FROM orders WHERE id = 7"), None);
        assert_eq!(row("DELETE FROM nodes WHERE id = 7"), None);
        assert!(touch("SELECT * FROM orders WHERE id = 7", Level::Serializable).row.is_none());
    }

    #[test]
    fn code_of_the_project_may_touch_everything() {
        let everything = |sql| touch(sql, Level::ReadCommitted).everything;
        assert!(everything("UPDATE logged SET n = 1") && !everything("SELECT * FROM logged"));
        assert!(everything("SELECT * FROM a_view") && everything("CALL settle(1)"));
        assert!(!everything("SELECT count(*) FROM orders"));
    }

    #[test]
    fn foreign_keys_lead_to_other_tables() {
        let behind = |sql| touch(sql, Level::ReadCommitted).behind.into_iter().collect::<Vec<_>>();
        assert_eq!(behind("INSERT INTO orders VALUES (1)"), ["customers"]);
        assert_eq!(behind("UPDATE orders SET total = 1"), Vec::<String>::new());
        assert_eq!(behind("UPDATE orders SET customer_id = 1"), ["customers"]);
        assert_eq!(behind("UPDATE customers SET id = 2"), ["lines", "orders"]);
        assert_eq!(behind("DELETE FROM customers"), ["lines", "orders"]);
    }

    #[test]
    fn a_value_has_one_text() {
        assert_eq!(same_text("integer", " 007"), Some("7".to_owned()));
        assert_eq!(same_text("bigint", "1.5"), None);
        let uuid = "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}";
        assert_eq!(same_text("uuid", uuid), Some("a0eebc999c0b4ef8bb6d6bb9bd380a11".to_owned()));
        assert_eq!(same_text("text", " a"), Some(" a".to_owned()));
    }
}
