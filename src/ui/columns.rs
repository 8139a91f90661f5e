//! How many columns of a terminal a line takes.

use unicode_width::UnicodeWidthStr;

/// The columns of a line without control characters.
pub(crate) fn columns_of(line: &str) -> usize {
    line.width()
}

/// The line, or as much of its beginning as fits into so many columns with `…` behind it.
pub(crate) fn cut_to(line: &str, columns: usize) -> String {
    if line.width() <= columns {
        return line.to_owned();
    }
    let room = columns.saturating_sub(1);
    // A letter may go together with the one before it, and so the beginning is measured as one.
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
    fn what_does_not_fit_is_cut_between_letters_of_one_and_of_two_columns() {
        for (columns, expected) in [(6, "日本語"), (5, "日本…"), (4, "日…"), (1, "…")] {
            assert_eq!(cut_to("日本語", columns), expected);
        }
        assert_eq!(
            (cut_to("abc", 3), cut_to("abcd", 3)),
            ("abc".to_owned(), "ab…".to_owned())
        );
        assert_eq!(columns_of("é日"), 3);
    }
}
