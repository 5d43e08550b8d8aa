//! `evidence/bad-plan.md`: the plan that a wrong estimate makes dearest, what was tried, and the plan that it should be.

use underpin_plan::compare::{self, amount};
use underpin_plan::view;

use super::{Base, REPAIRED, Tried, Wrong, least};
use crate::planning::Measured;

/// What the page is about.
pub(super) struct Told<'a, 'p> {
    /// The query with the bad plan.
    pub base: &'a Base<'p>,
    /// The estimate at fault.
    pub wrong: &'a Wrong,
    /// What was tried, from the least to the most.
    pub tried: &'a [Tried],
    /// The query repaired.
    pub after: Measured,
    /// Name and definition of the statistics object that the project has and that was hidden for this; absent when the plan
    /// is what the project has now.
    pub without: Option<(String, String)>,
}

/// Returns the page. What rests on a sample of its own is rounded, so that the next run writes the same.
pub(super) fn page(told: &Told<'_, '_>) -> String {
    let (query, wrong) = (told.base.query, told.wrong);
    let (before, after) = (&told.base.measured, &told.after);
    let state = match &told.without {
        Some((name, definition)) => format!(
            "The project has repaired it, with\n\n```sql\n{definition};\n```\n\nWithout `{name}` (dropped in a transaction that was rolled back) the server plans as follows.\n"
        ),
        None => "This is what the project has now.\n".to_owned(),
    };
    let changes: Vec<String> = compare::changes(&before.record, &after.record)
        .iter()
        .map(|change| format!("- {change}\n"))
        .collect();
    format!(
        "# A plan that a wrong estimate forced\n\nRegenerate with `underpin prove statistics`.\n\n`{}`, with its {} values{}:\n\n```sql\n{}\n```\n\n{state}\n\
         {} are estimated {} and are {}: {}. {} buffers are touched, {} with the estimate repaired.\n\n\
         ## What was tried\n\n{}\n{}\n## What it changes\n\n{}\n## The bad plan\n\n```text\n{}\n```\n\n## The plan with the estimate repaired\n\n```text\n{}\n```\n",
        query.name,
        told.base.set.name,
        values(told.base),
        query.statement.sql.trim().trim_end_matches(';'),
        sentence(&wrong.key),
        amount(wrong.estimate),
        amount(wrong.actual),
        least(told.tried).map_or("no statistics repair it", |best| best.remedy.why),
        amount(before.buffers() as f64),
        amount(after.buffers() as f64),
        table(told),
        chosen(told.tried),
        changes.concat(),
        view::text(&before.plan),
        view::text(&after.plan)
    )
}

fn values(base: &Base<'_>) -> String {
    let shown = |(param, value): (&underpin_model::project::Param, &Option<String>)| {
        format!("{} = {}", param.name, value.as_deref().unwrap_or("NULL"))
    };
    let list: Vec<String> = base.query.params.iter().zip(&base.set.values).map(shown).collect();
    if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) }
}

fn sentence(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn table(told: &Told<'_, '_>) -> String {
    let mut text = "| remedy | estimate | actual | off | plan | buffers | other queries |\n|---|---:|---:|---:|---|---:|---|\n".to_owned();
    let (wrong, base) = (told.wrong, &told.base.measured);
    let mut line = |cells: [String; 7]| text.push_str(&format!("| {} |\n", cells.join(" | ")));
    line([
        "none".to_owned(),
        amount(wrong.estimate),
        amount(wrong.actual),
        format!("{}×", amount(wrong.factor)),
        "as it is".to_owned(),
        amount(base.buffers() as f64),
        String::new(),
    ]);
    for one in told.tried {
        let changes = compare::changes(&base.record, &one.with.record);
        let joins = changes.iter().filter(|change| matches!(change, compare::Change::Join { .. }));
        let joins: Vec<String> = joins.map(ToString::to_string).collect();
        let plan = match (changes.is_empty(), joins.is_empty()) {
            (true, _) => "the same".to_owned(),
            (false, true) => "another".to_owned(),
            (false, false) => joins.join("; "),
        };
        let repaired = if one.factor < REPAIRED {
            "less than 2×".to_owned()
        } else {
            format!("about {}×", about(one.factor))
        };
        line([
            format!("`{}`", one.remedy.sql),
            format!("about {}", about(one.estimate)),
            amount(wrong.actual),
            repaired,
            plan,
            amount(one.with.buffers() as f64),
            match &one.worsens {
                Some(query) => format!("{query} worse"),
                None if one.factor < REPAIRED => "none worse".to_owned(),
                // What does not repair the estimate is not tried on them.
                None => String::new(),
            },
        ]);
    }
    text
}

fn chosen(tried: &[Tried]) -> String {
    match least(tried) {
        Some(best) => format!(
            "The least that brings the estimate below two with no other query worse:\n\n```sql\n{};\n```\n",
            best.remedy.sql
        ),
        None => "Nothing of this brings the estimate below two with no other query worse.\n".to_owned(),
    }
}

/// Returns a number with one digit that counts: samples differ in the others.
fn about(number: f64) -> String {
    if number < 10.0 {
        return format!("{:.0}", number.max(1.0));
    }
    let step = 10f64.powf(number.log10().floor());
    amount((number / step).round() * step)
}
