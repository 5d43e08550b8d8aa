//! Lists of identifiers inside one text value.

use underpin_model::Code;

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped, percent};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP115", "csv-in-column", "a list packed into one text value"),
    page: include_str!("../../../../docs/codes/csv-in-column.md"),
    find: suspicions,
};

/// Values read per column; enough to know its habit.
const SAMPLE: u32 = 20_000;

/// An item: short, without blanks, such as `42`, `red`, `a@b.c` or a UUID.
const ITEM: &str = "[[:alnum:]_.:@#+-]{1,64}";

/// Names of running text and of formats that have commas by nature.
const PROSE: [&str; 32] = [
    "description",
    "body",
    "content",
    "title",
    "name",
    "address",
    "notes",
    "note",
    "message",
    "query",
    "sql",
    "path",
    "comment",
    "text",
    "summary",
    "bio",
    "agent",
    "language",
    "header",
    "coordinates",
    "location",
    "point",
    "geo",
    "cron",
    "schedule",
    "csv",
    "json",
    "url",
    "uri",
    "expression",
    "regex",
    "payload",
];

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .text_fields()
        .filter(|field| {
            !names::has_word(field.name(), &PROSE) && !field.in_primary_key() && !field.in_foreign_key()
        })
        .map(suspicion)
        .collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let list = format!("v ~ '^{ITEM}([,;|]{ITEM})+[,;|]?$' OR v ~ '^{ITEM}([,;|] ?{ITEM}){{2,}}$'");
    let number =
        "v ~ '^[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?$' OR v ~ '^-?[0-9]+[.][0-9]+,[ ]?-?[0-9]+[.][0-9]+$'";
    let sql = format!(
        "SELECT count(*) AS stored, count(*) FILTER (WHERE packed) AS packed, \
         count(*) FILTER (WHERE packed OR v ~ '^{ITEM}$' OR v = '') AS listlike, \
         coalesce(max(items) FILTER (WHERE packed), 0) AS most FROM (SELECT v, \
         ({list}) AND NOT ({number}) AS packed, array_length(regexp_split_to_array(v, '[,;|]'), 1) AS items \
         FROM (SELECT {column}::text AS v FROM {from} WHERE {column} IS NOT NULL LIMIT {SAMPLE}) s) m",
        column = field.quoted(),
        from = field.table.quoted()
    );
    let one = names::singular(&field.table.name);
    let hint = format!(
        "SELECT t.*, item FROM {} t, regexp_split_to_table({}, ' *[,;|] *') AS item; is the content of the \
         table \
         {one}_{} that should hold one row per item.",
        sql::table(field.table),
        sql::identifier(field.name()),
        field.name()
    );
    let label = field.label();
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let (stored, packed) = (answer.int("stored"), answer.int("packed"));
        let fact = format!(
            "{label} packs a list into {} of {} ({} %, up to {} items): no foreign key, no index and no \
             UNIQUE can see them.",
            grouped(packed),
            counted(stored, "value"),
            percent(packed, stored),
            grouped(answer.int("most"))
        );
        // All values must read as lists or as single items; running text has commas too.
        let habit =
            packed >= 3 && percent(packed, stored) >= 20 && percent(answer.int("listlike"), stored) >= 95;
        habit.then(|| draft.saying(fact))
    })
}
