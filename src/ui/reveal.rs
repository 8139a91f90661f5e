//! Shows untrusted text on which a user bases a decision: nothing in it is hidden, no row is wider
//! than the terminal, and it never takes more rows than it is given.
//!
//! Other untrusted text is only sanitized by [`crate::text::sanitize`], which keeps the variation
//! selectors of emoji.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

use crate::text::{is_dangerous, json_escape};

/// The longest run of spaces that is shown unmodified, enough for indentation. A longer one is
/// counted.
const MAX_SPACES: usize = 8;

/// Maximum number of combining marks on a letter. More would be drawn over other rows.
const MAX_MARKS: usize = 3;

/// A piece of revealed text that is not split between rows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RevealedPiece<'a> {
    /// The visible text.
    shown: Cow<'a, str>,
    /// Length of the source text, in bytes.
    source_bytes: usize,
    /// Maximum number of columns it takes on any terminal.
    columns: usize,
}

/// A row of revealed text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RevealedRow {
    /// The visible text.
    pub(super) shown: String,
    /// Length of the source text, in bytes.
    pub(super) source_bytes: usize,
    columns: usize,
}

/// Breaks revealed text into rows of at most `columns` columns on any terminal. Returns at least
/// one row.
pub(super) fn reveal_in_rows(text: &str, columns: usize) -> Vec<RevealedRow> {
    let (mut rows, mut row) = (Vec::new(), RevealedRow::default());
    let mut push = |shown: &str, width: usize, source_bytes: usize| {
        if row.columns + width > columns && row.columns > 0 {
            rows.push(std::mem::take(&mut row));
        }
        row.shown.push_str(shown);
        row.source_bytes += source_bytes;
        row.columns += width;
    };
    for piece in reveal_pieces(text) {
        if piece.columns <= columns {
            push(&piece.shown, piece.columns, piece.source_bytes);
            continue;
        }
        let mut source_bytes = piece.source_bytes;
        for letter in piece.shown.chars() {
            let shown = letter.encode_utf8(&mut [0; 4]).to_owned();
            push(
                &shown,
                most_columns(letter),
                std::mem::take(&mut source_bytes),
            );
        }
    }
    rows.push(row);
    rows
}

/// Revealed text, shortened to fit into one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RevealedLine {
    /// The visible text.
    pub(super) shown: String,
    /// Whether nothing was omitted.
    pub(super) is_whole: bool,
}

/// Reveals text in at most `columns` columns: all of it, or its beginning and its end with `…`
/// between them.
pub(super) fn reveal_in_line(text: &str, columns: usize) -> RevealedLine {
    let pieces: Vec<_> = reveal_pieces(text).collect();
    if pieces.iter().map(|piece| piece.columns).sum::<usize>() <= columns {
        return RevealedLine {
            shown: pieces.into_iter().map(|piece| piece.shown).collect(),
            is_whole: true,
        };
    }
    // `…` counts as two columns, as everything outside ASCII does.
    let room = columns.saturating_sub(2);
    let fitting = |pieces: &mut dyn Iterator<Item = &RevealedPiece<'_>>, room: usize| {
        let mut used = 0;
        let fits = pieces.take_while(|piece| {
            used += piece.columns;
            used <= room
        });
        fits.count()
    };
    let head = fitting(&mut pieces.iter(), room.div_ceil(2));
    let tail = pieces.len() - fitting(&mut pieces.iter().rev(), room / 2);
    let shown = |pieces: &[RevealedPiece<'_>]| -> String {
        pieces.iter().map(|piece| piece.shown.as_ref()).collect()
    };
    RevealedLine {
        shown: format!("{}…{}", shown(&pieces[..head]), shown(&pieces[tail..])),
        is_whole: false,
    }
}

/// Makes everything visible: controls, invisible characters, unusual white space, marks without a
/// letter and long runs of spaces become JSON escapes. A run of one character is counted, as in
/// `\u0020{300}`, so that it does not push what follows off the screen.
fn reveal_pieces(text: &str) -> impl Iterator<Item = RevealedPiece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let piece = first_piece(rest)?;
        rest = &rest[piece.source_bytes..];
        Some(piece)
    })
}

