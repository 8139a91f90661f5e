//! Tests of rendered output, and that it does not depend on how the text was split.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use proptest::prelude::*;

use super::*;
use crate::ui::markdown::split_check::{SHORT, assert_split_invariant, rows_of, screen_of};

/// Documents that together cover every construct.
const DOCUMENTS: [&str; 5] = [
    include_str!("tests/all.md"),
    include_str!("tests/lists.md"),
    include_str!("tests/odd.md"),
    include_str!("tests/code.md"),
    include_str!("tests/tables.md"),
];

fn styled(text: &str, columns: usize) -> String {
    render_markdown(
        text,
        RenderTarget::with_fixed_columns(columns, Some(ColorTheme::Dark)),
    )
}

fn split(document: &str) {
    for (columns, theme) in [(11, Some(ColorTheme::Dark)), (40, None)] {
        assert_split_invariant(document, columns, theme, 7, SHORT);
    }
    for columns in [4, 5, 20, 40, 80, 200] {
        assert_split_invariant(document, columns, Some(ColorTheme::Light), 11, 0);
    }
}

#[test]
fn every_split_of_all_constructs_renders_the_same() {
    split(DOCUMENTS[0]);
}

#[test]
fn every_split_of_lists_renders_the_same() {
    split(DOCUMENTS[1]);
}

#[test]
fn every_split_of_odd_text_renders_the_same() {
    split(DOCUMENTS[2]);
}

#[test]
fn every_split_of_code_renders_the_same() {
    split(DOCUMENTS[3]);
}

#[test]
fn every_split_of_tables_renders_the_same() {
    split(DOCUMENTS[4]);
}

#[test]
fn a_tab_in_what_may_be_a_table_or_behind_a_fence_takes_one_column() {
    for document in [
        "|  *****\tfn main() {",
        "| a\tb |\n|---|\n| c\td |\n",
        "| a\tb |\n|---|\n| c |\n> x\ty",
        "```rust\tx\nfn\n```\n",
    ] {
        for columns in [11, 40] {
            assert_split_invariant(document, columns, Some(ColorTheme::Auto), 1, SHORT);
        }
        assert!(!styled(document, 40).contains('\t'));
    }
}

#[test]
fn no_character_of_the_text_is_lost() {
    // In a narrow table, words are broken and interleaved with parts of other cells.
    for (document, least) in [
        (DOCUMENTS[0], 200),
        (DOCUMENTS[1], 40),
        (DOCUMENTS[2], 40),
        (DOCUMENTS[3], 40),
    ] {
        for columns in [least, 200] {
            let bytes = styled(document, columns);
            let shown = screen_of(&bytes, columns, rows_of(&bytes, columns))
                .text
                .replace(char::is_whitespace, "");
            for word in document
                .split(|letter: char| !letter.is_alphanumeric())
                .filter(|word| word.len() > 3)
            {
                if !matches!(word, "title" | "nbsp" | "copy") {
                    let found = shown.contains(word);
                    assert!(
                        found,
                        "`{word}` is not on the screen of {columns} columns:\n{shown}"
                    );
                }
            }
        }
    }
}

/// Returns the screen content without white space.
fn letters(text: &str, columns: usize) -> String {
    let bytes = styled(text, columns);
    screen_of(&bytes, columns, rows_of(&bytes, columns))
        .text
        .replace(char::is_whitespace, "")
}

#[test]
fn text_that_is_made_to_be_parsed_again_and_again_is_shown_as_written() {
    // Each of these once took a time that grew with the square of the text, or worse.
    for part in ["[](()", "[a](b", "[](<)", "> ", "|"] {
        let shown = styled(&part.repeat(5000 / part.len()), 80);
        assert!(shown.contains(part.trim()), "{part}: {shown:.200}");
    }
}

#[test]
fn a_table_does_not_take_much_more_room_than_its_source() {
    let name = "name".repeat(2000);
    let columns = "|a".repeat(40);
    for source in [
        // The name of the first column is repeated before each cell of a list.
        format!(
            "|{name}{columns}|\n|{}|\n{}",
            "-|".repeat(41),
            "|b\n".repeat(5000)
        ),
        // Rows that are empty, in a table that is wide.
        format!("|{name}|b|\n|-|-|\n{}", "|\n".repeat(20_000)),
    ] {
        let shown = styled(&source, 200);
        assert!(shown.len() < 50 * source.len(), "{} bytes", shown.len());
        assert!(shown.contains("namename"));
    }
}

#[test]
fn a_line_that_is_too_long_for_a_table_is_text() {
    let long = "word ".repeat(20_000);
    for text in [
        format!("|{long}|\n"),
        format!("- |{long}|\n"),
        format!("|a|\n|-|\n|b|\n|{long}|\n"),
    ] {
        let shown = styled(&text, 80);
        assert_eq!(shown.matches("word").count(), 20_000);
        assert!(!shown.contains("\n\n"), "{shown:.300}");
    }
}

