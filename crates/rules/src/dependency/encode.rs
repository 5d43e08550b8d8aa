//! Rows as numbers: one dictionary per column.

use super::hash::QuickMap;

/// A table, column by column.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    /// Rows.
    pub rows: usize,
    /// In order.
    pub columns: Vec<EncodedColumn>,
}

/// One column: equal values have equal numbers.
#[derive(Clone, Debug, Default)]
pub struct EncodedColumn {
    /// One per row.
    pub codes: Vec<u32>,
    /// Different values, NULL among them.
    pub distinct: usize,
    /// Some value is NULL.
    pub has_null: bool,
    /// Bytes of all values, as text.
    pub bytes: usize,
}

/// Reads what `COPY … TO STDOUT` sends: a line per row, a tab between columns, `\N` for NULL; `columns` is their number.
pub fn encode(text: &str, columns: usize) -> Encoded {
    let mut table = Encoded { rows: 0, columns: vec![EncodedColumn::default(); columns] };
    let mut dictionaries: Vec<QuickMap<&str, u32>> = vec![QuickMap::default(); columns];
    for line in text.lines() {
        table.rows += 1;
        let mut values = line.split('\t');
        for (column, dictionary) in table.columns.iter_mut().zip(&mut dictionaries) {
            let value = values.next().unwrap_or("\\N");
            column.has_null |= value == "\\N";
            column.bytes += value.len();
            let next = dictionary.len() as u32;
            column.codes.push(*dictionary.entry(value).or_insert(next));
        }
    }
    for (column, dictionary) in table.columns.iter_mut().zip(&dictionaries) {
        column.distinct = dictionary.len();
    }
    table
}
