//! The README's examples work, and its tables match the program.

use std::fs;
use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::support::{command::Langdock, home::Home, serving::Serving};

/// A PNG of one pixel, as base64.
const DOT: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg==";

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// Returns the shell blocks of the README, except those that CI runs itself and those that are
/// marked as not run, with a reason.
fn examples(readme: &str) -> Vec<String> {
    let mut blocks = readme.split("```sh\n");
    let mut before = blocks.next().unwrap_or_default();
    let mut examples = Vec::new();
    for block in blocks {
        let (script, after) = block.split_once("```").expect("a block has an end");
        let mark = before.trim_end().lines().last().unwrap_or_default();
        if !(mark.starts_with("<!-- ci: ") || mark.starts_with("<!-- not run: ")) {
            examples.push(script.to_owned());
        }
        before = after;
    }
    examples
}

#[test]
fn each_example_of_the_readme_works_against_serve() {
    let serving = Serving::start(&[]);
    let home = Home::new();
    home.write("work/README.md", readme());
    home.write("work/notes.md", "# Notes\n");
    home.write("work/photo.png", BASE64_STANDARD.decode(DOT).unwrap());
    home.write("work/questions.txt", "One?\nTwo?\n");
    home.write("work/src/main.rs", "fn main() {}\n");
    home.write("work/docs/start.md", "# Start\n");
    home.write(
        "work/weather.json",
        r#"{"name": "weather", "input_schema": {"type": "object"}}"#,
    );
    let examples_directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/examples");
    for example in fs::read_dir(examples_directory).unwrap() {
        let path = example.unwrap().path();
        // Keeps the mode, so that programs stay executable.
        let place = home.write(
            Path::new("work/tests/it/examples").join(path.file_name().unwrap()),
            "",
        );
        fs::copy(&path, place).unwrap();
    }
    home.write(
        ".config/langdock/templates/review.md",
        "+++\nsystem = \"Be kind.\"\n+++\nReview this {{lang}}:\n\n{{stdin}}\n",
    );
    let examples = examples(&readme());
    assert!(examples.len() >= 6, "the examples were not found");
    for script in examples {
        let run = Langdock::shell(&format!("set -e\n{script}"))
            .home(&home)
            .key();
        let run = run
            .env("LANGDOCK_BASE_URL", &serving.base_url)
            .env("LANGDOCK_MODEL", "claude-haiku-4-5@20251001");
        let outcome = run.run();
        assert_eq!(outcome.code, Some(0), "{script}\n{outcome}");
        assert!(
            !outcome.stderr.contains("langdock: error"),
            "{script}\n{outcome}"
        );
    }
    serving.end();
}

#[test]
fn the_readme_lists_every_exit_code_and_variable() {
    let readme = readme();
    for (code, kind, _) in langdock::EXIT_CODES {
        let row = readme.lines().find(|line| {
            line.starts_with(&format!("| {code} ")) || line.starts_with(&format!("| {code},"))
        });
        let row = row.unwrap_or_else(|| panic!("no row for exit code {code}"));
        assert!(
            kind.is_empty() || row.contains(&format!("`{kind}`")),
            "{row} should name {kind}"
        );
    }
    for (variable, _) in langdock::variables() {
        assert!(
            readme.contains(&format!("`{variable}`")),
            "{variable} is not in the README"
        );
    }
}