#[test]
fn a_link_after_much_text_without_one_is_still_a_link() {
    let text = format!("{} [a](https://a.example)", "[](()".repeat(200));
    assert!(
        styled(&text, 80).contains("]8;;https://a.example"),
        "{}",
        styled(&text, 80)
    );
}

#[test]
fn a_long_table_is_divided_and_none_of_it_is_lost() {
    let row = "| one | two |\n";
    let text = format!("{row}|---|---|\n{}", row.repeat(20_000));
    assert_eq!(styled(&text, 80).matches("one").count(), 20_001);
}

#[test]
fn containers_nest_sixteen_deep_and_what_is_deeper_is_text() {
    let shown = styled(&format!("{}x\n", "> ".repeat(20)), 80);
    assert_eq!(shown.matches('│').count(), 16);
    assert!(shown.contains("> > > > x"), "{shown}");
}

#[test]
fn an_unclosed_delimiter_stays_where_it_was_written() {
    for text in [
        "The pattern **/*.rs finds all files of Rust in this directory and in each of those \
         below that one.",
        "What f(**kwargs) gets, and g(a=*args) too, is kept where the caller of it has put it in \
         the end.",
        "*Prices are without tax and without the cost of delivery, which depends on where you \
         live.",
        "** not bold **, 5 * 3, a ~~ b, _private and __init, and nothing of it comes later than \
         it was said.",
        "- **one *two __three ~~four words that nothing closes at all\n> and *a quotation\nof \
         two lines **as it is",
    ] {
        let wanted = text.replace(char::is_whitespace, "");
        for columns in [20, 40, 80] {
            let shown = letters(text, columns);
            let bullet = wanted
                .replacen('-', "•", usize::from(text.starts_with("- ")))
                .replace('>', "│");
            assert_eq!(shown.replace("││", "│"), bullet, "{columns} columns");
            assert_split_invariant(text, columns, Some(ColorTheme::Auto), 3, SHORT);
        }
    }
}

#[test]
fn delimiters_are_hidden_within_a_row_and_shown_across_rows() {
    let text = "Some words, **and these are important**, as _this_ is.";
    let rows = |columns| {
        let bytes = styled(text, columns);
        screen_of(&bytes, columns, rows_of(&bytes, columns)).text
    };
    assert_eq!(rows(80), "Some words, and these are important, as this is.");
    // `these` would fit without the delimiters.
    assert_eq!(
        rows(21),
        "Some words, **and\nthese are\nimportant**, as this\nis."
    );
}

#[test]
fn more_delimiters_than_columns_take_rows_of_their_own() {
    let text = "***___***___word and another";
    for columns in [4, 5, 7, 11] {
        assert_eq!(
            letters(text, columns),
            text.replace(' ', ""),
            "{columns} columns"
        );
        assert_split_invariant(text, columns, Some(ColorTheme::Auto), 5, SHORT);
    }
}

#[test]
fn an_image_link_shows_its_text_and_its_address() {
    let link = "\u{1b}]8;;https://a.example/x.png\u{1b}\\";
    let shown = styled("See ![a picture](https://a.example/x.png).\n", 80);
    let (before, behind) = shown.split_once(link).expect("a link");
    assert!(before.ends_with("image: "), "{shown:?}");
    assert!(
        behind
            .trim_start_matches("\u{1b}[0;4;38;5;111m")
            .starts_with("a picture"),
        "{shown:?}"
    );
    assert_eq!(
        letters("![**a](https://a.example)", 80),
        "image:**a(https://a.example)"
    );
}

