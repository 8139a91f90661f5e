//! The README's example tools work as described.

use std::path::{Path, PathBuf};

use crate::support::{command::Langdock, home::Home, installed::installed, outcome::Outcome};

/// Returns the path of an example.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/examples")
        .join(name)
}

#[track_caller]
fn call(home: &Home, file: &str, tool: &str, input: &str) -> Outcome {
    Langdock::new()
        .home(home)
        .arg_file(file)
        .args(["--call", tool, input])
        .run()
}

impl Langdock {
    fn arg_file(self, file: &str) -> Self {
        self.args([
            "tool-run".into(),
            "-T".into(),
            example(file).into_os_string(),
        ])
    }
}

#[test]
fn the_stock_price_of_the_documentation_runs_whole_with_the_demo() {
    let run = Langdock::new().args(["--demo"]).arg_file("stock.json");
    let outcome = run
        .args(["--yes", "What's the S&P 500 (^GSPC) at today?"])
        .run();
    outcome
        .code(0)
        .stdout_contains("`get_stock_price`: 259.75 USD\n");
    outcome
        .stderr_contains("langdock: tool get_stock_price {\"ticker\":\"^GSPC\"} (")
        .stderr_contains("): 259.75 USD\n");
    call(
        &Home::new(),
        "stock.json",
        "get_stock_price",
        r#"{"ticker": "X"}"#,
    )
    .code(11)
    .stdout("");
}

#[test]
fn the_calculator_calculates_and_runs_nothing_else() {
    let home = Home::new();
    let calculate = |expression: &str| {
        let input = serde_json::json!({ "expression": expression }).to_string();
        call(&home, "calculator.toml", "calculate", &input)
    };
    calculate("2 * (3 + 4)")
        .code(0)
        .stdout("14\n")
        .stderr_empty();
    for bad in [
        "system(\"touch ran\")",
        "`touch ran`",
        "$(touch ran)",
        "1; touch ran",
        "",
    ] {
        calculate(bad)
            .code(11)
            .stderr_contains("parentheses are needed\n");
    }
    assert!(!home.work().join("ran").exists());
}

#[test]
fn the_look_up_says_itself_what_it_is() {
    if !installed("python3") {
        return;
    }
    let home = Home::new();
    call(&home, "lookup.py", "look_up_country", r#"{"code": "CH"}"#)
        .code(0)
        .stdout("Switzerland\n")
        .stderr_empty();
    let unknown = call(&home, "lookup.py", "look_up_country", r#"{"code": "XX"}"#);
    unknown
        .code(11)
        .stderr_contains("no country has the code XX\n");
    call(&home, "lookup.py", "look_up_country", r#"{"code": "x"}"#).failed(
        11,
        "does not match",
        "tool-run --list",
    );
}

#[test]
fn the_search_finds_lines_and_takes_a_text_for_a_text() {
    let home = Home::new();
    home.write("work/a.txt", "one\nneedle here\n");
    home.write("work/b/c.txt", "--help $(x)\n");
    call(
        &home,
        "search.toml",
        "search_files",
        r#"{"text": "needle"}"#,
    )
    .code(0)
    .stdout("./a.txt:2:needle here\n");
    call(
        &home,
        "search.toml",
        "search_files",
        r#"{"text": "--help $(x)"}"#,
    )
    .code(0)
    .stdout("./b/c.txt:1:--help $(x)\n");
    call(&home, "search.toml", "search_files", r#"{"text": "none"}"#)
        .code(0)
        .stdout("(no output)\n");
}
