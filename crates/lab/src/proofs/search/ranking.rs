//! Does the order of the answer matter: the best ten by rank against the first ten by key, and what ranking costs.

use std::collections::BTreeSet;

use underpin_model::sql_text::quote_literal;

use super::methods::Copy;
use super::terms::Terms;
use crate::error::LabError;

/// Both orders of one answer.
pub(super) struct Ranking {
    pub word: String,
    /// Rows that match.
    pub matching: usize,
    /// Of the ten with the best rank, how many are among the ten with the lowest key.
    pub common: usize,
    /// Different ranks among all that match.
    pub ranks: usize,
    /// Buffers at each size, by rank.
    pub ranked: Vec<u64>,
    /// And by key.
    pub keyed: Vec<u64>,
}

/// Compares the orders on the rows as they are; nothing when fewer than eleven match, for then all are shown.
pub(super) async fn at_first(copy: &Copy<'_>, terms: &Terms) -> Result<Option<Ranking>, LabError> {
    let Some(word) = terms.word("hot") else { return Ok(None) };
    let (session, config) = copy.asks();
    let query = query(config, word);
    let sql = format!(
        "SELECT id, ts_rank(document, {query}) AS rank FROM texts WHERE document @@ {query} ORDER BY rank DESC, id"
    );
    let rows = session.rows(&sql).await?;
    let ids: Vec<i64> = rows.iter().filter_map(|row| row.int("id")).collect();
    if ids.len() <= 10 {
        return Ok(None);
    }
    let mut by_key = ids.clone();
    by_key.sort_unstable();
    let best: BTreeSet<i64> = ids[..10].iter().copied().collect();
    let ranks: BTreeSet<&str> = rows.column("rank").collect();
    Ok(Some(Ranking {
        word: word.to_owned(),
        matching: ids.len(),
        common: by_key[..10].iter().filter(|id| best.contains(id)).count(),
        ranks: ranks.len(),
        ranked: Vec::new(),
        keyed: Vec::new(),
    }))
}

impl Ranking {
    /// Measures both orders at the size that the copy has.
    pub(super) async fn measure(&mut self, copy: &Copy<'_>) -> Result<(), LabError> {
        let query = query(copy.asks().1, &self.word);
        let by =
            |order: &str| format!("SELECT id FROM texts WHERE document @@ {query} ORDER BY {order} LIMIT 10");
        let ranked = copy.measure("", &by(&format!("ts_rank(document, {query}) DESC, id"))).await?;
        let keyed = copy.measure("", &by("id")).await?;
        self.ranked.push(ranked.root.buffers.touched());
        self.keyed.push(keyed.root.buffers.touched());
        Ok(())
    }
}

fn query(config: &str, word: &str) -> String {
    format!("plainto_tsquery({}, {})", quote_literal(config), quote_literal(word))
}