/// Checks the READMEs of this project, or the files listed by `tests/markdown/run`.
#[test]
fn readmes_render_the_same_however_they_are_split() {
    // A file that lists one path per line.
    let list = match option_env!("MARKDOWN_FILES") {
        Some(list) => std::fs::read_to_string(list).expect("a list of files"),
        None => "README.md\nCONTRIBUTING.md".to_owned(),
    };
    let mut count = 0;
    for (number, path) in list.lines().enumerate() {
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let columns = [40, 80, 200][number % 3];
        assert_split_invariant(&text, columns, Some(ColorTheme::Auto), 1 + number as u64, 0);
        count += 1;
    }
    assert!(count > 0, "none of the files can be read");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn generated_text_renders_the_same_however_it_is_split(
        pieces in prop::collection::vec(piece(), 0..40), columns in 4usize..60, seed: u64,
    ) {
        assert_split_invariant(&pieces.concat(), columns, Some(ColorTheme::Auto), seed, SHORT);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn emphasis_never_reorders_text(
        pieces in prop::collection::vec(prop::sample::select(EMPHASIS.to_vec()), 0..60),
        columns in 4usize..60,
    ) {
        let text = format!("x {}", pieces.concat());
        let shown = letters(&text, columns);
        let mut written = text.chars();
        for letter in shown.chars() {
            prop_assert!(
                written.any(|other| other == letter),
                "{:?} in {} columns:\n{}", text, columns, shown
            );
        }
        let words = |text: &str| text.replace(|letter: char| !letter.is_alphanumeric(), "");
        prop_assert_eq!(words(&shown), words(&text));
    }
}

/// The building blocks of emphasis.
const EMPHASIS: [&str; 18] = [
    "*", "**", "***", "_", "__", "~~", "*", "**", " ", " ", "\nx ", "a", "word ", "longer", "(",
    "漢字", "\"", ". ",
];

/// Generates a fragment of Markdown.
fn piece() -> impl Strategy<Value = String> {
    const SIGNS: [&str; 62] = [
        "*",
        "**",
        "***",
        "_",
        "__",
        "~~",
        "`",
        "``",
        "```",
        "```\n",
        "```rust\n",
        "~~~\n",
        "\n",
        "\n",
        "\n\n",
        "\n\n",
        " ",
        " ",
        "    ",
        "\t",
        "- ",
        "\n- ",
        "\n  - ",
        "\n1. ",
        "\n10) ",
        "- [ ] ",
        "\n> ",
        "> ",
        "\n# ",
        "\n### ",
        "\n---\n",
        "\n===\n",
        "|",
        "| a | b |\n",
        "|---|:-:|\n",
        "| `c` | **d** |\n",
        "[",
        "]",
        "](",
        "[x](https://a.example)",
        "![",
        ")",
        "<",
        "<https://a.example/b>",
        "<b>",
        "&",
        "&amp;",
        "&#27;",
        "\\",
        "\\*",
        "https://a.example/c",
        "word",
        "a longer word here ",
        "漢字",
        "é",
        "e\u{301}",
        "👩\u{200d}👧",
        "✈\u{fe0f}",
        "fn main() {",
        "\"text\"",
        "// x",
        "12",
    ];
    prop::sample::select(SIGNS.to_vec()).prop_map(str::to_owned)
}

#[test]
fn a_line_of_equals_signs_makes_a_heading_of_the_row_above() {
    for (text, expected) in [
        ("Title\n===\nText", "Title\nText"),
        ("**Bold** title\n=====  \n\nText", "Bold title\n\nText"),
        ("Title\n==\nText", "Title\n==\nText"),
        ("Two\nlines\n===\nText", "Two\nlines\n===\nText"),
        ("x\n=== y", "x\n=== y"),
        ("===\nText", "===\nText"),
        ("> Title\n> ===\n> Text", "│ Title\n│ Text"),
    ] {
        let bytes = styled(text, 40);
        assert_eq!(
            screen_of(&bytes, 40, rows_of(&bytes, 40)).text,
            expected,
            "{text:?}"
        );
        for theme in [None, Some(ColorTheme::Dark)] {
            assert_split_invariant(text, 11, theme, 3, SHORT);
        }
    }
    let heading = styled("# Title", 40);
    assert_eq!(styled("Title\n===", 40), heading);
    let plain = RenderTarget::with_fixed_columns(40, None);
    assert_eq!(render_markdown("Title\n===\n", plain), "Title\n===\n");
}

#[test]
fn only_the_closing_signs_of_a_heading_are_hidden() {
    for (text, expected) in [
        ("# Title #\nText", "Title\nText"),
        ("## Title ####  \t\n", "Title"),
        ("# C#\n", "C#"),
        ("# C # and F #\n", "C # and F"),
        ("# One # #\n", "One #"),
        ("# One #two\n", "One #two"),
        ("# One \\#\n", "One #"),
        ("# **Bold** #", "Bold"),
        ("# #5 is #1\n", "#5 is #1"),
        ("## ##\nText", "\nText"),
    ] {
        let bytes = styled(text, 40);
        assert_eq!(
            screen_of(&bytes, 40, rows_of(&bytes, 40)).text,
            expected,
            "{text:?}"
        );
        for theme in [None, Some(ColorTheme::Dark)] {
            assert_split_invariant(text, 11, theme, 3, SHORT);
        }
    }
}

#[test]
fn tab_stops_in_code_count_from_the_beginning_of_the_code() {
    for text in [
        "1. Go:\n   ```\n   func\n   \tif x {\n   \t\treturn\n   a\tb\n   ```\n",
        "1. Go:\n   ```\nfunc\n\tif x {\n\t\treturn\na\tb\n   ```\n",
        "1. Go:\n\t```\n\tfunc\n\t\tif x {\n\t\t\treturn\n\ta\tb\n\t```\n",
    ] {
        let bytes = styled(text, 40);
        let expected =
            "1. Go:\n   ```\n   func\n       if x {\n           return\n   a   b\n   ```";
        assert_eq!(
            screen_of(&bytes, 40, rows_of(&bytes, 40)).text,
            expected,
            "{text:?}"
        );
        assert_split_invariant(text, 11, Some(ColorTheme::Dark), 5, SHORT);
    }
}

fn plain(text: &str, columns: usize) -> String {
    render_markdown(text, RenderTarget::with_fixed_columns(columns, None))
}

#[test]
fn formulas_keep_their_backslashes_and_breaks_end_a_line() {
    assert_eq!(
        plain(r"A \(x\) and \[y\] \*z\*", 40),
        "A \\(x\\) and \\[y\\] *z*\n"
    );
    assert_eq!(plain("a<br>b<br/>c<br />d", 40), "a\nb\nc\nd\n");
    assert_eq!(plain("`<br>` <b>", 40), "`<br>` <b>\n");
    for document in [r"\(x\) \[y\](z)", "a<br>b<br />**c<br>d** <br x>", "<br"] {
        split(document);
    }
}

#[test]
fn a_word_longer_than_a_row_has_no_line_end_in_it() {
    let address = "https://example.com/a/very/long/path?with=a&long=query#fragment";
    let shown = plain(&format!("See {address} now"), 20);
    assert!(shown.contains(address), "{shown}");
    assert!(shown.starts_with("See\nhttps://"), "{shown}");
    split(&format!("See {address} now, or > {address}"));
    // In a quote, each row has its mark.
    assert!(!plain(&format!("> {address}"), 20).contains(address));
}

#[test]
fn marks_are_ascii_where_the_locale_has_no_others() {
    let target = RenderTarget::with_fixed_columns(40, None).with_ascii_marks(true);
    let shown = render_markdown(
        "- a\n\n> b\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n---\n",
        target,
    );
    assert!(shown.is_ascii(), "{shown}");
}

/// Renders a text on a terminal of 100 columns that has 60 from `place` on, and returns the output
/// before and after that.
fn narrowed(text: &str, place: usize, is_rewrapped: bool) -> (String, String) {
    let columns = Arc::new(AtomicUsize::new(100));
    let screen = RenderTarget::with_shared_columns(Arc::clone(&columns), Some(ColorTheme::Dark))
        .with_rewrapping(is_rewrapped);
    let mut markdown = MarkdownRenderer::new(screen);
    markdown.push_text(&text[..place]);
    let before = markdown.take_painted();
    columns.store(60, Ordering::Relaxed);
    markdown.push_text(&text[place..]);
    (before, markdown.finish_text())
}

#[test]
fn a_row_of_code_that_a_narrower_terminal_has_wrapped_is_not_rewritten() {
    let line = format!("let words = \"{}\";", "some words ".repeat(7));
    let text = format!("```rust\n{line}\nlet next = 1;\n```\n");
    for place in [
        text.find("some").expect("some words") + 70,
        text.find("next").expect("a next line") - 5,
    ] {
        let (before, after) = narrowed(&text, place, false);
        assert!(!after.contains('\r'), "{place}: {before:?} {after:?}");
        let letters = console::strip_ansi_codes(&(before + &after)).into_owned();
        assert_eq!(letters, text, "{place}");
    }
}

#[test]
fn a_row_of_code_behind_one_that_the_terminal_wrapped_is_not_rewritten_in_another_width() {
    let line = "let a = 1; ".repeat(15);
    let text = format!("```rust\n{line}\n```\n");
    let (before, after) = narrowed(&text, "```rust\n".len() + 120, true);
    assert!(!after.contains('\r'), "{after:?}");
    let letters = console::strip_ansi_codes(&before).into_owned();
    let letters = letters.rsplit('\r').next().expect("a row").to_owned();
    assert!(letters.ends_with(&line[..120]), "{letters:?}");
}

#[test]
fn the_row_that_stands_for_a_table_is_cleared_whole_where_a_narrower_terminal_has_wrapped_it() {
    let text = format!("| a | b |\n|---|---|\n| {} | 2 |\n", "word ".repeat(30));
    let place = text.len() - 20;
    let (_, after) = narrowed(&text, place, true);
    assert!(after.starts_with("\r\x1b[1A\x1b[J"), "{after:?}");
    assert!(rows_are_at_most(&after, 60), "{after:?}");
    let (_, after) = narrowed(&text, place, false);
    assert!(after.starts_with("\r\x1b[K"), "{after:?}");
}

fn rows_are_at_most(text: &str, columns: usize) -> bool {
    let text = console::strip_ansi_codes(text);
    let rows = text.lines().map(str::trim_end);
    rows.map(|row| row.trim_start_matches('\r').chars().count())
        .all(|width| width <= columns)
}
