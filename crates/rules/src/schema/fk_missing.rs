//! References that nothing enforces.

use underpin_model::{Code, Severity};

use crate::implied_reference::{ImpliedReference, implied_references};
use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP102", "fk-missing", "a reference without a foreign key"),
    page: include_str!("../../../../docs/codes/fk-missing.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    implied_references(context).iter().map(suspicion).collect()
}

fn suspicion(implied: &ImpliedReference<'_>) -> Suspicion {
    let draft = implied.field.draft(&RULE.code).hint(hint(implied));
    let (column, target) = (implied.field.label(), scope::label(implied.target));
    let key = implied.key.name.clone();
    Suspicion::new(draft, implied.probe(), move |answer, draft| {
        let (stored, orphans) = (answer.int("stored"), answer.int("orphans"));
        let fact = match stored {
            0 => format!(
                "{column} reads as a reference to {target}.{key}, has no foreign key, and holds no value yet."
            ),
            _ => format!(
                "{column} has no foreign key: all of its {} exist in {target}.{key}, and nothing keeps it \
                 so.",
                counted(stored, "value")
            ),
        };
        (orphans == 0).then(|| draft.rated((stored == 0).then_some(Severity::Note)).saying(fact))
    })
}

fn hint(implied: &ImpliedReference<'_>) -> String {
    let table = implied.field.table;
    let (name, column) = (sql::table(table), sql::identifier(implied.field.name()));
    let constraint = sql::identifier(&format!("{}_{}_fkey", table.name, implied.field.name()));
    let (target, key) = (sql::table(implied.target), sql::identifier(&implied.key.name));
    let add = format!(
        "ALTER TABLE {name} ADD CONSTRAINT {constraint} FOREIGN KEY ({column}) REFERENCES {target} ({key}) \
         ON DELETE RESTRICT"
    );
    // Before version 18 a partitioned table takes no NOT VALID foreign key.
    if table.partition_key.is_some() {
        return format!("{add};");
    }
    format!("{add} NOT VALID;\nALTER TABLE {name} VALIDATE CONSTRAINT {constraint};")
}
