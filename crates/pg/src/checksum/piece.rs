//! How the work on all tables is cut so that every session is busy to the end.

use super::table_list::TableFile;

/// A table, or a range of its pages, that one query reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Which table, by its place in the list.
    pub(crate) table: usize,
    /// First page.
    pub(crate) from: u64,
    /// Page that is not read any more; none for "to the end", wherever that is by then.
    pub(crate) to: Option<u64>,
    /// Estimate of what there is to read.
    bytes: u64,
}

/// So many pieces per session, when there is enough to read: at the end at most one session waits for
/// one piece of the others, which is then below 1/16 of its work.
const PIECES_PER_SESSION: u64 = 16;

/// Below this a piece costs about as much to start as to read.
const SMALLEST_PIECE: u64 = 2 << 20;

/// Above this nothing is gained, and a cancelled run would go on for seconds.
const LARGEST_PIECE: u64 = 256 << 20;

/// Reading this much takes about as long as opening one more session and importing the snapshot.
const WORTH_A_SESSION: u64 = 1 << 20;

/// Returns the pieces of all tables, largest first.
pub(crate) fn pieces(tables: &[TableFile], sessions: usize) -> Vec<Piece> {
    let total: u64 = tables.iter().map(|table| table.bytes).sum();
    let share = total / (sessions.max(1) as u64 * PIECES_PER_SESSION);
    let aim = share.clamp(SMALLEST_PIECE, LARGEST_PIECE);
    let mut pieces: Vec<Piece> =
        tables.iter().enumerate().flat_map(|(at, table)| cut(at, table, aim)).collect();
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.bytes));
    pieces
}

/// Returns how many sessions the work is worth, at most `allowed`.
pub(crate) fn sessions_worth(tables: &[TableFile], allowed: usize) -> usize {
    let total: u64 = tables.iter().map(|table| table.bytes).sum();
    let worth = usize::try_from(total / WORTH_A_SESSION).unwrap_or(usize::MAX);
    worth.clamp(1, allowed.max(1))
}

fn cut(table: usize, file: &TableFile, aim: u64) -> Vec<Piece> {
    let count = if file.by_pages { file.bytes.div_ceil(aim).clamp(1, file.pages.max(1)) } else { 1 };
    let border = |at: u64| file.pages * at / count;
    (0..count)
        .map(|at| Piece {
            table,
            from: border(at),
            to: (at + 1 < count).then(|| border(at + 1)),
            bytes: file.bytes / count,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, pages: u64, bytes: u64) -> TableFile {
        let (schema, name) = ("public".to_owned(), name.to_owned());
        TableFile { schema, name, pages, bytes, by_pages: true, ledger: false }
    }

    #[test]
    fn one_large_table_is_cut_without_gap_or_overlap() {
        let mut pieces = pieces(&[table("large", 100_003, 100_003 * 8192)], 2);
        assert_eq!(pieces.len(), 32);
        pieces.sort_by_key(|piece| piece.from);
        assert_eq!(pieces[0].from, 0);
        assert!(pieces.windows(2).all(|pair| pair[0].to == Some(pair[1].from)));
        assert_eq!(pieces.last().map(|piece| piece.to), Some(None));
    }

    #[test]
    fn small_tables_stay_whole_and_come_last() {
        let tables = [table("empty", 0, 0), table("small", 3, 24 << 10), table("large", 4096, 32 << 20)];
        let pieces = pieces(&tables, 2);
        let order: Vec<usize> = pieces.iter().map(|piece| piece.table).collect();
        assert_eq!(order.iter().filter(|table| **table == 2).count(), 16);
        assert_eq!(order[16..], [1, 0]);
        assert_eq!((pieces[17].from, pieces[17].to), (0, None));
    }

    #[test]
    fn large_values_of_few_rows_never_make_more_pieces_than_pages() {
        assert_eq!(pieces(&[table("blobs", 2, 1 << 30)], 2).len(), 2);
    }

    #[test]
    fn a_table_that_knows_no_pages_stays_whole() {
        let columnar = TableFile { by_pages: false, ..table("columnar", 100_000, 1 << 30) };
        assert_eq!(pieces(&[columnar], 4).len(), 1);
    }

    #[test]
    fn little_data_gets_one_session() {
        assert_eq!(sessions_worth(&[table("small", 3, 24 << 10)], 8), 1);
        assert_eq!(sessions_worth(&[table("large", 100_000, 800 << 20)], 8), 8);
        assert_eq!(sessions_worth(&[], 0), 1);
    }
}
