//! Text tables. Widths are terminal columns: a Chinese character takes two, a combining accent
//! none.

use super::columns::{display_width, truncate_to_width, wrap_words};
use super::sanitize::sanitize_line;

/// Default number of spaces between two columns.
const DEFAULT_GAP: usize = 2;

/// A last column with less room than this is set below its row instead of beside it.
const MIN_WRAPPED_WIDTH: usize = 24;

/// How far the last column is indented below its row.
const BELOW_INDENT: usize = 4;

/// How the cells of a column are laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableColumn {
    is_right_aligned: bool,
    gap: usize,
    min_width: usize,
    max_width: usize,
}

impl TableColumn {
    /// A left-aligned column.
    pub(crate) const LEFT: Self = Self {
        is_right_aligned: false,
        gap: DEFAULT_GAP,
        min_width: 0,
        max_width: usize::MAX,
    };

    /// A right-aligned column.
    pub(crate) const RIGHT: Self = Self {
        is_right_aligned: true,
        ..Self::LEFT
    };

    /// Sets the number of spaces before the column. The first column of a line has none.
    pub(crate) const fn with_gap(self, gap: usize) -> Self {
        Self { gap, ..self }
    }

    /// Sets the minimum width of the column.
    pub(crate) const fn at_least(self, min_width: usize) -> Self {
        Self { min_width, ..self }
    }

    /// Ignores cells wider than this when the column's width is chosen: they shift the rest of
    /// their own row only.
    pub(crate) const fn at_most(self, max_width: usize) -> Self {
        Self { max_width, ..self }
    }

    fn column_width(self, cells: impl Iterator<Item = usize>) -> usize {
        let widest = cells.filter(|width| *width <= self.max_width).max();
        widest.unwrap_or_default().max(self.min_width)
    }
}

/// Rows of `N` cells. A column in which every cell is empty is left out.
#[derive(Debug, Clone)]
pub(crate) struct TextTable<const N: usize> {
    columns: [TableColumn; N],
    indent: usize,
    max_width: Option<usize>,
    cut_at: Option<usize>,
    header: Option<[&'static str; N]>,
    rows: Vec<[String; N]>,
}

impl<const N: usize> TextTable<N> {
    /// Creates a table without rows.
    pub(crate) const fn new(columns: [TableColumn; N]) -> Self {
        Self {
            columns,
            indent: 0,
            max_width: None,
            cut_at: None,
            header: None,
            rows: Vec::new(),
        }
    }

    /// Sets the number of spaces before each line.
    pub(crate) fn with_indent(self, indent: usize) -> Self {
        Self { indent, ..self }
    }

    /// Wraps the last column, so that no line is wider than this; none does not wrap.
    pub(crate) fn with_max_width(self, max_width: Option<usize>) -> Self {
        Self { max_width, ..self }
    }

    /// Cuts off the lines that are wider than this; none cuts nothing.
    pub(crate) fn with_cut_at(self, cut_at: Option<usize>) -> Self {
        Self { cut_at, ..self }
    }

