//! How far a statement reaches beside what its new locks tell: into one row of a table, or into tables that its
//! session holds already.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use underpin_model::statement::{Access, StatementFacts, Verb};
use underpin_pg::Session;
use underpin_race::{Level, Row};
use underpin_sql::reach::{Choice, Reach, reach};

use super::RaceError;
use crate::LabError;

/// What the catalog knows about the reach of statements.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Surroundings {
    tables: BTreeMap<String, Surrounding>,
    /// The project's own functions, whose work no text tells.
    functions: BTreeSet<String>,
    /// Some of them may take advisory locks.
    advisory: bool,
    /// What the texts told that came before: schedules repeat them.
    #[serde(skip)]
    texts: RefCell<BTreeMap<String, Option<Reach>>>,
}

/// What is around one table.
#[derive(Debug, Default, Deserialize)]
struct Surrounding {
    read_runs_code: bool,
    write_runs_code: bool,
    /// Unique keys: columns with their types.
    keys: Vec<Vec<(String, String)>>,
    /// There are unique or exclusion constraints beside the keys.
    other_keys: bool,
    /// Columns whose change is checked against other rows.
    guarded: BTreeSet<String>,
    parents: Vec<ForeignKey>,
    children: Vec<String>,
}

/// A foreign key of a table.
#[derive(Debug, Deserialize)]
struct ForeignKey {
    /// The table referred to.
    table: String,
    /// Columns that refer, each with the one that it refers to.
    columns: Vec<(String, String)>,
}

/// What a statement may touch.
#[derive(Debug, Default)]
pub(super) struct Touch {
    /// All that it touches of one table.
    pub(super) row: Option<(String, Row)>,
    /// Code runs with it that may touch whatever the session holds.
    pub(super) everything: bool,
    /// Rows that its foreign keys ask for, by table; the whole table where the row is not known.
    pub(super) parents: BTreeMap<String, Option<Row>>,
    /// Tables whose rows refer to what it deletes or gives another key.
    pub(super) cascades: BTreeSet<String>,
    /// It locks the rows that it reads.
    pub(super) locks_rows: bool,
    /// Its locks on rows let foreign keys pass: FOR NO KEY UPDATE and weaker.
    pub(super) keeps_key: bool,
    /// It asks for advisory locks.
    pub(super) advisory: bool,
}

impl Touch {
    /// Returns the only row of the table that is touched; `None` when there may be more.
    pub(super) fn row_of(&self, table: &str) -> Option<Row> {
        self.row.as_ref().filter(|(name, _)| name == table).map(|(_, row)| row.clone())
    }

    /// Tells whether the same statement with the same answer always locks the same tables, whatever lies in them.
    pub(super) fn is_plain(&self) -> bool {
        !self.everything && self.cascades.is_empty()
    }
}

impl Surroundings {
    /// Asks the catalog.
    pub(super) async fn learn(watcher: &Session) -> Result<Surroundings, RaceError> {
        let text = watcher.value(include_str!("reach.sql")).await?.unwrap_or_default();
        serde_json::from_str(&text).map_err(|error| {
            let what = format!("the catalog's answer about keys and triggers could not be read: {error}");
            RaceError::Lab(LabError::Unexpected(what))
        })
    }

