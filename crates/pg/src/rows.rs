//! What a query returned, as text.

/// The rows of one result. Values are in PostgreSQL's text format; `None` is NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Names of the columns, in order.
    pub columns: Vec<String>,
    /// One vector of values per row.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows that the last statement returned or changed, as its command tag says.
    pub affected: u64,
}

/// One row, with access by column name.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'a [String],
    values: &'a [Option<String>],
}

impl Rows {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells whether no row came back.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns a value by row number and column name; nothing for NULL and for what does not exist.
    pub fn get(&self, row: usize, column: &str) -> Option<&str> {
        self.rows.get(row).and_then(|values| Row { columns: &self.columns, values }.get(column))
    }

    /// Returns the first row.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// Returns the rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }

    /// Returns one column's values in order, NULLs left out.
    pub fn column<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter_map(move |row| row.get(name))
    }
}

impl<'a> Row<'a> {
    /// Returns a value by column name; nothing for NULL and for a column that does not exist.
    pub fn get(&self, column: &str) -> Option<&'a str> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.at(at)
    }

    /// Returns a value by position, from 0.
    pub fn at(&self, position: usize) -> Option<&'a str> {
        self.values.get(position)?.as_deref()
    }

    /// Returns a value, with the empty text for NULL.
    pub fn text(&self, column: &str) -> &'a str {
        self.get(column).unwrap_or("")
    }

    /// Returns a value as an integer; nothing when it is NULL or no integer.
    pub fn int(&self, column: &str) -> Option<i64> {
        self.get(column)?.parse().ok()
    }

    /// Returns a value as a floating-point number; nothing when it is NULL or no number.
    pub fn float(&self, column: &str) -> Option<f64> {
        self.get(column)?.parse().ok()
    }

    /// Returns a value as a boolean, which the server writes `t` and `f`.
    pub fn bool(&self, column: &str) -> Option<bool> {
        match self.get(column)? {
            "t" | "true" | "on" => Some(true),
            "f" | "false" | "off" => Some(false),
            _ => None,
        }
    }

    /// Returns all values in order.
    pub fn values(&self) -> &'a [Option<String>] {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_name() {
        let rows = Rows {
            columns: vec!["id".to_owned(), "ok".to_owned(), "name".to_owned()],
            rows: vec![vec![Some("7".to_owned()), Some("t".to_owned()), None]],
            affected: 1,
        };
        let row = rows.first().unwrap();
        assert_eq!((row.int("id"), row.bool("ok"), row.get("name")), (Some(7), Some(true), None));
        assert_eq!((row.text("name"), row.get("absent"), rows.get(1, "id")), ("", None, None));
        assert_eq!(rows.column("id").collect::<Vec<_>>(), ["7"]);
    }
}
