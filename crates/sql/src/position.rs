//! Lines and columns of byte offsets.

/// The line starts of a text.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Returns the lines of `text`.
    pub(crate) fn new(text: &'a str) -> Lines<'a> {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// Returns the line of the byte at `offset`, from 1.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        self.starts.partition_point(|&start| start <= offset) as u32
    }

    /// Returns the column of the byte at `offset` in characters, from 1.
    pub(crate) fn column(&self, offset: usize) -> u32 {
        let start = self.starts[self.line(offset) as usize - 1];
        self.text.get(start..offset).map_or(1, |before| before.chars().count() as u32 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_line_feeds() {
        let lines = Lines::new("ä\r\nöö x\n");
        assert_eq!((lines.line(0), lines.column(0)), (1, 1));
        let x = "ä\r\nöö ".len();
        assert_eq!((lines.line(x), lines.column(x)), (2, 4));
        assert_eq!((lines.line(x + 2), lines.column(x + 2)), (3, 1));
    }
}