    /// Returns what a statement may touch at the level.
    pub(super) fn of(&self, facts: &StatementFacts, sql: &str, level: Level) -> Touch {
        let known = self.texts.borrow().get(sql).cloned();
        let told = known.unwrap_or_else(|| {
            let told = reach(sql);
            self.texts.borrow_mut().insert(sql.to_owned(), told.clone());
            told
        });
        let Some(reach) = told else {
            return Touch { everything: true, locks_rows: true, advisory: true, ..Touch::default() };
        };
        let everything = self.runs_code(facts, &reach);
        let cascades = self.cascades(facts, &reach);
        let row = if everything { None } else { self.row(&reach).filter(|_| tells_rows(level)) };
        let asks = reach.functions.iter().any(|name| name.contains("advisory"));
        Touch {
            row: row.filter(|(table, _)| !cascades.contains(table)),
            everything,
            parents: self.parents(facts, &reach, level),
            cascades,
            locks_rows: reach.locks_rows,
            keeps_key: self.keeps_key(facts, &reach),
            advisory: asks || everything && self.advisory,
        }
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

    /// Returns the rows that foreign keys of the written tables ask for.
    fn parents(&self, facts: &StatementFacts, reach: &Reach, level: Level) -> BTreeMap<String, Option<Row>> {
        let mut parents = BTreeMap::new();
        let only_update = writes_one_table(facts) && facts.verb == Verb::Update;
        for table in written(facts).filter_map(|name| self.tables.get(name)) {
            for key in &table.parents {
                let asked = !only_update || key.columns.iter().any(|(own, _)| reach.sets.contains(own));
                if asked {
                    let row = self.row_referred_to(key, reach).filter(|_| tells_rows(level));
                    let known = parents.entry(key.table.clone()).or_insert_with(|| row.clone());
                    // Two keys may lead to two rows of one table.
                    *known = known.take().filter(|known| Some(known) == row.as_ref());
                }
            }
        }
        parents
    }

    /// Returns the table that chosen rows refer to by a foreign key, and the values that choose the row there.
    pub(super) fn referred_to(&self, choice: &Choice) -> Option<(String, BTreeMap<String, String>)> {
        self.tables.get(&choice.table)?.parents.iter().find_map(|key| {
            let values = values_of(key, choice);
            (values.len() == key.columns.len()).then(|| (key.table.clone(), values))
        })
    }

    /// Returns the row that a new row refers to by a foreign key.
    fn row_referred_to(&self, key: &ForeignKey, reach: &Reach) -> Option<Row> {
        let equal = values_of(key, reach.choice.as_ref().filter(|choice| choice.inserted)?);
        let keys = known_keys(&self.tables.get(&key.table)?.keys, &equal);
        (!keys.is_empty()).then_some(Row { keys, new: false })
    }

    /// Returns the tables that foreign keys lead to from rows that go or change their key.
    fn cascades(&self, facts: &StatementFacts, reach: &Reach) -> BTreeSet<String> {
        let mut cascades = BTreeSet::new();
        for table in written(facts).filter_map(|name| self.tables.get(name)) {
            if !writes_one_table(facts) || table.guarded.iter().any(|column| reach.sets.contains(column)) {
                self.descend(&table.children, &mut cascades);
            }
        }
        cascades
    }

    fn descend(&self, children: &[String], cascades: &mut BTreeSet<String>) {
        for child in children {
            if cascades.insert(child.clone())
                && let Some(table) = self.tables.get(child)
            {
                self.descend(&table.children, cascades);
            }
        }
    }

    fn keeps_key(&self, facts: &StatementFacts, reach: &Reach) -> bool {
        let changes = |name: &str| {
            let table = self.tables.get(name);
            table.is_none_or(|table| table.guarded.iter().any(|column| reach.sets.contains(column)))
        };
        match facts.verb {
            Verb::Update => writes_one_table(facts) && !reach.locks_rows && !written(facts).any(changes),
            Verb::Select => reach.keeps_key && written(facts).next().is_none(),
            _ => false,
        }
    }

    fn row(&self, reach: &Reach) -> Option<(String, Row)> {
        let choice = reach.choice.as_ref()?;
        let table = self.tables.get(&choice.table)?;
        if reach.sets.iter().any(|column| table.guarded.contains(column)) {
            return None;
        }
        let keys = known_keys(&table.keys, &choice.equal);
        // A new row must not be in the way of another by a key that is not known; and the row that ON CONFLICT changes
        // instead shares one key with it, not all.
        let every_key = keys.len() == table.keys.len() && !table.other_keys;
        let new_is_known = every_key && (reach.sets.is_empty() || keys.len() == 1);
        let is_known = if choice.inserted { new_is_known } else { true };
        (is_known && !keys.is_empty()).then(|| (choice.table.clone(), Row { keys, new: choice.inserted }))
    }
}

/// Tells whether single rows count: at SERIALIZABLE predicate locks lie on pages and tables too (manual, "Serializable
/// Isolation Level").
fn tells_rows(level: Level) -> bool {
    level != Level::Serializable
}

/// Returns the tables that a statement writes.
fn written(facts: &StatementFacts) -> impl Iterator<Item = &str> {
    facts.relations.iter().filter(|used| used.access != Access::Read).map(|used| used.name.as_str())
}

/// Tells whether it is one UPDATE or one INSERT: what it sets is known.
fn writes_one_table(facts: &StatementFacts) -> bool {
    written(facts).count() == 1 && matches!(facts.verb, Verb::Update | Verb::Insert)
}

/// Returns the values that chosen rows have for the columns that a foreign key refers to, as far as they are known.
fn values_of(key: &ForeignKey, choice: &Choice) -> BTreeMap<String, String> {
    let value = |(own, theirs): &(String, String)| Some((theirs.clone(), choice.equal.get(own)?.clone()));
    key.columns.iter().filter_map(value).collect()
}

/// Returns name and value of the keys whose columns all have a known value.
fn known_keys(keys: &[Vec<(String, String)>], equal: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    keys.iter().filter_map(|key| known_key(key, equal)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn surroundings() -> Surroundings {
        let id = || vec![vec![("id".to_owned(), "bigint".to_owned())]];
        let foreign_key = |table: &str, column: &str| ForeignKey {
            table: table.to_owned(),
            columns: vec![(column.to_owned(), "id".to_owned())],
        };
        let table = |parents: &[(&str, &str)], children: &[&str]| Surrounding {
            keys: id(),
            guarded: ["id".to_owned()].into(),
            parents: parents.iter().map(|(table, column)| foreign_key(table, column)).collect(),
            children: names(children),
            ..Surrounding::default()
        };
        let tables = [
            ("orders", table(&[("customers", "customer_id")], &["lines"])),
            ("lines", table(&[("orders", "order_id")], &[])),
            ("customers", table(&[], &["orders"])),
            ("logged", Surrounding { write_runs_code: true, ..table(&[], &[]) }),
            ("nodes", table(&[("nodes", "parent_id")], &["nodes"])),
        ];
        let tables = tables.map(|(name, table)| (name.to_owned(), table)).into();
        Surroundings { tables, functions: ["settle".to_owned()].into(), ..Surroundings::default() }
    }

    fn touch(sql: &str, level: Level) -> Touch {
        surroundings().of(&underpin_sql::facts::statement_facts(sql).unwrap(), sql, level)
    }

    fn row(sql: &str) -> Option<String> {
        touch(sql, Level::ReadCommitted).row.map(|(table, row)| format!("{table} {:?}", row.keys))
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
        let touch = |sql| touch(sql, Level::ReadCommitted);
        let parents = |sql| touch(sql).parents.into_keys().collect::<Vec<_>>();
        let cascades = |sql| touch(sql).cascades.into_iter().collect::<Vec<_>>();
        let none = Vec::<String>::new();
        assert_eq!(parents("INSERT INTO orders VALUES (1)"), ["customers"]);
        assert_eq!(parents("UPDATE orders SET total = 1"), none);
        assert_eq!(parents("UPDATE orders SET customer_id = 1"), ["customers"]);
        assert_eq!(cascades("INSERT INTO orders VALUES (1)"), none);
        assert_eq!(cascades("UPDATE customers SET id = 2"), ["lines", "orders"]);
        assert_eq!(cascades("DELETE FROM customers"), ["lines", "orders"]);
        let line = touch("INSERT INTO lines (id, order_id) VALUES (3, '7')").parents;
        let keys = line["orders"].as_ref().map(|row| row.keys["id"].as_str());
        assert_eq!(keys, Some("1:7"));
        assert!(touch("INSERT INTO lines (id) VALUES (3)").parents["orders"].is_none());
    }

    #[test]
    fn some_locks_let_foreign_keys_pass() {
        let keeps_key = |sql| touch(sql, Level::ReadCommitted).keeps_key;
        assert!(keeps_key("UPDATE orders SET total = 1 WHERE id = 7"));
        assert!(!keeps_key("UPDATE orders SET id = 1 WHERE id = 7"));
        assert!(!keeps_key("DELETE FROM orders WHERE id = 7"));
        assert!(keeps_key("SELECT * FROM orders FOR NO KEY UPDATE"));
        assert!(!keeps_key("SELECT * FROM orders FOR UPDATE"));
        assert!(!keeps_key("SELECT * FROM (SELECT * FROM orders FOR UPDATE) AS o FOR SHARE"));
    }

    #[test]
    fn advisory_locks_are_asked_for_by_name_or_by_code_of_the_project() {
        let asks = |sql| touch(sql, Level::ReadCommitted).advisory;
        assert!(asks("SELECT pg_try_advisory_xact_lock(1)") && !asks("SELECT settle(1)"));
        let surroundings = Surroundings { advisory: true, ..surroundings() };
        let sql = "SELECT settle(1)";
        let facts = underpin_sql::facts::statement_facts(sql).unwrap();
        assert!(surroundings.of(&facts, sql, Level::ReadCommitted).advisory);
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