fn first_piece(text: &str) -> Option<RevealedPiece<'_>> {
    let letter = text.chars().next()?;
    let escaped = |shown: String, source_bytes| RevealedPiece {
        columns: shown.len(),
        shown: Cow::Owned(shown),
        source_bytes,
    };
    if letter == ' ' || is_hidden(letter) || is_mark(letter) {
        let run = text.len() - text.trim_start_matches(letter).len();
        let count = run / letter.len_utf8();
        let is_counted = count > 1 || text[run..].starts_with('{');
        match letter {
            ' ' if count <= MAX_SPACES => {}
            _ if is_counted => {
                return Some(escaped(format!("{}{{{count}}}", json_escape(letter)), run));
            }
            _ => return Some(escaped(json_escape(letter), run)),
        }
    }
    let is_base = letter.is_alphabetic();
    let marks = text.chars().skip(1).take(MAX_MARKS);
    let marks = marks.take_while(|&mark| is_base && is_mark(mark) && !is_hidden(mark));
    let (mut source_bytes, mut columns) = (letter.len_utf8(), most_columns(letter));
    for mark in marks {
        source_bytes += mark.len_utf8();
        columns += most_columns(mark);
    }
    Some(RevealedPiece {
        shown: Cow::Borrowed(&text[..source_bytes]),
        source_bytes,
        columns,
    })
}

/// Returns the maximum number of columns of a visible character. Terminals, fonts and locales
/// disagree outside ASCII, and a row that was counted too narrow would wrap.
fn most_columns(letter: char) -> usize {
    if letter.is_ascii() || is_mark(letter) {
        1
    } else {
        letter.width().unwrap_or(0).max(2)
    }
}

/// Whether a terminal draws the character over the one before it.
fn is_mark(letter: char) -> bool {
    letter.width() == Some(0)
}

