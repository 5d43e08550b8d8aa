//! Extended statistics that the project has: hidden one by one, as `indexes` hides indexes, to show what each repairs.

use underpin_model::sql_text::quote_qualified;
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef};
use underpin_plan::compare::amount;
use underpin_plan::misestimate::worst;

use super::{Base, Shown, Study, Until, Wrong, page, wrongs};
use crate::error::LabError;
use crate::proof::Outcome;

pub(super) const UNNEEDED: Code = Code::note(
    "UP543",
    "statistics-unneeded",
    "a statistics object without which no query is estimated or runs any worse",
);

/// An estimate that gets worse by less than this factor keeps still.
const STILL: f64 = 1.5;

/// Drops each object in transactions that are rolled back, and tries out what would take its place.
///
/// `worst` is the page that is shown; an object without which a query touches more blocks takes its place.
pub(super) async fn examine(
    study: &Study<'_, '_>,
    (known, limit): (&[Wrong], f64),
    shown: &mut Option<Shown>,
    outcome: &mut Outcome,
) -> Result<(), LabError> {
    let objects = study.planner.session().rows(include_str!("objects.sql")).await?;
    let mut rows = Vec::new();
    for object in objects.iter() {
        let (name, table) = (object.text("name"), object.text("table"));
        let drop = format!("DROP STATISTICS {}", quote_qualified(object.text("schema"), name));
        let bases = without(study, table, &drop).await?;
        let hidden = Study { planner: study.planner, bases: &bases, before: drop };
        rows.extend(changes(study.bases, &bases, name));
        if !needed(study.bases, &bases) {
            let message = format!("Without {name} on {table} no query is estimated or runs any worse.");
            let about = ObjectRef::in_schema(ObjectKind::Table, object.text("schema"), table);
            outcome
                .findings
                .push(Finding::new(&UNNEEDED, message).object(about).hint(format!("{};", hidden.before)));
        }
        let wrongs = wrongs(study.planner, &bases, limit).await?;
        for wrong in wrongs.iter().filter(|wrong| !is_known(wrong, &bases, (known, study.bases))) {
            let base = &bases[wrong.base];
            let after = &study.bases[wrong.base].measured;
            let costs = base.measured.buffers() as f64 / after.buffers().max(1) as f64;
            if shown.as_ref().is_some_and(|one| one.costs >= costs) {
                continue;
            }
            let tried = hidden.try_all(wrong, Until::All, outcome).await?;
            let without = Some((name.to_owned(), object.text("definition").to_owned()));
            let content =
                page::page(&page::Told { base, wrong, tried: &tried, after: after.clone(), without });
            *shown = Some(Shown { costs, content });
        }
    }
    if !rows.is_empty() {
        let columns = ["statistics", "query", "estimate off", "without", "buffers", "without"];
        outcome.evidence.push(Evidence::table(
            "statistics-objects",
            "What each statistics object repairs",
            &columns,
            rows,
        ));
    }
    Ok(())
}

/// Returns the queries as they run without the object; what does not read its table is not run again.
async fn without<'p>(study: &Study<'_, 'p>, table: &str, drop: &str) -> Result<Vec<Base<'p>>, LabError> {
    let mut found = Vec::new();
    for base in study.bases {
        let mut base = base.clone();
        if base.reads(table) {
            base.measured = study.planner.measure(base.asked(), drop).await?;
        }
        found.push(base);
    }
    Ok(found)
}

fn changed<'b, 'p>(
    with: &'b [Base<'p>],
    without: &'b [Base<'p>],
) -> impl Iterator<Item = (&'b Base<'p>, [f64; 2], [u64; 2])> {
    with.iter().zip(without).filter_map(|(with, without)| {
        let off = [worst(&with.measured.plan.root), worst(&without.measured.plan.root)];
        let buffers = [with.measured.buffers(), without.measured.buffers()];
        (off[1] > off[0] * STILL || buffers[0] != buffers[1]).then_some((with, off, buffers))
    })
}

fn needed(with: &[Base<'_>], without: &[Base<'_>]) -> bool {
    changed(with, without).any(|(_, off, buffers)| off[1] > off[0] * STILL || buffers[1] > buffers[0])
}

fn changes(with: &[Base<'_>], without: &[Base<'_>], name: &str) -> Vec<Vec<String>> {
    let row = |(base, off, buffers): (&Base<'_>, [f64; 2], [u64; 2])| {
        vec![
            name.to_owned(),
            format!("{} ({})", base.query.name, base.set.name),
            amount(off[0]),
            amount(off[1]),
            amount(buffers[0] as f64),
            amount(buffers[1] as f64),
        ]
    };
    changed(with, without).map(row).collect()
}

/// Returns whether the estimate is wrong with the object as well.
fn is_known(wrong: &Wrong, bases: &[Base<'_>], (known, own): (&[Wrong], &[Base<'_>])) -> bool {
    let name = &bases[wrong.base].query.name;
    known.iter().any(|one| one.key == wrong.key && own[one.base].query.name == *name)
}
