//! Checks that the output does not depend on how a text was split, by comparing screen and
//! scrollback of an emulated terminal.

use std::collections::HashSet;
use std::num::NonZero;

use super::{ColorTheme, MarkdownRenderer, RenderTarget, render_markdown};

/// Texts of up to this many bytes are split at every character.
pub(crate) const SHORT: usize = 2048;

/// Rows of a screen that scrolls.
const FEW_ROWS: usize = 4;

/// Number of random splits of longer texts.
const SPLITS: usize = 20;

/// The final content of a terminal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScreenContent {
    /// The text of all rows.
    pub(crate) text: String,
    /// The rows with their styles.
    rows: Vec<String>,
}

/// Returns the maximum number of rows of an output.
pub(crate) fn rows_of(bytes: &str, columns: usize) -> usize {
    bytes
        .split('\n')
        .map(|line| 2 + 2 * line.chars().count() / columns)
        .sum()
}

/// Returns what a terminal of this size shows.
pub(crate) fn screen_of(bytes: &str, columns: usize, rows: usize) -> ScreenContent {
    let size = |number: usize| {
        NonZero::new(u16::try_from(number).unwrap_or(u16::MAX)).unwrap_or(NonZero::<u16>::MIN)
    };
    let mut terminal = vt100::Parser::new(size(rows), size(columns), 0);
    terminal.process(bytes.replace('\n', "\r\n").as_bytes());
    let screen = terminal.screen();
    let text = screen
        .rows(0, size(columns).get())
        .collect::<Vec<_>>()
        .join("\n")
        .trim_end()
        .to_owned();
    let used = text.lines().count().max(1);
    ScreenContent {
        text,
        rows: screen
            .rows_formatted(0, size(columns).get())
            .take(used)
            .collect(),
    }
}

/// Asserts that a text renders the same as a whole and in pieces: all splits in two for up to
/// `short` bytes, character by character, and at random.
pub(crate) fn assert_split_invariant(
    text: &str,
    columns: usize,
    theme: Option<ColorTheme>,
    seed: u64,
    short: usize,
) {
    let screen = RenderTarget::with_fixed_columns(columns, theme);
    let whole = render_markdown(text, screen.clone());
    let rows = rows_of(&whole, columns);
    let expected = screen_of(&whole, columns, rows);
    let expected_end = screen_of(&whole, columns, FEW_ROWS);
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
    let mut known: HashSet<String> = HashSet::from([whole.clone()]);
    let mut check = |cuts: &[usize]| {
        let mut markdown = MarkdownRenderer::new(screen.clone());
        let mut bytes = String::new();
        let mut start = 0;
        for &cut in cuts.iter().chain(&[text.len()]) {
            markdown.push_text(&text[start..cut]);
            bytes.push_str(&markdown.take_painted());
            start = cut;
        }
        bytes.push_str(&markdown.finish_text());
        if known.contains(&bytes) {
            return;
        }
        assert_append_only(&bytes);
        let shown = screen_of(&bytes, columns, rows);
        assert!(
            shown == expected,
            "cut at {cuts:?}, {columns} columns:\n{text:?}\n{}\n---\n{}",
            shown.text,
            expected.text
        );
        assert!(
            screen_of(&bytes, columns, FEW_ROWS) == expected_end,
            "cut at {cuts:?}, {columns} columns:\n{text:?}"
        );
        known.insert(bytes);
    };
    check(&places);
    if text.len() <= short {
        for &place in &places {
            check(&[place]);
        }
    }
    let mut chance = seed | 1;
    for _ in 0..SPLITS {
        let mut cuts: Vec<usize> = Vec::new();
        for &place in &places {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            if chance.is_multiple_of(7) {
                cuts.push(place);
            }
        }
        check(&cuts);
    }
}

/// Asserts that only line feeds and carriage returns move the cursor.
fn assert_append_only(bytes: &str) {
    let mut rest = bytes;
    while let Some(place) = rest.find('\x1b') {
        rest = &rest[place + 1..];
        let is_known =
            rest.starts_with("[K") || rest.starts_with("]8;;") || rest.starts_with('\\') || {
                let style = rest.strip_prefix('[').unwrap_or_default();
                style
                    .trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';')
                    .starts_with('m')
            };
        assert!(
            is_known,
            "a sequence that is not expected: {:?}",
            &rest[..rest.len().min(12)]
        );
    }
}
