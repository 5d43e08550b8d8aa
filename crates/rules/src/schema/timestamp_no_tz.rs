//! Instants stored without their time zone.

use underpin_model::{Code, Severity};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP120", "timestamp-no-tz", "an instant without its time zone"),
    page: include_str!("../../../../docs/codes/timestamp-no-tz.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| field.column.base_type == "timestamp")
        .filter(|field| {
            !names::has_word(field.name(), &["local", "wall", "utc"])
                && !field.comment_has(&["local time", "wall clock", "wall-clock"])
        })
        .map(suspicion)
        .collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count({column}) AS stored, current_setting('TimeZone') AS zone, \
         coalesce(max(abs(extract(epoch FROM ({column} AT TIME ZONE 'Europe/Berlin') - ({column} AT TIME \
         ZONE 'UTC'))) \
         / 3600)::int, 0) AS hours FROM {} WHERE isfinite({column})",
        field.table.quoted()
    );
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint =
        format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE timestamptz USING {name} AT TIME ZONE 'UTC';");
    let draft = field.draft(&RULE.code).rated((!is_instant(field)).then_some(Severity::Warning)).hint(hint);
    let label = field.label();
    Suspicion::new(draft, sql, move |answer, draft| {
        let fact = format!(
            "{label} is timestamp without time zone: {} mean another instant under another TimeZone (here \
             {}), up to {} apart between UTC and Berlin.",
            counted(answer.int("stored"), "value"),
            answer.text("zone"),
            counted(answer.int("hours"), "hour")
        );
        Some(draft.saying(fact))
    })
}

/// Returns whether the column records when something happened, rather than a time on some wall.
fn is_instant(field: Field<'_>) -> bool {
    const INSTANTS: [&str; 8] =
        ["at", "created", "updated", "modified", "deleted", "timestamp", "ts", "expires"];
    let clock = |text: &str| text.contains("now()") || text.to_uppercase().contains("CURRENT_TIMESTAMP");
    names::has_word(field.name(), &INSTANTS) || field.column.default.as_deref().is_some_and(clock)
}