    /// Names the columns, if there are any rows; those without text are left out all the same.
    pub(crate) fn with_header(self, header: Option<[&'static str; N]>) -> Self {
        Self { header, ..self }
    }

    /// Adds a row.
    pub(crate) fn push_row(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// Returns the lines for a file or a pipe: line breaks and tabs become spaces, everything else
    /// is left as it is.
    pub(crate) fn to_text(&self) -> String {
        self.lay_out(|cell| cell.replace(['\n', '\t'], " "))
    }

    /// Returns the lines for a terminal, sanitized.
    pub(crate) fn to_sanitized_text(&self) -> String {
        self.lay_out(sanitize_line)
    }

    fn lay_out(&self, clean: impl Fn(&str) -> String) -> String {
        let sized = |row: &[String; N]| row.each_ref().map(|text| SizedCell::new(clean(text)));
        let mut rows: Vec<[SizedCell; N]> = self.rows.iter().map(sized).collect();
        let with_text: Vec<usize> = (0..N)
            .filter(|at| rows.iter().any(|row| row[*at].width > 0))
            .collect();
        if let Some(header) = self.header.filter(|_| !rows.is_empty()) {
            rows.insert(0, header.map(|name| SizedCell::new(name.to_owned())));
        }
        let shown: Vec<(usize, usize)> = with_text
            .into_iter()
            .map(|at| {
                (
                    at,
                    self.columns[at].column_width(rows.iter().map(|row| row[at].width)),
                )
            })
            .collect();
        let mut text = String::new();
        for row in &rows {
            let mut line = " ".repeat(self.indent);
            for (place, &(at, width)) in shown.iter().enumerate() {
                let (cell, column) = (&row[at], self.columns[at]);
                let gap = if place == 0 { 0 } else { column.gap };
                let padding = width.saturating_sub(cell.width);
                let (before, after) = if column.is_right_aligned {
                    (padding, 0)
                } else {
                    (0, padding)
                };
                line.push_str(&" ".repeat(gap + before));
                match self.max_width {
                    Some(max_width) if at + 1 == N => {
                        push_wrapped(&mut line, &cell.text, self.indent, max_width);
                    }
                    _ => line.push_str(&cell.text),
                }
                line.push_str(&" ".repeat(after));
            }
            let line = line.trim_end();
            match self.cut_at {
                Some(columns) => text.push_str(&truncate_to_width(line, columns)),
                None => text.push_str(line),
            }
            text.push('\n');
        }
        text
    }
}

/// Adds the last cell of a row to its line, beside the others where there is room, else below them.
fn push_wrapped(line: &mut String, text: &str, indent: usize, max_width: usize) {
    let mut start = display_width(line);
    if start + MIN_WRAPPED_WIDTH > max_width {
        start = indent + BELOW_INDENT;
        line.truncate(line.trim_end().len());
        line.push('\n');
        line.push_str(&" ".repeat(start));
    }
    let room = max_width.saturating_sub(start);
    let next_line = format!("\n{}", " ".repeat(start));
    line.push_str(&wrap_words(text, room, room).join(&next_line));
}

impl<const N: usize> Extend<[String; N]> for TextTable<N> {
    fn extend<T: IntoIterator<Item = [String; N]>>(&mut self, rows: T) {
        self.rows.extend(rows);
    }
}

/// The text of a cell and its width in columns.
struct SizedCell {
    text: String,
    width: usize,
}

impl SizedCell {
    fn new(text: String) -> Self {
        Self {
            width: display_width(&text),
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<const N: usize>(columns: [TableColumn; N], rows: &[[&str; N]]) -> TextTable<N> {
        let mut table = TextTable::new(columns);
        table.extend(rows.iter().map(|row| row.map(str::to_owned)));
        table
    }

    #[test]
    fn columns_are_as_wide_on_the_screen_as_their_widest_cell() {
        let rows = [
            ["日本語", "1", "a"],
            ["👍🏽 ok", "10", "b"],
            ["e\u{301}", "100", ""],
        ];
        assert_eq!(
            table(
                [TableColumn::LEFT, TableColumn::RIGHT, TableColumn::LEFT],
                &rows
            )
            .to_text(),
            "日本語    1  a\n👍🏽 ok    10  b\ne\u{301}       100\n"
        );
    }

    #[test]
    fn a_column_without_text_is_left_out_with_its_gap() {
        let rows = [["", "a", "", "b"], ["", "cc", "", "d"]];
        assert_eq!(
            table([TableColumn::LEFT; 4], &rows)
                .with_indent(1)
                .to_text(),
            " a   b\n cc  d\n"
        );
        assert_eq!(table([TableColumn::LEFT; 2], &[]).to_text(), "");
    }

    #[test]
    fn a_cell_over_the_limit_shifts_only_its_own_row() {
        let columns = [TableColumn::LEFT.at_most(3), TableColumn::LEFT.with_gap(1)];
        assert_eq!(
            table(columns, &[["a", "x"], ["abcdef", "y"], ["abc", "z"]]).to_text(),
            "a   x\nabcdef y\nabc z\n"
        );
        let columns = [TableColumn::LEFT.at_least(3), TableColumn::LEFT];
        assert_eq!(table(columns, &[["a", "x"]]).to_text(), "a    x\n");
    }

    #[test]
    fn the_last_column_wraps_beside_the_others_or_below_them() {
        let rows = [["key", "what it is for, in words"], ["k", "no more"]];
        let wrapped = |width| {
            table([TableColumn::LEFT; 2], &rows)
                .with_max_width(Some(width))
                .to_text()
        };
        assert_eq!(wrapped(30), "key  what it is for, in words\nk    no more\n");
        assert_eq!(
            wrapped(20),
            "key\n    what it is for,\n    in words\nk\n    no more\n"
        );
    }

    #[test]
    fn output_for_a_terminal_is_sanitized_before_widths_are_measured() {
        let rows = [["a\u{1b}[m", "x\ny"], ["b", "\u{202e}z"]];
        let table = table([TableColumn::LEFT; 2], &rows);
        assert_eq!(table.to_sanitized_text(), "a␛[m  x y\nb     <U+202E>z\n");
        assert!(table.to_text().starts_with("a\u{1b}[m  x y\nb"));
    }
}
