//! Aligned columns.

use unicode_width::UnicodeWidthStr;

use super::{Failure, Output, printable};

/// Rows under headings. Columns are as wide as their widest cell; numbers stand to the right.
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings. A heading that starts with `>` has its column to the right.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row with a cell for each heading.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.headings.len());
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// The table as lines, without blanks at their ends.
    pub(crate) fn lines(&self) -> Vec<String> {
        let headings: Vec<String> =
            self.headings.iter().map(|heading| heading.trim_start_matches('>').into()).collect();
        let all = || std::iter::once(&headings).chain(&self.rows);
        let widths: Vec<usize> =
            (0..headings.len()).map(|column| all().map(|row| row[column].width()).max().unwrap_or(0)).collect();
        all().map(|row| self.render(row, &widths)).collect()
    }

    /// Writes the table.
    pub(crate) fn write(&self, output: &mut Output) -> Result<(), Failure> {
        self.lines().iter().try_for_each(|line| output.line(line))
    }

    fn render(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, width), heading) in row.iter().zip(widths).zip(&self.headings) {
            let blanks = " ".repeat(width - cell.width());
            let cell = if heading.starts_with('>') { format!("{blanks}{cell}") } else { format!("{cell}{blanks}") };
            line.push_str(&cell);
            line.push_str("  ");
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let mut table = Table::new(&["PATH", ">SIZE", "STATE"]);
        table.row(["a.pkg".into(), "1.2 MB".into(), "stored".into()]);
        table.row(["日本語.dmg".into(), "9 B".into(), String::new()]);
        table.row(["e\u{301}\u{1b}[m".into(), String::new(), "wanted".into()]);
        assert_eq!(
            table.lines(),
            [
                "PATH          SIZE  STATE",
                "a.pkg       1.2 MB  stored",
                "日本語.dmg     9 B",
                "e\u{301}\\u{1b}[m           wanted",
            ]
        );
    }

    #[test]
    fn an_empty_table_is_its_headings() {
        assert_eq!(Table::new(&["A", ">B"]).lines(), ["A  B"]);
    }
}
