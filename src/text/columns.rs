//! The width of a line in terminal columns.

use unicode_width::UnicodeWidthStr;

/// Returns the number of columns of a line without control characters.
pub(crate) fn display_width(line: &str) -> usize {
    line.width()
}

/// Returns the line, or as much of its beginning as fits into `columns` columns followed by `…`.
pub(crate) fn truncate_to_width(line: &str, columns: usize) -> String {
    if line.width() <= columns {
        return line.to_owned();
    }
    let room = columns.saturating_sub(1);
    // A character may combine with the one before it, so the beginning is measured as a whole.
    let fits = line
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8())
        .take_while(|&end| line[..end].width() <= room);
    format!("{}…", &line[..fits.last().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_does_not_fit_is_cut_between_characters_of_one_and_of_two_columns() {
        for (columns, expected) in [(6, "日本語"), (5, "日本…"), (4, "日…"), (1, "…")] {
            assert_eq!(truncate_to_width("日本語", columns), expected);
        }
        assert_eq!(
            (truncate_to_width("abc", 3), truncate_to_width("abcd", 3)),
            ("abc".to_owned(), "ab…".to_owned())
        );
        assert_eq!(display_width("é日"), 3);
    }
}
