//! What of a line stands on the screen. Pure.
//!
//! A line editor moves up to where its text begins and draws it anew. Text that is taller than the
//! screen has no such place: each key would push another copy of it into the scrollback. So of tall
//! text only a screenful is drawn.

use unicode_width::UnicodeWidthChar;

use crate::text::is_dangerous;

/// How far apart tabs stop.
const TAB: usize = 8;

/// The size of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Its width.
    pub(super) columns: usize,
    /// Its height.
    pub(super) rows: usize,
}

/// Drops what a terminal would act on. All of that has no width, so that the cursor stays where it
/// belongs.
pub(super) fn harmless(text: &str) -> String {
    text.chars()
        .filter(|letter| !is_dangerous(*letter))
        .collect()
}

/// The screenful of `text`, which begins with the prompt, that has the byte `cursor` in it; none
/// where all of it fits.
pub(super) fn screenful(text: &str, cursor: usize, size: Size) -> Option<String> {
    let rows = row_starts(text, size.columns);
    if rows.len() <= size.rows || size.rows < 2 {
        return None;
    }
    let at_cursor = rows
        .partition_point(|start| *start <= cursor)
        .saturating_sub(1);
    let tail = rows.len() - size.rows;
    if at_cursor > tail {
        // The first row says what is not there.
        let note = format!(
            "… {} rows above; /edit changes a message in an editor",
            tail + 1
        );
        let note: String = note.chars().take(size.columns.saturating_sub(1)).collect();
        return Some(format!("{note}\n{}", harmless(&text[rows[tail + 1]..])));
    }
    let end = rows
        .get(at_cursor + size.rows)
        .copied()
        .unwrap_or(text.len());
    let shown = &text[rows[at_cursor]..end];
    Some(harmless(shown.strip_suffix('\n').unwrap_or(shown)))
}

/// How many rows a text takes.
pub(super) fn rows(text: &str, columns: usize) -> usize {
    row_starts(text, columns).len()
}

/// Where each row of a text begins, as the line editor counts them.
fn row_starts(text: &str, columns: usize) -> Vec<usize> {
    let (mut starts, mut column) = (vec![0], 0);
    for (place, letter) in text.char_indices() {
        if letter == '\n' {
            starts.push(place + 1);
            column = 0;
            continue;
        }
        let width = if letter == '\t' {
            TAB - column % TAB
        } else {
            letter.width().unwrap_or(0)
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        columns: 10,
        rows: 4,
    };

    #[test]
    fn what_fits_is_drawn_whole() {
        assert_eq!(screenful("> a\nb\nc\nd", 3, SIZE), None);
        assert_eq!(row_starts("0123456789ab", 10), [0, 10]);
        assert_eq!(row_starts("0123456789", 10), [0, 10]);
        assert_eq!(row_starts("漢字漢字漢字", 10), [0, 15]);
        assert_eq!(row_starts("a\tb\tc", 10), [0, 3]);
    }

    #[test]
    fn of_tall_text_the_end_is_drawn_behind_a_note() {
        let text = "> 1\n2\n3\n4\n5\n6";
        assert_eq!(
            screenful(text, text.len(), SIZE).as_deref(),
            Some("… 3 rows \n4\n5\n6")
        );
        let text = "> 1\n2\n3\n4\n5\n";
        assert_eq!(
            screenful(text, text.len(), SIZE).as_deref(),
            Some("… 3 rows \n4\n5\n")
        );
    }

    #[test]
    fn a_cursor_above_the_end_is_on_the_first_row() {
        let text = "> 1\n2\n3\n4\n5\n6\n7";
        assert_eq!(screenful(text, 4, SIZE).as_deref(), Some("2\n3\n4\n5"));
        assert_eq!(screenful(text, 0, SIZE).as_deref(), Some("> 1\n2\n3\n4"));
    }

    #[test]
    fn what_a_terminal_would_act_on_is_not_drawn() {
        assert_eq!(harmless("a\u{1b}[2J\u{9b}b\u{202e}\tc\n"), "a[2Jb\tc\n");
    }
}
