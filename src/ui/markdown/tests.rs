//! What it looks like, and that it does not matter how it came.

use proptest::prelude::*;

use super::*;
use crate::ui::markdown::proof::{SHORT, differences, rows_of, screen_of};

/// Documents, which together have every construct.
const DOCUMENTS: [&str; 5] = [
    include_str!("tests/all.md"),
    include_str!("tests/lists.md"),
    include_str!("tests/odd.md"),
    include_str!("tests/code.md"),
    include_str!("tests/tables.md"),
];

fn styled(text: &str, columns: usize) -> String {
    render_markdown(text, Screen::fixed(columns, Some(Theme::Dark)))
}

fn split(document: &str) {
    for (columns, theme) in [(11, Some(Theme::Dark)), (40, None)] {
        differences(document, columns, theme, 7, SHORT);
    }
    for columns in [4, 5, 20, 40, 80, 200] {
        differences(document, columns, Some(Theme::Light), 11, 0);
    }
}

#[test]
fn every_split_of_all_constructs_comes_out_the_same() {
    split(DOCUMENTS[0]);
}

#[test]
fn every_split_of_lists_comes_out_the_same() {
    split(DOCUMENTS[1]);
}

#[test]
fn every_split_of_odd_text_comes_out_the_same() {
    split(DOCUMENTS[2]);
}

#[test]
fn every_split_of_code_comes_out_the_same() {
    split(DOCUMENTS[3]);
}

#[test]
fn every_split_of_tables_comes_out_the_same() {
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
            differences(document, columns, Some(Theme::Auto), 1, SHORT);
        }
        assert!(!styled(document, 40).contains('\t'));
    }
}

#[test]
fn no_letter_of_the_text_is_lost() {
    // In a narrow table words are broken, and parts of others stand between theirs.
    for (document, least) in [(DOCUMENTS[0], 200), (DOCUMENTS[1], 40), (DOCUMENTS[2], 40), (DOCUMENTS[3], 40)] {
        for columns in [least, 200] {
            let bytes = styled(document, columns);
            let shown = screen_of(&bytes, columns, rows_of(&bytes, columns)).text.replace(char::is_whitespace, "");
            for word in document.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.len() > 3) {
                if !matches!(word, "title" | "nbsp" | "copy") {
                    let found = shown.contains(word);
                    assert!(found, "`{word}` is not on the screen of {columns} columns:\n{shown}");
                }
            }
        }
    }
}

/// Those of this project, or as many as `tests/markdown/run` names in a file.
#[test]
fn readmes_come_out_the_same_however_they_were_split() {
    // A file with a path in each line.
    let list = match option_env!("MARKDOWN_FILES") {
        Some(list) => std::fs::read_to_string(list).expect("a list of files"),
        None => "README.md\nCONTRIBUTING.md".to_owned(),
    };
    let mut count = 0;
    for (number, path) in list.lines().enumerate() {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let columns = [40, 80, 200][number % 3];
        differences(&text, columns, Some(Theme::Auto), 1 + number as u64, 0);
        count += 1;
    }
    assert!(count > 0, "none of the files can be read");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn generated_text_comes_out_the_same_however_it_was_split(
        pieces in prop::collection::vec(piece(), 0..40), columns in 4usize..60, seed: u64,
    ) {
        differences(&pieces.concat(), columns, Some(Theme::Auto), seed, SHORT);
    }
}

/// A piece of what Markdown is made of.
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