/// Whether a terminal acts on the character, draws nothing for it, or draws something
/// unpredictable.
fn is_hidden(letter: char) -> bool {
    // A plain space is visible between other characters.
    if is_dangerous(letter) || (letter.is_whitespace() && letter != ' ') {
        return true;
    }
    match letter {
        // `Default_Ignorable_Code_Point` of Unicode 16: soft hyphen, joiners, fillers, variation
        // selectors, tags, and what is reserved for more of them.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            true
        }
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => true,
        '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' => true,
        '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        // Blank, or without a glyph of their own: the empty Braille cell and the null note head,
        // annotations, the object replacement character, and hieroglyph format controls.
        '\u{2800}' | '\u{1d159}' | '\u{fff9}'..='\u{fffc}' | '\u{13430}'..='\u{13440}' => true,
        // Private use and noncharacters: their look depends on the font.
        '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{f0000}'..='\u{10ffff}' => true,
        _ => u32::from(letter) & 0xfffe == 0xfffe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revealed(text: &str) -> String {
        reveal_pieces(text).map(|piece| piece.shown).collect()
    }

    #[test]
    fn visible_text_is_unchanged() {
        for text in [
            "",
            "{\"a\":[1,-2.5e3,true,null],\"b\":\"x\\n\\t\\\"\"}",
            "fn f() {        1 }",
            "Grüße, Ελλάδα, Россия, 漢字かな, 한국어, עברית, العربية, हिन्दी, ไทย",
            "e\u{301} a\u{30a}\u{301} 가\u{11a8}",
            "\u{1100}\u{1161}\u{11a8}",
            "🙂🚀 → ✓ │ … ␛ \u{fffd}",
        ] {
            assert_eq!(revealed(text), text);
        }
    }

    #[test]
    fn invisible_characters_become_escapes() {
        let invisible = [
            0x00,
            0x0a,
            0x09,
            0x0d,
            0x1b,
            0x7f,
            0x85,
            0x9b,
            0xa0,
            0xad,
            0x34f,
            0x61c,
            0x115f,
            0x1160,
            0x1680,
            0x17b4,
            0x180b,
            0x180e,
            0x2000,
            0x200a,
            0x200b,
            0x200c,
            0x200d,
            0x200e,
            0x200f,
            0x2028,
            0x2029,
            0x202a,
            0x202e,
            0x202f,
            0x205f,
            0x2060,
            0x2064,
            0x2065,
            0x2066,
            0x2069,
            0x206f,
            0x2800,
            0x3000,
            0x3164,
            0xe000,
            0xfdd0,
            0xfe00,
            0xfe0f,
            0xfeff,
            0xffa0,
            0xfff0,
            0xfff9,
            0xfffc,
            0xfffe,
            0xffff,
            0x13430,
            0x1bca0,
            0x1d159,
            0x1d173,
            0x1fffe,
            0xe0000,
            0xe0001,
            0xe0020,
            0xe0041,
            0xe007f,
            0xe0100,
            0xe01ef,
            0xe0fff,
            0xf0000,
            0x0010_ffff,
        ];
        for code in invisible {
            let letter = char::from_u32(code).expect("a character");
            let shown = revealed(&format!("a{letter}b"));
            assert!(
                shown.is_ascii() && shown.starts_with("a\\") && shown.ends_with('b'),
                "{code:x}: {shown}"
            );
            let read: String = serde_json::from_str(&format!("\"{shown}\"")).expect("JSON");
            assert_eq!(read, format!("a{letter}b"), "{code:x}");
        }
        assert_eq!(
            revealed("a\u{2060}\u{e0041}\n"),
            "a\\u2060\\udb40\\udc41\\n"
        );
    }

    #[test]
    fn a_long_run_of_spaces_is_counted() {
        assert_eq!(revealed(&format!("a{}b", " ".repeat(8))), "a        b");
        assert_eq!(revealed(&format!("a{}b", " ".repeat(9))), "a\\u0020{9}b");
        assert_eq!(revealed(&" ".repeat(5_000_000)), "\\u0020{5000000}");
        assert_eq!(revealed("  \u{a0}  \u{3000}"), "  \\u00a0  \\u3000");
    }

    #[test]
    fn a_run_of_one_invisible_character_is_counted() {
        assert_eq!(
            revealed("a\u{3164}\u{3164}\u{2060}b"),
            "a\\u3164{2}\\u2060b"
        );
        assert_eq!(revealed(&"\u{e0041}".repeat(300)), "\\udb40\\udc41{300}");
        // What follows an escape is not taken for its count.
        assert_eq!(revealed("\u{ad}{3}"), "\\u00ad{1}{3}");
    }

    #[test]
    fn marks_are_escaped_without_a_letter_and_when_there_are_too_many() {
        assert_eq!(revealed("\u{301}"), "\\u0301");
        assert_eq!(revealed("\"\u{338}1\u{20e3}"), "\"\\u03381\\u20e3");
        let stacked = format!("e{}", "\u{301}".repeat(5));
        assert_eq!(revealed(&stacked), "e\u{301}\u{301}\u{301}\\u0301{2}");
    }

    fn rows(text: &str, columns: usize) -> Vec<(String, usize)> {
        let rows = reveal_in_rows(text, columns);
        rows.into_iter()
            .map(|row| (row.shown, row.source_bytes))
            .collect()
    }

    #[test]
    fn rows_break_between_pieces_and_count_source_bytes() {
        let row = |shown: &str, bytes| (shown.to_owned(), bytes);
        assert_eq!(rows("", 10), [row("", 0)]);
        assert_eq!(rows("0123456789", 10), [row("0123456789", 10)]);
        assert_eq!(
            rows("0123456789a", 10),
            [row("0123456789", 10), row("a", 1)]
        );
        assert_eq!(
            rows("012345\u{200b}", 10),
            [row("012345", 6), row("\\u200b", 3)]
        );
        assert_eq!(
            rows("日本語日本語", 10),
            [row("日本語日本", 15), row("語", 3)]
        );
        assert_eq!(rows("abe\u{301}", 3), [row("ab", 2), row("e\u{301}", 3)]);
        // An escape that is wider than a row is broken all the same.
        assert_eq!(
            rows("a\u{e0041}", 7),
            [row("a\\udb40", 5), row("\\udc41", 0)]
        );
    }

    #[test]
    fn no_terminal_wraps_a_row() {
        let wide = [
            "é",
            "α",
            "я",
            "漢",
            "🙂",
            "ｱ",
            "☂",
            "🇩🇪",
            "e\u{301}",
            "\u{1100}\u{1161}",
        ];
        for row in reveal_in_rows(&wide.concat().repeat(50), 20) {
            let columns = row
                .shown
                .chars()
                .map(|letter| letter.width_cjk().unwrap_or(9));
            assert!(columns.sum::<usize>() <= 20, "{}", row.shown);
        }
    }

    #[test]
    fn a_line_that_is_too_long_loses_its_middle() {
        let line = |text: &str, columns| {
            let line = reveal_in_line(text, columns);
            (line.shown, line.is_whole)
        };
        assert_eq!(line("0123456789", 10), ("0123456789".to_owned(), true));
        assert_eq!(line("0123456789a", 10), ("0123…789a".to_owned(), false));
        assert_eq!(line(&" ".repeat(99), 12), ("\\u0020{99}".to_owned(), true));
        assert_eq!(line("日本語日本語", 9), ("日本…語".to_owned(), false));
        assert_eq!(line("0123456789a", 0), ("…".to_owned(), false));
    }
}
