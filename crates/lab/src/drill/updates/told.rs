//! The evidence: tables, a chart, and what was not tested.

use underpin_model::Evidence;

use super::Recorded;
use super::copy::Counts;
use super::judge::{Studied, percent};
use crate::proof::Outcome;

/// What counting on copies leaves open.
const NOT_TESTED: &str = "\
- Transactions side by side: one that stays open keeps old versions, and pages with old versions have no room.
- Full-page images: the first change of a page after a checkpoint writes the whole page, and HOT changes fewer pages.
- Tables larger than here, and a load that prefers some rows more than the parameters of the transactions do.
- What readers pay for more pages, and which queries need an index that prevents HOT (underpin prove indexes).";

/// Adds summary, measures, findings and evidence.
pub(super) fn tell(outcome: &mut Outcome, recorded: &Recorded, studied: &[Studied]) {
    let calls: u64 = recorded.transactions.iter().map(|(_, well, refused)| well + refused).sum();
    let updates: u64 = recorded.tables.iter().map(|table| table.updates).sum();
    let hot: u64 = recorded.tables.iter().map(|table| table.hot).sum();
    outcome.summary = format!(
        "{calls} transactions updated {updates} rows of {} tables, {} of them HOT; the {} most updated were examined.",
        recorded.tables.len(),
        percent(hot as f64 / updates.max(1) as f64),
        studied.len()
    );
    outcome.measure("updates", updates as f64, "rows");
    outcome.measure("hot", hot as f64, "rows");
    outcome.evidence.push(updated(recorded, studied));
    outcome.evidence.push(rooms(studied));
    outcome.evidence.push(chart(studied));
    outcome.evidence.extend(indexes(studied));
    outcome.evidence.push(load(recorded));
    outcome.evidence.push(Evidence::text("not-tested", "What was not tested", "text", NOT_TESTED.to_owned()));
    let shown = outcome.evidence[1].id.clone();
    let findings = studied.iter().flat_map(Studied::findings);
    outcome.findings.extend(findings.map(|finding| finding.evidence(&shown)));
}

fn updated(recorded: &Recorded, studied: &[Studied]) -> Evidence {
    let advice = |oid: &str| {
        let found = studied.iter().find(|one| one.table.oid == oid);
        found.map_or_else(|| "not examined: fewer updates".to_owned(), Studied::words)
    };
    let row = |table: &super::Table| {
        vec![
            table.display(),
            table.rows.to_string(),
            table.updates.to_string(),
            percent(table.hot as f64 / table.updates.max(1) as f64),
            table.fillfactor.to_string(),
            table.columns.clone(),
            advice(&table.oid),
        ]
    };
    let columns = ["table", "rows", "updates", "HOT", "fillfactor", "columns that changed (times)", "advice"];
    let rows = recorded.tables.iter().map(row).collect();
    Evidence::table("updated", "What the load updates", &columns, rows)
}

fn counted(counts: &Counts) -> Vec<String> {
    vec![
        counts.updates.to_string(),
        percent(counts.share()),
        percent(counts.last_share()),
        format!("{:.1}", counts.wal as f64 / 1024.0),
        format!("{} → {}", counts.pages.0, counts.pages.1),
        format!("{} → {}", counts.index_pages.0, counts.index_pages.1),
    ]
}

/// The columns of [`counted`].
const COUNTED: [&str; 6] =
    ["updates", "HOT", "HOT in the last quarter", "log of the load (KiB)", "pages", "index pages"];

/// Returns the fillfactors of a table in falling order, the declared one among them.
fn by_fillfactor(one: &Studied) -> Vec<(u32, &Counts)> {
    let rooms = one.rooms.iter().map(|(fillfactor, counts)| (*fillfactor, counts));
    let mut all: Vec<(u32, &Counts)> = rooms.chain([(one.table.fillfactor, &one.base)]).collect();
    all.sort_by_key(|(fillfactor, _)| std::cmp::Reverse(*fillfactor));
    all
}

fn rooms(studied: &[Studied]) -> Evidence {
    let rows = studied.iter().flat_map(|one| {
        by_fillfactor(one).into_iter().map(|(fillfactor, counts)| {
            let declared = if fillfactor == one.table.fillfactor { " (declared)" } else { "" };
            let mut row = vec![one.table.display(), format!("{fillfactor}{declared}")];
            row.extend(counted(counts));
            row
        })
    });
    let columns: Vec<&str> = ["table", "fillfactor"].into_iter().chain(COUNTED).collect();
    let title = "The same load at every fillfactor, from freshly written tables";
    Evidence::table("fillfactors", title, &columns, rows.collect())
}

fn chart(studied: &[Studied]) -> Evidence {
    let bars = studied.iter().flat_map(|one| {
        by_fillfactor(one).into_iter().map(|(fillfactor, counts)| {
            (format!("{} {fillfactor}", one.table.display()), (counts.share() * 100.0).round())
        })
    });
    Evidence::bars("hot-share", "HOT updates by table and fillfactor", "%", bars.collect())
}

fn indexes(studied: &[Studied]) -> Option<Evidence> {
    let rows = studied.iter().flat_map(|one| {
        let with_room = one.hidden.iter().map(|(names, counts)| (names.clone(), "70".to_owned(), counts));
        let declared = one
            .without
            .iter()
            .map(|counts| (one.preventing(), format!("{} (declared)", one.table.fillfactor), counts));
        with_room.chain(declared).map(|(names, fillfactor, counts)| {
            let mut row = vec![one.table.display(), names.join(", "), fillfactor];
            row.extend(counted(counts));
            row
        })
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let columns: Vec<&str> = ["table", "without", "fillfactor"].into_iter().chain(COUNTED).collect();
    let title = "The same load without indexes on columns that change";
    (!rows.is_empty()).then(|| Evidence::table("indexes", title, &columns, rows))
}

fn load(recorded: &Recorded) -> Evidence {
    let row = |(name, well, refused): &(String, u64, u64)| {
        vec![name.clone(), well.to_string(), refused.to_string()]
    };
    let rows = recorded.transactions.iter().map(row).collect();
    let title = "The load: one session, the same values and order on every copy";
    Evidence::table("load", title, &["transaction", "committed", "refused"], rows)
}
