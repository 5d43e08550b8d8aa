//! Sequences that end before their column does.

use underpin_model::catalog::Sequence;
use underpin_model::{Code, Finding, ObjectKind, ObjectRef};

use crate::rule::{Context, SchemaRule};
use crate::scope::relation;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{grouped, percent};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP148", "sequence-exhausted", "a sequence near its end"),
    page: include_str!("../../../../docs/codes/sequence-exhausted.md"),
    find: suspicions,
};

/// The share from which int-key-overflow calls it urgent too.
const HURTING_PERCENT: i64 = 50;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .catalog
        .sequences
        .iter()
        .filter(|sequence| !feeds_narrow_key(context, sequence) && sequence.schema != "underpin")
        .map(suspicion)
        .collect()
}

/// Returns whether int-key-overflow looks at the sequence together with its column.
fn feeds_narrow_key(context: &Context<'_>, sequence: &Sequence) -> bool {
    let owner = sequence.owned_by.as_deref().unwrap_or("");
    context.fields().any(|field| {
        let narrow = matches!(field.column.base_type.as_str(), "int2" | "int4") && field.in_primary_key();
        narrow && owner == format!("{}.{}.{}", field.table.schema, field.table.name, field.name())
    })
}

fn suspicion(sequence: &Sequence) -> Suspicion {
    let name = relation(&sequence.schema, &sequence.name);
    let sql = format!(
        "SELECT s.last_value, p.seqmax AS maximum, p.seqcycle AS cycles, p.seqincrement > 0 AS rises \
         FROM {name} s, pg_sequence p WHERE p.seqrelid = {}::regclass",
        underpin_model::sql_text::quote_literal(&name)
    );
    let object = ObjectRef::in_schema(ObjectKind::Sequence, &sequence.schema, &sequence.name);
    let shown = sql::object(&sequence.schema, &sequence.name);
    let hint = format!("ALTER SEQUENCE {shown} AS bigint NO MAXVALUE;");
    let draft = Finding::new(&RULE.code, format!("{shown}: {}", RULE.code.title)).object(object).hint(hint);
    Suspicion::new(draft, sql, move |answer, draft| {
        let (last, maximum) = (answer.int("last_value"), answer.int("maximum"));
        let used = percent(last, maximum);
        let fact = format!(
            "{shown} has given {} of {} numbers ({used} %); after the last one every INSERT fails.",
            grouped(last),
            grouped(maximum)
        );
        let ends = answer.is_true("rises") && !answer.is_true("cycles");
        (ends && used >= HURTING_PERCENT).then(|| draft.saying(fact))
    })
}
