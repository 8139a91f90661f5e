//! Which part of a line is drawn. Pure.
//!
//! A line editor moves up to the start of its text and redraws it. For text taller than the screen
//! this is impossible: each key would push another copy into the scrollback. So only a screenful of
//! tall text is drawn.

use unicode_width::UnicodeWidthChar;

use super::escape_encoding::drawn_letter;
use crate::text::is_dangerous;
use crate::ui::terminal_size::TerminalSize;

/// Columns between tab stops.
const TAB_COLUMNS: usize = 8;

/// Removes characters that a terminal would act on. They have no width, so the cursor position
/// stays correct. What stands for ESC is shown.
pub(super) fn drop_controls(text: &str) -> String {
    text.chars()
        .filter(|letter| !is_dangerous(*letter))
        .map(drawn_letter)
        .collect()
}

/// Returns the screenful of `text`, including the prompt, that contains the byte offset `cursor`;
/// `None` if all of it fits.
pub(super) fn visible_part(text: &str, cursor: usize, size: TerminalSize) -> Option<String> {
    let rows = row_starts(text, size.columns);
    if rows.len() <= size.rows || size.rows < 2 {
        return None;
    }
    let at_cursor = rows
        .partition_point(|start| *start <= cursor)
        .saturating_sub(1);
    let tail = rows.len() - size.rows;
    if at_cursor > tail {
        // The first row says what is omitted.
        let note = format!(
            "… {} rows above; Ctrl-X Ctrl-E opens all of it in an editor",
            tail + 1
        );
        let note: String = note.chars().take(size.columns.saturating_sub(1)).collect();
        return Some(format!(
            "{note}\n{}",
            drop_controls(&text[rows[tail + 1]..])
        ));
    }
    let end = rows
        .get(at_cursor + size.rows)
        .copied()
        .unwrap_or(text.len());
    let shown = &text[rows[at_cursor]..end];
    Some(drop_controls(shown.strip_suffix('\n').unwrap_or(shown)))
}

/// Breaks a text into the rows it takes, each of which ends with a line feed: a terminal that is
/// widened does not join them, and the rows that are cleared for the next text stay the same ones.
pub(super) fn break_rows(text: &str, columns: usize) -> String {
    let mut broken = String::with_capacity(text.len());
    let starts = row_starts(text, columns);
    let ends = starts.iter().copied().skip(1).chain([text.len()]);
    for (start, end) in starts.iter().copied().zip(ends) {
        // The line editor itself ends a last row that is full.
        if start > 0 && start < text.len() && !broken.ends_with('\n') {
            broken.push('\n');
        }
        broken.push_str(&text[start..end]);
    }
    broken
}

/// Returns the number of rows above the one with the byte offset `cursor`.
pub(super) fn rows_above(text: &str, cursor: usize, columns: usize) -> usize {
    let starts = row_starts(text, columns);
    let above = starts.partition_point(|start| *start <= cursor);
    above.saturating_sub(1)
}

/// Returns the same for a text that was drawn in rows of `before` columns, each of which the
/// terminal has wrapped to fewer `columns`.
pub(super) fn rows_above_rewrapped(
    text: &str,
    cursor: usize,
    before: usize,
    columns: usize,
) -> usize {
    let starts = row_starts(text, before);
    let own = starts.partition_point(|start| *start <= cursor).max(1) - 1;
    // A full row, like its cursor, stays in one piece.
    let wraps = |row: &str| row_width(row).saturating_sub(1) / columns.max(1);
    let above = starts.iter().zip(&starts[1..]).take(own);
    let above: usize = above
        .map(|(start, end)| 1 + wraps(&text[*start..*end]))
        .sum();
    above + wraps(&text[starts[own]..cursor])
}

fn row_width(row: &str) -> usize {
    row.chars()
        .fold(0, |column, letter| column + letter_width(letter, column))
}

/// Returns the number of rows a text takes.
pub(super) fn count_rows(text: &str, columns: usize) -> usize {
    row_starts(text, columns).len()
}

/// Returns the byte offset of each row, counted as the line editor does.
fn row_starts(text: &str, columns: usize) -> Vec<usize> {
    let (mut starts, mut column) = (vec![0], 0);
    for (place, letter) in text.char_indices() {
        if letter == '\n' {
            starts.push(place + 1);
            column = 0;
            continue;
        }
        let width = letter_width(letter, column);
        column += width;
        if column > columns {
            starts.push(place);
            column = width;
        }
    }
    if column == columns {
        starts.push(text.len());
    }
    starts
}

fn letter_width(letter: char, column: usize) -> usize {
    if letter == '\t' {
        TAB_COLUMNS - column % TAB_COLUMNS
    } else {
        letter.width().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: TerminalSize = TerminalSize {
        columns: 10,
        rows: 4,
    };

    #[test]
    fn text_that_fits_is_drawn_in_full() {
        assert_eq!(visible_part("> a\nb\nc\nd", 3, SIZE), None);
        assert_eq!(row_starts("0123456789ab", 10), [0, 10]);
        assert_eq!(row_starts("0123456789", 10), [0, 10]);
        assert_eq!(row_starts("漢字漢字漢字", 10), [0, 15]);
        assert_eq!(row_starts("a\tb\tc", 10), [0, 3]);
    }

    #[test]
    fn tall_text_is_drawn_from_its_end_below_a_note() {
        let text = "> 1\n2\n3\n4\n5\n6";
        assert_eq!(
            visible_part(text, text.len(), SIZE).as_deref(),
            Some("… 3 rows \n4\n5\n6")
        );
        let text = "> 1\n2\n3\n4\n5\n";
        assert_eq!(
            visible_part(text, text.len(), SIZE).as_deref(),
            Some("… 3 rows \n4\n5\n")
        );
    }

    #[test]
    fn a_cursor_above_the_end_is_on_the_first_row() {
        let text = "> 1\n2\n3\n4\n5\n6\n7";
        assert_eq!(visible_part(text, 4, SIZE).as_deref(), Some("2\n3\n4\n5"));
        assert_eq!(visible_part(text, 0, SIZE).as_deref(), Some("> 1\n2\n3\n4"));
    }

    #[test]
    fn each_row_ends_with_a_line_feed() {
        for (text, rows) in [
            ("> a", "> a"),
            ("0123456789ab\nc", "0123456789\nab\nc"),
            // The line editor adds the line feed after a last row that is full.
            ("0123456789", "0123456789"),
            ("0123456789\n", "0123456789\n"),
            ("漢字漢字漢字", "漢字漢字漢\n字"),
        ] {
            assert_eq!(break_rows(text, 10), rows, "{text}");
        }
    }

    #[test]
    fn a_narrower_terminal_may_have_wrapped_the_rows_above_the_cursor() {
        let text = "status of 20 columns\n> 0123456789";
        let end = text.len();
        assert_eq!(rows_above(text, end, 20), 1);
        for (columns, rows) in [(20, 1), (19, 2), (12, 2), (11, 3), (10, 3), (5, 6)] {
            let above = rows_above_rewrapped(text, end, 20, columns);
            assert_eq!(above, rows, "{columns}");
        }
        assert_eq!(rows_above_rewrapped(text, 23, 20, 5), 4);
        // Rows that the editor has wrapped are wrapped again, each for itself.
        assert_eq!(rows_above_rewrapped("> 0123456789", 12, 10, 6), 2);
    }

    #[test]
    fn controls_are_not_drawn() {
        assert_eq!(
            drop_controls("a\u{1b}[2J\u{9b}b\u{202e}\tc\n"),
            "a[2Jb\tc\n"
        );
    }
}
